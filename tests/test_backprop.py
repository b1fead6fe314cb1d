"""Loss and gradient of a batch: central differences, and the NumPy reference."""

from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgd.kernels.formulas.activations import ACTIVATIONS
from skgd.kernels.formulas.losses import LOSSES
from skgd.kernels.passes.activate import SLOPE
from skgd.kernels.passes.inputs import row_numbers
from skgd.kernels.passes.plan import N_KEPT
from skgd.network.plan import make_plan
from tests.kernels import (
    expected_loss_and_gradient,
    loss_and_gradient,
    loss_and_gradient_of,
    make_problem,
    numerical_gradient,
)

N, N_OUTPUTS = 6, 3
HIDDEN = {"linear": (), "one": (4,), "three": (4, 1, 3)}


def small_problem(activation, loss, hidden, sparse, dtype=np.float64):
    options = {"n": N, "n_features": 5, "sparse": sparse, "dtype": dtype}
    return make_problem(
        HIDDEN[hidden], N_OUTPUTS, activation=activation, loss=loss, **options
    )


DTYPES = [np.float64, np.float32]
STORAGES = list(product([False, True], DTYPES))
KINDS = [(hidden, *storage) for hidden, storage in product(["one", "three"], STORAGES)]
NAMES, LOSS_NAMES = list(ACTIVATIONS), list(LOSSES)


def turns(names, n, first=0):
    """Take `n` of the names in turn."""
    return [names[(first + i) % len(names)] for i in range(n)]


# In each kind of network and of data, each activation comes with some loss, and each
# loss with some activation, with another one in each kind.
N_PAIRS = max(len(NAMES), len(LOSS_NAMES))
CASES = [
    (activation, loss, *kind)
    for first, kind in enumerate(KINDS)
    for activation, loss in zip(
        turns(NAMES, N_PAIRS), turns(LOSS_NAMES, N_PAIRS, first), strict=True
    )
]
CASES += [
    ("identity", loss, "linear", *storage) for loss in LOSSES for storage in STORAGES
]
# Each activation once in each of three layers, among all the others in the end: the
# steps from layer to layer have no divisor in common with the number of activations.
MIXTURES = [("relu", "gelu", "tanh")] + [
    tuple(turns(NAMES, 1, first + step)[0] for step in (0, 4, 7))
    for first in range(len(NAMES))
]
CASES += [
    (mixture, ["squared_error", "log_loss"][(i + sparse) % 2], "three", sparse, dtype)
    for i, mixture in enumerate(MIXTURES)
    for sparse, dtype in STORAGES
]
IN_DOUBLE = list(dict.fromkeys(case[:4] for case in CASES))


@pytest.mark.parametrize(("activation", "loss", "hidden", "sparse"), IN_DOUBLE)
def test_gradient_is_that_of_central_differences(activation, loss, hidden, sparse):
    problem = small_problem(activation, loss, hidden, sparse)
    _, gradient = loss_and_gradient(problem)
    assert_allclose(gradient, numerical_gradient(problem), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("activation", "loss", "hidden", "sparse", "dtype"), CASES)
def test_loss_and_gradient_are_those_of_the_reference(
    activation, loss, hidden, sparse, dtype
):
    problem = small_problem(activation, loss, hidden, sparse, dtype)
    value, gradient = loss_and_gradient(problem)
    expected, expected_gradient = expected_loss_and_gradient(problem)
    tolerance = {"rtol": 1e-12, "atol": 1e-13}
    if dtype == np.float32:
        tolerance = {"rtol": 1e-4, "atol": 1e-5}
    assert gradient.dtype == dtype
    assert_allclose(value, expected, **tolerance)
    assert_allclose(gradient, expected_gradient, **tolerance)


def test_cases_have_every_activation_and_loss_in_every_kind():
    for place, members in enumerate([ACTIVATIONS, LOSSES]):
        found = {(case[place], *case[2:]) for case in CASES}
        assert {(each, *kind) for each in members for kind in KINDS} <= found
    linear = {(case[1], *case[3:]) for case in CASES if case[2] == "linear"}
    assert linear == {(loss, *storage) for loss in LOSSES for storage in STORAGES}


def test_mixtures_have_every_activation_in_every_layer():
    for layer in zip(*MIXTURES, strict=True):
        assert set(layer) == set(ACTIVATIONS)


def test_slopes_are_kept_only_where_they_do_not_follow_from_the_activation():
    for name, formula in ACTIVATIONS.items():
        problem = make_problem((4, 3), activation=["tanh", name])
        inputs = problem.samples.inputs
        plan = make_plan(problem.network, inputs, problem.order, training=True)
        # Behind a dense layer each.
        rows, needs = plan.layers[[1, 3]], formula.slope is not None
        assert_array_equal(rows[:, SLOPE] != 0, [False, needs])
        assert_array_equal(rows[:, N_KEPT] > 0, [False, needs])


@pytest.mark.parametrize("sparse", [False, True])
def test_rows_are_taken_in_the_order_given(sparse):
    problem = small_problem("tanh", "squared_error", "one", sparse)
    rows = np.array([4, 0, 4], np.int32)
    value, gradient = loss_and_gradient_of(problem, rows)
    expected, expected_gradient = expected_loss_and_gradient(problem, rows)
    assert_allclose(value, expected, rtol=1e-12)
    assert_allclose(gradient, expected_gradient, rtol=1e-12, atol=1e-13)


def test_no_weights_are_weights_of_one():
    problem = small_problem("relu", "poisson", "one", False)
    with_ones = loss_and_gradient(problem.but(weight=np.ones(N)))
    without = loss_and_gradient(problem.but(weight=None))
    assert with_ones[0] == without[0]
    assert_array_equal(with_ones[1], without[1])


@pytest.mark.parametrize("sparse", [False, True])
def test_a_gradient_can_be_added_to_another(sparse):
    problem = small_problem("tanh", "log_loss", "three", sparse)
    former = np.random.default_rng(1).standard_normal(problem.theta.size)
    _, gradient = loss_and_gradient(problem)
    _, total = loss_and_gradient_of(problem, row_numbers(N), onto=former)
    assert_allclose(total, former + gradient, rtol=1e-13, atol=1e-14)
