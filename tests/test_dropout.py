"""Dropout: its generator, masks and gradient, and what an estimator makes of it."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skgd import GDNeuralClassifier, GDNeuralRegressor
from skgd.kernels.epoch import minibatch_epoch, sgd_epoch
from skgd.kernels.formulas.activations import Activation
from skgd.kernels.formulas.losses import Loss
from skgd.kernels.formulas.optimizers import (
    STATE_ROWS,
    Optimizer,
    make_update_rule,
    powers_after,
)
from skgd.kernels.layers.dropout import FIRST, KEY, NUMBERS, STEP, drop
from skgd.kernels.layers.inputs import as_samples, row_numbers
from skgd.kernels.passes.batch import loss_and_gradient, passes_for
from skgd.kernels.passes.workspace import make_network, make_workspace
from skgd.kernels.team.protocol import make_team
from tests import naive

ESTIMATORS = [GDNeuralRegressor, GDNeuralClassifier]
SOLVERS = ["batch", "sgd", "minibatch"]
KEYS = 123456789, 4000000000
N, UNITS, RATES = 23, [5, 9, 4, 2], [0.5, 0.2]

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


def draw_factors(rate, n_units, *, n=40, layer=0, step=0, first=0, key=KEYS):
    """What `drop` multiplies by, shape (n, n_units), from activations of one."""
    a, slopes = np.ones((2, n * (n_units + 1)))
    random = np.zeros(NUMBERS + n_units + 3, np.uint64)
    random[KEY : KEY + 2], random[STEP], random[FIRST] = key, step, first
    drop(a, slopes, random, layer, rate, n, n_units)
    assert_array_equal(a, slopes)
    a = a.reshape(n, n_units + 1)
    assert_array_equal(a[:, -1], 1)  # the ones that meet the intercepts stay
    return a[:, :-1]


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.999])
@pytest.mark.parametrize("n_units", [1, 3, 4, 5, 64, 101])
@pytest.mark.parametrize("step", [0, 7])
def test_masks_are_those_of_the_reference(step, n_units, rate):
    network = make_network([2, 3, n_units, 1], [0, 0], 0, dropout=[0.3, rate])
    _, expected = naive.dropout_factors(network, KEYS, step, 40)
    assert_allclose(draw_factors(rate, n_units, layer=1, step=step), expected)


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
    "other", [{"layer": 1}, {"step": 1}, {"first": 1000}, {"key": (1, 2)}]
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


def make_problem(activation, sparse=False, dtype=np.float64):
    rng = np.random.default_rng(0)
    network = make_network(UNITS, [activation] * 2, Loss.SQUARED_ERROR, dropout=RATES)
    theta = rng.uniform(-0.8, 0.8, network.offsets[-1]).astype(dtype)
    X = rng.standard_normal((N, UNITS[0])) * (rng.random((N, UNITS[0])) < 0.7)
    X, Y = X.astype(dtype), rng.standard_normal((N, UNITS[-1])).astype(dtype)
    weight = rng.uniform(0.5, 2, N).astype(dtype)
    return network, theta, X, Y, weight, csr_array(X) if sparse else X


def batch_loss_and_gradient(problem, theta=None):
    network, first_theta, _, Y, weight, inputs = problem
    theta = first_theta if theta is None else theta
    sparse = not isinstance(inputs, np.ndarray)
    workspace = make_workspace(network, N, theta.dtype, sparse)
    workspace.random[KEY : KEY + 2] = KEYS
    gradient = np.empty_like(theta)
    samples, rows = as_samples(inputs, Y, weight), row_numbers(N)
    workspace = workspace._replace(passes=passes_for(samples.inputs, rows))
    zero = theta.dtype.type(0)
    loss = loss_and_gradient(network, theta, samples, rows, workspace, gradient, zero)
    return loss, gradient


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("activation", Activation)
def test_gradient_is_that_of_central_differences(activation, sparse):
    problem = make_problem(activation, sparse)
    theta, h = problem[1], 1e-6
    _, gradient = batch_loss_and_gradient(problem)
    moves = h * np.eye(theta.size)
    ends = [
        [batch_loss_and_gradient(problem, theta + sign * move)[0] for sign in (1, -1)]
        for move in moves
    ]
    numerical = -np.diff(ends, axis=1).ravel() / (2 * h)
    assert_allclose(gradient, numerical, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("activation", Activation)
def test_loss_and_gradient_are_those_of_the_reference(activation, sparse, dtype):
    problem = make_problem(activation, sparse, dtype)
    network, *arrays = problem[:5]
    loss, gradient = batch_loss_and_gradient(problem)
    theta, X, Y, weight = (array.astype(float) for array in arrays)
    factors = naive.dropout_factors(network, KEYS, 0, N)
    expected = naive.loss_and_gradient(network, theta, X, Y, weight, 0, factors)
    tolerance = {"rtol": 1e-11, "atol": 1e-13}
    if dtype == np.float32:
        tolerance = {"rtol": 1e-4, "atol": 1e-5}
    assert_allclose(loss / weight.sum(), expected[0], **tolerance)
    assert_allclose(gradient / weight.sum(), expected[1], **tolerance)


@pytest.mark.parametrize("chunk", [2, 64])
@pytest.mark.parametrize("parts", [(1, 1), (2, 3)])
@pytest.mark.parametrize("batch_size", [1, 5])
def test_epoch_is_that_of_the_reference(batch_size, parts, chunk):
    network, theta, X, Y, weight, _ = make_problem(Activation.TANH)
    rule = make_update_rule(Optimizer.ADAM, 0.9, 0.9, 0.99, 1e-8)
    order, rate, alpha = np.random.default_rng(1).permutation(N), 0.05, 0.3
    expected = naive.train_epoch(
        *(network, theta, rule, {}, 0, X, Y, weight, order, batch_size, rate, alpha),
        key=KEYS,
    )

    workspace = make_workspace(network, min(chunk, batch_size), theta.dtype, False)
    workspace.random[KEY : KEY + 2] = KEYS
    state = np.zeros((STATE_ROWS[Optimizer.ADAM], theta.size))
    theta, samples = theta.copy(), as_samples(X, Y, weight)
    rows = row_numbers(N)[order]
    workspace = workspace._replace(passes=passes_for(samples.inputs, rows))
    powers = np.array(powers_after(rule, 0))
    common = network, theta, rule, state, powers, samples, rows
    rates = rate / np.arange(1, 1 - (-N // batch_size))
    if batch_size == 1:
        gradient = np.empty_like(theta)
        loss, n_steps = sgd_epoch(*common, rates, alpha, workspace, gradient)
    else:
        team = make_team(1, theta.size, *parts, 1000, theta.dtype)
        loss, n_steps = minibatch_epoch(
            *(0, team, *common, batch_size, rates, alpha, workspace)
        )
    assert_allclose(theta, expected[0], rtol=1e-10, atol=1e-12)
    assert_allclose(loss, expected[1], rtol=1e-10)
    assert n_steps == expected[2]


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
