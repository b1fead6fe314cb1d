"""Intervals and sets of a stated coverage, from predictions of held-out samples.

A team of members that have not seen a sample errs there as it errs on new samples. So
CV+ asks of a new sample x, for each former sample i: what would the team that has not
seen i predict at x, give or take the error that it made at i? Between quantiles of
these numbers, x's target lies with a probability of about ``1 - alpha``, where alpha is
the share that may be missed. If the samples are exchangeable and each team is one
member, at least ``1 - 2 * alpha`` is proven.

References: R. F. Barber, E. J. Candes, A. Ramdas, R. J. Tibshirani, "Predictive
inference with the jackknife+", Annals of Statistics 49, 2021, sections 1.3 and 3; for
teams B. Kim, C. Xu, R. F. Barber, "Predictive inference is free with the
jackknife+-after-bootstrap", NeurIPS 2020; for classes Y. Romano, M. Sesia, E. J.
Candes, "Classification with valid and adaptive coverage", NeurIPS 2020, section 2.3.
"""

import numpy as np

# Numbers that are in memory at once.
BLOCK = 4_000_000


def intervals(predictions, teams, errors, coverage):
    """Return the CV+ intervals of new samples.

    Parameters
    ----------
    predictions : ndarray of shape (n_teams, n)
        Of the new samples, by each team.
    teams : ndarray of shape (n_known,), int
        The team that has not seen a known sample.
    errors : ndarray of shape (n_known,)
        The absolute error of that team there.
    coverage : float
        In (0, 1).

    Returns
    -------
    intervals : ndarray of shape (n, 2)
        Infinite where there are too few known samples for the coverage. Where the
        teams differ more than they err, a low coverage may leave nothing between the
        ends; both are then put halfway.
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
        centres = predictions[teams, block].T
        low, high = centres - errors, centres + errors
        bounds[block, 0] = np.partition(low, n_known - rank, axis=1)[:, n_known - rank]
        bounds[block, 1] = np.partition(high, rank - 1, axis=1)[:, rank - 1]
    crossed = bounds[:, 0] > bounds[:, 1]
    bounds[crossed] = bounds[crossed].mean(axis=1, keepdims=True)
    return bounds


def sets(probabilities, teams, scores, coverage):
    """Return which classes are in the CV+ sets of new samples.

    Parameters
    ----------
    probabilities : ndarray of shape (n_teams, n, n_classes)
        Of the new samples, by each team.
    teams : ndarray of shape (n_known,), int
        The team that has not seen a known sample.
    scores : ndarray of shape (n_known,)
        One minus that team's probability of the true class.
    coverage : float
        In (0, 1).

    Returns
    -------
    is_in : ndarray of shape (n, n_classes), bool
        A class is in unless fewer than ``(1 - coverage) * (n_known + 1)`` known samples
        were at least as strange as the new one would be with this class.
    """
    n_teams, n, n_classes = probabilities.shape
    counts = np.zeros((n, n_classes), int)
    for team in range(n_teams):
        own = np.sort(scores[teams == team])
        strangeness = 1 - probabilities[team]
        counts += own.size - np.searchsorted(own, strangeness, side="left")
    return counts + 1 > (1 - coverage) * (scores.size + 1)
