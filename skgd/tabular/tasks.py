"""What scikit-learn's callbacks are told of a fit of several members.

scikit-learn before 1.9 has no callbacks; with it, nothing here has an effect.
"""

from contextlib import contextmanager

from skgd._sklearn_private import HAS_CALLBACKS


class MembersTask:
    """A fit whose subtasks are members, several of which may run at once.

    The callbacks of the estimator that are passed on, as scikit-learn's progress bar,
    are told of the members' epochs as well.

    Parameters
    ----------
    estimator : estimator
    n_members : int
    X, y : array-like
        As the user gave them.
    sample_weight : array-like or None
    """

    def __init__(self, estimator, n_members, X, y, sample_weight):
        self._estimator, self._context = estimator, None
        metadata = None
        if sample_weight is not None:
            metadata = {"sample_weight": sample_weight}
        self._told = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        if HAS_CALLBACKS:
            self._context = estimator._init_callback_context(
                max_subtasks=n_members, sequential_subtasks=False
            )
            self._context.call_on_fit_task_begin(**self._told)

    @contextmanager
    def of_member(self, number, network):
        """Tell the callbacks of a member; `network` is fitted within this context."""
        if self._context is None:
            yield
            return
        member = self._context.subcontext(task_name="member", task_id=number)
        with member.propagate_callback_context(network):
            member.call_on_fit_task_begin(**self._told)
            yield
        member.call_on_fit_task_end(**self._told)

    def end(self):
        """Tell the callbacks that the fit has ended; the estimator is fitted."""
        if self._context is not None:
            self._context.call_on_fit_task_end(
                **self._told, reconstruction_attributes={}
            )
