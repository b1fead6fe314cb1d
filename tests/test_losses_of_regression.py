"""What each loss of the regressor estimates, and the targets that it refuses."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning

from skgd import GDNeuralRegressor
from skgd.estimators.regressor import LOSS_NAMES
from skgd.kernels.formulas.losses import LOSSES


def fit_constant(y, **parameters):
    """The best constant: no features to speak of, and no penalty."""
    regressor = GDNeuralRegressor(
        (),
        solver="batch",
        learning_rate="cosine",
        alpha=0.0,
        tol=0.0,
        max_iter=4000,
        n_iter_no_change=np.inf,
        random_state=0,
        **{"learning_rate_init": 0.05, **parameters},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return regressor.fit(np.zeros((len(y), 1)), y).predict([[0.0]])[0]


y = np.random.default_rng(0).exponential(2, 301) + 0.1

CONSTANTS = {
    "squared_error": y.mean(),
    "absolute_error": np.median(y),
    "quantile": np.median(y),
    "poisson": y.mean(),
    "gamma": y.mean(),
}


@pytest.mark.parametrize("loss", CONSTANTS)
def test_the_best_constant_is_the_one_by_theory(loss):
    assert_allclose(fit_constant(y, loss=loss), CONSTANTS[loss], rtol=2e-3)


@pytest.mark.parametrize("quantile", [0.1, 0.8])
def test_a_quantile_of_the_targets_lies_below(quantile):
    found = fit_constant(y, loss="quantile", quantile=quantile)
    assert_allclose(np.mean(y <= found), quantile, atol=0.01)


@pytest.mark.parametrize("huber_delta", [0.3, 2.0])
def test_huber_balances_clipped_errors(huber_delta):
    # At the minimum the errors, clipped at huber_delta, add up to nothing.
    found = fit_constant(y, loss="huber", huber_delta=huber_delta)
    errors = np.clip(y - found, -huber_delta, huber_delta)
    assert_allclose(errors.mean(), 0, atol=2e-3)


def test_huber_goes_from_the_median_to_the_mean():
    small = fit_constant(y, loss="huber", huber_delta=1e-2, learning_rate_init=1.0)
    large = fit_constant(y, loss="huber", huber_delta=1e3)
    assert_allclose(small, np.median(y), rtol=2e-2)
    assert_allclose(large, y.mean(), rtol=2e-3)


OUT_OF_RANGE = [("poisson", -1.0, "y >= 0"), ("gamma", 0.0, "y > 0")]


@pytest.mark.parametrize(("loss", "worst", "needed"), OUT_OF_RANGE)
def test_targets_out_of_range_are_refused(loss, worst, needed):
    X = np.zeros((4, 1))
    regressor = GDNeuralRegressor(loss=loss)
    with pytest.raises(ValueError, match=f"loss '{loss}', which needs {needed}"):
        regressor.fit(X, [1.0, 2.0, worst, 3.0])
    with pytest.raises(ValueError, match=needed):
        regressor.partial_fit(X, [1.0, 2.0, worst, 3.0])


def test_every_loss_is_tested_here():
    assert {*CONSTANTS, "huber"} == LOSS_NAMES
    refusing = {name for name, loss in LOSSES.items() if loss.needs is not None}
    assert refusing == {name for name, *_ in OUT_OF_RANGE}
