"""Training losses: their codes, values, and gradients at the raw outputs.

A loss owns its output link, so that a pair need not be canonical. To add one: a member
of `Loss`, its link in `OUT_ACTIVATIONS` and its function in `LOSSES`, which is compiled
when a network first needs it.
"""

from enum import IntEnum

import numpy as np

from skgd.kernels._call import call, call_for_float
from skgd.kernels._jit import inline, jit
from skgd.kernels._math import add, exp


class Loss(IntEnum):
    """Codes of the losses; each one fixes the link from raw outputs to predictions."""

    SQUARED_ERROR = 0
    POISSON = 1
    BINARY_LOG_LOSS = 2
    LOG_LOSS = 3
    ABSOLUTE_ERROR = 4
    HUBER = 5
    QUANTILE = 6
    GAMMA = 7


# The names are those of scikit-learn's `out_activation_`.
OUT_ACTIVATIONS = {
    Loss.SQUARED_ERROR: "identity",
    Loss.POISSON: "exp",
    Loss.BINARY_LOG_LOSS: "logistic",
    Loss.LOG_LOSS: "softmax",
    Loss.ABSOLUTE_ERROR: "identity",
    Loss.HUBER: "identity",
    Loss.QUANTILE: "identity",
    Loss.GAMMA: "exp",
}


# Each function below goes over one output of all samples: z holds the raw outputs (for
# the softmax, the probabilities) and is overwritten by the weighted gradient; returned
# is the weighted sum of the values, in float64 whatever the dtype. `parameter` is
# huber_delta or quantile, or is not read.


@jit
def _squared_error(z, y, weight, parameter):
    # 0.5 (z - y)^2
    total = 0.0
    for i in range(z.size):
        error = z[i] - y[i]
        z[i] = weight[i] * error
        total = add(total, weight[i] * error * error)
    return 0.5 * total


@inline
def _pinball(z, y, weight, above, below):
    # above (z - y) where the raw output is too high, below (y - z) where it is too low.
    # At the kink the gradient is 0, one of the subgradients. A nan passes through.
    total = 0.0
    for i in range(z.size):
        error = z[i] - y[i]
        slope = error
        if error > 0:
            slope = above
        elif error < 0:
            slope = -below
        z[i] = weight[i] * slope
        total = add(total, weight[i] * slope * error)
    return total


@jit
def _absolute_error(z, y, weight, parameter):
    one = z.dtype.type(1)
    return _pinball(z, y, weight, one, one)


@jit
def _quantile(z, y, weight, parameter):
    scalar = z.dtype.type
    return _pinball(z, y, weight, scalar(1.0 - parameter), scalar(parameter))


@jit
def _huber(z, y, weight, parameter):
    # 0.5 error^2 up to huber_delta, and on from there in straight lines (Huber, 1964).
    half, huber_delta = z.dtype.type(0.5), z.dtype.type(parameter)
    total = 0.0
    for i in range(z.size):
        error = z[i] - y[i]
        slope = error
        if error > huber_delta:
            slope = huber_delta
        elif error < -huber_delta:
            slope = -huber_delta
        z[i] = weight[i] * slope
        total = add(total, weight[i] * slope * (error - half * slope))
    return total


@jit
def _gamma(z, y, weight, parameter):
    # Half the gamma deviance at exp(z): log(exp(z) / y) + y / exp(z) - 1. Written with
    # log(y) - z, so that only a deviance beyond the largest number overflows.
    one = z.dtype.type(1)
    total = 0.0
    for i in range(z.size):
        residual = np.log(y[i]) - z[i]
        delta = one - exp(residual)
        z[i] = weight[i] * delta
        total = add(total, -weight[i] * (residual + delta))
    return total


@jit
def _poisson(z, y, weight, parameter):
    # Half the Poisson deviance at exp(z): y log(y / exp(z)) - y + exp(z)
    total = 0.0
    for i in range(z.size):
        raw = z[i]
        delta = exp(raw) - y[i]
        z[i] = weight[i] * delta
        total = add(total, weight[i] * delta)
        if y[i] > 0:
            total = add(total, weight[i] * y[i] * (np.log(y[i]) - raw))
    return total


@jit
def _binary_log_loss(z, y, weight, parameter):
    # The value clips the probability to [eps, 1 - eps], as scikit-learn does; the
    # gradient is that of the unclipped loss. The clip lets a nan through.
    one = z.dtype.type(1)
    eps = np.finfo(z.dtype).eps
    total = 0.0
    for i in range(z.size):
        p = one / (one + exp(-z[i]))
        z[i] = weight[i] * (p - y[i])
        if p < eps:
            p = eps
        elif p > one - eps:
            p = one - eps
        if y[i] > 0:
            total = add(total, -weight[i] * y[i] * np.log(p))
        if y[i] < 1:
            total = add(total, -weight[i] * (one - y[i]) * np.log(one - p))
    return total


@jit
def _log_loss(p, y, weight, parameter):
    # Clipped as above.
    one = p.dtype.type(1)
    eps = np.finfo(p.dtype).eps
    total = 0.0
    for i in range(p.size):
        probability = p[i]
        p[i] = weight[i] * (probability - y[i])
        if y[i] > 0:
            if probability < eps:
                probability = eps
            elif probability > one - eps:
                probability = one - eps
            total = add(total, -weight[i] * y[i] * np.log(probability))
    return total


@jit
def softmax(Z):
    """Replace the raw outputs `Z`, shape (n_outputs, n), by each column's softmax."""
    n_outputs, n = Z.shape
    for i in range(n):
        top = Z[0, i]
        for k in range(1, n_outputs):
            if not Z[k, i] <= top:
                top = Z[k, i]
        for k in range(n_outputs):
            Z[k, i] -= top
    for k in range(n_outputs):
        z = Z[k]
        for i in range(n):
            z[i] = exp(z[i])
    for i in range(n):
        total = Z[0, i]
        for k in range(1, n_outputs):
            total += Z[k, i]
        for k in range(n_outputs):
            Z[k, i] /= total


LOSSES = {
    Loss.SQUARED_ERROR: _squared_error,
    Loss.POISSON: _poisson,
    Loss.BINARY_LOG_LOSS: _binary_log_loss,
    Loss.LOG_LOSS: _log_loss,
    Loss.ABSOLUTE_ERROR: _absolute_error,
    Loss.HUBER: _huber,
    Loss.QUANTILE: _quantile,
    Loss.GAMMA: _gamma,
}


@inline
def loss_and_delta(loss, softmax, parameter, Z, Y, weight):
    """Weighted sum of the losses; the raw outputs become the gradient at them.

    Parameters
    ----------
    loss, softmax : int
        Addresses of the function in `LOSSES`, and of `softmax` or 0.
    parameter : float
        The ``huber_delta`` or ``quantile``; not used by the other losses.
    Z : ndarray of shape (n_outputs, n)
        Raw outputs, before the link. Overwritten by the weighted gradient.
    Y : ndarray of shape (n_outputs, n)
        Targets.
    weight : ndarray of shape (n,)
        Sample weights.

    Returns
    -------
    float
        Sum over the samples of weight times the loss, which sums over outputs.
    """
    if softmax != 0:
        call(softmax, (Z,))
    total = 0.0
    for k in range(Z.shape[0]):
        total += call_for_float(loss, (Z[k], Y[k], weight, parameter))
    return total
