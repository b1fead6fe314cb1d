"""Whether a fit has learned more than the best constant prediction.

Each loss has a constant that is best: the mean for most, a quantile for others. A
network whose loss is no lower knows nothing of X, however long its training took.
"""

import warnings

import numpy as np
from scipy.special import entr
from sklearn.base import is_regressor
from sklearn.exceptions import ConvergenceWarning

from skgd.descent.judge import MeanLoss
from skgd.kernels.formulas.links import LINKS, TINY
from skgd.kernels.formulas.optimizers import OPTIMIZERS
from skgd.network.outputs import RawOutputs

# Share of the constant's loss by which the network's loss has to be lower. So a network
# with an R2 of 0.001 or less counts as one that has learned nothing.
MARGIN = 1e-3
# Targets with a mean or a spread beyond this are worth scaling.
FAR = 3.0
# Spread of targets that are all equal, relative to their mean.
ROUNDING = 1e-14
# How many targets are read at a time.
CHUNK = 2**20


def best_constants(network, mean, targets, weights):
    """Find the best constant raw output of each output.

    Parameters
    ----------
    network : Network
        Read for its loss.
    mean : ndarray of shape (n_outputs,)
        Weighted mean of the targets.
    targets : ndarray of shape (n, n_outputs)
        Read for losses whose best constant does not follow from the mean.
    weights : ndarray of shape (n,)

    Returns
    -------
    constants : ndarray of shape (n_outputs,)
    """
    loss = network.formula
    if loss.constant is None:
        return LINKS[loss.link].inverse(mean)
    columns, weights = targets.T.astype(np.float64), weights.astype(np.float64)
    constants = [loss.constant(y, weights, network.loss_parameter) for y in columns]
    return np.array(constants)


def least_loss(network, moments, some, loss_of_constants):
    """Return the weighted loss of the best constants.

    Parameters
    ----------
    network : Network
    moments : tuple
        What `Targets.moments` returns.
    some : tuple of ndarray
        Targets and weights for `best_constants`.
    loss_of_constants : callable
        Returns the weighted loss of constant raw outputs.

    Returns
    -------
    loss : float
        The sum over the samples.
    """
    if network.formula.is_joint:  # a sample's targets sum to 1
        return moments[0] * entr(moments[1]).sum()
    return loss_of_constants(best_constants(network, moments[1], *some))


class Targets:
    """Targets to train on, and what a constant would make of them.

    Parameters
    ----------
    network : Network
    samples : Samples
    rows : ndarray of shape (n,)
    """

    def __init__(self, network, samples, rows):
        self._network, self._samples = network, samples
        size = max(1, CHUNK // samples.targets.shape[1])
        starts = range(0, rows.size, size)
        self._chunks = [rows[start : start + size] for start in starts]

    def _weights(self, rows):
        weights = self._samples.weights
        return weights[rows] if weights.size else np.ones(rows.size, weights.dtype)

    def moments(self):
        """Return the sum of the weights, the mean and the variance of the targets."""
        nothing = np.zeros(self._samples.targets.shape[1])
        groups = [(0.0, nothing, nothing)]  # this is all if no sample has weight
        for rows in self._chunks:
            y, w = self._samples.targets[rows], self._weights(rows).astype(np.float64)
            total = w.sum()
            if total > 0 and self._network.formula.is_joint:
                # With thousands of classes a second pass over the targets takes time.
                # The variance follows from the mean, as for targets of 0 and 1.
                mean = (w[:, np.newaxis] * y).sum(axis=0) / total
                groups.append((total, mean, mean * (1 - mean)))
            elif total > 0:
                y = y.astype(np.float64)
                first = y[0].copy()  # without it, equal targets are exactly 0
                y -= first
                # These sums do without BLAS, whose threads would go on waiting in a
                # loop, and slow down what comes next.
                mean = (w[:, np.newaxis] * y).sum(axis=0) / total
                y -= mean
                variance = (w[:, np.newaxis] * y * y).sum(axis=0) / total
                groups.append((total, first + mean, variance))
        return moments_of_all(groups)

    def sample(self, most=None):
        """Return targets and weights of all samples, or of `most` that are spread."""
        rows = np.concatenate(self._chunks)
        rows = rows[:: 1 if most is None else -(-rows.size // most)]
        return self._samples.targets[rows], self._weights(rows)

    def sum_of_losses(self, raw_of):
        """Return the weighted loss of the raw outputs ``raw_of(rows)``."""
        total = 0.0
        for rows in self._chunks:
            y, w = self._samples.targets[rows], self._weights(rows)
            if w.any():
                raw = raw_of(rows)
                total += MeanLoss(self._network, y, w)(raw) * w.sum(dtype=np.float64)
        return total

    def loss_of_constants(self, constants):
        """Return the weighted loss of constant raw outputs, shape (n_outputs,)."""
        return self.sum_of_losses(
            lambda rows: np.broadcast_to(constants, (rows.size, constants.size))
        )


def moments_of_all(groups):
    """Return the moments of all groups of samples, given those of each."""
    totals, means, variances = (np.array(each) for each in zip(*groups, strict=True))
    total = totals.sum()
    if total == 0:
        return groups[0]
    mean = totals @ means / total
    return total, mean, totals @ (variances + (means - mean) ** 2) / total


def warn_if_nothing_was_learned(estimator, X, samples, rows, n_threads):
    """Warn after a fit that has learned no more than a constant.

    Parameters
    ----------
    estimator : BaseGDNeural
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    samples : Samples
    rows : ndarray of shape (n,)
        The samples that were trained on.
    n_threads : int

    Warns
    -----
    ConvergenceWarning
    """
    network, theta = estimator._network, estimator._state.theta
    targets = Targets(network, samples, rows)
    with np.errstate(over="ignore", invalid="ignore"):
        moments = targets.moments()
        some = targets.sample() if network.formula.constant else (None, None)
        least = least_loss(network, moments, some, targets.loss_of_constants)
        last = estimator.loss_curve_[-1] * moments[0]
        is_right = samples.weights.size == 0 and not estimator.early_stopping
        if not (is_right and is_lower(last, least, moments)):
            last = targets.sum_of_losses(
                lambda of: RawOutputs(network, X, of, n_threads)(theta)
            )
        if not is_lower(last, least, moments):
            warn_of(estimator, last, least, moments)


def is_lower(loss, least, moments):
    """Return whether a loss is below a constant's, or all targets are equal."""
    _, mean, variance = moments
    are_equal = (np.sqrt(variance) <= ROUNDING * np.abs(mean)).all()
    return are_equal or loss < least * (1 - MARGIN)


def warn_of(estimator, loss, least, moments):
    """Warn that nothing was learned, and say what to do; the losses are sums."""
    total, mean, variance = moments
    spread = np.sqrt(variance)
    longer = "learning_rate_init or n_iter_no_change"
    if OPTIMIZERS[estimator.optimizer].is_searched:
        longer = "max_iter or max_fun, or lower tol"
    remedy = f"Scale X, for example by StandardScaler, or raise {longer}."
    # How far an output is from mean 0 and spread 1, if it varies.
    scale = np.maximum(spread, 1 / np.maximum(spread, TINY))
    distance = np.where(spread > 0, np.maximum(np.abs(mean), scale), 0)
    output = distance.argmax()
    of = f"mean {mean[output]:.3g} and standard deviation {spread[output]:.3g}"
    if is_regressor(estimator) and distance[output] > FAR:
        remedy = (
            f"The targets have {of}: scale them, as by TransformedTargetRegressor("
            "regressor=..., transformer=StandardScaler())."
        )
        if estimator.out_activation_ == "exp":
            remedy = f"The targets have {of}: divide them by their mean."
    warnings.warn(
        f"The fit has learned nothing from X: its training loss, {loss / total:.6g}, "
        f"is not below that of the best constant prediction, {least / total:.6g}, by a "
        f"thousandth. {remedy}",
        ConvergenceWarning,
        stacklevel=6,
    )
