"""The epoch loop: learning rate, stopping, history."""

import warnings
from concurrent.futures import CancelledError
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skgd.descent.schedules import make_schedule
from skgd.descent.steps import Steps
from skgd.kernels.formulas.optimizers import OPTIMIZERS

NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large "
    "values and need to be preprocessed."
)


class CutOff(RuntimeError):
    """Epochs cannot go on, for a reason outside of the fit, such as a lost cluster."""


class Ending(NamedTuple):
    """How epochs have ended.

    Attributes
    ----------
    by_request : bool
        Whether a callback has asked for it, or the user by Ctrl-C.
    cut_off : CutOff or None
        The error that has ended them from outside. What was learned before is kept, as
        after Ctrl-C.
    """

    by_request: bool = False
    cut_off: CutOff = None


class Fit(NamedTuple):
    """A call of fit or partial_fit, as its epochs see it.

    Attributes
    ----------
    params : estimator
        Read for its constructor parameters only.
    network : Network
    state : TrainingState
        Updated in place.
    samples : Samples or Parts
        What is trained on; epochs on Dask take `skgd.dask._data.Parts`.
    rows : ndarray of shape (n,) or range
        The samples to train on. It is a range of their number if the samples are on
        other machines.
    judge : Judge or None
        Gives the validation loss and score of the network as it stands.
    task : FitTask
        Tells the callbacks, one of which may ask to stop.
    interrupts : Interrupts
        The call runs in its `with` block.
    incremental : bool
        Whether it is a call of partial_fit: one epoch, which goes on where the last
        call left off.
    n_threads : int
        Threads that may be used.
    """

    params: object
    network: object
    state: object
    samples: object
    rows: object
    judge: object
    task: object
    interrupts: object
    incremental: bool
    n_threads: int

    @property
    def max_iter(self):
        """The number of epochs that there may be."""
        return 1 if self.incremental else self.params.max_iter

    @property
    def goes_on(self):
        """Whether another epoch is to come."""
        return not self.state.is_stopping and self.state.n_iter < self.max_iter

    @property
    def schedule(self):
        """The schedule of the learning rate, made of the parameters."""
        params = self.params
        return make_schedule(
            params.learning_rate, params.learning_rate_init, params.power_t
        )


def train(fit, epochs):
    """Descend until a stopping rule, `max_iter` epochs, an interrupt or divergence.

    Parameters
    ----------
    fit : Fit
    epochs : callable
        Runs the epochs, given `fit`: it calls `end_epoch` after each one, until that
        says to stop. `local_epochs` is the one for all first-order optimizers.

    Returns
    -------
    ending : Ending

    Raises
    ------
    ValueError
        If the parameters became non-finite and no best ones can be restored.
    CutOff
        If the epochs could not go on before the first one was complete.
    """
    state, interrupts = fit.state, fit.interrupts
    early_stopping, by_request, cut_off = fit.params.early_stopping, False, None
    state.early_stopping = early_stopping
    if not state.resumes:
        elsewhere = isinstance(fit.rows, range)
        state.begin(None if elsewhere else fit.rows.copy())
    interrupts.hold()
    try:
        # A search that was cut off after its last iteration has yet to say how it ends.
        is_searched = OPTIMIZERS[state.optimizer].is_searched
        is_to_say = is_searched and state.n_iter == fit.max_iter
        if fit.goes_on or (is_to_say and not state.is_stopping):
            _run(epochs, fit)
    except KeyboardInterrupt:
        if state.n_iter == 0:
            raise  # there is no epoch to keep
        by = "SIGTERM" if interrupts.is_terminated else "user"
        warnings.warn(f"Training interrupted by {by}.", stacklevel=2)
        by_request = True
    except CutOff as error:
        if state.n_iter == 0:
            raise
        cut_off = error
    else:
        if not (state.is_stopping or fit.incremental):
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({fit.max_iter}) "
                "reached and the optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=2,
            )

    ended = state.is_stopping or not fit.incremental
    state.end()
    if early_stopping and ended and state.best_theta is not None:
        state.theta = state.best_theta.copy()
    if not np.isfinite(state.theta).all():
        raise ValueError(NON_FINITE)
    return Ending(by_request or fit.task.asks_to_stop, cut_off)


def _run(epochs, fit):
    """Run epochs; tell of their end while the state could still be trained further."""
    try:
        epochs(fit)
    except (KeyboardInterrupt, CancelledError):
        fit.task.leave_epochs()
        raise
    fit.task.leave_epochs()


def local_epochs(fit, run=Steps.run_epoch):
    """Run epochs one by one.

    Parameters
    ----------
    fit : Fit
    run : callable, default=Steps.run_epoch
        Runs an epoch, given the `Steps`, and returns the number of its steps.
    """
    with make_steps(fit) as steps:
        goes_on = True
        while goes_on:
            fit.interrupts.interruptible(fit.task.begin_epoch)
            if fit.state.n_iter > 0:  # otherwise there is nothing to keep yet
                fit.interrupts.check()
            fit.task.is_whole = False
            goes_on = end_epoch(fit, *run_epoch(fit, steps, run))


def make_steps(fit):
    """Make the `Steps` of a fit."""
    return Steps(fit.params, fit.network, fit.state, fit.samples, fit.n_threads)


def run_epoch(fit, steps, run=Steps.run_epoch):
    """Run an epoch; return its loss, and its first learning rate."""
    params, state = fit.params, fit.state
    steps.begin_epoch()
    steps.rates[:] = fit.schedule.rates(state, params.max_iter, steps.n_batches)
    state.n_steps += run(steps)
    state.scheduled_epochs += 1
    return steps.loss, float(steps.rates[0])


def end_epoch(fit, loss, first_rate):
    """Write an epoch down, judge it, and tell the callbacks; return whether to go on.

    Parameters
    ----------
    fit : Fit
    loss : float
        The training loss of the epoch.
    first_rate : float
        The learning rate of its first step, nan if it has none.

    Returns
    -------
    goes_on : bool
    """
    params, state, interrupts = fit.params, fit.state, fit.interrupts
    fit.task.is_whole = False
    write_down(fit, loss, first_rate)
    if np.isfinite(loss):
        state.is_stopping = _is_to_stop(params, state, fit.schedule)
    # Callbacks come last, so that the estimator that they see could be trained further.
    if interrupts.interruptible(fit.task.end_epoch, loss):
        state.is_stopping = True
    if not np.isfinite(loss):
        _give_up(state, params.early_stopping)
        state.is_stopping = True
    interrupts.check()
    return fit.goes_on


def write_down(fit, loss, first_rate, *, is_epoch=True):
    """Write an epoch into the history, and count epochs without improvement.

    Parameters
    ----------
    fit : Fit
    loss, first_rate : float
        As in `end_epoch`.
    is_epoch : bool, default=True
        Whether it counts; a start that is a minimum already is not an epoch.
    """
    params, state = fit.params, fit.state
    if is_epoch:
        state.n_iter += 1
        state.samples_seen += len(fit.rows)
    state.loss_curve.append(loss)
    state.learning_rate_curve.append(first_rate)
    if params.verbose:
        print(f"Iteration {state.n_iter}, loss = {loss:.8f}")

    state.is_judged = fit.judge is not None
    if state.is_judged:
        value = float("nan")  # it stays where the training loss is not finite
        state.validation_losses.append(value)
        state.validation_scores.append(value)
        if np.isfinite(loss):
            state.validation_losses[-1], value = fit.judge(fit.interrupts)
            state.validation_scores[-1] = value
        if params.verbose:
            print(f"Validation score: {value:f}")

    if params.early_stopping:
        improved = value >= state.best_validation_score + params.tol
        if value > state.best_validation_score:
            state.best_validation_score = value
            state.best_theta = state.theta.copy()
    else:
        # L-BFGS ends by rules of its own, which read `tol` too.
        has_own_rules = OPTIMIZERS[state.optimizer].is_searched
        improved = has_own_rules or loss <= state.best_loss - params.tol
        state.best_loss = min(state.best_loss, loss)
    state.no_improvement_count = 0 if improved else state.no_improvement_count + 1


def _is_to_stop(params, state, schedule):
    """Set the next epoch's learning rate; return whether to stop instead."""
    state.learning_rate = schedule.after_epoch(state.learning_rate, state.samples_seen)
    if state.no_improvement_count > params.n_iter_no_change:
        return _stop_at_plateau(params, state, schedule)
    return False


def _stop_at_plateau(params, state, schedule):
    """Return whether to stop after `n_iter_no_change` epochs without improvement."""
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
