"""Optimizers: each is a record of the rule by which a gradient becomes a step.

A rule goes over a contiguous segment of the parameters once, and reads gradient, memory
and parameters, and writes the last two, in the same loop. The gradient that it follows
is ``factor * gradient + l2 * theta``: `factor` is one over the batch's weight, and `l2`
is `alpha` over the batch's weight, or 0 for parameters without a penalty, such as
intercepts. Before the step is taken, the parameters are multiplied by `decay`, which is
1 for parameters without weight decay.

To add an optimizer, write its rule, and add its record to `FIRST_ORDER`. The rule is
compiled when a fit first needs it.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from skgd.kernels.formulas.elementary import add
from skgd.kernels.machine.call import address, call, call_for_float
from skgd.kernels.machine.jit import inline, jit
from skgd.kernels.machine.span import span


class Optimizer(NamedTuple):
    """An optimizer.

    Attributes
    ----------
    name : str
    rule : callable
        ``rule(theta, gradient, memory, start, factor, l2, decay, step, rule)`` updates
        a segment of the parameters, which begins at `start`, and the same segment of
        each row of the memory. It returns the sum of the squares of the segment's
        parameters before the step. `step` is a `Step`, and the last argument, here and
        below, is a `Hyperparameters`.
    memory : tuple of str
        Names of the rows of the memory: the vectors that it remembers between steps.
        They begin as zeros.
    tick : callable or None
        ``tick(rule, rate, step)`` moves the clock on by one step, and writes the
        factors of this step into `step`, the array of `Update`. None if the factors do
        not depend on the number of the step.
    clock : callable
        ``clock(rule, n_steps)`` returns the clock after that number of steps. A clock
        is made of products over all steps, as taking powers at each step cost 0.1 us
        (measured).
    is_searched : bool
        Whether the rule only writes the gradient down, and the steps are found by a
        search over whole epochs, as in `skgd.descent.lbfgs`.
    """

    name: str
    rule: Callable
    memory: tuple = ()
    tick: Callable = None
    clock: Callable = lambda rule, n_steps: ()
    is_searched: bool = False


# Places in `Update.step`, the factors of one step: what the gradient is multiplied by;
# what the parameters are multiplied by to be added to it; the learning rate, bias
# correction included; NAdam's second learning rate, that of the gradient itself; the
# epsilon; and the share that weight decay takes of the parameters.
FACTOR, L2, RATE, GRADIENT_RATE, EPSILON, DECAY = range(6)
# The clock comes after them: products over all steps so far.
BETA_1, BETA_2, NADAM_DECAY, MOMENTA = range(6, 10)
N_FACTORS = 10


class Step(NamedTuple):
    """The factors of one step that a rule reads."""

    rate: float
    gradient_rate: float
    epsilon: float


# Columns of `Segments.factors`.
PENALTY, SHRINKAGE, SPEED = range(3)


class Segments(NamedTuple):
    """The parameters of the layers, array by array."""

    bounds: np.ndarray  # int64 (n_segments, 2): start and stop
    # float64 (n_segments, 3): what `alpha`, `weight_decay` and the learning rate are
    # multiplied by. A segment whose rate is 0 is not moved by the optimizer.
    factors: np.ndarray


class Hyperparameters(NamedTuple):
    """The numbers that rules and ticks read."""

    momentum: float
    beta_1: float
    beta_2: float
    # 1 - beta_1 and 1 - beta_2, computed outside the kernels. In a kernel, float32
    # would lose digits, and the compiler may expand (1 - beta) * g * g into
    # g * g - beta * g * g, which is nan where the square overflows.
    gain_1: float
    gain_2: float
    epsilon: float


class UpdateRule(NamedTuple):
    """The addresses of an optimizer's functions, and what they read."""

    function: int
    tick: int  # 0 if it has none
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
    memory: np.ndarray  # (n_rows, n_parameters): what the optimizer remembers
    step: np.ndarray  # float64 (N_FACTORS,): from FACTOR to MOMENTA
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
    return UpdateRule(*rule, *numbers, *of_clipping)


@cache
def _addresses(optimizer, dtype, is_clipped):
    """Compile or load an optimizer's functions, and those that clip gradients.

    The addresses come in two pairs; those for clipping are 0 if nothing is clipped.
    """
    parameters = Hyperparameters(*[0.0] * 6)
    vector, matrix = np.empty(0, dtype), np.empty((0, 0), dtype)
    double, scalar = np.empty(0), dtype.type(0)
    record = OPTIMIZERS[optimizer]
    arguments = vector, vector, matrix, 0, scalar, scalar, scalar
    function = address(record.rule, *arguments, Step(0.0, 0.0, 0.0), parameters)
    tick = 0
    if record.tick is not None:
        tick = address(record.tick, parameters, 0.0, double)
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
def update_range(update, gradient, low, high):
    """Update the parameters from `low` to `high`; return their sum of squares.

    The squares are those before the update, at the point at which the gradient was
    taken, times the penalty factors of their segments.
    """
    theta, step, scalar = update.theta, update.step, update.theta.dtype.type
    bounds, factors = update.segments.bounds, update.segments.factors
    squares = 0.0
    for segment in range(bounds.shape[0]):
        start, stop = max(bounds[segment, 0], low), min(bounds[segment, 1], high)
        speed = factors[segment, SPEED]
        if start >= stop or speed == 0.0:
            continue
        penalty = factors[segment, PENALTY]
        decay = 1.0 - factors[segment, SHRINKAGE] * speed * step[DECAY]
        factors_of_step = Step(
            step[RATE] * speed, step[GRADIENT_RATE] * speed, step[EPSILON]
        )
        of_gradient = scalar(step[FACTOR]), scalar(step[L2] * penalty), scalar(decay)
        size = stop - start
        values = span(theta, start, size), span(gradient, start, size)
        arguments = *values, update.memory, start
        total = call_for_float(
            update.rule.function,
            (*arguments, *of_gradient, factors_of_step, update.rule.parameters),
        )
        if penalty != 0.0:
            squares += penalty * total
    return squares


# Clocks and ticks ---------------------------------------------------------------------

# NAdam's momentum begins at about half of beta_1 and approaches beta_1. The difference
# shrinks by this factor at each step. The numbers are Dozat's, as in PyTorch.
NADAM_SHRINKAGE = 0.96**0.004


def _adam_clock(rule, n_steps):
    return rule.beta_1**n_steps, rule.beta_2**n_steps


@jit
def _adam_tick(rule, rate, step):
    # Kingma & Ba (2015), end of section 2: both corrections in one factor.
    step[BETA_1] *= rule.beta_1
    step[BETA_2] *= rule.beta_2
    step[RATE] = rate * np.sqrt(1.0 - step[BETA_2]) / (1.0 - step[BETA_1])


@jit
def _amsgrad_tick(rule, rate, step):
    # PyTorch adds epsilon to the corrected root; here the fraction is expanded.
    step[BETA_1] *= rule.beta_1
    step[BETA_2] *= rule.beta_2
    root = np.sqrt(1.0 - step[BETA_2])
    step[RATE], step[EPSILON] = rate * root / (1.0 - step[BETA_1]), rule.epsilon * root


def _nadam_clock(rule, n_steps):
    momenta, shrinkage = 1.0, 1.0
    for _ in range(n_steps):
        shrinkage *= NADAM_SHRINKAGE
        momenta *= rule.beta_1 * (1.0 - 0.5 * shrinkage)
        if momenta < 1e-20:  # 1 - momenta is 1 then
            break
    # The power of beta_1 is not read.
    return 1.0, rule.beta_2**n_steps, NADAM_SHRINKAGE**n_steps, momenta


@jit
def _nadam_tick(rule, rate, step):
    step[BETA_2] *= rule.beta_2
    step[NADAM_DECAY] *= NADAM_SHRINKAGE
    momentum = rule.beta_1 * (1.0 - 0.5 * step[NADAM_DECAY])
    coming = rule.beta_1 * (1.0 - 0.5 * (step[NADAM_DECAY] * NADAM_SHRINKAGE))
    step[MOMENTA] *= momentum
    root, momenta = np.sqrt(1.0 - step[BETA_2]), step[MOMENTA]
    step[GRADIENT_RATE] = rate * root * (1.0 - momentum) / (1.0 - momenta)
    step[RATE] = rate * root * coming / (1.0 - momenta * coming)
    step[EPSILON] = rule.epsilon * root


def set_clock(optimizer, update, n_steps):
    """Set the clock to where it is after `n_steps` steps; done once an epoch."""
    values = OPTIMIZERS[optimizer].clock(update.rule.parameters, n_steps)
    update.step[BETA_1 : BETA_1 + len(values)] = values


# The rules ----------------------------------------------------------------------------


@inline
def _memory(memory, row, theta, start):
    return span(memory[row], start, theta.size)


@jit
def _gd(theta, gradient, memory, start, factor, l2, decay, step, rule):
    rate = theta.dtype.type(step.rate)
    squares = theta.dtype.type(0)
    for i in range(theta.size):
        squares = add(squares, theta[i] * theta[i])
        g = factor * gradient[i] + l2 * theta[i]
        theta[i] = decay * theta[i] - rate * g
    return np.float64(squares)


@jit
def _momentum(theta, gradient, memory, start, factor, l2, decay, step, rule):
    # Polyak (1964): the velocity decays and is moved by the gradient.
    velocity = _memory(memory, 0, theta, start)
    rate, momentum = theta.dtype.type(step.rate), theta.dtype.type(rule.momentum)
    squares = theta.dtype.type(0)
    for i in range(theta.size):
        squares = add(squares, theta[i] * theta[i])
        g = factor * gradient[i] + l2 * theta[i]
        velocity[i] = momentum * velocity[i] - rate * g
        theta[i] = decay * theta[i] + velocity[i]
    return np.float64(squares)


@jit
def _nesterov(theta, gradient, memory, start, factor, l2, decay, step, rule):
    # Sutskever et al. (2013), eq. 3-4, in the variables of the look-ahead point.
    velocity = _memory(memory, 0, theta, start)
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
def _adam(theta, gradient, memory, start, factor, l2, decay, step, rule):
    # Kingma & Ba (2015), algorithm 1; the step's rate carries the bias corrections.
    first, second = _memory(memory, 0, theta, start), _memory(memory, 1, theta, start)
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
def _amsgrad(theta, gradient, memory, start, factor, l2, decay, step, rule):
    # Reddi et al. (2018), algorithm 2: Adam with the largest second moment so far.
    first, second = _memory(memory, 0, theta, start), _memory(memory, 1, theta, start)
    largest = _memory(memory, 2, theta, start)
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
def _nadam(theta, gradient, memory, start, factor, l2, decay, step, rule):
    # Dozat (2016), algorithm 2: the first moment of the step to come.
    first, second = _memory(memory, 0, theta, start), _memory(memory, 1, theta, start)
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
def _adagrad(theta, gradient, memory, start, factor, l2, decay, step, rule):
    # Duchi et al. (2011): the squares of the gradients are summed.
    second, one = _memory(memory, 0, theta, start), theta.dtype.type(1)
    return _root_of_squares(theta, gradient, second, factor, l2, decay, step, one, one)


@jit
def _rmsprop(theta, gradient, memory, start, factor, l2, decay, step, rule):
    # Tieleman & Hinton (2012): the squares of the gradients are averaged.
    second = _memory(memory, 0, theta, start)
    beta_2, gain_2 = theta.dtype.type(rule.beta_2), theta.dtype.type(rule.gain_2)
    return _root_of_squares(
        theta, gradient, second, factor, l2, decay, step, beta_2, gain_2
    )


@jit
def _adadelta(theta, gradient, memory, start, factor, l2, decay, step, rule):
    # Zeiler (2012), algorithm 1: the roots of the mean squares of moves and gradients.
    second, moves = _memory(memory, 0, theta, start), _memory(memory, 1, theta, start)
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


@jit
def _gradient(theta, gradient, memory, start, factor, l2, decay, step, rule):
    # Nothing is moved: it is the gradient of the loss with its penalty.
    total = _memory(memory, 0, theta, start)
    squares = theta.dtype.type(0)
    for i in range(theta.size):
        squares = add(squares, theta[i] * theta[i])
        total[i] = factor * gradient[i] + l2 * theta[i]
    return np.float64(squares)


# The optimizers whose rule takes the step.
FIRST_ORDER = {
    optimizer.name: optimizer
    for optimizer in [
        Optimizer("gd", _gd),
        Optimizer("momentum", _momentum, ("velocity",)),
        Optimizer("nesterov", _nesterov, ("velocity",)),
        Optimizer("adam", _adam, ("first", "second"), _adam_tick, _adam_clock),
        Optimizer("adagrad", _adagrad, ("second",)),
        Optimizer("adadelta", _adadelta, ("second", "moves")),
        Optimizer("rmsprop", _rmsprop, ("second",)),
        Optimizer(
            *("amsgrad", _amsgrad, ("first", "second", "largest")),
            *(_amsgrad_tick, _adam_clock),
        ),
        Optimizer("nadam", _nadam, ("first", "second"), _nadam_tick, _nadam_clock),
    ]
}
# All optimizers, by their names. L-BFGS remembers where its search has begun.
OPTIMIZERS = FIRST_ORDER | {
    "lbfgs": Optimizer("lbfgs", _gradient, ("gradient", "start"), is_searched=True)
}
