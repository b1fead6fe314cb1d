"""Estimators of tables given bad and odd data: columns, targets, weights, splits."""

import datetime
import warnings
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.metrics import r2_score
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneOut,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
)

from skgd.tabular.columns import MOST_DENSE, SmoothClipScaler, TableEncoder
from tests.tables import classifier, may_learn_nothing, regressor

pytestmark = may_learn_nothing

N = 40


def make_table(n=N, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "size": rng.standard_normal(n),
            "count": rng.integers(0, 9, n),
            "colour": rng.choice(["red", "green", "blue"], n),
            "grade": pd.Categorical(rng.choice([1, 2, 3], n)),
            "is_new": rng.random(n) < 0.5,
        }
    )
    return X, X["size"].to_numpy() + 0.1 * rng.standard_normal(n)


X, Y = make_table()
LABELS = np.where(Y > 0, "high", "low")


@pytest.fixture(scope="module")
def fitted():
    return regressor().fit(X, Y)


def with_column(values):
    return pd.DataFrame({"size": X["size"], "odd": values})


# Columns of another kind in predict ---------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda X: X.assign(count=X["count"].astype("Int64")),
        lambda X: X.assign(count=X["count"].astype("int64[pyarrow]")),
        lambda X: X.assign(count=X["count"].astype(float)),
        lambda X: X.assign(count=X["count"].astype(str)),
        lambda X: X.assign(count=X["count"].astype("category")),
        lambda X: X.assign(count=[Decimal(int(v)) for v in X["count"]]),
        lambda X: X.assign(count=X["count"].astype(pd.SparseDtype("int64"))),
        lambda X: X.assign(is_new=X["is_new"].astype("boolean")),
        lambda X: X.assign(is_new=X["is_new"].astype(object)),
        lambda X: X.assign(is_new=X["is_new"].astype("bool[pyarrow]")),
        lambda X: X.assign(colour=X["colour"].astype("category")),
        lambda X: X.assign(colour=X["colour"].astype("string[pyarrow]")),
        lambda X: X.assign(colour=X["colour"].astype(pd.ArrowDtype(pa.string()))),
        lambda X: X.assign(grade=X["grade"].astype(float)),
        lambda X: X.assign(grade=X["grade"].astype(str)),
        lambda X: X.set_axis(np.arange(N)[::-1]),
        pl.from_pandas,
        lambda X: pl.from_pandas(X).with_columns(pl.col("colour").cast(pl.Categorical)),
    ],
)
def test_the_same_values_in_another_dtype_are_predicted_alike(fitted, change):
    assert_array_equal(fitted.predict(change(X)), fitted.predict(X))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
@pytest.mark.parametrize("name", list(X))
def test_a_column_may_be_missing_in_predict_only(fitted, missing, name):
    new = X.astype({name: object})
    new[name] = missing
    found = fitted.predict(new)
    assert np.isfinite(found).all()
    if name != "size":
        return
    assert_array_equal(found, fitted.predict(X.assign(size=X["size"].median())))


def test_a_null_column_of_polars_is_a_missing_one(fitted):
    new = pl.from_pandas(X).with_columns(size=pl.lit(None), colour=pl.lit(None))
    expected = fitted.predict(X.assign(size=np.nan, colour=None))
    assert_array_equal(fitted.predict(new), expected)


def test_an_integer_column_with_a_gap_in_predict_is_still_one_of_numbers(fitted):
    new = X.assign(count=X["count"].astype(float).where(X.index > 3))
    found = fitted.predict(new)
    assert_array_equal(found[4:], fitted.predict(X)[4:])


def test_other_categories_of_the_dtype_count_for_nothing(fitted):
    others = pd.Categorical(X["colour"], categories=["violet", "red", "green", "blue"])
    assert_array_equal(fitted.predict(X.assign(colour=others)), fitted.predict(X))
    violet = fitted.predict(X.assign(colour="violet"))
    assert_array_equal(violet, fitted.predict(X.assign(colour="never seen")))


TIMES = {
    "dates": pd.Timestamp("2020-01-01"),
    "objects": [datetime.date(2020, 1, 1)] * N,
    "times": [datetime.time(1)] * N,
    "periods": pd.period_range("2020", periods=N, freq="D"),
    "categories": pd.Categorical(pd.date_range("2020", periods=N)),
    "arrow": pd.array([datetime.time(1)] * N, dtype=pd.ArrowDtype(pa.time64("us"))),
}


@pytest.mark.parametrize("kind", TIMES)
@pytest.mark.parametrize("name", ["size", "colour"])
def test_dates_are_refused_by_name_in_fit_and_in_predict(fitted, kind, name):
    bad = X.assign(**{name: TIMES[kind]})
    for call in (fitted.predict, lambda bad: regressor().fit(bad, Y)):
        with pytest.raises(TypeError, match=f"'{name}' of X holds dates or durations"):
            call(bad)


@pytest.mark.parametrize("unit", ["s", "ns"])
def test_an_array_of_dates_in_predict_is_no_array_of_numbers(unit):
    model = regressor().fit(X[["size"]].to_numpy(), Y)
    with pytest.raises(TypeError, match="Column 0 of X holds dates"):
        model.predict(np.full((3, 1), "2020", f"M8[{unit}]"))


@pytest.mark.parametrize(
    ("values", "held"),
    [("True", "'True'"), ("text", "'text'"), (1 + 2j, r"\(1\+2j\)")],
)
def test_what_is_no_number_is_named_with_its_column(fitted, values, held):
    with pytest.raises(ValueError, match=f"'is_new' of X .*holds {held}"):
        fitted.predict(X.assign(is_new=values))


# Odd columns in fit -------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        [[1]] * N,
        [(1, 2)] * N,
        [{}] * N,
        [SimpleNamespace()] * N,
        pl.Series([[1]] * N),
        pl.Series([{"a": 1}] * N),
    ],
    ids=["lists", "tuples", "dicts", "objects", "polars lists", "polars structs"],
)
def test_what_is_no_level_is_named_with_its_column(values):
    table = with_column(values) if isinstance(values, list) else None
    table = pl.DataFrame({"odd": values}) if table is None else table
    with pytest.raises(TypeError, match=r"'odd' of X.*a string or a number.*astype"):
        regressor().fit(table, Y)


def test_intervals_of_pandas_are_categories():
    encoder = TableEncoder().fit(with_column(pd.cut(X["size"], [-9, 0, 9])))
    names = encoder.get_feature_names_out().tolist()
    assert names == ["size", "odd_(-9, 0]", "odd_(0, 9]"]


@pytest.mark.parametrize(
    ("values", "is_category"),
    [
        ([True, None] * 20, False),
        ([1, 2.5] * 20, False),
        ([Decimal("1.5"), None] * 20, False),
        (pd.array([pd.NA] * N, dtype="Int64"), False),
        (np.nan, False),
        (7.0, False),
        (np.arange(N, dtype="uint64") + np.uint64(2**63), False),
        ([2**53 + i for i in range(N)], False),
        (None, True),
        ([1, "a"] * 20, True),
        ([b"a", b"b"] * 20, True),
        (pd.Categorical([None] * N, categories=["a"]), True),
        (pd.Categorical([True, False] * 20), True),
        (["", "a"] * 20, True),
    ],
)
def test_odd_columns_are_numbers_or_categories(values, is_category):
    table = with_column(values)
    model = regressor().fit(table, Y)
    assert model.encoder_.is_category_.tolist() == [False, is_category]
    assert np.isfinite(model.predict(table)).all()


@pytest.mark.parametrize(
    "column",
    [
        pl.Series(["a", "b"] * 20, dtype=pl.Enum(["a", "b"])),
        pl.Series([True, None] * 20),
        pl.Series([None] * N),
        pl.Series([Decimal("1.5"), None] * 20),
        pl.Series([b"a"] * N),
        pl.Series([1] * N, dtype=pl.UInt8),
    ],
)
def test_all_kinds_of_polars_are_read(column):
    table = pl.DataFrame({"odd": column, "size": Y})
    assert np.isfinite(regressor().fit(table, Y).predict(table)).all()


@pytest.mark.parametrize(
    "values",
    [
        [1e300, -1e300] * 20,
        [1.7e308, -1.7e308] * 20,
        np.arange(N) * 1e-300,
        np.arange(N) * 1e-320,
        [0.0] * 39 + [1e300],
        1e16 + np.arange(N),
    ],
)
def test_huge_and_tiny_numbers_are_scaled(values):
    table = with_column(values)
    Z = TableEncoder().fit_transform(table)
    assert Z.shape == (N, 2)
    assert np.isfinite(Z).all()
    assert 0 < np.abs(Z[:, 1]).max() <= 3


def test_numbers_far_from_those_of_fit_come_to_the_bound():
    scaler = SmoothClipScaler(bound=2.0).fit(np.arange(9.0)[:, None] * 1e-320)
    assert_allclose(scaler.transform([[1e300], [-1e300]]), [[2], [-2]])


@pytest.mark.parametrize("value", [np.inf, "inf", 10**400])
def test_infinity_and_integers_beyond_all_floats_are_refused_by_name(fitted, value):
    with pytest.raises(ValueError, match=r"infinity or a value too large.*'size'"):
        fitted.predict(X.assign(size=pd.Series([value] * N, dtype=object)))


def test_numbers_in_lists_stay_numbers_next_to_strings():
    rows = [[1.5 + i, "ab"[i % 2]] for i in range(N)]
    encoder = TableEncoder().fit(rows)
    assert encoder.is_category_.tolist() == [False, True]
    frame = pd.DataFrame(rows)
    assert_array_equal(encoder.transform(rows), TableEncoder().fit_transform(frame))


def test_arrays_of_objects_are_read_column_by_column():
    model = regressor().fit(X.to_numpy(), Y)
    assert model.encoder_.is_category_.tolist() == [False, False, True, False, False]


@pytest.mark.parametrize(
    "names", [range(5), pd.MultiIndex.from_product([["u"], X.columns])]
)
def test_names_need_not_be_strings(names):
    table = X.set_axis(names, axis=1)
    model = regressor().fit(table, Y)
    assert not hasattr(model, "feature_names_in_")
    assert_array_equal(model.predict(table), regressor().fit(X, Y).predict(X))


@pytest.mark.parametrize("make", [lambda X: pl.from_pandas(X).lazy(), pa.table])
def test_frames_of_other_libraries_are_refused(fitted, make):
    table = make(X.drop(columns="grade"))
    for call in (fitted.predict, lambda table: regressor().fit(table, Y)):
        with pytest.raises(TypeError, match=r"pandas or polars.*collect, to_pandas"):
            call(table)


@pytest.mark.parametrize("make", [lambda X: X, pl.from_pandas])
def test_frames_without_rows_or_columns_are_refused(fitted, make):
    for method in (fitted.predict, fitted.predict_interval):
        with pytest.raises(ValueError, match=r"0 sample\(s\) \(shape=\(0, 5\)\)"):
            method(make(X[:0]))
    with pytest.raises(ValueError, match=r"0 (feature|sample)\(s\)"):
        regressor().fit(make(X[[]]), Y)


@pytest.mark.parametrize("chosen", ["colour", {"colour"}, [["colour", "grade"]]])
def test_categorical_features_are_a_list(chosen):
    with pytest.raises(ValueError, match="categorical_features"):
        regressor(categorical_features=chosen).fit(X, Y)


def test_a_sparse_matrix_has_no_categories():
    with pytest.raises(ValueError, match=r"sparse.*categorical_features=\[0\]"):
        regressor(categorical_features=[0]).fit(sparse.eye_array(N).tocsr(), Y)


def test_numbers_beyond_float32_in_a_sparse_matrix_are_refused():
    with pytest.raises(ValueError, match="infinity or a value too large"):
        regressor().fit(1e300 * sparse.eye_array(N).tocsr(), Y)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
@pytest.mark.parametrize("n_columns", [30, 20_000])
def test_sparse_and_dense_samples_are_predicted_alike(kind, n_columns):
    rng = np.random.default_rng(0)
    is_there = rng.random((N, n_columns)) < 0.1
    S = sparse.coo_array(rng.random((N, n_columns)) * is_there).asformat(kind)
    assert (n_columns > MOST_DENSE) == (n_columns == 20_000)
    model = regressor().fit(S, Y)
    assert_allclose(model.predict(S.toarray()), model.predict(S), rtol=1e-5)
    if n_columns < MOST_DENSE:
        model = regressor().fit(S.toarray(), Y)
        assert_array_equal(model.predict(S), model.predict(S.toarray()))


# Targets of regressors ----------------------------------------------------------------


def test_targets_are_taken_by_their_place_and_not_by_an_index():
    shuffled = np.random.default_rng(0).permutation(N)
    expected = regressor().fit(X, Y).predict(X)
    for X_, y in [(X, pd.Series(Y, shuffled)), (X.set_axis(shuffled), Y)]:
        assert_array_equal(regressor().fit(X_, y).predict(X_), expected)


@pytest.mark.parametrize(
    "y",
    [Y.astype(object), Y.tolist(), pl.Series(Y), pd.Series(Y, dtype="Float64")],
    ids=["objects", "list", "polars", "nullable"],
)
def test_targets_may_come_in_any_container(y):
    expected = regressor().fit(X, Y).predict(X)
    assert_array_equal(regressor().fit(X, y).predict(X), expected)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.r_[np.nan, Y[1:]], "y contains NaN"),
        (np.r_[np.inf, Y[1:]], "y contains infinity"),
        (np.array([None, *Y[1:]], object), "y contains missing values"),
        (Y[:30], r"inconsistent numbers of samples: \[40, 30\]"),
        (LABELS, "strings"),
        (Y + 1j, "Complex data not supported"),
        (None, "requires y"),
    ],
)
def test_bad_targets_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        regressor().fit(X, y)


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e150])
def test_the_unit_of_the_targets_does_not_matter(scale):
    expected = regressor().fit(X, Y).predict(X)
    with np.errstate(over="ignore", invalid="ignore"):  # in R2
        model = regressor(scoring="neg_mean_absolute_error").fit(X, Y * scale)
    assert_allclose(model.predict(X), expected * scale, rtol=1e-4)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e8, 1e100])
@pytest.mark.parametrize("loss", ["squared_error", "huber", "absolute_error"])
def test_equal_targets_are_predicted_exactly(value, loss):
    model = regressor(net={"loss": loss}).fit(X, np.full(N, value))
    assert_array_equal(model.predict(X), value)
    assert_array_equal(model.predict_interval(X, 0.5), value)
    both = regressor().fit(X, np.c_[Y, np.full(N, value)])
    assert_array_equal(both.predict(X)[:, 1], value)
    assert np.ptp(both.predict(X)[:, 0]) > 0


@pytest.mark.parametrize(
    ("loss", "y"), [("poisson", Y), ("gamma", np.abs(Y).round()), ("gamma", Y)]
)
def test_losses_of_positive_targets_name_what_they_need(loss, y):
    with pytest.raises(ValueError, match=f"loss '{loss}', which needs y >"):
        regressor(net={"loss": loss}).fit(X, y)


# Labels -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([np.nan, "a"] * 20, "missing values"),
        ([None, "a"] * 20, "missing values"),
        (pd.array([pd.NA, "a"] * 20, dtype="string"), "missing values"),
        (pd.array([None, 1] * 20, dtype="Int64"), "missing values"),
        (np.r_[np.nan, np.ones(39)], "NaN"),
        ([1, "a"] * 20, "int and str instead of strings alone"),
        (np.array([0, 1] * 20, object), r"Pass y\.astype\(int\)"),
        (Y, r"Unknown label type: continuous.*digitize"),
        (np.tile([[0, 1], [2, 0]], (20, 1)), "multiclass-multioutput"),
        (np.zeros(N), r"one class: \[0.0\]"),
    ],
)
def test_bad_labels_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, y)


@pytest.mark.parametrize(
    "y",
    [
        LABELS.astype(object),
        pd.Series(LABELS, dtype="string[pyarrow]"),
        pd.Categorical(LABELS, categories=["unused", "low", "high"]),
        pl.Series(LABELS.tolist(), dtype=pl.Categorical),
        LABELS.tolist(),
    ],
    ids=["objects", "arrow", "categorical", "polars", "list"],
)
def test_labels_may_come_in_any_container(y):
    model = classifier().fit(X, y)
    assert model.classes_.tolist() == ["high", "low"]
    expected = classifier().fit(X, LABELS).predict_proba(X)
    assert_array_equal(model.predict_proba(X), expected)


@pytest.mark.parametrize("y", [Y > 0, np.where(Y > 0, -1, 1), (Y > 0).astype(float)])
def test_predictions_are_labels_as_they_were_given(y):
    model = classifier().fit(X, y)
    assert model.predict(X).dtype == y.dtype
    assert set(model.predict(X)) <= set(y)


def test_a_member_that_knows_one_class_is_sure_of_it():
    y, groups = np.repeat(["a", "b"], [20, 20]), np.repeat([0, 1], 20)
    model = classifier(cv=GroupKFold(2), calibrate=False).fit(X, y, groups=groups)
    assert_array_equal(model.oof_prediction_, np.repeat([[0, 1], [1, 0]], 20, axis=0))
    assert model.oof_score_ == 0
    assert_allclose(model.predict_proba(X), 0.5)


@pytest.mark.parametrize("n", [2, 3, 10])
@pytest.mark.parametrize("n_members", [2, 3, 5, 7])
def test_few_samples_and_a_class_of_one(n, n_members):
    model = regressor(n_members=n_members).fit(X[:n], Y[:n])
    assert len(model.members_) == n_members
    assert np.isfinite(model.predict(X)).all()
    for y in (np.arange(n), np.arange(n) == 0):
        model = classifier(n_members=n_members).fit(X[:n], y)
        assert_allclose(model.predict_proba(X).sum(axis=1), 1)
        assert np.isfinite(model.oof_prediction_).all()


def test_a_class_that_no_member_has_seen_has_probability_0():
    y = np.repeat([0, 1, 2], [15, 15, 10])
    cv = [(np.arange(15), np.arange(15, 30)), (np.arange(15, 30), np.arange(30, N))]
    model = classifier(cv=cv, calibrate=False).fit(X, y)
    assert_array_equal(model.predict_log_proba(X)[:, 2], -np.inf)


@pytest.mark.parametrize("y", [np.where(Y > 0, 2, 1), LABELS])
def test_class_weights_name_classes_as_in_y(y):
    first, _ = np.unique(y).tolist()
    model = classifier(net={"class_weight": {first: 1e-6}}).fit(X, y)
    for member in model.members_:
        assert member.network.class_weight == {0: 1e-6, 1: 1.0}
    plain = classifier().fit(X, y)
    assert model.predict_proba(X)[:, 0].mean() < plain.predict_proba(X)[:, 0].mean()


def test_a_class_weight_of_another_kind_is_refused():
    with pytest.raises(ValueError, match=r"class_weight names 1.*'high'"):
        classifier(net={"class_weight": {1: 2.0}}).fit(X, LABELS)


# Weights, groups and splits -----------------------------------------------------------

HALF = np.arange(N) < 20


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.zeros(N), "at least one non-zero"),
        (-np.ones(N), "must not be negative"),
        (np.full(N, np.nan), "sample_weight contains NaN"),
        (np.ones(3), "sample_weight.shape"),
        (np.ones((N, 1)), "1D array"),
    ],
)
def test_bad_weights_are_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        regressor().fit(X, Y, sample_weight=weight)


@pytest.mark.parametrize("make", [regressor, classifier])
def test_a_part_without_weight_has_no_score(make):
    y, weight = Y if make is regressor else LABELS, (np.arange(N) >= 10) * 1.0
    model = make(n_members=4, cv=KFold(4)).fit(X, y, sample_weight=weight)
    assert np.isnan(model.member_scores_).tolist() == [True, False, False, False]
    assert np.isfinite(model.oof_prediction_).all()
    own = model.oof_prediction_[10:]
    if make is regressor:
        assert_allclose(model.oof_score_, r2_score(y[10:], own))
    else:
        own = model.classes_[own.argmax(axis=1)]
        assert_allclose(model.oof_score_, np.mean(own == y[10:]))


def test_samples_without_weight_do_not_count_in_intervals():
    y = np.where(HALF, Y, 1e3)
    model = regressor(n_members=4).fit(X, y, sample_weight=HALF * 1.0)
    assert np.abs(model.predict_interval(X, 0.9)).max() < 100
    assert np.isinf(model.predict_interval(X, 0.97)).all()  # 20 samples are too few


def test_a_member_with_nothing_to_train_on_is_said_to_have_no_weight():
    with pytest.raises(ValueError, match=r"cv leaves a member.*sample_weight is 0"):
        regressor(cv=KFold(2)).fit(X, Y, sample_weight=HALF * 1.0)


def test_nothing_is_calibrated_or_scored_if_what_is_held_out_has_no_weight():
    first, last = np.flatnonzero(HALF), np.flatnonzero(~HALF)
    model = classifier(cv=[(first, last)]).fit(X, LABELS, sample_weight=HALF * 1.0)
    assert model.temperature_ == 1
    assert np.isnan(model.oof_score_)
    assert model.predict_set(X).all()


@pytest.mark.parametrize("cv", [None, 3])
def test_groups_are_not_ignored(cv):
    with pytest.raises(ValueError, match=f"not read with cv={cv}.*GroupKFold"):
        regressor(cv=cv).fit(X, Y, groups=np.arange(N))


def test_splits_may_be_lists_masks_and_negative_numbers():
    rows = np.arange(N)
    expected = regressor(cv=KFold(2)).fit(X, Y).predict(X)
    for first, last in [
        (rows[:20].tolist(), rows[20:].tolist()),
        (HALF, ~HALF),
        (rows[:20] - N, rows[20:] - N),
    ]:
        model = regressor(cv=[(last, first), (first, last)]).fit(X, Y)
        assert_array_equal(model.predict(X), expected)
        assert_array_equal(model.members_[0].held_out, rows[:20])


def test_a_row_that_is_held_out_twice_by_a_member_counts_once():
    rows = np.arange(N)
    cv = [(rows[20:], np.r_[rows[:20], rows[:20]]), (rows[:20], rows[20:])]
    model = regressor(cv=cv).fit(X, Y)
    expected = regressor(cv=KFold(2)).fit(X, Y).oof_prediction_
    assert_array_equal(model.oof_prediction_, expected)


@pytest.mark.parametrize(
    ("cv", "message"),
    [
        ([], "yields no splits"),
        ([(np.arange(N), np.arange(5))], "trained on 5 of the samples.*sample 0"),
        ([(np.arange(20), [])], "at least one each"),
        ([([], np.arange(20))], "at least one each"),
        ([(np.arange(20), [N])], "row numbers.*40 samples"),
        ([(np.arange(20.0), np.arange(20.0, 40.0))], "row numbers"),
        ([(HALF[:30], ~HALF[:30])], "row numbers"),
        (41, "cv=41"),
    ],
)
def test_bad_splits_are_refused(cv, message):
    with pytest.raises(ValueError, match=message):
        regressor(cv=cv).fit(X, Y)


def test_a_generator_of_splits_is_used_up_after_a_fit():
    model = regressor(cv=KFold(2).split(X)).fit(X, Y)
    before = model.predict(X)
    with pytest.raises(ValueError, match=r"no splits.*pass list"):
        model.fit(X, Y)
    assert_array_equal(model.predict(X), before)


@pytest.mark.parametrize(
    "cv",
    [TimeSeriesSplit(3), ShuffleSplit(3, test_size=0.2, random_state=0)],
)
def test_samples_that_no_member_held_out_are_nan_and_do_not_count(cv):
    model = regressor(cv=cv, n_members=3).fit(X, Y)
    known = np.isfinite(model.oof_prediction_)
    held_out = np.concatenate([member.held_out for member in model.members_])
    assert_array_equal(np.flatnonzero(known), np.unique(held_out))
    assert np.isfinite(model.oof_score_)
    assert np.isfinite(model.predict_interval(X, 0.5)).all()
    assert np.isinf(model.predict_interval(X, known.sum() / (known.sum() + 0.5))).all()


@pytest.mark.parametrize("cv", [4, LeaveOneOut(), KFold(5)])
def test_parts_that_no_member_would_hold_out_are_refused(cv):
    with pytest.raises(ValueError, match=r"and n_members=3 members would hold out 3"):
        regressor(cv=cv, n_members=3).fit(X, Y)


def test_each_sample_may_be_held_out_alone():
    model = classifier(cv=LeaveOneOut(), n_members=10).fit(X[:10], LABELS[:10])
    assert np.isnan(model.member_scores_).all()
    assert np.isfinite(model.oof_score_)


def test_labels_stratify_a_splitter_that_asks_for_them():
    model = classifier(cv=StratifiedKFold(2)).fit(X, LABELS)
    shares = [np.mean(LABELS[m.held_out] == "low") for m in model.members_]
    assert_allclose(shares, np.mean(LABELS == "low"), atol=0.05)


# Intervals and sets -------------------------------------------------------------------


@pytest.mark.parametrize("coverage", [1e-9, 0.05, 0.1, 0.3, 0.6])
def test_the_ends_of_an_interval_do_not_cross(coverage):
    model = regressor(n_members=4, net={"learning_rate_init": 0.1}).fit(X, Y)
    low, high = model.predict_interval(X, coverage).T
    assert (low <= high).all()
    if coverage < 0.01:
        assert (low == high).any()  # they would have crossed


@pytest.mark.parametrize("coverage", [np.nan, 0.0, 1, True, -1, None, "0.9"])
def test_a_coverage_is_a_number_between_0_and_1(fitted, coverage):
    with pytest.raises(ValueError, match="coverage must be a number above 0"):
        fitted.predict_interval(X, coverage)


def test_a_coverage_may_be_a_number_of_numpy(fitted):
    expected = fitted.predict_interval(X, 0.5)
    assert_array_equal(fitted.predict_interval(X, np.float32(0.5)), expected)


def test_noise_and_constant_features_are_fitted_with_one_warning():
    rng = np.random.default_rng(0)
    for model, columns, y in [
        (regressor(n_members=4), X, rng.standard_normal(N)),
        (regressor(), np.ones((N, 2)), Y),
        (classifier(), np.ones((N, 2)), rng.integers(0, 2, N)),
    ]:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            model.fit(columns, y)
        assert len(told) == 1
        assert "has learned nothing from X" in str(told[0].message)
