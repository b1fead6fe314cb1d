"""What the solvers promise: optimum, equivalences, reproducibility, stopping."""

import hashlib
import subprocess
import sys
import warnings

import numpy as np
import pytest
import sklearn.utils
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.datasets import load_breast_cancer, load_diabetes, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.preprocessing import scale

from skgd import GDNeuralClassifier, GDNeuralRegressor
from skgd.descent.draws import shuffle

SOLVERS = ["batch", "sgd", "minibatch"]
OPTIMIZERS = ["gd", "momentum", "nesterov", "adam"]

quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return scale(X), scale(y)


# No hidden layer: the linear models, at their optimum --------------------------------

# Small steps to the optimum: the tolerance ends it, not the number of epochs.
TO_THE_OPTIMUM = {
    "hidden_layer_sizes": (),
    "solver": "batch",
    "optimizer": "nesterov",
    "learning_rate_init": 0.05,
    "max_iter": 100_000,
    "tol": 1e-14,
    "n_iter_no_change": 100,
    "random_state": 0,
}


def test_linear_squared_error_is_ridge(diabetes):
    X, y = diabetes
    ours = GDNeuralRegressor(alpha=5.0, **TO_THE_OPTIMUM).fit(X, y)
    ridge = Ridge(alpha=5.0).fit(X, y)
    assert_allclose(ours.coefs_[0].ravel(), ridge.coef_, atol=1e-5)
    assert_allclose(ours.intercepts_[0], ridge.intercept_, atol=1e-5)


def test_linear_poisson_is_poisson_regressor():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 3))
    y = rng.poisson(np.exp(X @ [0.3, -0.2, 0.1] + 0.5))
    alpha = 0.1  # PoissonRegressor's penalty is per sample, ours for all
    ours = GDNeuralRegressor(loss="poisson", alpha=300 * alpha, **TO_THE_OPTIMUM)
    ours.fit(X, y)
    glm = PoissonRegressor(alpha=alpha, tol=1e-10).fit(X, y)
    assert_allclose(ours.coefs_[0].ravel(), glm.coef_, atol=1e-5)
    assert_allclose(ours.predict(X), glm.predict(X), rtol=1e-5)


def test_linear_log_loss_is_logistic_regression():
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)
    ours = GDNeuralClassifier(alpha=10.0, **TO_THE_OPTIMUM).fit(X, y)
    logistic = LogisticRegression(C=0.1, tol=1e-10, max_iter=10_000).fit(X, y)
    assert_allclose(ours.coefs_[0].ravel(), logistic.coef_.ravel(), atol=1e-4)
    assert_allclose(ours.predict_proba(X), logistic.predict_proba(X), atol=1e-5)


# Equivalences ----------------------------------------------------------------------


@quiet
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_batch_is_minibatch_of_all_samples(diabetes, optimizer):
    X, y = diabetes
    options = {"optimizer": optimizer, "max_iter": 20, "random_state": 0}
    batch = GDNeuralRegressor(solver="batch", **options).fit(X, y)
    whole = GDNeuralRegressor(batch_size=len(X), **options).fit(X, y)
    assert_allclose(batch.loss_curve_, whole.loss_curve_, rtol=1e-10)
    assert_allclose(batch.coefs_[0], whole.coefs_[0], rtol=1e-7, atol=1e-10)


@quiet
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_sgd_is_minibatch_of_one_sample(diabetes, optimizer):
    X, y = diabetes
    options = {"optimizer": optimizer, "max_iter": 2, "random_state": 0}
    sgd = GDNeuralRegressor(solver="sgd", **options).fit(X, y)
    ones = GDNeuralRegressor(batch_size=1, **options).fit(X, y)
    assert_array_equal(sgd.coefs_[0], ones.coefs_[0])


@quiet
@pytest.mark.parametrize("solver", SOLVERS)
def test_integer_weights_of_batch_are_repetitions(diabetes, solver):
    X, y = diabetes
    weight = np.arange(len(X)) % 3
    options = {"solver": solver, "max_iter": 10, "random_state": 0}
    weighted = GDNeuralRegressor(**options).fit(X, y, weight)
    repeated = GDNeuralRegressor(**options)
    repeated.fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    same = np.allclose(weighted.coefs_[0], repeated.coefs_[0], rtol=1e-6, atol=1e-9)
    assert same == (solver == "batch")


@quiet
def test_batch_larger_than_a_chunk_is_one_step():
    # Batches are added up in chunks of 1024 samples; the step is still one.
    X, y = make_regression(3000, 4, random_state=0)
    y /= y.std()
    options = {"hidden_layer_sizes": (5,), "optimizer": "gd", "random_state": 0}
    options |= {"solver": "batch", "max_iter": 1, "learning_rate_init": 0.1}
    once = GDNeuralRegressor(**options).fit(X, y)
    # The gradient of the whole is the mean of those of its parts.
    steps = [
        GDNeuralRegressor(**options).fit(X[part], y[part]).coefs_[0]
        for part in np.split(np.arange(3000), 3)
    ]
    options["learning_rate_init"] = 1e-300
    start = GDNeuralRegressor(**options).fit(X, y).coefs_[0]
    penalties = 1 - 0.1 * 1e-4 * np.array([1 / 3000, 1 / 1000])
    moved = once.coefs_[0] - penalties[0] * start
    expected = np.mean(steps, axis=0) - penalties[1] * start
    assert_allclose(moved, expected, rtol=1e-8, atol=1e-12)


@quiet
@pytest.mark.parametrize("solver", SOLVERS)
def test_learns(diabetes, solver):
    X, y = diabetes
    rate = {"batch": 0.05, "sgd": 0.0005, "minibatch": 0.005}[solver]
    regressor = GDNeuralRegressor(
        solver=solver, learning_rate_init=rate, max_iter=60, random_state=0
    )
    assert regressor.fit(X, y).score(X, y) > 0.5
    assert regressor.loss_curve_[-1] < 0.6 * regressor.loss_curve_[0]


# Reproducibility -------------------------------------------------------------------


def digests():
    """Yield a digest of what each solver arrives at."""
    X, y = load_diabetes(return_X_y=True)
    for solver in SOLVERS:
        regressor = GDNeuralRegressor(solver=solver, max_iter=5, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            regressor.fit(scale(X), scale(y))
        yield hashlib.sha256(regressor.coefs_[0].tobytes()).hexdigest()


@pytest.mark.slow
def test_seed_reproduces_to_the_bit_in_another_process():
    code = "from tests.test_solvers import digests; print(*digests())"
    command = [sys.executable, "-c", code]
    theirs = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    ours = list(digests())
    assert len(set(ours)) == 3
    assert theirs.split() == ours


@quiet
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("sparse", [False, True])
def test_seed_reproduces_to_the_bit(diabetes, solver, sparse):
    X, y = diabetes
    X = csr_array(X) if sparse else X
    options = {"solver": solver, "max_iter": 5, "batch_size": 50}
    first, second, other = (
        GDNeuralRegressor(random_state=seed, **options).fit(X, y) for seed in (0, 0, 1)
    )
    assert_array_equal(first.coefs_[0], second.coefs_[0])
    assert first.loss_curve_ == second.loss_curve_
    assert not np.array_equal(first.coefs_[0], other.coefs_[0])


@pytest.mark.parametrize("bit_generator", [np.random.MT19937, np.random.PCG64])
@pytest.mark.parametrize("n", [*range(1, 20), 200, 1025, 65_536, 65_537])
def test_shuffle_is_that_of_scikit_learn(n, bit_generator):
    ours, theirs = (np.random.RandomState(bit_generator(n)) for _ in range(2))
    order = np.arange(n, dtype=np.int32)[::-1] + 5
    expected = order.copy()
    for _ in range(3):
        shuffle(order, ours)
        expected = sklearn.utils.shuffle(expected, random_state=theirs)
        assert_array_equal(order, expected)
    assert ours.random_sample() == theirs.random_sample()


# Stopping --------------------------------------------------------------------------


def test_stops_after_patience_without_improvement(diabetes):
    X, y = diabetes
    regressor = GDNeuralRegressor(tol=1e9, n_iter_no_change=4, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        regressor.fit(X, y)
    assert regressor.n_iter_ == 6  # the first improves on infinity, then 5 do not


def test_warns_when_max_iter_ends_training(diabetes):
    X, y = diabetes
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(3\) reached"):
        GDNeuralRegressor(max_iter=3, random_state=0).fit(X, y)


@quiet
def test_infinite_patience_runs_to_max_iter(diabetes):
    X, y = diabetes
    regressor = GDNeuralRegressor(tol=1e9, n_iter_no_change=np.inf, max_iter=30)
    assert regressor.fit(X, y).n_iter_ == 30


def test_early_stopping_restores_the_best_epoch(diabetes):
    X, y = diabetes
    given = {"X_val": X[:100], "y_val": y[:100]}
    regressor = GDNeuralRegressor(
        early_stopping=True, learning_rate_init=0.02, random_state=0
    ).fit(X[100:], y[100:], **given)
    scores = regressor.validation_scores_
    assert regressor.best_validation_score_ == max(scores) > scores[-1]
    score = regressor.score(X[:100], y[:100])
    assert_allclose(score, regressor.best_validation_score_, rtol=1e-12)


@quiet
def test_given_validation_data_are_scored_without_early_stopping(diabetes):
    X, y = diabetes
    options = {"max_iter": 4, "random_state": 0}
    scored = GDNeuralRegressor(**options)
    scored.fit(X, y, X_val=X[:100], y_val=y[:100])
    assert len(scored.validation_scores_) == 4
    assert_array_equal(
        scored.coefs_[0], GDNeuralRegressor(**options).fit(X, y).coefs_[0]
    )


@quiet
def test_labels_from_nan_outputs_have_no_score():
    # Half of the outputs are nan after the second epoch; more labels are right.
    X, y = load_breast_cancer(return_X_y=True)
    classifier = GDNeuralClassifier(
        activation="identity",
        solver="batch",
        optimizer="nesterov",
        learning_rate_init=1e70,
        early_stopping=True,
        tol=0,
        max_iter=2,
        random_state=0,
    ).fit(1e3 * X, y)
    assert np.isfinite(classifier.loss_curve_).all()
    assert np.isnan(classifier.validation_scores_[1])
    assert np.isfinite(classifier.predict_proba(1e3 * X)).all()
