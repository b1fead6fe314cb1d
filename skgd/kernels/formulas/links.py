"""Links, the functions from raw outputs to predictions, by their names."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit, log_expit, log_softmax, logit, softmax

# Means are kept at least this far above 0, as the raw output of 0 is not finite.
TINY = 1e-300


class Link(NamedTuple):
    """A link.

    Attributes
    ----------
    name : str
        What the estimators show as `out_activation_`.
    value : callable
        Returns the predictions for raw outputs of shape (n, n_outputs).
    inverse : callable
        Returns the raw outputs that give mean predictions of shape (n_outputs,).
    log : callable or None
        Returns the logarithms of predictions for raw outputs, without computing the
        predictions, which may be 0. None if predictions are not probabilities.
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
