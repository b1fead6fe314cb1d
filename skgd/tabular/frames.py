"""Columns of a frame, of pandas or polars, and of an array."""

from numbers import Number

import numpy as np

from skgd._sklearn_private import is_pandas_na
from skgd.estimators.checks import is_time

# Numbers are taken as if none were larger in magnitude, so that sums of two are finite.
LARGEST = 1e300


def check_frame(X, encoder):
    """Refuse a frame of another library, and one without rows or columns."""
    is_of_polars = hasattr(X, "get_columns")
    if not (is_of_polars or hasattr(X, "iloc")) or hasattr(X, "compute"):
        raise TypeError(
            "X must be a DataFrame of pandas or polars, an array or a sparse matrix, "
            f"got {type(X).__module__}.{type(X).__name__}. Convert it first, as by its "
            "method collect, to_pandas or compute."
        )
    for axis, what in enumerate(["sample", "feature"]):
        if X.shape[axis] == 0:
            raise ValueError(
                f"Found array with 0 {what}(s) (shape={X.shape}) while a minimum of 1 "
                f"is required by {type(encoder).__name__}."
            )


def _kind(column):
    """Return the kind of a column: 'number', 'date', 'category' or 'object'."""
    dtype = column.dtype
    if hasattr(dtype, "is_numeric"):  # it is of polars
        if dtype.is_numeric() or str(dtype) == "Boolean":
            return "number"
        return "date" if dtype.is_temporal() else "category"
    if str(dtype) == "category":
        return "category"
    kinds = {"b": "number", "i": "number", "u": "number", "f": "number"}
    return (kinds | {"m": "date", "M": "date"}).get(dtype.kind, "object")


def refuse_dates(columns, names):
    """Raise a TypeError that names the first column of dates or durations."""
    for column, name in zip(columns, names, strict=True):
        kind = _kind(column)
        some = []
        if kind == "object":
            some = _values(column)
        elif kind == "category" and hasattr(column, "cat"):
            some = getattr(column.cat, "categories", [])  # polars has strings only
        if kind == "date" or any(map(is_time, some)):
            raise TypeError(
                f"Column {name!r} of X holds dates or durations. Make numbers of them "
                "first, for example by skrub: make_pipeline(TableVectorizer(), ...)."
            )


def _values(column):
    """Return the values of a column as a list, with None for what is missing."""
    values = column.to_list() if hasattr(column, "to_list") else column.tolist()
    return [None if _is_missing(value) else value for value in values]


def _is_missing(value):
    if type(value) in (str, int, bool):  # most objects are, and the rest is slower
        return False
    if isinstance(value, Number):
        return bool(value != value)
    is_nat = type(value).__name__ == "NaTType"
    return value is None or is_nat or is_pandas_na(value)


def is_of_numbers(column):
    """Return whether a column is one of numbers, by its dtype or its values."""
    if _kind(column) != "object":
        return _kind(column) == "number"
    known = [value for value in _values(column) if value is not None]
    return bool(known) and all(isinstance(value, Number) for value in known)


def as_numbers(column, name):
    """Return a column as float64, with nan for what is missing."""
    if _kind(column) == "number" and hasattr(column, "cast"):
        numbers = column.cast(float).to_numpy()
    elif _kind(column) == "number" and hasattr(column, "iloc"):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    elif _kind(column) == "number":
        numbers = column.astype(np.float64)
    else:
        numbers = np.array([_number(value, name) for value in _values(column)], float)
    if np.isinf(numbers).any():
        raise ValueError(
            f"Input X contains infinity or a value too large, in column {name!r}."
        )
    return numbers.clip(-LARGEST, LARGEST)


def _number(value, name):
    try:
        return np.nan if value is None else float(value)
    except OverflowError:  # it is an integer beyond all floats
        return np.inf
    except (TypeError, ValueError):
        raise ValueError(
            f"Column {name!r} of X is one of numbers, and holds {value!r}. If it is "
            "one of categories, name it in categorical_features and fit again."
        ) from None


def as_levels(column, name):
    """Return a column as strings, with None for what is missing."""
    known = (str, bytes, Number, np.bool_)
    if str(column.dtype) == "category":  # of pandas, which may also be of intervals
        known = object
    levels = np.empty(len(column), object)
    for row, value in enumerate(_values(column)):
        if value is None:
            continue
        if not isinstance(value, known):
            raise TypeError(
                f"Column {name!r} of X is one of categories, and a level of a category "
                f"is the argument of an encoder. This argument must be a string or a "
                f"number, got {value!r}. Make strings of the column first, as by "
                "astype(str)."
            )
        levels[row] = level_of(value)
    return levels


def level_of(value):
    """Return the level, as a string, that a known value of a category is."""
    # An integer that has become a float, as next to a missing value, is the same level.
    is_whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if is_whole else str(value)
