"""Checks that refuse data which scikit-learn would let through.

Dates and durations would become bare counts of the unit in which they are stored,
weights below 0 would lose their sign or turn the descent around, and objects may be
missing values. The messages say which column is wrong, and what to do. What concerns
labels only is in `skgd.estimators.labels`.
"""

from datetime import date, time, timedelta
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from skgd._sklearn_private import check_sample_weight, is_pandas_na

_TIMES = date, time, timedelta, np.datetime64, np.timedelta64
# How the names of such dtypes begin in pandas and pyarrow, where NumPy has none.
_NAMES_OF_TIMES = "period", "timestamp", "duration", "date", "time"

_NUMBERS_OF_TIMES = {
    "X": "Make numbers of it whose meaning you choose, such as the days since a first "
    "date, (d - d.min()) / numpy.timedelta64(1, 'D'), or the month and the weekday.",
    "y": "Choose a unit and make numbers of it, as in "
    "(y - y.min()) / numpy.timedelta64(1, 'D').",
    "weights": "Choose a unit and make numbers of it.",
}
_FILL = "Fill them first, as sklearn.impute.SimpleImputer does."
_LEAVE_OUT = "Leave these samples out."


def check_features(X):
    """Raise if X holds dates, durations or missing values among Python objects.

    Raises
    ------
    TypeError
        If a column holds dates or durations.
    ValueError
        If a column of objects has missing values.
    """
    for column in _columns(X, "X"):
        _refuse_times(column, _NUMBERS_OF_TIMES["X"])
        if column.may_hold_objects:
            _refuse_missing(column, _FILL)


def check_targets(y):
    """Raise if a regressor's targets hold dates, durations or missing values.

    Raises
    ------
    TypeError
        If a column holds dates or durations.
    ValueError
        If a column of objects has missing values.
    """
    for column in _columns(y, "y"):
        _refuse_times(column, _NUMBERS_OF_TIMES["y"])
        if column.may_hold_objects:
            _refuse_missing(column, _LEAVE_OUT)


def check_target_labels(y):
    """Raise a ValueError if labels are missing; dates are labels like any other.

    Arrays of numbers and strings are left to scikit-learn, which refuses nan itself.
    """
    for column in _columns(y, "y"):
        is_plain = isinstance(column.dtype, np.dtype) and column.dtype.kind in "biufSU"
        if not is_plain:
            _refuse_missing(column, _LEAVE_OUT)


class _Column(NamedTuple):
    """A column of a frame, or a whole array or list.

    Attributes
    ----------
    label : str
        What messages call it.
    dtype : object
        A dtype of any library; None for a list with more than numbers in it.
    values : callable
        Returns the values as an array.
    """

    label: str
    dtype: object
    values: object

    @property
    def may_hold_objects(self):
        return self.dtype is None or getattr(self.dtype, "kind", "O") == "O"


def _columns(data, name):
    """Yield the columns of data; none for sparse data, or what scikit-learn refuses."""
    if data is None or issparse(data):
        return
    if hasattr(data, "columns") and hasattr(data, "dtypes"):  # pandas or polars
        for i, (column, dtype) in enumerate(
            zip(data.columns, data.dtypes, strict=True)
        ):
            yield _Column(_label(column, name), dtype, lambda i=i: _at(data, i))
    elif hasattr(data, "column_names") and hasattr(data, "schema"):  # pyarrow
        for column, dtype in zip(data.column_names, data.schema.types, strict=True):
            values = data.column(column)
            yield _Column(_label(column, name), dtype, lambda v=values: np.asarray(v))
    elif isinstance(data, (list, tuple)):
        yield from _column_of_list(data, name)
    else:
        dtype = getattr(data, "dtype", getattr(data, "type", None))  # pyarrow: `type`
        if dtype is not None:
            yield _Column(name, dtype, lambda: np.asarray(data))


def _label(column, name):
    return f"Column {column!r} of {name}"


def _at(frame, i):
    return np.asarray(frame.iloc[:, i] if hasattr(frame, "iloc") else frame[:, i])


def _column_of_list(data, name):
    try:
        array = np.asarray(data)
    except ValueError:  # it is ragged, and scikit-learn's message says more
        return
    if array.dtype.kind in "OUS":  # NumPy makes strings of all objects among strings
        yield _Column(name, None, lambda: np.asarray(data, dtype=object))
    else:
        is_whole = array.dtype.kind != "f"
        yield _Column(name, array.dtype if is_whole else None, lambda: array)


def _is_temporal(dtype):
    dtype = getattr(getattr(dtype, "categories", None), "dtype", dtype)
    if hasattr(dtype, "is_temporal"):  # polars
        return dtype.is_temporal()
    kind = getattr(dtype, "kind", "O")
    return kind in ("M", "m") or str(dtype).startswith(_NAMES_OF_TIMES)


def is_time(value):
    """Return whether an object is a date, a time, a duration or a pandas period."""
    return isinstance(value, _TIMES) or hasattr(value, "freqstr")


def _refuse_times(column, remedy):
    if _is_temporal(column.dtype):
        raise TypeError(f"{column.label} holds {column.dtype}. {remedy}")
    values = column.values() if column.may_hold_objects else np.empty(0)
    if values.dtype.kind != "O":
        return
    for value in values.ravel():
        if is_time(value):
            raise TypeError(
                f"{column.label} holds objects of {type(value).__name__}, such as "
                f"{value}. {remedy}"
            )


def _refuse_missing(column, remedy):
    values = column.values().ravel()
    found = []
    if values.dtype.kind in "fmM":
        found = values[np.isnan(values)]
    elif values.dtype.kind == "O":
        found = [value for value in values if _is_missing(value)]
    if len(found):
        raise ValueError(
            f"{column.label} contains missing values ({found[0]}). {remedy}"
        )


def _is_missing(value):
    if value is None or is_pandas_na(value):
        return True
    unequal = value != value
    return isinstance(unequal, (bool, np.bool_)) and bool(unequal)


def check_weights(sample_weight, X, name="sample_weight"):
    """Return weights as an array of X's dtype, or None.

    Raises
    ------
    ValueError
        If a weight is below 0 or not finite, if they are not one for each sample, or
        all 0.
    TypeError
        If they are durations.
    """
    if sample_weight is None:
        return None
    for column in _columns(sample_weight, name):
        _refuse_times(column, _NUMBERS_OF_TIMES["weights"])
    with np.errstate(over="ignore", invalid="ignore"):
        weights = check_sample_weight(sample_weight, X, dtype=X.dtype)
    if (weights < 0).any():
        row = int(np.flatnonzero(weights < 0)[0])
        raise ValueError(
            f"{name} must not be negative: Negative values in data passed, the first "
            f"one is {weights[row]} for sample {row}. A weight of 0 leaves a sample "
            "out."
        )
    check_total_weight(weights)
    return weights


def check_total_weight(sample_weight):
    """Raise a ValueError if there are weights, and all are 0."""
    if sample_weight is not None and not sample_weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
