"""By what a fit is recognised: its data, its parameters, and what it begins with.

Two fits with the same fingerprint come to the same bits, if they are seeded. It is the
one place that says when a saved fit may be gone on with.
"""

import hashlib
import pickle
from contextlib import suppress
from numbers import Number

import numpy as np

from skgd.descent.schedules import CURVES

# Parameters that no bit of the result depends on. `max_iter` is not among them, and is
# not part of the fingerprint either: it says how far a fit goes.
WITHOUT_EFFECT = ("max_iter", "n_jobs", "verbose", "warm_start")

# The parts of a fingerprint that are data, by the names of their arguments.
DATA = ("X", "y", "sample_weight", "X_val", "y_val", "sample_weight_val")
START = "initial weights"


def fingerprint(estimator, samples, judge, start):
    """Return the fingerprint of a fit; 1 GB of data takes about 1 s.

    Parameters
    ----------
    estimator : estimator
        Read for its parameters and, of a classifier, for its classes.
    samples : tuple
        X, an array or a CSR matrix, targets, and weights or None, all validated.
    judge : Judge or None
        Has the validation data that fit was given.
    start : list of ndarray
        What the fit begins with, if that is not drawn by `random_state` alone.

    Returns
    -------
    fingerprint : dict
        From names, which are those of arguments and parameters, to texts.
    """
    X, targets, weights = samples
    given = (None, None, None) if judge is None else judge.samples
    labels = _text(getattr(estimator, "classes_", None))
    parts = dict(zip(DATA, map(digest, (X, targets, weights, *given)), strict=True))
    parts["y"] += f" {_shortened(labels)}"
    parts[START] = digest(*start)
    parts["estimator"] = type(estimator).__name__
    params = estimator.get_params(deep=False)
    if _spans_max_iter(estimator.learning_rate):
        parts["max_iter"] = _text(params["max_iter"])
    return parts | {
        name: _shortened(_text(value))
        for name, value in params.items()
        if name not in WITHOUT_EFFECT
    }


def differences(wanted, saved, names=None):
    """Return in words where two fingerprints differ, as a list of str.

    Parameters
    ----------
    wanted, saved : dict
        As `fingerprint` returns them.
    names : sequence of str, default=None
        What to compare; None is all.
    """
    words = []
    for name in names or wanted | saved:
        one, other = wanted.get(name), saved.get(name)
        if one == other:
            continue
        is_value = name not in (*DATA, START)
        words.append(f"{name} = {one}, and {other} there" if is_value else name)
    return words


def key_of(parts):
    """Return a short name for a fingerprint, of letters and digits."""
    return _checksum(repr(sorted(parts.items())).encode())


def _spans_max_iter(learning_rate):
    """Return whether the rate runs along a curve that ends with `max_iter`."""
    return callable(learning_rate) or learning_rate in CURVES


def digest(*arrays):
    """Return the checksum of arrays and CSR matrices, as text."""
    checksum = hashlib.blake2b(digest_size=16)
    for array in arrays:
        parts = [array]
        if hasattr(array, "indptr"):
            checksum.update(repr(array.shape).encode())
            parts = [array.data, array.indices, array.indptr]
        for part in parts:
            if part is None:
                checksum.update(b"None")
                continue
            part = np.ascontiguousarray(part)
            checksum.update(f"{part.dtype.str}{part.shape}".encode())
            if part.size:
                checksum.update(part.reshape(-1).view(np.uint8))
    return checksum.hexdigest()


def _text(value):
    """Return a text that is the same for equal values, in any process."""
    if isinstance(value, np.random.RandomState):
        return f"RandomState({_text(value.get_state(legacy=False))})"
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, dict):
        items = sorted(f"{_text(key)}: {_text(each)}" for key, each in value.items())
        return f"{{{', '.join(items)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 1 and 1.0 are one number
    if value is None or isinstance(value, (str, bool, Number)):
        return repr(value)
    # Functions, and objects that have some, are known by their names, as in the file.
    name = getattr(value, "__qualname__", type(value).__qualname__)
    with suppress(pickle.PicklingError, AttributeError, TypeError):  # as a lambda
        name += f" {_checksum(pickle.dumps(value))}"
    return name


def _shortened(text):
    """Return a text that can be shown in a message."""
    if len(text) <= 80:
        return text
    return f"{text[:40]}... {_checksum(text.encode())}"


def _checksum(content):
    return hashlib.blake2b(content, digest_size=8).hexdigest()
