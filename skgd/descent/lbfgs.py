"""L-BFGS: SciPy chooses the steps, and the kernels give it losses and gradients.

Each iteration of L-BFGS is recorded as an epoch is: it goes into the history, the
validation data are judged, and the callbacks are told.

References: D. C. Liu, J. Nocedal, "On the limited memory BFGS method for large scale
optimization", Mathematical Programming 45, 1989; R. H. Byrd, P. Lu, J. Nocedal, C. Zhu,
"A limited memory algorithm for bound constrained optimization", SIAM Journal on
Scientific Computing 16, 1995, which is SciPy's L-BFGS-B.
"""

from functools import partial

import numpy as np
from scipy.optimize import minimize

from skgd._sklearn_private import check_optimize_result
from skgd.descent.loop import NON_FINITE, end_epoch, make_steps, write_down


def lbfgs_epochs(fit, after=None):
    """Run the iterations of L-BFGS.

    Parameters
    ----------
    fit : Fit
    after : callable, default=None
        Called after each iteration, before it is recorded.
    """
    with make_steps(fit) as steps:
        steps.rates[:] = 0.0  # the rule writes the gradient, and takes no step
        search(fit, partial(_loss_and_gradient, fit.state, steps), after)


def _loss_and_gradient(state, steps, point):
    with np.errstate(over="ignore"):  # a point that is tried may not be a float32
        state.theta[:] = point
    steps.begin_epoch()
    steps.run_epoch()
    return steps.loss, state.remembered("gradient").astype(np.float64)


def search(fit, loss_and_gradient, after=None):
    """Minimise a function by L-BFGS, beginning at the parameters of the fit.

    A fit that was cut off is completed by doing its former iterations again, in
    silence: SciPy does not say what it remembers of them, and from the same start the
    same iterations follow. Where they do not, as a parameter was set since, another
    search begins at the parameters of the fit; and so it does after epochs of another
    optimizer.

    Parameters
    ----------
    fit : Fit
    loss_and_gradient : callable
        Returns the loss, a float, and the gradient, a float64 ndarray of shape
        (n_parameters,), at a point. It may leave the point in the parameters.
    after : callable, default=None
        As in `lbfgs_epochs`.

    Raises
    ------
    ValueError
        If the loss is not finite at the start.
    """
    params, state = fit.params, fit.state
    n_known, iterations = _n_searched(state), None
    while iterations is None or iterations.has_strayed:
        if n_known == 0:
            state.remembered("start")[:] = state.theta
        max_iter = params.max_iter - state.n_iter + n_known
        if max_iter == 0:
            return
        iterations = _Iterations(fit, after, n_known)
        result = _minimize(params, loss_and_gradient, iterations, max_iter)
        n_known = 0
    if state.is_stopping:
        return
    if not np.isfinite(result.fun):
        raise ValueError(NON_FINITE)
    if not iterations.are_behind:  # otherwise it now ends earlier than it had come
        state.theta[:] = result.x
    if state.n_iter == 0:  # the start was a minimum
        write_down(fit, float(result.fun), np.nan, is_epoch=False)
    too_often = None
    if result.nfev > params.max_fun:
        too_often = f"Or increase the number of evaluations (max_fun={params.max_fun})."
    check_optimize_result("lbfgs", result, params.max_iter, too_often)
    state.is_stopping = True


def _n_searched(state):
    """Return how many of the last iterations of a fit were made by L-BFGS."""
    rates = state.learning_rate_curve[len(state.learning_rate_curve) - state.n_iter :]
    others = np.flatnonzero(~np.isnan(rates))  # L-BFGS has no learning rates
    return len(rates) - (others[-1] + 1 if others.size else 0)


def _minimize(params, loss_and_gradient, iterations, max_iter):
    """Search by SciPy from the start that is remembered; return its result.

    The parameters of the fit are then those after the last complete iteration.
    """

    def evaluate(point):
        iterations.begin()
        return loss_and_gradient(point)

    try:
        return minimize(
            evaluate,
            iterations.start,
            method="L-BFGS-B",
            jac=True,
            callback=iterations.end,
            options={
                "maxfun": params.max_fun,
                "maxiter": max_iter,
                "gtol": params.tol,
            },
        )
    finally:
        iterations.leave()  # a point that was only tried


class _Iterations:
    """Begins and ends the iterations of a search as epochs of a fit.

    Parameters
    ----------
    fit : Fit
    after : callable or None
        As in `lbfgs_epochs`.
    n_known : int
        The number of iterations that were done before, from the same start.

    Attributes
    ----------
    has_strayed : bool
        Whether an iteration that was done before has come to another loss.
    """

    def __init__(self, fit, after, n_known):
        self._fit, self._after = fit, after
        self._known = fit.state.loss_curve[-n_known:] if n_known > 0 else []
        self._n_ended, self._has_begun, self.has_strayed = 0, False, False
        self._latest = fit.state.theta.copy()

    @property
    def start(self):
        """Where the search begins, in float64."""
        return self._fit.state.remembered("start").astype(np.float64)

    @property
    def are_behind(self):
        """Whether there are fewer iterations than were done before."""
        return self._n_ended < len(self._known)

    def leave(self):
        """Go back to the parameters after the last complete iteration."""
        self._fit.state.theta[:] = self._latest

    def begin(self):
        """Begin an iteration, unless it is under way, or one of those done before."""
        fit = self._fit
        if self._has_begun or self.are_behind:
            return
        self._has_begun = True
        fit.interrupts.interruptible(fit.task.begin_epoch)
        if fit.state.n_iter > 0:  # otherwise there is nothing to keep yet
            fit.interrupts.check()

    # SciPy hands over what it has found if the argument has this name.
    def end(self, intermediate_result):
        """End an iteration; raise StopIteration to end the search."""
        self._n_ended += 1
        if self._n_ended <= len(self._known):
            known = self._known[self._n_ended - 1]
            self.has_strayed = float(intermediate_result.fun) != known
            if self.has_strayed:
                raise StopIteration
            return
        state = self._fit.state
        self._has_begun = False
        state.theta[:] = intermediate_result.x
        self._latest[:] = state.theta
        state.n_steps += 1
        state.scheduled_epochs += 1
        if self._after is not None:
            self._after()
        try:
            end_epoch(self._fit, float(intermediate_result.fun), np.nan)
        except StopIteration as error:  # SciPy would take it for its own
            raise RuntimeError("a scorer or callback raised StopIteration") from error
        if state.is_stopping:
            raise StopIteration
