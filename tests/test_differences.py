"""The intended differences from scikit-learn, one test each or a few.

The numbers are those of the list in docs/guide/swapping_in.rst. Where it can, a test
shows scikit-learn's behaviour beside ours, so that it says so when the difference ends.
"""

import copy
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris, make_classification, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import check_random_state

from skgd import GDNeuralClassifier, GDNeuralRegressor

quiet = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::RuntimeWarning"
)


@pytest.fixture(scope="module")
def regression():
    X, y = make_regression(120, 5, noise=1.0, random_state=0)
    return X, y / y.std()


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


# 1. Divergence --------------------------------------------------------------------


@quiet
def test_1_divergence_stops_at_first_non_finite_epoch(regression, capsys):
    X, y = regression
    diverging = {"activation": "identity", "learning_rate_init": 10.0, "max_iter": 300}
    diverging |= {"random_state": 0, "verbose": True}
    ours = GDNeuralRegressor(optimizer="nesterov", **diverging)
    with pytest.raises(ValueError, match="non-finite parameter weights") as our_error:
        ours.fit(X, y)
    our_losses = capsys.readouterr().out.splitlines()
    assert not np.isfinite(float(our_losses[-1].split()[-1]))
    assert all(np.isfinite(float(line.split()[-1])) for line in our_losses[:-1])

    with pytest.raises(ValueError, match="non-finite parameter weights") as error:
        MLPRegressor(solver="sgd", **diverging).fit(X, y)
    assert str(our_error.value) == str(error.value)
    assert len(our_losses) < len(capsys.readouterr().out.splitlines()) == 300


def test_1_divergence_with_early_stopping_restores_the_best_weights(iris):
    # scikit-learn's own test of this, and more.
    X, y = load_iris(return_X_y=True)
    regressor = GDNeuralRegressor(
        activation="identity",
        optimizer="nesterov",
        learning_rate_init=1,
        early_stopping=True,
        max_iter=1000,
        tol=0,
        n_iter_no_change=1000,
        random_state=0,
    )
    with (
        pytest.warns(ConvergenceWarning, match="non-finite"),
        pytest.warns(ConvergenceWarning, match="has learned nothing"),
    ):
        regressor.fit(X, y)
    scores = regressor.validation_scores_
    assert isinstance(scores[-1], float)
    assert np.isnan(scores[-1])
    assert len(scores) == regressor.n_iter_ == len(regressor.loss_curve_) < 1000
    assert regressor.best_validation_score_ == np.nanmax(scores)
    assert np.isfinite(regressor.predict(X)).all()


# 2. Best weights and counters -----------------------------------------------------


@quiet
def test_2_best_weights_are_never_aliased(iris):
    X, y = iris
    options = {"early_stopping": True, "warm_start": True, "random_state": 0}
    ours = GDNeuralClassifier(**options, max_iter=5).fit(X, y)
    theirs = MLPClassifier(**options, max_iter=5).fit(X, y)
    assert np.shares_memory(theirs.coefs_[0], theirs._best_coefs[0])
    best = ours._state.best_theta.copy()
    ours.coefs_[0] += 1
    assert_array_equal(ours._state.best_theta, best)


@quiet
def test_2_warm_refit_cannot_spoil_the_best_score(iris):
    X, y = iris
    classifier = GDNeuralClassifier(
        early_stopping=True, warm_start=True, learning_rate_init=0.01, random_state=0
    ).fit(X, y)
    best, coefs = classifier.best_validation_score_, classifier.coefs_[0].copy()
    # A rate that does nothing but harm.
    classifier.set_params(learning_rate_init=30.0, max_iter=3).fit(X, y)
    assert max(classifier.validation_scores_[-3:]) < best
    assert classifier.best_validation_score_ == best
    assert_array_equal(classifier.coefs_[0], coefs)


@quiet
def test_2_warm_refit_resets_the_counters(iris):
    X, y = iris
    options = {"early_stopping": True, "warm_start": True, "random_state": 0}
    options |= {"tol": 1.0, "n_iter_no_change": 4}  # every epoch after the first counts
    ours = GDNeuralClassifier(**options).fit(X, y)
    first = ours.n_iter_
    theirs = MLPClassifier(**options).fit(X, y)
    assert ours.fit(X, y).n_iter_ == 5
    assert first == 6  # the first epoch improves on no score at all
    assert theirs.fit(X, y).n_iter_ == 1


# 3. Validation data ---------------------------------------------------------------


class Recorder:
    """A scorer that keeps the targets that it is shown."""

    def __init__(self):
        self.seen = []

    def __call__(self, estimator, X, y):
        self.seen.append(np.array(y))
        return r2_score(y, estimator.predict(X)) if y.dtype.kind == "f" else 0.0


@quiet
@pytest.mark.parametrize("seed", [0, None])
def test_3_warm_refit_keeps_validation_split(regression, seed):
    X, _ = regression
    y = np.linspace(-1, 1, len(X))  # each target names its row
    recorder = Recorder()
    regressor = GDNeuralRegressor(
        early_stopping=True,
        scoring=recorder,
        warm_start=True,
        max_iter=2,
        random_state=seed,
    )
    for _ in range(3):
        regressor.fit(X, y)
    held_out = recorder.seen[0]
    assert len(held_out) == 12
    assert len(recorder.seen) == 3 * 2 + 2  # and the start of each refit
    for targets in recorder.seen[1:]:
        assert_array_equal(targets, held_out)
    # Other data, fewer or more, are split anew; so is another fraction.
    regressor.fit(X[:100], y[:100])
    assert len(recorder.seen[-1]) == 10
    regressor.fit(X, y)
    assert len(recorder.seen[-1]) == 12
    regressor.set_params(validation_fraction=0.5).fit(X, y)
    assert len(recorder.seen[-1]) == 60


@quiet
def test_3_a_split_is_forgotten_once_its_rows_are_trained_on(regression):
    X, _ = regression
    y = np.linspace(-1, 1, len(X))
    recorder = Recorder()
    options = {"early_stopping": True, "warm_start": True, "max_iter": 1}
    regressor = GDNeuralRegressor(scoring=recorder, **options)
    regressor.fit(X, y)
    held_out = recorder.seen[0]
    regressor.fit(X, y, X_val=X[:5], y_val=y[:5]).fit(X, y)
    assert len(recorder.seen[-1]) == len(held_out)
    assert not np.array_equal(recorder.seen[-1], held_out)


@quiet
def test_3_validation_data_bypass_the_split(regression):
    X, y = regression
    recorder = Recorder()
    options = {"early_stopping": True, "max_iter": 3, "random_state": 0}
    options["scoring"] = recorder
    split = GDNeuralRegressor(**options).fit(X, y)
    given = GDNeuralRegressor(**options).fit(X, y, X_val=X[:7], y_val=y[:7])
    assert_array_equal(recorder.seen[-1], y[:7])
    assert split.t_ == 3 * 108
    assert given.t_ == 3 * 120
    whole = GDNeuralRegressor(max_iter=3, random_state=0).fit(X, y)
    assert_array_equal(given.loss_curve_, whole.loss_curve_)


# 4. Stratified split --------------------------------------------------------------


@quiet
def test_4_multiclass_split_is_stratified():
    X, y = make_classification(
        400, 5, n_informative=3, n_classes=3, weights=[0.85, 0.1], random_state=0
    )
    recorder = Recorder()
    options = {"early_stopping": True, "scoring": recorder, "max_iter": 1}
    for seed in range(5):
        GDNeuralClassifier(random_state=seed, **options).fit(X, y)
    expected = np.bincount(y) / 10
    for y_val in recorder.seen:
        assert np.abs(np.bincount(y_val, minlength=3) - expected).max() < 1


# 5. partial_fit -------------------------------------------------------------------


def test_5_partial_fit_goes_on_drawing(regression):
    # As scikit-learn does if, instead of an int, it is given one generator to share.
    X, y = regression
    ours = GDNeuralRegressor(batch_size=16, random_state=0)
    shared = MLPRegressor(batch_size=16, random_state=np.random.RandomState(0))
    repeating = MLPRegressor(batch_size=16, random_state=0)
    for _ in range(4):
        for estimator in (ours, shared, repeating):
            estimator.partial_fit(X, y)
    assert_allclose(ours.loss_curve_, shared.loss_curve_, rtol=1e-10)
    assert not np.allclose(ours.loss_curve_, repeating.loss_curve_, rtol=1e-5)


def test_5_partial_fit_works_with_early_stopping_on_given_data(regression):
    X, y = regression
    given = {"X_val": X[:20], "y_val": y[:20]}
    options = {"early_stopping": True, "learning_rate_init": 0.01, "tol": 0.01}
    options |= {"n_iter_no_change": 3, "solver": "batch", "random_state": 0}
    whole = GDNeuralRegressor(**options).fit(X, y, **given)
    by_calls = GDNeuralRegressor(**options)
    for _ in range(whole.n_iter_ - 1):
        by_calls.partial_fit(X, y, **given)
        assert_array_equal(
            by_calls.validation_scores_,
            whole.validation_scores_[: len(by_calls.validation_scores_)],
        )
    # The best weights come back only in the call that ends the patience.
    assert not np.array_equal(by_calls.coefs_[0], whole.coefs_[0])
    by_calls.partial_fit(X, y, **given)
    assert_array_equal(by_calls.coefs_[0], whole.coefs_[0])
    assert by_calls.best_validation_score_ == whole.best_validation_score_


def test_5_partial_fit_learns_on_after_its_patience_has_ended(regression):
    X, y = regression
    options = {"early_stopping": True, "learning_rate_init": 0.01, "random_state": 0}
    regressor = GDNeuralRegressor(**options).fit(X, y, X_val=X[:20], y_val=y[:20])
    other = {"X_val": X[:20], "y_val": -y[:20]}
    regressor.partial_fit(X, -y, **other)
    before = regressor.best_validation_score_
    for _ in range(20):
        regressor.partial_fit(X, -y, **other)
    assert regressor.best_validation_score_ > before + 0.1
    assert regressor.score(X, -y) > before + 0.1


@pytest.mark.parametrize("seed", [7, None])
def test_5_partial_fit_takes_a_new_random_state(regression, seed):
    X, y = regression
    first = GDNeuralRegressor(batch_size=16, random_state=0).partial_fit(X, y)
    second = copy.deepcopy(first)
    check_random_state(None).seed(7)  # NumPy's global generator
    first.set_params(random_state=seed).partial_fit(X, y)
    second.set_params(random_state=np.random.RandomState(7)).partial_fit(X, y)
    assert_array_equal(first.coefs_[0], second.coefs_[0])


def test_5_partial_fit_takes_a_new_schedule(regression):
    X, y = regression
    regressor = GDNeuralRegressor(learning_rate="invscaling", random_state=0)
    regressor.partial_fit(X, y).partial_fit(X, y)
    regressor.set_params(learning_rate="constant").partial_fit(X, y)
    rates = regressor.learning_rate_curve_
    assert rates[0] == rates[2] == 0.001 > rates[1]


def test_5_partial_fit_takes_a_new_learning_rate(regression):
    X, y = regression
    steady = GDNeuralRegressor(optimizer="gd", solver="batch", random_state=0)
    steady.partial_fit(X, y)
    before = steady.coefs_[0].copy()
    faster = copy.deepcopy(steady).set_params(learning_rate_init=0.002)
    steady.partial_fit(X, y)
    faster.partial_fit(X, y)
    assert_allclose(
        faster.coefs_[0] - before, 2 * (steady.coefs_[0] - before), rtol=1e-9
    )
    assert faster.learning_rate_curve_ == [0.001, 0.002]


# 6. Logarithms of probabilities ---------------------------------------------------


@quiet
@pytest.mark.parametrize("n_classes", [2, 3])
def test_6_log_proba_is_finite(n_classes):
    X, y = make_classification(
        100, 5, n_informative=3, n_redundant=0, n_classes=n_classes, random_state=0
    )
    options = {"hidden_layer_sizes": (20,), "max_iter": 30, "random_state": 0}
    ours = GDNeuralClassifier(**options).fit(X, y)
    theirs = MLPClassifier(**options).fit(X, y)
    far = 1e5 * X
    assert np.isneginf(theirs.predict_log_proba(far)).any()
    log_proba = ours.predict_log_proba(far)
    assert np.isfinite(log_proba).all()
    with np.errstate(divide="ignore"):
        expected = np.log(ours.predict_proba(far))
    finite = np.isfinite(expected)
    assert_allclose(log_proba[finite], expected[finite], rtol=1e-6, atol=1e-12)
    near = ours.predict_log_proba(X)
    assert_allclose(near, np.log(ours.predict_proba(X)), rtol=1e-9, atol=1e-12)


# 7. Weights of zero ---------------------------------------------------------------


@quiet
@pytest.mark.parametrize("solver", ["sgd", "minibatch"])
def test_7_batch_without_weight_makes_no_step(regression, solver):
    X, y = regression
    weight = np.ones(len(X))
    weight[60:] = 0
    options = {"shuffle": False, "max_iter": 3, "random_state": 0}
    batch_size = 1 if solver == "sgd" else 20
    ours = GDNeuralRegressor(solver=solver, batch_size=batch_size, **options)
    ours.fit(X, y, weight)
    # scikit-learn divides by the batch's weight.
    with pytest.raises(ZeroDivisionError):
        MLPRegressor(batch_size=batch_size, **options).fit(X, y, weight)
    without = GDNeuralRegressor(solver=solver, batch_size=batch_size, **options)
    without.fit(X[:60], y[:60])
    assert_array_equal(ours.coefs_[0], without.coefs_[0])
    assert_array_equal(ours.loss_curve_, without.loss_curve_)


# 8. Several outputs ---------------------------------------------------------------


@quiet
def test_8_multioutput_loss_is_summed():
    X, Y = make_regression(80, 5, n_targets=3, random_state=0)
    Y /= Y.std()
    options = {"alpha": 0.0, "max_iter": 5, "random_state": 0}
    ours = GDNeuralRegressor(**options).fit(X, Y)
    theirs = MLPRegressor(**options).fit(X, Y)
    assert_allclose(ours.loss_curve_, 3 * np.array(theirs.loss_curve_), rtol=1e-10)
    assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-8)

    # Loss and gradient agree: a step of plain descent lowers the loss by rate * |g|^2.
    rate = 1e-6
    options |= {"solver": "batch", "optimizer": "gd", "learning_rate_init": rate}
    regressor = GDNeuralRegressor(**options).fit(X, Y)
    before = np.concatenate([c.ravel() for c in regressor.coefs_])
    intercepts = np.concatenate(regressor.intercepts_).copy()
    loss = np.sum((Y - regressor.predict(X)) ** 2) / (2 * len(X))
    regressor.partial_fit(X, Y)
    assert_allclose(regressor.loss_, loss, rtol=1e-12)
    moved = np.concatenate([c.ravel() for c in regressor.coefs_]) - before
    moved = np.append(moved, np.concatenate(regressor.intercepts_) - intercepts)
    after = np.sum((Y - regressor.predict(X)) ** 2) / (2 * len(X))
    assert_allclose(loss - after, moved @ moved / rate, rtol=1e-4)


# 9. Schedules ---------------------------------------------------------------------


@quiet
def test_9_schedules_act_on_every_optimizer(regression):
    X, y = regression
    options = {"max_iter": 6, "random_state": 0}
    theirs = [
        MLPRegressor(learning_rate=schedule, **options).fit(X, y).loss_curve_
        for schedule in ("constant", "invscaling")
    ]
    assert_array_equal(*theirs)  # read by scikit-learn's solver="sgd" only
    ours = GDNeuralRegressor(learning_rate="invscaling", **options).fit(X, y)
    t = 120 * np.arange(1, 6)
    assert_allclose(ours.learning_rate_curve_, [0.001, *(0.001 / np.sqrt(t + 1))])
    constant = GDNeuralRegressor(**options).fit(X, y)
    assert constant.learning_rate_curve_ == [0.001] * 6
    assert_allclose(constant.loss_curve_, theirs[0], rtol=1e-10)
    assert ours.loss_curve_[:2] == constant.loss_curve_[:2]
    assert ours.loss_curve_[2] > constant.loss_curve_[2]


def test_9_adaptive_lowers_the_rate_of_adam(regression):
    X, y = regression
    regressor = GDNeuralRegressor(
        learning_rate="adaptive", tol=0.5, n_iter_no_change=1, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        regressor.fit(X, y)
    rates = np.array(regressor.learning_rate_curve_)
    ratios = rates[:-1] / rates[1:]
    assert_allclose(ratios[ratios != 1], 5)
    assert rates[-1] <= 1e-6 < rates[-1] * 5.0001
