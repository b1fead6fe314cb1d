"""Every member of `Optimizer`, step for step against a reference from the papers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import rosen, rosen_der

from skgd.kernels.optimizers import (
    STATE_ROWS,
    Optimizer,
    make_update_rule,
    step_size,
    update,
)
from tests import naive

SCALES = np.array([1.0, 3.0, 10.0])
PROBLEMS = {
    "quadratic": (
        lambda x: 0.5 * SCALES @ x**2,
        lambda x: SCALES * x,
        np.array([1.0, -2.0, 3.0]),
        0.03,
    ),
    "rosenbrock": (rosen, rosen_der, np.array([-1.2, 1.0]), 2e-4),
}


def make_rule(optimizer):
    return make_update_rule(optimizer, 0.9, 0.9, 0.99, 1e-8)


def descend(optimizer, gradient, theta, rate, n_steps):
    """The path of the kernel."""
    rule = make_rule(optimizer)
    theta = theta.copy()
    state = np.zeros((STATE_ROWS[optimizer], theta.size))
    path = []
    for step in range(1, n_steps + 1):
        size = step_size(rule, rate, rule.beta_1**step, rule.beta_2**step)
        g = gradient(theta)
        update(rule, theta, state, 0, theta.size, g, 1.0, 0.0, size)
        path.append(theta.copy())
    return np.array(path)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("optimizer", Optimizer)
def test_path_is_that_of_the_reference(optimizer, problem):
    _, gradient, start, rate = PROBLEMS[problem]
    path = descend(optimizer, gradient, start, rate, 50)
    theta, memory, expected = start, {}, []
    step_function = naive.OPTIMIZERS[optimizer]
    for step in range(1, 51):
        g = gradient(theta)
        theta = step_function(theta, g, memory, step, rate, make_rule(optimizer))
        expected.append(theta)
    assert_allclose(path, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("optimizer", Optimizer)
def test_minimises_a_quadratic(optimizer):
    value, gradient, start, rate = PROBLEMS["quadratic"]
    path = descend(optimizer, gradient, start, rate, 2000)
    assert value(path[-1]) < 1e-6 * value(start)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("optimizer", Optimizer)
def test_gradient_is_scaled_and_penalised_in_the_same_pass(optimizer, dtype):
    # update(factor, l2) on a segment = update(1, 0) with factor * g + l2 * theta.
    rng = np.random.default_rng(0)
    theta = rng.standard_normal(12).astype(dtype)
    g = rng.standard_normal(5).astype(dtype)
    state = np.abs(rng.standard_normal((STATE_ROWS[optimizer], 12))).astype(dtype)
    rule, rate = make_rule(optimizer), dtype(0.1)
    factor, l2 = dtype(0.5), dtype(0.25)

    fused, fused_state = theta.copy(), state.copy()
    squares = update(rule, fused, fused_state, 3, 8, g, factor, l2, rate)
    plain, plain_state = theta[3:8].copy(), state[:, 3:8].copy()
    combined = factor * g + l2 * plain
    update(rule, plain, plain_state, 0, 5, combined, dtype(1), dtype(0), rate)

    tolerance = {"rtol": 16 * np.finfo(dtype).eps, "atol": np.finfo(dtype).eps}
    assert_allclose(fused[3:8], plain, **tolerance)
    assert_allclose(fused_state[:, 3:8], plain_state, **tolerance)
    assert_allclose(squares, (theta[3:8] ** 2).sum(), **tolerance)
    outside = np.r_[0:3, 8:12]
    np.testing.assert_array_equal(fused[outside], theta[outside])
    np.testing.assert_array_equal(fused_state[:, outside], state[:, outside])


@pytest.mark.parametrize("beta_2", [0.9, 0.999, 0.999999])
def test_second_moment_keeps_its_digits_in_float32(beta_2):
    rule = make_update_rule(Optimizer.ADAM, 0.9, 0.9, beta_2, 1e-8)
    g = np.linspace(0.5, 2, 37).astype(np.float32)
    theta, state = np.zeros_like(g), np.zeros((2, g.size), np.float32)
    update(rule, theta, state, 0, g.size, g, *map(np.float32, (1, 0, 0.1)))
    assert_allclose(state[1], (1 - beta_2) * g.astype(float) ** 2, rtol=1e-6)


def test_a_gradient_whose_square_overflows_makes_no_step():
    # As in scikit-learn: the root of the second moment is infinite, and no more.
    rule = make_update_rule(Optimizer.ADAM, 0.9, 0.9, 0.999, 1e-8)
    g = np.full(37, 1e200)
    theta, state = np.ones_like(g), np.zeros((2, g.size))
    update(rule, theta, state, 0, g.size, g, 1.0, 0.0, 0.1)
    np.testing.assert_array_equal(theta, 1)


def test_every_optimizer_has_a_reference_and_a_state_size():
    assert set(naive.OPTIMIZERS) == set(STATE_ROWS) == set(Optimizer)
