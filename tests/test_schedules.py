"""Every schedule: its rates over epochs, steps and progress, and at a plateau."""

import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from skgd import GDNeuralRegressor
from skgd.descent.schedules import CURVES, SCHEDULES, make_schedule

RATE, POWER_T = 0.1, 0.25

# Rates of the first four epochs of 10 samples each.
RATES = {
    "constant": [RATE] * 4,
    "invscaling": [RATE, RATE / 11**0.25, RATE / 21**0.25, RATE / 31**0.25],
    "adaptive": [RATE] * 4,
}

# Rates at successive plateaus, to the one where training stops.
PLATEAUS = {
    "constant": [RATE],
    "invscaling": [RATE],
    "adaptive": [RATE / 5**k for k in range(9)],  # the last is the first below 1e-6
}

# Multipliers at a progress of 0, 1/15, 1/5, 3/10, 7/15, 1/2 and 1, by hand.
PROGRESS = np.array([0, 1 / 15, 1 / 5, 3 / 10, 7 / 15, 1 / 2, 1])
MULTIPLIERS = {
    "exponential": 10 ** (-2 * PROGRESS),
    "cosine": np.cos(np.pi * PROGRESS / 2) ** 2,
    "one_cycle": [
        *(0.04 + 0.96 * np.sin(np.pi * PROGRESS[:3] / 0.6) ** 2),
        *(1 - (1 - 4e-6) * np.sin(np.pi * (PROGRESS[3:] - 0.3) / 1.4) ** 2),
    ],
    "coslog4": [0, 0, 0, np.sin(np.pi * np.log2(5.5)) ** 2, 0, None, 0],
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_over_epochs(name):
    schedule = make_schedule(name, RATE, POWER_T)
    rate, rates = RATE, []
    for epoch in range(1, 5):
        rates.append(rate)
        rate = schedule.after_epoch(rate, samples_seen=10 * epoch)
    assert_allclose(rates, RATES[name])


@pytest.mark.parametrize("name", [*SCHEDULES, *CURVES])
def test_rates_at_plateaus(name):
    schedule = make_schedule(name, RATE, POWER_T)
    rate, rates = RATE, []
    while rate is not None:
        rates.append(rate)
        rate = schedule.on_plateau(rate)
    assert_allclose(rates, PLATEAUS.get(name, [RATE]))
    assert (rates[-1] <= 1e-6) == (name == "adaptive")


@pytest.mark.parametrize("name", CURVES)
def test_multipliers_are_those_by_hand(name):
    found = make_schedule(name, RATE, POWER_T).multipliers(PROGRESS)
    for value, expected in zip(found, MULTIPLIERS[name], strict=True):
        if expected is not None:
            assert_allclose(value, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", CURVES)
def test_multipliers_are_finite_and_between_0_and_1(name):
    found = make_schedule(name, RATE, POWER_T).multipliers(np.linspace(0, 1, 10_001))
    assert np.isfinite(found).all()
    assert found.min() >= 0
    assert found.max() <= 1
    assert found.max() > 0.999  # learning_rate_init is reached


def test_coslog4_has_four_waves():
    values = CURVES["coslog4"](np.linspace(0, 1, 10_001))
    rising = np.diff(values) > 0
    assert (np.diff(rising.astype(int)) == 1).sum() + rising[0] == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "torch_name", "options"),
    [
        ("exponential", "ExponentialLR", {"gamma": 0.01 ** (1 / 100)}),
        ("cosine", "CosineAnnealingLR", {"T_max": 100}),
        # PyTorch counts from 1 to where the rate is highest: to step 30 of 0 to 100.
        (
            *("one_cycle", "OneCycleLR"),
            {"max_lr": 1.0, "total_steps": 101, "pct_start": 31 / 101},
        ),
    ],
)
def test_curves_are_those_of_pytorch(name, torch_name, options):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    reference = getattr(torch.optim.lr_scheduler, torch_name)(optimizer, **options)
    rates = []
    for step in range(101):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < 100:
            reference.step()
    assert_allclose(CURVES[name](np.linspace(0, 1, 101)), rates, atol=1e-12)


# In a fit ----------------------------------------------------------------------------

X = np.random.default_rng(0).standard_normal((60, 4))
y = X[:, 0] - X[:, 1] ** 2


def fit(learning_rate, **parameters):
    options = {
        "batch_size": 20,
        "max_iter": 8,
        "optimizer": "nesterov",
        "learning_rate_init": 0.01,
        "random_state": 0,
        **parameters,
    }
    regressor = GDNeuralRegressor((5,), learning_rate=learning_rate, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return regressor.fit(X, y)


def half(progress):
    return np.full_like(progress, 0.5)


@pytest.mark.parametrize("solver", ["batch", "sgd", "minibatch"])
def test_a_curve_multiplies_the_rate_of_every_step(solver):
    halved = fit(half, solver=solver)
    slow = fit("constant", solver=solver, learning_rate_init=0.005)
    assert_array_equal(halved.coefs_[0], slow.coefs_[0])
    assert halved.loss_curve_ == slow.loss_curve_


@pytest.mark.parametrize("solver", ["batch", "sgd", "minibatch"])
def test_a_callable_sees_the_progress_of_every_step(solver):
    seen = []

    def look(progress):
        seen.append(progress.copy())
        return np.ones_like(progress)

    fit(look, solver=solver)
    n_steps = {"batch": 1, "sgd": 60, "minibatch": 3}[solver]
    assert_allclose(np.concatenate(seen), np.linspace(0, 1, 8 * n_steps))


def test_rates_change_within_an_epoch():
    # Two steps of one sample each; after the first the rate is 0.
    def first_only(progress):
        return (progress == 0).astype(float)

    options = {"optimizer": "gd", "alpha": 0.0, "shuffle": False, "random_state": 0}
    options |= {"learning_rate_init": 0.1, "max_iter": 1, "solver": "sgd"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        two = GDNeuralRegressor((3,), learning_rate=first_only, **options)
        two.fit(X[:2], y[:2])
        one = GDNeuralRegressor((3,), learning_rate="constant", **options)
        one.fit(X[:2], y[:2], sample_weight=[1, 0])
    assert_array_equal(two.coefs_[0], one.coefs_[0])


@pytest.mark.parametrize("name", [*SCHEDULES, *CURVES])
def test_learning_rate_curve_has_each_epochs_first_rate(name):
    regressor = fit(name)
    assert len(regressor.learning_rate_curve_) == len(regressor.loss_curve_)
    if name in CURVES:
        expected = 0.01 * CURVES[name](np.arange(0, 24, 3) / 23)
        assert_allclose(regressor.learning_rate_curve_, expected, rtol=1e-12)


@pytest.mark.parametrize("name", [*SCHEDULES, *CURVES])
def test_partial_fit_goes_on_along_the_curve(name):
    whole = fit(name)
    regressor = fit(name, max_iter=8)
    regressor = GDNeuralRegressor(**regressor.get_params())
    for _ in range(10):
        regressor.partial_fit(X, y)
        regressor = pickle.loads(pickle.dumps(regressor))
    assert_allclose(regressor.learning_rate_curve_[:8], whole.learning_rate_curve_)
    if name in CURVES:  # beyond the end it stays there
        last = 0.01 * CURVES[name](np.array(1.0))
        assert_allclose(regressor.learning_rate_curve_[8:], last, atol=1e-15)


def test_a_warm_refit_begins_the_curve_anew():
    regressor = fit("cosine", warm_start=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        regressor.fit(X, y)
    first, second = np.split(np.array(regressor.learning_rate_curve_), 2)
    assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("curve", "message"),
    [
        (lambda t: 0.5, r"the shape \(\) for \(3,\)"),
        (lambda t: np.ones(t.size + 1), r"the shape \(4,\) for \(3,\)"),
        (lambda t: np.full_like(t, np.nan), "finite multipliers.*got nan"),
        (lambda t: np.full_like(t, np.inf), "finite multipliers.*got inf"),
        (lambda t: -np.ones_like(t), "not negative, got -1.0"),
    ],
)
def test_a_bad_curve_is_refused(curve, message):
    with pytest.raises(ValueError, match=message):
        fit(curve)


def test_every_curve_has_values_by_hand():
    assert set(MULTIPLIERS) == set(CURVES)
