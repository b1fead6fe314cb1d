"""Estimators of tables, converted to ONNX whole, predict what they predict here."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgd import GDNeuralClassifier, GDNeuralRegressor
from skgd.tabular import TabularClassifier, TabularRegressor

pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

import onnx
from onnxruntime import InferenceSession
from skl2onnx import to_onnx
from skl2onnx.common.data_types import (
    BooleanTensorType,
    DoubleTensorType,
    FloatTensorType,
    Int8TensorType,
    Int32TensorType,
    Int64TensorType,
    StringTensorType,
    UInt64TensorType,
)

import skgd.onnx  # noqa: F401

# Few samples and epochs are enough for most tests, and too few to learn much.
pytestmark = pytest.mark.filterwarnings(r"ignore:Tabular\w+ has learned nothing from X")

TOLERANCE = 1e-5  # of numbers up to 1, and relative to larger ones
N = 60
TYPES = {
    "bool": BooleanTensorType,
    "float32": FloatTensorType,
    "float64": DoubleTensorType,
    "int8": Int8TensorType,
    "int32": Int32TensorType,
    "int64": Int64TensorType,
    "object": StringTensorType,
}

_rng = np.random.default_rng(0)
NUMBERS = _rng.normal(size=(N, 3))
TARGET = 30 + 10 * NUMBERS[:, 0] - 5 * NUMBERS[:, 1]
CODES = np.digitize(NUMBERS[:, 0], [-0.5, 0.5])
COLOURS = np.array(["red", "green", "blue"], object)[CODES]
HAS_GAPS = np.where(_rng.random((N, 3)) < 0.2, np.nan, NUMBERS)
LABELS = {
    "binary": np.array(["no", "yes"])[CODES // 2],
    "multiclass": np.array(["a", "bb", "äöü"])[CODES],
    "multilabel": np.stack([CODES > 0, NUMBERS[:, 1] > 0, CODES > 1], axis=1).astype(
        int
    ),
}
SETTINGS = {"max_iter": 3, "hidden_layer_sizes": (8,), "learning_rate_init": 0.1}


def regressor(*, network=None, **params):
    """A regressor that is fitted in milliseconds."""
    network = network or GDNeuralRegressor(**SETTINGS)
    return TabularRegressor(
        **{"estimator": network, "n_members": 2, "random_state": 0} | params
    )


def classifier(*, network=None, **params):
    """A classifier that is fitted in milliseconds."""
    network = network or GDNeuralClassifier(**SETTINGS)
    return TabularClassifier(
        **{"estimator": network, "n_members": 2, "random_state": 0} | params
    )


def inputs_of(X):
    """A table's columns as ONNX takes them: the empty string for what is missing."""
    if not isinstance(X, pd.DataFrame):
        return {"X": X}
    columns = {}
    for name in X:
        values = X[[name]].to_numpy()
        if values.dtype == object:
            values = np.where(pd.isna(values), "", values)
        columns[name] = values
    return columns


def types_of(inputs):
    return [
        (name, TYPES[values.dtype.name]([None, values.shape[1]]))
        for name, values in inputs.items()
    ]


def run(converted, inputs):
    """All outputs, by name; their shapes have to be those declared."""
    onnx.checker.check_model(converted, full_check=True)
    session = InferenceSession(
        converted.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    declared = session.get_outputs()
    outputs = session.run(None, inputs)
    for output, values in zip(declared, outputs, strict=True):
        if isinstance(values, np.ndarray) and output.name != "class_labels":
            assert list(values.shape[1:]) == output.shape[1:], output.name
    return {o.name: v for o, v in zip(declared, outputs, strict=True)}


def assert_close(actual, expected):
    size = max(1, np.abs(expected).max())
    assert_allclose(actual, expected, rtol=0, atol=TOLERANCE * size)


def assert_predicts(model, X, *, inputs=None, **kwargs):
    """Convert `model`, and compare what it predicts of X."""
    inputs = inputs_of(X) if inputs is None else inputs
    is_classifier = hasattr(model, "predict_proba")
    if is_classifier:
        kwargs = {"options": {"zipmap": False}, **kwargs}
    outputs = run(to_onnx(model, initial_types=types_of(inputs), **kwargs), inputs)
    if is_classifier:
        assert_close(outputs["probabilities"], model.predict_proba(X))
        assert_array_equal(outputs["label"], model.predict(X))
    else:
        expected = model.predict(X)
        assert_close(outputs["variable"], expected.reshape(len(expected), -1))


def make_frame():
    """A table with each kind of column, of which some values are missing."""
    frame = pd.DataFrame({"size": HAS_GAPS[:, 0], "colour": COLOURS})
    frame["is_new"] = NUMBERS[:, 1] > 0
    frame["count"] = CODES.astype(np.int64)
    frame["weight"] = HAS_GAPS[:, 1].astype(np.float32)
    frame["shape"] = np.array(["round", "square", None], object)[CODES[::-1]]
    return frame.astype({"colour": object, "shape": object})


# Columns of numbers -------------------------------------------------------------------


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "int8", "int32", "int64", "bool"]
)
def test_numbers_of_each_type(dtype):
    X = pd.DataFrame(np.round(3 * NUMBERS).astype(dtype), columns=list("abc"))
    assert_predicts(regressor().fit(X, TARGET), X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_matrix_of_numbers_is_one_input(dtype):
    X = HAS_GAPS.astype(dtype)
    assert_predicts(regressor().fit(X, TARGET), X)


def test_missing_numbers_in_columns_with_and_without_gaps_in_fit():
    X = NUMBERS.copy()
    X[::4, 1] = np.nan
    model = regressor().fit(X, TARGET)
    assert_predicts(model, X)
    assert_predicts(model, HAS_GAPS)


def test_a_constant_column_and_one_that_is_all_missing():
    X = np.c_[NUMBERS, np.full(N, 7.0), np.full(N, np.nan)]
    model = regressor().fit(X, TARGET)
    assert_predicts(model, X)
    assert_predicts(model, X + np.r_[0, 0, 0, 5, 0])


def test_large_numbers_with_a_small_spread_keep_their_digits():
    X = NUMBERS + 1e9
    assert_predicts(regressor().fit(X, TARGET), X)


def test_outliers_are_clipped_smoothly():
    assert_predicts(regressor().fit(NUMBERS, TARGET), 1e6 * NUMBERS)


# Categories ---------------------------------------------------------------------------


def test_levels_that_are_rare_unknown_or_missing():
    """Rare levels share a column, which takes unknown ones as well."""
    colours = COLOURS.copy()
    colours[:5] = ["rare", "also rare", None, None, None]
    X = pd.DataFrame({"size": NUMBERS[:, 0], "colour": colours})
    model = regressor().fit(X, TARGET)
    assert model.encoder_.levels_.infrequent_categories_[0].size == 2
    assert_predicts(model, X)
    X.loc[10:13, "colour"] = ["unheard of", "äöü", None, "also rare"]
    assert_predicts(model, X)


def test_unknown_and_missing_levels_without_rare_ones_have_no_column():
    X = pd.DataFrame({"size": NUMBERS[:, 0], "colour": COLOURS})
    model = regressor().fit(X, TARGET)
    X.loc[3:4, "colour"] = ["unheard of", None]
    assert_predicts(model, X)
    assert_array_equal(model.encoder_.transform(X)[3:5, 1:], 0)


def test_a_rare_missing_category():
    X = pd.DataFrame({"size": NUMBERS[:, 0], "colour": COLOURS})
    X.loc[0, "colour"] = None
    assert_predicts(regressor().fit(X, TARGET), X)


def test_the_empty_string_is_a_level_where_it_was_one_in_fit():
    X = pd.DataFrame({"size": NUMBERS[:, 0], "colour": COLOURS})
    X.loc[:9, "colour"] = ""
    X.loc[10:19, "colour"] = None
    model = regressor().fit(X, TARGET)
    assert_predicts(model, X.loc[:9])
    assert_predicts(model, X.loc[20:])


NUMERIC_LEVELS = {
    "int64": np.array([-1, 0, 2**53 + 1]),
    "int8": np.array([-1, 0, 100], np.int8),
    "float64": np.array([-1.5, 2.0, 1e300]),
    "float32": np.array([0.1, 2.0, -3e10], np.float32),
    "bool": np.array([False, True, True]),
}


@pytest.mark.parametrize("levels", NUMERIC_LEVELS.values(), ids=NUMERIC_LEVELS)
def test_categories_that_are_numbers(levels):
    X = pd.DataFrame({"code": levels[CODES], "size": NUMBERS[:, 0]})
    model = regressor(categorical_features=["code"]).fit(X, TARGET)
    assert_predicts(model, X)


@pytest.mark.parametrize("n_rare", [0, 2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_numbers_that_are_no_levels_and_missing_ones(dtype, n_rare):
    X = np.c_[CODES, CODES[::-1]].astype(dtype)
    X[:n_rare, 0] = [77, 88][:n_rare]
    if X.dtype.kind == "f":
        X[5:9, 0] = np.nan
    model = regressor(categorical_features=[0]).fit(X, TARGET)
    assert_predicts(model, X)
    X[20, 0] = 99
    assert_predicts(model, X)
    if X.dtype.kind == "f":
        X[21, 0] = 1.5
        assert_predicts(model, X)


def test_whole_levels_are_the_same_as_floats_and_as_integers():
    X = np.c_[CODES, CODES[::-1]]
    model = regressor(categorical_features=[0]).fit(X, TARGET)
    assert_predicts(model, X.astype(np.float64))
    model.fit(np.where(X[:, :1] == 2, np.nan, X), TARGET)
    assert_predicts(model, X)


def test_large_integers_are_not_taken_for_their_neighbours():
    """Both are the same float64, whose level is the first of them."""
    X = np.c_[2**53 + CODES % 2, CODES]
    model = regressor(categorical_features=[0]).fit(X, TARGET)
    assert_predicts(model, X)
    assert_predicts(model, X.astype(np.float64))


@pytest.mark.parametrize("given", ["object", "int64", "bool"])
def test_mixed_levels_are_hit_by_the_type_that_they_have(given):
    levels = np.array(["red", 7, True], object)
    X = pd.DataFrame({"mixed": levels[CODES], "size": NUMBERS[:, 0]})
    model = regressor(categorical_features=["mixed"]).fit(X, TARGET)
    values = {"object": ["red", "7"], "int64": [7, 1], "bool": [True, False]}[given]
    X = pd.DataFrame(
        {"mixed": np.resize(np.array(values, given), N), "size": X["size"]}
    )
    assert_predicts(model, X)


def test_a_category_of_which_all_is_missing():
    X = np.c_[np.full(N, np.nan), NUMBERS]
    model = regressor(categorical_features=[0]).fit(X, TARGET)
    assert_predicts(model, X)


def test_many_levels_make_a_sparse_matrix_here_and_the_same_predictions():
    names = np.array([f"level {i}" for i in range(600)], object)
    X = pd.DataFrame({"name": np.repeat(names, 3), "code": np.resize([1.0, 2.0], 1800)})
    model = regressor().fit(X, np.resize(TARGET, 1800))
    assert sparse.issparse(model.encoder_.transform(X))
    assert_predicts(model, X)


# Whole tables -------------------------------------------------------------------------


@pytest.mark.parametrize("make", [regressor, classifier])
@pytest.mark.parametrize("target_opset", [11, 15, None])
def test_a_table_with_each_kind_of_column(make, target_opset):
    X = make_frame()
    y = TARGET if make is regressor else LABELS["multiclass"]
    assert_predicts(make().fit(X, y), X, target_opset=target_opset)


def test_rows_of_a_frame_say_what_the_types_are():
    X = make_frame().drop(columns="weight")
    model = regressor().fit(X, TARGET)
    inputs = inputs_of(X)
    [predictions] = run(to_onnx(model, X[:1]), inputs).values()
    assert predictions.dtype == np.float64
    assert_close(predictions[:, 0], model.predict(X))


@pytest.mark.parametrize(
    ("order", "dtype"),
    [(["size", "colour"], np.float64), (["colour", "size"], np.float32)],
)
def test_the_type_of_the_first_input_is_that_of_the_predictions(order, dtype):
    X = make_frame()[order]
    model = regressor().fit(X, TARGET)
    inputs = inputs_of(X)
    [predictions] = run(to_onnx(model, initial_types=types_of(inputs)), inputs).values()
    assert predictions.dtype == dtype


def test_inputs_may_have_several_columns_each():
    X = np.c_[NUMBERS, CODES, CODES[::-1], NUMBERS[:, 0]]
    model = regressor(categorical_features=[0, 3, 4]).fit(X, TARGET)
    inputs = {"a": X[:, :2], "b": X[:, 2:5], "c": X[:, 5:].astype(np.float32)}
    seen = np.c_[X[:, :5], X[:, 5].astype(np.float32)]
    assert_predicts(model, seen, inputs=inputs)


def test_several_categories_in_one_input_of_strings():
    X = make_frame()[["colour", "shape"]]
    model = regressor().fit(X, TARGET)
    inputs = {"both": X.fillna("").to_numpy(dtype=object)}
    assert_predicts(model, X, inputs=inputs)


def test_a_sparse_table_is_given_dense():
    X = np.where(np.abs(NUMBERS) > 1, NUMBERS, 0)
    model = regressor().fit(sparse.csr_array(X), TARGET)
    assert_predicts(model, X)
    assert_predicts(model, X.astype(np.float32))


@pytest.mark.parametrize("make", [regressor, classifier])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_after_a_scaler_in_a_pipeline(make, dtype):
    y = TARGET if make is regressor else LABELS["binary"]
    model = make_pipeline(StandardScaler(), make())
    X = NUMBERS.astype(dtype)
    assert_predicts(model.fit(X, y), X)


def test_after_columns_were_chosen_in_a_pipeline():
    chosen = make_column_transformer(("passthrough", [2, 0]))
    model = make_pipeline(chosen, regressor())
    assert_predicts(model.fit(NUMBERS, TARGET), NUMBERS)


@pytest.mark.parametrize("n_samples", [1, 2, 600])
def test_any_number_of_samples(n_samples):
    X = make_frame()
    model = regressor().fit(X, TARGET)
    rows = np.resize(np.arange(N), n_samples)
    assert_predicts(model, X.iloc[rows])


# Regression ---------------------------------------------------------------------------


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_several_outputs_of_different_size(n_outputs):
    y = np.c_[1e7 + TARGET, 1e-7 * TARGET][:, :n_outputs]
    model = regressor().fit(NUMBERS, y.squeeze())
    outputs = run(to_onnx(model, NUMBERS[:1]), {"X": NUMBERS})["variable"]
    assert outputs.shape == (N, n_outputs)
    expected = model.predict(NUMBERS).reshape(N, -1)
    for actual, column, of_target in zip(outputs.T, expected.T, y.T, strict=True):
        assert_allclose(actual, column, rtol=0, atol=1e-5 * np.std(of_target))


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_a_loss_of_positive_targets(n_outputs):
    network = GDNeuralRegressor(loss="poisson", **SETTINGS)
    y = np.exp(NUMBERS[:, :n_outputs]).squeeze()
    assert_predicts(regressor(network=network).fit(NUMBERS, y), NUMBERS)


@pytest.mark.parametrize("activation", ["gelu", "silu"])
def test_members_of_several_layers_with_batch_normalisation(activation):
    network = GDNeuralRegressor(
        (8, 6), activation=activation, batch_norm=True, max_iter=3
    )
    assert_predicts(
        regressor(network=network, n_members=3).fit(NUMBERS, TARGET), NUMBERS
    )


# Classification -----------------------------------------------------------------------


@pytest.mark.parametrize("calibrate", [False, True])
@pytest.mark.parametrize("kind", LABELS)
def test_each_kind_of_labels(kind, calibrate):
    model = classifier(calibrate=calibrate, n_members=3).fit(HAS_GAPS, LABELS[kind])
    assert (model.temperature_ != 1) == calibrate
    assert_predicts(model, HAS_GAPS)


# With several labels the members are less sure: float32 has too few digits for the
# distance of a probability near 1 from 1.
@pytest.mark.parametrize("temperature", [0.2, 0.7, 5.0])
@pytest.mark.parametrize(
    ("kind", "factor"), [("binary", 100), ("multiclass", 100), ("multilabel", 5)]
)
def test_each_temperature_of_sure_members(kind, factor, temperature):
    """Small probabilities are not lost before their logarithms are taken."""
    network = GDNeuralClassifier(max_iter=40, hidden_layer_sizes=(8,))
    # Two sure members that contradict each other would make a tie.
    model = classifier(network=network, n_members=3).fit(NUMBERS, LABELS[kind])
    model.temperature_ = temperature
    for member in model.members_:
        member.network.coefs_[-1] = factor * member.network.coefs_[-1]
    assert_predicts(model, NUMBERS)


@pytest.mark.parametrize(
    "labels",
    [np.array([-1, 0, 2**40]), np.array([-1.0, 0.0, 2.0]), np.array([7, 8, 9], object)],
    ids=["int", "whole float", "object"],
)
def test_labels_that_are_numbers(labels):
    y = labels[CODES]
    model = classifier().fit(NUMBERS, list(y) if y.dtype == object else y)
    assert_predicts(model, NUMBERS)


def test_bool_labels_become_0_and_1():
    model = classifier().fit(NUMBERS, CODES > 0)
    assert_predicts(model, NUMBERS)


def test_members_that_have_not_seen_a_class():
    rows = np.arange(N)
    without = [(rows[code != CODES], rows[code == CODES]) for code in range(2)]
    model = classifier(cv=without).fit(NUMBERS, LABELS["multiclass"])
    seen = [member.network.classes_.tolist() for member in model.members_]
    assert seen == [[1, 2], [0, 2]]
    assert_predicts(model, NUMBERS)


# Options ------------------------------------------------------------------------------


def frame_and_labels(kind):
    X = make_frame()
    return X, classifier().fit(X, LABELS[kind])


def outputs_of(X, model, **options):
    inputs = inputs_of(X)
    options = options or None
    return run(to_onnx(model, initial_types=types_of(inputs), options=options), inputs)


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
@pytest.mark.parametrize("is_text_first", [False, True])
def test_zipmap_is_the_default(kind, is_text_first):
    X = make_frame()
    X = X[["colour", "size"]] if is_text_first else X
    model = classifier().fit(X, LABELS[kind])
    outputs = outputs_of(X, model)
    assert list(outputs) == ["output_label", "output_probability"]
    rows = outputs["output_probability"]
    assert [list(row) for row in rows] == [list(model.classes_)] * N
    assert_array_equal(outputs["output_label"], model.predict(X))
    assert_close([list(row.values()) for row in rows], model.predict_proba(X))


@pytest.mark.parametrize("first", ["size", "colour"])
def test_zipmap_columns(first):
    X = make_frame()[[first, "weight", "shape"]]
    model = classifier().fit(X, LABELS["multiclass"])
    label, *columns = outputs_of(X, model, zipmap="columns").items()
    assert [name for name, _ in columns] == [f"s{name}" for name in model.classes_]
    assert_array_equal(label[1], model.predict(X))
    assert_close(np.stack([v for _, v in columns], axis=1), model.predict_proba(X))


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
@pytest.mark.parametrize("zipmap", [False, True])
def test_nocl_gives_positions_in_classes(kind, zipmap):
    X, model = frame_and_labels(kind)
    positions, _ = outputs_of(X, model, nocl=True, zipmap=zipmap).values()
    assert_array_equal(model.classes_[positions], model.predict(X))


def test_output_class_labels():
    X, model = frame_and_labels("multiclass")
    outputs = outputs_of(X, model, zipmap=False, output_class_labels=True)
    assert_array_equal(outputs["class_labels"], model.classes_)


def test_raw_scores_are_not_offered():
    X, model = frame_and_labels("binary")
    with pytest.raises(NameError, match="raw_scores"):
        outputs_of(X, model, raw_scores=True)


# Errors -------------------------------------------------------------------------------


def convert(model, **types):
    pairs = [(name, kind([None, 1])) for name, kind in types.items()]
    return to_onnx(model, initial_types=pairs)


def two_columns():
    return regressor().fit(make_frame()[["size", "colour"]], TARGET)


def test_an_unfitted_estimator_is_refused():
    with pytest.raises(NotFittedError, match="TabularRegressor"):
        convert(regressor(), x=FloatTensorType)
    with pytest.raises(NotFittedError, match="TabularClassifier"):
        to_onnx(classifier(), NUMBERS[:1], options={"zipmap": False})


def test_strings_for_a_column_of_numbers():
    message = "Input 'size' is of strings, .* 'size' .* Declare it as DoubleTensorType"
    with pytest.raises(TypeError, match=message):
        convert(two_columns(), size=StringTensorType, colour=StringTensorType)


def test_numbers_for_a_category_of_text():
    message = (
        "'colour' is of FloatTensorType, .* 'blue', 'green', 'red'.* as StringTens"
    )
    with pytest.raises(ValueError, match=message):
        convert(two_columns(), size=FloatTensorType, colour=FloatTensorType)


def test_a_type_that_no_table_has():
    message = (
        "'colour' is of UInt64TensorType. A table may have: StringTensorType, Bool"
    )
    with pytest.raises(TypeError, match=message):
        convert(two_columns(), size=FloatTensorType, colour=UInt64TensorType)


@pytest.mark.parametrize("names", [["size"], ["size", "weight", "colour"]])
def test_inputs_that_are_too_few_or_too_many(names):
    types = dict.fromkeys(names, FloatTensorType)
    message = "had 2 columns in fit, .*'size' with 1.* for each column, or .*, 2]"
    with pytest.raises(ValueError, match=message):
        convert(two_columns(), **types)


def test_inputs_that_do_not_say_how_many_columns_they_have():
    model = two_columns()
    types = [("a", FloatTensorType([None])), ("b", StringTensorType([None, None]))]
    with pytest.raises(ValueError, match=r"'a' with \?, 'b' with \?"):
        to_onnx(model, initial_types=types)


def test_one_input_need_not_say_how_many_columns_it_has():
    model = regressor().fit(NUMBERS, TARGET)
    types = [("X", DoubleTensorType([None, None]))]
    [predictions] = run(to_onnx(model, initial_types=types), {"X": NUMBERS}).values()
    assert_close(predictions[:, 0], model.predict(NUMBERS))


def test_inputs_in_another_order_than_the_columns():
    message = r"another order .* \['colour', 'size'\].* order \['size', 'colour'\]"
    with pytest.raises(ValueError, match=message):
        convert(two_columns(), colour=StringTensorType, size=FloatTensorType)


def test_inputs_of_other_names_are_taken_in_their_order():
    X = make_frame()[["size", "colour"]]
    inputs = dict(zip("ab", inputs_of(X).values(), strict=True))
    assert_predicts(two_columns(), X, inputs=inputs)
