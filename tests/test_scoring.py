"""What is computed on validation data after each epoch, and watched."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import coo_array, csc_array
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import (
    accuracy_score,
    get_scorer,
    log_loss,
    make_scorer,
    mean_absolute_error,
    mean_gamma_deviance,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
    r2_score,
)
from sklearn.preprocessing import StandardScaler

from skgd import GDNeuralClassifier, GDNeuralRegressor
from skgd.descent.scores import R2, Accuracy
from skgd.estimators.regressor import LOSS_NAMES

SOLVERS = ["batch", "sgd", "minibatch"]
N, N_VAL = 80, 30


def huber_loss(y_true, y_pred, sample_weight=None):
    error = np.abs(y_true - y_pred)
    loss = np.where(error < 0.7, error**2 / 2, 0.7 * (error - 0.35))
    return np.average(loss, weights=sample_weight)


# scikit-learn's metric for each loss, and what the metric is multiplied by.
METRICS = {
    "squared_error": (mean_squared_error, 0.5),
    "absolute_error": (mean_absolute_error, 1),
    "huber": (huber_loss, 1),
    "quantile": (lambda *args, **kw: mean_pinball_loss(*args, alpha=0.3, **kw), 1),
    "poisson": (mean_poisson_deviance, 0.5),
    "gamma": (mean_gamma_deviance, 0.5),
}


def fit(estimator, *args, method="fit", **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return getattr(estimator, method)(*args, **kwargs)


def make_data(dtype=np.float64):
    """Training and validation data, a positive target, and weights of the latter."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N + N_VAL, 4)).astype(dtype)
    y = np.exp(0.5 * X[:, 0] + 0.3 * rng.standard_normal(N + N_VAL)).astype(dtype)
    weight = rng.uniform(0.2, 3, N_VAL)
    return X[:N], y[:N], X[N:], y[N:], weight


def test_every_loss_has_a_metric_here():
    assert set(METRICS) == LOSS_NAMES


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", METRICS)
def test_validation_loss_is_the_metric_of_scikit_learn(loss, weighted, dtype):
    X, y, X_val, y_val, weight = make_data(dtype)
    weight = weight if weighted else None
    regressor = GDNeuralRegressor(
        *((8,), "tanh"),
        **{"loss": loss, "huber_delta": 0.7, "quantile": 0.3},
        **{"max_iter": 4, "random_state": 0, "alpha": 10.0},
    )
    validation = {"X_val": X_val, "y_val": y_val, "sample_weight_val": weight}
    fit(regressor, X, y, **validation)
    assert len(regressor.validation_loss_curve_) == regressor.n_iter_ == 4
    metric, factor = METRICS[loss]
    expected = factor * metric(y_val, regressor.predict(X_val), sample_weight=weight)
    rtol = 1e-10 if dtype == np.float64 else 1e-5
    assert_allclose(regressor.validation_loss_curve_[-1], expected, rtol=rtol)


@pytest.mark.parametrize("solver", SOLVERS)
def test_validation_loss_of_several_outputs_is_their_sum(solver):
    X, y, X_val, y_val, _ = make_data()
    y, y_val = np.c_[y, 2 * y], np.c_[y_val, 2 * y_val]
    regressor = GDNeuralRegressor((8,), solver=solver, max_iter=3, random_state=0)
    fit(regressor, X, y, X_val=X_val, y_val=y_val)
    expected = mean_squared_error(y_val, regressor.predict(X_val))  # a mean over both
    assert_allclose(regressor.validation_loss_curve_[-1], expected, rtol=1e-10)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_validation_loss_of_a_classifier_is_the_log_loss(n_classes, weighted):
    # Of the labels as they are: smoothing and class weights are for the training.
    X, y, X_val, y_val, weight = make_data()
    edges = np.quantile(y, np.arange(1, n_classes) / n_classes)
    y, y_val = np.digitize(y, edges), np.digitize(y_val, edges)
    weight = weight if weighted else None
    classifier = GDNeuralClassifier(
        *((8,), "tanh"),
        **{"max_iter": 4, "random_state": 0, "alpha": 10.0},
        **{"label_smoothing": 0.2, "class_weight": {0: 5.0}},
    )
    fit(classifier, X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    probabilities = classifier.predict_proba(X_val)
    expected = log_loss(y_val, probabilities, sample_weight=weight)
    assert_allclose(classifier.validation_loss_curve_[-1], expected, rtol=1e-10)


def test_validation_loss_of_labels_is_the_sum_of_their_log_losses():
    X, y = make_multilabel_classification(120, n_classes=3, random_state=0)
    X = StandardScaler().fit_transform(X)
    classifier = GDNeuralClassifier((8,), max_iter=4, random_state=0)
    fit(classifier, X[:90], y[:90], X_val=X[90:], y_val=y[90:])
    p = classifier.predict_proba(X[90:])
    expected = sum(log_loss(y[90:, k], p[:, k]) for k in range(3))
    assert_allclose(classifier.validation_loss_curve_[-1], expected, rtol=1e-10)


@pytest.mark.parametrize("Estimator", [GDNeuralRegressor, GDNeuralClassifier])
def test_without_validation_data_there_is_no_curve(Estimator):
    X, y, *_ = make_data()
    estimator = fit(Estimator(max_iter=2), X, (y > 1).astype(int))
    assert estimator.validation_loss_curve_ is None


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_the_curve_goes_on_from_call_to_call(method):
    X, y, X_val, y_val, _ = make_data()
    regressor = GDNeuralRegressor((8,), max_iter=2, warm_start=True, random_state=0)
    validation = {"X_val": X_val, "y_val": y_val}
    for _ in range(3):
        fit(regressor, X, y, method=method, **validation)
    n_epochs = 6 if method == "fit" else 3
    assert len(regressor.validation_loss_curve_) == n_epochs
    assert len(regressor.validation_scores_) == n_epochs
    expected = mean_squared_error(y_val, regressor.predict(X_val)) / 2
    assert_allclose(regressor.validation_loss_curve_[-1], expected)


# Scoring ------------------------------------------------------------------------------


def spread(estimator, X, y, sample_weight=None):
    """A scorer of a user's own."""
    return -float(np.ptp(estimator.predict(X) - y))


SCORERS = [
    "neg_mean_absolute_error",
    make_scorer(mean_absolute_error, greater_is_better=False),
    spread,
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scoring", SCORERS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_scores_are_those_of_the_scorer(solver, scoring, weighted):
    X, y, X_val, y_val, weight = make_data()
    weights = {"sample_weight": weight} if weighted else {}
    regressor = GDNeuralRegressor(
        (8,), solver=solver, scoring=scoring, max_iter=3, random_state=0
    )
    validation = {"sample_weight_val": weight} if weighted else {}
    fit(regressor, X, y, X_val=X_val, y_val=y_val, **validation)
    if isinstance(scoring, str):
        scoring = SCORERS[1]
    expected = scoring(regressor, X_val, y_val, **weights)
    assert len(regressor.validation_scores_) == 3
    assert_allclose(regressor.validation_scores_[-1], expected, rtol=1e-12)


@pytest.mark.parametrize("scoring", ["balanced_accuracy", "roc_auc", "neg_log_loss"])
def test_scorers_of_labels_and_probabilities(scoring):
    X, y, X_val, y_val, _ = make_data()
    names = np.array(["low", "high"])
    y, y_val = names[(y > 1).astype(int)], names[(y_val > 1).astype(int)]
    classifier = GDNeuralClassifier((8,), scoring=scoring, max_iter=3, random_state=0)
    fit(classifier, X, y, X_val=X_val, y_val=y_val)
    expected = get_scorer(scoring)(classifier, X_val, y_val)
    assert_allclose(classifier.validation_scores_[-1], expected)


def test_loss_watches_minus_the_validation_loss():
    X, y, X_val, y_val, _ = make_data()
    regressor = GDNeuralRegressor(
        *((30, 30),),
        **{"scoring": "loss", "early_stopping": True, "learning_rate_init": 0.03},
        **{"n_iter_no_change": 3, "random_state": 0, "tol": 0.0},
    )
    regressor.fit(X, y, X_val=X_val, y_val=y_val)
    losses = np.array(regressor.validation_loss_curve_)
    assert_array_equal(regressor.validation_scores_, -losses)
    assert regressor.best_validation_score_ == -losses.min()
    assert losses.argmin() < len(losses) - 3  # it stopped for that
    best = mean_squared_error(y_val, regressor.predict(X_val)) / 2  # restored
    assert_allclose(best, losses.min(), rtol=1e-10)


def test_stopping_early_watches_the_scorer_on_the_split():
    # The scorer gets what the user gave, a frame with names, and a fitted estimator.
    X, y, *_ = make_data()
    X = pd.DataFrame(X, columns=list("abcd"))
    seen = []

    def scorer(estimator, X, y):
        seen.append((X, y, estimator.n_iter_, len(estimator.loss_curve_)))
        return -mean_absolute_error(y, estimator.predict(X))

    regressor = GDNeuralRegressor(
        (8,), scoring=scorer, early_stopping=True, max_iter=3, random_state=0
    )
    fit(regressor, X, y)
    X_seen, y_seen, n_iter, n_losses = seen[-1]
    assert list(X_seen.columns) == list("abcd")
    assert len(X_seen) == len(y_seen) == 8  # a tenth
    assert_array_equal(y_seen, y[X_seen.index])
    assert (n_iter, n_losses) == (3, 3)
    score = -mean_absolute_error(y_seen, regressor.predict(X_seen))
    assert_allclose(regressor.best_validation_score_, score)
    assert regressor.best_validation_score_ == max(regressor.validation_scores_)


def test_a_warm_start_is_judged_by_the_scorer_first():
    X, y, X_val, y_val, _ = make_data()
    regressor = GDNeuralRegressor(
        *((8,),),
        **{"scoring": "neg_mean_absolute_error", "early_stopping": True},
        **{"max_iter": 2, "warm_start": True, "random_state": 0},
    )
    fit(regressor, X, y, X_val=X_val, y_val=y_val)
    score = -mean_absolute_error(y_val, regressor.predict(X_val))
    regressor.set_params(optimizer="gd", learning_rate_init=1e-300)
    fit(regressor, X, y, X_val=X_val, y_val=y_val)
    assert_allclose(regressor.best_validation_score_, score)


@pytest.mark.parametrize("scoring", [None, "loss", "r2"])
def test_an_output_that_overflows_has_the_score_nan(scoring):
    X, y, X_val, y_val, _ = make_data()
    X_val = X_val.copy()
    X_val[0] = 1e308
    regressor = GDNeuralRegressor((30,), "identity", scoring=scoring, random_state=0)
    regressor.set_params(learning_rate_init=1.0, max_iter=2)  # for large weights
    fit(regressor, X, y, X_val=X_val, y_val=y_val)
    with pytest.warns(RuntimeWarning, match="row 0 of X overflow"):
        predicted = regressor.predict(X_val)
    assert np.isnan(predicted).tolist() == [True] + [False] * (len(X_val) - 1)
    assert np.isnan(regressor.validation_scores_).all()


@pytest.mark.parametrize("scoring", [None, "r2", "neg_mean_poisson_deviance"])
def test_a_prediction_that_overflows_has_the_score_nan(scoring):
    # From finite outputs: the exponential does it, and no fit is lost for that.
    X, y, X_val, y_val, _ = make_data()
    X_val = X_val.copy()
    X_val[0] = 1e5
    regressor = GDNeuralRegressor(
        *((), "identity"),
        **{"loss": "poisson", "scoring": scoring, "max_iter": 2, "random_state": 3},
    )
    fit(regressor, X, y, X_val=X_val, y_val=y_val)
    raw = X_val @ regressor.coefs_[0] + regressor.intercepts_[0]
    assert np.isfinite(raw).all()
    with pytest.warns(RuntimeWarning, match="row 0 of X overflow"):
        predicted = regressor.predict(X_val)
    assert np.isnan(predicted).tolist() == [True] + [False] * (len(X_val) - 1)
    assert np.isnan(regressor.validation_scores_).all()


@pytest.mark.parametrize("as_sparse", [coo_array, csc_array])
def test_a_scorer_gets_rows_of_every_sparse_format(as_sparse):
    X, y, *_ = make_data()
    regressor = GDNeuralRegressor(
        (8,), scoring="r2", early_stopping=True, max_iter=2, random_state=0
    )
    dense = fit(clone(regressor), X, y)
    fit(regressor, as_sparse(X), y)
    assert_allclose(regressor.validation_scores_, dense.validation_scores_)


def test_another_scoring_is_a_new_beginning():
    # Scores on two scales cannot be compared.
    X, y, X_val, y_val, _ = make_data()
    regressor = GDNeuralRegressor(
        (8,), early_stopping=True, learning_rate_init=0.1, random_state=0
    )
    validation = {"X_val": X_val, "y_val": y_val}
    for _ in range(30):
        regressor.partial_fit(X, y, **validation)
    assert regressor.best_validation_score_ > 0
    loss = regressor.validation_loss_curve_[-1]
    regressor.set_params(scoring="loss").partial_fit(X, y, **validation)
    assert -loss <= regressor.best_validation_score_ < 0
    regressor.partial_fit(X, y, **validation)
    best = max([-loss, *regressor.validation_scores_[-2:]])
    assert_allclose(regressor.best_validation_score_, best)


@pytest.mark.faults
def test_an_interrupted_scorer_leaves_histories_of_one_length():
    X, y, X_val, y_val, _ = make_data()

    def scorer(estimator, X, y):
        if estimator.n_iter_ == 3:
            raise KeyboardInterrupt
        return 0.0

    regressor = GDNeuralRegressor((8,), scoring=scorer, random_state=0)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        regressor.fit(X, y, X_val=X_val, y_val=y_val)
    assert len(regressor.loss_curve_) == 3
    assert len(regressor.validation_loss_curve_) == 3
    assert_array_equal(regressor.validation_scores_, [0.0, 0.0, np.nan])


def test_a_scorer_that_fails_leaves_the_estimator_as_it_was():
    X, y, X_val, y_val, _ = make_data()
    regressor = GDNeuralRegressor((8,), max_iter=2, random_state=0)
    fit(regressor, X, y)
    before = regressor.predict(X)

    def broken(estimator, X, y):
        raise RuntimeError("no score today")

    regressor.set_params(scoring=broken)
    with pytest.raises(RuntimeError, match="no score today"):
        regressor.fit(X, y, X_val=X_val, y_val=y_val)
    assert_array_equal(regressor.predict(X), before)


# The default scores on arrays ---------------------------------------------------------

TARGETS = {
    "one output": lambda rng: rng.standard_normal(N),
    "several outputs": lambda rng: rng.standard_normal((N, 3)) * [1, 1e-3, 1e6] + 5,
    "far from 0": lambda rng: 1e6 + rng.standard_normal(N),
    "constant": lambda rng: np.full(N, 2.0),
    "one of two constant": lambda rng: np.c_[rng.standard_normal(N), np.full(N, 0.5)],
    "all constant": lambda rng: np.full((N, 2), [0.25, -4.0]),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", TARGETS)
def test_r2_is_that_of_scikit_learn(kind, dtype, weighted):
    rng = np.random.default_rng(0)
    y = TARGETS[kind](rng).astype(dtype)
    weight = rng.integers(0, 4, N).astype(dtype) if weighted else None
    score, y_before = R2(y, weight), y.copy()
    exact = y.astype(np.float64)  # in float32 scikit-learn's sums are too
    shift = np.ones_like(y)
    shift.reshape(N, -1)[:, -1] = 0  # perfect in the last output
    for predicted in (
        y,
        y + (rng.standard_normal(y.shape) * y.std()).astype(dtype),
        y + dtype(1),
        y + shift,
        np.zeros_like(y),
        np.broadcast_to(y.mean(axis=0), y.shape),
    ):
        before = predicted.copy()
        expected = r2_score(exact, predicted.astype(np.float64), sample_weight=weight)
        actual = score(predicted)
        assert type(actual) is float
        assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)
        assert_array_equal(predicted, before)
    assert score(y) == 1
    assert_array_equal(y, y_before)


def test_r2_takes_columns_for_vectors():
    rng = np.random.default_rng(0)
    y, predicted = rng.standard_normal((2, N))
    for one in (y, y[:, np.newaxis]):
        for other in (predicted, predicted[:, np.newaxis]):
            assert_allclose(R2(one, None)(other), r2_score(y, predicted), rtol=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e200])
def test_r2_of_an_overflow_is_nan_or_minus_infinity(bad):
    y, predicted = np.zeros((2, N))
    y[0], predicted[3] = 1, bad
    with np.errstate(over="ignore", invalid="ignore"):
        score = R2(y, None)(predicted)
    assert not np.isfinite(score)
    assert not score > 0


LABELS = {
    "two classes": ((N,), 2),
    "five classes": ((N,), 5),
    "one class": ((N,), 1),
    "a column": ((N, 1), 2),
    "several labels": ((N, 3), 2),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", LABELS)
def test_accuracy_is_that_of_scikit_learn(kind, dtype, weighted):
    rng = np.random.default_rng(0)
    shape, n_classes = LABELS[kind]
    y, other = rng.integers(0, n_classes, (2, *shape))
    weight = rng.uniform(0, 3, N).astype(dtype) if weighted else None
    score = Accuracy(y, weight)
    few_wrong = np.where(rng.uniform(size=shape) < 0.1, other, y)
    for predicted in (y, other, few_wrong, 1 - y if n_classes == 2 else y + 1):
        given = predicted
        if n_classes == 2 and len(shape) == 2:
            given = predicted > 0  # as a classifier gives indicators
        expected = accuracy_score(y, predicted, sample_weight=weight)
        actual = score(given)
        assert type(actual) is float
        assert_allclose(actual, expected, rtol=1e-6 if weighted else 1e-15, atol=1e-7)
    assert_allclose(score(y), 1, rtol=1e-15)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("kind", ["r2", "r2 of several", "labels", "several labels"])
def test_the_default_score_is_that_of_the_score_method(kind, solver, weighted):
    X, y, X_val, y_val, weight = make_data()
    Estimator = GDNeuralRegressor if "r2" in kind else GDNeuralClassifier
    if kind == "labels":
        y, y_val = (
            np.array(["low", "mid", "high"])[v.astype(int) % 3] for v in (y, y_val)
        )
    if kind == "r2 of several":
        y, y_val = np.c_[y, 2 - y], np.c_[y_val, 2 - y_val]
    if kind == "several labels":
        y, y_val = (np.c_[v > 1, v > 0.5, v > 1.5].astype(int) for v in (y, y_val))
    weight = weight if weighted else None
    estimator = Estimator((8,), solver=solver, max_iter=3, random_state=0)
    fit(estimator, X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    expected = estimator.score(X_val, y_val, sample_weight=weight)
    assert_allclose(estimator.validation_scores_[-1], expected, rtol=1e-12)


@pytest.mark.parametrize("scoring", [None, "accuracy"])
def test_a_raw_output_that_is_infinite_ends_no_fit(scoring):
    # The class is not the sample's, whose probability and loss are finite.
    X = np.array([[0.0], [1.0], [2.0]] * 10)
    y = X.ravel().astype(int)
    X_val = np.array([[1e308], [0.0]])
    layers = {"coefs_init": [[[0.0, -10.0, -10.0]]], "intercepts_init": [np.zeros(3)]}
    still = {"learning_rate_init": 1e-300, "optimizer": "gd", "max_iter": 1}
    classifier = GDNeuralClassifier((), scoring=scoring, **still)
    fit(classifier, X, y, **layers, X_val=X_val, y_val=[0, 1])
    assert np.isnan(classifier.validation_scores_).all()
