"""The saves of one fit by a `Checkpoint`: when they are due, and how they are made."""

import warnings
from dataclasses import replace
from time import monotonic

import numpy as np

from skgd._sklearn_private import CALLBACK_PARENT, CALLBACKS
from skgd.callbacks.files import save_checkpoint

# Saves by time take this share of it at most, however large the network is.
LARGEST_SHARE = 0.05


def callbacks_to_save(checkpoint, estimator):
    """Return the callbacks that an estimator is saved with.

    With ``resume=True``, `fit` has those of the estimator that it is called on. A
    composition lends its parts others, as a progress bar, which are not theirs.
    """
    if checkpoint.resume:
        return [checkpoint]
    callbacks = getattr(estimator, CALLBACKS)
    if not hasattr(estimator, CALLBACK_PARENT):
        return callbacks
    return [each for each in callbacks if not hasattr(each, "max_propagation_depth")]


class Saves:
    """The saves of one fit.

    Parameters
    ----------
    checkpoint : Checkpoint
    path : pathlib.Path
        The file of this fit.
    """

    def __init__(self, checkpoint, path):
        self._checkpoint, self._path, self._every = checkpoint, path, checkpoint.every
        self._pause = checkpoint.seconds
        self._next = monotonic() + self._pause
        self._has_saved, self._known, self._written = False, None, _stamp(path)

    def after_epoch(self, estimator):
        """Save the epoch that has ended, if it is time to."""
        is_due = monotonic() >= self._next
        if self._every is not None:
            is_due = estimator.n_iter_ % self._every == 0
        if is_due and _is_finite(estimator._state):
            self._save(estimator, is_end=False)

    def at_the_end(self, estimator):
        """Save the last epoch, unless it is saved."""
        if self._known != _what_is_saved(estimator):
            self._save(estimator, is_end=True)

    def _save(self, estimator, *, is_end):
        # A copy would have arrays of its own; here it only says that it can go on.
        whole = object.__new__(type(estimator))
        vars(whole).update(vars(estimator))
        whole._state = replace(estimator._state, resumes=True)
        setattr(whole, CALLBACKS, callbacks_to_save(self._checkpoint, estimator))
        begin = monotonic()
        self._warn_of_others()
        try:
            save_checkpoint(whole, self._path)
        except OSError as error:
            if not (self._has_saved or is_end):
                raise
            warnings.warn(
                f"The checkpoint of epoch {estimator.n_iter_} could not be saved: "
                f"{error}. {self._path} holds a former one, if any.",
                stacklevel=2,
            )
        else:
            self._has_saved, self._known = True, _what_is_saved(estimator)
            self._written = _stamp(self._path)
        end = monotonic()
        self._next = end + max(self._pause, (end - begin) / LARGEST_SHARE)

    def _warn_of_others(self):
        if _stamp(self._path) != self._written:
            warnings.warn(
                f"{self._path} was written or removed by somebody else since this fit "
                "began. One fit needs one file; it is replaced.",
                stacklevel=2,
            )


def _is_finite(state):
    return np.isfinite(state.loss_curve[-1]) and np.isfinite(state.theta).all()


def _what_is_saved(estimator):
    return estimator.n_iter_, estimator._state.is_stopping


def _stamp(path):
    """Return by what a file is recognised as the one that was written last, or None."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size
