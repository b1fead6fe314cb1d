"""What scikit-learn's callbacks are told of a fit and its epochs.

scikit-learn before 1.9 has no callbacks; with it, nothing here has an effect.
"""

from functools import cached_property

import numpy as np

from skgd._sklearn_private import CALLBACKS
from skgd.descent.judge import samples_as_given


def has_callbacks(estimator):
    """Return whether the estimator has callbacks."""
    return bool(getattr(estimator, CALLBACKS, None))


def checkpoints_of(estimator):
    """Return the callbacks of the estimator that save fits, to be completed later.

    They have two methods more than other callbacks, see `skgd.callbacks.Checkpoint`:
    `find_saved`, called before a fit, and `leave_epochs`, called after its last epoch.
    """
    callbacks = getattr(estimator, CALLBACKS, None) or ()
    return [each for each in callbacks if hasattr(each, "find_saved")]


class FitTask:
    """A fit, of whose beginning, epochs and end the estimator's callbacks are told.

    Parameters
    ----------
    estimator : estimator
    name : str
        Name of the task: 'fit' or 'partial-fit'.
    n_epochs : int
        Largest number of epochs that there will be.
    data : tuple
        X and y as the user gave them, the rows of them to train on, and their
        weights or None.
    attributes : callable
        Returns the fitted attributes that an estimator would have if it stopped now.

    Attributes
    ----------
    asks_to_stop : bool
        Whether a callback has asked to end the fit.
    is_whole : bool
        Whether the state is that after an epoch, from which training could go on.
    """

    def __init__(self, estimator, name, n_epochs, data, attributes):
        self._data, self._attributes = data, attributes
        self._estimator, self.asks_to_stop = estimator, False
        self.is_whole = False
        self._context = self._epoch = None
        if has_callbacks(estimator):
            self._context = estimator._init_callback_context(
                task_name=name, max_subtasks=n_epochs
            )
            self._context.call_on_fit_task_begin(**self._told())

    @cached_property
    def _training_data(self):
        X, y, rows, sample_weight = self._data
        metadata = None
        if sample_weight is not None:
            metadata = {"sample_weight": sample_weight[rows]}
        return *samples_as_given(X, y, rows), metadata

    def _told(self):
        # A callback that wants X, y or metadata calls the function.
        return {
            "estimator": self._estimator,
            "X": lambda: self._training_data[0],
            "y": lambda: self._training_data[1],
            "metadata": lambda: self._training_data[2],
        }

    def begin_epoch(self):
        """Tell the callbacks that an epoch begins."""
        if self._context is not None:
            self._epoch = self._context.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(**self._told())

    def end_epoch(self, loss):
        """Tell the callbacks that the epoch has ended; return whether to stop."""
        if self._context is None:
            return False
        theta = self._estimator._state.theta
        self.is_whole = bool(np.isfinite(loss) and np.isfinite(theta).all())
        attributes = self._attributes if self.is_whole else None
        asks = self._epoch.call_on_fit_task_end(
            **self._told(), reconstruction_attributes=attributes
        )
        self.asks_to_stop = self.asks_to_stop or bool(asks)
        return self.asks_to_stop

    def leave_epochs(self):
        """Have checkpoints save the last epoch, before what is after it is dropped."""
        if self.is_whole:
            for checkpoint in checkpoints_of(self._estimator):
                checkpoint.leave_epochs(self._estimator)

    def end(self):
        """Tell the callbacks that the fit has ended; the estimator is fitted."""
        if self._context is not None:
            self._context.call_on_fit_task_end(
                **self._told(), reconstruction_attributes={}
            )
