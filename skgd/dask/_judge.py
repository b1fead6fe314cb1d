"""Loss and score of a network on partitions, without moving them."""

from copy import copy

import numpy as np
from sklearn.base import is_classifier

from skgd.descent.judge import MeanLoss
from skgd.descent.scores import r2_of_sums
from skgd.network.outputs import predict_raw


class PartsJudge:
    """Judges an estimator's network by partitions, as `skgd.descent.judge.Judge` does.

    The loss and the default scores are made of sums over the partitions.

    Parameters
    ----------
    estimator : BaseDask
        It is fitted, or its fit is under way.
    parts : Parts
        The data to judge by.
    """

    def __init__(self, estimator, parts):
        self._estimator, self._parts = estimator, parts
        self._template = estimator._template(fitted=True)

    def __call__(self, interrupts):
        """Return the mean loss and the score.

        The score is nan after an overflow. Both are nan if Ctrl-C ended the waiting for
        the workers.
        """
        estimator = self._estimator
        network, theta = estimator._network, estimator._state.theta
        judged = Judged(self._template, network, theta)
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
        return loss, r2_of_groups(weights, scores)


def squares(y, predicted, weights):
    """Return the sums over a group of samples from which `r2_of_groups` makes R2.

    Parameters
    ----------
    y, predicted : ndarray of shape (n_samples, n_outputs)
    weights : ndarray of shape (n_samples,)

    Returns
    -------
    means, deviations, residuals : ndarray of shape (n_outputs,)
        The weighted means of y, and weighted sums of squares: first of deviations from
        the means, then of residuals.
    """
    means = np.zeros(y.shape[1])
    if weights.any():
        means = np.average(y, axis=0, weights=weights)
    return means, weights @ (y - means) ** 2, weights @ (y - predicted) ** 2


def r2_of_groups(weights, groups):
    """Return R2 of all samples, averaged over the outputs, as `r2_score` does.

    The deviations from the groups' means are turned into those from the mean of all
    samples as in T. F. Chan, G. H. Golub, R. J. LeVeque, "Algorithms for computing the
    sample variance: analysis and recommendations", The American Statistician 37, 1983.

    Parameters
    ----------
    weights : sequence of float
        Sum of the weights of each group.
    groups : sequence of tuple
        What `squares` returns for each group.
    """
    weights = np.array(weights)
    means, deviations, residuals = map(np.array, zip(*groups, strict=True))
    between = means - np.average(means, axis=0, weights=weights)
    deviations = deviations.sum(axis=0) + weights @ between**2
    return r2_of_sums(residuals.sum(axis=0), deviations)


# On the workers ----------------------------------------------------------------------


class Judged:
    """A network to be judged: an estimator with the labels, network and parameters."""

    def __init__(self, template, network, theta):
        self.template, self.network, self.theta = template, network, theta


def judge(part, judged):
    """Judge a network by a part.

    Returns the loss and the weight, both summed over the part, whether all outputs are
    finite, and what the score is computed from: the weight of the hits for a
    classifier, and `squares` for a regressor.
    """
    template, network = copy(judged.template), judged.network
    theta, n = np.array(judged.theta), part.X.shape[0]
    weights = np.ones(n) if part.weights is None else part.weights
    with np.errstate(over="ignore", invalid="ignore"):
        raw = predict_raw(network, theta, part.X, 1)
        is_finite = bool(np.isfinite(raw).all())
        weight = weights.sum(dtype=np.float64)
        loss = 0.0
        if weight != 0:
            loss = MeanLoss(network, part.targets, part.weights)(raw) * weight
        template._network = network  # its link
        predicted = template._validation_predictions(raw)
        if is_classifier(template):
            hits = predicted == part.y
            hits = hits.all(axis=1) if hits.ndim == 2 else hits
            return loss, weight, is_finite, (hits * weights).sum(dtype=np.float64)
        y = part.y.reshape(n, -1).astype(np.float64)
        group = squares(y, predicted.reshape(y.shape), weights)
        return loss, weight, is_finite, group
