"""Activations and losses of a user's own, next to the built-in ones of one formula."""

import copy
import math
import os
import pickle
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from functools import partial
from math import tanh as imported_tanh
from pathlib import Path
from textwrap import dedent

import joblib
import numpy as np
import pytest
from numba import njit
from numpy import exp as imported_exp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from skgd import Activation, GDNeuralClassifier, GDNeuralRegressor, Loss
from skgd.kernels.formulas import elementary
from tests.inside import assert_same_training, memory_of, theta_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ROOT = Path(__file__).parents[1]

_rng = np.random.default_rng(0)
X = _rng.standard_normal((80, 4)) * (_rng.random((80, 4)) < 0.8)
Y = np.tanh(X[:, 0] - X[:, 1] * X[:, 2]) + 0.1 * _rng.standard_normal(80)
COUNTS = _rng.poisson(np.exp(0.5 * X[:, 0])).astype(float)


# Functions of a module, which pickle knows by name.


def silu(z):
    return z / (1.0 + np.exp(-z))


def silu_slope(z):
    p = 1.0 / (1.0 + np.exp(-z))
    return p * (1.0 + z * (1.0 - p))


def squareplus(z):
    return (z + np.sqrt(z * z + 4.0)) / 2.0


def squareplus_slope(z):
    return (1.0 + z / np.sqrt(z * z + 4.0)) / 2.0


def squares(y, z):
    return 0.5 * (z - y) * (z - y)


def error(y, z):
    return z - y


def poisson(y, z):
    rest = y * math.log(y) - y if y > 0 else 0.0
    return rest + math.exp(z) - y * z


def poisson_gradient(y, z):
    return math.exp(z) - y


def pinball(y, z):
    return 0.3 * (y - z) if y > z else 0.7 * (z - y)


def pinball_gradient(y, z):
    return -0.3 if y > z else 0.7


def log_loss(y, z):
    return np.log1p(np.exp(-abs(z))) + max(z, 0.0) - y * z


def log_loss_gradient(y, z):
    return 1.0 / (1.0 + np.exp(-z)) - y


SILU = Activation("own silu", value=silu, derivative=silu_slope)
SQUAREPLUS = Activation("squareplus", value=squareplus, derivative=squareplus_slope)
SQUARES = Loss("own squares", value=squares, gradient=error)
POISSON = Loss("own poisson", value=poisson, gradient=poisson_gradient, link="exp")
PINBALL = Loss("own pinball", value=pinball, gradient=pinball_gradient)
LOG_LOSS = Loss(
    "own log loss", value=log_loss, gradient=log_loss_gradient, link="logistic"
)

# With its targets, the parameters of the built-in loss of the same formula.
LOSSES = {
    "squares": (SQUARES, Y, {"loss": "squared_error"}),
    "poisson": (POISSON, COUNTS, {"loss": "poisson"}),
    "pinball": (PINBALL, Y, {"loss": "quantile", "quantile": 0.3}),
}
SOLVERS = ["batch", "sgd", "minibatch"]


def make(Estimator=GDNeuralRegressor, **params):
    usual = {"hidden_layer_sizes": (6, 5), "max_iter": 4, "learning_rate_init": 0.02}
    usual |= {"batch_size": 16, "random_state": 0}
    return Estimator(**usual | params)


def assert_close(a, b, rtol=1e-8):
    assert_allclose(theta_of(a), theta_of(b), rtol=rtol, atol=rtol)
    assert_allclose(a.loss_curve_, b.loss_curve_, rtol=rtol)


# The same as built in -----------------------------------------------------------------


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("solver", SOLVERS)
def test_an_activation_is_the_built_in_one_of_its_formula(solver, dtype, sparse):
    given = X.astype(dtype)
    given, y = csr_array(given) if sparse else given, Y.astype(dtype)
    own = make(activation=SILU, solver=solver).fit(given, y)
    built_in = make(activation="silu", solver=solver).fit(given, y)
    tolerance = 1e-9 if dtype == np.float64 else 1e-3
    assert own.coefs_[0].dtype == dtype
    assert_close(own, built_in, tolerance)
    assert_allclose(own.predict(given), built_in.predict(given), atol=tolerance)
    for layer in range(2):
        a, b = (net.hidden_activations(given, layer) for net in (own, built_in))
        assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("own", "built_in"),
    [([SILU, "tanh"], ["silu", "tanh"]), (("relu", SILU), ("relu", "silu"))],
)
def test_it_may_be_that_of_one_layer(own, built_in):
    assert_close(
        make(activation=own).fit(X, Y), make(activation=built_in).fit(X, Y), 1e-9
    )


def test_a_network_without_hidden_layers_draws_its_weights_by_it():
    params = {"hidden_layer_sizes": ()}
    own = make(activation=SILU, **params).fit(X, Y)
    assert_close(own, make(activation="silu", **params).fit(X, Y), 1e-12)


@pytest.mark.parametrize(
    "params",
    [
        {"dropout": 0.3},
        {"batch_norm": True},
        {"batch_norm": [True, False], "dropout": [0.0, 0.2], "max_grad_norm": 0.5},
    ],
    ids=str,
)
def test_so_it_is_with_other_layers(params):
    params = {"optimizer": "nesterov", **params}
    own = make(activation=SILU, **params).fit(X, Y)
    assert_close(own, make(activation="silu", **params).fit(X, Y))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_so_it_is_in_classifiers(n_classes):
    labels = np.digitize(X[:, 0], [0.0, 0.5][: n_classes - 1])
    own = make(GDNeuralClassifier, activation=SILU).fit(X, labels)
    built_in = make(GDNeuralClassifier, activation="silu").fit(X, labels)
    assert_close(own, built_in)
    assert_allclose(own.predict_proba(X), built_in.predict_proba(X), rtol=1e-8)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_loss_is_the_built_in_one_of_its_formula(solver, dtype, name):
    loss, y, params = LOSSES[name]
    given, y = X.astype(dtype), y.astype(dtype)
    own = make(loss=loss, solver=solver).fit(given, y)
    built_in = make(**params, solver=solver).fit(given, y)
    tolerance = 1e-9 if dtype == np.float64 else 2e-3
    assert own.out_activation_ == built_in.out_activation_
    assert_close(own, built_in, tolerance)
    assert_allclose(own.predict(given), built_in.predict(given), rtol=tolerance)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_so_it_is_with_weights_and_several_outputs(name, sparse):
    loss, y, params = LOSSES[name]
    given = csr_array(X) if sparse else X
    y, w = np.column_stack([y, y[::-1], y]), np.random.default_rng(1).uniform(0, 2, 80)
    others = {"dropout": 0.1, "batch_norm": True, "optimizer": "nesterov"}
    own = make(loss=loss, **others).fit(given, y, w)
    assert_close(own, make(**params, **others).fit(given, y, w))
    assert own.predict(given).shape == (80, 3)


def test_a_loss_may_have_the_logistic_link():
    labels = (X[:, 0] > 0).astype(int)
    own = make(loss=LOG_LOSS).fit(X, labels.astype(float))
    built_in = make(GDNeuralClassifier).fit(X, labels)
    assert_close(own, built_in)
    assert own.out_activation_ == "logistic"
    assert_allclose(own.predict(X), built_in.predict_proba(X)[:, 1], rtol=1e-8)


def test_activation_and_loss_may_both_be_own():
    own = make(activation=SILU, loss=SQUARES).fit(X, Y)
    assert_close(own, make(activation="silu").fit(X, Y))


# What the functions name --------------------------------------------------------------


def by_numpy(z):
    return np.exp(z)


def by_math(z):
    return math.exp(z)


def by_import(z):
    return imported_exp(z)


def helper(z):
    return np.exp(z)


def by_helper(z):
    return helper(z)


@njit
def jitted_helper(z):
    return np.exp(z)


def by_jitted_helper(z):
    return jitted_helper(z)


@njit
def jitted(z):
    return math.exp(z)


def make_closures():
    import math as m

    import numpy
    from numpy import exp

    def within(z):
        return exp(z)

    return [
        lambda z: exp(z),
        lambda z: numpy.exp(z),
        lambda z: m.exp(z),
        lambda z: within(z),
    ]


def tanh_by_numpy(z):
    return np.tanh(z)


def tanh_by_math(z):
    return math.tanh(z)


def tanh_by_import(z):
    return imported_tanh(z)


POINTS = np.random.default_rng(0).uniform(-8, 8, 20_000)


def compiled(function):
    """Return what a function gives at POINTS, if Numba compiles it."""
    function = njit(error_model="numpy")(function)

    @njit(error_model="numpy")
    def values(z):
        for i in range(z.size):
            z[i] = function(z[i])

    z = POINTS.copy()
    values(z)
    return z


def found(function):
    z = POINTS.copy()
    Activation("e", value=function, derivative=function).formula.value(z)
    return z


@pytest.mark.parametrize(
    "function",
    [
        *[by_numpy, by_math, by_import, by_helper, by_jitted_helper, jitted],
        *make_closures(),
    ],
)
def test_exp_is_that_of_the_kernels_however_it_is_named(function):
    ours, libms = compiled(lambda z: elementary.exp(z)), compiled(by_math)
    assert (ours != libms).any()  # else this test would not tell them apart
    assert_allclose(ours, libms, rtol=1e-15)
    assert_array_equal(found(function), ours)


@pytest.mark.parametrize("function", [tanh_by_numpy, tanh_by_math, tanh_by_import])
def test_so_is_tanh(function):
    ours, libms = compiled(lambda z: elementary.tanh(z)), compiled(tanh_by_math)
    assert (ours != libms).any()
    assert_array_equal(found(function), ours)


def test_the_users_own_functions_are_left_as_they_are():
    Activation("e", value=by_numpy, derivative=by_numpy).check()
    assert by_numpy.__globals__["np"] is np
    assert np.exp is not elementary.exp
    assert by_numpy(1.0) == np.exp(1.0)


def test_constants_and_defaults_are_read():
    rate = 0.25

    def leaky(z, above=2.0):
        return above * z if z > 0 else rate * z

    def slope(z, above=2.0):
        return above if z > 0 else rate

    formula = Activation("leaky", value=leaky, derivative=slope).formula
    z = np.array([-1.0, 3.0])
    formula.value(z)
    assert_array_equal(z, [-0.25, 6.0])


def test_functions_that_differ_in_a_constant_only_are_two():
    def times(factor):
        return Activation(
            "times", value=lambda z: factor * z, derivative=lambda z: factor
        )

    for factor in (1.0, 2.0, 2, True):
        z = np.ones(3)
        times(factor).formula.value(z)
        assert_array_equal(z, np.full(3, float(factor)))


# Wrong functions ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("derivative", "message"),
    [
        (squareplus, r"at z=-7\.9963 it is 0\.123161, and .* give 0\.014942"),
        (lambda z: -squareplus_slope(z), r"at z=-7\.9963 it is -0\.0"),
        (lambda z: squareplus_slope(z) * (1.01 if z > 5 else 1), r"at z=5\.\d+ it is"),
        (lambda z: 0.0, r"it is 0, and central differences give"),
    ],
    ids=["other", "sign", "above 5", "zero"],
)
def test_a_wrong_derivative_is_an_error_that_says_where(derivative, message):
    wrong = Activation("squareplus", value=squareplus, derivative=derivative)
    for activation in (wrong, ["relu", wrong]):
        net = make(activation=activation)
        with pytest.raises(ValueError, match=message) as caught:
            net.fit(X, Y)
        assert "derivative of the Activation 'squareplus'" in str(caught.value)
        assert not hasattr(net, "n_iter_")


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        (Loss("l", value=squares, gradient=lambda y, z: y - z), Y),
        (Loss("l", value=squares, gradient=lambda y, z: 2 * (z - y)), Y),
        # The gradient has to be by the raw output, link included.
        (
            Loss(
                "l",
                value=lambda y, z: 0.5 * (np.exp(z) - y) ** 2,
                gradient=lambda y, z: np.exp(z) - y,
                link="exp",
            ),
            COUNTS + 1,
        ),
    ],
    ids=["sign", "factor", "link"],
)
def test_a_wrong_gradient_is_an_error_that_says_where(loss, y):
    message = r"gradient of the Loss 'l' .* at y=\S+, z=\S+ it is \S+, and central"
    for call in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match=message):
            getattr(make(loss=loss), call)(X, y)


def unknown(z):
    return no_such_function(z)  # noqa: F821


@pytest.mark.parametrize(
    "function",
    [
        unknown,
        lambda z: "text",
        lambda z: None,
        lambda z: z + 1j,
        lambda z: np.array([z, z]).sum(),
        lambda z: open(z),  # noqa: SIM115
        lambda z, other: z,
        lambda: 0.0,
    ],
    ids=["name", "text", "none", "complex", "array", "file", "two", "no argument"],
)
def test_what_numba_does_not_compile_is_named(function):
    for fields in ({"value": function}, {"derivative": function}):
        own = {"value": squareplus, "derivative": squareplus_slope} | fields
        with pytest.raises(ValueError, match=r"does not compile.*Activation\('odd'"):
            make(activation=Activation("odd", **own)).fit(X, Y)
    with pytest.raises(ValueError, match=r"does not compile.*Loss\('odd'"):
        make(loss=Loss("odd", value=squares, gradient=lambda y: y)).fit(X, Y)


def test_a_function_that_raises_is_refused():
    # Kernels raise nothing: the rest of the units would be left as they were.
    def careful(z):
        if z > 1e6:
            raise ValueError("too large")
        return z

    with pytest.raises(ValueError, match="raises"):
        make(activation=Activation("c", value=careful, derivative=careful)).fit(X, Y)


@pytest.mark.parametrize(
    ("value", "derivative"),
    [
        (lambda z: np.sqrt(z), lambda z: 0.5 / np.sqrt(z)),
        (lambda z: np.exp(200.0 * z), lambda z: 200.0 * np.exp(200.0 * z)),
        (lambda z: z, lambda z: np.nan),
    ],
    ids=["nan", "inf", "nan slope"],
)
def test_values_that_are_not_finite_are_refused(value, derivative):
    own = Activation("bad", value=value, derivative=derivative)
    with pytest.raises(ValueError, match=r"Activation 'bad'.* z=.*(nan|inf)"):
        make(activation=own).fit(X, Y)


def test_so_are_losses_that_are_not_defined_for_the_targets():
    def value(y, z):
        return np.log(y) * z * z

    def gradient(y, z):
        return 2.0 * np.log(y) * z

    loss = Loss("of logs", value=value, gradient=gradient)
    with pytest.raises(ValueError, match=r"Loss 'of logs'.*y=-"):
        make(loss=loss).fit(X, Y)


class Callable:
    def __call__(self, z):
        return z

    def method(self, z):
        return z


@pytest.mark.parametrize(
    "what",
    [
        3,
        None,
        "tanh",
        np.tanh,
        math.exp,
        float,
        Callable(),
        Callable().method,
        partial(squareplus),
    ],
    ids=[
        "number",
        "none",
        "text",
        "ufunc",
        "math",
        "class",
        "object",
        "method",
        "partial",
    ],
)
def test_what_is_no_python_function_is_refused(what):
    good = squareplus
    with pytest.raises(TypeError, match=r"value must be a function of numbers"):
        Activation("a", value=what, derivative=good)
    with pytest.raises(TypeError, match=r"derivative must be a function of numbers"):
        Activation("a", value=good, derivative=what)
    with pytest.raises(TypeError, match=r"gradient must be a function of numbers"):
        Loss("a", value=squares, gradient=what)


@pytest.mark.parametrize("name", [None, 3, b"a"])
def test_a_name_is_text(name):
    with pytest.raises(TypeError, match="name must be a str"):
        Activation(name, value=squareplus, derivative=squareplus_slope)
    with pytest.raises(TypeError, match="name must be a str"):
        Loss(name, value=squares, gradient=error)


@pytest.mark.parametrize("link", ["softmax", "log", None, ["exp"]])
def test_other_links_are_refused(link):
    with pytest.raises(ValueError, match=r"link must be one of .*'logistic'"):
        Loss("a", value=squares, gradient=error, link=link)


def test_estimators_say_where_each_may_stand():
    with pytest.raises(ValueError, match="'activation' parameter"):
        make(activation=SQUARES).fit(X, Y)
    with pytest.raises(ValueError, match="'loss' parameter"):
        make(loss=SILU).fit(X, Y)
    with pytest.raises(ValueError, match="'loss' parameter"):
        make(loss=squares).fit(X, Y)
    with pytest.raises(ValueError, match=r"activation must be made of names .*Loss"):
        make(activation=["relu", SQUARES]).fit(X, Y)


# Functions that are not smooth, and targets that are far away -------------------------


@pytest.mark.parametrize(
    ("value", "derivative"),
    [
        (lambda z: max(z, 0.0), lambda z: 1.0 if z > 0 else 0.0),
        (lambda z: abs(z), lambda z: 1.0 if z > 0 else -1.0),
        (lambda z: min(max(z, -1.0), 1.0), lambda z: 1.0 if abs(z) < 1 else 0.0),
        (lambda z: 1.0 if z > 0 else 0.0, lambda z: 0.0),
        (lambda z: z * z * z, lambda z: 3.0 * z * z),
    ],
    ids=["relu", "abs", "hard tanh", "step", "cube"],
)
def test_kinks_are_no_errors(value, derivative):
    Activation("kinked", value=value, derivative=derivative).check()


def band(y, z):
    return max(abs(z - y) - 0.23, 0.0)


def band_gradient(y, z):
    if abs(z - y) < 0.23:
        return 0.0
    return 1.0 if z > y else -1.0


def log_cosh(y, z):
    a = abs(z - y)
    return a + np.log1p(np.exp(-2.0 * a))


def log_cosh_gradient(y, z):
    return np.tanh(z - y)


ROBUST = {
    "pinball": PINBALL,
    "band": Loss("band", value=band, gradient=band_gradient),
    "log_cosh": Loss("log_cosh", value=log_cosh, gradient=log_cosh_gradient),
    "squares": SQUARES,
}
FAR = {
    "near": Y,
    "small": 1e-6 * Y,
    "large": 1e6 * Y,
    "far away": 1e6 + Y,
    "constant": np.full(80, 2e5),
    "zero": np.zeros(80),
}


@pytest.mark.parametrize("loss", ROBUST.values(), ids=ROBUST)
@pytest.mark.parametrize("y", FAR.values(), ids=FAR)
def test_a_right_gradient_passes_wherever_the_targets_are(y, loss):
    loss.check(y)
    loss.check(y[:1])  # as of partial_fit with one sample


def exp_squares(y, z):
    return 0.5 * (np.exp(z) - y) ** 2


def exp_squares_gradient(y, z):
    return (np.exp(z) - y) * np.exp(z)


def plain_log_loss(y, z):
    return np.log1p(np.exp(-z)) + (1.0 - y) * z


@pytest.mark.parametrize(
    ("link", "value", "gradient", "y"),
    [
        ("exp", exp_squares, exp_squares_gradient, np.array([0.0, 150.0])),
        ("exp", poisson, poisson_gradient, np.array([0.0, 1.0, 3000.0])),
        ("logistic", plain_log_loss, log_loss_gradient, np.array([0.0, 1.0])),
        ("logistic", plain_log_loss, log_loss_gradient, np.array([0.2, 0.9])),
    ],
)
def test_so_it_does_at_the_bounds_of_a_link(link, value, gradient, y):
    # A target of 0 has no raw output that is finite under these links.
    Loss("own", value=value, gradient=gradient, link=link).check(y)


# Objects ------------------------------------------------------------------------------


def test_equal_are_those_of_one_name_and_the_same_functions():
    again = Activation("own silu", value=silu, derivative=silu_slope)
    assert again == SILU
    assert hash(again) == hash(SILU)
    assert again.formula is SILU.formula
    assert again != Activation("other", value=silu, derivative=silu_slope)
    assert again != Activation("own silu", value=squareplus, derivative=silu_slope)
    assert again != "silu"
    loss = Loss("own squares", value=squares, gradient=error)
    assert loss == SQUARES
    assert hash(loss) == hash(SQUARES)
    assert loss != Loss("own squares", value=squares, gradient=error, link="exp")


def test_they_cannot_be_changed():
    for each, field in ((SILU, "value"), (SQUARES, "link")):
        with pytest.raises(FrozenInstanceError):
            setattr(each, field, None)


def test_their_text_has_no_addresses():
    module = __name__
    assert repr(SILU) == (
        f"Activation('own silu', value={module}.silu, derivative={module}.silu_slope)"
    )
    assert repr(POISSON) == (
        f"Loss('own poisson', value={module}.poisson, "
        f"gradient={module}.poisson_gradient, link='exp')"
    )
    assert "own silu" in repr(make(activation=SILU))
    assert "own silu" in make(activation=[SILU, "relu"])._repr_html_()


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))]
)
def test_copies_are_equal(copied):
    for each in (SILU, POISSON):
        assert copied(each) == each
        assert copied(each).formula is each.formula


def test_what_is_sent_by_value_is_compiled_once():
    # As a function of a notebook is, with each task of a cluster.
    cloudpickle = pytest.importorskip("cloudpickle")
    factor = 2.0

    def inner(z):
        return factor * np.tanh(z)

    own = Activation(
        "sent", value=lambda z: inner(z), derivative=lambda z: 2 - inner(z) ** 2 / 2
    )
    sent = cloudpickle.dumps(own)
    first, second = cloudpickle.loads(sent), cloudpickle.loads(sent)
    assert first.value is not second.value
    assert first.formula is second.formula


# Estimators with them -----------------------------------------------------------------


def both(**params):
    return make(activation=[SQUAREPLUS, "relu"], loss=POISSON, **params)


def test_they_are_cloned_copied_and_pickled():
    net = both()
    assert clone(net).get_params()["activation"] == [SQUAREPLUS, "relu"]
    assert clone(net).loss == POISSON
    with pytest.raises(Exception, match="not fitted"):
        check_is_fitted(net)
    net.fit(X, COUNTS)
    check_is_fitted(net)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert_same_training(other, net)
        assert_array_equal(other.predict(X), net.predict(X))
        again = copy.deepcopy(net).partial_fit(X, COUNTS)
        assert_same_training(other.partial_fit(X, COUNTS), again)
    with pytest.raises(Exception, match="not fitted"):
        check_is_fitted(clone(net))


def test_a_lambda_trains_and_is_refused_by_pickle():
    own = Activation("twice", value=lambda z: 2.0 * z, derivative=lambda z: 2.0)
    net = make(activation=own).fit(X, Y)
    assert np.isfinite(copy.deepcopy(net).predict(X)).all()
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(net)


@pytest.mark.parametrize(
    "backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)]
)
def test_a_search_chooses_among_them(backend):
    grid = {"activation": [SILU, "relu", [SQUAREPLUS, "tanh"]], "loss": [SQUARES]}
    net = make(max_iter=2, tol=0.0, n_iter_no_change=np.inf)
    with joblib.parallel_backend(backend, n_jobs=2), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = GridSearchCV(net, grid, cv=2, error_score="raise").fit(X, Y)
    expected = GridSearchCV(net, grid, cv=2, error_score="raise").fit(X, Y)
    assert_allclose(
        search.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"]
    )
    assert search.best_params_ == expected.best_params_


def test_a_pipeline_sets_them_as_parameters():
    pipeline = make_pipeline(StandardScaler(), make())
    pipeline.set_params(gdneuralregressor__activation=SILU).fit(X, Y)
    assert pipeline[-1]._network.layers[1].activation == SILU


@pytest.mark.parametrize("params", [{"activation": SILU}, {"loss": SQUARES}], ids=str)
def test_calls_go_on_with_them(params):
    net = make(shuffle=False, **params)
    by_calls = clone(net)
    for _ in range(4):
        by_calls.partial_fit(X, Y)
    net.fit(X, Y)
    assert_array_equal(theta_of(by_calls), theta_of(net))
    assert_array_equal(memory_of(by_calls), memory_of(net))
    warm = clone(net).set_params(warm_start=True, max_iter=2, optimizer="gd")
    whole = clone(warm).set_params(max_iter=4)
    assert_array_equal(theta_of(warm.fit(X, Y).fit(X, Y)), theta_of(whole.fit(X, Y)))


def test_a_fitted_network_may_go_on_with_another_activation_or_loss():
    net = make(activation="silu", loss="squared_error").fit(X, Y)
    expected = copy.deepcopy(net).partial_fit(X, Y)
    net.set_params(activation=SILU, loss=SQUARES).partial_fit(X, Y)
    assert_close(net, expected)
    # In partial_fit, too, the functions are checked.
    wrong = Activation("wrong", value=silu, derivative=silu)
    with pytest.raises(ValueError, match="derivative of the Activation 'wrong'"):
        net.set_params(activation=wrong).partial_fit(X, Y)


def test_networks_of_given_weights_have_them():
    of = make(activation="silu").fit(X, Y)
    net = GDNeuralRegressor.from_layers(
        of.coefs_, of.intercepts_, activation=SILU, loss=SQUARES
    )
    assert_allclose(net.predict(X), of.predict(X), rtol=1e-12)
    assert np.isfinite(net.partial_fit(X, Y).predict(X)).all()


@pytest.mark.parametrize("name", LOSSES)
def test_early_stopping_watches_the_loss(name):
    loss, y, params = LOSSES[name]
    watch = {"early_stopping": True, "scoring": "loss", "n_iter_no_change": 2}
    watch |= {"max_iter": 12, "validation_fraction": 0.3, "learning_rate_init": 0.2}
    own = make(loss=loss, **watch).fit(X, y)
    built_in = make(**params, **watch).fit(X, y)
    assert_allclose(own.validation_loss_curve_, built_in.validation_loss_curve_)
    assert own.n_iter_ == built_in.n_iter_
    assert_allclose(own.validation_scores_, -np.array(own.validation_loss_curve_))
    given = make(loss=loss, **watch).fit(X, y, X_val=X, y_val=y)
    assert_allclose(
        given.validation_loss_curve_,
        make(**params, **watch).fit(X, y, X_val=X, y_val=y).validation_loss_curve_,
    )


@pytest.mark.filterwarnings("always::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", LOSSES)
def test_what_has_learned_nothing_is_compared_with_the_best_constant(name):
    loss, y, params = LOSSES[name]
    w = np.random.default_rng(1).uniform(0.5, 2, 80)
    messages = []
    for how in ({"loss": loss}, params):
        net = make(**how, learning_rate_init=1e-12, max_iter=1)
        with pytest.warns(ConvergenceWarning, match="learned nothing") as caught:
            net.fit(X, y, w)
        messages += [str(each.message) for each in caught if "nothing" in str(each)]
    assert messages[0] == messages[1]


def test_any_number_of_threads_gives_the_same_bits():
    X = np.random.default_rng(1).standard_normal((1000, 30))
    params = {"hidden_layer_sizes": (100, 60), "batch_size": 500, "max_iter": 2}
    one, two, three = (
        make(activation=SILU, loss=SQUARES, n_jobs=n, **params).fit(X, X[:, 0])
        for n in (1, 2, 3)
    )
    assert_same_training(two, one)
    assert_same_training(three, one)


def test_fits_of_several_threads_compile_the_same_activation():
    def steep(z):
        return z / (1.0 + np.exp(-3.0 * z))

    def slope(z):
        p = 1.0 / (1.0 + np.exp(-3.0 * z))
        return p * (1.0 + 3.0 * z * (1.0 - p))

    own = Activation("steep", value=steep, derivative=slope)
    loss = Loss(
        "steep", value=lambda y, z: (z - y) ** 2, gradient=lambda y, z: 2 * (z - y)
    )
    barrier = threading.Barrier(4)

    def fit(dtype):
        barrier.wait()
        net = make(activation=own, loss=loss, max_iter=1, n_iter_no_change=np.inf)
        return net.fit(X.astype(dtype), Y.astype(dtype))

    with ThreadPoolExecutor(4) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nets = list(pool.map(fit, [np.float64, np.float32] * 2))
    assert_same_training(nets[0], nets[2])
    assert_same_training(nets[1], nets[3])


# Other libraries ----------------------------------------------------------------------


def test_scikit_learn_has_no_such_functions():
    net = make(activation=SILU)
    with pytest.raises(ValueError, match=r"activation=Activation\('own silu'"):
        net.to_sklearn()
    net.fit(X, Y)
    for predict_only in (False, True):
        with pytest.raises(ValueError, match=r"activation=Activation\('own silu'"):
            net.to_sklearn(predict_only=predict_only)
    with pytest.raises(ValueError, match=r"loss=Loss\('own squares'"):
        make(loss=SQUARES).fit(X, Y).to_sklearn()


@pytest.mark.parametrize("name", LOSSES)
def test_scikit_learn_predicts_what_was_trained_by_a_loss(name):
    loss, y, _ = LOSSES[name]
    net = make(loss=loss).fit(X, y)
    mlp = net.to_sklearn(predict_only=True)
    assert_allclose(mlp.predict(X), net.predict(X), rtol=1e-12)


def test_onnx_has_no_such_activation():
    pytest.importorskip("skl2onnx")
    from skl2onnx import to_onnx

    import skgd.onnx  # noqa: F401

    net = make(activation=["relu", SQUAREPLUS]).fit(X, Y)
    with pytest.raises(ValueError, match=r"squareplus.* cannot be converted to ONNX"):
        to_onnx(net, X[:1])


def test_onnx_predicts_what_was_trained_by_a_loss():
    pytest.importorskip("skl2onnx")
    from onnxruntime import InferenceSession
    from skl2onnx import to_onnx

    import skgd.onnx  # noqa: F401

    labels = (X[:, 0] > 0).astype(float)
    for loss, y in ((SQUARES, Y), (POISSON, COUNTS), (LOG_LOSS, labels)):
        net = make(loss=loss).fit(X, y)
        graph = to_onnx(net, X[:1]).SerializeToString()
        session = InferenceSession(graph, providers=["CPUExecutionProvider"])
        (predictions,) = session.run(None, {session.get_inputs()[0].name: X})
        assert_allclose(predictions.ravel(), net.predict(X), rtol=1e-11)


@pytest.mark.usefixtures("figures_that_draw")
def test_paths_share_a_surface_only_if_their_functions_are_the_same():
    pytest.importorskip("matplotlib")
    from skgd import GradientDescentPathDisplay

    draw = partial(GradientDescentPathDisplay.from_estimators, grid_resolution=4)
    params = {"hidden_layer_sizes": (3,), "max_iter": 2}
    again = Activation("own silu", value=silu, derivative=silu_slope)
    squares_again = Loss("own squares", value=squares, gradient=error)
    first = make(activation=SILU, loss=SQUARES, **params)
    same = make(activation=again, loss=squares_again, solver="batch", **params)
    display = draw([first, same], X, Y)
    assert np.isfinite(display.loss).all()
    built_in = draw([make(activation="silu", **params)], X, Y)
    assert_allclose(draw([first], X, Y).loss, built_in.loss, rtol=1e-6)
    for what, other in (("activation", "silu"), ("loss", "squared_error")):
        with pytest.raises(ValueError, match=f"the same {what}"):
            draw([first, clone(same).set_params(**{what: other})], X, Y)


# Other processes ----------------------------------------------------------------------

MODULE = """
import numpy as np
from skgd import Activation, GDNeuralRegressor, Loss

def value(z):
    return (z + np.sqrt(z * z + 4.0)) / 2.0

def slope(z):
    return (1.0 + z / np.sqrt(z * z + 4.0)) / 2.0

def log_cosh(y, z):
    return np.log(np.cosh(z - y))

def gradient(y, z):
    return np.tanh(z - y)

def fitted():
    X = np.linspace(-1, 1, 60).reshape(20, 3)
    net = GDNeuralRegressor(
        (4,),
        Activation("own", value=value, derivative=slope),
        loss=Loss("own", value=log_cosh, gradient=gradient),
        max_iter=3, n_iter_no_change=9, random_state=0, warm_start=True,
    )
    return net.fit(X, X[:, 0]), X
"""


def run_python(code, folder, **environment):
    """Run code in another process, which has the folder's modules; what it prints."""
    paths = os.pathsep.join([str(folder), str(ROOT)])
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", dedent(code)],
        env=os.environ | {"PYTHONPATH": paths} | environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "formulas_of_a_user.py").write_text(MODULE)
    return tmp_path


@pytest.mark.slow
def test_what_one_process_saves_another_one_loads(folder):
    save = """
        import pickle
        from formulas_of_a_user import fitted
        net, X = fitted()
        pickle.dump((net, net.predict(X)), open("saved", "wb"))
        net.partial_fit(X, X[:, 0])
        print(net.predict(X).tobytes().hex())
    """
    load = """
        import pickle
        net, expected = pickle.load(open("saved", "rb"))
        from formulas_of_a_user import fitted
        _, X = fitted()
        assert (net.predict(X) == expected).all()
        net.partial_fit(X, X[:, 0])
        print(net.predict(X).tobytes().hex())
    """
    path = repr(str(folder / "saved"))
    outputs = [
        run_python(code.replace('"saved"', path), folder) for code in (save, load)
    ]
    assert outputs[0] == outputs[1]


@pytest.mark.slow
def test_a_script_sends_its_own_functions_to_a_process_that_it_spawns(folder):
    # There the script's module has another name.
    script = MODULE + dedent("""
        import multiprocessing

        def predictions(net, X):
            return net.predict(X)

        if __name__ == "__main__":
            import warnings
            from concurrent.futures import ProcessPoolExecutor
            warnings.simplefilter("ignore")
            net, X = fitted()
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                found = pool.submit(predictions, net, X).result(timeout=60)
            assert (found == net.predict(X)).all()
    """)
    path = folder / "script.py"
    path.write_text(script)
    result = subprocess.run(
        [sys.executable, "-W", "ignore", str(path)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
def test_they_work_without_compilation(folder):
    code = """
        from formulas_of_a_user import fitted
        net, X = fitted()
        print(*net.predict(X).tolist())
    """
    outputs = [
        np.array(run_python(code, folder, NUMBA_DISABLE_JIT=off).split(), float)
        for off in ("0", "1")
    ]
    assert_allclose(outputs[0], outputs[1], rtol=1e-10)


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


def chunks(array):
    import dask.array as da

    return da.from_array(array, chunks=(40, *array.shape[1:]))


@pytest.mark.slow
@pytest.mark.parametrize("by_value", [False, True])
def test_they_train_on_dask(client, by_value):
    from skgd.dask import DaskGDNeuralRegressor

    activation, loss = SQUAREPLUS, PINBALL
    if by_value:
        activation = Activation(
            "sent",
            value=lambda z: (z + np.sqrt(z * z + 4.0)) / 2.0,
            derivative=lambda z: (1.0 + z / np.sqrt(z * z + 4.0)) / 2.0,
        )
    params = {"activation": [activation, "relu"], "loss": loss}
    actual = make(DaskGDNeuralRegressor, solver="batch", **params)
    actual.fit(chunks(X), chunks(Y))
    assert_close(actual, make(solver="batch", **params).fit(X, Y), 1e-9)
    minibatch = make(DaskGDNeuralRegressor, **params).fit(chunks(X), chunks(Y))
    assert np.isfinite(minibatch.predict(X)).all()
