"""Every member of `FIRST_ORDER`, step for step against references from the papers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import rosen, rosen_der

from skgd.descent.steps import apply
from skgd.kernels.formulas.optimizers import BETA_1, FIRST_ORDER
from skgd.kernels.formulas.update import Segments
from skgd.network.network import make_network
from tests import naive
from tests.kernels import begin_update, settings

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
    "adagrad": 1.0,
    "adadelta": 10.0,
    "rmsprop": 0.002,
    "nadam": 0.005,
}

# What they are in PyTorch. The classes with `weight_decay` decouple it.
TORCH = {
    "gd": ("SGD", {}),
    "momentum": ("SGD", {"momentum": 0.9}),
    "nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "adam": ("AdamW", {"betas": (0.9, 0.99)}),
    "adagrad": ("Adagrad", {}),
    "adadelta": ("Adadelta", {"rho": 0.99}),
    "rmsprop": ("RMSprop", {"alpha": 0.99}),
    "amsgrad": ("AdamW", {"betas": (0.9, 0.99), "amsgrad": True}),
    "nadam": (
        "NAdam",
        {"betas": (0.9, 0.99), "decoupled_weight_decay": True},
    ),
}
WITH_WEIGHT_DECAY = ["adam", "amsgrad", "nadam"]

NOT_NORMALISED = {"gd", "momentum", "nesterov"}


def network_gradient():
    """Gradient of a small network's loss, and a first point."""
    rng = np.random.default_rng(0)
    network = make_network([4, 5, 2], "squared_error", activation=["tanh"])
    batch = rng.standard_normal((20, 4)), rng.standard_normal((20, 2)), np.ones(20)
    theta = rng.uniform(-0.8, 0.8, network.n_parameters)

    def gradient(theta):
        return naive.loss_and_gradient(network, theta, *batch, 0.1)[1]

    return gradient, theta


def problem(name):
    """Gradient, first point and learning rate."""
    if name == "network":
        return *network_gradient(), 0.02
    return PROBLEMS[name][1:]


class OneArray:
    """Stands for a network whose parameters are one array, from `start` to `stop`.

    What lies before and behind is not the optimizer's.
    """

    def __init__(self, size, start=0, stop=None):
        stop = size if stop is None else stop
        bounds = [(0, start), (start, stop), (stop, size)]
        factors = [(1.0, 1.0, 0.0), (1.0, 1.0, 1.0), (1.0, 1.0, 0.0)]
        self.segment_table = Segments(np.array(bounds, np.int64), np.array(factors))


def begin(params, theta, *place, n_steps=0):
    """Begin to update theta in place."""
    return begin_update(OneArray(theta.size, *place), theta, params, n_steps)


def memory_of(update):
    """What the optimizer remembers, without what is between the rows."""
    return update.memory[:, : update.theta.size]


def descend(params, gradient, theta, rate, n_steps):
    """The path of the kernel."""
    theta = theta.copy()
    update, path = begin(params, theta), []
    for _ in range(n_steps):
        apply(update, gradient(theta), 0.0, 1.0, rate)
        path.append(theta.copy())
    return np.array(path)


def descend_in_torch(params, gradient, theta, rate, n_steps):
    """The path of PyTorch."""
    torch = pytest.importorskip("torch", reason="the reference is PyTorch's optimizers")
    name, options = TORCH[params.optimizer]
    if name != "SGD":
        options = options | {"eps": params.epsilon}
    options = options | {"weight_decay": params.weight_decay, "lr": rate}
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
@pytest.mark.parametrize("optimizer", FIRST_ORDER)
def test_path_is_that_of_the_reference(optimizer, name, weight_decay):
    gradient, theta, rate = problem(name)
    params = settings(optimizer, alpha=0.0, weight_decay=weight_decay)
    path = descend(params, gradient, theta, rate, 50)
    memory, expected = {}, []
    for step in range(1, 51):
        theta = naive.take_step(theta, gradient(theta), memory, step, rate, params)
        expected.append(theta)
    assert_allclose(path, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.usefixtures("torch_in_double")
@pytest.mark.parametrize("name", [*PROBLEMS, "network"])
@pytest.mark.parametrize(
    ("optimizer", "weight_decay"),
    [
        *((each, 0.0) for each in TORCH),
        *((each, 0.3) for each in WITH_WEIGHT_DECAY),
    ],
)
def test_path_is_that_of_pytorch(optimizer, weight_decay, name):
    gradient, theta, rate = problem(name)
    # Adam's epsilon has its place from scikit-learn; make it too small to show.
    epsilon = 1e-30 if optimizer == "adam" else 1e-8
    params = settings(optimizer, alpha=0.0, weight_decay=weight_decay, epsilon=epsilon)
    path = descend(params, gradient, theta, rate, 50)
    expected = descend_in_torch(params, gradient, theta, rate, 50)
    assert_allclose(path, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("optimizer", FIRST_ORDER)
def test_minimises_a_quadratic(optimizer):
    value, gradient, start, rate = PROBLEMS["quadratic"]
    rate = RATES.get(optimizer, rate)
    path = descend(settings(optimizer, alpha=0.0), gradient, start, rate, 2000)
    assert value(path[-1]) < 1e-6 * value(start)


@pytest.mark.parametrize("n_steps", [1, 7, 3000])
@pytest.mark.parametrize("optimizer", FIRST_ORDER)
def test_a_clock_can_be_taken_up_again(optimizer, n_steps):
    params, gradient = settings(optimizer, alpha=0.0), np.ones(3)
    run = begin(params, np.zeros(3))
    for _ in range(n_steps):
        apply(run, gradient, 0.0, 1.0, 0.1)
    resumed = begin(params, np.zeros(3), n_steps=n_steps)
    for update in (run, resumed):
        apply(update, gradient, 0.0, 1.0, 0.1)
    factors = slice(0, BETA_1)  # after them is the clock itself
    expected = run.step[factors]
    assert_allclose(resumed.step[factors], expected, rtol=1e-14 * n_steps)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("optimizer", FIRST_ORDER)
def test_gradient_is_scaled_and_penalised_in_the_same_pass(optimizer, dtype):
    # A step of the summed gradient g, of weight 2, is one of the gradient g / 2 + l2 *
    # theta, with decay * theta - theta added.
    rng = np.random.default_rng(0)
    theta, g = (rng.standard_normal(12).astype(dtype) for _ in range(2))
    memory = np.abs(rng.standard_normal((len(FIRST_ORDER[optimizer].memory), 12)))
    memory, inside = memory.astype(dtype), slice(3, 8)
    factor, l2, decay = dtype(0.5), dtype(0.25), dtype(0.75)

    fused = begin(
        settings(optimizer, alpha=0.5, weight_decay=2.5),
        *(theta.copy(), 3, 8),
        n_steps=3,
    )
    memory_of(fused)[:] = memory
    loss = apply(fused, g, 7.0, 2.0, 0.1)
    plain = begin(settings(optimizer, alpha=0.0), theta[inside].copy(), n_steps=3)
    memory_of(plain)[:] = memory[:, inside]
    apply(plain, factor * g[inside] + l2 * theta[inside], 0.0, 1.0, 0.1)
    plain.theta[:] += (decay - dtype(1)) * theta[inside]

    tolerance = {"rtol": 16 * np.finfo(dtype).eps, "atol": np.finfo(dtype).eps}
    assert_allclose(fused.theta[inside], plain.theta, **tolerance)
    assert_allclose(memory_of(fused)[:, inside], memory_of(plain), **tolerance)
    penalty = 0.5 * 0.5 * (theta[inside] ** 2).sum()
    assert_allclose(loss, (7 + penalty) / 2, **tolerance)
    outside = np.r_[0:3, 8:12]
    np.testing.assert_array_equal(fused.theta[outside], theta[outside])
    np.testing.assert_array_equal(memory_of(fused)[:, outside], memory[:, outside])


@pytest.mark.parametrize("beta_2", [0.9, 0.999, 0.999999])
def test_second_moment_keeps_its_digits_in_float32(beta_2):
    g = np.linspace(0.5, 2, 37).astype(np.float32)
    update = begin(settings("adam", alpha=0.0, beta_2=beta_2), np.zeros_like(g))
    apply(update, g, 0.0, 1.0, 0.1)
    expected = (1 - beta_2) * g.astype(float) ** 2
    assert_allclose(memory_of(update)[1], expected, rtol=1e-6)


@pytest.mark.parametrize("optimizer", sorted(set(FIRST_ORDER) - NOT_NORMALISED))
def test_a_gradient_whose_square_overflows_makes_no_step(optimizer):
    # As in scikit-learn: the root of the second moment is infinite, and no more.
    update = begin(settings(optimizer, alpha=0.0), np.ones(37))
    apply(update, np.full(37, 1e200), 0.0, 1.0, 0.1)
    np.testing.assert_array_equal(update.theta, 1)


@pytest.mark.parametrize("optimizer", FIRST_ORDER)
def test_nan_stays_nan(optimizer):
    g = np.ones(37)
    g[::7] = np.nan
    update = begin(settings(optimizer, alpha=0.0), np.ones(37))
    for _ in range(2):
        apply(update, g, 0.0, 1.0, 0.1)
        for row in (update.theta, *memory_of(update)):
            np.testing.assert_array_equal(np.isnan(row), np.isnan(g))


def test_every_optimizer_has_a_reference():
    assert set(naive.OPTIMIZERS) == set(FIRST_ORDER) >= set(TORCH)
    assert all(record.name == name for name, record in FIRST_ORDER.items())


@pytest.mark.parametrize("optimizer", FIRST_ORDER)
def test_every_row_of_the_memory_is_used(optimizer):
    update = begin(settings(optimizer, alpha=0.0), np.ones(5))
    apply(update, np.arange(1.0, 6.0), 0.0, 1.0, 0.1)
    assert len(update.memory) == len(FIRST_ORDER[optimizer].memory)
    assert memory_of(update).all()
