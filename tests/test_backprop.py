"""Loss and gradient of a batch: central differences, and the NumPy reference."""

from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csr_array, issparse

from skgd.kernels.formulas.activations import SLOPE, SLOPES, Activation
from skgd.kernels.formulas.losses import Loss
from skgd.kernels.layers.inputs import as_samples, row_numbers
from skgd.kernels.passes.batch import loss_and_gradient, passes_for
from skgd.kernels.passes.workspace import make_network, make_workspace
from tests import naive

N, N_FEATURES, N_OUTPUTS = 6, 5, 3
HIDDEN = {"linear": (), "one": (4,), "three": (4, 1, 3)}


def make_problem(activations, loss, hidden, sparse, dtype=np.float64):
    """A network, its parameters, and a sparse-looking sample in the given storage."""
    rng = np.random.default_rng(0)
    units = np.array([N_FEATURES, *hidden, N_OUTPUTS])
    # One may stand for all. A copy, as of a view the kernels would be compiled anew.
    activations = np.broadcast_to(activations, len(hidden)).copy()
    network = make_network(units, activations, loss, naive.LOSS_PARAMETERS[loss])
    theta = rng.uniform(-0.8, 0.8, naive.is_coef(units).size).astype(dtype)
    X = rng.standard_normal((N, N_FEATURES)) * (rng.random((N, N_FEATURES)) < 0.6)
    X = X.astype(dtype)
    Y = naive.draw_targets(loss, N, N_OUTPUTS, rng).astype(dtype)
    weight = rng.uniform(0.5, 2, N).astype(dtype)
    return network, theta, X, Y, weight, csr_array(X) if sparse else X


def kernel_loss_and_gradient(network, theta, Y, weight, inputs, rows=None, onto=None):
    rows = row_numbers(N) if rows is None else rows
    workspace = make_workspace(network, N, theta.dtype, issparse(inputs))
    gradient = np.full_like(theta, np.nan) if onto is None else onto.copy()
    beta = theta.dtype.type(onto is not None)
    samples = as_samples(inputs, Y, weight)
    workspace = workspace._replace(passes=passes_for(samples.inputs, rows))
    loss = loss_and_gradient(network, theta, samples, rows, workspace, gradient, beta)
    return loss, gradient


# Each activation once in each of three layers, among all the others in the end: the
# steps from layer to layer have no divisor in common with the number of activations.
MIXTURES = [(Activation.RELU, Activation.GELU, Activation.TANH)] + [
    tuple(Activation((first + step) % len(Activation)) for step in (0, 4, 7))
    for first in Activation
]
MIXTURE_LOSSES = [Loss.SQUARED_ERROR, Loss.LOG_LOSS]
DTYPES = [np.float64, np.float32]
KINDS = list(product(["one", "three"], [False, True], DTYPES))
# Each activation with each loss, and each of both with each kind of network and data.
CASES = [
    (activation, loss, *KINDS[(activation + loss) % len(KINDS)])
    for activation, loss in product(Activation, Loss)
]
CASES += product([Activation.IDENTITY], Loss, ["linear"], [False, True], DTYPES)
CASES += [
    (activations, MIXTURE_LOSSES[(i + sparse) % 2], "three", sparse, dtype)
    for i, activations in enumerate(MIXTURES)
    for sparse, dtype in product([False, True], DTYPES)
]
IN_DOUBLE = list(dict.fromkeys(case[:4] for case in CASES))


@pytest.mark.parametrize(("activation", "loss", "hidden", "sparse"), IN_DOUBLE)
def test_gradient_is_that_of_central_differences(activation, loss, hidden, sparse):
    problem = make_problem(activation, loss, HIDDEN[hidden], sparse)
    network, theta, _, Y, weight, inputs = problem
    _, gradient = kernel_loss_and_gradient(network, theta, Y, weight, inputs)
    h = 1e-6
    numerical = np.empty_like(theta)
    for i in range(theta.size):
        ends = []
        for sign in (1, -1):
            moved = theta.copy()
            moved[i] += sign * h
            ends.append(kernel_loss_and_gradient(network, moved, Y, weight, inputs)[0])
        numerical[i] = (ends[0] - ends[1]) / (2 * h)
    assert_allclose(gradient, numerical, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("activation", "loss", "hidden", "sparse", "dtype"), CASES)
def test_loss_and_gradient_are_those_of_the_reference(
    activation, loss, hidden, sparse, dtype
):
    problem = make_problem(activation, loss, HIDDEN[hidden], sparse, dtype)
    network, theta, X, Y, weight, inputs = problem
    value, gradient = kernel_loss_and_gradient(network, theta, Y, weight, inputs)
    double = [array.astype(np.float64) for array in (theta, X, Y, weight)]
    expected, expected_gradient = naive.loss_and_gradient(network, *double, alpha=0)
    total = weight.sum(dtype=np.float64)
    tolerance = {"rtol": 1e-12, "atol": 1e-13}
    if dtype == np.float32:
        tolerance = {"rtol": 1e-4, "atol": 1e-5}
    assert gradient.dtype == dtype
    assert_allclose(value, expected * total, **tolerance)
    assert_allclose(gradient, expected_gradient * total, **tolerance)


def test_cases_have_every_activation_and_loss_in_every_kind():
    assert set(product(Activation, Loss)) <= {case[:2] for case in CASES}
    for place, members in enumerate([Activation, Loss]):
        found = {(case[place], *case[2:]) for case in CASES}
        assert {(each, *kind) for each in members for kind in KINDS} <= found


def test_mixtures_have_every_activation_in_every_layer():
    for layer in zip(*MIXTURES, strict=True):
        assert set(layer) == set(Activation)


def test_slopes_are_kept_only_where_they_do_not_follow_from_the_activation():
    def slopes(*activations):
        network = make_network([5, 4, 4, 1], activations, Loss.SQUARED_ERROR)
        workspace = make_workspace(network, N, np.float64, sparse=False)
        return workspace.functions.hidden[SLOPE] != 0, workspace.slopes.size > 0

    for activation in Activation:
        has, is_kept = slopes(Activation.TANH, activation)
        needs = activation in SLOPES
        np.testing.assert_array_equal(has, [False, needs])
        assert is_kept == needs


@pytest.mark.parametrize("sparse", [False, True])
def test_rows_are_taken_in_the_order_given(sparse):
    network, theta, X, Y, weight, inputs = make_problem(
        Activation.TANH, Loss.SQUARED_ERROR, (4,), sparse
    )
    rows = np.array([4, 0, 4], np.int32)
    value, gradient = kernel_loss_and_gradient(network, theta, Y, weight, inputs, rows)
    expected, expected_gradient = naive.loss_and_gradient(
        network, theta, X[rows], Y[rows], weight[rows], alpha=0
    )
    total = weight[rows].sum()
    assert_allclose(value, expected * total, rtol=1e-12)
    assert_allclose(gradient, expected_gradient * total, rtol=1e-12, atol=1e-13)


def test_no_weights_are_weights_of_one():
    network, theta, _, Y, _, inputs = make_problem(
        Activation.RELU, Loss.POISSON, (4,), False
    )
    with_ones = kernel_loss_and_gradient(network, theta, Y, np.ones(N), inputs)
    without = kernel_loss_and_gradient(network, theta, Y, np.empty(0), inputs)
    assert with_ones[0] == without[0]
    np.testing.assert_array_equal(with_ones[1], without[1])


@pytest.mark.parametrize("sparse", [False, True])
def test_a_gradient_can_be_added_to_another(sparse):
    network, theta, _, Y, weight, inputs = make_problem(
        Activation.TANH, Loss.LOG_LOSS, (4, 3), sparse
    )
    former = np.random.default_rng(1).standard_normal(theta.size)
    _, gradient = kernel_loss_and_gradient(network, theta, Y, weight, inputs)
    _, total = kernel_loss_and_gradient(network, theta, Y, weight, inputs, onto=former)
    assert_allclose(total, former + gradient, rtol=1e-13, atol=1e-14)
