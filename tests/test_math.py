"""Elementary functions of the kernels against longer arithmetic, over their ranges."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import erfcx

from skgd.kernels.formulas import elementary as _math
from skgd.kernels.machine.jit import jit


@jit
def exp(x, out):
    for i in range(x.size):
        out[i] = _math.exp(x[i])


@jit
def tanh(x, out):
    for i in range(x.size):
        out[i] = _math.tanh(x[i])


@jit
def expm1(x, out):
    for i in range(x.size):
        out[i] = _math.expm1(x[i])


@jit
def log1p(x, out):
    for i in range(x.size):
        out[i] = _math.log1p(x[i])


@jit
def normal(x, cdf, density):
    for i in range(x.size):
        cdf[i], density[i] = _math.normal(x[i])


# The reference, the number of ulps, and where the function is to be used.
FUNCTIONS = {
    "exp": (exp, np.exp, 1, (-np.inf, np.inf)),
    "tanh": (tanh, np.tanh, 2, (-np.inf, np.inf)),
    "expm1": (expm1, np.expm1, 2, (-np.inf, 0)),
    "log1p": (log1p, np.log1p, 2, (0, 1)),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_within_its_ulps(name, dtype):
    function, reference, ulps, domain = FUNCTIONS[name]
    limits = np.finfo(dtype)
    low, high = np.log(limits.tiny), np.log(limits.max)
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [
            np.linspace(low, high, 200_001)[1:-1],
            rng.uniform(-1, 1, 200_001),
            np.geomspace(limits.tiny, 1, 10_001),
            -np.geomspace(limits.tiny, 1, 10_001),
        ]
    ).astype(dtype)
    x = x[(x >= domain[0]) & (x <= domain[1])]
    out = np.empty_like(x)
    function(x, out)
    expected = reference(x.astype(np.longdouble))
    spacing = np.spacing(np.abs(expected.astype(dtype)))
    assert np.abs((out - expected) / spacing).max() < ulps + 0.5


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_normal_keeps_its_digits_in_the_tail(dtype):
    limits = np.finfo(dtype)
    last = np.sqrt(-2 * np.log(limits.tiny)) - 0.2  # the cdf is a normal number there
    x = np.linspace(-last, last, 200_001).astype(dtype)
    cdf, density = np.empty_like(x), np.empty_like(x)
    normal(x, cdf, density)
    exact = x.astype(np.longdouble)
    e = np.exp(-(exact**2) / 2)
    tail = erfcx(abs(x.astype(float)) / np.sqrt(2)) / 2 * e
    expected = np.where(x > 0, 1 - tail, tail)
    assert_allclose(cdf, expected, rtol=8 * limits.eps)
    assert_allclose(density, e / np.sqrt(2 * np.pi), rtol=4 * limits.eps)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_normal_outside_the_range(dtype):
    x = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 0, -0.0] * 9, dtype)
    cdf, density = np.empty_like(x), np.empty_like(x)
    normal(x, cdf, density)
    np.testing.assert_array_equal(cdf, [np.nan, 1, 0, 1, 0, 0.5, 0.5] * 9)
    peak = dtype(1 / np.sqrt(2 * np.pi))
    np.testing.assert_array_equal(density, [np.nan, 0, 0, 0, 0, peak, peak] * 9)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_outside_the_range(dtype):
    x = np.array([np.nan, np.inf, -np.inf, 1e4, -1e4, 0, -0.0] * 9, dtype)
    out = np.empty_like(x)
    exp(x, out)
    np.testing.assert_array_equal(out, [np.nan, np.inf, 0, np.inf, 0, 1, 1] * 9)
    tanh(x, out)
    np.testing.assert_array_equal(out, [np.nan, 1, -1, 1, -1, 0, 0] * 9)
    expm1(x, out)
    np.testing.assert_array_equal(out, [np.nan, 0, -1, 0, -1, 0, 0] * 9)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_exp_goes_down_through_the_denormals(dtype):
    limits = np.finfo(dtype)
    x = np.linspace(np.log(limits.tiny), np.log(limits.smallest_subnormal) - 1, 501)
    x = x.astype(dtype)
    out = np.empty_like(x)
    exp(x, out)
    expected = np.exp(x.astype(np.longdouble))
    assert np.abs(out - expected).max() <= 1.5 * limits.smallest_subnormal
