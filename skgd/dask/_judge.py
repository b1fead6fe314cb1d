"""Loss and score of a network on partitions, without moving them."""

from copy import copy

import numpy as np
from sklearn.base import is_classifier

from skgd._prediction import predict_raw
from skgd._validation import mean_loss
from skgd.dask._part import own
from skgd.kernels.inputs import row_numbers


class PartsJudge:
    """Judges the network of an estimator by partitions, as `skgd._validation.Judge`.

    The loss and the default scores are made of sums over the partitions.

    Parameters
    ----------
    estimator : BaseDask
        Fitted, or with its fit under way.
    parts : Parts
        To judge by.
    """

    def __init__(self, estimator, parts):
        self._estimator, self._parts = estimator, parts
        self._template = estimator._template(fitted=True)
        self._means = None
        if not is_classifier(estimator):
            weights, totals = zip(*parts.map(sums), strict=True)
            self._means = sum(totals) / sum(weights)

    def __call__(self, interrupts):
        """Return the mean loss and the score.

        The score is nan after an overflow, and both are where the waiting for the
        workers was interrupted.
        """
        estimator = self._estimator
        network, theta = estimator._network, estimator._state.theta
        judged = Judged(self._template, network, theta, self._means)
        judged = [judged] * len(self._parts.futures)
        results = interrupts.interruptible(self._parts.map, judge, judged)
        if results is None:
            return float("nan"), float("nan")
        losses, weights, finite, scores = zip(*results, strict=True)
        weight = sum(weights)
        loss = float(sum(losses) / weight)
        if not all(finite):
            return loss, float("nan")
        if estimator.scoring == "loss":
            return loss, -loss
        if is_classifier(estimator):
            return loss, float(sum(scores) / weight)
        return loss, r2_from_sums(*sum(scores))


def r2_from_sums(residuals, deviations):
    """R2, averaged over the outputs, as scikit-learn's `r2_score`.

    Parameters
    ----------
    residuals, deviations : ndarray of shape (n_outputs,)
        Weighted sums of squares, of residuals and of deviations from the mean.
    """
    if not np.isfinite(residuals).all():
        return float("nan")
    # Of a constant target: 1 for a perfect prediction, else 0.
    scores = np.where(residuals == 0, 1.0, 0.0)
    varies = deviations != 0
    scores[varies] = 1 - residuals[varies] / deviations[varies]
    return float(scores.mean())


# On the workers ----------------------------------------------------------------------


class Judged:
    """A network to be judged: the estimator's labels, and the parameters."""

    def __init__(self, template, network, theta, means):
        self.template, self.network, self.theta = template, network, theta
        self.means = means


def judge(part, judged):
    """Loss, weight, and what the score is made of, all summed over a part.

    For a classifier that is the weight of the hits; for a regressor the squares of
    residuals, and of deviations from the means, of each output.
    """
    template, network = copy(judged.template), own(judged.network)
    theta, rows = np.array(judged.theta), row_numbers(part.X.shape[0])
    weights = np.ones(rows.size) if part.weights is None else part.weights
    with np.errstate(over="ignore", invalid="ignore"):
        raw = predict_raw(network, theta, part.X, rows, 1)
        is_finite = bool(np.isfinite(raw).all())
        targets = np.ascontiguousarray(part.targets.T)
        weight = weights.sum(dtype=np.float64)
        loss = 0.0
        if weight != 0:
            loss = mean_loss(network, raw, targets, part.weights) * weight
        template._network = network  # its link
        predicted = template._validation_predictions(raw)
        if is_classifier(template):
            hits = predicted == part.y
            hits = hits.all(axis=1) if hits.ndim == 2 else hits
            return loss, weight, is_finite, (hits * weights).sum(dtype=np.float64)
        y = part.y.reshape(rows.size, -1).astype(np.float64)
        residuals = y - predicted.reshape(y.shape)
        squares = [weights @ residuals**2, weights @ (y - judged.means) ** 2]
        return loss, weight, is_finite, np.array(squares)


def sums(part):
    """Weight, and weighted sum of the targets, of each output."""
    weights = np.ones(part.X.shape[0]) if part.weights is None else part.weights
    y = part.y.reshape(weights.size, -1).astype(np.float64)
    return weights.sum(dtype=np.float64), weights @ y
