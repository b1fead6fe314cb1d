"""Training losses: their codes, values, and gradients at the raw outputs.

A loss owns its output link, so that a pair need not be canonical. To add one: a member
of `Loss`, its link in `OUT_ACTIVATIONS` and a branch in `loss_and_delta`.
"""

import math
from enum import IntEnum

import numpy as np

from skgd.kernels._jit import jit


class Loss(IntEnum):
    """Codes of the losses; each one fixes the link from raw outputs to predictions."""

    SQUARED_ERROR = 0
    POISSON = 1
    BINARY_LOG_LOSS = 2
    LOG_LOSS = 3


# The names are those of scikit-learn's `out_activation_`.
OUT_ACTIVATIONS = {
    Loss.SQUARED_ERROR: "identity",
    Loss.POISSON: "exp",
    Loss.BINARY_LOG_LOSS: "logistic",
    Loss.LOG_LOSS: "softmax",
}


@jit
def _squared_error(z, y, out):
    # 0.5 (z - y)^2
    for i in range(z.size):
        error = z[i] - y[i]
        z[i] = error
        out[i] += z.dtype.type(0.5) * error * error


@jit
def _poisson(z, y, out):
    # Half the Poisson deviance at exp(z): y log(y / exp(z)) - y + exp(z)
    for i in range(z.size):
        prediction = math.exp(z[i])
        value = prediction - y[i]
        z[i], raw = value, z[i]
        if y[i] > 0:
            value += y[i] * (math.log(y[i]) - raw)
        out[i] += value


@jit
def _binary_log_loss(z, y, out):
    # The probability is clipped to [eps, 1 - eps] in the value, as scikit-learn does;
    # the gradient is that of the unclipped loss.
    one = z.dtype.type(1)
    eps = np.finfo(z.dtype).eps
    for i in range(z.size):
        p = one / (one + math.exp(-z[i]))
        clipped = min(max(p, eps), one - eps)
        if math.isnan(p):
            clipped = p
        if y[i] > 0:
            out[i] -= y[i] * math.log(clipped)
        if y[i] < 1:
            out[i] -= (one - y[i]) * math.log(one - clipped)
        z[i] = p - y[i]


@jit
def _softmax(Z):
    """Replace the raw outputs `Z`, shape (n_outputs, n), by a softmax of each column."""
    n_outputs, n = Z.shape
    top = Z[0].copy()
    for k in range(1, n_outputs):
        for i in range(n):
            if not Z[k, i] <= top[i]:
                top[i] = Z[k, i]
    total = np.zeros_like(top)
    for k in range(n_outputs):
        for i in range(n):
            Z[k, i] = math.exp(Z[k, i] - top[i])
            total[i] += Z[k, i]
    for k in range(n_outputs):
        for i in range(n):
            Z[k, i] /= total[i]


@jit
def _log_loss_of_probability(p, y, out):
    one = p.dtype.type(1)
    eps = np.finfo(p.dtype).eps
    for i in range(p.size):
        if math.isnan(p[i]):
            out[i] = p[i]
        elif y[i] > 0:
            out[i] -= y[i] * math.log(min(max(p[i], eps), one - eps))
        p[i] -= y[i]


@jit
def loss_and_delta(loss, Z, Y, weight):
    """Weighted sum of the losses; the raw outputs become the gradient at them.

    Parameters
    ----------
    loss : int
        A member of `Loss`.
    Z : ndarray of shape (n_outputs, n)
        Raw outputs, before the link. Overwritten by the weighted gradient.
    Y : ndarray of shape (n_outputs, n)
        Targets.
    weight : ndarray of shape (n,) or (0,)
        Sample weights; none when empty.

    Returns
    -------
    float
        Sum over the samples of weight times the loss, which sums over outputs.
    """
    n_outputs, n = Z.shape
    values = np.zeros(n, Z.dtype)
    if loss == Loss.LOG_LOSS:
        _softmax(Z)
    for k in range(n_outputs):
        if loss == Loss.SQUARED_ERROR:
            _squared_error(Z[k], Y[k], values)
        elif loss == Loss.POISSON:
            _poisson(Z[k], Y[k], values)
        elif loss == Loss.BINARY_LOG_LOSS:
            _binary_log_loss(Z[k], Y[k], values)
        else:
            _log_loss_of_probability(Z[k], Y[k], values)

    total = 0.0  # float64 whatever the dtype
    if weight.size == 0:
        for i in range(n):
            total += values[i]
        return total
    for i in range(n):
        total += weight[i] * values[i]
    for k in range(n_outputs):
        for i in range(n):
            Z[k, i] *= weight[i]
    return total
