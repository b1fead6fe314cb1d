"""Optimizers: each is a record of the rule by which a gradient becomes a step.

A rule is a formula for one parameter, which `skgd.kernels.formulas.update` applies to
all. To add an optimizer, write its rule, and add its record to `FIRST_ORDER`. The rule
is compiled when a fit first needs it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skgd.kernels.machine.jit import jit
from skgd.kernels.machine.vectors import larger, sqrt


class Optimizer(NamedTuple):
    """An optimizer.

    Attributes
    ----------
    name : str
    rule : callable
        ``rule(theta, g, step, *memory)`` returns the new value of a parameter, and of
        each number that is remembered for it, or None for what stays as it is. `g` is
        the gradient, penalty included, and `step` is a `Step`. It is a formula as in
        `skgd.kernels.machine.vectors`.
    memory : tuple of str
        Names of the vectors that it remembers between steps. They begin as zeros.
    tick : callable or None
        ``tick(parameters, rate, step)`` moves the clock on by one step, and writes the
        factors of this step into `step`, the array of `Update`. `parameters` is a
        `Hyperparameters`. None if the factors do not depend on the number of the step.
    clock : callable
        ``clock(parameters, n_steps)`` returns the clock after that number of steps. A
        clock is made of products over all steps, as taking powers at each step cost 0.1
        us (measured).
    follows_move : bool
        Whether the rule is linear in the gradient. `g` is then multiplied by the
        learning rate beforehand, together with its other factors, which saves a
        multiplication of each parameter: a step from one sample on 20-100-1 took 0.93
        times as long (measured; `tests/benchmarks/run.py` times such steps).
    is_searched : bool
        Whether the rule only writes the gradient down, and the steps are found by a
        search over whole epochs, as in `skgd.descent.lbfgs`.
    """

    name: str
    rule: Callable
    memory: tuple = ()
    tick: Callable = None
    clock: Callable = lambda parameters, n_steps: ()
    follows_move: bool = False
    is_searched: bool = False


class Hyperparameters(NamedTuple):
    """The numbers that rules and ticks read, and that are the same at every step."""

    momentum: float
    beta_1: float
    beta_2: float
    # 1 - beta_1 and 1 - beta_2, computed outside the kernels. In a kernel, float32
    # would lose digits.
    gain_1: float
    gain_2: float
    epsilon: float


class Step(NamedTuple):
    """What a rule reads of a step, besides the gradient."""

    rate: float  # the learning rate, bias correction included
    gradient_rate: float  # NAdam's second learning rate, that of the gradient itself
    epsilon: float
    decay: float  # what the parameter is multiplied by, 1 without weight decay
    momentum: float
    beta_1: float
    beta_2: float
    gain_1: float
    gain_2: float


# Places in `Update.step`, the factors of one step: what the gradient is multiplied by;
# what the parameters are multiplied by to be added to it; both learning rates of
# `Step`; the epsilon; and the share that weight decay takes of the parameters.
FACTOR, L2, RATE, GRADIENT_RATE, EPSILON, DECAY = range(6)
# The clock comes after them: products over all steps so far.
BETA_1, BETA_2, NADAM_DECAY, MOMENTA = range(6, 10)
N_FACTORS = 10


# Clocks and ticks ---------------------------------------------------------------------

# NAdam's momentum begins at about half of beta_1 and approaches beta_1. The difference
# shrinks by this factor at each step. The numbers are Dozat's, as in PyTorch.
NADAM_SHRINKAGE = 0.96**0.004


def _adam_clock(parameters, n_steps):
    return parameters.beta_1**n_steps, parameters.beta_2**n_steps


@jit
def _adam_tick(parameters, rate, step):
    # Kingma & Ba (2015), end of section 2: both corrections in one factor.
    step[BETA_1] *= parameters.beta_1
    step[BETA_2] *= parameters.beta_2
    step[RATE] = rate * np.sqrt(1.0 - step[BETA_2]) / (1.0 - step[BETA_1])


@jit
def _amsgrad_tick(parameters, rate, step):
    # PyTorch adds epsilon to the corrected root; here the fraction is expanded.
    step[BETA_1] *= parameters.beta_1
    step[BETA_2] *= parameters.beta_2
    root = np.sqrt(1.0 - step[BETA_2])
    step[RATE], step[EPSILON] = (
        rate * root / (1.0 - step[BETA_1]),
        parameters.epsilon * root,
    )


def _nadam_clock(parameters, n_steps):
    momenta, shrinkage = 1.0, 1.0
    for _ in range(n_steps):
        shrinkage *= NADAM_SHRINKAGE
        momenta *= parameters.beta_1 * (1.0 - 0.5 * shrinkage)
        if momenta < 1e-20:  # 1 - momenta is 1 then
            break
    # The power of beta_1 is not read.
    return 1.0, parameters.beta_2**n_steps, NADAM_SHRINKAGE**n_steps, momenta


@jit
def _nadam_tick(parameters, rate, step):
    step[BETA_2] *= parameters.beta_2
    step[NADAM_DECAY] *= NADAM_SHRINKAGE
    momentum = parameters.beta_1 * (1.0 - 0.5 * step[NADAM_DECAY])
    coming = parameters.beta_1 * (1.0 - 0.5 * (step[NADAM_DECAY] * NADAM_SHRINKAGE))
    step[MOMENTA] *= momentum
    root, momenta = np.sqrt(1.0 - step[BETA_2]), step[MOMENTA]
    step[GRADIENT_RATE] = rate * root * (1.0 - momentum) / (1.0 - momenta)
    step[RATE] = rate * root * coming / (1.0 - momenta * coming)
    step[EPSILON] = parameters.epsilon * root


# The rules ----------------------------------------------------------------------------


def _gd(theta, move, step):
    return (step.decay * theta - move,)


def _momentum(theta, move, step, velocity):
    # Polyak (1964): the velocity decays and is moved by the gradient.
    velocity = step.momentum * velocity - move
    return step.decay * theta + velocity, velocity


def _nesterov(theta, move, step, velocity):
    # Sutskever et al. (2013), eq. 3-4, in the variables of the look-ahead point.
    velocity = step.momentum * velocity - move
    return step.decay * theta + (step.momentum * velocity - move), velocity


def _adam(theta, g, step, first, second):
    # Kingma & Ba (2015), algorithm 1; the step's rate carries the bias corrections.
    first = step.beta_1 * first + step.gain_1 * g
    second = step.beta_2 * second + step.gain_2 * (g * g)
    move = step.rate * first / (sqrt(second) + step.epsilon)
    return step.decay * theta - move, first, second


def _amsgrad(theta, g, step, first, second, largest):
    # Reddi et al. (2018), algorithm 2: Adam with the largest second moment so far.
    first = step.beta_1 * first + step.gain_1 * g
    second = step.beta_2 * second + step.gain_2 * (g * g)
    largest = larger(second, largest)
    move = step.rate * first / (sqrt(largest) + step.epsilon)
    return step.decay * theta - move, first, second, largest


def _nadam(theta, g, step, first, second):
    # Dozat (2016), algorithm 2: the first moment of the step to come.
    first = step.beta_1 * first + step.gain_1 * g
    second = step.beta_2 * second + step.gain_2 * (g * g)
    ahead = step.rate * first + step.gradient_rate * g
    move = ahead / (sqrt(second) + step.epsilon)
    return step.decay * theta - move, first, second


def _adagrad(theta, g, step, second):
    # Duchi et al. (2011): the squares of the gradients are summed.
    second = second + g * g
    move = step.rate * g / (sqrt(second) + step.epsilon)
    return step.decay * theta - move, second


def _rmsprop(theta, g, step, second):
    # Tieleman & Hinton (2012): the squares of the gradients are averaged.
    second = step.beta_2 * second + step.gain_2 * (g * g)
    move = step.rate * g / (sqrt(second) + step.epsilon)
    return step.decay * theta - move, second


def _adadelta(theta, g, step, second, moves):
    # Zeiler (2012), algorithm 1: the roots of the mean squares of moves and gradients.
    second = step.beta_2 * second + step.gain_2 * (g * g)
    move = sqrt((moves + step.epsilon) / (second + step.epsilon)) * g
    moves = step.beta_2 * moves + step.gain_2 * (move * move)
    return step.decay * theta - step.rate * move, second, moves


def _gradient(theta, g, step, total, start):
    # Nothing is moved: it is the gradient of the loss with its penalty.
    return None, g, None


# The optimizers whose rule takes the step.
FIRST_ORDER = {
    optimizer.name: optimizer
    for optimizer in [
        Optimizer("gd", _gd, follows_move=True),
        Optimizer("momentum", _momentum, ("velocity",), follows_move=True),
        Optimizer("nesterov", _nesterov, ("velocity",), follows_move=True),
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
