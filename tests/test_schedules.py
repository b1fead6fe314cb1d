"""Every schedule: its rates over epochs, and what a plateau does to it."""

import pytest
from numpy.testing import assert_allclose

from skgd._schedules import SCHEDULES

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


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_over_epochs(name):
    schedule = SCHEDULES[name](RATE, POWER_T)
    rate, rates = RATE, []
    for epoch in range(1, 5):
        rates.append(rate)
        rate = schedule.after_epoch(rate, samples_seen=10 * epoch)
    assert_allclose(rates, RATES[name])


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_at_plateaus(name):
    schedule = SCHEDULES[name](RATE, POWER_T)
    rate, rates = RATE, []
    while rate is not None:
        rates.append(rate)
        rate = schedule.on_plateau(rate)
    assert_allclose(rates, PLATEAUS[name])
    assert (rates[-1] <= 1e-6) == (name == "adaptive")
