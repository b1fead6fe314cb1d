"""What is refused of data that scikit-learn would let through, to train on silently.

Dates and durations become bare counts of whatever unit they are stored in; weights
below 0 lose their sign or turn the descent around; labels may be missing, or not be
labels at all. The messages are for the user: which column, and what to do.
"""

from datetime import date, time, timedelta
from numbers import Integral

import numpy as np
from scipy.sparse import issparse
from sklearn.utils._missing import is_pandas_na, is_scalar_nan
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target
from sklearn.utils.validation import _check_sample_weight

_TIMES = date, time, timedelta, np.datetime64, np.timedelta64

# What to write instead of dates and durations.
_REMEDIES = {
    "X": "Make numbers of it whose meaning you choose, such as the days since a first "
    "date, (d - d.min()) / numpy.timedelta64(1, 'D'), or the month and the weekday.",
    "y": "Choose a unit and make numbers of it, as in "
    "(y - y.min()) / numpy.timedelta64(1, 'D').",
    "weights": "Choose a unit and make numbers of it.",
}


def check_features(X):
    """Raise if X holds dates, durations or missing values among Python objects.

    Raises
    ------
    TypeError
        If a column holds dates or durations.
    ValueError
        If a column of objects has missing values.
    """
    _check_columns(X, "X")


def check_target_values(y, *, are_labels):
    """Raise the same of y; dates may be labels of a classifier."""
    _check_columns(y, "y", may_be_times=are_labels)


def _check_columns(data, name, *, may_be_times=False):
    if data is None or issparse(data):
        return
    for label, dtype, values in _columns(data, name):
        if _is_temporal(dtype):
            if not may_be_times:
                raise TypeError(f"{label} holds {dtype}. {_REMEDIES[name]}")
        elif dtype is None or getattr(dtype, "kind", "O") == "O":
            _check_objects(values(), label, name, may_be_times)


def _columns(data, name):
    """Yield the name of each column, its dtype (None: of a list), and its values."""
    if hasattr(data, "columns") and hasattr(data, "dtypes"):
        for i, (column, dtype) in enumerate(
            zip(data.columns, data.dtypes, strict=True)
        ):
            yield f"Column {column!r} of {name}", dtype, lambda i=i: _column(data, i)
        return
    if isinstance(data, (list, tuple)):
        try:
            array = np.asarray(data)
        except ValueError:  # ragged, of which scikit-learn has more to say
            return
        # NumPy makes strings of whatever stands among strings.
        dtype = None if array.dtype.kind in "OUS" else array.dtype
        yield name, dtype, lambda: np.asarray(data, dtype=object)
        return
    if hasattr(data, "dtype"):
        yield name, data.dtype, lambda: np.asarray(data)


def _column(frame, i):
    return np.asarray(frame.iloc[:, i] if hasattr(frame, "iloc") else frame[:, i])


def _is_temporal(dtype):
    if hasattr(dtype, "is_temporal"):  # of polars
        return dtype.is_temporal()
    is_period = str(dtype).startswith("period")
    return getattr(dtype, "kind", "O") in ("M", "m") or is_period


def _check_objects(values, label, name, may_be_times):
    if values.dtype.kind != "O":
        return
    for value in values.ravel():
        if isinstance(value, _TIMES) and not may_be_times:
            raise TypeError(
                f"{label} holds objects of {type(value).__name__}, such as {value}. "
                f"{_REMEDIES[name]}"
            )
        if value is None or is_scalar_nan(value) or is_pandas_na(value):
            remedy = "Leave these samples out."
            if name == "X":
                remedy = "Fill them first, as sklearn.impute.SimpleImputer does."
            raise ValueError(f"{label} contains missing values ({value}). {remedy}")


def check_labels(y):
    """Raise if `y`, an array or sparse matrix, does not hold labels.

    Raises
    ------
    ValueError
        It begins with 'Unknown label type', as scikit-learn's, and names the kind.
    """
    if y.ndim == 2:
        kind = type_of_target(y)
        if not kind.startswith("multilabel"):
            raise ValueError(
                f"Unknown label type: {kind}. y has {y.shape[1]} columns, which are "
                "not all 0 or 1. For several labels a sample pass such indicators; "
                "for several targets fit a classifier for each, as "
                "sklearn.multioutput.MultiOutputClassifier does."
            )
    elif y.dtype.kind == "f":
        fraction = y[y != np.rint(y)]
        if fraction.size:
            raise ValueError(
                "Unknown label type: continuous. y holds numbers that are not whole, "
                f"such as {fraction[0]}. Use a regressor, or make classes of them, as "
                "numpy.digitize does."
            )
    elif y.dtype.kind == "O":
        _check_objects_are_strings(y)
    elif y.dtype.kind not in "biuUSMm":
        raise ValueError(
            f"Unknown label type: y has the dtype {y.dtype}. Pass integers or strings."
        )


def _check_objects_are_strings(y):
    kinds = {type(value) for value in y}
    if kinds == {str}:
        return
    names = " and ".join(sorted(kind.__name__ for kind in kinds))
    are_integers = all(issubclass(k, (Integral, np.bool_)) for k in kinds)
    remedy = "y.astype(int)" if are_integers else "y.astype(str)"
    raise ValueError(
        f"Unknown label type: unknown. y is an array of dtype object that holds "
        f"{names} instead of strings alone. Pass {remedy}."
    )


def check_classes(classifier, classes):
    """Learn the `classes` of a first partial_fit, or raise if they are others later."""
    is_known = "_state" in vars(classifier) and classes is not None
    if is_known and np.array_equal(np.asarray(classes), classifier.classes_):
        return  # which scikit-learn takes longer to find than a step from one sample
    _check_partial_fit_first_call(classifier, classes)


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
    _check_columns(sample_weight, "weights")
    with np.errstate(over="ignore", invalid="ignore"):
        weights = _check_sample_weight(sample_weight, X, dtype=X.dtype)
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
    """Raise if there are weights, and nothing has any."""
    if sample_weight is not None and not sample_weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")


def complete_class_weight(class_weight, classes):
    """Return a weight for each class: 1 for those that are not named.

    Classes that are named and not known weigh nothing, as a part of the data may lack
    them.

    Parameters
    ----------
    class_weight : dict
    classes : list

    Raises
    ------
    ValueError
        If a weight is below 0 or not finite, or a name is not of the classes' kind.
    """
    for name, weight in class_weight.items():
        if not (np.isfinite(weight) and weight >= 0):
            raise ValueError(
                f"class_weight must be finite and not negative, got {weight} for the "
                f"class {name!r}."
            )
        if isinstance(name, str) != isinstance(classes[0], str):
            raise ValueError(
                f"class_weight names {name!r}, and the classes are such as "
                f"{classes[0]!r}: write the names as they are in y."
            )
    return {label: class_weight.get(label, 1.0) for label in classes}
