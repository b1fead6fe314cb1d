"""A callback that saves a fit, and goes on with it."""

import os
import pickle
import warnings
from numbers import Integral, Real
from pathlib import Path

from skgd.callbacks.files import load_checkpoint
from skgd.callbacks.networks import refuse_others
from skgd.callbacks.saves import Saves, callbacks_to_save
from skgd.estimators.base import BaseGDNeural
from skgd.estimators.fingerprint import differences, key_of

_PARAMETERS = ("path", "every", "seconds", "resume")


class Checkpoint:
    """Saves a fit from time to time, so that it can go on after a crash.

    With ``resume=True``, `fit` looks for the file first, and goes on after the epoch
    that was saved last. It ends with the same bits as a fit without a pause. A fit that
    is complete in the file gives its result at once.

    Set it on the network, ``GDNeuralRegressor().set_callbacks(Checkpoint(...))``,
    wherever the network is: in a Pipeline, a TransformedTargetRegressor, a search, or
    as the `estimator` of a TabularRegressor.

    Parameters
    ----------
    path : str or path-like
        File to write, for one fit; or a folder that exists, for any number of fits, as
        those of a search. In a folder, each fit has a file that is named by a hash of
        its data and parameters, and finds it again by them.

    every : int, default=None
        Number of epochs from one save to the next. None saves by time. When a fit ends,
        by itself, by another callback, by Ctrl-C or SIGTERM, its last epoch is saved
        in either case.

    seconds : float, default=10.0
        Least time from one save to the next if `every` is None. Where saving takes
        long, the time is 20 times as long as that.

    resume : bool, default=False
        Whether `fit` goes on with the file, if there is one. With False, `fit` replaces
        it, and needs ``warm_start=True``: see `load_checkpoint`.

    Warns
    -----
    UserWarning
        If the file cannot be written, though it could before, or at the end of the fit;
        or if somebody else has written it meanwhile. The fit goes on. Also if a fit
        begins anew, though the file has a part of it, as ``resume=False``.

    See Also
    --------
    load_checkpoint : Reads the file.

    Notes
    -----
    A fit is the same if its data, its validation data and its parameters are: all but
    `max_iter`, `n_jobs`, `verbose` and `warm_start`. `max_iter` may be larger than that
    of the file, unless the learning rate follows a curve that ends with it.

    Pickle must be able to save the estimator and, unless ``resume=True``, callbacks.
    To read the file is to run what is in it: keep it where only you can write.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from skgd import GDNeuralRegressor
    >>> from skgd.callbacks import Checkpoint
    >>> X, y = load_diabetes(return_X_y=True)
    >>> X, y = scale(X), scale(y)
    >>> path = os.path.join(tempfile.mkdtemp(), "diabetes.checkpoint")
    >>> net = GDNeuralRegressor(max_iter=500, tol=0.01, random_state=0)
    >>> net = net.set_callbacks(Checkpoint(path, resume=True)).fit(X, y)
    >>> again = GDNeuralRegressor(max_iter=500, tol=0.01, random_state=0)
    >>> again = again.set_callbacks(Checkpoint(path, resume=True))
    >>> again.fit(X, y).loss_curve_ == net.loss_curve_  # of the file, at once
    True
    """

    def __init__(self, path, *, every=None, seconds=10.0, resume=False):
        self.path = path
        self.every = every
        self.seconds = seconds
        self.resume = resume
        self._saves = {}  # of the fits under way, as clones have one callback

    def __getstate__(self):
        return {name: vars(self)[name] for name in _PARAMETERS}

    def __setstate__(self, parameters):
        self.__init__(**parameters)

    # What scikit-learn calls ----------------------------------------------------------

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
        FileNotFoundError, PermissionError
            If the folder is missing, or cannot be written to.
        ValueError
            If a parameter is invalid, if pickle cannot save the estimator, or if a file
            could not be gone on with.
        """
        self._check(estimator)
        if context.task_name != "fit":
            raise ValueError(
                "Checkpoint completes calls of fit. In a loop of partial_fit, call "
                "save_checkpoint(estimator, path)."
            )
        if not (estimator.warm_start or self.resume):
            raise ValueError(
                "Checkpoint needs resume=True, with which fit goes on with the file. "
                "(Or, to load the file by load_checkpoint, "
                f"{type(estimator).__name__}(warm_start=True).)"
            )
        _check_can_be_pickled(estimator, callbacks_to_save(self, estimator))
        self._saves[id(estimator)] = Saves(self, self._file_of(estimator))

    def teardown(self, estimator, context):
        """Forget the fit; called after it.

        Parameters
        ----------
        estimator : estimator
        context : CallbackContext
        """
        self._saves.pop(id(estimator), None)

    def on_fit_task_begin(self, estimator, context):
        """Do nothing; called before a fit and each epoch.

        Parameters
        ----------
        estimator : estimator
        context : CallbackContext
        """

    def on_fit_task_end(self, estimator, context):
        """Save an epoch if it is time to; called after each, and after a fit.

        Parameters
        ----------
        estimator : estimator
        context : CallbackContext
        """
        if context.task_name == "epoch":
            self._saves[id(estimator)].after_epoch(estimator)

    # What skgd calls besides ----------------------------------------------------------

    def find_saved(self, estimator):
        """Return what is saved of a fit; called before it, once its data are known.

        Parameters
        ----------
        estimator : estimator
            Its state has the fingerprint of the fit.

        Returns
        -------
        state : TrainingState or None
            None if there is no file, or ``resume=False``.

        Raises
        ------
        ValueError
            If the file is damaged, or of a fit with other data or parameters.
        """
        self._check(estimator)
        path = self._file_of(estimator)
        if not self.resume:
            _warn_of_a_restart(path, estimator)
            return None
        if Path(self.path).is_dir():
            path = _longest(path)
        if not path.exists():
            return None
        saved = load_checkpoint(path)
        _refuse_another_fit(path, saved, estimator)
        if estimator.verbose:
            print(f"Going on after epoch {saved.n_iter_} of {path}")
        return saved._state

    def leave_epochs(self, estimator):
        """Save the last epoch; called after it, before the fit ends.

        Parameters
        ----------
        estimator : estimator
        """
        self._saves[id(estimator)].at_the_end(estimator)

    def check_members(self, random_state):
        """Raise if several fits, seeded by `random_state`, could not be told apart.

        Parameters
        ----------
        random_state : int, RandomState instance or None

        Raises
        ------
        ValueError
            If `path` is no folder, or there is no seed.
        """
        if not Path(self.path).is_dir():
            raise ValueError(
                f"Checkpoint's path {str(self.path)!r} is for one fit, and each member "
                "is a fit. Give the path of a folder that exists."
            )
        if random_state is None:
            raise ValueError(
                "Checkpoint finds the fits of members again by their seeds, which "
                "random_state=None draws anew each time. Set random_state to an int."
            )

    # Checks ---------------------------------------------------------------------------

    def _check(self, estimator):
        name = type(estimator).__name__
        refuse_others(self, estimator)
        if not estimator._trains_here:
            raise TypeError(
                f"Checkpoint cannot complete a fit of {name}, as the workers know a "
                "part of it. In a callback of your own, save_checkpoint(net, path) for "
                "each epoch's net; a warm-started fit begins with its weights."
            )
        every, seconds = self.every, self.seconds
        if every is not None and not (isinstance(every, Integral) and every >= 1):
            raise ValueError(
                f"every must be an int, 1 or more, or None, got {every!r}."
            )
        if not (isinstance(seconds, Real) and seconds >= 0):
            raise ValueError(f"seconds must be a number, 0 or more, got {seconds!r}.")
        folder = Path(self.path)
        folder = folder if folder.is_dir() else folder.parent
        if not folder.is_dir():
            raise FileNotFoundError(
                f"Checkpoint's path {str(self.path)!r} is in a folder that does not "
                "exist."
            )
        if not os.access(folder, os.W_OK):
            raise PermissionError(f"Checkpoint cannot write to the folder {folder}.")

    def _file_of(self, estimator):
        """Return the path of the file of a fit."""
        path = Path(self.path)
        if not path.is_dir():
            return path
        if estimator.random_state is None:
            raise ValueError(
                "Checkpoint's path is a folder, in which fits with random_state=None "
                "could not be told apart. Set random_state to an int."
            )
        key = key_of(estimator._state.fingerprint)
        name = type(estimator).__name__
        return path / f"{name}-{key}-{estimator.max_iter}.checkpoint"


def _check_can_be_pickled(estimator, callbacks):
    """Raise if the estimator cannot be saved, as one finds out late otherwise."""
    try:
        pickle.dumps((estimator.get_params(deep=False), callbacks))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            f"Checkpoint cannot save this {type(estimator).__name__}: {error}. "
            "Functions among its parameters and callbacks have to be importable, and "
            "no lambdas."
        ) from error


def _longest(path):
    """Return the file of a fit, or of its part up to the largest smaller `max_iter`."""
    if path.exists():
        return path
    stem, max_iter = path.stem.rsplit("-", 1)
    found = {}
    for each in path.parent.glob(f"{stem}-*{path.suffix}"):
        number = each.stem.rsplit("-", 1)[1]
        if number.isdecimal() and int(number) < int(max_iter):
            found[int(number)] = each
    return found[max(found)] if found else path


def _warn_of_a_restart(path, estimator):
    """Warn if a file has a part of the fit that is about to begin anew."""
    try:
        state = load_checkpoint(path)._state
        others = differences(estimator._state.fingerprint, state.fingerprint)
    except Exception:  # no file, or whatever it is that is replaced
        return
    if not (others or state.is_stopping or state.n_iter >= estimator.max_iter):
        warnings.warn(
            f"This fit begins anew, and {path}, which has {state.n_iter} epochs of it, "
            "is replaced. With Checkpoint(..., resume=True) it goes on. (A clone, as "
            "compositions make them, knows nothing of a loaded checkpoint.)",
            stacklevel=2,
        )


def _refuse_another_fit(path, saved, estimator):
    """Raise if the fit that is saved is not that of the estimator."""
    state = vars(saved).get("_state") if isinstance(saved, BaseGDNeural) else None
    if state is None or not state.resumes or not isinstance(state.fingerprint, dict):
        raise ValueError(
            f"{path} has no fit to go on with: it was written by save_checkpoint, or "
            "by a former version of skgd. Load it by load_checkpoint, or delete it."
        )
    others = differences(estimator._state.fingerprint, state.fingerprint)
    if others:
        raise ValueError(
            f"{path} is of another fit. These differ: {'; '.join(others)}. Delete the "
            "file to begin anew, or give another path. For more than one fit, as in a "
            "search, give the path of a folder that exists."
        )
    if saved.n_iter_ > estimator.max_iter:
        raise ValueError(
            f"{path} has {saved.n_iter_} epochs, and max_iter={estimator.max_iter}. "
            "Set max_iter to as many or more, or delete the file to begin anew."
        )
