"""The default scores of predictions, equal to scikit-learn's to rounding.

A call of scikit-learn's `r2_score` or `accuracy_score` validates its data, which takes
several times as long as an epoch of a small network (`tests/benchmarks/stopping.py`).
Here the targets are validated once, and what follows from them is kept.
"""

import numpy as np


class R2:
    """Coefficient of determination, averaged over the outputs.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, n_outputs)
        Targets.
    sample_weight : ndarray of shape (n,) or None
    """

    def __init__(self, y, sample_weight):
        self._y = y.reshape(y.shape[0], -1).astype(np.float64)
        self._weights = None
        if sample_weight is not None:
            self._weights = sample_weight.astype(np.float64)[:, np.newaxis]
        mean = np.average(self._y, axis=0, weights=sample_weight)
        self._deviations = self._squares(self._y - mean)

    def __call__(self, y_pred):
        """Score predictions of y's shape; nan where they overflow."""
        residuals = self._squares(self._y - y_pred.reshape(self._y.shape))
        return r2_of_sums(residuals, self._deviations)

    def _squares(self, errors):
        errors *= errors
        if self._weights is not None:
            errors *= self._weights
        return errors.sum(axis=0)


def r2_of_sums(residuals, deviations):
    """Return R2 from weighted sums of squares, averaged over the outputs.

    Parameters
    ----------
    residuals, deviations : ndarray of shape (n_outputs,)
        Sums for the errors, and for the targets' distances from their mean. Where the
        latter are 0 the score is 1 for a perfect prediction, and 0 for any other.
    """
    score = 0.0
    for residual, deviation in zip(
        residuals.tolist(), deviations.tolist(), strict=True
    ):
        if deviation == 0:
            share = 1.0 if residual == 0 else 0.0
        else:
            share = 1 - residual / deviation
        score += share + 0.0 * residual  # the product is nan after an overflow
    return score / residuals.size


class Accuracy:
    """Share of right predictions; all labels of a multilabel sample have to be right.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, n_labels)
        Numbers of the classes, or label indicators.
    sample_weight : ndarray of shape (n,) or None
    """

    def __init__(self, y, sample_weight):
        self._y = y.ravel() if y.shape[1:] == (1,) else y
        self._weights, self._total = sample_weight, y.shape[0]
        if sample_weight is not None:
            self._weights = sample_weight.astype(np.float64)
            self._total = self._weights.sum()

    def __call__(self, y_pred):
        """Score predictions of y's shape."""
        hits = self._y == y_pred.reshape(self._y.shape)
        if hits.ndim == 2:
            hits = hits.all(axis=1)
        right = (
            np.count_nonzero(hits) if self._weights is None else hits @ self._weights
        )
        return float(right / self._total)
