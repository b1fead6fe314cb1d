"""Callbacks of skgd's own, on the protocol of scikit-learn 1.9.

scikit-learn has more of them, in `sklearn.callback`.
"""

import hashlib
import os
import pickle
from pathlib import Path

from skgd._base import BaseGDNeural

MAGIC = b"skgd checkpoint\n"


class Checkpoint:
    """Saves a fit every few epochs, so that it can be completed after a crash.

    The file is written beside its place and then moved there, so it is a whole one at
    any time. `load_checkpoint` makes an estimator of it, whose `fit` goes on after the
    epoch that was saved last, and comes to the same bits as a fit without a pause.

    Parameters
    ----------
    path : str or path-like
        File to write; a former one is replaced. One fit needs one file: do not use it
        inside a search.

    every : int, default=1
        Epochs from one save to the next. The last epoch is always saved.

    See Also
    --------
    load_checkpoint : Reads the file.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_diabetes
    >>> from skgd import GDNeuralRegressor
    >>> from skgd.callbacks import Checkpoint, load_checkpoint
    >>> X, y = load_diabetes(return_X_y=True)
    >>> path = os.path.join(tempfile.mkdtemp(), "diabetes.checkpoint")
    >>> net = GDNeuralRegressor(max_iter=500, tol=50, warm_start=True, random_state=0)
    >>> net = net.set_callbacks(Checkpoint(path, every=5)).fit(X, y)
    >>> again = load_checkpoint(path).fit(X, y)  # there is nothing left to do
    >>> again.n_iter_ == net.n_iter_
    True
    """

    def __init__(self, path, *, every=1):
        self.path = path
        self.every = every

    def setup(self, estimator, context):
        """Check that what is saved can be completed; called before a fit.

        Parameters
        ----------
        estimator : estimator
        context : CallbackContext

        Raises
        ------
        TypeError
            If it is not one of skgd's, or trains on Dask.
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
        if not isinstance(self.every, int) or self.every < 1:
            raise ValueError(f"every must be an int, 1 or more, got {self.every!r}.")

    def teardown(self, estimator, context):
        """Do nothing; called after a fit.

        Parameters
        ----------
        estimator : estimator
        context : CallbackContext
        """

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
            As it would be if the fit had ended; None once it has diverged.
        """
        if context.task_name != "epoch" or fitted_estimator is None:
            return
        n_iter = fitted_estimator.n_iter_
        is_last = fitted_estimator._state.is_stopping or n_iter == estimator.max_iter
        if is_last or n_iter % self.every == 0:
            save_checkpoint(fitted_estimator, self.path)


def save_checkpoint(estimator, path):
    """Write an estimator to a file that is whole at any time, or the former one.

    Parameters
    ----------
    estimator : estimator of skgd
    path : str or path-like

    See Also
    --------
    load_checkpoint : Reads the file.
    """
    path = Path(path)
    payload = pickle.dumps(estimator)
    part = path.with_name(path.name + ".part")
    with open(part, "wb") as file:
        file.write(MAGIC + hashlib.sha256(payload).digest() + payload)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    _sync_folder(path.parent)


def _sync_folder(folder):
    """Have the move on disk too, where folders can be opened: not on Windows."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def load_checkpoint(path):
    """Read what `Checkpoint` has written.

    The file is a pickle: load only what you trust.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    estimator : estimator of skgd
        Fitted, with the weights of the last epoch that was saved; it can predict. Its
        `fit`, with the same data and validation data, completes the fit. Parameters
        may be set before, such as a larger `max_iter`.

    Raises
    ------
    ValueError
        If the file is damaged, or no checkpoint, or of a form that this version of skgd
        does not read.
    FileNotFoundError
        If there is no such file.
    """
    text = Path(path).read_bytes()
    start = len(MAGIC) + hashlib.sha256().digest_size
    checksum, payload = text[len(MAGIC) : start], text[start:]
    if not text.startswith(MAGIC):
        raise ValueError(f"{path} is not a checkpoint of skgd.")
    if hashlib.sha256(payload).digest() != checksum:
        raise ValueError(f"{path} is damaged: its checksum is not right.")
    return pickle.loads(payload)
