"""Training losses: each is a record of its function, its link and its targets.

Each loss has its own link, so the two need not be a canonical pair. To add a loss,
write its function, and add its record to `LOSSES`. The function is compiled when a
network first needs it.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from skgd.kernels.formulas.elementary import add, exp, log1p
from skgd.kernels.machine.call import address, call_for_float
from skgd.kernels.machine.jit import inline, jit


class LossFormula(NamedTuple):
    """A training loss.

    Attributes
    ----------
    name : str
    link : str
        Name of the link from raw outputs to predictions, a key of `formulas.links`. The
        estimators show it as `out_activation_`.
    function : callable
        ``function(z, y, weight, parameter)`` takes one output of all samples. It
        overwrites the raw outputs z by the weighted gradient at them, and returns the
        weighted sum of the losses, in float64 whatever the dtype.
    is_joint : bool
        Whether the loss of a sample is not a sum over its outputs. The function is then
        called as ``function(Z, Y, weight)``, with arrays of shape (n_outputs, n).
    of_regression : bool
        Whether users can give its name to a regressor.
    parameter : str or None
        Name of the estimator's parameter that it reads, such as `huber_delta`.
    constant : callable or None
        ``constant(y, weight, parameter)`` returns the constant raw output of least
        loss. None if that is the inverse link of the targets' mean.
    needs : str or None
        The condition on the targets, such as 'y > 0'; None if all numbers will do.
    refuses : callable or None
        ``refuses(y, 0)`` returns True where a target does not fulfil it.
    """

    name: str
    link: str
    function: Callable
    is_joint: bool = False
    of_regression: bool = True
    parameter: str = None
    constant: Callable = None
    needs: str = None
    refuses: Callable = None


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
    # 0.5 error^2 for errors up to huber_delta, and straight lines beyond (Huber, 1964).
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
    # log(1 + exp(z)) - y z, computed by the logarithm of a number between 1 and 2. It
    # stays exact where scikit-learn, which takes the logarithm of the probability, has
    # to clip the probability.
    zero, one = z.dtype.type(0), z.dtype.type(1)
    total = 0.0
    for i in range(z.size):
        raw = z[i]
        e = exp(-abs(raw))
        p = (one if raw > zero else e) / (one + e)
        z[i] = weight[i] * (p - y[i])
        above = raw if raw > zero else zero
        total = add(total, weight[i] * ((above - y[i] * raw) + log1p(e)))
    return total


@jit
def _log_loss(Z, Y, weight):
    # With `top` the largest raw output of a sample, the sample's loss is
    # log(sum(exp(z - top))) - sum(y (z - top)), as its targets sum to 1. One term of
    # the first sum is 1, so its logarithm is log1p of the sum of all other terms. It
    # stays exact where scikit-learn has to clip the probability.
    n_outputs, n = Z.shape
    one = Z.dtype.type(1)
    total = 0.0
    for i in range(n):
        top = Z[0, i]
        for k in range(1, n_outputs):
            if not Z[k, i] <= top:  # so that a nan is the largest
                top = Z[k, i]
        hit = Z.dtype.type(0)
        for k in range(n_outputs):
            Z[k, i] -= top
            if Y[k, i] > 0:  # otherwise 0 times -inf would be nan
                hit += Y[k, i] * Z[k, i]
        total -= weight[i] * hit
    for k in range(n_outputs):
        z = Z[k]
        for i in range(n):
            z[i] = exp(z[i])
    for i in range(n):
        others, has_top = Z.dtype.type(0), False
        for k in range(n_outputs):
            if Z[k, i] == one and not has_top:
                has_top = True
            else:
                others += Z[k, i]
        total += weight[i] * np.log1p(others)
        for k in range(n_outputs):
            Z[k, i] = weight[i] * (Z[k, i] / (one + others) - Y[k, i])
    return total


def _quantile_of(y, weight, parameter):
    order = np.argsort(y)
    shares = np.cumsum(weight[order])
    place = np.searchsorted(shares, parameter * shares[-1])
    return y[order[min(place, y.size - 1)]]


def _median_of(y, weight, parameter):
    return _quantile_of(y, weight, 0.5)


def _huber_centre_of(y, weight, parameter):
    def loss(constant):
        error = np.abs(y - constant)
        far = parameter * (error - parameter / 2)
        return (weight * np.where(error <= parameter, error**2 / 2, far)).sum()

    bounds = y.min(), y.max()
    if bounds[0] == bounds[1]:
        return bounds[0]
    options = {"xatol": 1e-9 * (bounds[1] - bounds[0])}
    return minimize_scalar(loss, bounds=bounds, method="bounded", options=options).x


LOSSES = {
    loss.name: loss
    for loss in [
        LossFormula("squared_error", "identity", _squared_error),
        LossFormula("absolute_error", "identity", _absolute_error, constant=_median_of),
        LossFormula(
            *("huber", "identity", _huber),
            parameter="huber_delta",
            constant=_huber_centre_of,
        ),
        LossFormula(
            *("quantile", "identity", _quantile),
            parameter="quantile",
            constant=_quantile_of,
        ),
        LossFormula("poisson", "exp", _poisson, needs="y >= 0", refuses=np.less),
        LossFormula("gamma", "exp", _gamma, needs="y > 0", refuses=np.less_equal),
        LossFormula(
            "binary_log_loss", "logistic", _binary_log_loss, of_regression=False
        ),
        LossFormula(
            "log_loss", "softmax", _log_loss, is_joint=True, of_regression=False
        ),
    ]
}


def find_loss(loss):
    """Return the formula of a loss, given its name or a user's `Loss`."""
    return LOSSES[loss] if isinstance(loss, str) else loss.formula


@cache
def loss_addresses(loss, dtype):
    """Compile a loss, or load it; return two addresses, of which one is 0.

    The first is for losses of one output, the second for joint losses of all outputs.
    """
    vector, matrix = np.empty(0, dtype), np.empty((0, 0), dtype)
    if loss.is_joint:
        return 0, address(loss.function, matrix, matrix, vector)
    return address(loss.function, vector, vector, vector, 0.0), 0


@inline
def loss_and_delta(loss, joint_loss, parameter, Z, Y, weight):
    """Return the weighted sum of the losses, and overwrite raw outputs by gradients.

    Parameters
    ----------
    loss, joint_loss : int
        The addresses that `loss_addresses` returns.
    parameter : float
        The ``huber_delta`` or ``quantile``; all other losses ignore it.
    Z : ndarray of shape (n_outputs, n)
        Raw outputs, before the link. Overwritten by the weighted gradient.
    Y : ndarray of shape (n_outputs, n)
        Targets.
    weight : ndarray of shape (n,)
        Sample weights.

    Returns
    -------
    float
        Sum over samples and outputs of weight times loss.
    """
    if joint_loss != 0:
        return call_for_float(joint_loss, (Z, Y, weight))
    total = 0.0
    for k in range(Z.shape[0]):
        total += call_for_float(loss, (Z[k], Y[k], weight, parameter))
    return total


@jit
def sum_of_losses(loss, joint_loss, parameter, Z, Y, weight):
    """Do `loss_and_delta`, in a form that Python can call."""
    return loss_and_delta(loss, joint_loss, parameter, Z, Y, weight)
