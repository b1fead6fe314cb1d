"""Intervals and sets of a stated coverage, from what members say of held-out samples.

A member k has not seen the samples of its part. So the errors that it makes there are
like those that it makes on new samples. CV+ asks of a new sample x, for each former
sample i: what would the member that has not seen i predict at x, give or take the error
that it made at i? If the samples are exchangeable, an interval between quantiles of
these numbers holds the truth with a probability of at least ``1 - 2 * alpha``, and in
practice about ``1 - alpha``, with alpha the share that may be missed.

References: R. F. Barber, E. J. Candes, A. Ramdas, R. J. Tibshirani, "Predictive
inference with the jackknife+", Annals of Statistics 49, 2021, sections 1.3 and 3; for
classes Y. Romano, M. Sesia, E. J. Candes, "Classification with valid and adaptive
coverage", NeurIPS 2020, section 2.3.
"""

import numpy as np

# Numbers that are in memory at once.
BLOCK = 4_000_000


def intervals(predictions, parts, errors, coverage):
    """Return the CV+ intervals of new samples.

    Parameters
    ----------
    predictions : ndarray of shape (n_members, n)
        Of the new samples, by each member.
    parts : ndarray of shape (n_known,), int
        The member that held a known sample out.
    errors : ndarray of shape (n_known,)
        The absolute error of that member there.
    coverage : float
        In (0, 1).

    Returns
    -------
    intervals : ndarray of shape (n, 2)
        Infinite where there are too few known samples for the coverage.
    """
    n_known, n = errors.size, predictions.shape[1]
    rank = int(np.ceil(coverage * (n_known + 1)))
    bounds = np.empty((n, 2))
    if rank > n_known:
        bounds[:] = -np.inf, np.inf
        return bounds
    step = max(1, BLOCK // n_known)
    for start in range(0, n, step):
        block = slice(start, start + step)
        centres = predictions[parts, block].T
        low, high = centres - errors, centres + errors
        bounds[block, 0] = np.partition(low, n_known - rank, axis=1)[:, n_known - rank]
        bounds[block, 1] = np.partition(high, rank - 1, axis=1)[:, rank - 1]
    return bounds


def sets(probabilities, parts, scores, coverage):
    """Return which classes are in the CV+ sets of new samples.

    Parameters
    ----------
    probabilities : ndarray of shape (n_members, n, n_classes)
        Of the new samples, by each member.
    parts : ndarray of shape (n_known,), int
        The member that held a known sample out.
    scores : ndarray of shape (n_known,)
        One minus that member's probability of the true class.
    coverage : float
        In (0, 1).

    Returns
    -------
    is_in : ndarray of shape (n, n_classes), bool
        A class is in unless fewer than ``(1 - coverage) * (n_known + 1)`` known samples
        were at least as strange as the new one would be with this class.
    """
    n_members, n, n_classes = probabilities.shape
    counts = np.zeros((n, n_classes), int)
    for member in range(n_members):
        own = np.sort(scores[parts == member])
        strangeness = 1 - probabilities[member]
        counts += own.size - np.searchsorted(own, strangeness, side="left")
    return counts + 1 > (1 - coverage) * (scores.size + 1)
