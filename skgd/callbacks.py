"""Callbacks that skgd adds to those of scikit-learn 1.9, in `sklearn.callback`."""

import pickle
import warnings
from copy import copy
from dataclasses import replace
from numbers import Integral
from pathlib import Path

from skgd._files import read_whole, write_whole
from skgd.estimators.base import BaseGDNeural


class Checkpoint:
    """Saves a fit every few epochs, so that it can be completed after a crash.

    The file is written elsewhere in its folder and then moved, so it is complete at any
    time. `load_checkpoint` reads an estimator from it, whose `fit` goes on after the
    epoch that was saved last, and ends with the same bits as a fit without a pause.

    Parameters
    ----------
    path : str or path-like
        File to write; a former one is replaced. One fit needs one file: do not use it
        inside a search.

    every : int, default=1
        Number of epochs from one save to the next. When the fit ends, by itself, by
        another callback or by Ctrl-C, its last epoch is saved too.

    Warns
    -----
    UserWarning
        If the file cannot be written, though it could before. The fit goes on.

    See Also
    --------
    load_checkpoint : Reads the file.

    Notes
    -----
    The estimator is saved with its callbacks, all of which pickle must be able to save.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from skgd import GDNeuralRegressor
    >>> from skgd.callbacks import Checkpoint, load_checkpoint
    >>> X, y = load_diabetes(return_X_y=True)
    >>> X, y = scale(X), scale(y)
    >>> path = os.path.join(tempfile.mkdtemp(), "diabetes.checkpoint")
    >>> net = GDNeuralRegressor(max_iter=500, tol=0.01, warm_start=True, random_state=0)
    >>> net = net.set_callbacks(Checkpoint(path, every=5)).fit(X, y)
    >>> again = load_checkpoint(path).fit(X, y)  # there is nothing left to do
    >>> again.n_iter_ == net.n_iter_
    True
    """

    def __init__(self, path, *, every=1):
        self.path = path
        self.every = every

    def __getstate__(self):
        return {"path": self.path, "every": self.every}

    def setup(self, estimator, context):
        """Check that a saved fit could be completed; called before a fit.

        Parameters
        ----------
        estimator : estimator
        context : CallbackContext

        Raises
        ------
        TypeError
            If the estimator is not one of skgd's, or trains on Dask.
        FileNotFoundError
            If the folder is missing.
        ValueError
            If a parameter is invalid, or ``warm_start=False``, with which `fit` would
            begin anew.
        """
        name = type(estimator).__name__
        if not isinstance(estimator, BaseGDNeural):
            raise TypeError(
                f"Checkpoint saves the estimators of skgd, got {name}. Set it on the "
                "network itself, inside a Pipeline or another estimator."
            )
        if not estimator._trains_here:
            raise TypeError(
                f"Checkpoint cannot complete a fit of {name}, as the workers know a "
                "part of it. In a callback of your own, save_checkpoint(net, path) for "
                "each epoch's net; a warm-started fit begins with its weights."
            )
        if not estimator.warm_start:
            raise ValueError(
                f"Checkpoint needs {name}(warm_start=True): the fit of a loaded "
                "checkpoint would otherwise begin anew."
            )
        if context.task_name != "fit":
            raise ValueError(
                "Checkpoint completes calls of fit. In a loop of partial_fit, call "
                "save_checkpoint(estimator, path)."
            )
        if not isinstance(self.every, Integral) or self.every < 1:
            raise ValueError(f"every must be an int, 1 or more, got {self.every!r}.")
        if not Path(self.path).parent.is_dir():
            raise FileNotFoundError(
                f"Checkpoint's path {str(self.path)!r} is in a folder that does not "
                "exist."
            )
        self._last, self._has_saved = None, False

    def teardown(self, estimator, context):
        """Forget the last epoch; called after a fit.

        Parameters
        ----------
        estimator : estimator
        context : CallbackContext
        """
        self._last = None

    def on_fit_task_begin(self, estimator, context):
        """Do nothing; called before a fit and each epoch.

        Parameters
        ----------
        estimator : estimator
        context : CallbackContext
        """

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        """Save an epoch; called after each, and after a fit.

        Parameters
        ----------
        estimator : estimator
        context : CallbackContext
        fitted_estimator : estimator or None
            The estimator as if the fit had ended; None once the fit has diverged.
        """
        if context.task_name == "epoch" and fitted_estimator is not None:
            self._last = fitted_estimator
            if fitted_estimator.n_iter_ % self.every == 0:
                self._save()
        elif context.task_name == "fit" and self._last is not None:
            # Whether another callback has ended the fit is known only now.
            self._last._state.is_stopping = estimator._state.is_stopping
            self._save()

    def _save(self):
        """Save the last epoch in a form from which `fit` goes on."""
        estimator = copy(self._last)
        estimator._state = replace(self._last._state, resumes=True)
        try:
            save_checkpoint(estimator, self.path)
        except OSError as error:
            if not self._has_saved:
                raise
            warnings.warn(
                f"The checkpoint of epoch {estimator.n_iter_} could not be saved: "
                f"{error}. {self.path} holds a former one.",
                stacklevel=2,
            )
        self._has_saved = True


def save_checkpoint(estimator, path):
    """Write an estimator to a file; after a crash it is the new or the former file.

    Parameters
    ----------
    estimator : estimator of skgd
        Fitted or not; its callbacks are saved with it.

    path : str or path-like
        File to write.

    Raises
    ------
    OSError
        If it cannot be written. A former file is then still there.

    See Also
    --------
    load_checkpoint : Reads the file.
    """
    write_whole(Path(path), pickle.dumps(estimator), durable=True)


def load_checkpoint(path):
    """Read a file that `Checkpoint` or `save_checkpoint` has written.

    The file is a pickle: load only what you trust.

    Parameters
    ----------
    path : str or path-like
        File to read.

    Returns
    -------
    estimator : estimator of skgd
        From `Checkpoint` it is fitted, with the weights of the last epoch that was
        saved, and can predict. Its `fit`, with the same data and validation data,
        completes the fit. Parameters may be set before, such as a larger `max_iter`.

    Raises
    ------
    ValueError
        If the file is damaged, or no checkpoint, or of a form that this version of skgd
        does not read.
    FileNotFoundError
        If there is no such file.
    """
    payload = read_whole(Path(path))
    if payload is None:
        raise ValueError(
            f"{path} is damaged, or no checkpoint of skgd: its checksum is not right."
        )
    return pickle.loads(payload)
