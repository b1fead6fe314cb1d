"""The fitted network: attributes, networks made of weights, hidden layers, bad rows."""

import copy
import pickle
import re
import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array, csr_matrix
from scipy.special import expit, softmax
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelBinarizer, StandardScaler
from sklearn.utils.validation import check_is_fitted

from skgd import GDNeuralClassifier, GDNeuralRegressor
from skgd.kernels.formulas.activations import ACTIVATIONS
from skgd.kernels.formulas.losses import LOSSES
from skgd.network.layers import kinds
from tests import naive

SOLVERS = ["batch", "sgd", "minibatch"]
DTYPES = [np.float64, np.float32]
STORAGES = [np.asarray, csr_matrix]
LABELS = np.array(["ant", "bee", "cow"])
N, UNITS = 60, (4, 5, 3)  # features, and units of two hidden layers

each_solver = pytest.mark.parametrize("solver", SOLVERS)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)
each_storage = pytest.mark.parametrize("storage", STORAGES)
each_activation = pytest.mark.parametrize("activation", ACTIVATIONS)
each_estimator = pytest.mark.parametrize(
    "Estimator", [GDNeuralRegressor, GDNeuralClassifier]
)


def make_data(Estimator=GDNeuralRegressor, dtype=np.float64):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, UNITS[0])).astype(dtype)
    y = X[:, 0] - X[:, 1] * X[:, 2]
    return X, y if Estimator is GDNeuralRegressor else LABELS[np.digitize(y, [-1, 1])]


def fit(estimator, *args, method="fit", **kwargs):
    """Fit, without a word about too few epochs, or about nothing learned in them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return getattr(estimator, method)(*args, **kwargs)


def quick(Estimator, **params):
    params = {"max_iter": 4, "random_state": 0} | params
    return Estimator(UNITS[1:], "tanh", **params)


def outputs(estimator, X):
    return getattr(estimator, "predict_proba", estimator.predict)(X)


def draw_layers(n_outputs=1, dtype=np.float64, units=UNITS, seed=1):
    """Weights of a network, as lists of arrays."""
    rng = np.random.default_rng(seed)
    units = [*units, n_outputs]
    shapes = list(pairwise(units))
    coefs = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    intercepts = [rng.standard_normal(out).astype(dtype) for _, out in shapes]
    return coefs, intercepts


def forward(coefs, intercepts, activations, X):
    """Activations of each hidden layer, and the raw outputs last."""
    results, a = [], X
    for layer, (W, b) in enumerate(zip(coefs, intercepts, strict=True)):
        a = a @ W + b
        if layer < len(coefs) - 1:
            a = naive.ACTIVATIONS[activations[layer]][0](a)
        results.append(a)
    return results


def assert_close(actual, expected, dtype):
    assert actual.dtype == dtype
    rtol = 1e-10 if dtype == np.float64 else 1e-4
    assert_allclose(actual, expected, rtol=rtol, atol=rtol)


# Attributes that cannot be assigned ---------------------------------------------------

READ_ONLY = {
    *("n_iter_", "n_layers_", "n_outputs_", "out_activation_", "t_"),
    *("loss_curve_", "learning_rate_curve_", "loss_", "best_loss_"),
    *("validation_loss_curve_", "validation_scores_", "best_validation_score_"),
    "n_features_in_",
}
CLASSIFIERS_READ_ONLY = READ_ONLY | {"classes_"}
each_attribute = pytest.mark.parametrize(
    ("Estimator", "name"),
    [(GDNeuralRegressor, name) for name in sorted(READ_ONLY)]
    + [(GDNeuralClassifier, name) for name in sorted(CLASSIFIERS_READ_ONLY)],
)


@each_estimator
@pytest.mark.parametrize("early_stopping", [False, True])
def test_every_public_attribute_is_read_only_or_writes_through(
    Estimator, early_stopping
):
    X, y = make_data(Estimator)
    estimator = quick(Estimator, early_stopping=early_stopping)
    fit(estimator, X, y)
    public = {n for n in dir(estimator) if n.endswith("_") and n[0] != "_"}
    expected = CLASSIFIERS_READ_ONLY if y.dtype.kind == "U" else READ_ONLY
    of_layers = {name for kind in kinds.KINDS.values() for name in kind.attributes}
    assert {"coefs_", "intercepts_"} <= of_layers
    assert public == expected | of_layers


@each_attribute
@each_solver
def test_an_assignment_says_what_to_do_and_changes_nothing(Estimator, name, solver):
    X, y = make_data(Estimator)
    estimator = fit(quick(Estimator, solver=solver, early_stopping=True), X, y)
    before, predicted = getattr(estimator, name), outputs(estimator, X)
    contents = pickle.dumps(estimator)
    for value in (copy.deepcopy([before]), None, 7):
        with pytest.raises(AttributeError, match=name) as error:
            setattr(estimator, name, value)
        assert re.search(r"cannot be assigned.*\. .+\.$", str(error.value))
    assert_array_equal(getattr(estimator, name), before)
    assert pickle.dumps(estimator) == contents
    assert_array_equal(outputs(estimator, X), predicted, strict=True)


@each_estimator
def test_attributes_of_the_data_may_be_assigned_to_themselves(Estimator):
    """As dask-ml's wrappers do, which copy attributes of what fit returns."""
    X, y = make_data(Estimator)
    estimator = fit(quick(Estimator), X, y)
    learned = {
        name: value for name, value in vars(estimator).items() if name[-1] == "_"
    }
    assert "n_features_in_" in learned
    for name, value in learned.items():
        setattr(estimator, name, value)
        assert vars(estimator)[name] is value


@each_attribute
def test_before_a_fit_there_are_no_fitted_attributes(Estimator, name):
    estimator = Estimator()
    assert not hasattr(estimator, name)
    with pytest.raises(AttributeError, match=f"not fitted yet, and has no {name}"):
        getattr(estimator, name)


@each_estimator
def test_check_is_fitted_knows(Estimator):
    X, y = make_data(Estimator)
    estimator = quick(Estimator)
    for _ in range(2):
        with pytest.raises(NotFittedError):
            check_is_fitted(estimator)
        with pytest.raises(NotFittedError):
            estimator.predict(X)
        with pytest.raises(ValueError, match="coefs_init"):  # a fit that fails
            fit(estimator, X, y, coefs_init=[])
    for fitted in (fit(estimator, X, y), copy.deepcopy(estimator)):
        check_is_fitted(fitted)
    with pytest.raises(NotFittedError):
        check_is_fitted(clone(estimator))


@each_estimator
@each_solver
@each_dtype
def test_assigned_weights_take_effect(Estimator, solver, dtype):
    X, y = make_data(Estimator, dtype)
    estimator = fit(quick(Estimator, solver=solver), X, y)
    coefs, intercepts = draw_layers(estimator.n_outputs_)
    estimator.coefs_, estimator.intercepts_ = coefs, intercepts
    raw = forward(coefs, intercepts, ["tanh"] * 2, X)[-1]
    expected = raw.ravel() if raw.shape[1] == 1 else softmax(raw, axis=1)
    assert_close(outputs(estimator, X), expected, dtype)
    estimator.coefs_[-1] = 0 * coefs[-1]
    estimator.intercepts_[-1][:] = 0
    expected = 0 if raw.shape[1] == 1 else 1 / 3
    assert_allclose(outputs(estimator, X), expected, atol=1e-6)
    assert estimator.n_iter_ == 4  # what follows from the training stays


KINDS = {
    "binary": np.arange(N) % 2,
    "strings": LABELS[np.arange(N) % 3],
    "multilabel": np.arange(3 * N).reshape(N, 3) * 7 % 5 % 2,
    "one label": np.arange(N).reshape(N, 1) % 2,
    "one class": np.ones(N, int),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1.0, 1e4])
@each_dtype
def test_probabilities_and_their_logarithms_agree(kind, scale, dtype):
    X, _ = make_data(dtype=dtype)
    y = KINDS[kind].ravel() if kind == "one label" else KINDS[kind]
    classifier = fit(quick(GDNeuralClassifier), X, y)
    for _ in range(3):
        classifier.coefs_[-1] = dtype(scale) * classifier.coefs_[-1]
        p, log_p = classifier.predict_proba(X), classifier.predict_log_proba(X)
        assert p.dtype == log_p.dtype == dtype
        assert p.shape == log_p.shape == (N, max(2, classifier.n_outputs_))
        assert np.isfinite(log_p).all()
        assert_allclose(np.exp(log_p), p, rtol=1e-4, atol=1e-30)
        classifier.set_params(activation="relu", label_smoothing=0.1)  # for next time
        classifier = pickle.loads(pickle.dumps(classifier))


# Networks made of weights -------------------------------------------------------------


@each_activation
@each_dtype
@pytest.mark.parametrize("loss", ["squared_error", "poisson", "quantile", "gamma"])
def test_a_regressor_of_weights_is_the_forward_pass(activation, dtype, loss):
    X, _ = make_data(dtype=dtype)
    coefs, intercepts = draw_layers(2, dtype)
    net = GDNeuralRegressor.from_layers(
        coefs, intercepts, activation=activation, loss=loss
    )
    raw = forward(coefs, intercepts, [activation] * 2, X)[-1]
    is_exp = LOSSES[loss].link == "exp"
    assert net.out_activation_ == ("exp" if is_exp else "identity")
    for storage in STORAGES:
        assert_close(net.predict(storage(X)), np.exp(raw) if is_exp else raw, dtype)


@each_activation
@each_dtype
@pytest.mark.parametrize("n_outputs", [1, 3, 4])
@pytest.mark.parametrize("is_named", [False, True])
def test_a_classifier_of_weights_is_the_forward_pass(
    activation, dtype, n_outputs, is_named
):
    X, _ = make_data(dtype=dtype)
    coefs, intercepts = draw_layers(n_outputs, dtype)
    classes = np.arange(max(2, n_outputs))
    if is_named:
        classes = np.array(["ant", "bee", "cow", "dog"])[classes]
    net = GDNeuralClassifier.from_layers(
        coefs,
        intercepts,
        classes=classes.tolist() if is_named else None,
        activation=activation,
    )
    assert_array_equal(net.classes_, classes)
    raw = forward(coefs, intercepts, [activation] * 2, X)[-1]
    expected = softmax(raw, axis=1)
    if n_outputs == 1:
        expected = np.hstack([expit(-raw), expit(raw)])
    assert_close(net.predict_proba(X), expected, dtype)
    assert_close(np.exp(net.predict_log_proba(X)), expected, dtype)
    assert_array_equal(net.predict(X), classes[expected.argmax(axis=1)])
    assert net.score(X, classes[expected.argmax(axis=1)]) == 1


def test_a_network_of_weights_needs_no_hidden_layer_and_may_have_many():
    X, _ = make_data()
    for units in [(4,), (4, 1), (4, 2, 3, 2, 6)]:
        coefs, intercepts = draw_layers(3, units=units)
        names = list(ACTIVATIONS)[: len(units) - 1]
        net = GDNeuralRegressor.from_layers(coefs, intercepts, activation=names)
        assert net.hidden_layer_sizes == units[1:]
        assert_allclose(net.predict(X), forward(coefs, intercepts, names, X)[-1])


@each_estimator
def test_a_network_of_weights_is_fitted_without_a_history(Estimator):
    coefs, intercepts = draw_layers(1)
    given = copy.deepcopy((coefs, intercepts))
    net = Estimator.from_layers(coefs, intercepts, alpha=0.5)
    check_is_fitted(net)
    assert net.alpha == 0.5
    assert (net.n_iter_, net.t_, net.n_layers_, net.n_features_in_) == (0, 0, 4, 4)
    assert net.loss_curve_ == net.learning_rate_curve_ == []
    assert net.validation_scores_ is None
    assert np.isnan(net.loss_)
    net.coefs_[0] += 1  # a copy of what was given
    for one, other in zip(given, (coefs, intercepts), strict=True):
        for a, b in zip(one, other, strict=True):
            assert_array_equal(a, b)


def test_weights_of_two_precisions_make_a_network_in_float64():
    X, _ = make_data()
    coefs, intercepts = draw_layers(1, np.float32)
    intercepts[1] = intercepts[1].astype(np.float64)
    net = GDNeuralRegressor.from_layers(coefs, intercepts, activation="tanh")
    assert {a.dtype for a in net.coefs_ + net.intercepts_} == {np.dtype(np.float64)}
    lists = [a.tolist() for a in coefs], [a.tolist() for a in intercepts]
    same = GDNeuralRegressor.from_layers(*lists, activation="tanh")
    assert_array_equal(same.predict(X), net.predict(X), strict=True)


@each_estimator
@each_solver
@each_dtype
def test_training_goes_on_from_given_weights(Estimator, solver, dtype):
    # As from a network that was fitted, and was assigned the same weights.
    X, y = make_data(Estimator, dtype)
    params = {"solver": solver, "max_iter": 3, "random_state": 0, "warm_start": True}
    fitted = fit(quick(Estimator, **params), X, y)
    names = {} if Estimator is GDNeuralRegressor else {"classes": LABELS}
    net = Estimator.from_layers(
        *(fitted.coefs_, fitted.intercepts_), **names, activation="tanh", **params
    )
    net = pickle.loads(pickle.dumps(net))
    assert_array_equal(outputs(net, X), outputs(fitted, X), strict=True)
    first = clone(net).set_params(warm_start=False)
    assert fit(fitted, X, y).n_iter_ == fit(net, X, y).n_iter_ == 3
    assert_array_equal(outputs(net, X), outputs(fitted, X), strict=True)
    assert net.loss_curve_ == fitted.loss_curve_[3:]
    fit(first, X, y)  # a fit without warm start draws weights of its own
    assert not np.array_equal(outputs(first, X), outputs(net, X))


@each_estimator
@each_solver
def test_partial_fit_goes_on_from_given_weights(Estimator, solver):
    X, y = make_data(Estimator)
    coefs, intercepts = draw_layers(1 if Estimator is GDNeuralRegressor else 3)
    names = {} if Estimator is GDNeuralRegressor else {"classes": LABELS}
    options = {"activation": "tanh", "learning_rate_init": 1e-300, "alpha": 0.0}
    net = Estimator.from_layers(coefs, intercepts, **names, solver=solver, **options)
    net.partial_fit(X, y)
    assert (net.n_iter_, net.t_) == (1, N)
    assert_array_equal(net.coefs_[0], coefs[0])  # the rate is next to nothing
    raw = forward(coefs, intercepts, ["tanh"] * 2, X)[-1]
    loss = np.mean((raw.ravel() - y) ** 2) / 2 if raw.shape[1] == 1 else None
    if loss is None:
        loss = -np.log(softmax(raw, axis=1)[np.arange(N), np.searchsorted(LABELS, y)])
    assert_allclose(net.loss_, np.mean(loss), rtol=1e-10)


def test_early_stopping_and_conversion_take_a_network_of_weights():
    X, y = make_data()
    layers = draw_layers(1)
    options = {"early_stopping": True, "warm_start": True, "max_iter": 3}
    net = GDNeuralRegressor.from_layers(*layers, activation="tanh", **options)
    mlp = net.to_sklearn()
    assert_allclose(mlp.predict(X), net.predict(X), rtol=1e-10)
    back = GDNeuralRegressor.from_sklearn(mlp)
    assert_array_equal(back.predict(X), net.predict(X))
    score = net.score(X[:20], y[:20])
    net.set_params(optimizer="gd", learning_rate_init=1e-300)
    fit(net, X, y, X_val=X[:20], y_val=y[:20])
    assert_allclose(net.best_validation_score_, score)


def change(n_outputs=1, **changes):
    """Layers of which some have been replaced."""
    coefs, intercepts = draw_layers(n_outputs)
    for layer, value in changes.get("coefs", {}).items():
        coefs[layer] = value
    for layer, value in changes.get("intercepts", {}).items():
        intercepts[layer] = value
    return coefs, intercepts


WRONG_LAYERS = {
    "shapes": {
        "no layers": ([], []),
        "layers that do not chain": change(coefs={1: np.ones((4, 3))}),
        "no matrix": change(coefs={0: np.ones(5)}),
        "no vector": change(intercepts={0: np.ones((5, 1))}),
        "no units": ([np.ones((4, 0)), np.ones((0, 1))], [np.ones(0), [1.0]]),
        "an intercept too many": (draw_layers()[0], [*draw_layers()[1], np.ones(1)]),
        "an intercept too few": (draw_layers()[0], draw_layers()[1][:-1]),
        "an intercept of another size": change(intercepts={2: np.ones(2)}),
    },
    "finite": {
        "nan": change(coefs={0: np.full((4, 5), np.nan)}),
        "infinity": change(intercepts={2: [np.inf]}),
    },
    "convert": {"text": change(intercepts={2: ["one"]})},
    "inhomogeneous": {"ragged": change(coefs={2: [[1.0], [1.0, 2.0], [3.0]]})},
    "[Cc]omplex": {
        "complex coefs": change(coefs={0: 1j * np.ones((4, 5))}),
        "complex intercepts": change(intercepts={2: [1j]}),
    },
}


@each_estimator
@pytest.mark.parametrize(
    ("message", "case"),
    [(message, case) for message, cases in WRONG_LAYERS.items() for case in cases],
)
def test_weights_that_make_no_network_are_refused(Estimator, message, case):
    with pytest.raises(ValueError, match=message):
        Estimator.from_layers(*WRONG_LAYERS[message][case])


@each_estimator
@pytest.mark.parametrize("sizes", [(5,), (3, 5), (), (5, 3, 1), 5, (5.0, 3)])
def test_weights_that_contradict_the_parameters_are_refused(Estimator, sizes):
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        Estimator.from_layers(*draw_layers(), hidden_layer_sizes=sizes)
    for same in [(5, 3), [5, 3], np.array([5, 3])]:
        net = Estimator.from_layers(*draw_layers(), hidden_layer_sizes=same)
        assert net.hidden_layer_sizes is same
    with pytest.raises(ValueError, match="activation"):
        Estimator.from_layers(*draw_layers(), activation=["relu"])
    with pytest.raises(ValueError, match="alpha"):
        Estimator.from_layers(*draw_layers(), alpha=-1.0)


@pytest.mark.parametrize(
    ("n_outputs", "classes"),
    [
        (1, ["ant"]),
        (1, ["ant", "bee", "cow"]),
        (3, ["ant", "bee"]),
        (3, [0, 1, 1]),
        (3, ["ant", 1, 2]),
        (3, [0.5, 1.5, 2.5]),
        (3, ["cow", "bee", "ant"]),  # whose output would be whose?
        (3, ["ant", "bee", "cow", "bee"]),
        (1, [1, 0]),
    ],
    ids=str,
)
def test_classes_that_do_not_fit_the_outputs_are_refused(n_outputs, classes):
    with pytest.raises(ValueError, match=r"class|label"):
        GDNeuralClassifier.from_layers(*draw_layers(n_outputs), classes=classes)


def test_a_regressor_of_weights_has_no_classes():
    with pytest.raises(ValueError, match="classes"):
        GDNeuralRegressor.from_layers(*draw_layers(), classes=[0, 1])


def test_two_outputs_are_no_network_of_a_classifier():
    # A fit to two classes has one output. Two logistic ones would not sum to 1.
    with pytest.raises(ValueError, match="output"):
        GDNeuralClassifier.from_layers(*draw_layers(2))


# Estimators of scikit-learn that were put together by hand ----------------------------


def by_hand(mlp, layers, out_activation, **attributes):
    """What scikit-learn needs to predict, and no more."""
    mlp.coefs_, mlp.intercepts_ = layers
    mlp.n_layers_, mlp.out_activation_ = len(layers[0]) + 1, out_activation
    for name, value in attributes.items():
        setattr(mlp, name, value)
    return mlp


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("n_outputs", [1, 2])
@each_dtype
def test_a_regressor_made_by_hand_predicts_the_same(activation, loss, n_outputs, dtype):
    X, _ = make_data(dtype=dtype)
    mlp = MLPRegressor(loss, UNITS[1:], activation)
    link = {"squared_error": "identity", "poisson": "exp"}[loss]
    by_hand(mlp, draw_layers(n_outputs, dtype), link)
    net = GDNeuralRegressor.from_sklearn(mlp)
    assert_close(net.predict(X), mlp.predict(X), dtype)
    y = np.abs(X[:, 0] if n_outputs == 1 else X[:, :2])
    fit(net, X, y, method="partial_fit")
    assert (net.n_iter_, len(net.loss_curve_)) == (1, 1)


LABELS_BY_HAND = {
    "three": (3, "softmax", LABELS),
    "binary": (1, "logistic", np.array(["no", "yes"])),
    "multilabel": (3, "logistic", np.eye(3, dtype=int)[[0, 1, 2, 0]] | [[1, 0, 0]] * 4),
}


@pytest.mark.parametrize("kind", LABELS_BY_HAND)
@pytest.mark.parametrize("has_classes", [False, True])
@pytest.mark.parametrize("has_binarizer", [False, True])
def test_a_classifier_made_by_hand_predicts_the_same(kind, has_classes, has_binarizer):
    X, _ = make_data()
    n_outputs, link, labels = LABELS_BY_HAND[kind]
    mlp = by_hand(MLPClassifier(UNITS[1:]), draw_layers(n_outputs), link)
    mlp.n_outputs_ = n_outputs
    binarizer = LabelBinarizer().fit(labels)
    if has_classes:
        mlp.classes_ = binarizer.classes_
    if has_binarizer:
        mlp._label_binarizer = binarizer
    net = GDNeuralClassifier.from_sklearn(mlp)
    assert net.out_activation_ == link
    for method in ("predict_proba", "predict_log_proba"):
        assert_allclose(getattr(net, method)(X), getattr(mlp, method)(X), rtol=1e-9)
    if has_binarizer:
        assert_array_equal(net.predict(X), mlp.predict(X))
    elif has_classes and kind != "multilabel":
        best = net.predict_proba(X).argmax(axis=1)
        assert_array_equal(net.predict(X), mlp.classes_[best])
    known = has_classes or has_binarizer
    expected = binarizer.classes_ if known else np.arange(max(2, n_outputs))
    assert_array_equal(net.classes_, expected)


# Weights to begin with ----------------------------------------------------------------

STILL = {"learning_rate_init": 1e-300, "optimizer": "gd", "alpha": 0.0}


@each_estimator
@each_solver
@each_dtype
@each_storage
@pytest.mark.parametrize("given", ["both", "coefs_init", "intercepts_init"])
def test_a_fit_begins_with_the_weights_given(Estimator, solver, dtype, storage, given):
    X, y = make_data(Estimator, dtype)
    estimator = quick(Estimator, solver=solver, **STILL)
    drawn = fit(clone(estimator), storage(X), y)
    coefs, intercepts = draw_layers(drawn.n_outputs_, dtype)
    layers = {"coefs_init": coefs, "intercepts_init": intercepts}
    expected = {"coefs_init": drawn.coefs_, "intercepts_init": drawn.intercepts_}
    if given != "both":
        layers = {given: layers[given]}
    expected |= layers
    fit(estimator, storage(X), y, **layers)
    for name, arrays in expected.items():
        fitted = getattr(estimator, name.replace("init", ""))
        for actual, array in zip(fitted, arrays, strict=True):
            assert_array_equal(actual, array, strict=True)
    for arrays in layers.values():  # which stay the user's
        fitted = estimator.coefs_ + estimator.intercepts_
        assert not any(np.shares_memory(a, b) for a in arrays for b in fitted)


@each_estimator
@pytest.mark.parametrize("solver", ["sgd", "minibatch"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_given_weights_leave_the_random_draws_as_they_are(
    Estimator, solver, early_stopping
):
    # The weights that would be drawn, given: the same split, and orders of samples.
    X, y = make_data(Estimator)
    params = {"solver": solver, "batch_size": 8, "early_stopping": early_stopping}
    estimator = quick(Estimator, **params)
    start = fit(clone(estimator).set_params(**STILL), X, y)
    layers = {"coefs_init": start.coefs_, "intercepts_init": start.intercepts_}
    given, drawn = fit(clone(estimator), X, y, **layers), fit(estimator, X, y)
    assert given.loss_curve_ == drawn.loss_curve_
    assert given.validation_scores_ == drawn.validation_scores_
    assert_array_equal(outputs(given, X), outputs(drawn, X), strict=True)


@each_estimator
@each_solver
def test_a_warm_start_takes_given_weights_instead_of_its_own(Estimator, solver):
    X, y = make_data(Estimator)
    estimator = fit(quick(Estimator, solver=solver, warm_start=True), X, y)
    before = [coef.copy() for coef in estimator.coefs_]
    _, intercepts = draw_layers(estimator.n_outputs_)
    fit(estimator.set_params(**STILL), X, y, intercepts_init=intercepts)
    for actual, expected in zip(estimator.coefs_, before, strict=True):
        assert_array_equal(actual, expected)
    assert_array_equal(estimator.intercepts_[0], intercepts[0])
    fit(estimator, X, y, coefs_init=[*estimator.coefs_[:2], 0 * before[2]])
    # Views on its own, given back to it.
    assert_allclose(estimator.coefs_[2], 0, atol=1e-290)
    assert_array_equal(estimator.coefs_[1], before[1])


WRONG_INITIAL = {
    "too few": lambda arrays: arrays[:-1],
    "too many": lambda arrays: [*arrays, arrays[-1]],
    "another shape": lambda arrays: [*arrays[:-1], np.ones((7, 7))],
    "transposed": lambda arrays: [np.ones((*a.shape[::-1], 1)) for a in arrays],
    "nan": lambda arrays: [np.nan * arrays[0], *arrays[1:]],
    "infinity": lambda arrays: [*arrays[:-1], arrays[-1] + np.inf],
    "text": lambda arrays: [np.full(a.shape, "a") for a in arrays],
    "complex": lambda arrays: [1j * a for a in arrays],
    "ragged": lambda arrays: [[[1.0, 2.0], [3.0]], *arrays[1:]],
}


@each_estimator
@each_solver
@pytest.mark.parametrize("name", ["coefs_init", "intercepts_init"])
@pytest.mark.parametrize("case", WRONG_INITIAL)
def test_wrong_weights_are_named_and_change_nothing(Estimator, solver, name, case):
    X, y = make_data(Estimator)
    estimator = fit(quick(Estimator, solver=solver), X, y)
    predicted, contents = outputs(estimator, X), pickle.dumps(estimator)
    right = getattr(estimator, name.replace("init", ""))
    for warm_start in (False, True):
        estimator.set_params(warm_start=warm_start)
        with pytest.raises(ValueError, match=f"^{name}"):
            fit(estimator, X, y, **{name: WRONG_INITIAL[case](list(right))})
    estimator.set_params(warm_start=False)
    assert pickle.dumps(estimator) == contents
    assert_array_equal(outputs(estimator, X), predicted, strict=True)


@each_estimator
def test_weights_that_float32_cannot_hold_are_named(Estimator):
    X, y = make_data(Estimator, np.float32)
    coefs, _ = draw_layers(1 if Estimator is GDNeuralRegressor else 3)
    coefs[1] *= 1e300
    with pytest.raises(ValueError, match="coefs_init"):
        fit(quick(Estimator), X, y, coefs_init=coefs)


@each_estimator
def test_a_pipeline_hands_given_weights_through(Estimator):
    X, y = make_data(Estimator)
    coefs, intercepts = draw_layers(1 if Estimator is GDNeuralRegressor else 3)
    net = quick(Estimator, **STILL)
    pipeline = Pipeline([("scale", StandardScaler()), ("net", net)])
    fit(pipeline, X, y, net__coefs_init=coefs, net__intercepts_init=intercepts)
    assert_array_equal(net.coefs_[1], coefs[1])
    assert_array_equal(net.intercepts_[2], intercepts[2])
    with config_context(enable_metadata_routing=True):
        routed = Pipeline([("scale", StandardScaler()), ("net", clone(net))])
        routed[-1].set_fit_request(coefs_init=True, intercepts_init=False)
        fit(routed, X, y, coefs_init=coefs)
    assert_array_equal(routed[-1].coefs_[1], coefs[1])
    assert not np.array_equal(routed[-1].intercepts_[2], intercepts[2])


@pytest.mark.parametrize("name", ["coefs_init", "intercepts_init"])
def test_a_fit_that_is_completed_takes_no_weights(name, tmp_path):
    pytest.importorskip("sklearn.callback")
    from skgd.callbacks import Checkpoint, load_checkpoint

    X, y = make_data()
    net = quick(GDNeuralRegressor, warm_start=True)
    fit(net.set_callbacks(Checkpoint(tmp_path / "net", every=1)), X, y)
    again = load_checkpoint(tmp_path / "net")
    layers = {"coefs_init": net.coefs_, "intercepts_init": net.intercepts_}
    with pytest.raises(ValueError, match=f"{name}.*warm_start=False"):
        again.fit(X, y, **{name: layers[name]})
    fit(again, X, y)
    assert again.loss_curve_ == net.loss_curve_


# Hidden layers ------------------------------------------------------------------------


@each_activation
@each_dtype
@each_storage
def test_hidden_activations_are_the_forward_pass(activation, dtype, storage):
    X, _ = make_data(dtype=dtype)
    every = list(ACTIVATIONS)
    other = every[(every.index(activation) + 1) % len(every)]
    coefs, intercepts = draw_layers(1, dtype)
    names = [activation, other]
    net = GDNeuralClassifier.from_layers(coefs, intercepts, activation=names)
    expected = forward(coefs, intercepts, names, X)
    for layer in (0, 1, -1, -2, np.int64(0)):
        actual = net.hidden_activations(storage(X), layer)
        assert_close(actual, expected[:-1][layer], dtype)
    assert_array_equal(
        net.hidden_activations(X), net.hidden_activations(X, layer=-1), strict=True
    )


def test_the_output_follows_from_the_last_hidden_layer_after_a_fit():
    X, y = make_data()
    for params in ({}, {"dropout": 0.5}, {"solver": "sgd", "dropout": [0.9, 0.1]}):
        net = fit(quick(GDNeuralRegressor, **params), X, y)
        hidden = net.hidden_activations(X)
        raw = hidden @ net.coefs_[-1] + net.intercepts_[-1]
        assert_allclose(raw.ravel(), net.predict(X), rtol=1e-10)
        assert_array_equal(hidden, net.hidden_activations(X))  # nothing is drawn
        net.set_params(activation="relu")  # of the next fit
        assert_array_equal(hidden, net.hidden_activations(X))


def test_hidden_activations_do_not_change_the_network_or_x():
    X, y = make_data()
    net = fit(GDNeuralRegressor((3,), "identity", max_iter=2), X, y)
    before, X_before = pickle.dumps(net), X.copy()
    hidden = net.hidden_activations(X)
    hidden[:] = 0
    assert pickle.dumps(net) == before
    assert_array_equal(X, X_before)


@pytest.mark.parametrize("layer", [2, -3, 100, 0.5, None, "0"])
def test_a_layer_that_is_not_there_is_an_error(layer):
    X, _ = make_data()
    net = GDNeuralRegressor.from_layers(*draw_layers())
    with pytest.raises((ValueError, TypeError), match=r"layer|int"):
        net.hidden_activations(X, layer)


@each_estimator
def test_hidden_activations_need_a_fit_and_a_hidden_layer(Estimator):
    X, y = make_data(Estimator)
    with pytest.raises(NotFittedError):
        Estimator().hidden_activations(X)
    linear = fit(Estimator((), max_iter=2), X, y)
    for layer in (0, -1):
        with pytest.raises(ValueError, match="no hidden layers"):
            linear.hidden_activations(X, layer)


def test_hidden_activations_validate_x_as_predict_does():
    X, y = make_data()
    frame = pd.DataFrame(X, columns=list("abcd"))
    net = fit(quick(GDNeuralRegressor), frame, y)
    expected = forward(net.coefs_, net.intercepts_, ["tanh"] * 2, X)[0]
    assert_allclose(net.hidden_activations(frame, 0), expected, rtol=1e-10)
    with pytest.raises(ValueError, match="feature names"):
        net.hidden_activations(frame[list("dcba")])
    with pytest.warns(UserWarning, match="feature names"):
        net.hidden_activations(X)
    with (
        pytest.warns(UserWarning, match="feature names"),
        pytest.raises(ValueError, match="3 features"),
    ):
        net.hidden_activations(X[:, :3])
    with pytest.raises(ValueError, match="NaN"):
        net.hidden_activations(frame.replace(frame.iloc[3, 2], np.nan))


# One bad row --------------------------------------------------------------------------

BAD = 7
METHODS = {
    "predict": (GDNeuralRegressor, {}),
    "predict, exp": (GDNeuralRegressor, {"loss": "poisson"}),
    "predict_proba": (GDNeuralClassifier, {}),
    "predict_log_proba": (GDNeuralClassifier, {}),
    "hidden_activations": (GDNeuralRegressor, {}),
    "hidden_activations, 0": (GDNeuralClassifier, {}),
}
each_method = pytest.mark.parametrize("method", METHODS)
each_number_of_outputs = pytest.mark.parametrize("n_outputs", [1, 3])


def make_method(method, n_outputs, dtype, activation="relu"):
    """A method of an estimator of large weights: all of a row, they overflow."""
    Estimator, params = METHODS[method]
    coefs, intercepts = draw_layers(n_outputs, dtype)
    coefs[0] = np.abs(coefs[0])  # no difference of infinities, but a sum of them
    net = Estimator.from_layers(coefs, intercepts, activation=activation, **params)
    name, *layer = method.split(", ")
    return lambda X: getattr(net, name)(X, *(int(n) for n in layer if n.isdigit()))


def with_bad_row(X, value, rows=(BAD,)):
    X = X.copy()
    for row in rows:
        X[row] = value
    return X


@each_method
@each_activation
@each_dtype
@pytest.mark.parametrize("storage", [np.asarray, csr_array])
def test_a_row_with_nan_does_not_lose_the_others(method, activation, dtype, storage):
    X, _ = make_data(dtype=dtype)
    call = make_method(method, 3, dtype, activation)
    bad = with_bad_row(X, [0, np.nan, 0, 1])
    with config_context(assume_finite=True):
        expected = call(storage(X))
        message = rf"^Row {BAD} of X holds nan or infinity\. The result is nan there"
        with pytest.warns(RuntimeWarning, match=message) as record:
            actual = call(storage(bad))
    assert len(record) == 1
    assert record[0].filename == __file__
    assert np.isnan(actual[BAD]).all()
    others = np.arange(N) != BAD
    assert_array_equal(actual[others], expected[others], strict=True)


@each_method
@each_number_of_outputs
@each_storage
@each_dtype
def test_a_row_that_overflows_does_not_lose_the_others(
    method, n_outputs, storage, dtype
):
    X, _ = make_data(dtype=dtype)
    call = make_method(method, n_outputs, dtype)
    expected = call(storage(X))
    largest = 1e308 if dtype == np.float64 else 3e38
    message = rf"outputs for row {BAD} of X overflow.*scale X.*The result is nan there"
    with pytest.warns(RuntimeWarning, match=message) as record:
        actual = call(storage(with_bad_row(X, largest)))
    assert len(record) == 1
    assert np.isnan(actual[BAD]).all()
    others = np.arange(N) != BAD
    assert_array_equal(actual[others], expected[others], strict=True)


def test_only_the_exponential_may_overflow():
    net = GDNeuralRegressor.from_layers([[[1.0]]], [[0.0]], loss="poisson")
    X = np.array([[0.0], [800.0], [-800.0], [1.0]])
    with pytest.warns(RuntimeWarning, match="row 1 of X overflow"):
        assert_array_equal(net.predict(X), [1, np.nan, 0, np.e])


def test_several_bad_rows_are_counted():
    X, _ = make_data()
    call = make_method("predict", 1, np.float64)
    with config_context(assume_finite=True):
        bad = with_bad_row(X, np.inf, rows=(3, 9, 20))
        with pytest.warns(RuntimeWarning, match=rf"Row 3 of X \(3 rows of {N}\) holds"):
            assert np.isnan(call(bad)).nonzero()[0].tolist() == [3, 9, 20]


@each_storage
@each_number_of_outputs
@pytest.mark.parametrize(
    ("value", "what"),
    [(np.nan, f"Row {BAD} of X holds nan"), (1e308, f"row {BAD} of X overflow")],
)
def test_no_label_stands_for_a_bad_row(storage, n_outputs, value, what):
    X, _ = make_data()
    coefs, intercepts = draw_layers(n_outputs)
    coefs[0] = np.abs(coefs[0])
    net = GDNeuralClassifier.from_layers(coefs, intercepts)
    bad = with_bad_row(X, value)
    with config_context(assume_finite=True):
        with pytest.raises(ValueError, match=f"{what}.*leave these rows out.*_proba"):
            net.predict(storage(bad))
        assert len(net.predict(storage(np.delete(bad, BAD, axis=0)))) == N - 1


def test_without_assuming_it_x_has_to_be_finite():
    X, _ = make_data()
    for value in (np.nan, np.inf):
        for method in METHODS:
            with pytest.raises(ValueError, match=r"NaN|infinity"):
                make_method(method, 1, np.float64)(with_bad_row(X, value))


# Copies -------------------------------------------------------------------------------

HISTORIES = [
    *("loss_curve_", "learning_rate_curve_"),
    *("validation_loss_curve_", "validation_scores_"),
]
COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
}


def histories(estimator):
    return [list(getattr(estimator, name)) for name in HISTORIES]


@each_estimator
@each_solver
@pytest.mark.parametrize("how", COPIES)
def test_a_copy_has_histories_of_its_own(Estimator, solver, how):
    X, y = make_data(Estimator)
    validation = {"X_val": X[:20], "y_val": y[:20]}
    one = fit(quick(Estimator, solver=solver), X, y, **validation)
    other = COPIES[how](one)
    before, predicted = histories(one), outputs(one, X)
    assert histories(other) == before
    other.partial_fit(X, y, **validation)
    assert histories(one) == before
    assert_array_equal(outputs(one, X), predicted)
    assert [len(h) for h in histories(other)] == [5] * 4
    one.partial_fit(X, y, **validation)
    assert histories(one) == histories(other)
    assert_array_equal(outputs(one, X), outputs(other, X))


@each_estimator
def test_a_clone_has_none(Estimator):
    X, y = make_data(Estimator)
    one = fit(quick(Estimator), X, y)
    before = list(one.loss_curve_)
    other = clone(one)
    assert not hasattr(other, "loss_curve_")
    fit(other, X, y)
    assert one.loss_curve_ == other.loss_curve_ == before
    assert one.loss_curve_ is not other.loss_curve_


@each_estimator
@each_solver
def test_what_a_callback_keeps_has_histories_of_its_own(Estimator, solver):
    pytest.importorskip("sklearn.callback")

    class Keep:
        def __init__(self):
            self.kept = []

        def setup(self, estimator, context):
            pass

        teardown = on_fit_task_begin = setup

        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            if context.task_name == "epoch":
                self.kept.append(fitted_estimator)

    X, y = make_data(Estimator)
    callback = Keep()
    estimator = quick(Estimator, solver=solver).set_callbacks(callback)
    fit(estimator, X, y, X_val=X, y_val=y)
    for n_epochs, kept in enumerate(callback.kept, start=1):
        assert histories(kept) == [h[:n_epochs] for h in histories(estimator)]
    first = callback.kept[0]
    first.set_callbacks().partial_fit(X, y, X_val=X, y_val=y)
    assert len(first.loss_curve_) == 2
    assert [len(each.loss_curve_) for each in callback.kept[1:]] == [2, 3, 4]
    assert len(estimator.loss_curve_) == 4


@each_estimator
@each_solver
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_failed_call_leaves_the_histories_as_they_were(Estimator, solver, method):
    X, y = make_data(Estimator)
    estimator = quick(Estimator, solver=solver, warm_start=True)
    validation = {"X_val": X[:20], "y_val": y[:20]}
    fit(estimator, X, y, **validation)
    before, n_calls = histories(estimator), []

    def broken(estimator, X, y):
        n_calls.append(estimator)
        if method == "partial_fit" or len(n_calls) == 3:
            raise RuntimeError("no score today")
        return 0.0

    estimator.set_params(scoring=broken)
    with pytest.raises(RuntimeError, match="no score today"):
        fit(estimator, X, y, method=method, **validation)
    assert histories(estimator) == before
    assert (estimator.n_iter_, estimator.t_) == (4, 4 * N)
    estimator.set_params(scoring=None, optimizer="gd", learning_rate_init=1e300)
    with pytest.raises(ValueError, match="non-finite"):
        fit(estimator, X, y, **validation)  # after an epoch or more
    assert histories(estimator) == before


# On Dask ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


@pytest.mark.parametrize("local", [False, True])
def test_dask_has_all_of_this(client, local):
    import dask.array as da

    from skgd.dask import DaskGDNeuralClassifier, DaskGDNeuralRegressor

    X, y = make_data()
    coefs, intercepts = draw_layers(1)
    raw = forward(coefs, intercepts, ["tanh"] * 2, X)
    X_there, y_there = X, y
    if not local:
        X_there = da.from_array(X, chunks=(20, -1))
        y_there = da.from_array(y, chunks=20)
    net = DaskGDNeuralRegressor.from_layers(coefs, intercepts, activation="tanh")
    assert_allclose(net.predict(X_there), raw[-1].ravel(), rtol=1e-10)
    assert_allclose(net.hidden_activations(X_there, 0), raw[0], rtol=1e-10)
    named = DaskGDNeuralClassifier.from_layers(coefs, intercepts, classes=["a", "b"])
    assert set(np.unique(np.asarray(named.predict(X_there)))) <= {"a", "b"}

    for solver in SOLVERS:
        net = quick(DaskGDNeuralRegressor, solver=solver, **STILL)
        with pytest.raises(ValueError, match=r"^coefs_init"):
            fit(net, X_there, y_there, coefs_init=coefs[:2])
        assert not hasattr(net, "coefs_")
        fit(net, X_there, y_there, coefs_init=coefs, intercepts_init=intercepts)
        assert_allclose(net.coefs_[1], coefs[1], rtol=1e-14)  # a mean of copies
        assert_allclose(net.intercepts_[2], intercepts[2], rtol=1e-14)
        before = dict(vars(net))
        for name in sorted(READ_ONLY):
            with pytest.raises(AttributeError, match="cannot be assigned"):
                setattr(net, name, 1)
        assert vars(net) == before
        copied = net.to_local()
        fit(copied, X, y, method="partial_fit")
        assert (len(copied.loss_curve_), len(net.loss_curve_)) == (5, 4)
