"""Data that would be trained on to no good end are refused, with words of help.

And good data of every usual type are trained on without a word.
"""

import re
import warnings
from datetime import date, datetime, time, timedelta

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, cross_validate, train_test_split

from skgd import GDNeuralClassifier, GDNeuralRegressor

pa = pytest.importorskip("pyarrow")
pl = pytest.importorskip("polars")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N = 30
X = np.random.default_rng(0).normal(size=(N, 3))
CODES = np.arange(N) % 3
LETTERS = np.array(["a", "b", "c"])[CODES]
INDICATORS = np.column_stack([CODES == 0, CODES == 1, CODES != 1]).astype(int)
FIVE = np.random.default_rng(1).integers(0, 2, (N, 5))
Y = {GDNeuralRegressor: X[:, 0] - X[:, 1], GDNeuralClassifier: CODES}
NAMES = ["a", "when", "b"]

each_estimator = pytest.mark.parametrize("Estimator", list(Y))
SOLVERS = ["batch", "sgd", "minibatch"]
each_solver = pytest.mark.parametrize("solver", SOLVERS)


def each(name, table):
    return pytest.mark.parametrize(name, table.values(), ids=table)


def quick(Estimator, **params):
    return Estimator(
        **{"hidden_layer_sizes": 4, "max_iter": 2, "random_state": 0} | params
    )


def contents(estimator):
    """A digest of each attribute, random state included."""
    return {name: joblib.hash(value) for name, value in vars(estimator).items()}


def refusal(kind, call):
    """The message of the error that a call ends with."""
    with pytest.raises(kind) as error:
        call()
    return str(error.value)


def answers(entries, make, *data):
    """What each of the ways in says of the data, given a new estimator."""
    said = {}
    for name, entry in entries.items():
        try:
            entry(make(), *data)
            said[name] = "nothing"
        except (TypeError, ValueError) as error:
            said[name] = f"{type(error).__name__}: {error}"
    return said


def assert_each(said, *patterns):
    wrong = {
        name: message
        for name, message in said.items()
        if not all(re.search(pattern, message) for pattern in patterns)
    }
    assert not wrong


def objects(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def with_first(value, others):
    return [value, *list(others)[1:]]


def classes_for(estimator, classes=(0, 1, 2)):
    return {"classes": list(classes)} if is_classifier(estimator) else {}


# Where data come in: an estimator, good data, and data that take their place.
X_ENTRIES = {
    "fit": lambda e, good, X, y: e.fit(X, y),
    "partial_fit": lambda e, good, X, y: e.partial_fit(X, y, **classes_for(e)),
    "partial_fit later": lambda e, good, X, y: e.fit(good, y).partial_fit(X, y),
    "warm fit": lambda e, good, X, y: (
        e.set_params(warm_start=True).fit(good, y).fit(X, y)
    ),
    "X_val": lambda e, good, X, y: e.fit(good, y, X_val=X, y_val=y),
    "predict": lambda e, good, X, y: e.fit(good, y).predict(X),
}
Y_ENTRIES = {
    "fit": lambda e, good, y: e.fit(X, y),
    "partial_fit": lambda e, good, y: e.partial_fit(X, y, **classes_for(e)),
    "partial_fit later": lambda e, good, y: e.fit(X, good).partial_fit(X, y),
    "warm fit": lambda e, good, y: e.set_params(warm_start=True).fit(X, good).fit(X, y),
    "y_val": lambda e, good, y: e.fit(X, good, X_val=X, y_val=y),
    "y_val of partial_fit": lambda e, good, y: e.partial_fit(
        X, good, **classes_for(e), X_val=X, y_val=y
    ),
}


# Class weights ------------------------------------------------------------------------

LABELS_OF = {
    "int": np.array([0, 1, 2]),
    "str": np.array(["a", "b", "c"]),
    "str objects": np.array(["a", "b", "c"], dtype=object),
    "float": np.array([0.0, 1.0, 2.0]),
    "negative": np.array([-2, -1, 7]),
    "bool": np.array([False, True]),
}
each_labels = each("labels", LABELS_OF)


def by_class(class_weight, y):
    return np.array([class_weight.get(label, 1.0) for label in np.asarray(y).tolist()])


@each_solver
@each_labels
def test_a_chunk_may_lack_classes_that_have_a_weight(labels, solver):
    weights = {labels[-1].item() if labels.dtype != object else labels[-1]: 20}
    weighted = quick(GDNeuralClassifier, class_weight=weights, solver=solver)
    plain = quick(GDNeuralClassifier, solver=solver)
    for label in (*labels, labels[0]):  # one class a chunk, and the last one comes late
        y = np.full(N, label)
        weighted.partial_fit(X, y, classes=labels)
        plain.partial_fit(X, y, by_class(weights, y), classes=labels)
    assert_allclose(weighted.coefs_[0], plain.coefs_[0], rtol=1e-12)
    assert weighted.loss_curve_ == plain.loss_curve_


@each_solver
@pytest.mark.parametrize("early_stopping", [False, True])
def test_named_classes_that_are_nowhere_weigh_nothing_and_unnamed_ones_1(
    solver, early_stopping
):
    params = {"solver": solver, "early_stopping": early_stopping, "max_iter": 4}
    weights = by_class({1: 20.0}, CODES)
    plain = quick(GDNeuralClassifier, **params).fit(X, CODES, weights)
    bare = quick(GDNeuralClassifier, **params).fit(X, CODES)
    for class_weight, expected in [
        ({1: 20, 9: 3.0}, plain),
        ({1: 20, -1: 0.0, 0: 1}, plain),
        ({9: 20.0}, bare),
        ({}, bare),
    ]:
        found = quick(GDNeuralClassifier, class_weight=class_weight, **params)
        assert_allclose(
            found.fit(X, CODES).coefs_[0], expected.coefs_[0], rtol=1e-9, atol=1e-12
        )


def test_class_weights_multiply_sample_weights():
    own = np.linspace(0, 2, N)
    found = quick(GDNeuralClassifier, class_weight={1: 20}).fit(X, CODES, own)
    plain = quick(GDNeuralClassifier).fit(X, CODES, own * by_class({1: 20}, CODES))
    assert_allclose(found.coefs_[0], plain.coefs_[0], rtol=1e-12)


@each_solver
def test_a_fold_may_lack_a_class_that_has_a_weight(solver):
    y, folds = np.sort(LETTERS), KFold(3)  # which leaves a class out of each fold
    weights = {"a": 20, "b": 3}
    weighted = quick(GDNeuralClassifier, class_weight=weights, solver=solver)
    found = cross_validate(
        weighted, X, y, cv=folds, error_score="raise", return_estimator=True
    )
    for estimator, (rows, _) in zip(found["estimator"], folds.split(X), strict=True):
        plain = quick(GDNeuralClassifier, solver=solver)
        plain.fit(X[rows], y[rows], by_class(weights, y[rows]))
        assert_allclose(estimator.coefs_[0], plain.coefs_[0], rtol=1e-12)


@each_solver
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("convert", [np.array, sparse.csr_array, pd.DataFrame])
def test_a_label_of_several_may_be_0_or_1_throughout(convert, method, solver):
    y = INDICATORS.copy()
    y[:, 0], y[:, 1] = 0, 1
    weights = [{1: 20}, {0: 7.0, 1: 2.0}, {1: 3}]
    of_samples = np.prod(
        [by_class(w, of_label) for w, of_label in zip(weights, y.T, strict=True)],
        axis=0,
    )
    weighted = quick(GDNeuralClassifier, class_weight=weights, solver=solver)
    plain = quick(GDNeuralClassifier, solver=solver)
    classes = {"classes": range(3)} if method == "partial_fit" else {}
    getattr(weighted, method)(X, convert(y), **classes)
    getattr(plain, method)(X, y, of_samples, **classes)
    assert_allclose(weighted.coefs_[0], plain.coefs_[0], rtol=1e-12)


NAMES_OF_ANOTHER_TYPE = {
    "str of int": ("1", CODES),
    "str of float": ("1.0", CODES.astype(float)),
    "str of bool": ("True", CODES > 0),
    "str of Int64": ("1", pd.Series(CODES, dtype="Int64")),
    "bytes of str": (b"b", LETTERS),
    "int of str": (1, LETTERS),
    "bool of str": (True, LETTERS),
    "int of str objects": (1, LETTERS.astype(object)),
    "int of polars": (1, pl.Series(LETTERS)),
    "tuple of int": ((1,), CODES),
    "None of int": (None, CODES),
    "date of int": (date(2020, 1, 1), CODES),
    "None of str": (None, LETTERS),
}


@each("case", NAMES_OF_ANOTHER_TYPE)
def test_a_class_weight_by_a_name_of_another_type_is_refused(case):
    """Also in a chunk without the class that is meant."""
    name, labels = case
    classifier = quick(GDNeuralClassifier, class_weight={name: 20})
    entries = {
        "fit": lambda c: c.fit(X, labels),
        "partial_fit": lambda c: c.partial_fit(
            X[:1], labels[:1], classes=sorted(set(labels))
        ),
    }
    words = f"class_weight names {name!r}, and the classes are such as "
    assert_each(
        answers(entries, lambda: classifier), "^ValueError: " + re.escape(words)
    )
    assert not hasattr(classifier, "classes_")


EQUAL_NAMES = {
    "int64": (np.int64(1), CODES),
    "float of int": (1.0, CODES),
    "bool of int": (True, CODES),
    "int of bool": (1, CODES > 0),
    "numpy bool": (np.True_, CODES > 0),
    "numpy str": (np.str_("b"), LETTERS),
    "Int64": (1, pd.Series(CODES, dtype="Int64")),
    "category": ("b", pd.Series(LETTERS, dtype="category")),
    "polars": ("b", pl.Series(LETTERS)),
}


@each("case", EQUAL_NAMES)
def test_names_that_are_equal_to_labels_are_theirs(case):
    name, labels = case
    found = quick(GDNeuralClassifier, class_weight={name: 20}).fit(X, labels)
    weights = np.where(np.asarray(list(labels)) == name, 20, 1)
    plain = quick(GDNeuralClassifier).fit(X, labels, weights)
    assert_allclose(found.coefs_[0], plain.coefs_[0], rtol=1e-12)


@each_solver
@pytest.mark.parametrize("kind", ["present", "absent", "of several"])
@pytest.mark.parametrize("weight", [-1, -1e-300, -np.inf, np.inf, np.nan])
def test_a_class_weight_that_is_negative_or_not_finite_is_refused(weight, kind, solver):
    class_weight, y = {
        "present": ({0: 1, 1: weight}, CODES),
        "absent": ({9: weight}, CODES),
        "of several": ([{1: 2}, {}, {1: weight}], INDICATORS),
    }[kind]
    classifier = quick(GDNeuralClassifier, class_weight=class_weight, solver=solver)
    entries = {
        "fit": lambda c: c.fit(X, y),
        "partial_fit": lambda c: c.partial_fit(X, y, classes=[0, 1, 2]),
    }
    said = answers(entries, lambda: classifier)
    assert_each(said, rf"^ValueError: .*finite and not negative, got {weight}\b")
    assert not hasattr(classifier, "classes_")


def test_class_weights_may_change_between_calls():
    classifier = quick(GDNeuralClassifier).partial_fit(X, CODES, classes=[0, 1, 2])
    before = contents(classifier.set_params(class_weight={"1": 2}))
    with pytest.raises(ValueError, match="class_weight names '1'"):
        classifier.partial_fit(X, CODES)
    assert contents(classifier) == before
    classifier.set_params(class_weight={1: 2}).partial_fit(X, CODES)


# Dates and durations ------------------------------------------------------------------

DAYS = np.datetime64("2020-01-01") + np.arange(N)
NANOSECONDS = DAYS.astype("datetime64[ns]")
SECONDS = np.arange(N).astype("timedelta64[s]")
A_DAY, A_MOMENT = date(2020, 2, 1), datetime(2020, 2, 1, 12)
A_PERIOD = pd.Period("2020-02", freq="M")
A_REMEDY = re.escape("numpy.timedelta64(1, 'D')")

PANDAS_COLUMNS = {
    "datetime64": NANOSECONDS,
    "datetime64[s]": DAYS.astype("datetime64[s]"),
    "tz-aware": pd.Series(NANOSECONDS).dt.tz_localize("Europe/Vienna"),
    "timedelta64": SECONDS,
    "period": pd.period_range("2020", periods=N, freq="D"),
    "date objects": objects([A_DAY] * N),
    "datetime objects": objects([A_MOMENT] * N),
    "timedelta objects": objects([timedelta(days=1)] * N),
    "time objects": objects([time(12)] * N),
    "datetime64 objects": objects(list(DAYS)),
    "Timestamp objects": objects([pd.Timestamp(A_MOMENT, tz="UTC")] * N),
    "Period objects": objects([A_PERIOD] * N),
    "one date among numbers": objects(with_first(A_DAY, range(N))[::-1]),
    "all missing": pd.Series([pd.NaT] * N),
    "categories of dates": pd.Categorical(NANOSECONDS),
    "categories of durations": pd.Categorical(SECONDS),
    "arrow timestamp": pd.Series(NANOSECONDS).astype("timestamp[ns][pyarrow]"),
    "arrow duration": pd.Series(SECONDS).astype("duration[s][pyarrow]"),
    "arrow date": pd.Series([A_DAY] * N, dtype="date32[pyarrow]"),
}
POLARS_COLUMNS = {
    "Datetime": pl.Series([A_MOMENT] * N),
    "tz-aware Datetime": pl.Series([A_MOMENT] * N).dt.replace_time_zone("UTC"),
    "Date": pl.Series([A_DAY] * N),
    "Duration": pl.Series([timedelta(days=1)] * N),
    "Time": pl.Series([time(12)] * N),
    "Object": pl.Series([A_DAY] * N, dtype=pl.Object),
    "null Date": pl.Series([None] * N, dtype=pl.Date),
}


def pandas_frame(when):
    return pd.DataFrame({"a": X[:, 0], "when": when, "b": X[:, 2]})


def polars_frame(when):
    return pl.DataFrame({"a": X[:, 0], "when": when, "b": X[:, 2]})


def arrow_table(when):
    return pa.table({"a": X[:, 0], "when": when, "b": X[:, 2]})


FRAMES_OF_DATES = {
    **{f"pandas {n}": (pandas_frame, c) for n, c in PANDAS_COLUMNS.items()},
    **{f"polars {n}": (polars_frame, c) for n, c in POLARS_COLUMNS.items()},
    "arrow timestamp": (arrow_table, pa.array(NANOSECONDS)),
}


def rows_with(value):
    return [[0.5, value, 1.0] for _ in range(N)]


ARRAYS_OF_DATES = {
    "datetime64": np.column_stack([DAYS] * 3),
    "datetime64[ns]": np.column_stack([NANOSECONDS] * 3),
    "timedelta64": np.column_stack([SECONDS] * 3),
    "datetime64 objects": np.array(rows_with(DAYS[0]), dtype=object),
    "timedelta64 objects": np.array(rows_with(SECONDS[1]), dtype=object),
    "date objects": np.array(rows_with(A_DAY), dtype=object),
    "timedelta objects": np.array(rows_with(timedelta(1)), dtype=object),
    "NaT objects": np.array(rows_with(np.datetime64("NaT", "s")), dtype=object),
    "Timestamp objects": np.array(rows_with(pd.Timestamp(A_DAY)), dtype=object),
    "Period objects": np.array(rows_with(A_PERIOD), dtype=object),
    "list of dates": rows_with(A_DAY),
    "list of datetimes": rows_with(A_MOMENT),
    "list of durations": rows_with(timedelta(1)),
    "list of datetime64": rows_with(DAYS[0]),
    "list of datetime64 alone": [[day] * 3 for day in DAYS],
    "list of timedelta64": rows_with(SECONDS[1]),
    "list of timedelta64 and int": [[SECONDS[1], 1, 2]] * N,
    "tuple of arrays": tuple(np.column_stack([SECONDS] * 3)),
}


@each_estimator
@each("case", FRAMES_OF_DATES)
def test_a_column_of_dates_is_named_with_a_remedy(Estimator, case):
    frame, when = case
    data = frame(X[:, 1]), frame(when), Y[Estimator]
    said = answers(X_ENTRIES, lambda: quick(Estimator), *data)
    assert_each(said, "^TypeError: .*Column 'when' of X holds ", A_REMEDY)


@each_estimator
@each("dates", ARRAYS_OF_DATES)
def test_dates_in_arrays_and_lists_are_refused_with_a_remedy(Estimator, dates):
    said = answers(X_ENTRIES, lambda: quick(Estimator), X, dates, Y[Estimator])
    assert_each(said, r"^TypeError: .*\bX holds ", A_REMEDY)


@each_estimator
@each_solver
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_validation_data_of_dates_are_named(Estimator, method, solver):
    estimator, y = quick(Estimator, solver=solver), Y[Estimator]
    validation = {"X_val": pandas_frame(SECONDS), "y_val": y}
    classes = classes_for(estimator) if method == "partial_fit" else {}
    before = contents(estimator)
    with pytest.raises(TypeError, match=r"^X_val and y_val: Column 'when' of X"):
        getattr(estimator, method)(pandas_frame(X[:, 1]), y, **validation, **classes)
    assert contents(estimator) == before


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "hidden_activations"]
)
def test_every_prediction_refuses_dates(method):
    classifier = quick(GDNeuralClassifier).fit(X, CODES)
    for dates in (np.column_stack([SECONDS] * 3), [[A_DAY] * 3]):
        with pytest.raises(TypeError, match="X holds"):
            getattr(classifier, method)(dates)
    with pytest.raises(TypeError, match="X holds"):
        classifier.score(np.column_stack([DAYS] * 3), CODES)


def test_columns_without_names_are_counted():
    frame = pandas_frame(SECONDS).set_axis([0, 1, 2], axis=1)
    with pytest.raises(TypeError, match="Column 1 of X holds"):
        quick(GDNeuralRegressor).fit(frame, X[:, 0])


DURATIONS_AS_TARGETS = {
    "datetime64": DAYS,
    "timedelta64": SECONDS,
    "timedelta64 in a column": SECONDS[:, None],
    "timedelta64 in two columns": np.column_stack([SECONDS, SECONDS]),
    "list of dates": [A_DAY] * N,
    "list of datetimes": [A_MOMENT] * N,
    "list of durations": [timedelta(1)] * N,
    "list of timedelta64": list(SECONDS),
    "list of Period": [A_PERIOD] * N,
    "list of NaT": [pd.NaT] * N,
    "timedelta64 objects": objects(list(SECONDS)),
    "arrow duration": pa.array([timedelta(1)] * N),
    **{f"pandas {n}": pd.Series(c) for n, c in PANDAS_COLUMNS.items()},
    **{f"polars {n}": c for n, c in POLARS_COLUMNS.items()},
}


@each("dates", DURATIONS_AS_TARGETS)
def test_dates_as_targets_of_a_regressor_are_refused_with_a_remedy(dates):
    said = answers(Y_ENTRIES, lambda: quick(GDNeuralRegressor), X[:, 0], dates)
    assert_each(said, r"^TypeError: .*\by holds ", A_REMEDY)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_a_column_of_durations_among_targets_is_named(frame):
    good = frame({"much": X[:, 0], "long": X[:, 1]})
    bad = frame({"much": X[:, 0], "long": SECONDS.astype("timedelta64[ns]")})
    said = answers(Y_ENTRIES, lambda: quick(GDNeuralRegressor), good, bad)
    assert_each(said, "^TypeError: .*Column 'long' of y holds ", A_REMEDY)


DATE_LABELS = {
    "datetime64": DAYS[CODES],
    "datetime64[ns]": NANOSECONDS[CODES],
    "timedelta64": SECONDS[CODES],
    "pandas": pd.Series(NANOSECONDS[CODES]),
    "pandas timedelta64": pd.Series(SECONDS[CODES]),
    "polars": pl.Series(DAYS[CODES]),
}


TRAININGS_ON_DATES = [
    lambda c, y: c.fit(X, y),
    lambda c, y: c.partial_fit(X, y, classes=np.unique(y)).partial_fit(X, y),
    lambda c, y: c.set_params(early_stopping=True).fit(X, y, X_val=X, y_val=y),
    lambda c, y: c.set_params(early_stopping=True, scoring="accuracy").fit(X, y),
    lambda c, y: c.set_params(class_weight="balanced").fit(X, y),
]


@each_solver
@each("labels", DATE_LABELS)
def test_date_labels_are_given_back(labels, solver):
    for train in TRAININGS_ON_DATES:
        classifier = train(quick(GDNeuralClassifier, solver=solver), labels)
        predicted = classifier.predict(X)
        assert predicted.dtype == np.asarray(labels).dtype
        assert np.isin(predicted, np.asarray(labels)).all()
        assert 0 <= classifier.score(X, labels) <= 1


@each("labels", DATE_LABELS)
def test_dates_may_name_classes_that_have_a_weight(labels):
    y = np.asarray(labels)
    plain = quick(GDNeuralClassifier).fit(X, labels, np.where(y == y[0], 20, 1))
    found = quick(GDNeuralClassifier, class_weight={y[0]: 20}).fit(X, labels)
    assert_allclose(found.coefs_[0], plain.coefs_[0], rtol=1e-12)


@pytest.mark.parametrize("dates", [DAYS[CODES], SECONDS[CODES]], ids=["date", "length"])
def test_dates_are_not_the_numbers_that_are_classes(dates):
    said = answers(Y_ENTRIES, lambda: quick(GDNeuralClassifier), CODES, dates)
    assert said.pop("fit") == "nothing"  # there are no classes yet
    assert_each(said, "ValueError: .*(has classes not in|has the same classes)")


@pytest.mark.parametrize("array", [DAYS, NANOSECONDS, SECONDS], ids=lambda a: a.dtype)
@pytest.mark.parametrize("convert", [np.array, list, pd.Series])
def test_a_missing_date_among_labels_is_named(array, convert):
    labels = array[CODES]
    labels[3] = "NaT"
    said = answers(Y_ENTRIES, lambda: quick(GDNeuralClassifier), CODES, convert(labels))
    assert_each(said, "^ValueError: .*y contains missing values")


# Negative weights ---------------------------------------------------------------------

NEGATIVE = np.where(np.arange(N) == 4, -0.5, 1)
NEGATIVE_WEIGHTS = {
    "array": NEGATIVE,
    "float32": NEGATIVE.astype(np.float32),
    "int": np.where(NEGATIVE < 0, -1, 1),
    "tiny": np.where(NEGATIVE < 0, -1e-300, 1),
    "list": NEGATIVE.tolist(),
    "tuple": tuple(NEGATIVE.tolist()),
    "objects": NEGATIVE.astype(object),
    "pandas": pd.Series(NEGATIVE, index=np.arange(N)[::-1]),
    "pandas Int64": pd.Series(np.where(NEGATIVE < 0, -1, 1), dtype="Int64"),
    "polars": pl.Series(NEGATIVE),
    "all": -np.ones(N),
    "number": -1.0,
}
WEIGHT_ENTRIES = {
    "sample_weight": {
        "fit": lambda e, y, w: e.fit(X, y, w),
        "partial_fit": lambda e, y, w: e.partial_fit(X, y, w, **classes_for(e)),
        "partial_fit later": lambda e, y, w: e.fit(X, y).partial_fit(X, y, w),
        "early stopping": lambda e, y, w: e.set_params(early_stopping=True).fit(
            X, y, w
        ),
    },
    "sample_weight_val": {
        "fit": lambda e, y, w: e.fit(X, y, X_val=X, y_val=y, sample_weight_val=w),
        "partial_fit": lambda e, y, w: e.partial_fit(
            X, y, **classes_for(e), X_val=X, y_val=y, sample_weight_val=w
        ),
    },
}


@each_estimator
@each("weights", NEGATIVE_WEIGHTS)
def test_a_negative_weight_is_refused_by_name(Estimator, weights):
    for name, entries in WEIGHT_ENTRIES.items():
        said = answers(entries, lambda: quick(Estimator), Y[Estimator], weights)
        found = rf"^ValueError: .*\b{name} must not be negative.* sample [04]\b"
        assert_each(said, found)


@each_estimator
@each_solver
def test_a_negative_weight_changes_nothing(Estimator, solver):
    estimator = quick(Estimator, solver=solver).fit(X, Y[Estimator])
    before = contents(estimator)
    with pytest.raises(ValueError, match="sample_weight must not be negative"):
        estimator.partial_fit(X, Y[Estimator], NEGATIVE)
    with pytest.raises(ValueError, match="sample_weight must not be negative"):
        estimator.fit(X, Y[Estimator], NEGATIVE)
    assert contents(estimator) == before


@each_estimator
def test_a_weight_of_0_is_not_negative(Estimator):
    y = Y[Estimator]
    weights = np.where(NEGATIVE < 0, 0.0, 1.0)
    expected = quick(Estimator).fit(X, y, weights)
    found = quick(Estimator).fit(X, y, np.where(NEGATIVE < 0, -0.0, 1.0))
    assert_array_equal(found.coefs_[0], expected.coefs_[0])


@each_estimator
@pytest.mark.parametrize(
    "weights", [SECONDS, [timedelta(1)] * N, pl.Series([timedelta(1)] * N)], ids=type
)
def test_durations_as_weights_are_refused_by_name(Estimator, weights):
    for name, entries in WEIGHT_ENTRIES.items():
        said = answers(entries, lambda: quick(Estimator), Y[Estimator], weights)
        assert_each(said, rf"^TypeError: .*\b{name}\b")


# One label a sample, or several -------------------------------------------------------

WRONG_CLASSES = {
    "too few": [0, 1],
    "too many": range(6),
    "others": [1, 2, 3, 4, 5],
    "names": list("abcde"),
}
AS_INDICATORS = {
    "array": np.array,
    "bool": lambda y: y.astype(bool),
    "float": lambda y: y.astype(float),
    "list": lambda y: y.tolist(),
    "sparse": sparse.csr_array,
    "pandas": lambda y: pd.DataFrame(y, columns=list("vwxyz")[: y.shape[1]]),
    "polars": lambda y: pl.DataFrame(y, schema=list("vwxyz")[: y.shape[1]]),
}
each_form = each("convert", AS_INDICATORS)


@each_form
@each("classes", WRONG_CLASSES)
def test_classes_of_label_indicators_are_their_numbers(classes, convert):
    """A network of as many outputs as `classes` says would not fit the indicators."""
    classifier = quick(GDNeuralClassifier)
    before = contents(classifier)
    message = refusal(
        ValueError,
        lambda: classifier.partial_fit(X, convert(FIVE), classes=classes),
    )
    assert "classes must be the numbers of the labels, [0, 1, 2, 3, 4]" in message
    assert "5 label indicators" in message
    assert contents(classifier) == before
    classifier.partial_fit(X, convert(FIVE), classes=range(5))
    assert classifier.n_outputs_ == 5


@each_solver
@pytest.mark.parametrize(
    "classes", [range(5), [4, 3, 2, 1, 0], np.arange(5.0)], ids=repr
)
def test_classes_of_label_indicators_may_be_in_any_order(classes, solver):
    found = quick(GDNeuralClassifier, solver=solver)
    found.partial_fit(X, FIVE, classes=classes).partial_fit(X, FIVE)
    plain = quick(GDNeuralClassifier, solver=solver)
    plain.partial_fit(X, FIVE, classes=np.arange(5)).partial_fit(X, FIVE)
    assert_array_equal(found.coefs_[0], plain.coefs_[0])
    assert found.predict(X).shape == (N, 5)


SEVERAL, ONE, TWO_CLASSES = "indicators of 3 labels", "one label a sample", CODES > 0
OTHER_KINDS = {
    "several, numbers": (INDICATORS, CODES, SEVERAL, ONE),
    "several, list": (INDICATORS, CODES.tolist(), SEVERAL, ONE),
    "several, strings": (INDICATORS, LETTERS, SEVERAL, ONE),
    "several, polars": (INDICATORS, pl.Series(CODES), SEVERAL, ONE),
    "several, a column": (INDICATORS, INDICATORS[:, :1], SEVERAL, ONE),
    "several, fewer": (INDICATORS, FIVE[:, :2], SEVERAL, "indicators of 2 labels"),
    "several, more": (INDICATORS, FIVE, SEVERAL, "indicators of 5 labels"),
    "several, more, sparse": (
        INDICATORS,
        sparse.csr_array(FIVE),
        SEVERAL,
        "indicators of 5 labels",
    ),
    "one of three, three": (CODES, INDICATORS, ONE, SEVERAL),
    "one of three, two": (CODES, FIVE[:, :2], ONE, "indicators of 2 labels"),
    "one of two, two": (TWO_CLASSES, FIVE[:, :2], ONE, "indicators of 2 labels"),
    "one of two, sparse": (
        TWO_CLASSES,
        sparse.csr_array(FIVE[:, :2]),
        ONE,
        "indicators of 2 labels",
    ),
}
LATER = {
    "partial_fit": lambda c, good, y: c.partial_fit(X, y),
    "warm fit": lambda c, good, y: c.set_params(warm_start=True).fit(X, y),
    "y_val": lambda c, good, y: c.fit(X, good, X_val=X, y_val=y),
    "y_val of partial_fit": lambda c, good, y: c.partial_fit(X, good, X_val=X, y_val=y),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@each_solver
@pytest.mark.parametrize("begin", ["fit", "partial_fit"])
@each("case", OTHER_KINDS)
def test_labels_of_another_kind_are_refused_and_change_nothing(case, begin, solver):
    first, other, fitted, got = case
    classifier = quick(GDNeuralClassifier, solver=solver, warm_start=True)
    classes = [False, True] if first is TWO_CLASSES else [0, 1, 2]
    if begin == "fit":
        classifier.fit(X, first)
    else:
        classifier.partial_fit(X, first, classes=classes)
    before = contents(classifier)
    said = answers(LATER, lambda: classifier, first, other)
    words = f"y must be of the kind that the network was fitted to, {fitted}, got {got}"
    assert said == {
        "partial_fit": f"ValueError: {words}.",
        "warm fit": f"ValueError: {words}.",
        "y_val": f"ValueError: X_val and y_val: {words}.",
        "y_val of partial_fit": f"ValueError: X_val and y_val: {words}.",
    }
    assert contents(classifier) == before


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@each_solver
@pytest.mark.parametrize(
    ("first", "other", "now", "then"),
    [(X[:, :2], X[:, 0], 1, 2), (X[:, 0], X[:, :2], 2, 1), (X, X[:, :1], 1, 3)],
    ids=["two, one", "one, two", "three, a column"],
)
def test_another_number_of_targets_is_refused_and_changes_nothing(
    first, other, now, then, solver
):
    regressor = quick(GDNeuralRegressor, solver=solver, warm_start=True).fit(X, first)
    before = contents(regressor)
    said = answers(LATER, lambda: regressor, first, other)
    assert_each(said, rf"^ValueError: .*y has {now} outputs, but the network {then}\.")
    assert contents(regressor) == before


# A class with one member --------------------------------------------------------------


def reason_of_split(y):
    """What scikit-learn says of it, at a size of which it says nothing else."""
    with pytest.raises(ValueError, match="only 1 member") as error:
        train_test_split(np.asarray(y), stratify=np.asarray(y))
    return str(error.value)


LONELY = {
    "int": np.append(CODES, 9),
    "str": np.append(LETTERS, "zed"),
    "str objects": np.append(LETTERS.astype(object), "zed"),
    "list": [*LETTERS.tolist(), "zed"],
    "bool": [False] * 9 + [True],
    "float": [0.0] * 9 + [1.0],
    "two classes of one": np.append(CODES, [8, 9]),
    "category": pd.Series(np.append(LETTERS, "zed"), dtype="category"),
    "polars": pl.Series(np.append(LETTERS, "zed")),
    "date": np.append(DAYS[CODES], DAYS[-1]),
    "2 samples": [0, 1],
    "3 samples": [0, 0, 1],
    "3 classes": ["x", "y", "z"],
    "4 samples": [0, 0, 0, 1],
    "11 samples": [0] * 10 + [1],
}


def any_X(y):
    return np.random.default_rng(0).normal(size=(len(y), 3))


@each("y", LONELY)
def test_a_class_of_one_member_cannot_be_split_and_is_named(y):
    """However few samples there are, as then nothing else is wrong with them."""
    for solver in SOLVERS:
        classifier = quick(GDNeuralClassifier, early_stopping=True, solver=solver)
        message = refusal(ValueError, lambda c=classifier: c.fit(any_X(y), y))
        assert message == reason_of_split(y)


@pytest.mark.parametrize("y", [[0], [0, 1], [0, 0, 1], LONELY["str"]], ids=len)
@pytest.mark.parametrize("fraction", [0.0, 1e-9, 0.1, 0.5, 0.9, 0.99])
def test_no_fraction_makes_a_class_of_one_member_a_matter_of_test_size(y, fraction):
    params = {"early_stopping": True, "validation_fraction": fraction}
    classifier = quick(GDNeuralClassifier, **params)
    message = refusal(ValueError, lambda: classifier.fit(any_X(y), y))
    assert "test_size" not in message
    assert "only 1 member" in message or "validation_fraction" in message


@each("y", LONELY)
def test_a_class_of_one_member_is_trained_on_with_validation_data(y):
    for solver in SOLVERS:
        classifier = quick(GDNeuralClassifier, early_stopping=True, solver=solver)
        classifier.fit(any_X(y), y, X_val=any_X(y), y_val=y)


# Splits that cannot be ----------------------------------------------------------------

UNSPLITTABLE = {
    "classes outnumber validation": (np.arange(60) % 20, 0.1),
    "classes outnumber training": (np.arange(60) % 20, 0.9),
    "classes outnumber validation, strings": (np.repeat(list("abcdefgh"), 5), 0.1),
}
NO_SPLIT = {"nothing held out": 0.0, "nothing left": 0.99, "just nothing left": 0.97}


def assert_helpful(message):
    assert "validation_fraction" in message
    assert "X_val" in message
    assert "test_size" not in message


@each_solver
@each("case", UNSPLITTABLE)
def test_more_classes_than_samples_in_a_part_are_counted_with_a_remedy(case, solver):
    y, fraction = case
    params = {"early_stopping": True, "solver": solver}
    classifier = quick(GDNeuralClassifier, validation_fraction=fraction, **params)
    message = refusal(ValueError, lambda: classifier.fit(any_X(y), y))
    assert_helpful(message)
    assert f"validation_fraction={fraction}" in message
    assert f"{np.unique(y).size} classes" in message
    classifier.fit(any_X(y), y, X_val=any_X(y), y_val=y)


@each_estimator
@each_solver
@each("fraction", NO_SPLIT)
def test_a_split_with_an_empty_part_names_the_fraction_and_x_val(
    Estimator, fraction, solver
):
    params = {"early_stopping": True, "validation_fraction": fraction}
    estimator, y = quick(Estimator, solver=solver, **params), Y[Estimator]
    before = contents(estimator)
    assert_helpful(refusal(ValueError, lambda: estimator.fit(X, y)))
    assert contents(estimator) == before
    estimator.set_params(shuffle=False)
    assert_helpful(refusal(ValueError, lambda: estimator.fit(X, y)))
    estimator.fit(X, y, X_val=X, y_val=y)


@pytest.mark.parametrize("fraction", NO_SPLIT.values(), ids=NO_SPLIT)
def test_an_empty_part_of_label_indicators_is_told_too(fraction):
    classifier = quick(
        GDNeuralClassifier, early_stopping=True, validation_fraction=fraction
    )
    assert_helpful(refusal(ValueError, lambda: classifier.fit(X, INDICATORS)))


# Labels that are none -----------------------------------------------------------------

NOT_WHOLE = np.where(np.arange(N) == 4, 0.5, CODES)
SIGNS = np.where(INDICATORS == 1, 1, -1)
NO_LABELS = {
    # kind, and what the remedy names
    "0 and 1 as objects": ((CODES > 0).astype(int).astype(object), "unknown", "int"),
    "ints as objects": (CODES.astype(object), "unknown", r"astype\(int\)"),
    "bools as objects": ((CODES > 0).astype(object), "unknown", r"astype\(int\)"),
    "pandas objects": (pd.Series(CODES, dtype=object), "unknown", r"astype\(int\)"),
    "polars objects": (
        pl.Series(CODES.tolist(), dtype=pl.Object),
        "unknown",
        r"astype\(int\)",
    ),
    "mixed objects": (objects(with_first("a", CODES)), "unknown", r"astype\(str\)"),
    "sets": (objects([{1}] * N), "unknown", "str"),
    "mixed list": (with_first("a", CODES.tolist()), "unknown", "str"),
    "mixed list, bool": (with_first(True, LETTERS.tolist()), "unknown", "str"),
    "mixed list, float": (with_first(1.5, LETTERS.tolist()), "unknown", "str"),
    "not whole": (NOT_WHOLE, "continuous", "regressor"),
    "not whole, float32": (NOT_WHOLE.astype("f4"), "continuous", "regressor"),
    "not whole, list": (NOT_WHOLE.tolist(), "continuous", "regressor"),
    "not whole, column": (NOT_WHOLE[:, None], "continuous", "regressor"),
    "not whole, pandas": (pd.Series(NOT_WHOLE), "continuous", "regressor"),
    "not whole, Float64": (
        pd.Series(NOT_WHOLE, dtype="Float64"),
        "continuous",
        "regressor",
    ),
    "not whole, polars": (pl.Series(NOT_WHOLE), "continuous", "regressor"),
    "too large for labels": (
        np.where(CODES > 0, 1e300, 0.0),
        "continuous",
        "regressor",
    ),
    "columns of ints": (
        np.column_stack([CODES, CODES]),
        "multiclass-multioutput",
        "MultiOutputClassifier",
    ),
    "columns of ints, list": (
        np.column_stack([CODES, CODES]).tolist(),
        "multiclass-multioutput",
        "MultiOutputClassifier",
    ),
    "columns of ints, sparse": (
        sparse.csr_array(np.column_stack([CODES, CODES])),
        "multiclass-multioutput",
        "MultiOutputClassifier",
    ),
    "columns of ints, pandas": (
        pd.DataFrame({"u": CODES, "v": CODES}),
        "multiclass-multioutput",
        "MultiOutputClassifier",
    ),
    "columns of floats": (X, "continuous-multioutput", "MultiOutputClassifier"),
    "columns of strings": (
        np.column_stack([LETTERS, LETTERS]),
        "multiclass-multioutput",
        "MultiOutputClassifier",
    ),
    "columns of signs": (SIGNS, "multi.*", "0 or 1"),
    "columns of signs, sparse": (sparse.csr_array(SIGNS), "multi.*", "0 or 1"),
    "columns of 0 and 2": (2 * INDICATORS, "multi.*", "0 or 1"),
    "columns of 5": (np.full((N, 3), 5), "multi.*", "0 or 1"),
    "columns of objects": (INDICATORS.astype(object), "unknown", r"astype\(int\)"),
}


def assert_no_array(message):
    assert "array(" not in message
    assert len(message) < 500


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@each("case", NO_LABELS)
def test_what_is_no_label_is_named_by_its_kind_with_a_remedy(case):
    y, kind, remedy = case
    said = answers(Y_ENTRIES, lambda: quick(GDNeuralClassifier), CODES, y)
    assert_each(said, f"^ValueError: .*Unknown label type: {kind}", remedy)
    for message in said.values():
        assert_no_array(message)


def test_indicators_of_dtype_object_are_not_said_to_be_other_numbers():
    classifier = quick(GDNeuralClassifier)
    for y in (INDICATORS.astype(object), pd.DataFrame(INDICATORS, dtype=object)):
        message = refusal(ValueError, lambda y=y: classifier.fit(X, y))
        assert "not all 0 or 1" not in message
        assert "object" in message


@each_solver
def test_what_is_no_label_changes_nothing(solver):
    classifier = quick(GDNeuralClassifier, solver=solver).fit(X, CODES)
    before = contents(classifier)
    for y in (NOT_WHOLE, CODES.astype(object), with_first(None, CODES)):
        said = answers(LATER, lambda: classifier, CODES, y)
        assert_each(said, r"^ValueError: .*(label type|missing values)")
        classifier.set_params(warm_start=False)
    assert contents(classifier) == before


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        (CODES.astype(object), "Unknown label type"),
        ([0, 1, 2, 0.5], "Unknown label type: continuous"),
        (["a", "b", None], "missing values"),
        ([0.0, 1.0, np.nan], "missing values|contains NaN"),
        (["a", 1], "[Mm]ix|Unknown label type"),
    ],
    ids=["objects", "not whole", "None", "nan", "mixed"],
)
def test_classes_that_are_no_labels_are_refused_as_labels_are(classes, words):
    y = LETTERS if isinstance(classes[0], str) else CODES
    classifier = quick(GDNeuralClassifier)
    before = contents(classifier)
    message = refusal(ValueError, lambda: classifier.partial_fit(X, y, classes=classes))
    assert re.search(words, message)
    assert_no_array(message)
    assert contents(classifier) == before


# Labels that are missing --------------------------------------------------------------

MISSING_LABELS = {
    "None in strings": with_first(None, LETTERS.tolist()),
    "None in ints": with_first(None, CODES.tolist()),
    "None in bools": with_first(None, [True] * N),
    "nan in strings": with_first(np.nan, LETTERS.tolist()),
    "nan in strings, tuple": tuple(with_first(np.nan, LETTERS.tolist())),
    "float32 nan in strings": with_first(np.float32("nan"), LETTERS.tolist()),
    "nan in a list of ints": with_first(np.nan, CODES.tolist()),
    "NA in strings": with_first(pd.NA, LETTERS.tolist()),
    "NA in ints": with_first(pd.NA, CODES.tolist()),
    "NaT in strings": with_first(pd.NaT, LETTERS.tolist()),
    "None last": [*LETTERS.tolist()[1:], None],
    "objects, None": objects(with_first(None, LETTERS.tolist())),
    "objects, nan": objects(with_first(np.nan, LETTERS.tolist())),
    "objects, nan in ints": objects(with_first(np.nan, CODES.tolist())),
    "objects, NA": objects(with_first(pd.NA, LETTERS.tolist())),
    "objects, nothing else": objects([None] * N),
    "columns, None": [[None, 1]] * N,
    "pandas objects": pd.Series(objects(with_first(None, LETTERS.tolist()))),
    "pandas str": pd.Series(with_first(None, LETTERS.tolist())),
    "pandas string": pd.Series(with_first(None, LETTERS.tolist()), dtype="string"),
    "pandas arrow string": pd.Series(
        with_first(None, LETTERS.tolist()), dtype=pd.ArrowDtype(pa.string())
    ),
    "pandas Int64": pd.Series(with_first(None, CODES.tolist()), dtype="Int64"),
    "pandas Float64": pd.Series(with_first(None, CODES.tolist()), dtype="Float64"),
    "pandas boolean": pd.Series(with_first(None, [True] * N), dtype="boolean"),
    "pandas arrow int": pd.Series(
        with_first(None, CODES.tolist()), dtype="int64[pyarrow]"
    ),
    "pandas category": pd.Series(with_first(None, LETTERS.tolist()), dtype="category"),
    "pandas category of ints": pd.Series(
        with_first(None, CODES.tolist()), dtype="category"
    ),
    "pandas column": pd.DataFrame({"y": with_first(None, LETTERS.tolist())}),
    "pandas columns of Int64": pd.DataFrame(
        {"u": with_first(None, [0, 1] * 15), "v": [1, 0] * 15}, dtype="Int64"
    ),
    "polars strings": pl.Series(with_first(None, LETTERS.tolist())),
    "polars ints": pl.Series(with_first(None, CODES.tolist())),
    "polars bools": pl.Series(with_first(None, [True] * N)),
    "polars categories": pl.Series(
        with_first(None, LETTERS.tolist()), dtype=pl.Categorical
    ),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@each("y", MISSING_LABELS)
def test_a_missing_label_is_told_with_a_remedy(y):
    said = answers(Y_ENTRIES, lambda: quick(GDNeuralClassifier), CODES, y)
    assert_each(said, "^ValueError: .*y contains missing values", "Leave these samples")


@each_estimator
@pytest.mark.parametrize("convert", [np.array, pd.Series, pl.Series])
def test_nan_in_an_array_of_floats_is_told_as_scikit_learn_does(convert, Estimator):
    y = convert(with_first(np.nan, Y[Estimator].astype(float)))
    said = answers(Y_ENTRIES, lambda: quick(Estimator), Y[Estimator], y)
    assert_each(said, "^ValueError: .*y contains (NaN|missing values)")


MISSING_TARGETS = {
    "None": with_first(None, X[:, 0]),
    "NA": with_first(pd.NA, X[:, 0]),
    "objects": objects(with_first(np.nan, X[:, 0])),
    "Float64": pd.Series(with_first(None, X[:, 0]), dtype="Float64"),
    "polars": pl.Series(with_first(None, X[:, 0].tolist())),
}


@each("y", MISSING_TARGETS)
def test_missing_targets_are_told(y):
    said = answers(Y_ENTRIES, lambda: quick(GDNeuralRegressor), X[:, 0], y)
    assert_each(said, "^ValueError: .*y contains (NaN|missing values)")


@each_estimator
@pytest.mark.parametrize("value", [None, np.nan, pd.NA], ids=repr)
@pytest.mark.parametrize("form", ["list", "objects", "pandas"])
def test_missing_values_among_features_are_told_with_a_remedy(Estimator, value, form):
    rows = [[0.5, value, 1], *rows_with(2.0)[1:]]
    good, bad = X, rows
    if form == "objects":
        bad = np.array(rows, dtype=object)
    if form == "pandas":
        good = pandas_frame(X[:, 1])
        bad = pandas_frame(objects([row[1] for row in rows]))
    said = answers(X_ENTRIES, lambda: quick(Estimator), good, bad, Y[Estimator])
    assert_each(said, "^ValueError: .*contains (NaN|missing values)", "[Ii]mpute")


# A batch size that is not read --------------------------------------------------------


@each_estimator
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("batch_size", [2, N, N + 5, np.int64(7)])
def test_a_batch_size_that_sgd_does_not_read_is_warned_of(
    Estimator, batch_size, method
):
    estimator = quick(Estimator, solver="sgd", batch_size=batch_size)
    classes = classes_for(estimator) if method == "partial_fit" else {}
    with pytest.warns(UserWarning, match="is not read with solver='sgd'") as record:
        getattr(estimator, method)(X, Y[Estimator], **classes)
    (message,) = [
        str(w.message) for w in record if not issubclass(w.category, ConvergenceWarning)
    ]
    assert message.startswith(f"batch_size={batch_size} ")
    assert "solver='minibatch'" in message
    assert "'nesterov' or 'momentum'" in message


@each_estimator
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("solver", "batch_size"),
    [
        ("sgd", "auto"),
        ("sgd", 1),
        ("sgd", np.int64(1)),
        ("batch", "auto"),
        ("batch", 1),
        ("batch", 7),
        ("batch", N + 5),
        ("minibatch", "auto"),
        ("minibatch", 1),
        ("minibatch", 7),
        ("minibatch", N),
    ],
)
def test_other_solvers_and_batch_sizes_are_not_warned_of(
    Estimator, solver, batch_size, method
):
    estimator = quick(Estimator, solver=solver, batch_size=batch_size)
    classes = classes_for(estimator) if method == "partial_fit" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        getattr(estimator, method)(X, Y[Estimator], **classes)


# What is fine is trained on without a word --------------------------------------------

IS_POSITIVE = CODES > 0
GOOD_LABELS = {
    "ints": CODES,
    "int8": CODES.astype(np.int8),
    "uint64": CODES.astype(np.uint64),
    "list of ints": CODES.tolist(),
    "list of int64": list(CODES),
    "tuple": tuple(CODES.tolist()),
    "bools": IS_POSITIVE,
    "list of bools": IS_POSITIVE.tolist(),
    "strings": LETTERS,
    "list of strings": LETTERS.tolist(),
    "string objects": LETTERS.astype(object),
    "objects of numpy.str_": objects(list(LETTERS)),
    "strings that read as missing": np.array(["NA", "None", "nan"])[CODES],
    "list of strings that read as missing": ["NA", "None", "nan"] * 10,
    "strings of numbers": np.array(["1", "2", "3"])[CODES],
    "empty string": np.array(["", "b", "c"])[CODES].tolist(),
    "whole floats": CODES.astype(float),
    "whole float32": CODES.astype(np.float32),
    "list of whole floats": CODES.astype(float).tolist(),
    "negative ints": CODES - 5,
    "pandas ints": pd.Series(CODES, index=np.arange(N)[::-1]),
    "pandas bool": pd.Series(IS_POSITIVE),
    "pandas str": pd.Series(LETTERS),
    "pandas objects": pd.Series(LETTERS, dtype=object),
    "pandas string": pd.Series(LETTERS, dtype="string"),
    "pandas arrow string": pd.Series(LETTERS, dtype=pd.ArrowDtype(pa.string())),
    "pandas Int64": pd.Series(CODES, dtype="Int64"),
    "pandas UInt8": pd.Series(CODES, dtype="UInt8"),
    "pandas Float64": pd.Series(CODES.astype(float), dtype="Float64"),
    "pandas boolean": pd.Series(IS_POSITIVE, dtype="boolean"),
    "pandas arrow int": pd.Series(CODES, dtype="int64[pyarrow]"),
    "pandas category": pd.Series(LETTERS, dtype="category"),
    "pandas category of ints": pd.Series(CODES, dtype="category"),
    "pandas category of bools": pd.Series(IS_POSITIVE, dtype="category"),
    "pandas ordered category, one unused": pd.Series(
        pd.Categorical(LETTERS, categories=list("dcba"), ordered=True)
    ),
    "pandas Categorical": pd.Categorical(LETTERS),
    "pandas Index": pd.Index(LETTERS),
    "polars ints": pl.Series(CODES),
    "polars Int8": pl.Series(CODES).cast(pl.Int8),
    "polars floats": pl.Series(CODES.astype(float)),
    "polars bools": pl.Series(IS_POSITIVE),
    "polars strings": pl.Series(LETTERS),
    "polars Categorical": pl.Series(LETTERS.tolist(), dtype=pl.Categorical),
    "polars Enum": pl.Series(LETTERS.tolist(), dtype=pl.Enum(list("cba"))),
}
TRAININGS = {
    "fit": lambda c, y: c.fit(X, y),
    "partial_fit": lambda c, y: c.partial_fit(X, y, classes=sorted(set(y))).partial_fit(
        X, y
    ),
    "X_val": lambda c, y: c.set_params(early_stopping=True).fit(
        X, y, X_val=X[:20], y_val=y[:20]
    ),
    "early stopping": lambda c, y: c.set_params(
        early_stopping=True, validation_fraction=0.2
    ).fit(X, y),
    "warm fit": lambda c, y: c.set_params(warm_start=True).fit(X, y).fit(X, y),
    "class weights": lambda c, y: c.set_params(
        class_weight={sorted(set(y))[0]: 3, sorted(set(y))[1]: 0.5}
    ).fit(X, y),
}


@each_solver
@each("y", GOOD_LABELS)
def test_labels_of_every_usual_type_are_trained_on_in_silence(y, solver):
    names = sorted(set(y))
    codes = np.array([names.index(label) for label in y])
    for name, train in TRAININGS.items():
        found = train(quick(GDNeuralClassifier, solver=solver), y)
        plain = train(quick(GDNeuralClassifier, solver=solver), codes)
        assert_array_equal(found.coefs_[0], plain.coefs_[0], name)
        assert list(found.predict(X)) == [names[code] for code in plain.predict(X)]


@each_solver
@each_form
def test_indicators_of_every_usual_type_are_trained_on_in_silence(convert, solver):
    y = convert(INDICATORS)
    for train in (TRAININGS["fit"], TRAININGS["X_val"], TRAININGS["early stopping"]):
        found = train(quick(GDNeuralClassifier, solver=solver), y)
        plain = train(quick(GDNeuralClassifier, solver=solver), INDICATORS)
        assert_array_equal(found.coefs_[0], plain.coefs_[0])


@pytest.mark.parametrize("dtype", ["Int64", "boolean", "Float64", "int64[pyarrow]"])
def test_indicators_in_nullable_columns_are_trained_on_in_silence(dtype):
    y = pd.DataFrame(INDICATORS, columns=list("uvw")).astype(dtype)
    found = quick(GDNeuralClassifier).fit(X, y)
    plain = quick(GDNeuralClassifier).fit(X, INDICATORS)
    assert_array_equal(found.coefs_[0], plain.coefs_[0])


WHOLE = (4 * X).round()
WHOLE_FRAME = pd.DataFrame(WHOLE, columns=NAMES)
GOOD_FEATURES = {
    "ints": WHOLE.astype(int),
    "int8": WHOLE.astype(np.int8),
    "float16": WHOLE.astype(np.float16),
    "objects": WHOLE.astype(object),
    "int objects": WHOLE.astype(int).astype(object),
    "list": WHOLE.tolist(),
    "list of ints": WHOLE.astype(int).tolist(),
    "list of arrays": list(WHOLE),
    "in columns": np.asfortranarray(WHOLE),
    "every other": np.repeat(WHOLE, 2, axis=0)[::2],
    "pandas": WHOLE_FRAME,
    "pandas Int64": WHOLE_FRAME.astype("Int64"),
    "pandas Float64": WHOLE_FRAME.astype("Float64"),
    "pandas objects": WHOLE_FRAME.astype(object),
    "pandas categories": WHOLE_FRAME.astype("category"),
    "pandas arrow": WHOLE_FRAME.astype("int64[pyarrow]"),
    "pandas of several types": WHOLE_FRAME.astype(
        {"a": "Int8", "when": "float32", "b": "float64[pyarrow]"}
    ),
    "polars": pl.DataFrame(WHOLE, schema=NAMES),
    "polars ints": pl.DataFrame(WHOLE.astype(int), schema=NAMES),
    "polars objects": pl.DataFrame(WHOLE.astype(int).tolist(), orient="row"),
    "arrow": pa.table({n: WHOLE[:, i] for i, n in enumerate(NAMES)}),
    **{
        f"{kind} {form.__name__}": form(WHOLE.astype(kind))
        for kind in ("float", "int")
        for form in (sparse.csr_array, sparse.csc_matrix, sparse.coo_array)
    },
    "sparse lil": sparse.lil_array(WHOLE),
    "sparse dia": sparse.dia_array(WHOLE),
}


@each_solver
@each("data", GOOD_FEATURES)
def test_features_of_every_usual_type_are_trained_on_in_silence(data, solver):
    for Estimator, y in Y.items():
        fits = []
        for each_X in (data, WHOLE):
            estimator = quick(Estimator, solver=solver, early_stopping=True)
            estimator.fit(each_X, y, X_val=each_X, y_val=y)
            fits.append(estimator.partial_fit(each_X, y, X_val=each_X, y_val=y))
        found, plain = (estimator.coefs_[0] for estimator in fits)
        assert_allclose(found, plain, rtol=1e-9, atol=1e-12)
        found, plain = fits[0].predict(data), fits[1].predict(WHOLE)
        assert_allclose(found, plain, rtol=1e-9, atol=1e-12)


TARGETS = WHOLE[:, 0]
GOOD_TARGETS = {
    "ints": TARGETS.astype(int),
    "float32": TARGETS.astype(np.float32),
    "list": TARGETS.tolist(),
    "objects": TARGETS.astype(object),
    "pandas": pd.Series(TARGETS, index=np.arange(N)[::-1]),
    "pandas Int64": pd.Series(TARGETS, dtype="Int64"),
    "pandas Float64": pd.Series(TARGETS, dtype="Float64"),
    "pandas objects": pd.Series(TARGETS, dtype=object),
    "pandas category": pd.Series(TARGETS, dtype="category"),
    "pandas arrow": pd.Series(TARGETS, dtype="int64[pyarrow]"),
    "polars": pl.Series(TARGETS),
    "polars ints": pl.Series(TARGETS.astype(int)),
    "polars Decimal": pl.Series(TARGETS.astype(int)).cast(pl.Decimal(10, 2)),
    "arrow": pa.array(TARGETS),
}


@each_solver
@each("y", GOOD_TARGETS)
def test_targets_of_every_usual_type_are_trained_on_in_silence(y, solver):
    data = {"X_val": X, "y_val": y}
    found = quick(GDNeuralRegressor, solver=solver).fit(X, y, **data)
    plain = quick(GDNeuralRegressor, solver=solver).fit(X, TARGETS)
    found.partial_fit(X, y)
    plain.partial_fit(X, TARGETS)
    assert_array_equal(found.coefs_[0], plain.coefs_[0])


WEIGHTS = np.arange(N) % 4
GOOD_WEIGHTS = {
    "ints": WEIGHTS,
    "float32": WEIGHTS.astype(np.float32),
    "list": WEIGHTS.tolist(),
    "objects": WEIGHTS.astype(object),
    "pandas": pd.Series(WEIGHTS, index=np.arange(N)[::-1]),
    "pandas Int64": pd.Series(WEIGHTS, dtype="Int64"),
    "polars": pl.Series(WEIGHTS),
}


@each_estimator
@each_solver
@each("weights", GOOD_WEIGHTS)
def test_weights_of_every_usual_type_are_taken_in_silence(Estimator, weights, solver):
    y = Y[Estimator]
    fits = []
    for each_weights in (weights, WEIGHTS.astype(float)):
        estimator = quick(Estimator, solver=solver, early_stopping=True)
        data = {"X_val": X, "y_val": y, "sample_weight_val": each_weights}
        estimator.fit(X, y, each_weights, **data)
        fits.append(estimator.partial_fit(X, y, each_weights, **data))
    found, plain = fits
    assert_array_equal(found.coefs_[0], plain.coefs_[0])
    assert found.validation_scores_ == plain.validation_scores_
