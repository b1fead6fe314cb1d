"""The epoch loop: order of samples, learning rate, stopping, history."""

import ctypes
import warnings
import zlib
from contextlib import closing, contextmanager
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from skgd.descent.schedules import make_schedule
from skgd.kernels.epoch import minibatch_epoch, sgd_epoch
from skgd.kernels.formulas.optimizers import (
    STATE_ROWS,
    Optimizer,
    Powers,
    make_update_rule,
    powers_after,
)
from skgd.kernels.layers.dropout import KEY
from skgd.kernels.layers.inputs import read_only
from skgd.kernels.passes.batch import passes_for
from skgd.kernels.passes.workspace import chunk_size, make_workspace
from skgd.kernels.shuffle import shuffle_rows
from skgd.kernels.team.protocol import divide, make_team
from skgd.kernels.team.threads import Helpers, prepare_blas

NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large "
    "values and need to be preprocessed."
)


class CutOff(RuntimeError):
    """Epochs cannot go on, for a reason outside of the fit, such as a lost cluster."""


# What training writes into: arrays, and lists with a number for each epoch.
ARRAYS = ("theta", "best_theta", "optimizer_state", "order")
HISTORIES = (
    *("loss_curve", "learning_rate_curve"),
    *("validation_losses", "validation_scores"),
)


class Ending(NamedTuple):
    """How epochs have ended.

    Attributes
    ----------
    by_request : bool
        Whether a callback has asked for it, or the user by Ctrl-C.
    cut_off : CutOff or None
        What has ended them from outside; they are kept as after Ctrl-C.
    """

    by_request: bool = False
    cut_off: CutOff = None


@dataclass
class TrainingState:
    """All that a descent carries from one epoch, and one partial_fit, to the next.

    Attributes
    ----------
    theta : ndarray of shape (n_parameters,)
    best_theta : ndarray of shape (n_parameters,) or None
        Parameters at the best validation score, once there is any.
    random_state : RandomState
        Made from `seed`, the estimator's parameter at that time.
    optimizer : Optimizer
    optimizer_state : ndarray of shape (n_rows, n_parameters)
    n_steps : int
        Steps since the optimizer state was zero.
    schedule : str
    learning_rate_init, learning_rate : float
        The present rate, and what the schedule began with.
    scheduled_epochs : int
        Epochs since the schedule began.
    order : ndarray or None
        Rows to train on, as the last epoch of a fit under way has left them; None
        between calls, and where they are on other machines.
    is_stopping : bool
        Whether a fit under way is to end.
    fingerprint : int or None
        Of the data of a fit that callbacks are told of.
    resumes : bool
        Whether the next call of `fit` completes the fit that this is a copy of.
    n_iter : int
        Epochs of the present call.
    samples_seen, no_improvement_count : int
    scoring : str, callable or None
        What the scores are, as in the estimator's parameter.
    held_out : ndarray or None
        Rows that the last fit's split has set aside, `held_out_fraction` of
        `n_split_samples`, at random if `held_out_shuffle`; None if the last call
        trained on all rows.
    best_loss, best_validation_score : float
    loss_curve, learning_rate_curve : list of float
    validation_losses, validation_scores : list of float
    early_stopping : bool
        Whether the last call watched the validation score.
    mean_weight : float
        Mean of the weights above 0 in the last `fit`, and in all calls of `partial_fit`
        since. Steps from single samples are relative to it.
    n_weighted : int
        How many weights these are.
    """

    theta: np.ndarray
    random_state: np.random.RandomState = None
    seed: object = None
    best_theta: np.ndarray = None
    optimizer: Optimizer = None
    optimizer_state: np.ndarray = None
    n_steps: int = 0
    schedule: str = None
    learning_rate_init: float = None
    learning_rate: float = None
    scheduled_epochs: int = 0
    order: np.ndarray = None
    is_stopping: bool = False
    fingerprint: int = None
    resumes: bool = False
    n_iter: int = 0
    samples_seen: int = 0
    no_improvement_count: int = 0
    scoring: object = None
    held_out: np.ndarray = None
    held_out_fraction: float = None
    held_out_shuffle: bool = True
    n_split_samples: int = 0
    best_loss: float = np.inf
    best_validation_score: float = -np.inf
    loss_curve: list = field(default_factory=list)
    learning_rate_curve: list = field(default_factory=list)
    validation_losses: list = field(default_factory=list)
    validation_scores: list = field(default_factory=list)
    early_stopping: bool = False
    mean_weight: float = 1.0
    n_weighted: int = 0

    def begin(self, order):
        """Begin a call that trains on these rows; on None, if others keep them."""
        self.order, self.is_stopping, self.n_iter = order, False, 0

    def end(self):
        """End it."""
        self.order, self.fingerprint, self.resumes = None, None, False

    def restart(self, params):
        """Start a fit: no memory of former steps, nor of epochs without improvement."""
        self.optimizer = Optimizer[params.optimizer.upper()]
        shape = STATE_ROWS[self.optimizer], self.theta.size
        self.optimizer_state = np.zeros(shape, self.theta.dtype)
        self.n_steps = 0
        self.restart_schedule(params)
        self.no_improvement_count = 0
        self.best_loss = np.inf

    def restart_schedule(self, params):
        """Start a schedule at its initial rate."""
        self.schedule = params.learning_rate
        self.learning_rate_init = float(params.learning_rate_init)
        self.learning_rate = self.learning_rate_init
        self.scheduled_epochs = 0

    def resume(self, params):
        """Start a partial_fit: go on, except where the parameters are new ones."""
        if Optimizer[params.optimizer.upper()] != self.optimizer:
            self.restart(params)
        wanted = params.learning_rate, params.learning_rate_init
        if wanted != (self.schedule, self.learning_rate_init):
            self.restart_schedule(params)
        if not self._is_seeded_with(params.random_state):
            self.seed_with(params.random_state)

    def _is_seeded_with(self, random_state):
        if isinstance(random_state, Integral) and isinstance(self.seed, Integral):
            return random_state == self.seed
        # None is NumPy's global generator, wherever the estimator has come from.
        return random_state is not None and random_state is self.seed

    def seed_with(self, random_state):
        """Draw from what `random_state` stands for from now on."""
        self.seed = random_state
        self.random_state = check_random_state(random_state)

    def start_validation(self, score):
        """Take the parameters as they stand, of this score, for the best so far."""
        self.best_validation_score = score if np.isfinite(score) else -np.inf
        self.best_theta = self.theta.copy()

    def branch(self):
        """Copy the arrays that training writes into, so that it can be forgotten.

        The histories are shared, as they may be long: a failed call cuts them back, see
        `lengths` and `cut_back`.
        """
        return self._with_copies_of(ARRAYS)

    def copy(self):
        """Copy all that training writes into."""
        return self._with_copies_of(ARRAYS + HISTORIES)

    def _with_copies_of(self, names):
        other = object.__new__(type(self))
        copies = {name: copy(getattr(self, name)) for name in names}
        vars(other).update(vars(self) | copies)
        return other

    def lengths(self):
        """Lengths of the histories."""
        return [len(getattr(self, name)) for name in HISTORIES]

    def cut_back(self, lengths):
        """Take from the histories what has come since they were of these lengths."""
        for name, length in zip(HISTORIES, lengths, strict=True):
            del getattr(self, name)[length:]

    def weigh(self, means, *, incremental):
        """Learn the mean weight of samples to train on; of all calls if incremental.

        Parameters
        ----------
        means : sequence of (float, int)
            The `mean_weight` of groups of samples.
        incremental : bool
        """
        if not incremental:
            self.mean_weight, self.n_weighted = 1.0, 0
        for mean, n in means:
            if n == 0:
                continue
            self.n_weighted += n
            if self.n_weighted == n:
                self.mean_weight = mean
            else:  # equal means stay what they are, to the bit
                share = n / self.n_weighted
                self.mean_weight += (mean - self.mean_weight) * share


def mean_weight(weights, n):
    """Return the mean of the weights above 0, and their number.

    Parameters
    ----------
    weights : ndarray of shape (n,) or None
    n : int
    """
    if weights is None:
        return 1.0, n
    weights = weights[weights > 0].astype(np.float64)
    if weights.size == 0:
        return 1.0, 0
    # Relative to the largest, equal weights are exactly 1, and so is their mean.
    largest = weights.max()
    return float(largest * np.mean(weights / largest)), weights.size


def fingerprint(samples, rows, judge):
    """Return a number that other data would hardly have: their CRC-32, 1 s for 1 GB.

    Parameters
    ----------
    samples : Samples
    rows : ndarray of shape (n,)
        The samples to train on.
    judge : Judge or None
    """
    arrays = [*samples.inputs, samples.targets, samples.weights, np.sort(rows)]
    if judge is not None:
        arrays += judge.arrays
    number = len(arrays)
    for array in arrays:
        if array.size > 0:
            number = zlib.crc32(np.ascontiguousarray(array), number)
    return number


def train(
    params,
    network,
    state,
    samples,
    rows,
    *,
    judge,
    task,
    interrupts,
    incremental,
    n_threads,
    epochs=None,
):
    """Descend until a stopping rule, `max_iter` epochs, Ctrl-C or divergence.

    Parameters
    ----------
    params : estimator
        Read for its constructor parameters only.
    network : Network
    state : TrainingState
        Updated in place.
    samples : Samples
    rows : ndarray of shape (n,)
        The samples to train on.
    judge : Judge or None
        Gives the validation loss and score of the network as it stands.
    task : FitTask
        Tells the callbacks, one of which may ask to stop.
    interrupts : Interrupts
        Whose block this is called in.
    incremental : bool
        One epoch only, which goes on where the last call left off.
    n_threads : int
        Threads that may be used.
    epochs : callable, default=local_epochs
        Runs the epochs, with the signature of `local_epochs`. With others nobody looks
        at `samples` but they, nor at more of `rows` than their number.

    Returns
    -------
    ending : Ending

    Raises
    ------
    ValueError
        If the parameters became non-finite and no best ones can be restored.
    CutOff
        If that was so before the end of the first epoch.
    """
    early_stopping, ending = params.early_stopping, Ending()
    schedule = make_schedule(
        params.learning_rate, params.learning_rate_init, params.power_t
    )
    max_iter = 1 if incremental else params.max_iter
    state.early_stopping = early_stopping
    if not state.resumes:
        state.begin(rows.copy() if epochs is None else None)
    epochs = epochs or local_epochs
    interrupts.hold()
    settings = params, network, state, samples, schedule, task, interrupts, n_threads
    try:
        with closing(epochs(*settings)) as run:
            while not state.is_stopping and state.n_iter < max_iter:
                loss, first_rate = next(run)
                results = len(rows), first_rate, loss
                _record_epoch(params, state, *results, judge, interrupts)
                if np.isfinite(loss):
                    state.is_stopping = _go_on(params, state, schedule)
                # Last, as the estimator that callbacks see could be trained on.
                is_told_to = interrupts.interruptible(task.end_epoch, loss)
                if is_told_to:
                    state.is_stopping, ending = True, Ending(by_request=True)
                if not np.isfinite(loss):
                    _give_up(state, early_stopping)
                    state.is_stopping = True
                interrupts.check()
    except KeyboardInterrupt:
        if state.n_iter == 0:
            raise  # there is no epoch to keep
        warnings.warn("Training interrupted by user.", stacklevel=2)
        ending = Ending(by_request=True)
    except CutOff as error:
        if state.n_iter == 0:
            raise
        ending = Ending(cut_off=error)
    else:
        if not (state.is_stopping or incremental):
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({max_iter}) "
                "reached and the optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=2,
            )

    ended = state.is_stopping or not incremental
    state.end()
    if early_stopping and ended and state.best_theta is not None:
        state.theta = state.best_theta.copy()
    if not np.isfinite(state.theta).all():
        raise ValueError(NON_FINITE)
    return ending


def local_epochs(
    params, network, state, samples, schedule, task, interrupts, n_threads
):
    """Run epochs one by one, and yield each one's loss and first learning rate."""
    # In place from epoch to epoch, as helping threads hold on to them.
    order = state.order
    batch_size = _batch_size(params, order.size)
    if batch_size == 1:
        samples = _relative_weights(samples, state.mean_weight)
    run_epoch, recorder = _run_epoch, getattr(params, "_recorder", None)
    if recorder is not None:  # `GradientDescentPathDisplay` has set it
        epochs = params.max_iter
        samples = recorder.begin(state.theta, samples, order, batch_size, epochs)
        run_epoch = recorder.run_epoch
    rates = np.empty(-(-order.size // batch_size))
    rule = _update_rule(params, state)
    settings = params, network, state, rule, samples, order, rates
    run = _sgd(*settings)
    if batch_size > 1:
        run = _minibatch(*settings, batch_size, n_threads)
    has_dropout = network.dropout.any()
    with run as (epoch, workspaces):
        while True:
            interrupts.interruptible(task.begin_epoch)
            if state.n_iter > 0:  # else there is nothing to keep yet
                interrupts.check()
            if has_dropout:
                _seed_dropout(workspaces, state.random_state)
            if params.shuffle and params.solver != "batch":
                shuffle(order, state.random_state)
            rates[:] = state.learning_rate
            if schedule.curve is not None:
                epochs = state.scheduled_epochs, params.max_iter
                rates *= schedule.multipliers(_progress(*epochs, rates.size))
            loss, n_steps = run_epoch(epoch, rule, state)
            state.n_steps += n_steps
            state.scheduled_epochs += 1
            yield loss, float(rates[0])


def _relative_weights(samples, mean_weight):
    """Weigh single samples relative to the mean, as no batch does it for them."""
    weights = samples.weights
    if weights.size == 0:
        if mean_weight == 1:
            return samples
        weights = np.ones(samples.targets.shape[0], weights.dtype)
    return samples._replace(
        weights=read_only(weights / weights.dtype.type(mean_weight))
    )


def _run_epoch(epoch, rule, state):
    """Run an epoch, and return its loss and its number of steps."""
    return epoch(np.array(powers_after(rule, state.n_steps)))


def _progress(n_epochs, max_iter, n_steps):
    """Progress at each step after `n_epochs` of `max_iter` epochs, from 0 to 1."""
    steps = n_epochs * n_steps + np.arange(n_steps)
    return np.minimum(steps / max(max_iter * n_steps - 1, 1), 1.0)


def _seed_dropout(workspaces, random_state):
    """Draw the seed of an epoch's dropout, two words, for all threads."""
    key = random_state.randint(2**32, size=2, dtype=np.uint64)
    for workspace in workspaces:
        workspace.random[KEY : KEY + 2] = key


@contextmanager
def _sgd(params, network, state, rule, samples, order, rates):
    """Prepare epochs of one sample a step: a function that runs one."""
    # A sample is made dense: its update goes over every weight anyway.
    workspace = make_workspace(network, 1, state.theta.dtype, sparse=False)
    common = network, state.theta, rule, state.optimizer_state
    gradient = np.empty_like(state.theta)
    settings = samples, order, rates, float(params.alpha), workspace, gradient

    yield lambda powers: sgd_epoch(*common, powers, *settings), [workspace]


@contextmanager
def _minibatch(
    params, network, state, rule, samples, order, rates, batch_size, n_threads
):
    """Prepare epochs of many samples a step, divided among threads."""
    dtype = state.theta.dtype
    n_parts, n_updates, late_turns = divide(network, samples.inputs, batch_size)
    n_useful = min(n_threads, max(n_parts, n_updates))
    tasks = n_parts, n_updates, late_turns
    team = make_team(n_useful, state.theta.size, *tasks, dtype)
    sparse = samples.inputs.indptr.size > 0
    size = chunk_size(network, -(-batch_size // n_parts), dtype, sparse)
    common = network, state.theta, rule, state.optimizer_state
    settings = samples, order, batch_size, rates, float(params.alpha)

    passes = passes_for(samples.inputs, order)
    workspaces = [
        make_workspace(network, size, dtype, sparse)._replace(passes=passes)
        for _ in range(n_useful)
    ]

    def epoch(thread, powers):
        workspace = workspaces[thread]
        return minibatch_epoch(thread, team, *common, powers, *settings, workspace)

    no_powers = np.empty(len(Powers._fields))  # helpers take no steps

    def help_as(thread):
        _, is_late = epoch(thread, no_powers)
        return is_late

    prepare_blas(n_useful)
    works = [partial(help_as, thread) for thread in range(1, n_useful)]
    with Helpers(works) as helpers:

        def lead(powers):
            helpers.wake()
            return epoch(0, powers)

        yield lead, workspaces


def _update_rule(params, state):
    return make_update_rule(
        *(state.optimizer, params.momentum, params.beta_1, params.beta_2),
        *(params.epsilon, params.weight_decay, state.theta.dtype),
        max_grad_norm=params.max_grad_norm,
    )


def shuffle(order, random_state):
    """Shuffle `order` in place, as `sklearn.utils.shuffle` does and with its draws."""
    # RandomState has no public name for its bit generator, whose interface is public.
    bit_generator = random_state._bit_generator
    interface = bit_generator.ctypes
    draw = ctypes.cast(interface.next_uint32, ctypes.c_void_p).value
    with bit_generator.lock:
        shuffle_rows(order, draw, interface.state_address)


# The state of NumPy's MT19937: 624 words and a position.
_GENERATOR_BYTES = 625 * 4


def generator_position(random_state):
    """Return the state of a generator that a seed has made, as bytes.

    `get_state` takes 32 us for it, a tenth of a partial_fit of a few rows (measured).
    """
    address = random_state._bit_generator.ctypes.state_address
    return ctypes.string_at(address, _GENERATOR_BYTES)


def move_generator(random_state, position):
    """Put it back to a former `generator_position`."""
    address = random_state._bit_generator.ctypes.state_address
    ctypes.memmove(address, position, _GENERATOR_BYTES)


def _batch_size(params, n_samples):
    """Samples that feed one gradient."""
    if params.solver == "batch":
        return n_samples
    if params.solver == "sgd":
        return 1
    if params.batch_size == "auto":
        return min(200, n_samples)
    if params.batch_size > n_samples:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to "
            "be clipped",
            stacklevel=2,
        )
    return min(int(params.batch_size), n_samples)


def _record_epoch(params, state, n_samples, first_rate, loss, judge, interrupts):
    """Write the epoch into the history, and count epochs without improvement."""
    state.n_iter += 1
    state.samples_seen += n_samples
    state.loss_curve.append(loss)
    state.learning_rate_curve.append(first_rate)
    if params.verbose:
        print(f"Iteration {state.n_iter}, loss = {loss:.8f}")

    if judge is not None:
        value = float("nan")  # which stays there if there is nobody who knows better
        state.validation_losses.append(value)
        state.validation_scores.append(value)
        if np.isfinite(loss):
            state.validation_losses[-1], value = judge(interrupts)
            state.validation_scores[-1] = value
        if params.verbose:
            print(f"Validation score: {value:f}")

    if params.early_stopping:
        improved = value >= state.best_validation_score + params.tol
        if value > state.best_validation_score:
            state.best_validation_score = value
            state.best_theta = state.theta.copy()
    else:
        improved = loss <= state.best_loss - params.tol
        state.best_loss = min(state.best_loss, loss)
    state.no_improvement_count = 0 if improved else state.no_improvement_count + 1


def _go_on(params, state, schedule):
    """Set the next epoch's learning rate; whether to stop instead."""
    state.learning_rate = schedule.after_epoch(state.learning_rate, state.samples_seen)
    if state.no_improvement_count > params.n_iter_no_change:
        return _stop_at_plateau(params, state, schedule)
    return False


def _stop_at_plateau(params, state, schedule):
    """Whether to stop after `n_iter_no_change` epochs without improvement."""
    rate = schedule.on_plateau(state.learning_rate)
    if params.verbose:
        watched = "Validation score" if params.early_stopping else "Training loss"
        done = f"Setting learning rate to {rate:f}" if rate else schedule.farewell
        print(
            f"{watched} did not improve more than tol={params.tol:f} for "
            f"{params.n_iter_no_change} consecutive epochs. {done}"
        )
    if rate is None:
        return True
    state.learning_rate = rate
    state.no_improvement_count = 0
    return False


def _give_up(state, early_stopping):
    """End a diverged run: with an error, unless best parameters can be restored."""
    if not early_stopping or state.best_theta is None:
        raise ValueError(NON_FINITE)
    warnings.warn(
        f"The training loss became non-finite at iteration {state.n_iter}. Training "
        "stops, and the parameters of the best validation score are restored. Lower "
        "learning_rate_init, or scale the input data.",
        ConvergenceWarning,
        stacklevel=3,
    )
