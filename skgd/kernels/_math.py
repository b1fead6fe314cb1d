"""Elementary functions that LLVM can vectorise, where libm's are called one by one.

Each is straight-line arithmetic without a branch, so that a loop over it becomes SIMD
code. In kernels they stand for `numpy.exp` and `numpy.tanh`; as plain Python they are
these. Measured on 4096 values in the first cache, ns a value: exp 4.3 with libm and 1.0
like this; tanh 10.3 and 0.9 in float64, 11.7 and 0.3 in float32.

Reference: W. J. Cody and W. Waite, "Software Manual for the Elementary Functions",
1980, for the reductions.
"""

import math

import numpy as np
from numba import njit, types
from numba.extending import intrinsic, overload

# No reassociation: it would undo the exact two-part reduction by ln 2.
STRICT = {"fastmath": {"contract"}, "error_model": "numpy"}


# A sum in whatever order: LLVM adds up several numbers at a time.
FREE_ORDER = {"fastmath": {"reassoc", "contract"}, "error_model": "numpy"}


@njit(**FREE_ORDER)
def add(total, term):
    """``total + term``, in a sum whose order does not matter."""
    return total + term


@njit(**STRICT)
def multiply_add(x, y, z):
    """``x * y + z``, rounded once where the machine can."""
    return x * y + z


@intrinsic
def _as_double(typingctx, bits):
    """The float64 of these 64 bits."""
    return types.float64(types.int64), _bitcast


@intrinsic
def _as_single(typingctx, bits):
    """The float32 of these 32 bits."""
    return types.float32(types.int32), _bitcast


def _bitcast(context, builder, signature, args):
    return builder.bitcast(args[0], context.get_value_type(signature.return_type))


def exp(x):
    """Exponential function, within 1 ulp; 0 below its range, inf above it."""
    return np.exp(x)


def tanh(x):
    """Hyperbolic tangent, within 2 ulp."""
    return np.tanh(x)


@overload(exp, jit_options=STRICT)
def _exp(x):
    return _exp_single if x == types.float32 else _exp_double


@overload(tanh, jit_options=STRICT)
def _tanh(x):
    return _tanh_single if x == types.float32 else _tanh_double


def _exp_double(x):
    # exp(x) = 2^n exp(r), |r| <= ln(2) / 2. Comparisons leave a nan as it is.
    if x > 710.0:
        x = 710.0
    if x < -746.0:
        x = -746.0
    n = math.floor(x * 1.4426950408889634 + 0.5)
    r = x - n * 6.93147180369123816490e-01
    r = r - n * 1.90821492927058770002e-10
    # Taylor's polynomial: its next term, r^14 / 14!, is below 1e-17.
    p = 1.0 / 6227020800
    p = p * r + 1.0 / 479001600
    p = p * r + 1.0 / 39916800
    p = p * r + 1.0 / 3628800
    p = p * r + 1.0 / 362880
    p = p * r + 1.0 / 40320
    p = p * r + 1.0 / 5040
    p = p * r + 1.0 / 720
    p = p * r + 1.0 / 120
    p = p * r + 1.0 / 24
    p = p * r + 1.0 / 6
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    # 2^n in two factors, either of which is a normal number at both ends of the range.
    k = np.int64(n)
    h = k >> 1
    return p * _as_double((h + 1023) << 52) * _as_double((k - h + 1023) << 52)


def _exp_single(x):
    f = np.float32
    if x > f(89.0):
        x = f(89.0)
    if x < f(-104.0):
        x = f(-104.0)
    n = np.floor(x * f(1.44269504) + f(0.5))
    r = x - n * f(0.693359375)
    r = r - n * f(-2.12194440e-4)
    p = f(1.0 / 5040)
    p = p * r + f(1.0 / 720)
    p = p * r + f(1.0 / 120)
    p = p * r + f(1.0 / 24)
    p = p * r + f(1.0 / 6)
    p = p * r + f(0.5)
    p = p * r + f(1.0)
    p = p * r + f(1.0)
    k = np.int32(n)
    h = np.int32(k >> np.int32(1))
    low = _as_single(np.int32((h + np.int32(127)) << np.int32(23)))
    high = _as_single(np.int32((k - h + np.int32(127)) << np.int32(23)))
    return p * low * high


# tanh(a) = m / (m + 2) with m = exp(2a) - 1. The reduction 2a = n ln(2) + r leaves
# m = 2^n p + (2^n - 1) with p = exp(r) - 1, in which nothing cancels, so that one
# formula serves large and small arguments.


def _tanh_double(x):
    a = abs(x)
    if a > 20.0:
        a = 20.0
    y = a + a
    n = math.floor(y * 1.4426950408889634 + 0.5)
    r = y - n * 6.93147180369123816490e-01
    r = r - n * 1.90821492927058770002e-10
    p = 1.0 / 6227020800
    p = p * r + 1.0 / 479001600
    p = p * r + 1.0 / 39916800
    p = p * r + 1.0 / 3628800
    p = p * r + 1.0 / 362880
    p = p * r + 1.0 / 40320
    p = p * r + 1.0 / 5040
    p = p * r + 1.0 / 720
    p = p * r + 1.0 / 120
    p = p * r + 1.0 / 24
    p = p * r + 1.0 / 6
    p = p * r + 0.5
    p = p * r * r + r
    scale = _as_double((np.int64(n) + 1023) << 52)
    m = scale * p + (scale - 1.0)
    return math.copysign(m / (m + 2.0), x)


def _tanh_single(x):
    f = np.float32
    a = abs(x)
    if a > f(10.0):
        a = f(10.0)
    y = a + a
    n = np.floor(y * f(1.44269504) + f(0.5))
    r = y - n * f(0.693359375)
    r = r - n * f(-2.12194440e-4)
    p = f(1.0 / 5040)
    p = p * r + f(1.0 / 720)
    p = p * r + f(1.0 / 120)
    p = p * r + f(1.0 / 24)
    p = p * r + f(1.0 / 6)
    p = p * r + f(0.5)
    p = p * r * r + r
    scale = _as_single(np.int32((np.int32(n) + np.int32(127)) << np.int32(23)))
    m = scale * p + (scale - f(1.0))
    return math.copysign(m / (m + f(2.0)), x)
