"""Hidden-layer activations: their codes, values and derivatives.

To add one: a member of `Activation`, a function of its value in `VALUES`, and one of
its derivative: in `DERIVATIVES` if it follows from the activation, or else in `SLOPES`.
The name in lower case is the name that users write. Each function is compiled when a
network first needs it.

References: D. Clevert et al., 2016 (elu); G. Klambauer et al., 2017 (selu);
D. Hendrycks and K. Gimpel, 2016 (gelu, silu); D. Misra, 2020 (mish).
"""

from enum import IntEnum

import numpy as np

from skgd.kernels.formulas.elementary import exp, expm1, log1p, normal, tanh
from skgd.kernels.machine.jit import jit


class Activation(IntEnum):
    """Codes of the hidden-layer activations."""

    IDENTITY = 0
    LOGISTIC = 1
    TANH = 2
    RELU = 3
    LEAKY_RELU = 4
    ELU = 5
    SELU = 6
    GELU = 7
    SILU = 8
    SOFTPLUS = 9
    MISH = 10


# Rows of `Functions.hidden`, a column for each layer: the addresses of its functions, 0
# where there is none, and whether it writes slopes down.
VALUE, DERIVATIVE, SLOPE, DROP, HAS_SLOPES = range(5)

# Of leaky_relu below 0, as in PyTorch.
LEAKY_SLOPE = 0.01
# Of selu above 0, and minus its limit far below: lambda, and lambda times alpha, which
# make activations of mean 0 and variance 1 keep them (Klambauer et al., eq. 14).
SELU_SCALE = 1.0507009873554805
SELU_FLOOR = 1.7580993408473769

# Values: the pre-activations z (1-D) become the activations. Derivatives: delta (1-D)
# is multiplied by the derivative, given the activations a. Slopes: z becomes the
# activations, and slope (1-D) the derivative.


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
    # A product, as a condition becomes a masked store, which AMD's older cores take
    # apart: 10,000 numbers took 6.0 us with it and 3.2 like this, the derivative 6.4
    # and 3.0 (measured). Of -inf it would be nan.
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
    # The logistic function: a = -log(1 - logistic(z)).
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


VALUES = {
    Activation.IDENTITY: _identity,
    Activation.LOGISTIC: _logistic,
    Activation.TANH: _tanh,
    Activation.RELU: _relu,
    Activation.LEAKY_RELU: _leaky_relu,
    Activation.ELU: _elu,
    Activation.SELU: _selu,
    Activation.GELU: _gelu,
    Activation.SILU: _silu,
    Activation.SOFTPLUS: _softplus,
    Activation.MISH: _mish,
}

DERIVATIVES = {
    Activation.IDENTITY: _identity_derivative,
    Activation.LOGISTIC: _logistic_derivative,
    Activation.TANH: _tanh_derivative,
    Activation.RELU: _relu_derivative,
    Activation.LEAKY_RELU: _leaky_relu_derivative,
    Activation.ELU: _elu_derivative,
    Activation.SELU: _selu_derivative,
    Activation.SOFTPLUS: _softplus_derivative,
}

# Of those that fall and rise again, so that the activation does not tell the slope.
SLOPES = {
    Activation.GELU: _gelu_and_slope,
    Activation.SILU: _silu_and_slope,
    Activation.MISH: _mish_and_slope,
}
