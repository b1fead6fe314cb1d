"""A callback that writes down the numbers of each epoch."""

import json
import logging
import os
import warnings
from datetime import UTC, datetime
from math import isfinite, isnan
from numbers import Integral
from time import perf_counter
from uuid import uuid4

from sklearn.utils.validation import check_is_fitted

from skgd.callbacks.networks import refuse_others


def epoch_metrics(estimator):
    """Return the numbers of the last epoch of a fit that is under way, or has ended.

    A callback calls it with the estimator that it is given. It reads the histories
    where they are, and copies nothing.

    Parameters
    ----------
    estimator : estimator of skgd
        One that has a network: not that of a table, but its members.

    Returns
    -------
    metrics : dict
        ``"epoch"``, the number of epochs of all calls so far; ``"loss"``, the training
        loss; with validation data ``"validation_loss"`` and ``"validation_score"``; and
        ``"learning_rate"`` of the first step, unless a line search chooses the steps.
        Without an epoch, as in a network of `from_layers`, there is only the first.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.

    See Also
    --------
    EpochLogger : Writes them to a log, or to a file.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from skgd import GDNeuralRegressor
    >>> from skgd.callbacks import epoch_metrics
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = GDNeuralRegressor(max_iter=500, tol=0.01, random_state=0)
    >>> list(epoch_metrics(net.fit(scale(X), scale(y))))
    ['epoch', 'loss', 'learning_rate']
    """
    check_is_fitted(estimator)
    state = estimator._state
    n_epochs = len(state.loss_curve)
    metrics = {"epoch": n_epochs}
    if n_epochs > 0:
        metrics["loss"] = state.loss_curve[-1]
        if state.is_judged or len(state.validation_scores) == n_epochs:
            metrics["validation_loss"] = state.validation_losses[-1]
            metrics["validation_score"] = state.validation_scores[-1]
        if not isnan(state.learning_rate_curve[-1]):
            metrics["learning_rate"] = state.learning_rate_curve[-1]
    return metrics


class EpochLogger:
    """Writes the numbers of each epoch to a log, and to a file of JSON lines.

    They are those of `epoch_metrics`, and the seconds that the epoch took. Set it on
    the network, ``GDNeuralRegressor().set_callbacks(EpochLogger())``, wherever the
    network is: in a Pipeline, a search, or as the `estimator` of a TabularRegressor.

    Parameters
    ----------
    path : str or path-like, default=None
        File to append to, one line for each epoch. Several fits may write it at once,
        from threads and processes. None writes no file.

    logger : str, logging.Logger or None, default="skgd"
        The logger, or its name. None writes no log.

    level : int, default=logging.INFO
        The level of the records.

    Warns
    -----
    UserWarning
        If the file cannot be written, though it could at the beginning; once in each
        fit, which goes on.

    See Also
    --------
    epoch_metrics : For a callback of your own.

    Notes
    -----
    A line is an object with ``time``, in UTC; ``fit``, of random digits that are the
    same for all epochs of a fit; ``estimator``, the name of its class; ``within``, the
    tasks of compositions that the fit is a part of, from the outermost, each with its
    number; then the numbers. One that is not finite is null. A record of the log has
    the same object as its attribute ``skgd``.

    Python shows no INFO unless told: ``logging.basicConfig(level=logging.INFO)``. In
    worker processes nobody has told it, so the file is the way to hear of them.

    Examples
    --------
    >>> import json, os, tempfile
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from skgd import GDNeuralRegressor
    >>> from skgd.callbacks import EpochLogger
    >>> X, y = load_diabetes(return_X_y=True)
    >>> path = os.path.join(tempfile.mkdtemp(), "epochs.jsonl")
    >>> net = GDNeuralRegressor(max_iter=500, tol=0.01, random_state=0)
    >>> net = net.set_callbacks(EpochLogger(path)).fit(scale(X), scale(y))
    >>> with open(path) as lines:
    ...     losses = [json.loads(line)["loss"] for line in lines]
    >>> losses == net.loss_curve_
    True
    """

    def __init__(self, path=None, *, logger="skgd", level=logging.INFO):
        self.path = path
        self.logger = logger
        self.level = level
        self._fits = {}  # those under way, as clones have one callback

    def __getstate__(self):
        return {"path": self.path, "logger": self.logger, "level": self.level}

    def __setstate__(self, parameters):
        self.__init__(**parameters)

    def setup(self, estimator, context):
        """Check that the file can be written; called before a fit.

        Parameters
        ----------
        estimator : estimator
        context : CallbackContext

        Raises
        ------
        TypeError
            If the estimator is not one of skgd's, or a parameter is of a wrong type.
        OSError
            If the file cannot be written.
        """
        refuse_others(self, estimator)
        if not isinstance(self.logger, (str, logging.Logger, type(None))):
            raise TypeError(f"logger must be a name or a Logger, got {self.logger!r}.")
        if not isinstance(self.level, Integral):
            raise TypeError(f"level must be an int, got {self.level!r}.")
        if self.path is not None:
            _end_last_line(self.path)
        self._fits[id(estimator)] = _LoggedFit(estimator, context)

    def teardown(self, estimator, context):
        """Forget the fit; called after it.

        Parameters
        ----------
        estimator : estimator
        context : CallbackContext
        """
        self._fits.pop(id(estimator), None)

    def on_fit_task_begin(self, estimator, context):
        """Look at the clock; called before a fit and each epoch.

        Parameters
        ----------
        estimator : estimator
        context : CallbackContext
        """
        self._fits[id(estimator)].begin = perf_counter()

    def on_fit_task_end(self, estimator, context):
        """Write down an epoch; called after each, and after a fit.

        Parameters
        ----------
        estimator : estimator
        context : CallbackContext
        """
        if context.task_name != "epoch":
            return
        fit = self._fits[id(estimator)]
        numbers = epoch_metrics(estimator) | {"seconds": perf_counter() - fit.begin}
        if self.path is not None:
            fit.append(self.path, numbers)
        logger = self.logger
        if isinstance(logger, str):
            logger = logging.getLogger(logger)
        if logger is not None and logger.isEnabledFor(self.level):
            logger.log(
                self.level, fit.message(numbers), extra={"skgd": fit.of(numbers)}
            )


class _LoggedFit:
    """A fit whose epochs are written down."""

    def __init__(self, estimator, context):
        self.begin = perf_counter()
        self._has_warned = False
        self._facts = {
            "fit": uuid4().hex[:12],
            "estimator": type(estimator).__name__,
            "within": _places(context),
        }

    def of(self, numbers):
        """Return what is written of an epoch, as a dict."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        return {"time": time, **self._facts, **numbers}

    def message(self, numbers):
        """Return what is written of an epoch, in words."""
        where = "".join(f"{place}, " for place in self._facts["within"])
        epoch, *others = numbers.items()
        values = ", ".join(f"{name} {value:.6g}" for name, value in others)
        return f"{where}{self._facts['estimator']}, epoch {epoch[1]}: {values}"

    def append(self, path, numbers):
        """Append a line to the file, in one piece, as others may be writing, too."""
        record = {
            name: None if isinstance(value, float) and not isfinite(value) else value
            for name, value in self.of(numbers).items()
        }
        line = json.dumps(record, allow_nan=False) + "\n"
        try:
            with open(path, "ab", buffering=0) as file:
                file.write(line.encode())
        except OSError as error:
            if not self._has_warned:
                self._has_warned = True
                warnings.warn(
                    f"The epochs of this fit cannot be written to {path}: {error}.",
                    stacklevel=2,
                )


def _places(context):
    """Return the tasks of compositions that a fit is a part of, in words."""
    places = []
    while context is not None:
        if context.source_task_name is not None:
            name, task = context.source_estimator_name, context.source_task_name
            places.append(f"{name} {task} {context.task_id}")
        context = context.parent
    return places[::-1]


def _end_last_line(path):
    """End a line that was cut off, as by a full disk; make a file that is missing."""
    with open(path, "ab+", buffering=0) as file:
        if file.tell() > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
