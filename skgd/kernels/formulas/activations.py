"""Activations of hidden layers: each is a record of its functions and first weights.

To add one, write its functions, and add its record to `ACTIVATIONS`. The record's name
is the one that users write. A function is compiled when a network first needs it.

References: D. Clevert et al., 2016 (elu); G. Klambauer et al., 2017 (selu);
D. Hendrycks and K. Gimpel, 2016 (gelu, silu); D. Misra, 2020 (mish).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skgd.kernels.formulas.elementary import exp, expm1, log1p, normal, tanh
from skgd.kernels.machine.jit import jit


class ActivationFormula(NamedTuple):
    """An activation.

    Attributes
    ----------
    name : str
    value : callable
        ``value(z)`` overwrites the pre-activations z (1-D) by the activations.
    derivative : callable or None
        ``derivative(a, delta)`` multiplies delta (1-D) by the derivative, computed from
        the activations a.
    slope : callable or None
        ``slope(z, slopes)`` overwrites z by the activations, and slopes (1-D) by the
        derivatives. An activation that falls and rises again has it in the place of
        `derivative`, as its derivative does not follow from its value.
    glorot : float or None
        If it is given, first weights are within sqrt(glorot / (fan_in + fan_out)), as
        scikit-learn draws them for its own activations.
    he : float
        If `glorot` is None, first weights are within sqrt(he / fan_in). With 6 their
        variance is 2 / fan_in (He et al., 2015), which is meant for relu. With the
        activations here, standard normal pre-activations then have a mean square
        between 0.7 (silu) and 1.8 (softplus) in the next layer.
    """

    name: str
    value: Callable
    derivative: Callable = None
    slope: Callable = None
    glorot: float = None
    he: float = 6.0

    def bound(self, fan_in, fan_out):
        """Return the bound of the uniform distribution of a layer's first weights."""
        if self.glorot is None:
            return float(np.sqrt(self.he / fan_in))
        return float(np.sqrt(self.glorot / (fan_in + fan_out)))

    def output_bound(self, fan_in, fan_out):
        """Return the bound for an output layer that follows, as in scikit-learn."""
        glorot = 6.0 if self.glorot is None else self.glorot
        return float(np.sqrt(glorot / (fan_in + fan_out)))


# The slope of leaky_relu below 0, as in PyTorch.
LEAKY_SLOPE = 0.01
# The slope of selu above 0, and minus its limit far below 0. They are the paper's
# lambda, and lambda times alpha, with which activations of mean 0 and variance 1 keep
# mean and variance from layer to layer (Klambauer et al., eq. 14).
SELU_SCALE = 1.0507009873554805
SELU_FLOOR = 1.7580993408473769


@jit
def _identity(z):
    pass


@jit
def _identity_derivative(a, delta):
    pass


@jit
def _logistic(z):
    one = z.dtype.type(1)
    for i in range(z.size):
        z[i] = one / (one + exp(-z[i]))


@jit
def _logistic_derivative(a, delta):
    one = a.dtype.type(1)
    for i in range(a.size):
        delta[i] *= a[i] * (one - a[i])


@jit
def _tanh(z):
    for i in range(z.size):
        z[i] = tanh(z[i])


@jit
def _tanh_derivative(a, delta):
    one = a.dtype.type(1)
    for i in range(a.size):
        delta[i] *= one - a[i] * a[i]


@jit
def _relu(z):
    # The number is multiplied by 0 or 1. A condition would become a masked store, which
    # is slow on AMD's older cores: 10,000 numbers took 6.0 us with it and 3.2 us like
    # this, and the derivative 6.4 and 3.0 us (measured; `tests/benchmarks/step.py`
    # times both in a step). As -inf times 0 is nan, -inf becomes the lowest number
    # first.
    zero, one = z.dtype.type(0), z.dtype.type(1)
    lowest = np.finfo(z.dtype).min
    for i in range(z.size):
        x = lowest if z[i] < lowest else z[i]
        z[i] = x * (one if z[i] > zero else zero)


@jit
def _relu_derivative(a, delta):
    zero, one = a.dtype.type(0), a.dtype.type(1)
    for i in range(a.size):
        delta[i] *= one if a[i] > zero else zero


@jit
def _leaky_relu(z):
    zero, one, slope = z.dtype.type(0), z.dtype.type(1), z.dtype.type(LEAKY_SLOPE)
    for i in range(z.size):
        z[i] *= slope if z[i] < zero else one


@jit
def _leaky_relu_derivative(a, delta):
    zero, one, slope = a.dtype.type(0), a.dtype.type(1), a.dtype.type(LEAKY_SLOPE)
    for i in range(a.size):
        delta[i] *= one if a[i] > zero else slope


@jit
def _elu(z):
    zero = z.dtype.type(0)
    for i in range(z.size):
        below = expm1(z[i])
        z[i] = z[i] if z[i] > zero else below


@jit
def _elu_derivative(a, delta):
    zero, one = a.dtype.type(0), a.dtype.type(1)
    for i in range(a.size):
        delta[i] *= one if a[i] > zero else a[i] + one


@jit
def _selu(z):
    zero = z.dtype.type(0)
    scale, floor = z.dtype.type(SELU_SCALE), z.dtype.type(SELU_FLOOR)
    for i in range(z.size):
        below = floor * expm1(z[i])
        z[i] = scale * z[i] if z[i] > zero else below


@jit
def _selu_derivative(a, delta):
    zero = a.dtype.type(0)
    scale, floor = a.dtype.type(SELU_SCALE), a.dtype.type(SELU_FLOOR)
    for i in range(a.size):
        delta[i] *= scale if a[i] > zero else a[i] + floor


@jit
def _softplus(z):
    zero = z.dtype.type(0)
    for i in range(z.size):
        rest = log1p(exp(-abs(z[i])))
        z[i] = z[i] + rest if z[i] > zero else rest


@jit
def _softplus_derivative(a, delta):
    # The derivative is the logistic function of z, and a = -log(1 - logistic(z)).
    for i in range(a.size):
        delta[i] *= -expm1(-a[i])


@jit
def _gelu(z):
    for i in range(z.size):
        cdf, _ = normal(z[i])
        z[i] *= cdf


@jit
def _gelu_and_slope(z, slope):
    for i in range(z.size):
        cdf, density = normal(z[i])
        slope[i] = cdf + z[i] * density
        z[i] *= cdf


@jit
def _silu(z):
    # Above 40 the logistic function is 1, and its exponential would overflow.
    one, top = z.dtype.type(1), z.dtype.type(40)
    for i in range(z.size):
        e = exp(top if z[i] > top else z[i])
        z[i] *= e / (one + e)


@jit
def _silu_and_slope(z, slope):
    one, top = z.dtype.type(1), z.dtype.type(40)
    for i in range(z.size):
        below = top if z[i] > top else z[i]
        e = exp(below)
        rest = one / (one + e)  # 1 - logistic(z), with all its digits
        logistic = e / (one + e)
        slope[i] = logistic * (one + below * rest)
        z[i] *= logistic


@jit
def _mish(z):
    # tanh(log(1 + e)) is n / (n + 2) with n = e (e + 2); above 22 it is 1.
    two, top = z.dtype.type(2), z.dtype.type(22)
    for i in range(z.size):
        e = exp(top if z[i] > top else z[i])
        n = e * (e + two)
        z[i] *= n / (n + two)


@jit
def _mish_and_slope(z, slope):
    one, two, four = z.dtype.type(1), z.dtype.type(2), z.dtype.type(4)
    top = z.dtype.type(22)
    for i in range(z.size):
        below = top if z[i] > top else z[i]
        e = exp(below)
        n = e * (e + two)
        inverse = one / (n + two)
        value = n / (n + two)
        # The derivative of n / (n + 2) by z is 4 e (e + 1) / (n + 2)^2.
        slope[i] = value + below * (four * (e * inverse) * ((e + one) * inverse))
        z[i] *= value


ACTIVATIONS = {
    activation.name: activation
    for activation in [
        ActivationFormula("identity", _identity, _identity_derivative, glorot=6.0),
        ActivationFormula("logistic", _logistic, _logistic_derivative, glorot=2.0),
        ActivationFormula("tanh", _tanh, _tanh_derivative, glorot=6.0),
        ActivationFormula("relu", _relu, _relu_derivative, glorot=6.0),
        ActivationFormula("leaky_relu", _leaky_relu, _leaky_relu_derivative),
        ActivationFormula("elu", _elu, _elu_derivative),
        # With 3 first weights have the variance 1 / fan_in (Klambauer et al., 2017).
        ActivationFormula("selu", _selu, _selu_derivative, he=3.0),
        ActivationFormula("gelu", _gelu, slope=_gelu_and_slope),
        ActivationFormula("silu", _silu, slope=_silu_and_slope),
        ActivationFormula("softplus", _softplus, _softplus_derivative),
        ActivationFormula("mish", _mish, slope=_mish_and_slope),
    ]
}


def find_activation(activation):
    """Return the formula of an activation, given its name or a user's `Activation`."""
    is_name = isinstance(activation, str)
    return ACTIVATIONS[activation] if is_name else activation.formula
