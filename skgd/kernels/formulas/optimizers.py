"""Optimizers: how a gradient becomes a step.

A rule goes over a contiguous segment of the parameters once, reading and writing
gradient, state and parameters in the same loop. The gradient that it follows is
``factor * gradient + l2 * theta``: `factor` is one over the batch's weight, `l2` the
penalty's share of it, and 0 for intercepts. Before the step is taken, the parameters
are multiplied by `decay`, which is 1 for intercepts, and without weight decay.

To add one: a member of `Optimizer`, its number of state rows in `STATE_ROWS`, its rule
in `RULES`, which is compiled when first needed, and a branch in `make_step` if its
factors depend on the step's number.
"""

from enum import IntEnum
from functools import cache
from typing import NamedTuple

import numpy as np

from skgd.kernels.formulas.elementary import add
from skgd.kernels.machine.call import address, call_for_float
from skgd.kernels.machine.jit import inline, jit


class Optimizer(IntEnum):
    """Codes of the optimizers."""

    GD = 0
    MOMENTUM = 1
    NESTEROV = 2
    ADAM = 3
    ADAGRAD = 4
    ADADELTA = 5
    RMSPROP = 6
    AMSGRAD = 7
    NADAM = 8


# Vectors of the parameters' length that an optimizer remembers between steps.
STATE_ROWS = {
    Optimizer.GD: 0,
    Optimizer.MOMENTUM: 1,
    Optimizer.NESTEROV: 1,
    Optimizer.ADAM: 2,
    Optimizer.ADAGRAD: 1,
    Optimizer.ADADELTA: 2,
    Optimizer.RMSPROP: 1,
    Optimizer.AMSGRAD: 3,
    Optimizer.NADAM: 2,
}

# NAdam's first momentum is half of beta_1, and its last one beta_1: what is missing
# shrinks by this at each step. The numbers are Dozat's, and PyTorch's.
NADAM_DECAY = 0.96**0.004


class UpdateRule(NamedTuple):
    """An optimizer's code, the address of its rule, and its hyperparameters."""

    optimizer: int
    function: int
    momentum: float
    beta_1: float
    beta_2: float
    # 1 - beta, formed outside the kernels. In there float32 would lose its digits, and
    # the compiler may expand (1 - beta) * g * g into g * g - beta * g * g, which is nan
    # where the square overflows.
    gain_1: float
    gain_2: float
    epsilon: float
    weight_decay: float
    max_grad_norm: float
    # Addresses of `add_up` and `gradient_norm`, or 0 where gradients are not clipped.
    add_up: int
    norm: int


def make_update_rule(
    optimizer,
    momentum,
    beta_1,
    beta_2,
    epsilon,
    weight_decay=0.0,
    dtype=np.float64,
    max_grad_norm=None,
):
    """Gather the hyperparameters, named as in the estimators."""
    gains = 1.0 - beta_1, 1.0 - beta_2
    values = (momentum, beta_1, beta_2, *gains, epsilon, weight_decay)
    values, is_clipped = map(float, values), max_grad_norm is not None
    longest = float(max_grad_norm) if is_clipped else np.inf
    function, *of_clipping = _addresses(optimizer, np.dtype(dtype), is_clipped)
    return UpdateRule(int(optimizer), function, *values, longest, *of_clipping)


@cache
def _addresses(optimizer, dtype, is_clipped):
    """Compile a rule, and what clips gradients or else 0, or load them."""
    rule = UpdateRule(0, 0, *[0.0] * 8, 0, 0)
    vector, matrix = np.empty(0, dtype), np.empty((0, 0), dtype)
    whole, scalar = np.empty(0, np.int64), dtype.type(0)
    arguments = vector, vector, matrix, 0, scalar, scalar, scalar
    function = address(RULES[optimizer], *arguments, Step(0.0, 0.0, 0.0, 0.0), rule)
    if not is_clipped:
        return function, 0, 0
    norm = address(gradient_norm, vector, vector, whole, whole, 0.0, 0.0)
    return function, address(add_up, matrix, whole, 0), norm


@jit
def add_up(gradients, places, n):
    """Add up the gradients of a batch's `n` parts, in the place of the first."""
    total = gradients[places[0]]
    for part in range(1, n):
        other = gradients[places[part]]
        for i in range(total.size):
            total[i] += other[i]


@jit
def gradient_norm(theta, gradient, layer_units, offsets, factor, l2):
    """Euclidean norm of ``factor * gradient + l2 * theta``, l2 being of the coefs."""
    total = 0.0
    for layer in range(layer_units.size - 1):
        start, stop = offsets[layer], offsets[layer + 1]
        middle = stop - layer_units[layer + 1]
        for i in range(start, middle):
            g = factor * gradient[i] + l2 * theta[i]
            total = add(total, g * g)
        for i in range(middle, stop):
            g = factor * gradient[i]
            total = add(total, g * g)
    return np.sqrt(total)


@inline
def clip(rule, network, theta, gradient, factor, l2):
    """What to multiply the gradient by, so that its norm is `max_grad_norm` at most.

    The gradient is that of the objective, penalty included (Pascanu et al., "On the
    difficulty of training recurrent neural networks", ICML 2013, algorithm 1).
    """
    arguments = theta, gradient, network.layer_units, network.offsets, factor, l2
    norm = call_for_float(rule.norm, arguments)
    return rule.max_grad_norm / norm if norm > rule.max_grad_norm else 1.0


class Powers(NamedTuple):
    """Products over all steps up to one, from which its factors follow.

    They are multiplied up: to take powers at each step cost 0.1 us (measured).
    """

    beta_1: float
    beta_2: float
    nadam_decay: float
    momenta: float  # the product of NAdam's momenta, not carried for the others


class Step(NamedTuple):
    """The factors of one step."""

    rate: float  # learning rate, bias correction included
    gradient_rate: float  # NAdam's second one, of the gradient itself
    epsilon: float
    decay: float  # of the weights


@inline
def _nadam_momentum(rule, nadam_decay):
    return rule.beta_1 * (1.0 - 0.5 * nadam_decay)


@jit
def next_powers(rule, powers):
    """Go on to the next step's."""
    nadam_decay, momenta = powers.nadam_decay * NADAM_DECAY, powers.momenta
    if rule.optimizer == Optimizer.NADAM:
        momenta *= _nadam_momentum(rule, nadam_decay)
    return Powers(
        powers.beta_1 * rule.beta_1, powers.beta_2 * rule.beta_2, nadam_decay, momenta
    )


def powers_after(rule, n_steps):
    """Return the powers after so many steps; in Python, once an epoch."""
    momenta, nadam_decay = 1.0, 1.0
    if rule.optimizer == Optimizer.NADAM:
        for _ in range(n_steps):
            nadam_decay *= NADAM_DECAY
            # `_nadam_momentum`, which is for kernels.
            momenta *= rule.beta_1 * (1.0 - 0.5 * nadam_decay)
            if momenta < 1e-20:  # 1 - momenta is 1 then
                break
    betas = rule.beta_1**n_steps, rule.beta_2**n_steps
    return Powers(*betas, NADAM_DECAY**n_steps, momenta)


@jit
def make_step(rule, rate, powers):
    """Return the factors of the step that `powers` belong to."""
    decay = 1.0 - rate * rule.weight_decay
    epsilon, gradient_rate = rule.epsilon, 0.0
    if rule.optimizer == Optimizer.ADAM:
        # Kingma & Ba (2015), end of section 2: both corrections in one factor.
        rate = rate * np.sqrt(1.0 - powers.beta_2) / (1.0 - powers.beta_1)
    elif rule.optimizer == Optimizer.AMSGRAD:
        # PyTorch adds epsilon to the corrected root; here the fraction is expanded.
        root = np.sqrt(1.0 - powers.beta_2)
        rate, epsilon = rate * root / (1.0 - powers.beta_1), epsilon * root
    elif rule.optimizer == Optimizer.NADAM:
        root = np.sqrt(1.0 - powers.beta_2)
        momentum = _nadam_momentum(rule, powers.nadam_decay)
        coming = _nadam_momentum(rule, powers.nadam_decay * NADAM_DECAY)
        gradient_rate = rate * root * (1.0 - momentum) / (1.0 - powers.momenta)
        rate = rate * root * coming / (1.0 - powers.momenta * coming)
        epsilon *= root
    return Step(rate, gradient_rate, epsilon, decay)


# The rules. `theta` and `gradient` are a segment of the parameters, which begins at
# `start`; `state` holds the memory of all parameters, in rows. Returned is the sum of
# the squares of the segment before the step.


@inline
def _memory(state, row, theta, start):
    return state[row, start : start + theta.size]


@jit
def _gd(theta, gradient, state, start, factor, l2, decay, step, rule):
    rate = theta.dtype.type(step.rate)
    squares = theta.dtype.type(0)
    for i in range(theta.size):
        squares = add(squares, theta[i] * theta[i])
        g = factor * gradient[i] + l2 * theta[i]
        theta[i] = decay * theta[i] - rate * g
    return np.float64(squares)


@jit
def _momentum(theta, gradient, state, start, factor, l2, decay, step, rule):
    # Polyak (1964): the velocity decays and is moved by the gradient.
    velocity = _memory(state, 0, theta, start)
    rate, momentum = theta.dtype.type(step.rate), theta.dtype.type(rule.momentum)
    squares = theta.dtype.type(0)
    for i in range(theta.size):
        squares = add(squares, theta[i] * theta[i])
        g = factor * gradient[i] + l2 * theta[i]
        velocity[i] = momentum * velocity[i] - rate * g
        theta[i] = decay * theta[i] + velocity[i]
    return np.float64(squares)


@jit
def _nesterov(theta, gradient, state, start, factor, l2, decay, step, rule):
    # Sutskever et al. (2013), eq. 3-4, in the variables of the look-ahead point.
    velocity = _memory(state, 0, theta, start)
    rate, momentum = theta.dtype.type(step.rate), theta.dtype.type(rule.momentum)
    squares = theta.dtype.type(0)
    for i in range(theta.size):
        squares = add(squares, theta[i] * theta[i])
        g = factor * gradient[i] + l2 * theta[i]
        v = momentum * velocity[i] - rate * g
        velocity[i] = v
        theta[i] = decay * theta[i] + (momentum * v - rate * g)
    return np.float64(squares)


@jit
def _adam(theta, gradient, state, start, factor, l2, decay, step, rule):
    # Kingma & Ba (2015), algorithm 1; the step's rate carries the bias corrections.
    first, second = _memory(state, 0, theta, start), _memory(state, 1, theta, start)
    scalar = theta.dtype.type
    beta_1, gain_1 = scalar(rule.beta_1), scalar(rule.gain_1)
    beta_2, gain_2 = scalar(rule.beta_2), scalar(rule.gain_2)
    rate, epsilon = scalar(step.rate), scalar(step.epsilon)
    squares = scalar(0)
    for i in range(theta.size):
        squares = add(squares, theta[i] * theta[i])
        g = factor * gradient[i] + l2 * theta[i]
        first[i] = beta_1 * first[i] + gain_1 * g
        second[i] = beta_2 * second[i] + gain_2 * (g * g)
        move = rate * first[i] / (np.sqrt(second[i]) + epsilon)
        theta[i] = decay * theta[i] - move
    return np.float64(squares)


@jit
def _amsgrad(theta, gradient, state, start, factor, l2, decay, step, rule):
    # Reddi et al. (2018), algorithm 2: Adam with the largest second moment so far.
    first, second = _memory(state, 0, theta, start), _memory(state, 1, theta, start)
    largest = _memory(state, 2, theta, start)
    scalar = theta.dtype.type
    beta_1, gain_1 = scalar(rule.beta_1), scalar(rule.gain_1)
    beta_2, gain_2 = scalar(rule.beta_2), scalar(rule.gain_2)
    rate, epsilon = scalar(step.rate), scalar(step.epsilon)
    squares = scalar(0)
    for i in range(theta.size):
        squares = add(squares, theta[i] * theta[i])
        g = factor * gradient[i] + l2 * theta[i]
        first[i] = beta_1 * first[i] + gain_1 * g
        second[i] = beta_2 * second[i] + gain_2 * (g * g)
        top = largest[i]
        if not second[i] <= top:  # so that a nan is the largest
            top = second[i]
        largest[i] = top
        theta[i] = decay * theta[i] - rate * first[i] / (np.sqrt(top) + epsilon)
    return np.float64(squares)


@jit
def _nadam(theta, gradient, state, start, factor, l2, decay, step, rule):
    # Dozat (2016), algorithm 2: the first moment of the step to come.
    first, second = _memory(state, 0, theta, start), _memory(state, 1, theta, start)
    scalar = theta.dtype.type
    beta_1, gain_1 = scalar(rule.beta_1), scalar(rule.gain_1)
    beta_2, gain_2 = scalar(rule.beta_2), scalar(rule.gain_2)
    rate, gradient_rate = scalar(step.rate), scalar(step.gradient_rate)
    epsilon = scalar(step.epsilon)
    squares = scalar(0)
    for i in range(theta.size):
        squares = add(squares, theta[i] * theta[i])
        g = factor * gradient[i] + l2 * theta[i]
        first[i] = beta_1 * first[i] + gain_1 * g
        second[i] = beta_2 * second[i] + gain_2 * (g * g)
        ahead = rate * first[i] + gradient_rate * g
        theta[i] = decay * theta[i] - ahead / (np.sqrt(second[i]) + epsilon)
    return np.float64(squares)


@inline
def _root_of_squares(theta, gradient, second, factor, l2, decay, step, beta_2, gain_2):
    scalar = theta.dtype.type
    rate, epsilon = scalar(step.rate), scalar(step.epsilon)
    squares = scalar(0)
    for i in range(theta.size):
        squares = add(squares, theta[i] * theta[i])
        g = factor * gradient[i] + l2 * theta[i]
        second[i] = beta_2 * second[i] + gain_2 * (g * g)
        theta[i] = decay * theta[i] - rate * g / (np.sqrt(second[i]) + epsilon)
    return np.float64(squares)


@jit
def _adagrad(theta, gradient, state, start, factor, l2, decay, step, rule):
    # Duchi et al. (2011): the squares of the gradients are summed.
    second, one = _memory(state, 0, theta, start), theta.dtype.type(1)
    return _root_of_squares(theta, gradient, second, factor, l2, decay, step, one, one)


@jit
def _rmsprop(theta, gradient, state, start, factor, l2, decay, step, rule):
    # Tieleman & Hinton (2012): the squares of the gradients are averaged.
    second = _memory(state, 0, theta, start)
    beta_2, gain_2 = theta.dtype.type(rule.beta_2), theta.dtype.type(rule.gain_2)
    return _root_of_squares(
        theta, gradient, second, factor, l2, decay, step, beta_2, gain_2
    )


@jit
def _adadelta(theta, gradient, state, start, factor, l2, decay, step, rule):
    # Zeiler (2012), algorithm 1: the roots of the mean squares of moves and gradients.
    second, moves = _memory(state, 0, theta, start), _memory(state, 1, theta, start)
    scalar = theta.dtype.type
    beta_2, gain_2 = scalar(rule.beta_2), scalar(rule.gain_2)
    rate, epsilon = scalar(step.rate), scalar(step.epsilon)
    squares = scalar(0)
    for i in range(theta.size):
        squares = add(squares, theta[i] * theta[i])
        g = factor * gradient[i] + l2 * theta[i]
        second[i] = beta_2 * second[i] + gain_2 * (g * g)
        move = np.sqrt((moves[i] + epsilon) / (second[i] + epsilon)) * g
        moves[i] = beta_2 * moves[i] + gain_2 * (move * move)
        theta[i] = decay * theta[i] - rate * move
    return np.float64(squares)


RULES = {
    Optimizer.GD: _gd,
    Optimizer.MOMENTUM: _momentum,
    Optimizer.NESTEROV: _nesterov,
    Optimizer.ADAM: _adam,
    Optimizer.ADAGRAD: _adagrad,
    Optimizer.ADADELTA: _adadelta,
    Optimizer.RMSPROP: _rmsprop,
    Optimizer.AMSGRAD: _amsgrad,
    Optimizer.NADAM: _nadam,
}


@inline
def update(rule, theta, state, start, stop, gradient, factor, l2, decay, step):
    """Update ``theta[start:stop]`` and its optimizer state in place.

    Parameters
    ----------
    rule : UpdateRule
        Made for theta's dtype.
    theta : ndarray of shape (n_parameters,)
    state : ndarray of shape (n_rows, n_parameters)
    start, stop : int
        The segment.
    gradient : ndarray of shape (stop - start,)
    factor, l2, decay : scalars of theta's dtype
        The gradient's factor, the L2 coefficient, and what the parameters are
        multiplied by: the step's decay or 1.
    step : Step

    Returns
    -------
    float
        Sum of the squares of the segment's parameters before the update: the penalty
        of the point at which the gradient was taken.
    """
    segment = theta[start:stop]
    arguments = segment, gradient, state, start, factor, l2, decay, step, rule
    return call_for_float(rule.function, arguments)
