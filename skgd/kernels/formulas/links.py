"""Output links: from raw outputs to predictions, by the name of a loss's link."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit, log_expit, log_softmax, logit, softmax

# Means closer to 0 or 1 have a raw output that is not finite.
TINY = 1e-300


class Link(NamedTuple):
    """A link.

    Attributes
    ----------
    name : str
        What the estimators show as `out_activation_`.
    value : callable
        Makes predictions of raw outputs of shape (n, n_outputs).
    inverse : callable
        Makes raw outputs of mean predictions, of shape (n_outputs,).
    log : callable or None
        The logarithm of predictions that are probabilities, without going through
        them.
    """

    name: str
    value: Callable
    inverse: Callable
    log: Callable = None


LINKS = {
    link.name: link
    for link in [
        Link("identity", lambda raw: raw, lambda mean: mean),
        Link("exp", np.exp, lambda mean: np.log(np.maximum(mean, TINY))),
        Link(
            "logistic",
            value=expit,
            inverse=lambda mean: logit(np.clip(mean, TINY, 1 - 1e-16)),
            log=log_expit,
        ),
        Link(
            "softmax",
            value=lambda raw: softmax(raw, axis=1),
            inverse=lambda mean: np.log(np.maximum(mean, TINY)),
            log=lambda raw: log_softmax(raw, axis=1),
        ),
    ]
}
