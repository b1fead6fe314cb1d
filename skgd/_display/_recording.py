"""Recording of a network's parameters during a fit, step by step."""

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skgd.descent.lbfgs import lbfgs_epochs
from skgd.descent.loop import local_epochs
from skgd.estimators.base import BaseGDNeural
from skgd.estimators.parameters import is_searched


class StepRecorder:
    """Writes down the parameters after some of the steps of a fit.

    An epoch is run in pieces, each of which ends with a step to write down. So every
    step is the one that `fit` makes without a recorder, bit by bit.

    Parameters
    ----------
    max_points : int
        Largest number of steps to write down. All steps are written down if `max_iter`
        epochs have no more of them; otherwise the distances between those that are
        written down grow, see `planned_steps`.

    Attributes
    ----------
    steps : list of int
        Numbers of the steps that were written down, beginning with 0, the start, and
        ending with the last step of the fit.
    thetas : list of ndarray of shape (n_parameters,)
        Parameters after these steps.
    """

    def __init__(self, max_points):
        self.max_points = max_points
        self.steps, self.thetas = [], []

    def epochs(self, fit):
        """Run the epochs of a fit, as `local_epochs`, and write down its steps."""
        self._state, self._max_iter = fit.state, fit.params.max_iter
        self._n_before, self._is_provisional = 0, False
        self._write(0)
        if is_searched(fit.params):
            lbfgs_epochs(fit, after=self._write_iteration)
        else:
            local_epochs(fit, self._run)

    def _write_iteration(self):
        self._forget_provisional()
        self._n_before += 1
        self._write(self._n_before)
        planned = planned_steps(self._max_iter, self.max_points)
        self._is_provisional = self._n_before not in planned

    def _run(self, steps):
        """Run an epoch in pieces; return the number of its steps."""
        self._forget_provisional()
        n = steps.n_batches
        planned = planned_steps(self._max_iter * n, self.max_points)
        cuts = planned - self._n_before
        cuts = cuts[(cuts > 0) & (cuts < n)].tolist()
        n_steps = 0
        for first, last in zip([0, *cuts], [*cuts, n], strict=True):
            n_made = steps.run(first, last)
            n_steps += n_made
            if n_made:
                self._write(self._state.n_steps + n_steps)
        self._n_before += n
        self._is_provisional = n_made > 0 and self._n_before not in planned
        return n_steps

    def _forget_provisional(self):
        """Forget the last point, if it was written in case that it was the last one."""
        if self._is_provisional:
            del self.steps[-1], self.thetas[-1]

    def _write(self, step):
        self.steps.append(step)
        self.thetas.append(self._state.theta.copy())


def planned_steps(total, max_points):
    """Return the numbers of steps to write down, of `total`; the last is among them.

    Parameters
    ----------
    total, max_points : int

    Returns
    -------
    steps : ndarray of int
        Sorted, from 1 to `total`.
    """
    if total <= max_points:
        return np.arange(1, total + 1)
    # The power is 2, or more if that is needed for the first step to be number 1.
    power = max(2.0, np.log(total) / np.log(max_points))
    share = np.arange(1, max_points + 1) / max_points
    return np.unique(np.maximum(np.rint(total * share**power), 1).astype(np.int64))


def record_fit(name, estimator, max_points, X, y, sample_weight):
    """Fit a clone of the estimator; return it and the recorder of its steps."""
    kind = type(estimator).__name__
    if not isinstance(estimator, BaseGDNeural):
        raise TypeError(
            f"{name!r} must be a GDNeuralRegressor or a GDNeuralClassifier, got "
            f"{kind}. Transform X beforehand, and give the network alone."
        )
    if not estimator._trains_here:
        raise TypeError(
            f"{name!r} must be a GDNeuralRegressor or a GDNeuralClassifier, got "
            f"{kind}, whose steps the workers take. Give to_local() of it."
        )
    network, recorder = clone(estimator), StepRecorder(max_points)
    with warnings.catch_warnings():
        # The picture itself shows whether max_iter has sufficed.
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            network._validate_params()
            no_validation = None, None, None
            network._fit(
                *(X, y, sample_weight, no_validation),
                incremental=False,
                epochs=recorder.epochs,
            )
        except ValueError as error:
            raise ValueError(f"The fit of {name!r} failed: {error}") from error
    return network, recorder


def name_of(estimator):
    """Return the name of an estimator's path, if the user has given none."""
    is_ours = isinstance(estimator, BaseGDNeural)
    return estimator.solver if is_ours else type(estimator).__name__


def check_comparable(fits):
    """Raise a ValueError if the paths do not share a loss surface and a start."""
    (first, (network, recorder)), *others = fits.items()
    for name, (other, other_recorder) in others:
        shapes, start = network._network, recorder.thetas[0]
        theirs = other._network
        same = {
            "class": type(network) is type(other),
            "hidden_layer_sizes": np.array_equal(
                shapes.layer_units, theirs.layer_units
            ),
            "activation": shapes.for_prediction.layers == theirs.for_prediction.layers,
            "loss": shapes.loss == theirs.loss
            and shapes.loss_parameter == theirs.loss_parameter,
            **{
                parameter: getattr(network, parameter, None)
                == getattr(other, parameter, None)
                for parameter in ("class_weight", "label_smoothing")
            },
        }
        for what, is_same in same.items():
            if not is_same:
                raise ValueError(
                    "The estimators must have one loss surface, and so the same "
                    f"{what}: that of {name!r} is not that of {first!r}."
                )
        if not np.array_equal(start, other_recorder.thetas[0]):
            raise ValueError(
                f"The estimators must begin at the same parameters: {name!r} does not "
                f"begin where {first!r} does. Give them all the same int as "
                "random_state."
            )
