"""Hidden-layer activations: their codes, values and derivatives.

To add one: a member of `Activation`, a branch in `apply`, and one for its derivative:
in `multiply_by_derivative` if it is a function of the activation, or else in
`apply_with_slope`, with a place in `NEEDS_INPUT`. The name in lower case is the name
that users write.

References: D. Clevert et al., 2016 (elu); G. Klambauer et al., 2017 (selu);
D. Hendrycks and K. Gimpel, 2016 (gelu, silu); D. Misra, 2020 (mish).
"""

from enum import IntEnum

from skgd.kernels._jit import jit
from skgd.kernels._math import exp, expm1, log1p, normal, tanh


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


# Those whose derivative does not follow from the activation: they fall and rise again.
NEEDS_INPUT = frozenset({Activation.GELU, Activation.SILU, Activation.MISH})

# Of leaky_relu below 0, as in PyTorch.
LEAKY_SLOPE = 0.01
# Of selu above 0, and minus its limit far below: lambda, and lambda times alpha, which
# make activations of mean 0 and variance 1 keep them (Klambauer et al., eq. 14).
SELU_SCALE = 1.0507009873554805
SELU_FLOOR = 1.7580993408473769


@jit
def apply(activation, z):
    """Replace the pre-activations `z` (1-D) by the activations."""
    scalar = z.dtype.type
    zero, one, two = scalar(0), scalar(1), scalar(2)
    if activation == Activation.LOGISTIC:
        for i in range(z.size):
            z[i] = one / (one + exp(-z[i]))
    elif activation == Activation.TANH:
        for i in range(z.size):
            z[i] = tanh(z[i])
    elif activation == Activation.RELU:
        for i in range(z.size):
            # Written so that a nan stays a nan.
            if z[i] < zero:
                z[i] = zero
    elif activation == Activation.LEAKY_RELU:
        slope = scalar(LEAKY_SLOPE)
        for i in range(z.size):
            if z[i] < zero:
                z[i] *= slope
    elif activation == Activation.ELU or activation == Activation.SELU:
        scale, floor = one, one
        if activation == Activation.SELU:
            scale, floor = scalar(SELU_SCALE), scalar(SELU_FLOOR)
        for i in range(z.size):
            below = floor * expm1(z[i])
            z[i] = scale * z[i] if z[i] > zero else below
    elif activation == Activation.GELU:
        for i in range(z.size):
            cdf, _ = normal(z[i])
            z[i] *= cdf
    elif activation == Activation.SILU:
        # Above 40 the logistic function is 1, and its exponential would overflow.
        top = scalar(40)
        for i in range(z.size):
            e = exp(top if z[i] > top else z[i])
            z[i] *= e / (one + e)
    elif activation == Activation.SOFTPLUS:
        for i in range(z.size):
            rest = log1p(exp(-abs(z[i])))
            z[i] = z[i] + rest if z[i] > zero else rest
    elif activation == Activation.MISH:
        # tanh(log(1 + e)) is n / (n + 2) with n = e (e + 2); above 22 it is 1.
        top = scalar(22)
        for i in range(z.size):
            e = exp(top if z[i] > top else z[i])
            n = e * (e + two)
            z[i] *= n / (n + two)


@jit
def multiply_by_derivative(activation, a, delta):
    """Multiply `delta` (1-D) by the derivative, given the activations `a`.

    Not for the members of `NEEDS_INPUT`.
    """
    scalar = a.dtype.type
    zero, one = scalar(0), scalar(1)
    if activation == Activation.LOGISTIC:
        for i in range(a.size):
            delta[i] *= a[i] * (one - a[i])
    elif activation == Activation.TANH:
        for i in range(a.size):
            delta[i] *= one - a[i] * a[i]
    elif activation == Activation.RELU:
        for i in range(a.size):
            if a[i] == zero:
                delta[i] = zero
    elif activation == Activation.LEAKY_RELU:
        slope = scalar(LEAKY_SLOPE)
        for i in range(a.size):
            delta[i] *= one if a[i] > zero else slope
    elif activation == Activation.ELU or activation == Activation.SELU:
        scale, floor = one, one
        if activation == Activation.SELU:
            scale, floor = scalar(SELU_SCALE), scalar(SELU_FLOOR)
        for i in range(a.size):
            delta[i] *= scale if a[i] > zero else a[i] + floor
    elif activation == Activation.SOFTPLUS:
        # The logistic function: a = -log(1 - logistic(z)).
        for i in range(a.size):
            delta[i] *= -expm1(-a[i])


@jit
def apply_with_slope(activation, z, slope):
    """Replace the pre-activations `z` by the activations; their derivatives in `slope`.

    For every activation: the members of `NEEDS_INPUT` must be differentiated here.
    """
    scalar = z.dtype.type
    one, two, four = scalar(1), scalar(2), scalar(4)
    if activation == Activation.GELU:
        for i in range(z.size):
            cdf, density = normal(z[i])
            slope[i] = cdf + z[i] * density
            z[i] *= cdf
    elif activation == Activation.SILU:
        top = scalar(40)
        for i in range(z.size):
            below = top if z[i] > top else z[i]
            e = exp(below)
            rest = one / (one + e)  # 1 - logistic(z), with all its digits
            logistic = e / (one + e)
            slope[i] = logistic * (one + below * rest)
            z[i] *= logistic
    elif activation == Activation.MISH:
        top = scalar(22)
        for i in range(z.size):
            below = top if z[i] > top else z[i]
            e = exp(below)
            n = e * (e + two)
            inverse = one / (n + two)
            value = n / (n + two)
            # The derivative of n / (n + 2) by z is 4 e (e + 1) / (n + 2)^2.
            slope[i] = value + below * (four * (e * inverse) * ((e + one) * inverse))
            z[i] *= value
    else:
        apply(activation, z)
        for i in range(z.size):
            slope[i] = one
        multiply_by_derivative(activation, z, slope)
