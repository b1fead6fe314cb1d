"""`max_grad_norm`: the gradient of the objective is no longer than that."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from skgd import GDNeuralClassifier, GDNeuralRegressor
from tests.kernels import (
    assert_trained_alike,
    expected_training,
    make_problem,
    settings,
    train,
)
from tests.naive import loss_and_gradient

SOLVERS = ["batch", "sgd", "minibatch"]


def first_norm(problem, params):
    """Norm of the first batch's gradient."""
    rows = problem.order[: params.batch_size]
    batch = problem.X[rows], problem.Y[rows], problem.weights[rows]
    gradient = loss_and_gradient(problem.network, problem.theta, *batch, params.alpha)
    return np.linalg.norm(gradient[1])


@pytest.mark.parametrize("parts", [(1, 1), (2, 3)])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("batch_size", [1, 4, 15])
@pytest.mark.parametrize("optimizer", ["gd", "adam"])
def test_epoch_is_that_of_the_reference(optimizer, batch_size, sparse, parts):
    problem = make_problem((6, 1, 5), sparse=sparse)
    params = settings(optimizer, batch_size, weight_decay=0.4)
    params.max_grad_norm = first_norm(problem, params) / 2
    result = train(problem, params, parts=parts)
    assert_trained_alike(result, expected_training(problem, params))


@pytest.mark.parametrize("batch_size", [1, 4])
def test_epoch_in_single_precision(batch_size):
    problem = make_problem(weighted=False)
    params = settings("gd", batch_size)
    params.max_grad_norm = first_norm(problem, params) / 2
    theta, *_ = train(problem.astype(np.float32), params)
    assert theta.dtype == np.float32
    expected, *_ = expected_training(problem, params)
    assert_allclose(theta, expected, rtol=1e-4, atol=1e-5)


def make_data():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 5))
    return X, 100 * X[:, 0]


def fit(estimator, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y)


@pytest.mark.parametrize("solver", SOLVERS)
def test_no_step_is_longer_than_the_norm_allows(solver):
    X, y = make_data()
    regressor = GDNeuralRegressor(
        (7,), solver=solver, optimizer="gd", learning_rate_init=0.1, random_state=0
    )
    regressor.set_params(max_iter=1, max_grad_norm=0.01, warm_start=True, batch_size=25)
    before = fit(regressor, X, y)._state.theta.copy()
    steps = {"batch": 1, "sgd": 60, "minibatch": 3}[solver]
    after = fit(regressor, X, y)._state.theta
    moved = np.linalg.norm(after - before)
    assert 0 < moved <= steps * 0.1 * 0.01 * (1 + 1e-12)
    if solver == "batch":  # whose gradient is far longer than the norm
        assert_allclose(moved, 0.1 * 0.01, rtol=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("Estimator", [GDNeuralRegressor, GDNeuralClassifier])
def test_a_norm_that_is_never_reached_changes_nothing(Estimator, solver):
    X, y = make_data()
    y = y if Estimator is GDNeuralRegressor else y > 0
    options = {"solver": solver, "max_iter": 5, "random_state": 0}
    plain = fit(Estimator((7, 3), **options), X, y)
    clipped = fit(Estimator((7, 3), max_grad_norm=1e9, **options), X, y)
    assert_array_equal(clipped._state.theta, plain._state.theta)


def test_the_result_does_not_depend_on_the_number_of_threads():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((600, 40))
    y = 10 * X[:, 0]
    options = {"max_iter": 4, "random_state": 0, "max_grad_norm": 0.5}
    one, two = (
        fit(GDNeuralRegressor((80, 40), batch_size=250, n_jobs=n, **options), X, y)
        for n in (1, 2)
    )
    assert_array_equal(one._state.theta, two._state.theta)


def test_it_tames_a_rate_that_diverges():
    X, y = make_data()
    options = {"optimizer": "gd", "learning_rate_init": 0.05, "random_state": 0}
    with pytest.raises(ValueError, match="non-finite"):
        GDNeuralRegressor(max_iter=100, **options).fit(X, y)
    tamed = fit(GDNeuralRegressor(max_iter=100, max_grad_norm=1.0, **options), X, y)
    assert tamed.loss_curve_[-1] < tamed.loss_curve_[0]
