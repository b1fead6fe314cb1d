"""exp and tanh of the kernels against longer arithmetic, over the whole range."""

import numpy as np
import pytest

from skgd.kernels import _math
from skgd.kernels._jit import jit


@jit
def exp(x, out):
    for i in range(x.size):
        out[i] = _math.exp(x[i])


@jit
def tanh(x, out):
    for i in range(x.size):
        out[i] = _math.tanh(x[i])


FUNCTIONS = {"exp": (exp, np.exp, 1), "tanh": (tanh, np.tanh, 2)}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_within_its_ulps(name, dtype):
    function, reference, ulps = FUNCTIONS[name]
    limits = np.finfo(dtype)
    low, high = np.log(limits.tiny), np.log(limits.max)
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [
            np.linspace(low, high, 200_001)[1:-1],
            rng.uniform(-1, 1, 200_001),
            np.geomspace(limits.tiny, 1, 10_001),
        ]
    ).astype(dtype)
    out = np.empty_like(x)
    function(x, out)
    expected = reference(x.astype(np.longdouble))
    spacing = np.spacing(np.abs(expected.astype(dtype)))
    assert np.abs((out - expected) / spacing).max() < ulps + 0.5


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_outside_the_range(dtype):
    x = np.array([np.nan, np.inf, -np.inf, 1e4, -1e4, 0, -0.0] * 9, dtype)
    out = np.empty_like(x)
    exp(x, out)
    np.testing.assert_array_equal(out, [np.nan, np.inf, 0, np.inf, 0, 1, 1] * 9)
    tanh(x, out)
    np.testing.assert_array_equal(out, [np.nan, 1, -1, 1, -1, 0, 0] * 9)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_exp_goes_down_through_the_denormals(dtype):
    limits = np.finfo(dtype)
    x = np.linspace(np.log(limits.tiny), np.log(limits.smallest_subnormal) - 1, 501)
    x = x.astype(dtype)
    out = np.empty_like(x)
    exp(x, out)
    expected = np.exp(x.astype(np.longdouble))
    assert np.abs(out - expected).max() <= 1.5 * limits.smallest_subnormal
