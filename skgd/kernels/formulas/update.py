"""From a gradient to a step: an optimizer's rule, applied to all parameters.

The gradient that a rule follows is ``factor * gradient + l2 * theta``: `factor` is one
over the batch's weight, and `l2` is `alpha` over the batch's weight, or 0 for
parameters without a penalty, such as intercepts. A rule goes over a contiguous segment
of the parameters once, and reads gradient, memory and parameters, and writes the last
two, in the same loop (`skgd.kernels.formulas.moves`).
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from skgd.kernels.formulas.elementary import add
from skgd.kernels.formulas.moves import Move, compiled_rule
from skgd.kernels.formulas.optimizers import (
    BETA_1,
    DECAY,
    EPSILON,
    FACTOR,
    GRADIENT_RATE,
    L2,
    OPTIMIZERS,
    RATE,
    Hyperparameters,
    Step,
)
from skgd.kernels.machine.call import address, call, call_for_float
from skgd.kernels.machine.jit import inline, jit
from skgd.kernels.machine.span import span

# Columns of `Segments.factors`.
PENALTY, SHRINKAGE, SPEED = range(3)


class Segments(NamedTuple):
    """The parameters of the layers, array by array."""

    bounds: np.ndarray  # int64 (n_segments, 2): start and stop
    # float64 (n_segments, 3): what `alpha`, `weight_decay` and the learning rate are
    # multiplied by. A segment whose rate is 0 is not moved by the optimizer.
    factors: np.ndarray


class UpdateRule(NamedTuple):
    """The addresses of an optimizer's functions, and what they read."""

    function: int
    tick: int  # 0 if it has none
    follows_move: bool  # see `Optimizer`
    parameters: Hyperparameters
    weight_decay: float
    max_grad_norm: float
    # Addresses of `add_up` and `gradient_norm`, or 0 where gradients are not clipped.
    add_up: int
    norm: int


class Update(NamedTuple):
    """What turns gradients into steps: the parameters, and what moves them."""

    theta: np.ndarray  # (n_parameters,)
    segments: Segments
    rule: UpdateRule
    # What the optimizer remembers, in rows of n_parameters elements at least.
    memory: np.ndarray
    step: np.ndarray  # float64 (N_FACTORS,): from FACTOR to MOMENTA
    one: np.ndarray  # (1,): the number 1
    alpha: float  # the L2 coefficient, not yet divided by the batch's weight


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
    """Compile an optimizer's functions, and gather them with its hyperparameters.

    Parameters
    ----------
    optimizer : str
        A name in `OPTIMIZERS`.
    momentum, beta_1, beta_2, epsilon : float
        As in the estimators, like the following ones.
    weight_decay : float, default=0.0
    dtype : dtype, default=float64
        That of the parameters.
    max_grad_norm : float, default=None
        None for no clipping.

    Returns
    -------
    rule : UpdateRule
    """
    gains = 1.0 - beta_1, 1.0 - beta_2
    values = map(float, (momentum, beta_1, beta_2, *gains, epsilon))
    is_clipped = max_grad_norm is not None
    longest = float(max_grad_norm) if is_clipped else np.inf
    rule, of_clipping = _addresses(optimizer, np.dtype(dtype), is_clipped)
    numbers = Hyperparameters(*values), float(weight_decay), longest
    follows_move = OPTIMIZERS[optimizer].follows_move
    return UpdateRule(*rule, follows_move, *numbers, *of_clipping)


@cache
def _addresses(optimizer, dtype, is_clipped):
    """Compile or load an optimizer's functions, and those that clip gradients.

    The addresses come in two pairs; those for clipping are 0 if nothing is clipped.
    """
    parameters = Hyperparameters(*[0.0] * 6)
    vector, matrix = np.empty(0, dtype), np.empty((0, 0), dtype)
    record, move = OPTIMIZERS[optimizer], Move(0.0, 0.0, Step(*[0.0] * 9))
    function = address(compiled_rule(optimizer), *[vector] * 3, matrix, 0, move)
    tick = 0
    if record.tick is not None:
        tick = address(record.tick, parameters, 0.0, np.empty(0))
    if not is_clipped:
        return (function, tick), (0, 0)
    segments = Segments(np.empty((0, 2), np.int64), np.empty((0, 3)))
    norm = address(gradient_norm, vector, vector, segments, 0.0, 0.0)
    places = address(add_up, matrix, 0)
    return (function, tick), (places, norm)


@jit
def add_up(gradients, n):
    """Add up the gradients of a batch's `n` parts, into that of the first part."""
    total = gradients[0]
    for part in range(1, n):
        other = gradients[part]
        for i in range(total.size):
            total[i] += other[i]


@jit
def gradient_norm(theta, gradient, segments, factor, l2):
    """Return the Euclidean norm of ``factor * gradient + l2 * theta``.

    The second term is there for parameters that have a penalty only.
    """
    total = 0.0
    for segment in range(segments.bounds.shape[0]):
        start, stop = segments.bounds[segment, 0], segments.bounds[segment, 1]
        penalty = l2 * segments.factors[segment, PENALTY]
        if segments.factors[segment, SPEED] == 0.0:
            continue
        if penalty == 0.0:  # otherwise an infinite parameter would make the norm nan
            for i in range(start, stop):
                g = factor * gradient[i]
                total = add(total, g * g)
            continue
        for i in range(start, stop):
            g = factor * gradient[i] + penalty * theta[i]
            total = add(total, g * g)
    return np.sqrt(total)


@inline
def _clip(update, gradient):
    """Scale the step's factors so that the gradient's norm is at most `max_grad_norm`.

    The gradient is that of the objective, penalty included (Pascanu et al., "On the
    difficulty of training recurrent neural networks", ICML 2013, algorithm 1).
    """
    rule, step = update.rule, update.step
    arguments = update.theta, gradient, update.segments, step[FACTOR], step[L2]
    norm = call_for_float(rule.norm, arguments)
    if norm > rule.max_grad_norm:
        step[FACTOR] *= rule.max_grad_norm / norm
        step[L2] *= rule.max_grad_norm / norm


@inline
def prepare_step(update, gradient, weight, rate):
    """Write the factors of the next step, from a batch's summed gradient."""
    rule, step = update.rule, update.step
    step[FACTOR], step[L2] = 1.0 / weight, update.alpha / weight
    step[RATE], step[GRADIENT_RATE] = rate, 0.0
    step[EPSILON], step[DECAY] = rule.parameters.epsilon, rate * rule.weight_decay
    if rule.tick != 0:
        call(rule.tick, (rule.parameters, rate, step))
    if rule.norm != 0:
        _clip(update, gradient)


@inline
def update_segment(update, segment, x, gradient, start):
    """Update parameters of a segment, from `start` on, by the gradient of a batch.

    The gradient is the outer product of `x` and `gradient`, row after row, so that
    those of single samples need not be written down. As in `update_range`, the squares
    are returned.
    """
    theta, step, parameters = update.theta, update.step, update.rule.parameters
    factors, n = update.segments.factors, x.size * gradient.size
    penalty, speed = factors[segment, PENALTY], factors[segment, SPEED]
    rate = step[RATE] * speed
    scale = rate if update.rule.follows_move else 1.0
    numbers = Step(
        rate=rate,
        gradient_rate=step[GRADIENT_RATE] * speed,
        epsilon=step[EPSILON],
        decay=1.0 - factors[segment, SHRINKAGE] * speed * step[DECAY],
        momentum=parameters.momentum,
        beta_1=parameters.beta_1,
        beta_2=parameters.beta_2,
        gain_1=parameters.gain_1,
        gain_2=parameters.gain_2,
    )
    move = Move(step[FACTOR] * scale, step[L2] * penalty * scale, numbers)
    arguments = span(theta, start, n), x, gradient, update.memory, start, move
    squares = call_for_float(update.rule.function, arguments)
    # Where nothing is penalised, an infinite parameter would make a nan of the loss.
    return penalty * squares if penalty != 0.0 else 0.0


@inline
def update_range(update, gradient, low, high):
    """Update the parameters from `low` to `high`; return their sum of squares.

    The squares are those before the update, at the point at which the gradient was
    taken, times the penalty factors of their segments.
    """
    bounds, factors = update.segments.bounds, update.segments.factors
    squares = 0.0
    for segment in range(bounds.shape[0]):
        start, stop = max(bounds[segment, 0], low), min(bounds[segment, 1], high)
        if start < stop and factors[segment, SPEED] != 0.0:
            g = span(gradient, start, stop - start)
            squares += update_segment(update, segment, update.one, g, start)
    return squares


def set_clock(optimizer, update, n_steps):
    """Set the clock to where it is after `n_steps` steps; done once an epoch."""
    values = OPTIMIZERS[optimizer].clock(update.rule.parameters, n_steps)
    update.step[BETA_1 : BETA_1 + len(values)] = values
