"""A temperature that calibrates probabilities.

Reference: C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural
networks", ICML 2017, section 4.2.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit, log_softmax, logit, softmax

# The logarithm of the temperature is looked for between minus and plus this.
RANGE = 3.0


def log_odds(probabilities, is_multilabel):
    """Return the raw outputs that give these probabilities, up to a constant."""
    tiny = np.finfo(np.float32).tiny
    if is_multilabel:
        return logit(np.clip(probabilities, 1e-7, 1 - 1e-7))
    return np.log(np.maximum(probabilities, tiny))


def with_temperature(probabilities, temperature, is_multilabel):
    """Return probabilities made flatter by a temperature above 1, or sharper."""
    if temperature == 1.0:
        return probabilities
    raw = log_odds(probabilities, is_multilabel) / temperature
    return expit(raw) if is_multilabel else softmax(raw, axis=1)


def find_temperature(probabilities, targets, sample_weight, is_multilabel):
    """Return the temperature of least log loss.

    Parameters
    ----------
    probabilities : ndarray of shape (n_samples, n_classes)
        Of samples that were not trained on.
    targets : ndarray of shape (n_samples, n_classes), of 0 and 1
    sample_weight : ndarray of shape (n_samples,) or None
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
        return -np.average(terms.sum(axis=1), weights=sample_weight)

    found = minimize_scalar(loss, bounds=(-RANGE, RANGE), method="bounded")
    return float(np.exp(found.x)) if found.fun < loss(0.0) else 1.0
