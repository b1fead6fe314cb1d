"""Every member of `LOSSES`: value, gradient and link."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skgd.kernels.formulas.links import LINKS
from skgd.kernels.formulas.losses import LOSSES, loss_addresses, sum_of_losses
from tests import naive

N, N_OUTPUTS = 7, 3


def draw(loss):
    rng = np.random.default_rng(0)
    Y = naive.draw_targets(loss, N, N_OUTPUTS, rng)
    return Y, 2 * rng.standard_normal((N, N_OUTPUTS)), rng.uniform(0.5, 2, N)


def value_and_delta(loss, Y, Z, weight):
    # The functions are compiled for one dtype, and called by address.
    assert Y.dtype == Z.dtype == weight.dtype
    delta = Z.T.copy()
    parameter = naive.LOSS_PARAMETERS[loss]
    addresses = loss_addresses(LOSSES[loss], Z.dtype)
    arrays = delta, np.ascontiguousarray(Y.T), weight
    value = sum_of_losses(*addresses, parameter, *arrays)
    return value, delta.T


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("loss", LOSSES)
def test_value_is_the_weighted_sum_of_the_formula(loss, dtype):
    Y, Z, weight = draw(loss)
    arrays = [array.astype(dtype) for array in (Y, Z, weight)]
    value, delta = value_and_delta(loss, *arrays)
    expected = weight @ naive.LOSSES[loss](Y, Z, naive.LOSS_PARAMETERS[loss])
    assert_allclose(value, expected, rtol=32 * np.finfo(dtype).eps)
    assert delta.dtype == dtype


@pytest.mark.parametrize("loss", LOSSES)
def test_delta_is_the_gradient_by_central_differences(loss):
    Y, Z, weight = draw(loss)
    _, delta = value_and_delta(loss, Y, Z, weight)
    h = 1e-5
    for index in np.ndindex(Z.shape):
        step = np.zeros_like(Z)
        step[index] = h
        up, _ = value_and_delta(loss, Y, Z + step, weight)
        down, _ = value_and_delta(loss, Y, Z - step, weight)
        assert_allclose(delta[index], (up - down) / (2 * h), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("loss", LOSSES)
def test_nan_shows_in_the_value(loss):
    Y, Z, weight = draw(loss)
    Z[2, 1] = np.nan
    value, _ = value_and_delta(loss, Y, Z, weight)
    assert np.isnan(value)


def exact_log_loss(loss, Y, Z):
    """Compute the loss of each sample in 200 digits."""
    with localcontext(prec=200):
        Y, Z = ([[Decimal(v) for v in row] for row in a.tolist()] for a in (Y, Z))
        if loss == "binary_log_loss":
            return [
                sum((1 + z.exp()).ln() - y * z for y, z in zip(*pair, strict=True))
                for pair in zip(Y, Z, strict=True)
            ]
        return [
            sum(z.exp() for z in zs).ln()
            - sum(y * z for y, z in zip(ys, zs, strict=True))
            for ys, zs in zip(Y, Z, strict=True)
        ]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("size", [1e-3, 1.0, 30.0, 200.0])
@pytest.mark.parametrize("loss", ["binary_log_loss", "log_loss"])
def test_log_loss_is_exact_where_a_probability_would_round(loss, size, dtype):
    rng = np.random.default_rng(0)
    Y = naive.draw_targets(loss, 40, N_OUTPUTS, rng).astype(dtype)
    Z = (size * rng.standard_normal((40, N_OUTPUTS))).astype(dtype)
    for y, z, exact in zip(Y, Z, exact_log_loss(loss, Y, Z), strict=True):
        value, _ = value_and_delta(loss, y[None], z[None], np.ones(1, dtype))
        # Differences of raw outputs are rounded before the exponential.
        limits = np.finfo(dtype)
        rtol = (16 + 2 * np.abs(z).max()) * limits.eps
        assert_allclose(value, float(exact), rtol=rtol, atol=limits.tiny)


@pytest.mark.parametrize("loss", ["binary_log_loss", "log_loss"])
def test_a_hopeless_prediction_costs_what_it_does(loss):
    # scikit-learn's value is -log(eps) for each clipped probability.
    Y, Z = np.array([[0.0, 1.0]]), np.array([[1000.0, -1000.0]])
    value, delta = value_and_delta(loss, Y, Z, np.ones(1))
    assert value == 2000
    np.testing.assert_array_equal(delta, [[1.0, -1.0]])


@pytest.mark.parametrize("loss", sorted(naive.CANONICAL))
def test_delta_is_prediction_minus_target_through_the_public_link(loss):
    # Binds the kernel's link to the one predict uses.
    Y, Z, weight = draw(loss)
    _, delta = value_and_delta(loss, Y, Z, weight)
    prediction = LINKS[LOSSES[loss].link].value(Z)
    assert_allclose(delta, weight[:, None] * (prediction - Y), rtol=1e-12, atol=1e-14)


def test_gamma_is_least_where_the_public_link_gives_the_target():
    # Binds the links of the pair that is not canonical.
    Y, _, weight = draw("gamma")
    Z = np.log(Y)
    value, delta = value_and_delta("gamma", Y, Z, weight)
    assert_allclose(LINKS[LOSSES["gamma"].link].value(Z), Y)
    assert_allclose(value, 0, atol=1e-14)
    assert_allclose(delta, 0, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("loss", ["absolute_error", "huber", "quantile"])
def test_a_prediction_that_hits_costs_nothing_and_moves_nothing(loss, dtype):
    # Also where the loss has a kink.
    Y = np.linspace(-2, 2, 12, dtype=dtype).reshape(4, 3)
    value, delta = value_and_delta(loss, Y, Y.copy(), np.ones(4, dtype))
    assert value == 0
    np.testing.assert_array_equal(delta, 0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gamma_overflows_only_where_its_value_does(dtype):
    # As y / exp(z), the exponential would overflow in the first of these, and in the
    # second one underflow.
    last = dtype(np.log(np.finfo(dtype).max))
    Y = np.exp(np.array([[-0.5, 0.5]], dtype) * last)
    Z = np.array([[-1.2, 1.2]], dtype) * last
    value, delta = value_and_delta("gamma", Y, Z, np.ones(1, dtype))
    exact = np.log(Y.astype(float)) - Z
    rtol = 2 * last * np.finfo(dtype).eps
    assert_allclose(delta, 1 - np.exp(exact), rtol=rtol)
    assert_allclose(value, (np.exp(exact) - 1 - exact).sum(), rtol=rtol)


@pytest.mark.parametrize("name", [name for name in LINKS if LINKS[name].log])
def test_log_link_is_the_logarithm_of_the_link(name):
    Z = np.random.default_rng(0).standard_normal((5, 3))
    assert_allclose(LINKS[name].log(Z), np.log(LINKS[name].value(Z)))


@pytest.mark.parametrize("name", LINKS)
def test_inverse_link_gives_raw_outputs_of_these_means(name):
    mean = np.array([0.2, 0.5, 0.3])
    prediction = LINKS[name].value(LINKS[name].inverse(mean)[None])
    assert_allclose(prediction, mean[None], rtol=1e-12)


def test_every_loss_has_a_link_and_a_reference():
    assert set(naive.LOSSES) == set(naive.DELTAS) == set(LOSSES)
    for name, loss in LOSSES.items():
        assert loss.name == name
        assert loss.link in LINKS
    assert all(link.name == name for name, link in LINKS.items())


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_is_compiled_for_one_output_or_for_all(loss):
    of_one, of_all = loss_addresses(LOSSES[loss], np.dtype(float))
    assert (of_one == 0) == (of_all != 0) == LOSSES[loss].is_joint
