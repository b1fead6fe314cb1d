"""Networks converted to ONNX predict in onnxruntime what they predict here."""

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skgd import GDNeuralClassifier, GDNeuralRegressor
from skgd.estimators.regressor import LOSS_NAMES
from skgd.kernels.formulas.activations import ACTIVATIONS
from skgd.kernels.formulas.links import LINKS
from tests import naive

pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

import onnx
from onnxruntime import InferenceSession
from skl2onnx import convert_sklearn, get_latest_tested_opset_version, to_onnx
from skl2onnx.common.data_types import (
    BooleanTensorType,
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
)

import skgd.onnx  # noqa: F401
from skgd._onnx import nodes

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
)

DTYPES = [np.float32, np.float64]
# Largest difference, of numbers up to about 1 and relative to larger ones.
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}
NEWEST = get_latest_tested_opset_version()
OPSETS = [11, 12, 15, 18, NEWEST]

each_dtype = pytest.mark.parametrize("dtype", DTYPES)

_rng = np.random.default_rng(0)
X = _rng.normal(size=(90, 4))
X_NEW = _rng.normal(size=(20, 4))
TARGET = 1.5 + np.tanh(X[:, 0] - X[:, 1] * X[:, 2])
CODES = np.digitize(X[:, 0] - X[:, 1], [-0.5, 0.5])
KINDS = {
    "binary": (CODES > 0).astype(int),
    "multiclass": CODES,
    "multilabel": np.stack([CODES > 0, CODES > 1, X[:, 2] > 0], axis=1).astype(int),
}
LABELS = {
    "str": np.array(["a", "bb", "äöü"]),
    "object": np.array(["a", "bb", "c"], dtype=object),
    "int": np.array([-1, 0, 2**40]),
    "uint8": np.array([0, 3, 200], dtype=np.uint8),
    "whole float": np.array([-1.0, 0.0, 2.0]),
}


def quick(Estimator, **params):
    """An estimator that trains in milliseconds."""
    settings = {"max_iter": 20, "batch_size": 16, "learning_rate_init": 0.02}
    return Estimator(
        random_state=0, **{"hidden_layer_sizes": (8, 5), **settings} | params
    )


def regressor(**params):
    return quick(GDNeuralRegressor, **params)


def classifier(**params):
    return quick(GDNeuralClassifier, **params)


def convert(model, X, **kwargs):
    """Convert and check against ONNX's own rules, shapes included."""
    converted = to_onnx(model, X[:1], **kwargs)
    onnx.checker.check_model(converted, full_check=True)
    return converted


def run(converted, X):
    """All outputs, by name; their shapes have to be those declared."""
    session = InferenceSession(
        converted.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    if isinstance(X, pd.DataFrame):
        inputs = {name: X[[name]].to_numpy() for name in X}
    else:
        inputs = {session.get_inputs()[0].name: X}
    outputs = session.run(None, inputs)
    for declared, values in zip(session.get_outputs(), outputs, strict=True):
        is_of_samples = declared.name != "class_labels" and declared.shape
        if isinstance(values, np.ndarray) and is_of_samples:
            batch, *rest = declared.shape
            assert batch is None, f"{declared.name} fixes the batch"
            assert list(values.shape[1:]) == rest, declared.name
    return {o.name: v for o, v in zip(session.get_outputs(), outputs, strict=True)}


def assert_close(actual, expected, dtype):
    """Within the dtype's tolerance of the largest of the numbers, and of 1."""
    assert actual.dtype == dtype
    size = max(1, np.abs(expected).max())
    assert_allclose(actual, expected, rtol=0, atol=TOLERANCE[dtype] * size)


def assert_predicts(model, X=X_NEW, dtype=np.float32, **kwargs):
    """Convert `model` for input of `dtype`, and compare what it predicts."""
    X = X if isinstance(X, pd.DataFrame) else X.astype(dtype)
    if hasattr(model, "predict_proba"):
        kwargs = {"options": {"zipmap": False}, **kwargs}
        outputs = run(convert(model, X, **kwargs), X)
        assert list(outputs) == ["label", "probabilities"]
        assert_close(outputs["probabilities"], model.predict_proba(X), dtype)
        assert_array_equal(outputs["label"], model.predict(X))
        return
    outputs = run(convert(model, X, **kwargs), X)
    assert list(outputs) == ["variable"]
    expected = model.predict(X)
    assert_close(outputs["variable"], expected.reshape(len(expected), -1), dtype)


# Networks -----------------------------------------------------------------------------


def test_every_activation_and_link_is_there():
    assert set(nodes.ACTIVATIONS) == set(ACTIVATIONS)
    assert set(nodes.LINKS) == set(LINKS)


def far_and_near():
    """Numbers of both signs, from 1e-30 to 1e4, and 0."""
    size = np.concatenate([np.geomspace(1e-30, 1e4, 69), np.linspace(0.1, 40, 400)])
    return np.concatenate([-size, [0.0], size])


@each_dtype
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_each_activation_far_and_near(activation, dtype):
    x = far_and_near().astype(dtype)[:, np.newaxis]
    unit = regressor(hidden_layer_sizes=(1,), activation=activation)
    unit.fit(X[:, :1].astype(dtype), TARGET)
    unit.coefs_ = [[[1]], [[1]]]
    unit.intercepts_ = [[0], [0]]
    actual = run(convert(unit, x), x)["variable"]
    with np.errstate(over="ignore"):
        expected = naive.ACTIVATIONS[activation][0](x.astype(np.longdouble))
    tolerance = {np.float32: 1e-6, np.float64: 1e-14}[dtype]
    assert actual.dtype == dtype
    assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)
    assert_allclose(unit.predict(x), expected[:, 0], rtol=tolerance, atol=tolerance)


@each_dtype
@pytest.mark.parametrize("trained_in", DTYPES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_each_activation_in_a_network(activation, trained_in, dtype):
    model = regressor(activation=activation)
    model.fit(X.astype(trained_in), TARGET)
    if trained_in == dtype:
        assert_predicts(model, dtype=dtype)
        return
    # The input's type decides, and float32 on either side is float32 in all.
    x = X_NEW.astype(dtype)
    outputs = run(convert(model, x), x)["variable"]
    assert outputs.dtype == dtype
    assert_close(outputs.astype(np.float32)[:, 0], model.predict(x), np.float32)


@each_dtype
def test_each_hidden_layer_has_its_activation(dtype):
    model = regressor(hidden_layer_sizes=(6, 5, 4), activation=["mish", "relu", "elu"])
    assert_predicts(model.fit(X.astype(dtype), TARGET), dtype=dtype)


def test_the_fitted_activation_counts_not_the_parameter():
    model = regressor(activation="tanh").fit(X, TARGET)
    assert_predicts(model.set_params(activation="relu"), dtype=np.float64)


@each_dtype
@pytest.mark.parametrize("hidden_layer_sizes", [(), (1,), 7, (9, 8, 7, 6)])
def test_any_depth(hidden_layer_sizes, dtype):
    model = regressor(hidden_layer_sizes=hidden_layer_sizes)
    assert_predicts(model.fit(X.astype(dtype), TARGET), dtype=dtype)


def test_dropout_leaves_predictions_as_they_are():
    assert_predicts(regressor(dropout=0.5).fit(X, TARGET), dtype=np.float64)


def test_parameters_assigned_later_are_converted():
    model = regressor().fit(X, TARGET)
    model.coefs_[0] = model.coefs_[0] + 1
    assert_predicts(model, dtype=np.float64)


# Regression ---------------------------------------------------------------------------


@each_dtype
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("loss", sorted(LOSS_NAMES))
def test_each_loss(loss, n_outputs, dtype):
    y = np.stack([TARGET, TARGET**2, 1 / TARGET], axis=1)[:, :n_outputs]
    model = regressor(loss=loss).fit(X.astype(dtype), y.squeeze())
    assert_predicts(model, dtype=dtype)


def test_exponentials_that_overflow_are_infinite():
    """A graph has no nan for them; `predict` has, and warns."""
    model = regressor(loss="poisson", hidden_layer_sizes=()).fit(X, TARGET)
    x = np.array([[1e4, 0, 0, 0], [-1e4, 0, 0, 0]])
    with pytest.warns(RuntimeWarning, match="of X overflow"):
        predicted = model.predict(x)
    expected = np.where(np.isnan(predicted), np.inf, 0)
    assert set(expected) == {0, np.inf}
    actual = run(convert(model, x), x)["variable"][:, 0]
    # Some versions of onnxruntime have a subnormal number for 0.
    assert_allclose(actual, expected, rtol=0, atol=np.finfo(np.float64).tiny)


# Classification -----------------------------------------------------------------------


@each_dtype
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hidden_layer_sizes", [(), (8, 5)])
def test_each_kind_of_target(kind, hidden_layer_sizes, dtype):
    model = classifier(hidden_layer_sizes=hidden_layer_sizes)
    assert_predicts(model.fit(X.astype(dtype), KINDS[kind]), dtype=dtype)


@each_dtype
@pytest.mark.parametrize("kind", KINDS)
def test_large_inputs_have_finite_probabilities(kind, dtype):
    model = classifier(activation="silu").fit(X.astype(dtype), KINDS[kind])
    x = np.concatenate([X_NEW, 1e4 * np.sign(X_NEW)])
    assert_predicts(model, x, dtype=dtype)


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_labels_are_those_of_y(labels, n_classes):
    y = labels[np.minimum(CODES, n_classes - 1)]
    assert_predicts(classifier().fit(X, y), dtype=np.float64)


def test_bool_labels_become_0_and_1():
    model = classifier().fit(X, CODES > 0)
    outputs = run(convert(model, X, options={"zipmap": False}), X)
    assert outputs["label"].dtype == np.int64
    assert_array_equal(outputs["label"], model.predict(X))
    (first, *_) = run(convert(model, X), X)["output_probability"]
    assert set(first) == {0, 1}


def test_a_tie_is_the_first_class_as_it_is_here():
    for kind in ("binary", "multiclass"):
        model = classifier(hidden_layer_sizes=()).fit(X, KINDS[kind])
        model.coefs_ = [0 * coefs for coefs in model.coefs_]
        model.intercepts_ = [0 * intercepts for intercepts in model.intercepts_]
        assert_predicts(model, dtype=np.float64)


def test_one_class():
    model = classifier().fit(X, np.full(90, "only"))
    assert model.predict_proba(X_NEW).shape == (20, 2)
    assert_predicts(model, dtype=np.float64)
    model.intercepts_[-1] = [100.0]  # the second column is larger, the label the same
    assert_predicts(model, dtype=np.float64)
    with pytest.raises(ValueError, match="knows one class"):
        to_onnx(model, X[:1])


# Options ------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [False, True], ids=["bare", "pipeline"])
@pytest.mark.parametrize("labels", ["str", "int"])
def test_zipmap_is_the_default(labels, whole):
    model = classifier()
    if whole:
        model = make_pipeline(StandardScaler(), model)
    model.fit(X, LABELS[labels][CODES])
    for kwargs in ({}, {"options": {GDNeuralClassifier: {"zipmap": True}}}):
        outputs = run(convert(model, X_NEW, **kwargs), X_NEW)
        assert list(outputs) == ["output_label", "output_probability"]
        assert_array_equal(outputs["output_label"], model.predict(X_NEW))
        rows = outputs["output_probability"]
        assert [list(row) for row in rows] == [list(model.classes_)] * 20
        rows = [list(row.values()) for row in rows]
        # onnxruntime's maps are of float32.
        assert_allclose(rows, model.predict_proba(X_NEW), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_zipmap_columns(kind):
    model = classifier().fit(X, KINDS[kind])
    outputs = run(convert(model, X_NEW, options={"zipmap": "columns"}), X_NEW)
    label, *columns = outputs
    assert columns == [f"i{code}" for code in model.classes_]
    assert_array_equal(outputs[label], model.predict(X_NEW))
    actual = np.stack([outputs[name] for name in columns], axis=1)
    assert_close(actual, model.predict_proba(X_NEW), np.float64)


@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("labels", ["str", "int"])
def test_nocl_gives_positions_in_classes(labels, n_classes, zipmap):
    y = LABELS[labels][np.minimum(CODES, n_classes - 1)]
    model = classifier().fit(X, y)
    options = {"nocl": True, "zipmap": zipmap}
    outputs = run(convert(model, X_NEW, options=options), X_NEW)
    positions, probabilities = outputs.values()
    assert positions.dtype == np.int64
    assert_array_equal(model.classes_[positions], model.predict(X_NEW))
    if zipmap:
        assert set(probabilities[0]) == set(range(n_classes))


@pytest.mark.parametrize("labels", ["str", "int"])
def test_output_class_labels(labels):
    model = classifier().fit(X, LABELS[labels][CODES])
    options = {"zipmap": False, "output_class_labels": True}
    outputs = run(to_onnx(model, X_NEW[:1], options=options), X_NEW)
    assert list(outputs) == ["label", "probabilities", "class_labels"]
    assert_array_equal(outputs["class_labels"], model.classes_)


def test_raw_scores_are_not_offered():
    model = classifier().fit(X, CODES)
    with pytest.raises(NameError, match="raw_scores"):
        to_onnx(model, X[:1], options={"raw_scores": True})


# Inputs and versions ------------------------------------------------------------------


@pytest.mark.parametrize("opset", OPSETS)
@each_dtype
def test_each_activation_in_each_opset(dtype, opset):
    names = list(ACTIVATIONS)
    model = regressor(hidden_layer_sizes=[5] * len(names), activation=names)
    model.fit(X.astype(dtype), TARGET)
    assert_predicts(model, dtype=dtype, target_opset=opset)


@pytest.mark.parametrize("opset", OPSETS)
@each_dtype
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_target_in_each_opset(kind, dtype, opset):
    model = make_pipeline(StandardScaler(), classifier())
    model.fit(X.astype(dtype), KINDS[kind])
    assert_predicts(model, dtype=dtype, target_opset=opset)


@pytest.mark.parametrize(
    ("kind", "dtype", "returned"),
    [
        (FloatTensorType, np.float32, np.float32),
        (DoubleTensorType, np.float64, np.float64),
        (Int64TensorType, np.int64, np.float32),
        (BooleanTensorType, np.bool_, np.float32),
    ],
)
def test_convert_sklearn_takes_each_type_of_input(kind, dtype, returned):
    x = np.round(X_NEW).astype(dtype)
    model = regressor().fit(X, TARGET)
    converted = convert_sklearn(model, initial_types=[("x", kind([None, 4]))])
    assert_close(run(converted, x)["variable"][:, 0], model.predict(x), returned)


@pytest.mark.parametrize("n_samples", [1, 2, 1000])
@pytest.mark.parametrize("kind", KINDS)
def test_any_number_of_samples(kind, n_samples):
    model = classifier().fit(X, KINDS[kind])
    assert_predicts(model, np.resize(X_NEW, (n_samples, 4)), dtype=np.float64)


# Whole models -------------------------------------------------------------------------


def frame_of_text_and_numbers():
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["colour"] = np.array(["red", "green", "blue"])[CODES]
    return frame


@pytest.mark.parametrize("make", [regressor, classifier])
def test_pipeline_with_columns_of_a_frame(make):
    frame = frame_of_text_and_numbers()
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), list("abcd")),
            ("text", OneHotEncoder(handle_unknown="ignore"), ["colour"]),
        ]
    )
    model = make_pipeline(columns, make())
    model.fit(frame, CODES if make is classifier else TARGET)
    frame.loc[0, "colour"] = "unheard of"
    assert_predicts(model, frame, dtype=np.float64)


@each_dtype
@pytest.mark.parametrize("make", [regressor, classifier])
def test_pipeline(make, dtype):
    model = make_pipeline(StandardScaler(), make())
    model.fit(X.astype(dtype), CODES if make is classifier else TARGET)
    assert_predicts(model, dtype=dtype)


@pytest.mark.parametrize("make", [regressor, classifier])
def test_grid_search_and_its_best_estimator(make):
    pipeline = make_pipeline(StandardScaler(), make())
    grid = {f"{pipeline.steps[-1][0]}__activation": ["tanh", "gelu"]}
    search = GridSearchCV(pipeline, grid, cv=2)
    search.fit(X, CODES if make is classifier else TARGET)
    assert_predicts(search.best_estimator_, dtype=np.float64)
    assert_predicts(search, dtype=np.float64)


def scaled(make, **params):
    return make_pipeline(StandardScaler(), make(**params))


CLASSIFIERS = {
    "calibrated": lambda net: CalibratedClassifierCV(net, cv=2),
    "voting": lambda net: VotingClassifier(
        [("a", net), ("b", LogisticRegression())],
        voting="soft",
        flatten_transform=False,
    ),
    "stacking": lambda net: StackingClassifier([("a", net)], cv=2),
    "stacked on": lambda net: StackingClassifier(
        [("a", LogisticRegression())], final_estimator=net, cv=2
    ),
    "bagging": lambda net: BaggingClassifier(net, n_estimators=2, random_state=0),
    "one vs rest": OneVsRestClassifier,
}
REGRESSORS = {
    "voting": lambda net: VotingRegressor([("a", net), ("b", LinearRegression())]),
    "stacking": lambda net: StackingRegressor([("a", net)], cv=2),
    "stacked on": lambda net: StackingRegressor(
        [("a", LinearRegression())], final_estimator=net, cv=2
    ),
    "bagging": lambda net: BaggingRegressor(net, n_estimators=2, random_state=0),
}


# Each of them with each kind of target, a bare network and a pipeline, and both dtypes.
WRAPPED = [
    (name, kind, is_scaled, DTYPES[(i + j + is_scaled) % 2])
    for i, name in enumerate(CLASSIFIERS)
    for j, kind in enumerate(["binary", "multiclass"])
    for is_scaled in (False, True)
]


@pytest.mark.parametrize(("name", "kind", "is_scaled", "dtype"), WRAPPED)
def test_classifiers_made_of_networks(name, kind, is_scaled, dtype):
    net = scaled(classifier) if is_scaled else classifier()
    model = CLASSIFIERS[name](net).fit(X.astype(dtype), KINDS[kind])
    assert_predicts(model, dtype=dtype)


@each_dtype
@pytest.mark.parametrize("net", [regressor, lambda: scaled(regressor)])
@pytest.mark.parametrize("wrap", REGRESSORS.values(), ids=REGRESSORS)
def test_regressors_made_of_networks(wrap, net, dtype):
    model = wrap(net()).fit(X.astype(dtype), TARGET)
    assert_predicts(model, dtype=dtype)


def test_several_outputs_by_several_networks():
    y = np.stack([TARGET, TARGET**2], axis=1)
    model = MultiOutputRegressor(regressor()).fit(X, y)
    assert_predicts(model, dtype=np.float64)
    model = MultiOutputClassifier(classifier()).fit(X, KINDS["multilabel"])
    outputs = run(to_onnx(model, X_NEW[:1], options={"zipmap": False}), X_NEW)
    assert_array_equal(outputs["label"], model.predict(X_NEW))
    for actual, expected in zip(
        outputs["probabilities"], model.predict_proba(X_NEW), strict=True
    ):
        assert_close(actual, expected, np.float64)


# Errors -------------------------------------------------------------------------------


def test_an_unfitted_network_is_refused():
    with pytest.raises(NotFittedError, match="GDNeuralRegressor"):
        to_onnx(regressor(), X[:1])
    with pytest.raises(NotFittedError, match="GDNeuralClassifier"):
        to_onnx(classifier(), X[:1], options={"zipmap": False})


def test_a_transformed_target_is_converted_without_its_transformer():
    model = TransformedTargetRegressor(regressor(), transformer=StandardScaler())
    model.fit(X, TARGET)
    with pytest.raises(RuntimeError, match="TransformedTargetRegressor"):
        to_onnx(model, X[:1])
    outputs = run(convert(model.regressor_, X_NEW), X_NEW)["variable"]
    assert_close(
        model.transformer_.inverse_transform(outputs)[:, 0],
        model.predict(X_NEW),
        np.float64,
    )


# What the guide says of skl2onnx itself -----------------------------------------------


@pytest.mark.parametrize(
    ("samples", "error", "message"),
    [
        (X[:1].astype(np.int32), RuntimeError, "Int32TensorType"),
        (pd.DataFrame(X[:1]).add_prefix("x"), RuntimeError, r"at most 1 input\(s\)"),
        (pl.DataFrame(X[:1]), TypeError, "polars"),
    ],
)
def test_samples_that_skl2onnx_does_not_take(samples, error, message):
    with pytest.raises(error, match=message):
        to_onnx(regressor().fit(X, TARGET), samples)


def test_other_searches_are_not_converted():
    search = RandomizedSearchCV(regressor(), {"alpha": [1, 2]}, n_iter=1, cv=2)
    with pytest.raises(RuntimeError, match="RandomizedSearchCV"):
        to_onnx(search.fit(X, TARGET), X[:1])


def test_a_tuned_threshold_is_left_out():
    model = TunedThresholdClassifierCV(classifier(), cv=2, thresholds=[0.9, 0.95])
    model.fit(X, CODES > 0)
    samples = X.astype(np.float32)
    labels, _ = run(to_onnx(model, samples[:1]), samples).values()
    assert_array_equal(labels, model.estimator_.predict(samples))
    assert (labels != model.predict(samples)).any()


# What is imported ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def imported():
    """What a process prints that imports skgd, and then skgd.onnx without skl2onnx."""
    code = """
import sys, skgd
print({"onnx", "skl2onnx", "skgd.onnx"} & {*sys.modules})
sys.modules["skl2onnx"] = None
import skgd.onnx
"""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_without_skl2onnx_the_error_says_what_to_install(imported):
    assert "ImportError: skgd.onnx needs skl2onnx: run pip" in imported.stderr


def test_skgd_itself_imports_nothing_of_onnx(imported):
    assert imported.stdout.strip() == "set()"
