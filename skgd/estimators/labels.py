"""Checks of labels, and the weights of classes."""

from numbers import Integral, Number

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.multiclass import type_of_target

from skgd._sklearn_private import check_partial_fit_first_call
from skgd.estimators.checks import check_target_labels, is_time

# Labels from here on are refused: a float64 of this size stands for several integers.
_LARGEST_LABEL = 2.0**63


def check_given_labels(y):
    """Raise if labels, as the user gave them, are missing or would become strings."""
    check_target_labels(y)
    if isinstance(y, (list, tuple)):
        kinds = {type(value) for value in y}
        are_strings = [
            issubclass(kind, (str, list, tuple, np.ndarray)) for kind in kinds
        ]
        if any(issubclass(kind, str) for kind in kinds) and not all(are_strings):
            _check_are_strings(kinds)


def check_labels(y):
    """Raise if `y`, an array or sparse matrix, does not hold labels.

    Raises
    ------
    ValueError
        If it does not. The message begins with 'Unknown label type', as scikit-learn's.
    """
    if y.ndim == 2:
        _check_indicators(y)
    elif y.dtype.kind == "f":
        bad = y[(y != np.rint(y)) | (np.abs(y) >= _LARGEST_LABEL)]
        if bad.size:
            raise ValueError(
                "Unknown label type: continuous. y holds numbers that are not whole, "
                f"or too large, such as {bad[0]}. Use a regressor, or make classes of "
                "them, as numpy.digitize does."
            )
    elif y.dtype.kind == "O":
        _check_are_strings({type(value) for value in y})
    elif y.dtype.kind not in "biuUSMm":
        raise ValueError(
            f"Unknown label type: y has the dtype {y.dtype}. Pass integers or strings."
        )


def _check_indicators(y):
    if y.dtype.kind == "O":
        raise ValueError(
            "Unknown label type: unknown. y has columns of dtype object. Pass "
            "y.astype(int) if they are indicators, which are 0 or 1."
        )
    values = y.data if issparse(y) else y
    if y.dtype.kind in "biuf" and np.isin(values, (0, 1)).all():
        return
    kind = type_of_target(y)
    if kind in ("binary", "multiclass", "multilabel-indicator"):
        kind = "multiclass-multioutput"
    raise ValueError(
        f"Unknown label type: {kind}. y has {y.shape[1]} columns, which are not all 0 "
        "or 1. For several labels a sample pass such indicators; for several targets "
        "fit a classifier for each, as sklearn.multioutput.MultiOutputClassifier does."
    )


def _check_are_strings(kinds):
    if all(issubclass(kind, str) for kind in kinds):
        return
    names = " and ".join(sorted(kind.__name__ for kind in kinds))
    remedy = "y.astype(str)"
    if all(issubclass(kind, (Number, np.bool_)) for kind in kinds):
        are_whole = all(issubclass(kind, (Integral, np.bool_)) for kind in kinds)
        remedy = "y.astype(int)" if are_whole else "y.astype(float)"
    raise ValueError(
        f"Unknown label type: unknown. y holds objects of {names} instead of strings "
        f"alone. Pass {remedy}."
    )


def check_classes(classifier, classes):
    """Learn the `classes` of a first partial_fit, or raise if they are others later."""
    is_known = "_state" in vars(classifier) and classes is not None
    if is_known and np.array_equal(np.asarray(classes), classifier.classes_):
        # scikit-learn's check takes longer than a step from one sample.
        return
    if classes is not None:
        try:
            check_given_labels(classes)
            array = np.asarray(classes)
            if array.dtype.kind == "f" and np.isnan(array).any():
                raise ValueError("y contains missing values.")
            if array.ndim == 1:
                check_labels(array)
        except ValueError as error:
            raise ValueError(f"classes: {error}") from error
    check_partial_fit_first_call(classifier, classes)


# Weights ------------------------------------------------------------------------------


def weights_of_classes(class_weight, classes):
    """Return a weight for each class: 1 for those that are not named.

    Names of classes that are not in `classes` are ignored, as a part of the data may
    lack some classes.

    Parameters
    ----------
    class_weight : dict
    classes : ndarray of shape (n_classes,)

    Returns
    -------
    weights : ndarray of shape (n_classes,)

    Raises
    ------
    ValueError
        If a weight is not a finite number of 0 or more, or a name is not of the
        classes' kind.
    """
    weights = np.ones(classes.size)
    for name, weight in class_weight.items():
        if not (isinstance(weight, Number) and np.isfinite(weight) and weight >= 0):
            raise ValueError(
                f"class_weight must be finite and not negative, got {weight!r} for the "
                f"class {name!r}."
            )
        if _kind_of(name) != _kind_of(classes[0]):
            raise ValueError(
                f"class_weight names {name!r}, and the classes are such as "
                f"{classes[0]!r}: write the names as they are in y."
            )
        weights[classes == name] = weight
    return weights


def _kind_of(label):
    if isinstance(label, str):
        return str
    if is_time(label):
        return "time"
    return Number if isinstance(label, (Number, np.bool_)) else type(label)


def balanced_weights(counts):
    """Return ``n_samples / (n_classes * count)`` for each class, 1 without samples.

    Parameters
    ----------
    counts : ndarray of shape (n_classes,)
    """
    present = counts > 0
    weights = np.ones(counts.size)
    weights[present] = counts.sum() / (present.sum() * counts[present])
    return weights
