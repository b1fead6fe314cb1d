"""First parameters of a network: scikit-learn's draws, and bounds for the others."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skgd.kernels.formulas.activations import Activation
from skgd.network.views import GLOROT_FACTORS, initial_parameters, split_parameters
from tests import naive

SKLEARN = ["identity", "logistic", "tanh", "relu"]
OTHERS = [each for each in Activation if each.name.lower() not in SKLEARN]

LAYER_UNITS = [30, 40, 1, 20, 10]


def variance_gain(activation):
    """A layer's variance times its fan_in: He et al., and Klambauer et al. for selu."""
    return 1 if activation == Activation.SELU else 2


def in_units_of_the_bound(layer_units, activations):
    """The parameters of each layer, and the same draws within -1 and 1."""
    theta = initial_parameters(
        layer_units, activations, np.random.RandomState(0), np.float64
    )
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
    activations = [Activation[name.upper()]] * max(len(hidden), 1)
    theta = initial_parameters(units, activations, np.random.RandomState(7), dtype)
    assert theta.dtype == dtype
    coefs, intercepts = split_parameters(theta, units)
    for layer in range(len(hidden) + 1):
        assert_array_equal(coefs[layer], theirs.coefs_[layer])
        assert_array_equal(intercepts[layer], theirs.intercepts_[layer])


def test_glorot_is_for_the_activations_of_scikit_learn():
    assert set(GLOROT_FACTORS) == set(Activation) - set(OTHERS)


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
    activations = [Activation.LOGISTIC, Activation.SELU, Activation.MISH]
    bounds = np.sqrt([2 / (30 + 40), 3 / 40, 6 / 1, 6 / (20 + 10)])
    layers = in_units_of_the_bound(LAYER_UNITS, activations)
    for bound, (layer, draws) in zip(bounds, layers, strict=True):
        assert_allclose(layer, bound * draws, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("activation", Activation)
def test_the_output_layer_goes_by_the_last_activation(activation):
    activations = [Activation.GELU, Activation.TANH, activation]
    *_, (layer, draws) = in_units_of_the_bound(LAYER_UNITS, activations)
    factor = 2 if activation == Activation.LOGISTIC else 6
    bound = np.sqrt(factor / (20 + 10))
    assert_allclose(layer, bound * draws, rtol=1e-12, atol=1e-15)


def test_without_hidden_layers_there_may_be_no_activation():
    ((layer, draws),) = in_units_of_the_bound([20, 10], [])
    assert_allclose(layer, np.sqrt(6 / (20 + 10)) * draws, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("activation", OTHERS)
def test_the_others_keep_the_mean_square_about_1(activation):
    # Of normal pre-activations, in the next layer's: as initial_parameters says.
    z, weight = np.polynomial.hermite_e.hermegauss(200)
    a = naive.ACTIVATIONS[activation][0](z)
    mean_square = variance_gain(activation) * (weight @ a**2) / weight.sum()
    assert 0.7 <= round(mean_square, 1) <= 1.8
    if activation == Activation.SELU:
        assert_allclose(mean_square, 1, rtol=1e-3)
