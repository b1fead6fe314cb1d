"""Networks: what each kind of layer has to hold to, and the first parameters."""

import json
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product
from typing import ClassVar

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skgd.descent.steps import apply
from skgd.kernels.formulas.activations import ACTIVATIONS
from skgd.kernels.formulas.optimizers import FIRST_ORDER
from skgd.kernels.machine.jit import jit
from skgd.kernels.passes.inputs import row_numbers
from skgd.kernels.passes.plan import FAN_OUT, backward_address, forward_address
from skgd.network.layers.dense import Dense
from skgd.network.layers.kinds import KINDS
from skgd.network.layers.layer import Layer, Segment
from skgd.network.network import Network, make_network
from skgd.network.views import first_values, layer_arrays
from tests import naive
from tests.kernels import (
    assert_trained_alike,
    begin,
    begin_update,
    expected_loss_and_gradient,
    expected_training,
    loss_and_gradient,
    numerical_gradient,
    problem_of,
    raw_outputs,
    settings,
    train,
)

# Kinds of layers ----------------------------------------------------------------------

# Each kind that has a formula, with each example of its fields.
EXAMPLES = [
    (kind, example)
    for kind in KINDS
    if kind in naive.LAYERS
    for example in naive.LAYERS[kind].examples
]
KEY = 123456789, 4000000000

each_kind = pytest.mark.parametrize(("kind", "fields"), EXAMPLES)


def network_with(layer):
    """A network with this layer, of three units, between two dense ones."""
    return Network((Dense(4, 3), layer, Dense(3, 2)), "squared_error")


def network_of(kind, fields):
    return network_with(KINDS[kind](3, 3, **fields))


def test_every_kind_has_a_formula_and_an_example():
    assert set(naive.LAYERS) == set(KINDS)
    assert all(formula.examples for formula in naive.LAYERS.values())
    assert all(kind.kind == name for name, kind in KINDS.items())


def check_segments(network):
    """The segments follow each other, layer by layer, and make up theta."""
    places = [(start, stop) for _, _, start, stop in network.segments]
    assert [start for start, _ in places] == [0, *(stop for _, stop in places[:-1])]
    assert places[-1][1] == network.n_parameters
    declared = [
        (number, *segment)
        for number, layer in enumerate(network.layers)
        for segment in layer.segments()
    ]
    names = {segment.attribute for _, segment, *_ in network.segments}
    theta = np.arange(network.n_parameters)
    views = {name: layer_arrays(network, theta, name) for name in names}
    assert len(declared) == sum(map(len, views.values())) == len(places)
    for found, (number, *fields) in zip(network.segments, declared, strict=True):
        segment = Segment(*fields)
        assert found[0] == number
        assert found[1].shape == segment.shape
        view = views[segment.attribute].pop(0)
        assert_array_equal(view, theta[slice(*found[2:])].reshape(segment.shape))
        assert np.shares_memory(view, theta)
    table = network.segment_table
    assert_array_equal(table.bounds, places)
    factors = [
        (each.penalty, each.decay, each.rate) for _, each, *_ in network.segments
    ]
    assert_array_equal(table.factors, factors)
    for dtype in (np.float64, np.float32):
        first = first_values(network, np.random.RandomState(0), dtype)
        assert (first.shape, first.dtype) == ((network.n_parameters,), dtype)


@each_kind
def test_segments_add_up_to_theta(kind, fields):
    check_segments(network_of(kind, fields))


def check_factors(network):
    """Without a gradient, a step is the penalty's, and the decay's."""
    theta = np.random.default_rng(0).uniform(0.5, 1, network.n_parameters)
    update = begin_update(network, theta.copy(), settings("gd", weight_decay=0.4))
    loss = apply(update, np.zeros_like(theta), 7.0, 2.0, 0.1)
    penalties = []
    for _, segment, start, stop in network.segments:
        values, penalty = theta[start:stop], 0.3 * segment.penalty
        shrinkage = 0.1 * segment.rate * (penalty / 2 + 0.4 * segment.decay)
        assert_allclose(update.theta[start:stop], (1 - shrinkage) * values, rtol=1e-14)
        penalties.append((penalty if segment.rate else 0) * (values**2).sum() / 2)
    assert_allclose(loss, (7 + sum(penalties)) / 2, rtol=1e-14)


@each_kind
def test_penalty_and_decay_are_as_declared(kind, fields):
    check_factors(network_of(kind, fields))


def test_only_the_coefs_of_a_dense_layer_are_penalised_and_decay():
    coefs, intercepts = Dense(4, 3).segments()
    assert (coefs.attribute, coefs.shape) == ("coefs_", (4, 3))
    assert (coefs.penalty, coefs.decay, coefs.rate) == (1, 1, 1)
    assert (intercepts.attribute, intercepts.shape) == ("intercepts_", (3,))
    assert (intercepts.penalty, intercepts.decay, intercepts.rate) == (0, 0, 1)


@each_kind
def test_a_network_is_the_same_when_unpacked(kind, fields):
    network = network_of(kind, fields)
    packed = json.loads(json.dumps(network.pack()))
    again = Network.unpack(packed)
    assert again == network
    assert again.layers[1] == KINDS[kind](3, 3, **fields)
    assert again.pack() == packed


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "are no chain"),
        ([Dense(4, 3), Dense(2, 1)], "are no chain"),
        ([Dense(4, 0), Dense(0, 1)], "are no chain"),
        ([KINDS["activation"](4, 4, "tanh"), Dense(4, 1)], "have to be dense"),
        ([Dense(4, 1), KINDS["activation"](1, 1, "tanh")], "have to be dense"),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers, message):
    packed = Network(tuple(layers), "squared_error").pack()
    with pytest.raises(ValueError, match=message):
        Network.unpack(packed)


def check_gradient(network, sparse, dtype):
    """The pass of a batch, forward and backward."""
    problem = problem_of(network, sparse=sparse, dtype=dtype)
    loss, gradient = loss_and_gradient(problem, key=KEY)
    expected_loss, expected = expected_loss_and_gradient(problem, key=KEY)
    # What is not the optimizer's needs no gradient.
    moves = naive.factors_of(network)[2] > 0
    tolerance = {"rtol": 1e-12, "atol": 1e-13}
    if dtype == np.float32:
        tolerance = {"rtol": 1e-4, "atol": 1e-5}
    assert_allclose(loss, expected_loss, **tolerance)
    assert_allclose(gradient[moves], expected[moves], **tolerance)
    if dtype == np.float64:
        numerical = numerical_gradient(problem, key=KEY)
        assert_allclose(gradient[moves], numerical[moves], rtol=1e-5, atol=1e-7)


STORAGES = list(product([False, True], [np.float64, np.float32]))


@pytest.mark.parametrize(("sparse", "dtype"), STORAGES)
@each_kind
def test_gradient_is_that_of_the_reference_and_of_differences(
    kind, fields, sparse, dtype
):
    check_gradient(network_of(kind, fields), sparse, dtype)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(
    ("kind", "fields", "batch_size"),
    # A pass of one sample has a way of its own; a barrier needs a batch.
    [(*each, 4) for each in EXAMPLES]
    + [(*each, 1) for each in EXAMPLES if not KINDS[each[0]].is_barrier],
)
def test_epoch_is_that_of_the_reference(kind, fields, batch_size, sparse):
    problem = problem_of(network_of(kind, fields), sparse=sparse)
    # Intercepts before a normalisation have a gradient of 0, of which rounding makes
    # something, and Adam a step.
    optimizer = "nesterov" if KINDS[kind].is_barrier else "adam"
    params = settings(optimizer, batch_size, weight_decay=0.4)
    result = train(problem, params, key=KEY)
    assert_trained_alike(result, expected_training(problem, params, key=KEY))


def check_raw_outputs(network):
    problem = problem_of(network)
    expected = naive.values_of(network, problem.theta, problem.X)[-1]
    raw = raw_outputs(problem, row_numbers(len(problem.X)), chunk=5)
    assert_allclose(raw, expected, rtol=1e-12)


@each_kind
def test_raw_outputs_are_those_of_the_reference(kind, fields):
    check_raw_outputs(network_of(kind, fields))


# A kind that no estimator has ---------------------------------------------------------


@jit
def _scale_forward(n, row, number, w, x, y, kept, workspace):
    n_units = row[FAN_OUT]
    for i in range(n):
        for j in range(n_units):
            place = i * (n_units + 1) + j
            y[place] = number * w[j] * x[place] + w[n_units + j] + w[2 * n_units + j]


@jit
def _scale_backward(n, row, number, w, x, y, kept, dx, dy, gradient, beta, workspace):
    n_units = row[FAN_OUT]
    for j in range(2 * n_units):
        gradient[j] = beta * gradient[j] if beta != 0 else beta
    for i in range(n):
        for j in range(n_units):
            place = i * (n_units + 1) + j
            gradient[j] += number * x[place] * dy[place]
            gradient[n_units + j] += dy[place]
            dx[place] = number * w[j] * dy[place]


@cache
def _scale_functions(dtype):
    return (
        forward_address(_scale_forward, dtype),
        backward_address(_scale_backward, dtype),
    )


@dataclass(frozen=True)
class Scale(Layer):
    """``y = factor * scales * x + shifts + offsets``.

    The scales move fast and are not penalised, the shifts move slowly, and the offsets
    are not the optimizer's, whatever their penalty and decay are.
    """

    kind: ClassVar = "scale"

    factor: float

    def segments(self):
        def draw(random_state, shape):
            return random_state.uniform(0.5, 1.5, shape)

        shape = (self.fan_out,)
        return [
            Segment("scales_", shape, draw, decay=0.5, rate=5.0),
            Segment("shifts_", shape, draw, penalty=0.25, rate=0.5),
            Segment("offsets_", shape, draw, penalty=1.0, decay=1.0, rate=0.0),
        ]

    def number(self):
        return self.factor

    def functions(self, dtype, training):
        return _scale_functions(dtype)


def scale(layer, arrays, x, draws):
    scales, shifts, offsets = arrays
    return layer.factor * scales * x + shifts + offsets


def scale_backward(layer, arrays, x, dy, draws):
    scales, _, offsets = arrays
    of_scales = (layer.factor * x * dy).sum(axis=0)
    # Nobody reads the gradient at the offsets.
    return layer.factor * scales * dy, [of_scales, dy.sum(axis=0), 0 * offsets]


SCALED = network_with(Scale(3, 3, 0.7))


@pytest.fixture
def scale_kind(monkeypatch):
    """A kind of layers that a single file could add."""
    formula = naive.Layer(scale, scale_backward, [{"factor": 0.7}])
    monkeypatch.setitem(naive.LAYERS, "scale", formula)
    monkeypatch.setitem(KINDS, "scale", Scale)


@pytest.mark.usefixtures("scale_kind")
def test_a_new_kind_holds_to_what_the_others_do():
    check_segments(SCALED)
    check_factors(SCALED)
    check_raw_outputs(SCALED)
    again = Network.unpack(json.loads(json.dumps(SCALED.pack())))
    assert again == SCALED


@pytest.mark.usefixtures("scale_kind")
@pytest.mark.parametrize(("sparse", "dtype"), STORAGES)
def test_gradient_of_a_new_kind(sparse, dtype):
    check_gradient(SCALED, sparse, dtype)


@pytest.mark.usefixtures("scale_kind")
@pytest.mark.parametrize("max_grad_norm", [None, 0.5])
@pytest.mark.parametrize(
    ("batch_size", "parts"), [(1, (1, 1)), (4, (1, 1)), (4, (2, 3))]
)
@pytest.mark.parametrize("optimizer", FIRST_ORDER)
def test_rates_of_a_new_kind(optimizer, batch_size, parts, max_grad_norm):
    # Each array moves at its own rate, and one is not touched.
    problem = problem_of(SCALED)
    params = settings(
        *(optimizer, batch_size),
        **{"weight_decay": 0.2, "max_grad_norm": max_grad_norm},
        learning_rate_init=0.01,
    )
    result = train(problem, params, parts=parts)
    assert_trained_alike(result, expected_training(problem, params))
    for attribute, moves in [("scales_", True), ("shifts_", True), ("offsets_", False)]:
        ((before,), (after,)) = (
            layer_arrays(SCALED, theta, attribute)
            for theta in (problem.theta, result[0])
        )
        assert np.any(before != after) == moves


@pytest.mark.usefixtures("scale_kind")
@pytest.mark.parametrize("max_grad_norm", [None, 0.5])
@pytest.mark.parametrize("optimizer", FIRST_ORDER)
def test_what_is_not_the_optimizers_may_have_any_gradient(optimizer, max_grad_norm):
    params = settings(optimizer, alpha=0.1, max_grad_norm=max_grad_norm)
    problem = problem_of(SCALED)
    state = begin(problem, params)
    update = begin_update(SCALED, state.theta, params)
    gradient = np.ones_like(state.theta)
    _, offsets, start, stop = SCALED.segments[4]
    assert offsets.rate == 0
    gradient[start:stop] = np.nan
    loss = apply(update, gradient, 1.0, 1.0, 0.1)
    assert np.isfinite(loss)
    assert np.isfinite(update.theta).all()
    assert_array_equal(update.theta[start:stop], problem.theta[start:stop])
    assert_array_equal(update.memory[:, start:stop], 0)


# First parameters ---------------------------------------------------------------------


SKLEARN = ["identity", "logistic", "tanh", "relu"]
OTHERS = [each for each in ACTIVATIONS if each not in SKLEARN]

LAYER_UNITS = [30, 40, 1, 20, 10]


def variance_gain(activation):
    """A layer's variance times its fan_in, by the bound of its distribution."""
    return ACTIVATIONS[activation].he / 3


def in_units_of_the_bound(layer_units, activations):
    """The parameters of each layer, and the same draws within -1 and 1."""
    network = make_network(layer_units, "squared_error", activation=activations)
    theta = first_values(network, np.random.RandomState(0), np.float64)
    rng, start = np.random.RandomState(0), 0
    for fan_in, fan_out in pairwise(layer_units):
        n = (fan_in + 1) * fan_out
        yield theta[start : start + n], rng.uniform(-1, 1, n)
        start += n
    assert start == theta.size


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("hidden", [(), (4,), (5, 1, 3)])
@pytest.mark.parametrize("mlp", [MLPRegressor, MLPClassifier])
@pytest.mark.parametrize("name", SKLEARN)
def test_draws_are_those_of_scikit_learn(name, mlp, hidden, dtype):
    # After a fit whose steps are too small to change a number.
    X = np.random.default_rng(0).standard_normal((9, 6)).astype(dtype)
    y = np.arange(9) % 3
    theirs = mlp(
        hidden_layer_sizes=hidden,
        activation=name,
        solver="sgd",
        learning_rate_init=1e-300,
        max_iter=1,
        random_state=7,
    ).fit(X, y)
    units = [6, *hidden, theirs.n_outputs_]
    activations = [name] * len(hidden)
    network = make_network(
        units, "squared_error", output_like=name, activation=activations
    )
    theta = first_values(network, np.random.RandomState(7), dtype)
    assert theta.dtype == dtype
    for attribute in ("coefs_", "intercepts_"):
        ours = layer_arrays(network, theta, attribute)
        for layer, expected in zip(ours, getattr(theirs, attribute), strict=True):
            assert_array_equal(layer, expected)


def test_glorot_is_for_the_activations_of_scikit_learn():
    glorot = {name for name in ACTIVATIONS if ACTIVATIONS[name].glorot is not None}
    assert glorot == set(ACTIVATIONS) - set(OTHERS)


@pytest.mark.parametrize("activation", OTHERS)
def test_bound_of_the_others_follows_from_fan_in(activation):
    layers = in_units_of_the_bound(LAYER_UNITS, [activation] * 3)
    *hidden, (last, last_draws) = layers
    for fan_in, (layer, draws) in zip(LAYER_UNITS[:3], hidden, strict=True):
        # A uniform distribution within the bound has the variance bound^2 / 3.
        bound = np.sqrt(3 * variance_gain(activation) / fan_in)
        assert_allclose(layer, bound * draws, rtol=1e-12, atol=1e-15)
    bound = np.sqrt(6 / (20 + 10))
    assert_allclose(last, bound * last_draws, rtol=1e-12, atol=1e-15)


def test_each_layer_has_the_bound_of_its_own_activation():
    activations = ["logistic", "selu", "mish"]
    bounds = np.sqrt([2 / (30 + 40), 3 / 40, 6 / 1, 6 / (20 + 10)])
    layers = in_units_of_the_bound(LAYER_UNITS, activations)
    for bound, (layer, draws) in zip(bounds, layers, strict=True):
        assert_allclose(layer, bound * draws, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_output_layer_goes_by_the_last_activation(activation):
    activations = ["gelu", "tanh", activation]
    *_, (layer, draws) = in_units_of_the_bound(LAYER_UNITS, activations)
    factor = 2 if activation == "logistic" else 6
    bound = np.sqrt(factor / (20 + 10))
    assert_allclose(layer, bound * draws, rtol=1e-12, atol=1e-15)


def test_without_hidden_layers_there_may_be_no_activation():
    ((layer, draws),) = in_units_of_the_bound([20, 10], [])
    assert_allclose(layer, np.sqrt(6 / (20 + 10)) * draws, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("activation", OTHERS)
def test_the_others_keep_the_mean_square_about_1(activation):
    # The pre-activations are normal, and the mean square is that of the next layer's:
    # see `ActivationFormula`.
    z, weight = np.polynomial.hermite_e.hermegauss(200)
    a = naive.ACTIVATIONS[activation][0](z)
    mean_square = variance_gain(activation) * (weight @ a**2) / weight.sum()
    assert 0.7 <= round(mean_square, 1) <= 1.8
    if activation == "selu":
        assert_allclose(mean_square, 1, rtol=1e-3)
