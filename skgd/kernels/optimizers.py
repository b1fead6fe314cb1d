"""Optimizers: how a gradient becomes a step.

A rule goes over a contiguous segment of the parameters once, reading and writing
gradient, state and parameters in the same loop. The gradient that it follows is
``factor * gradient + l2 * theta``: `factor` is one over the batch's weight, `l2` the
penalty's share of it, and 0 for intercepts.

To add one: a member of `Optimizer`, its number of state rows in `STATE_ROWS`, its rule,
and a branch in `update`.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from skgd.kernels._jit import jit
from skgd.kernels._math import add


class Optimizer(IntEnum):
    """Codes of the optimizers."""

    GD = 0
    MOMENTUM = 1
    NESTEROV = 2
    ADAM = 3


# Vectors of the parameters' length that an optimizer remembers between steps.
STATE_ROWS = {
    Optimizer.GD: 0,
    Optimizer.MOMENTUM: 1,
    Optimizer.NESTEROV: 1,
    Optimizer.ADAM: 2,
}


class UpdateRule(NamedTuple):
    """An optimizer's code and its hyperparameters."""

    optimizer: int
    momentum: float
    beta_1: float
    beta_2: float
    # 1 - beta, formed outside the kernels. In there float32 would lose its digits, and
    # the compiler may expand (1 - beta) * g * g into g * g - beta * g * g, which is nan
    # where the square overflows.
    gain_1: float
    gain_2: float
    epsilon: float


def make_update_rule(optimizer, momentum, beta_1, beta_2, epsilon):
    """Gather the hyperparameters, named as in the estimators."""
    gains = 1.0 - beta_1, 1.0 - beta_2
    values = (momentum, beta_1, beta_2, *gains, epsilon)
    return UpdateRule(int(optimizer), *map(float, values))


@jit
def step_size(rule, rate, power_1, power_2):
    """Learning rate of a step, bias correction included.

    The powers are those of beta_1 and beta_2 to the number of the step, counted from 1.
    An epoch multiplies them up: to take powers at each step cost 0.1 us (measured).
    """
    if rule.optimizer == Optimizer.ADAM:
        # Kingma & Ba (2015), end of section 2: both corrections in one factor.
        return rate * np.sqrt(1.0 - power_2) / (1.0 - power_1)
    return rate


@jit
def _gd(theta, gradient, factor, l2, rate):
    squares = theta.dtype.type(0)
    for i in range(theta.size):
        squares = add(squares, theta[i] * theta[i])
        theta[i] -= rate * (factor * gradient[i] + l2 * theta[i])
    return squares


@jit
def _momentum(theta, gradient, factor, l2, rate, velocity, momentum):
    # Polyak (1964): the velocity decays and is moved by the gradient.
    squares = theta.dtype.type(0)
    for i in range(theta.size):
        squares = add(squares, theta[i] * theta[i])
        g = factor * gradient[i] + l2 * theta[i]
        velocity[i] = momentum * velocity[i] - rate * g
        theta[i] += velocity[i]
    return squares


@jit
def _nesterov(theta, gradient, factor, l2, rate, velocity, momentum):
    # Sutskever et al. (2013), eq. 3-4, in the variables of the look-ahead point.
    squares = theta.dtype.type(0)
    for i in range(theta.size):
        squares = add(squares, theta[i] * theta[i])
        g = factor * gradient[i] + l2 * theta[i]
        v = momentum * velocity[i] - rate * g
        velocity[i] = v
        theta[i] += momentum * v - rate * g
    return squares


@jit
def _adam(theta, gradient, factor, l2, rate, first, second, rule):
    # Kingma & Ba (2015), algorithm 1; `rate` carries the bias corrections.
    scalar = theta.dtype.type
    beta_1, gain_1 = scalar(rule.beta_1), scalar(rule.gain_1)
    beta_2, gain_2 = scalar(rule.beta_2), scalar(rule.gain_2)
    epsilon = scalar(rule.epsilon)
    squares = scalar(0)
    for i in range(theta.size):
        squares = add(squares, theta[i] * theta[i])
        g = factor * gradient[i] + l2 * theta[i]
        first[i] = beta_1 * first[i] + gain_1 * g
        second[i] = beta_2 * second[i] + gain_2 * (g * g)
        theta[i] -= rate * first[i] / (np.sqrt(second[i]) + epsilon)
    return squares


@jit
def update(rule, theta, state, start, stop, gradient, factor, l2, rate):
    """Update ``theta[start:stop]`` and its optimizer state in place.

    Parameters
    ----------
    rule : UpdateRule
    theta : ndarray of shape (n_parameters,)
    state : ndarray of shape (n_rows, n_parameters)
    start, stop : int
        The segment.
    gradient : ndarray of shape (stop - start,)
    factor, l2, rate : scalars of theta's dtype
        The gradient's factor, the L2 coefficient, and the step size.

    Returns
    -------
    scalar
        Sum of the squares of the segment's parameters before the update: the penalty
        of the point at which the gradient was taken.
    """
    segment = theta[start:stop]
    scalar = theta.dtype.type
    if rule.optimizer == Optimizer.ADAM:
        first, second = state[0, start:stop], state[1, start:stop]
        return _adam(segment, gradient, factor, l2, rate, first, second, rule)
    if rule.optimizer == Optimizer.NESTEROV:
        velocity = state[0, start:stop]
        momentum = scalar(rule.momentum)
        return _nesterov(segment, gradient, factor, l2, rate, velocity, momentum)
    if rule.optimizer == Optimizer.MOMENTUM:
        velocity = state[0, start:stop]
        momentum = scalar(rule.momentum)
        return _momentum(segment, gradient, factor, l2, rate, velocity, momentum)
    return _gd(segment, gradient, factor, l2, rate)
