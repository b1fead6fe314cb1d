"""Ctrl-C: it waits for the end of the epoch, and what was learned is kept."""

import importlib.util
import os
import signal
import threading
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import ConvergenceWarning

import skgd.descent.loop
import skgd.descent.steps
from skgd import GDNeuralClassifier, GDNeuralRegressor
from skgd.descent.interrupts import Interrupts
from skgd.descent.state import TrainingState
from tests.inside import best_theta_of, memory_of, theta_of

pytestmark = pytest.mark.faults

ESTIMATORS = [GDNeuralRegressor, GDNeuralClassifier]
SOLVERS = ["batch", "sgd", "minibatch"]
each_estimator = pytest.mark.parametrize("Estimator", ESTIMATORS)
each_solver = pytest.mark.parametrize("solver", SOLVERS)

rng = np.random.default_rng(0)
X = rng.standard_normal((400, 4))
y = (X[:, 0] > X[:, 1]).astype(int)


def make(Estimator, **params):
    params = {"max_iter": 100_000, "n_iter_no_change": np.inf} | params
    return Estimator((5,), random_state=0, **params)


def fit(estimator, *data, **params):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y, *data, **params)


def fit_interrupted(estimator, **params):
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        return estimator.fit(X, y, **params)


def assert_of_whole_epochs(estimator):
    """The model is that of a fit which was asked for so many epochs only."""
    n = estimator.n_iter_
    assert n >= 1
    expected = fit(type(estimator)(**estimator.get_params()).set_params(max_iter=n))
    assert estimator.loss_curve_ == expected.loss_curve_
    assert estimator.learning_rate_curve_ == expected.learning_rate_curve_
    assert estimator.t_ == expected.t_
    assert_array_equal(theta_of(estimator), theta_of(expected))
    assert_array_equal(memory_of(estimator), memory_of(expected))


def ctrl_c():
    signal.raise_signal(signal.SIGINT)


@pytest.fixture
def ctrl_c_after(monkeypatch):
    """Have Ctrl-C pressed so many seconds after the next fit's epochs have begun."""
    timers = []

    def press(delay):
        hold = Interrupts.hold

        def begin(interrupts):
            monkeypatch.setattr(Interrupts, "hold", hold)
            result = hold(interrupts)
            timers.append(threading.Timer(delay, os.kill, [os.getpid(), signal.SIGINT]))
            timers[-1].start()
            return result

        monkeypatch.setattr(Interrupts, "hold", begin)

    yield press
    for timer in timers:
        timer.join()


@each_estimator
@each_solver
@pytest.mark.parametrize("early_stopping", [False, True])
def test_at_any_moment_the_last_whole_epoch_is_kept(
    Estimator, solver, early_stopping, ctrl_c_after
):
    for delay in np.random.default_rng(0).uniform(0, 0.05, 8):
        ctrl_c_after(delay)
        estimator = make(Estimator, solver=solver, early_stopping=early_stopping)
        fit_interrupted(estimator)
        assert len(estimator.loss_curve_) == estimator.n_iter_
        assert_of_whole_epochs(estimator)
        assert np.isfinite(estimator.predict(X)).all()


@each_solver
def test_between_training_and_records_it_waits(monkeypatch, solver):
    """Where an epoch would be cut off from its records."""
    record = skgd.descent.loop.write_down

    def interrupted(fit, *args):
        if fit.state.n_iter == 2:
            ctrl_c()
        record(fit, *args)
        if fit.state.n_iter == 3:
            ctrl_c()  # a second time, before it was looked at

    monkeypatch.setattr(skgd.descent.loop, "write_down", interrupted)
    regressor = fit_interrupted(make(GDNeuralRegressor, solver=solver))
    monkeypatch.undo()
    assert regressor.n_iter_ == 3
    assert_of_whole_epochs(regressor)


def test_a_scorer_is_interrupted_at_once():
    calls = []

    def scorer(estimator, X, y):
        calls.append(1)
        if len(calls) == 3:
            ctrl_c()
            calls.append("went on")
        return 0.0

    regressor = make(GDNeuralRegressor, scoring=scorer)
    fit_interrupted(regressor, X_val=X, y_val=y)
    assert calls == [1, 1, 1]
    assert len(regressor.validation_scores_) == regressor.n_iter_ == 3
    assert np.isnan(regressor.validation_scores_[-1])
    assert regressor.best_loss_ == min(regressor.loss_curve_)
    assert_of_whole_epochs(regressor.set_params(scoring=None))


class PressesCtrlC:
    """A callback in which Ctrl-C is pressed; what follows there is not done."""

    def __init__(self, when, task="epoch", after=3):
        self.when, self.task, self.after = when, task, after

    def setup(self, estimator, context):
        self.n_calls, self.went_on = 0, False

    def teardown(self, estimator, context):
        pass

    def _told(self, when, context):
        if (when, context.task_name) == (self.when, self.task):
            self.n_calls += 1
            if self.n_calls == self.after:
                ctrl_c()
                self.went_on = True

    def on_fit_task_begin(self, estimator, context):
        self._told("begin", context)

    def on_fit_task_end(self, estimator, context):
        self._told("end", context)


with_callbacks = pytest.mark.skipif(
    importlib.util.find_spec("sklearn.callback") is None,
    reason="scikit-learn has callbacks from 1.9 on",
)


@with_callbacks
@each_solver
@pytest.mark.parametrize(("when", "n_epochs"), [("begin", 2), ("end", 3)])
def test_a_callback_is_interrupted_at_once_and_whole_epochs_kept(
    solver, when, n_epochs
):
    callback = PressesCtrlC(when)
    regressor = make(GDNeuralRegressor, solver=solver).set_callbacks(callback)
    fit_interrupted(regressor)
    assert not callback.went_on
    assert regressor.n_iter_ == n_epochs
    assert_of_whole_epochs(regressor.set_callbacks())


@with_callbacks
def test_at_the_end_of_a_fit_nothing_is_lost():
    callback = PressesCtrlC("end", task="fit", after=1)
    regressor = make(GDNeuralRegressor, max_iter=4).set_callbacks(callback)
    with pytest.raises(KeyboardInterrupt):
        fit(regressor)
    assert not callback.went_on
    assert regressor.n_iter_ == 4
    assert_of_whole_epochs(regressor.set_callbacks())


def test_after_the_last_epoch_it_waits_for_the_end_of_the_fit(monkeypatch):
    """Where nobody looks any more; it is not forgotten."""
    end = TrainingState.end
    monkeypatch.setattr(TrainingState, "end", lambda state: (ctrl_c(), end(state)))
    regressor = make(GDNeuralRegressor, max_iter=4)
    with pytest.raises(KeyboardInterrupt):
        fit(regressor)
    monkeypatch.undo()
    assert regressor.n_iter_ == 4
    assert_of_whole_epochs(regressor)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_partial_fit_keeps_its_epoch():
    regressor = make(GDNeuralRegressor).partial_fit(X, y)
    expected = make(GDNeuralRegressor).partial_fit(X, y).partial_fit(X, y)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        _partial_fit_and_interrupt(regressor)
    assert_array_equal(theta_of(regressor), theta_of(expected))
    assert regressor.loss_curve_ == expected.loss_curve_


def _partial_fit_and_interrupt(regressor):
    with pytest.MonkeyPatch.context() as patch:
        shuffle = skgd.descent.steps.shuffle
        patch.setattr(
            skgd.descent.steps, "shuffle", lambda *args: (ctrl_c(), shuffle(*args))
        )
        regressor.partial_fit(X, y)


@each_solver
def test_before_the_first_epoch_nothing_is_changed(monkeypatch, solver):
    def interrupted(*args):
        raise KeyboardInterrupt  # by a handler of the user's own

    monkeypatch.setattr(skgd.descent.loop, "write_down", interrupted)
    regressor = make(GDNeuralRegressor, solver=solver)
    with pytest.raises(KeyboardInterrupt):
        regressor.fit(X, y)
    assert not hasattr(regressor, "coefs_")


def test_best_weights_are_restored(ctrl_c_after):
    regressor = make(GDNeuralRegressor, early_stopping=True, learning_rate_init=0.05)
    ctrl_c_after(0.1)
    fit_interrupted(regressor)
    assert_array_equal(theta_of(regressor), best_theta_of(regressor))
    assert regressor.best_validation_score_ == max(regressor.validation_scores_)


def test_the_handler_is_put_back():
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    fit(make(GDNeuralRegressor, max_iter=2))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(ValueError, match="y"):
        make(GDNeuralRegressor).fit(X, np.full(len(X), np.nan))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_ones_own_is_left_alone():
    seen = []

    def handle(number, frame):
        seen.append(number)

    def scorer(estimator, X, y):
        if not seen:
            ctrl_c()
        return 0.0

    former = signal.signal(signal.SIGINT, handle)
    try:
        regressor = make(GDNeuralRegressor, scoring=scorer, max_iter=5)
        fit(regressor, X_val=X, y_val=y)
        assert seen == [signal.SIGINT]
        assert regressor.n_iter_ == 5
        assert signal.getsignal(signal.SIGINT) is handle
    finally:
        signal.signal(signal.SIGINT, former)


def test_fits_in_other_threads_touch_no_signals():
    results = []
    thread = threading.Thread(
        target=lambda: results.append(fit(make(GDNeuralRegressor, max_iter=3)))
    )
    thread.start()
    thread.join()
    assert results[0].n_iter_ == 3
