"""Dropout: its generator, masks and gradient, and what an estimator makes of it."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skgd import GDNeuralClassifier, GDNeuralRegressor
from skgd.kernels.formulas.activations import ACTIVATIONS
from skgd.network.layers.dense import Dense
from skgd.network.layers.dropout import Dropout
from skgd.network.network import Network
from tests import naive
from tests.kernels import (
    assert_trained_alike,
    expected_loss_and_gradient,
    expected_training,
    loss_and_gradient,
    make_problem,
    numerical_gradient,
    problem_of,
    settings,
    train,
    values_in_training,
)

ESTIMATORS = [GDNeuralRegressor, GDNeuralClassifier]
SOLVERS = ["batch", "sgd", "minibatch"]
KEYS = 123456789, 4000000000
# With rates of their own, and a layer whose units are no whole fours.
HIDDEN = {"hidden": (9, 4), "dropout": [0.5, 0.2], "n_features": 5, "n": 23}

# From the authors' own test vectors (Random123, kat_vectors).
KNOWN_ANSWERS = [
    ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    (
        [0xFFFFFFFF] * 4,
        [0xFFFFFFFF] * 2,
        [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD],
    ),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


@pytest.mark.parametrize(("counter", "key", "numbers"), KNOWN_ANSWERS)
def test_the_reference_gives_the_known_answers(counter, key, numbers):
    assert naive.philox(np.array(counter), key).tolist() == [numbers]


# The masks ----------------------------------------------------------------------------


def draw_factors(rate, n_units, *, n=40, hidden=0, step=0, first=0, key=KEYS):
    """What a dropout layer multiplies by, of shape (n, n_units)."""
    # Its inputs are ones: the weighted sums of the layer below are its intercepts.
    dropout = Dropout(n_units, n_units, rate, hidden)
    layers = Dense(1, n_units), dropout, Dense(n_units, 1)
    problem = problem_of(Network(layers, "squared_error"), n=n)
    problem.theta[:n_units], problem.theta[n_units : 2 * n_units] = 0, 1
    place = {"n": n, "key": key, "step": step, "first": first}
    outputs, kept = values_in_training(problem, 1, **place)
    assert_array_equal(outputs[:, :-1], kept[:, :-1])
    assert_array_equal(outputs[:, -1], 1)  # the ones that meet the intercepts stay
    return kept[:, :-1]


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.999])
@pytest.mark.parametrize("n_units", [1, 3, 4, 5, 64, 101])
@pytest.mark.parametrize("step", [0, 7])
def test_masks_are_those_of_the_reference(step, n_units, rate):
    layer, draws = Dropout(n_units, n_units, rate, 1), naive.Draws(KEYS, step)
    expected = naive.dropout_factors(layer, draws, 40)
    assert_allclose(draw_factors(rate, n_units, hidden=1, step=step), expected)


def test_masks_of_a_chunk_are_part_of_those_of_the_batch():
    whole = draw_factors(0.5, 10)
    assert_array_equal(draw_factors(0.5, 10, n=15, first=25), whole[25:])


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.3, 0.9])
def test_masks_have_their_rate_and_the_mean_of_one(rate):
    factors = draw_factors(rate, 500, n=500)
    share = (factors == 0).mean()
    assert abs(share - rate) < 4 * np.sqrt(rate * (1 - rate) / factors.size) + 1e-15
    assert_allclose(factors[factors != 0], 1 / (1 - rate))


@pytest.mark.parametrize(
    "other", [{"hidden": 1}, {"step": 1}, {"first": 1000}, {"key": (1, 2)}]
)
def test_masks_of_other_counters_are_independent(other):
    a, b = (draw_factors(0.5, 300, n=300, **each).ravel() for each in ({}, other))
    correlation = np.corrcoef(a, b)[0, 1]
    assert abs(correlation) < 4 / np.sqrt(a.size)


def test_units_and_samples_are_independent_of_each_other():
    factors = draw_factors(0.5, 60, n=20_000)
    correlations = np.corrcoef(factors.T) - np.eye(60)
    assert np.abs(correlations).max() < 5 / np.sqrt(20_000)
    neighbours = np.corrcoef(factors[1:].ravel(), factors[:-1].ravel())[0, 1]
    assert abs(neighbours) < 4 / np.sqrt(factors.size)


# The passes ---------------------------------------------------------------------------


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_is_that_of_central_differences(activation, sparse):
    problem = make_problem(**HIDDEN, activation=activation, sparse=sparse)
    _, gradient = loss_and_gradient(problem, key=KEYS)
    numerical = numerical_gradient(problem, key=KEYS)
    assert_allclose(gradient, numerical, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_loss_and_gradient_are_those_of_the_reference(activation, sparse, dtype):
    problem = make_problem(**HIDDEN, activation=activation, sparse=sparse, dtype=dtype)
    total = problem.weight.sum()
    loss, gradient = loss_and_gradient(problem, key=KEYS)
    expected = expected_loss_and_gradient(problem, key=KEYS)
    tolerance = {"rtol": 1e-11, "atol": 1e-13}
    if dtype == np.float32:
        tolerance = {"rtol": 1e-4, "atol": 1e-5}
    assert_allclose(loss / total, expected[0] / total, **tolerance)
    assert_allclose(gradient / total, expected[1] / total, **tolerance)


@pytest.mark.parametrize("chunk", [2, 64])
@pytest.mark.parametrize("parts", [(1, 1), (2, 3)])
@pytest.mark.parametrize("batch_size", [1, 5])
def test_epoch_is_that_of_the_reference(batch_size, parts, chunk):
    problem, params = make_problem(**HIDDEN), settings("adam", batch_size)
    result = train(problem, params, parts=parts, chunk=chunk, key=KEYS)
    assert_trained_alike(result, expected_training(problem, params, key=KEYS))


# The estimators -----------------------------------------------------------------------


def fit(estimator, X, y, method="fit", **validation):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return getattr(estimator, method)(X, y, **validation)


def make_data(n=90, n_features=8, dtype=np.float64):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, n_features)).astype(dtype)
    return X, (X[:, 0] > 0).astype(int)


def theta_of(estimator):
    return estimator._state.theta


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_seed_gives_the_same_bits_again(Estimator, solver, dtype, sparse):
    X, y = make_data(dtype=dtype)
    X = csr_array(X) if sparse else X
    options = {"solver": solver, "batch_size": 20, "max_iter": 3}
    make = {
        "same": Estimator((9, 5), dropout=0.4, random_state=0, **options),
        "again": Estimator((9, 5), dropout=[0.4, 0.4], random_state=0, **options),
        "other": Estimator((9, 5), dropout=0.4, random_state=1, **options),
        "without": Estimator((9, 5), random_state=0, **options),
    }
    thetas = {name: theta_of(fit(each, X, y)) for name, each in make.items()}
    assert thetas["same"].dtype == dtype
    assert_array_equal(thetas["same"], thetas["again"])
    assert not np.array_equal(thetas["same"], thetas["other"])
    assert not np.allclose(thetas["same"], thetas["without"])


@pytest.mark.parametrize("n_jobs", [2, 5])
@pytest.mark.parametrize("solver", ["batch", "minibatch"])
def test_the_number_of_threads_changes_no_bit(solver, n_jobs):
    X, y = make_data(600, 40)
    options = {"solver": solver, "batch_size": 250, "max_iter": 4, "random_state": 0}
    one, many = (
        fit(GDNeuralRegressor((80, 40), dropout=0.3, n_jobs=n, **options), X, y)
        for n in (1, n_jobs)
    )
    assert_array_equal(theta_of(one), theta_of(many))


@pytest.mark.parametrize("solver", SOLVERS)
def test_epochs_and_calls_drop_other_units(solver):
    # With a learning rate that moves nothing, only the masks change the loss.
    X, y = make_data()
    regressor = GDNeuralRegressor(
        *((30,), "identity"),
        **{"solver": solver, "optimizer": "gd", "learning_rate_init": 1e-300},
        **{"dropout": 0.5, "random_state": 0, "max_iter": 3, "warm_start": True},
    )
    fit(regressor, X, y)
    fit(regressor.set_params(random_state=1), X, y)
    for _ in range(3):
        fit(regressor, X, y, "partial_fit")
    assert len(set(regressor.loss_curve_)) == 9


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_predictions_use_all_units(Estimator):
    X, y = make_data()
    estimator = fit(Estimator((40,), dropout=0.5, max_iter=3, random_state=0), X, y)
    without = clone(estimator).set_params(dropout=0.0, max_iter=1)
    fit(without, X, y)
    without.coefs_, without.intercepts_ = estimator.coefs_, estimator.intercepts_
    assert_array_equal(estimator.predict(X), without.predict(X))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_validation_uses_all_units(Estimator):
    X, y = make_data()
    estimator = Estimator((40,), dropout=0.5, max_iter=3, random_state=0)
    fit(estimator, X, y, X_val=X, y_val=y)
    assert_allclose(estimator.validation_scores_[-1], estimator.score(X, y))


def test_without_hidden_layers_there_is_nothing_to_drop():
    X, y = make_data()
    options = {"max_iter": 3, "random_state": 0}
    plain = fit(GDNeuralRegressor((), **options), X, y)
    for dropout in (0.5, []):
        regressor = fit(GDNeuralRegressor((), dropout=dropout, **options), X, y)
        assert_array_equal(theta_of(regressor), theta_of(plain))


@pytest.mark.parametrize(
    ("dropout", "message"),
    [
        ([0.1], "one for each of the 2 hidden layers, got 1"),
        ([0.1, 0.2, 0.3], "one for each of the 2 hidden layers, got 3"),
        ([0.1, 1.0], r"numbers in \[0, 1\), got"),
        ([-0.1, 0.5], r"numbers in \[0, 1\), got"),
        ([np.nan, 0.5], r"numbers in \[0, 1\), got"),
        (["0.1", 0.5], r"numbers in \[0, 1\), got"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_rates_that_fit_no_layer_are_refused(method, dropout, message):
    X, y = make_data()
    regressor = GDNeuralRegressor((5, 4), dropout=dropout)
    with pytest.raises(ValueError, match=message):
        getattr(regressor, method)(X, y)
