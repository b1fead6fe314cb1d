"""Every member of `Optimizer`, step for step against references from the papers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import rosen, rosen_der

from skgd.kernels.formulas.activations import Activation
from skgd.kernels.formulas.losses import Loss
from skgd.kernels.formulas.optimizers import (
    RULES,
    STATE_ROWS,
    Optimizer,
    Step,
    make_step,
    make_update_rule,
    next_powers,
    powers_after,
    update,
)
from skgd.kernels.passes.workspace import make_network
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
# Learning rates for the quadratic where 0.03 is not a good one: the steps of the first
# two are small by themselves, and those of the others do not shrink enough.
RATES = {
    Optimizer.ADAGRAD: 1.0,
    Optimizer.ADADELTA: 10.0,
    Optimizer.RMSPROP: 0.002,
    Optimizer.NADAM: 0.005,
}

# What they are in PyTorch. The classes with `weight_decay` decouple it.
TORCH = {
    Optimizer.GD: ("SGD", {}),
    Optimizer.MOMENTUM: ("SGD", {"momentum": 0.9}),
    Optimizer.NESTEROV: ("SGD", {"momentum": 0.9, "nesterov": True}),
    Optimizer.ADAM: ("AdamW", {"betas": (0.9, 0.99)}),
    Optimizer.ADAGRAD: ("Adagrad", {}),
    Optimizer.ADADELTA: ("Adadelta", {"rho": 0.99}),
    Optimizer.RMSPROP: ("RMSprop", {"alpha": 0.99}),
    Optimizer.AMSGRAD: ("AdamW", {"betas": (0.9, 0.99), "amsgrad": True}),
    Optimizer.NADAM: (
        "NAdam",
        {"betas": (0.9, 0.99), "decoupled_weight_decay": True},
    ),
}
WITH_WEIGHT_DECAY = [Optimizer.ADAM, Optimizer.AMSGRAD, Optimizer.NADAM]

NOT_NORMALISED = {Optimizer.GD, Optimizer.MOMENTUM, Optimizer.NESTEROV}


def network_gradient():
    """Gradient of a small network's loss, and a first point."""
    rng = np.random.default_rng(0)
    network = make_network([4, 5, 2], [Activation.TANH], Loss.SQUARED_ERROR)
    X, Y = rng.standard_normal((20, 4)), rng.standard_normal((20, 2))
    theta = rng.uniform(-0.8, 0.8, network.offsets[-1])
    weight = np.ones(20)

    def gradient(theta):
        return naive.loss_and_gradient(network, theta, X, Y, weight, 0.1)[1]

    return gradient, theta


def problem(name):
    """Gradient, first point and learning rate."""
    if name == "network":
        return *network_gradient(), 0.02
    return PROBLEMS[name][1:]


def make_rule(optimizer, weight_decay=0.0, epsilon=1e-8, dtype=np.float64):
    return make_update_rule(optimizer, 0.9, 0.9, 0.99, epsilon, weight_decay, dtype)


def descend(rule, gradient, theta, rate, n_steps):
    """The path of the kernel."""
    theta = theta.copy()
    state = np.zeros((STATE_ROWS[rule.optimizer], theta.size))
    powers = powers_after(rule, 0)
    path = []
    for _ in range(n_steps):
        powers = next_powers(rule, powers)
        step = make_step(rule, rate, powers)
        g = gradient(theta)
        update(rule, theta, state, 0, theta.size, g, 1.0, 0.0, step.decay, step)
        path.append(theta.copy())
    return np.array(path)


def descend_in_torch(rule, gradient, theta, rate, n_steps):
    """The path of PyTorch."""
    torch = pytest.importorskip("torch", reason="the reference is PyTorch's optimizers")
    name, options = TORCH[rule.optimizer]
    if name != "SGD":
        options = options | {"eps": rule.epsilon}
    options = options | {"weight_decay": rule.weight_decay, "lr": rate}
    parameter = torch.nn.Parameter(torch.tensor(theta))
    optimizer = getattr(torch.optim, name)([parameter], **options)
    path = []
    for _ in range(n_steps):
        values = parameter.detach().numpy()
        parameter.grad = torch.tensor(gradient(values))
        optimizer.step()
        path.append(values.copy())
    return np.array(path)


@pytest.fixture
def torch_in_double():
    """Let PyTorch keep NAdam's product of momenta in float64 too."""
    torch = pytest.importorskip("torch", reason="the reference is PyTorch's optimizers")
    former = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(former)


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
@pytest.mark.parametrize("name", [*PROBLEMS, "network"])
@pytest.mark.parametrize("optimizer", Optimizer)
def test_path_is_that_of_the_reference(optimizer, name, weight_decay):
    gradient, theta, rate = problem(name)
    rule = make_rule(optimizer, weight_decay)
    path = descend(rule, gradient, theta, rate, 50)
    memory, expected = {}, []
    for step in range(1, 51):
        theta = naive.take_step(theta, gradient(theta), memory, step, rate, rule)
        expected.append(theta)
    assert_allclose(path, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.usefixtures("torch_in_double")
@pytest.mark.parametrize("name", [*PROBLEMS, "network"])
@pytest.mark.parametrize(
    ("optimizer", "weight_decay"),
    [
        *((each, 0.0) for each in Optimizer),
        *((each, 0.3) for each in WITH_WEIGHT_DECAY),
    ],
)
def test_path_is_that_of_pytorch(optimizer, weight_decay, name):
    gradient, theta, rate = problem(name)
    # Adam's epsilon has its place from scikit-learn; make it too small to show.
    epsilon = 1e-30 if optimizer == Optimizer.ADAM else 1e-8
    rule = make_rule(optimizer, weight_decay, epsilon)
    path = descend(rule, gradient, theta, rate, 50)
    expected = descend_in_torch(rule, gradient, theta, rate, 50)
    assert_allclose(path, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("optimizer", Optimizer)
def test_minimises_a_quadratic(optimizer):
    value, gradient, start, rate = PROBLEMS["quadratic"]
    rate = RATES.get(optimizer, rate)
    path = descend(make_rule(optimizer), gradient, start, rate, 2000)
    assert value(path[-1]) < 1e-6 * value(start)


@pytest.mark.parametrize("n_steps", [1, 7, 3000])
@pytest.mark.parametrize("optimizer", [Optimizer.ADAM, Optimizer.NADAM])
def test_powers_can_be_taken_up_again(optimizer, n_steps):
    rule = make_rule(optimizer)
    powers = powers_after(rule, 0)
    for _ in range(n_steps):
        powers = next_powers(rule, powers)
    resumed = powers_after(rule, n_steps)
    step, expected = make_step(rule, 0.1, resumed), make_step(rule, 0.1, powers)
    assert_allclose(step, expected, rtol=1e-14 * n_steps)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("optimizer", Optimizer)
def test_gradient_is_scaled_and_penalised_in_the_same_pass(optimizer, dtype):
    # update(factor, l2, decay) on a segment = update(1, 0, 1) with factor * g + l2 *
    # theta, and decay * theta - theta added.
    rng = np.random.default_rng(0)
    theta = rng.standard_normal(12).astype(dtype)
    g = rng.standard_normal(5).astype(dtype)
    state = np.abs(rng.standard_normal((STATE_ROWS[optimizer], 12))).astype(dtype)
    rule = make_rule(optimizer, dtype=dtype)
    step = make_step(rule, 0.1, powers_after(rule, 3))
    factor, l2, decay = dtype(0.5), dtype(0.25), dtype(0.75)

    fused, fused_state = theta.copy(), state.copy()
    scales = factor, l2, decay, step
    squares = update(rule, fused, fused_state, 3, 8, g, *scales)
    plain, plain_state = theta[3:8].copy(), state[:, 3:8].copy()
    combined = factor * g + l2 * plain
    scales = dtype(1), dtype(0), dtype(1), step
    update(rule, plain, plain_state, 0, 5, combined, *scales)
    plain += (decay - dtype(1)) * theta[3:8]

    tolerance = {"rtol": 16 * np.finfo(dtype).eps, "atol": np.finfo(dtype).eps}
    assert_allclose(fused[3:8], plain, **tolerance)
    assert_allclose(fused_state[:, 3:8], plain_state, **tolerance)
    assert_allclose(squares, (theta[3:8] ** 2).sum(), **tolerance)
    outside = np.r_[0:3, 8:12]
    np.testing.assert_array_equal(fused[outside], theta[outside])
    np.testing.assert_array_equal(fused_state[:, outside], state[:, outside])


@pytest.mark.parametrize("beta_2", [0.9, 0.999, 0.999999])
def test_second_moment_keeps_its_digits_in_float32(beta_2):
    hyperparameters = 0.9, 0.9, beta_2, 1e-8, 0.0
    rule = make_update_rule(Optimizer.ADAM, *hyperparameters, np.float32)
    g = np.linspace(0.5, 2, 37).astype(np.float32)
    theta, state = np.zeros_like(g), np.zeros((2, g.size), np.float32)
    scales = *map(np.float32, (1, 0, 1)), Step(0.1, 0.0, 1e-8, 1.0)
    update(rule, theta, state, 0, g.size, g, *scales)
    assert_allclose(state[1], (1 - beta_2) * g.astype(float) ** 2, rtol=1e-6)


@pytest.mark.parametrize("optimizer", sorted(set(Optimizer) - NOT_NORMALISED))
def test_a_gradient_whose_square_overflows_makes_no_step(optimizer):
    # As in scikit-learn: the root of the second moment is infinite, and no more.
    rule = make_rule(optimizer)
    g = np.full(37, 1e200)
    theta, state = np.ones_like(g), np.zeros((STATE_ROWS[optimizer], g.size))
    step = make_step(rule, 0.1, powers_after(rule, 1))
    update(rule, theta, state, 0, g.size, g, 1.0, 0.0, 1.0, step)
    np.testing.assert_array_equal(theta, 1)


@pytest.mark.parametrize("optimizer", Optimizer)
def test_nan_stays_nan(optimizer):
    rule = make_rule(optimizer)
    g = np.ones(37)
    g[::7] = np.nan
    theta, state = np.ones_like(g), np.zeros((STATE_ROWS[optimizer], g.size))
    for n_steps in (1, 2):
        step = make_step(rule, 0.1, powers_after(rule, n_steps))
        update(rule, theta, state, 0, g.size, g, 1.0, 0.0, 1.0, step)
        for row in (theta, *state):
            np.testing.assert_array_equal(np.isnan(row), np.isnan(g))


def test_every_optimizer_has_a_rule_a_reference_and_a_state_size():
    assert set(RULES) == set(Optimizer)
    assert set(naive.OPTIMIZERS) == set(STATE_ROWS) == set(Optimizer)
    assert set(TORCH) == set(Optimizer)
