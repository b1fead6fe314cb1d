"""A temperature that calibrates probabilities.

Reference: C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural
networks", ICML 2017, section 4.2.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit, log_softmax, logit, softmax

# The logarithm of the temperature is normal with this spread before data are seen.
# Where classes of few samples are separable, the likeliest temperature is 0, and one
# new sample on the wrong side then costs more than all others together.
SPREAD = 0.2
# It is looked for between minus and plus this.
RANGE = 1.0
# Probabilities whose logarithms are taken are at least so large, and those of one label
# of several so far from 0 and 1.
TINY = float(np.finfo(np.float32).tiny)
MARGIN = 1e-7


def log_odds(probabilities, is_multilabel):
    """Return the raw outputs that give these probabilities, up to a constant."""
    if is_multilabel:
        return logit(np.clip(probabilities, MARGIN, 1 - MARGIN))
    return np.log(np.maximum(probabilities, TINY))


def with_temperature(probabilities, temperature, is_multilabel):
    """Return probabilities made flatter by a temperature above 1, or sharper."""
    if temperature == 1.0:
        return probabilities
    raw = log_odds(probabilities, is_multilabel) / temperature
    return expit(raw) if is_multilabel else softmax(raw, axis=1)


def find_temperature(probabilities, targets, sample_weight, is_multilabel):
    """Return the most likely temperature, given that it is near 1.

    Parameters
    ----------
    probabilities : ndarray of shape (n_samples, n_classes)
        Of samples that were not trained on.
    targets : ndarray of shape (n_samples, n_classes), of 0 and 1
    sample_weight : ndarray of shape (n_samples,) or None
        Only their ratios count.
    is_multilabel : bool

    Returns
    -------
    temperature : float
    """
    raw = log_odds(probabilities, is_multilabel)

    def loss(log_temperature):
        scaled = raw / np.exp(log_temperature)
        if is_multilabel:
            terms = targets * log_expit(scaled) + (1 - targets) * log_expit(-scaled)
        else:
            terms = targets * log_softmax(scaled, axis=1)
        mean = np.average(terms.sum(axis=1), weights=sample_weight)
        return 0.5 * (log_temperature / SPREAD) ** 2 - raw.shape[0] * mean

    found = minimize_scalar(loss, bounds=(-RANGE, RANGE), method="bounded")
    return float(np.exp(found.x)) if found.fun < loss(0.0) else 1.0


def extrapolate(of_one, of_some, n_some, n_all):
    """Return the temperature of an average of `n_all` networks.

    An average is less sure of itself than each of its networks, by so much as they
    differ, so it needs a lower temperature. The logarithm is taken to be a constant
    plus a multiple of one over the number of networks.

    Parameters
    ----------
    of_one, of_some : float
        Temperatures of one network, and of an average of `n_some`.
    n_some : float
        Above 1, or else nothing is known but `of_one`, which is returned.
    n_all : int

    Returns
    -------
    temperature : float
    """
    if n_some <= 1:
        return of_one
    power = (1 - 1 / n_all) / (1 - 1 / n_some)
    return of_one * (of_some / of_one) ** power
