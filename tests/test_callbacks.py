"""scikit-learn's callbacks: what they are told, and that they may stop a fit."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgd import GDNeuralClassifier, GDNeuralRegressor

callback = pytest.importorskip(
    "sklearn.callback", reason="scikit-learn has callbacks from 1.9 on"
)

ESTIMATORS = [GDNeuralRegressor, GDNeuralClassifier]
SOLVERS = ["batch", "sgd", "minibatch"]


class Recorder:
    """Writes down what it is told."""

    def __init__(self):
        self.told, self.fitted = [], []

    def setup(self, estimator, context):
        self.told.append("setup")

    def teardown(self, estimator, context):
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.told.append(f"{context.task_name} begins")

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.told.append(f"{context.task_name} ends")
        if context.task_name == "epoch":
            self.fitted.append(fitted_estimator)
            self.data = X, y, metadata


class StopAt(Recorder):
    """Stops the fit once the training loss is low enough: a user's own callback."""

    def __init__(self, loss):
        super().__init__()
        self.loss = loss

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        return fitted_estimator.loss_curve_[-1] <= self.loss


class Broken(Recorder):
    """Fails at the end of the epoch of this number."""

    def __init__(self, last):
        super().__init__()
        self.last = last

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == self.last:
            raise RuntimeError("out of order")


def make_data():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((90, 4))
    return X, (X[:, 0] > 0).astype(int)


def fit(estimator, *args, method="fit", **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return getattr(estimator, method)(*args, **kwargs)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_it_is_told_of_the_fit_and_of_each_epoch(Estimator, solver):
    X, y = make_data()
    recorder = Recorder()
    estimator = Estimator((5,), solver=solver, max_iter=2).set_callbacks(recorder)
    fit(estimator, X, y)
    epoch = ["epoch begins", "epoch ends"]
    expected = ["setup", "fit begins", *epoch, *epoch, "fit ends", "teardown"]
    assert recorder.told == expected
    recorder.told.clear()
    fit(estimator, X, y, method="partial_fit")
    around = ["partial-fit begins", *epoch, "partial-fit ends"]
    assert recorder.told == ["setup", *around, "teardown"]


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_it_sees_the_estimator_as_if_it_had_stopped_then(Estimator, solver):
    # Also later, when training has gone on.
    X, y = make_data()
    recorder = Recorder()
    estimator = Estimator((5,), solver=solver, max_iter=3, random_state=0)
    fit(clone(estimator).set_callbacks(recorder), X, y)
    for n_epochs, seen in enumerate(recorder.fitted, start=1):
        stopped = fit(clone(estimator).set_params(max_iter=n_epochs), X, y)
        assert_array_equal(seen.predict(X), stopped.predict(X))
        for name in ("loss_curve_", "n_iter_", "t_", "learning_rate_curve_"):
            assert getattr(seen, name) == getattr(stopped, name), name


def test_what_it_sees_can_be_trained_on_without_harm():
    X, y = make_data()

    class Meddler(Recorder):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            fitted_estimator.set_callbacks().partial_fit(X, y)

    regressor = GDNeuralRegressor((5,), max_iter=3, random_state=0)
    meddled = fit(clone(regressor).set_callbacks(Meddler()), X, y)
    fit(regressor, X, y)
    assert_array_equal(meddled.predict(X), regressor.predict(X))
    assert meddled.loss_curve_ == regressor.loss_curve_


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_it_may_stop_the_fit(Estimator, solver):
    X, y = make_data()
    estimator = Estimator((5,), solver=solver, max_iter=50, random_state=0)
    losses = fit(clone(estimator), X, y).loss_curve_
    estimator.set_callbacks(StopAt(losses[6])).fit(X, y)  # without a warning
    assert estimator.n_iter_ == 7
    assert estimator.loss_curve_ == losses[:7]
    stopped = fit(clone(estimator).set_callbacks().set_params(max_iter=7), X, y)
    assert_array_equal(estimator.predict(X), stopped.predict(X))


def test_a_fit_that_it_stops_early_has_the_best_weights():
    X, y = make_data()
    regressor = GDNeuralRegressor(
        (30,), early_stopping=True, learning_rate_init=0.5, random_state=0
    )

    class Worse(Recorder):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            scores = fitted_estimator.validation_scores_
            return scores[-1] < max(scores)

    regressor.set_callbacks(Worse()).fit(X, y, X_val=X, y_val=y)
    scores = regressor.validation_scores_
    assert scores[-1] < scores[-2]
    assert_allclose(regressor.score(X, y), scores[-2])


def test_it_is_told_of_the_rows_that_are_trained_on():
    X, y = make_data()
    X = pd.DataFrame(X, columns=list("abcd"))
    weight = np.linspace(0.5, 2, len(X))
    recorder = Recorder()
    regressor = GDNeuralRegressor((5,), max_iter=1, early_stopping=True)
    fit(regressor.set_callbacks(recorder), X, y, sample_weight=weight)
    X_seen, y_seen, metadata = recorder.data
    assert len(X_seen) == 81  # without the tenth that is held out
    assert_array_equal(X_seen, X.loc[X_seen.index])
    assert_array_equal(y_seen, y[X_seen.index])
    assert_array_equal(metadata["sample_weight"], weight[X_seen.index])


@pytest.mark.parametrize(
    "options",
    [
        {"learning_rate": "invscaling"},
        {"learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 1e9},
    ],
)
def test_training_goes_on_from_where_it_has_stopped(options):
    # With the learning rate that the next epoch would have had.
    X, y = make_data()
    regressor = GDNeuralRegressor((5,), max_iter=50, random_state=0, **options)
    losses = fit(clone(regressor).set_params(max_iter=8), X, y).loss_curve_
    stopped = clone(regressor).set_callbacks(StopAt(losses[3])).fit(X, y)
    n_epochs = stopped.n_iter_
    assert n_epochs == 4
    plain = fit(clone(regressor).set_params(max_iter=n_epochs), X, y)
    for estimator in (stopped.set_callbacks(), plain):
        estimator.partial_fit(X, y)
    assert stopped.learning_rate_curve_ == plain.learning_rate_curve_
    assert_array_equal(stopped.predict(X), plain.predict(X))


def test_x_is_not_copied_for_it():
    X, y = make_data()
    recorder = Recorder()
    fit(GDNeuralRegressor((5,), max_iter=1).set_callbacks(recorder), X, y)
    assert recorder.data[0] is X


def test_it_gets_no_estimator_that_has_overflowed():
    X, y = make_data()
    recorder = Recorder()
    regressor = GDNeuralRegressor(
        *((5,), "identity"),
        **{"solver": "batch", "optimizer": "gd", "learning_rate_init": 1e200},
    )
    with pytest.raises(ValueError, match="non-finite"):
        regressor.set_callbacks(recorder).fit(X, y)
    assert recorder.fitted[-1] is None


def test_a_copy_is_not_in_the_midst_of_a_fit():
    X, y = make_data()
    recorder = Recorder()
    fit(GDNeuralRegressor((5,), max_iter=1).set_callbacks(recorder), X, y)
    assert not hasattr(recorder.fitted[0], "_callback_fit_ctx")


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_failing_one_leaves_the_estimator_as_it_was(Estimator, method):
    X, y = make_data()
    estimator = Estimator((5,), max_iter=3, random_state=0)
    fit(estimator, X, y)
    before = estimator.predict(X)
    broken = Broken(last={"fit": 1, "partial_fit": 0}[method])
    estimator.set_callbacks(broken)
    with pytest.raises(RuntimeError, match="out of order"):
        getattr(estimator, method)(X, y)
    assert broken.told[-1] == "teardown"
    assert_array_equal(estimator.predict(X), before)
    assert not hasattr(estimator, "_callback_fit_ctx")
    fit(estimator.set_callbacks(), X, y)


def test_callbacks_change_nothing():
    X, y = make_data()
    plain = GDNeuralRegressor((5,), max_iter=4, dropout=0.2, random_state=0)
    watched = fit(clone(plain).set_callbacks(Recorder()), X, y)
    fit(plain, X, y)
    assert_array_equal(watched.predict(X), plain.predict(X))
    assert vars(watched).keys() - vars(plain).keys() == {"_skl_callbacks"}


# scikit-learn's own -------------------------------------------------------------------


def test_scoring_monitor_has_the_score_of_each_epoch():
    X, y = make_data()
    monitor = callback.ScoringMonitor(scoring="r2")
    regressor = GDNeuralRegressor((5,), max_iter=4, random_state=0)
    regressor.set_callbacks(monitor)
    fit(regressor, X, y)
    scores = [
        row["r2"] for row in monitor.get_logs().data if row["task_name"] == "epoch"
    ]
    expected = [
        r2_score(y, fit(clone(regressor).set_params(max_iter=n), X, y).predict(X))
        for n in range(1, 5)
    ]
    assert_allclose(scores, expected)


def test_scoring_monitor_in_a_pipeline_with_names():
    X, y = make_data()
    X = pd.DataFrame(X, columns=list("abcd"))
    monitor = callback.ScoringMonitor(scoring="r2")
    regressor = GDNeuralRegressor((5,), max_iter=3, random_state=0)
    scaler = StandardScaler().set_output(transform="pandas")
    pipeline = fit(make_pipeline(scaler, regressor.set_callbacks(monitor)), X, y)
    rows = monitor.get_logs().data
    assert [row["task_name"] for row in rows].count("epoch") == 3
    last = [row["r2"] for row in rows if row["task_name"] == "epoch"][-1]
    assert_allclose(last, pipeline.score(X, y))


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_scoring_monitor_in_a_grid_search(n_jobs):
    X, y = make_data()
    monitor = callback.ScoringMonitor(scoring="r2")
    regressor = GDNeuralRegressor((5,), max_iter=3, random_state=0)
    search = GridSearchCV(
        regressor.set_callbacks(monitor),
        {"learning_rate_init": [0.001, 0.01]},
        **{"cv": 2, "n_jobs": n_jobs},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(X, y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(rows) == 3 * (2 * 2 + 1)  # epochs of each fit, the last one on all data
    depth = min(len(row["task_id_path"]) for row in rows)
    last_fit = [row["r2"] for row in rows if len(row["task_id_path"]) == depth]
    assert len(last_fit) == 3
    assert_allclose(last_fit[-1], search.best_estimator_.score(X, y))


def test_a_search_stops_its_fits_by_a_callback():
    X, y = make_data()
    search = GridSearchCV(
        GDNeuralRegressor((5,), max_iter=50, random_state=0).set_callbacks(
            StopAt(np.inf)
        ),
        {"learning_rate_init": [0.001, 0.01]},
        cv=2,
    )
    search.fit(X, y)
    assert search.best_estimator_.n_iter_ == 1


@pytest.mark.parametrize("inside", ["estimator", "pipeline", "search"])
def test_progress_bar_goes_through(inside, capsys):
    pytest.importorskip("rich")
    X, y = make_data()
    estimator = GDNeuralRegressor((5,), max_iter=3, random_state=0)
    if inside == "pipeline":
        estimator = make_pipeline(StandardScaler(), estimator)
    if inside == "search":
        estimator = GridSearchCV(estimator, {"alpha": [0.1, 1]}, cv=2)
    fit(estimator.set_callbacks(callback.ProgressBar()), X, y)
    assert "GDNeuralRegressor" in capsys.readouterr().out
