"""Every member of `Activation`: value and derivative, in both dtypes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skgd.kernels.activations import Activation, apply, multiply_by_derivative
from tests import naive

Z = np.concatenate([np.linspace(-6, 6, 241), [-800.0, -40.0, 40.0, 800.0]])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", Activation)
def test_value_is_that_of_the_formula(activation, dtype):
    a = Z.astype(dtype)
    apply(activation, a)
    with np.errstate(over="ignore"):
        expected = naive.ACTIVATIONS[activation][0](Z)
    assert a.dtype == dtype
    eps = np.finfo(dtype).eps
    assert_allclose(a, expected, rtol=8 * eps, atol=np.finfo(dtype).tiny)


@pytest.mark.parametrize("activation", Activation)
def test_derivative_is_that_of_central_differences(activation):
    # An even number of points: none is 0, where relu has a kink.
    z = np.linspace(-4, 4, 200)
    h = 1e-6
    up, down, a = z + h, z - h, z.copy()
    for values in (up, down, a):
        apply(activation, values)
    delta = np.full_like(z, 3.0)
    multiply_by_derivative(activation, a, delta)
    assert_allclose(delta, 3.0 * (up - down) / (2 * h), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", Activation)
def test_nan_stays_nan(activation, dtype):
    a = np.linspace(-3, 3, 101).astype(dtype)  # long enough for the vectorised loop
    a[::7] = np.nan
    expected = np.isnan(a)
    apply(activation, a)
    np.testing.assert_array_equal(np.isnan(a), expected)


def test_every_activation_has_a_reference():
    assert set(naive.ACTIVATIONS) == set(Activation)
