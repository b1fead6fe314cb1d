"""A plane through the space of a network's parameters, and the loss on it."""

from typing import NamedTuple

import numpy as np

from skgd._sklearn_private import check_sample_weight
from skgd.descent.judge import MeanLoss
from skgd.descent.steps import PartOfBatch
from skgd.kernels.passes.inputs import as_samples, row_numbers
from skgd.kernels.team.threads import n_threads
from skgd.network.outputs import RawOutputs

# Displacements shorter than this, relative to all together, are rounding errors, which
# do not define a direction.
ROUNDING = 1e-7
# Height of the region that is shown, over its width.
HEIGHT = 0.75


class TrainingLoss:
    """The training loss of a network as a function of its parameters.

    It is the weighted mean over all samples, plus the penalty: what ``solver='batch'``
    minimises, without dropout.

    Parameters
    ----------
    estimator : BaseGDNeural
        Fitted; its network and its constructor parameters are read, but not its
        weights.
    X, y, sample_weight : array-like
        As for `fit`.
    """

    def __init__(self, estimator, X, y, sample_weight=None):
        X, y = estimator._validate_X_y(X, y, first=False)
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, X, dtype=X.dtype)
        weight = estimator._training_weights(y, sample_weight, incremental=False)
        weight = None if weight is None else weight.astype(X.dtype)
        self._total = X.shape[0] if weight is None else weight.sum(dtype=float)
        targets = estimator._training_targets(y).astype(X.dtype)
        self._network, self._alpha = estimator._network, estimator.alpha
        self._dtype = X.dtype
        rows, threads = row_numbers(X.shape[0]), n_threads(estimator.n_jobs)
        self._raw_outputs = RawOutputs(self._network, X, rows, threads)
        self._mean_loss = MeanLoss(self._network, targets, weight)
        self._samples = as_samples(X, targets, weight)

    def __call__(self, theta):
        """Return the loss at `theta`; it may be infinite or nan far from the data."""
        theta = np.ascontiguousarray(theta, self._dtype)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            loss = self._loss_without_penalty(theta)
            squares = sum(
                segment.penalty * np.sum(np.square(theta[start:stop], dtype=float))
                for _, segment, start, stop in self._network.segments
            )
        return loss + 0.5 * self._alpha * squares / self._total

    def _loss_without_penalty(self, theta):
        if self._network.n_barriers == 0:
            return self._mean_loss(self._raw_outputs(theta))
        # Batch normalisation uses the statistics of the whole batch. theta is copied,
        # as the running means in it are written to.
        network = self._network.for_prediction
        batch = PartOfBatch(network, theta.copy(), self._samples)
        return batch.gradient()[0] / self._total


class Plane(NamedTuple):
    """A plane through the space of parameters."""

    origin: np.ndarray  # (n_parameters,), the start of all paths
    directions: np.ndarray  # (2, n_parameters), orthonormal

    def project(self, thetas):
        """Return coordinates of the nearest points in the plane, shape (n, 2)."""
        return (np.asarray(thetas, dtype=float) - self.origin) @ self.directions.T

    def point(self, x0, x1):
        """Return the parameters at a point of the plane, given its coordinates."""
        return self.origin + x0 * self.directions[0] + x1 * self.directions[1]


def plane_of(paths, ends):
    """Find the plane that shows the paths best, and the share of them that it holds.

    The plane goes through the start and the mean of the ends, which is its first
    direction. The second one is the leading singular vector of what is then left of the
    points' displacements from the start. All paths have the same weight, however many
    points they have.

    Parameters
    ----------
    paths : list of ndarray of shape (n_points, n_parameters)
        Parameters along each path; all begin at the same ones.
    ends : list of ndarray of shape (n_parameters,)

    Returns
    -------
    plane : Plane
    explained : float
        Share of the squared displacements from the start that lies in the plane.
    """
    origin = np.asarray(paths[0][0], dtype=float)
    moved = np.concatenate([(path - origin) / np.sqrt(len(path)) for path in paths])
    first = np.mean(ends, axis=0, dtype=float) - origin
    scale = np.linalg.norm(moved)
    if np.linalg.norm(first) <= ROUNDING * scale:  # the ends lie around the start
        first = _leading_direction(moved)
    first = _unit(first, np.zeros_like(first))
    rest = moved - np.outer(moved @ first, first)
    second = np.zeros_like(first)
    if np.linalg.norm(rest) > ROUNDING * scale:
        second = _leading_direction(rest)
    second = _unit(second, first)
    across = rest @ second
    if across[np.abs(across).argmax()] < 0:  # the widest swing goes upwards
        second = -second

    plane = Plane(origin, np.array([first, second]))
    total = np.sum(moved**2)
    held = np.sum((moved @ plane.directions.T) ** 2)
    return plane, min(float(held / total), 1.0) if total > 0 else 1.0


def _leading_direction(rows):
    """Return the leading right singular vector."""
    if rows.shape[0] < rows.shape[1]:  # the smaller of the two Gram matrices is used
        _, vectors = np.linalg.eigh(rows @ rows.T)
        return rows.T @ vectors[:, -1]
    _, vectors = np.linalg.eigh(rows.T @ rows)
    return vectors[:, -1]


def _unit(vector, normal):
    """Make a vector orthogonal to `normal`, of length 1.

    The result is any such vector if nothing is left of the given one.
    """
    vector = vector - (vector @ normal) * normal
    if not vector.any():
        axis = np.zeros_like(vector)
        axis[np.abs(normal).argmin()] = 1.0
        vector = axis - (axis @ normal) * normal
    return vector / np.linalg.norm(vector)


def grid_around(points, resolution, margin):
    """Make a grid of a region around points, with the same unit in both directions.

    Parameters
    ----------
    points : ndarray of shape (n, 2)
    resolution : int
        Number of grid points in each direction.
    margin : float
        Space on each side, as a share of the region that the points take.

    Returns
    -------
    xx0, xx1 : ndarray of shape (resolution, resolution)
    """
    low, high = points.min(axis=0), points.max(axis=0)
    width = max(high[0] - low[0], (high[1] - low[1]) / HEIGHT) or 1.0
    half = (0.5 + margin) * width * np.array([1.0, HEIGHT])
    middle = (low + high) / 2
    axes = np.linspace(middle - half, middle + half, resolution).T
    return np.meshgrid(*axes)


def log_levels(loss, n_levels):
    """Return levels at equal ratios of their excess over the least loss.

    0.5% of the surface lies below the lowest level, and 2% above the highest one.

    Parameters
    ----------
    loss : ndarray of shape (n,)
    n_levels : int

    Returns
    -------
    levels : ndarray

    Raises
    ------
    ValueError
        If there is no loss.
    """
    if loss.size == 0:
        raise ValueError(
            "The loss is not finite anywhere around the paths. Lower "
            "learning_rate_init, or scale the data."
        )
    low, high = np.quantile(loss - loss.min(), [0.005, 0.98])
    if not low > 0:
        low = high * 1e-3
    if not high > low:
        return loss.min() + np.arange(1, n_levels + 1) * (high or 1.0)
    levels = loss.min() + np.geomspace(low, high, n_levels)
    return np.unique(levels)


def level_labels(levels):
    """Return the levels as texts, such as 1,230 or 0.123.

    They have three digits, or more if with fewer too many levels would look the same.

    Parameters
    ----------
    levels : ndarray of shape (n_levels,)

    Returns
    -------
    labels : list of str
    """
    for digits in range(3, 10):
        labels = [
            f"{float(f'{level:.{digits}g}'):,.{max(digits, 6)}g}" for level in levels
        ]
        if len(set(labels)) > len(levels) / 3:
            break
    return labels
