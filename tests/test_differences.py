"""The intended differences from scikit-learn, one test each or a few.

The numbers are those of the list in docs/guide/swapping_in.rst. Where it can, a test
shows scikit-learn's behaviour beside ours, so that it says so when the difference ends.
"""

import copy
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import (
    load_breast_cancer,
    load_iris,
    make_classification,
    make_regression,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score, recall_score
from sklearn.model_selection import TimeSeriesSplit, cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import check_random_state

from skgd import GDNeuralClassifier, GDNeuralRegressor
from tests.inside import best_theta_of

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
    best = best_theta_of(ours).copy()
    ours.coefs_[0] += 1
    assert_array_equal(best_theta_of(ours), best)


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


# 10. The log loss -----------------------------------------------------------------


@pytest.fixture(scope="module")
def raw_cancer():
    """Features of very different scales, on which an untrained net is far too sure."""
    return load_breast_cancer(return_X_y=True)


def log_loss_of(classifier, X, y):
    """By the logarithms of probabilities, which are finite where those round to 0."""
    own = np.searchsorted(classifier.classes_, y)
    return -classifier.predict_log_proba(X)[np.arange(len(y)), own].mean()


@quiet
def test_10_the_log_loss_is_exact_where_scikit_learn_clips_it(raw_cancer):
    X, y = raw_cancer
    options = {"activation": "identity", "batch_size": len(y), "alpha": 0.0}
    options |= {"learning_rate_init": 1e-4, "random_state": 0}
    theirs = MLPClassifier(**options).fit(X, y)
    ours = GDNeuralClassifier(**options).fit(X, y)
    # Theirs stands still at the clip, and training stops where the loss still falls.
    assert_allclose(theirs.loss_curve_, theirs.loss_, rtol=1e-12)
    assert theirs.loss_ > 22
    assert theirs.n_iter_ == 12
    assert (np.diff(ours.loss_curve_[:50]) < 0).all()
    assert ours.loss_curve_[0] > 100
    assert ours.loss_ < 5
    assert ours.n_iter_ > 50
    assert ours.score(X, y) > theirs.score(X, y) + 0.2
    # The first twelve steps are the same: their gradient is that of the exact loss.
    twelve = GDNeuralClassifier(**options, max_iter=12).fit(X, y)
    assert_allclose(twelve.coefs_[0], theirs.coefs_[0], rtol=1e-9)
    # And the loss is the one that follows from the probabilities' logarithms.
    expected = log_loss_of(twelve, X, y)
    twelve.partial_fit(X, y)
    assert_allclose(twelve.loss_, expected, rtol=1e-12)


@quiet
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("solver", ["batch", "sgd", "minibatch"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_10_losses_far_beyond_the_clip(iris, solver, dtype, n_classes):
    X, y = iris
    X, y = 1e4 * X[y < n_classes].astype(dtype), y[y < n_classes]
    still = {"learning_rate_init": 1e-300, "optimizer": "gd", "alpha": 0.0}
    classifier = GDNeuralClassifier(
        (), solver=solver, random_state=0, max_iter=1, **still
    ).fit(X, y)
    expected = log_loss_of(classifier, X, y)
    assert 100 < expected < 1e6
    assert_allclose(classifier.loss_, expected, rtol=1e-12 if X.itemsize == 8 else 1e-5)
    classifier.partial_fit(X, y, X_val=X, y_val=y)
    rtol = 1e-12 if X.itemsize == 8 else 1e-5
    assert_allclose(classifier.validation_loss_curve_, [expected], rtol=rtol)


# 11. Weights in steps from single samples -----------------------------------------

ONE_BY_ONE = {
    "sgd": {"solver": "sgd"},
    "minibatch": {"solver": "minibatch", "batch_size": 1},
}
one_by_one = pytest.mark.parametrize("kind", ONE_BY_ONE)


def least_mean_squares(X, y, weights, rate, alpha, theta, mean=None):
    """Steps of a linear model, one sample after the other: slopes and intercept."""
    mean = np.mean(weights[weights > 0]) if mean is None else mean
    theta = theta.copy()
    for x, target, weight in zip(X, y, weights, strict=True):
        if weight > 0:
            error = x @ theta[:-1] + theta[-1] - target
            gradient = weight / mean * error * np.append(x, 1.0)
            gradient[:-1] += alpha * theta[:-1]
            theta -= rate * gradient
    return theta


def linear(kind="sgd", **params):
    params = {"optimizer": "gd", "shuffle": False, "max_iter": 1} | params
    return GDNeuralRegressor((), random_state=0, **ONE_BY_ONE[kind], **params)


def theta_of(estimator):
    """All parameters of a linear model."""
    return np.append(estimator.coefs_[0], estimator.intercepts_[0])


def initial(theta):
    """What `fit` takes of them."""
    return {"coefs_init": [theta[:-1, np.newaxis]], "intercepts_init": [theta[-1:]]}


@quiet
@one_by_one
def test_11_a_sample_of_weight_two_takes_a_step_twice_as_long(regression, kind):
    X, y = regression
    net = linear(kind, alpha=0.0, learning_rate_init=0.01).fit(X, y)
    start, moves = theta_of(net), []
    # The first row has no error, and only takes part in the mean, which is 1.
    rows, targets = X[[0, 1]], np.append(net.predict(X[:1]), y[1])
    for weights in ([1.5, 0.5], [1.0, 1.0]):
        net.fit(rows, targets, weights, **initial(start))
        moves.append(theta_of(net) - start)
    assert_allclose(moves[1], 2 * moves[0], rtol=1e-9)

    # scikit-learn divides each gradient by the weight of its batch, here one sample.
    weights = np.linspace(0.1, 3, len(y))
    options = {"alpha": 0.0, "batch_size": 1, "max_iter": 2, "random_state": 0}
    theirs = [MLPRegressor(**options).fit(X, y, w) for w in (None, weights)]
    assert_allclose(theirs[0].coefs_[0], theirs[1].coefs_[0], rtol=1e-7)
    ours = [GDNeuralRegressor(**options).fit(X, y, w) for w in (None, weights)]
    assert_allclose(ours[0].coefs_[0], theirs[0].coefs_[0], rtol=1e-7)
    assert not np.allclose(ours[0].coefs_[0], ours[1].coefs_[0], rtol=1e-3)


@quiet
@one_by_one
@pytest.mark.parametrize("alpha", [0.0, 0.3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_11_steps_are_those_of_a_reference_and_the_penalty_is_not_scaled(
    regression, kind, alpha, dtype
):
    X, y = regression
    X, y = X.astype(dtype), y.astype(dtype)
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.1, 5, len(y))
    weights[::4] = 0  # not in the mean either
    theta = rng.standard_normal(X.shape[1] + 1)
    net = linear(kind, alpha=alpha, learning_rate_init=0.01)
    net.fit(X, y, weights, **initial(theta))
    expected = least_mean_squares(X, y, weights, 0.01, alpha, theta)
    rtol = 1e-10 if dtype == np.float64 else 1e-4
    assert_allclose(theta_of(net), expected, rtol=rtol)
    used = weights > 0
    assert net.loss_ > 0
    same = linear(kind, alpha=alpha, learning_rate_init=0.01)
    same.fit(X[used], y[used], weights[used], **initial(theta))
    assert_array_equal(theta_of(net), theta_of(same))
    assert net.loss_ == same.loss_


@quiet
@one_by_one
@pytest.mark.parametrize("weight", [0.1, 1 / 3, 1.0, 3.0, 1e-30, 1e30])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_11_equal_weights_change_nothing_to_the_bit(
    iris, kind, weight, dtype, early_stopping
):
    X, y = iris
    X, weights = X[::5].astype(dtype), np.full(30, weight)
    for Estimator, target in [(GDNeuralRegressor, X[:, 0]), (GDNeuralClassifier, y)]:
        target = target[::5] if Estimator is GDNeuralClassifier else target
        options = {"max_iter": 3, "random_state": 0, "early_stopping": early_stopping}
        one, other = (
            Estimator((4,), **ONE_BY_ONE[kind], **options).fit(X, target, w)
            for w in (None, weights)
        )
        for _ in range(3):
            assert_array_equal(one.coefs_[0], other.coefs_[0], strict=True)
            assert_array_equal(one.intercepts_[1], other.intercepts_[1], strict=True)
            assert one.loss_curve_ == other.loss_curve_
            given = {"X_val": X, "y_val": target}
            one.partial_fit(X, target, **given)
            other.partial_fit(X, target, weights, **given)


@quiet
@pytest.mark.parametrize("weight", [0.1, 3.0, 1e-30])
@pytest.mark.parametrize("solver", ["batch", "sgd", "minibatch"])
def test_11_equal_weights_of_a_stream_change_nothing_to_the_bit(
    regression, weight, solver
):
    X, y = regression
    one, other = (GDNeuralRegressor((4,), solver=solver, random_state=0) for _ in "12")
    for i in range(20):
        row = slice(i, i + 1)
        one.partial_fit(X[row], y[row])
        other.partial_fit(X[row], y[row], [weight])
    assert_array_equal(one.coefs_[0], other.coefs_[0])
    assert one.loss_curve_ == other.loss_curve_


@quiet
@one_by_one
@pytest.mark.parametrize("factor", [1e-20, 0.1, 7.0, 1e20])
def test_11_the_unit_of_the_weights_does_not_matter(regression, kind, factor):
    X, y = regression
    weights = np.random.default_rng(0).uniform(0, 3, len(y))
    options = {"max_iter": 3, "random_state": 0, "alpha": 0.1}
    one, other = (
        GDNeuralRegressor((4,), **ONE_BY_ONE[kind], **options).fit(X, y, w)
        for w in (weights, factor * weights)
    )
    for _ in range(2):
        assert_allclose(one.coefs_[0], other.coefs_[0], rtol=1e-8)
        assert_allclose(one.loss_curve_, other.loss_curve_, rtol=1e-10)
        one.partial_fit(X, y, weights)
        other.partial_fit(X, y, factor * weights)


@pytest.mark.parametrize("solver", ["batch", "sgd", "minibatch"])
def test_11_a_stream_counts_weights_relative_to_the_running_mean(regression, solver):
    X, y = regression
    weights = np.random.default_rng(0).uniform(0.1, 5, 30)
    weights[7] = 0
    net = linear(alpha=0.1, learning_rate_init=0.01).set_params(solver=solver)
    net.partial_fit(X[:1], y[:1], weights[:1])
    theta = theta_of(net)
    for i in range(1, 30):
        row = slice(i, i + 1)
        if weights[i] == 0:
            with pytest.raises(ValueError, match="non-zero"):
                net.partial_fit(X[row], y[row], weights[row])
            continue
        net.partial_fit(X[row], y[row], weights[row])
        seen = weights[: i + 1]
        theta = least_mean_squares(
            *(X[row], y[row], weights[row], 0.01, 0.1, theta),
            mean=seen[seen > 0].mean(),
        )
        assert_allclose(theta_of(net), theta, rtol=1e-9)


@quiet
def test_11_the_mean_goes_on_from_a_fit_and_begins_anew_with_each(regression):
    X, y = regression
    w = np.random.default_rng(0).uniform(0.1, 5, len(y))
    for warm_start in (False, True):
        net = linear(alpha=0.0, learning_rate_init=0.01, warm_start=warm_start)
        for weights in (100 * w, w):
            net.fit(X, y, weights)
        start = theta_of(net)
        net.partial_fit(X[:10], y[:10], 3 * w[:10])
        mean = np.append(w, 3 * w[:10]).mean()
        arguments = X[:10], y[:10], 3 * w[:10], 0.01, 0.0, start
        assert_allclose(theta_of(net), least_mean_squares(*arguments, mean=mean))


@quiet
@one_by_one
def test_11_class_weights_raise_a_rare_classs_recall(kind):
    X, y = make_classification(
        600, 5, weights=[0.95], flip_y=0.03, class_sep=0.7, random_state=0
    )
    options = {"max_iter": 30, "random_state": 0}
    recalls = [
        recall_score(
            y,
            GDNeuralClassifier((10,), class_weight=w, **ONE_BY_ONE[kind], **options)
            .fit(X, y)
            .predict(X),
        )
        for w in (None, {1: 5.0}, "balanced")
    ]
    assert recalls[0] + 0.1 < recalls[1] < recalls[2]


# 12. Rows that are held out -------------------------------------------------------


@quiet
@pytest.mark.parametrize("solver", ["batch", "sgd", "minibatch"])
@pytest.mark.parametrize("Estimator", [GDNeuralRegressor, GDNeuralClassifier])
def test_12_without_shuffling_the_last_rows_are_held_out(regression, Estimator, solver):
    X, y = regression
    if Estimator is GDNeuralClassifier:
        y = np.digitize(y, [-0.5, 0.5])  # the split is not stratified then
    options = {"early_stopping": True, "shuffle": False, "max_iter": 4}
    options |= {"solver": solver, "random_state": 0, "validation_fraction": 0.2}
    split = Estimator((5,), **options).fit(X, y)
    given = Estimator((5,), **options).fit(X[:96], y[:96], X_val=X[96:], y_val=y[96:])
    assert split.t_ == 4 * 96
    assert split.loss_curve_ == given.loss_curve_
    assert split.validation_scores_ == given.validation_scores_
    assert_array_equal(split.coefs_[0], given.coefs_[0])


@quiet
def test_12_scikit_learn_holds_out_random_rows(regression):
    X, y = regression
    options = {"shuffle": False, "max_iter": 1, "random_state": 0}
    theirs, ours = (
        cls(early_stopping=True, **options).fit(X, y).loss_
        for cls in (MLPRegressor, GDNeuralRegressor)
    )
    without_last = MLPRegressor(**options).fit(X[:108], y[:108]).loss_
    assert_allclose(ours, without_last, rtol=1e-10)
    assert not np.isclose(theirs, without_last, rtol=1e-4)


@quiet
def test_12_shuffled_rows_are_held_out_at_random_as_they_were(regression):
    X, _ = regression
    y = np.linspace(-1, 1, len(X))
    recorder = Recorder()
    options = {"early_stopping": True, "scoring": recorder, "max_iter": 1}
    options |= {"warm_start": True, "random_state": 0}
    net = GDNeuralRegressor(**options).fit(X, y)
    assert (recorder.seen[-1] < y[60]).any()
    net.set_params(shuffle=False).fit(X, y)  # another kind of split
    assert_array_equal(recorder.seen[-1], y[-12:])
    net.fit(X, y)
    assert_array_equal(recorder.seen[-1], y[-12:])
    net.set_params(shuffle=True).fit(X, y)
    assert (recorder.seen[-1] < y[60]).any()


@quiet
def test_12_within_a_split_of_time_series_the_past_is_trained_on(regression):
    X, _ = regression
    y = np.arange(len(X)) / len(X)  # time
    seen = []

    def scorer(estimator, X, y):  # unlike a Recorder it is not copied by clone
        seen.append(y)
        return 0.0

    net = GDNeuralRegressor(
        early_stopping=True, shuffle=False, scoring=scorer, max_iter=1, random_state=0
    )
    splits = TimeSeriesSplit(4)
    cross_val_score(net, X, y, cv=splits)
    for held_out, (past, future) in zip(seen, splits.split(X), strict=True):
        n = len(held_out)
        assert n == np.ceil(0.1 * len(past))
        assert_array_equal(held_out, y[past][-n:])
        assert held_out.max() < y[future].min()


@quiet
def test_12_on_dask_the_last_partitions_or_rows_are_held_out(regression):
    distributed = pytest.importorskip("distributed")
    import dask.array as da

    from skgd.dask import DaskGDNeuralRegressor

    X, y = regression
    options = {"early_stopping": True, "shuffle": False, "max_iter": 3}
    options |= {"solver": "batch", "validation_fraction": 0.3}
    there = da.from_array(X, chunks=(20, -1)), da.from_array(y, chunks=20)
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
    )
    with cluster, distributed.Client(cluster):
        for seed in range(2):
            net = DaskGDNeuralRegressor((5,), random_state=seed, **options)
            expected = GDNeuralRegressor((5,), random_state=seed, **options)
            expected.fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
            net.fit(*there)  # 36 rows are two partitions, all but
            assert_allclose(net.loss_curve_, expected.loss_curve_, rtol=1e-9)
            scores = net.validation_scores_
            assert_allclose(scores, expected.validation_scores_, rtol=1e-9)
            expected.fit(X[:84], y[:84], X_val=X[84:], y_val=y[84:])
            net.fit(X, y)
            assert_allclose(net.loss_curve_, expected.loss_curve_, rtol=1e-9)


# 13. What is wrong without a word -------------------------------------------------


@quiet
@pytest.mark.parametrize("solver", ["batch", "sgd", "minibatch"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_13_negative_weights_are_refused(regression, solver, method):
    X, y = regression
    weights = np.ones(len(y))
    weights[17] = -0.5
    options = {"max_iter": 3, "random_state": 0}
    MLPRegressor(**options).fit(X, y, weights)  # descends where it should not
    net = GDNeuralRegressor(solver=solver, **options)
    with pytest.raises(ValueError, match=r"sample_weight .*-0\.5 for sample 17"):
        getattr(net, method)(X, y, weights)
    validation = {"X_val": X, "y_val": y, "sample_weight_val": weights}
    with pytest.raises(ValueError, match=r"sample_weight_val .*-0\.5 for sample 17"):
        getattr(net, method)(X, y, **validation)
    assert not hasattr(net, "coefs_")
    classifier = GDNeuralClassifier(solver=solver, class_weight={1: -1.0}, **options)
    with pytest.raises(ValueError, match="class_weight"):
        classifier.fit(X, y > 0)


@quiet
def test_13_dates_and_durations_are_refused(regression):
    X, y = regression
    days = np.datetime64("2024-01-01") + np.arange(len(y))
    dates = np.repeat(days[:, np.newaxis], 2, axis=1)
    frame = pd.DataFrame({"size": X[:, 0], "day": days})
    durations = days - days[0]
    MLPRegressor(max_iter=2, random_state=0).fit(dates, y)  # of days since 1970
    net = GDNeuralRegressor(max_iter=2, random_state=0)
    for data, name in [(dates, "X"), (frame, "day"), (frame.values, "X")]:
        with pytest.raises(TypeError, match=rf"{name}.* holds .*(date|time)"):
            net.fit(data, y)
    for target in (days, durations):
        with pytest.raises(TypeError, match=r"y holds .*(date|time)"):
            net.fit(X, target)
    net.fit(X, y)
    with pytest.raises(TypeError, match="X holds"):
        net.predict(np.repeat(durations[:, np.newaxis], 5, axis=1))
    classifier = GDNeuralClassifier(max_iter=2).fit(X, days[np.arange(len(y)) % 2])
    assert set(classifier.predict(X)) <= set(days[:2])  # dates may be labels


@pytest.mark.parametrize("solver", ["batch", "sgd", "minibatch"])
def test_13_a_fit_that_learned_no_more_than_a_constant_says_so(regression, solver):
    X, y = regression
    options = {"learning_rate_init": 1e-9, "tol": 1.0, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        theirs = MLPRegressor(**options).fit(X, 100 + y)  # not a word
    ours = GDNeuralRegressor(solver=solver, **options)
    with pytest.warns(ConvergenceWarning, match=r"learned nothing.*mean 100") as record:
        ours.fit(X, 100 + y)
    assert len(record) == 1
    assert theirs.score(X, 100 + y) < 0
    assert ours.score(X, 100 + y) < 0
