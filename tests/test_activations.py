"""Every member of `ACTIVATIONS`: value and derivative, in both dtypes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skgd.kernels.formulas.activations import ACTIVATIONS
from tests import naive

Z = np.concatenate(
    [
        np.linspace(-6, 6, 241),
        [-800.0, -90.0, -40.0, -25.0, -12.0, -9.0, -1e-6, -1e-30],
        [800.0, 90.0, 40.0, 25.0, 12.0, 9.0, 1e-6, 1e-30],
    ]
)

# Those whose derivative follows from the activation; the others have slopes.
WITH_DERIVATIVE = [
    name for name, formula in ACTIVATIONS.items() if formula.derivative is not None
]


def apply(activation, z):
    """Replace `z` by the activations, as a prediction does."""
    ACTIVATIONS[activation].value(z)


def apply_with_slope(activation, z, slope):
    """The same, with the slopes, as training has them: from either function."""
    formula = ACTIVATIONS[activation]
    if formula.slope is not None:
        formula.slope(z, slope)
    else:
        formula.value(z)
        slope[:] = 1
        formula.derivative(z, slope)


def evaluate(part, activation, z):
    """The formula's value (part 0) or derivative (part 1), in longer arithmetic."""
    with np.errstate(over="ignore"):
        return naive.ACTIVATIONS[activation][part](z.astype(np.longdouble))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_value_is_that_of_the_formula(activation, dtype):
    z = Z.astype(dtype)
    a = z.copy()
    apply(activation, a)
    assert a.dtype == dtype
    limits = np.finfo(dtype)
    expected = evaluate(0, activation, z)
    assert_allclose(a, expected, rtol=8 * limits.eps, atol=limits.tiny)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_slope_is_that_of_the_formula(activation, dtype):
    z = Z[Z != 0].astype(dtype)  # where some have a kink
    a, slope, expected = z.copy(), np.empty_like(z), z.copy()
    apply_with_slope(activation, a, slope)
    apply(activation, expected)
    np.testing.assert_array_equal(a, expected)
    # To rounding of numbers of the order of 1, as slopes that come from a value do.
    eps = np.finfo(dtype).eps
    assert_allclose(slope, evaluate(1, activation, z), rtol=4 * eps, atol=4 * eps)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_largest_numbers_make_no_nan(activation, dtype):
    largest = np.finfo(dtype).max / 2
    z = np.array([-1, 1] * 9, dtype) * largest
    a, slope = z.copy(), np.empty_like(z)
    apply_with_slope(activation, a, slope)
    eps = np.finfo(dtype).eps
    for part, result in enumerate((a, slope)):
        assert_allclose(result, evaluate(part, activation, z), rtol=4 * eps)
    again = z.copy()
    apply(activation, again)
    np.testing.assert_array_equal(again, a)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_slope_is_that_of_central_differences(activation):
    # An even number of points: none is 0, where relu has a kink.
    z = np.linspace(-4, 4, 200)
    h = 1e-6
    up, down, slope = z + h, z - h, np.empty_like(z)
    for values in (up, down):
        apply(activation, values)
    apply_with_slope(activation, z, slope)
    assert_allclose(slope, (up - down) / (2 * h), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", WITH_DERIVATIVE)
def test_derivative_multiplies_what_is_there(activation, dtype):
    rng = np.random.default_rng(0)
    z = rng.uniform(-4, 4, 200).astype(dtype)
    a, slope = z.copy(), np.empty_like(z)
    apply_with_slope(activation, a, slope)
    former = rng.standard_normal(200).astype(dtype)
    delta, given = former.copy(), a.copy()
    ACTIVATIONS[activation].derivative(given, delta)
    assert delta.dtype == dtype
    assert_allclose(delta, former * slope, rtol=np.finfo(dtype).eps)
    np.testing.assert_array_equal(given, a)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_infinite_numbers_make_no_nan(activation, dtype):
    a = np.array([-np.inf, np.inf] * 9, dtype)
    slope = np.empty_like(a)
    apply_with_slope(activation, a, slope)
    below = {"relu": 0, "leaky_relu": -np.inf}[activation]
    np.testing.assert_array_equal(a, [below, np.inf] * 9)
    np.testing.assert_array_equal(np.isnan(slope), False)


@pytest.mark.parametrize(
    ("activation", "at_zero"),
    [
        ("relu", 0),
        ("leaky_relu", 0.01),
        ("elu", 1),
        ("selu", 1.7580993408473769),
    ],
)
def test_at_its_kink_an_activation_has_the_slope_from_below(activation, at_zero):
    # As in PyTorch.
    z, slope = np.zeros(9), np.empty(9)
    apply_with_slope(activation, z, slope)
    np.testing.assert_array_equal(z, 0)
    np.testing.assert_array_equal(slope, at_zero)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_nan_stays_nan(activation, dtype):
    z = np.linspace(-3, 3, 101).astype(dtype)  # long enough for the vectorised loop
    z[::7] = np.nan
    expected = np.isnan(z)
    a, slope = z.copy(), np.empty_like(z)
    apply(activation, a)
    np.testing.assert_array_equal(np.isnan(a), expected)
    apply_with_slope(activation, z, slope)
    np.testing.assert_array_equal(np.isnan(z), expected)
    if activation not in WITH_DERIVATIVE:
        np.testing.assert_array_equal(np.isnan(slope), expected)


def test_every_activation_has_its_functions_and_a_reference():
    assert set(naive.ACTIVATIONS) == set(ACTIVATIONS)
    for name, formula in ACTIVATIONS.items():
        assert formula.name == name
        # One way to the slope, and no more.
        assert (formula.derivative is None) != (formula.slope is None)
