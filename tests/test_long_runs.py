"""Runs of days: memory stays flat, and nothing drifts.

Short by default; the long run is
`SKGD_FITS=10000 SKGD_EPOCHS=2000000 pytest tests/test_long_runs.py`.
"""

import os
import subprocess
import sys

import numpy as np
import pytest

from skgd import GDNeuralRegressor

pytestmark = pytest.mark.slow

N_FITS = int(os.environ.get("SKGD_FITS", 600))
N_EPOCHS = int(os.environ.get("SKGD_EPOCHS", 20_000))

# Resident memory in pages, after a while and at the end.
MANY_FITS = """
import gc, sys, warnings
import numpy as np
from skgd import GDNeuralClassifier
from skgd import GDNeuralRegressor
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
X = rng.standard_normal((300, 50))
y = X[:, 0]
makers = [
    lambda: GDNeuralRegressor((200,), max_iter=1),
    lambda: GDNeuralRegressor((200,), max_iter=1, n_jobs=2, early_stopping=True),
    lambda: GDNeuralClassifier((30,), max_iter=1, dropout=0.1, learning_rate="cosine"),
    lambda: GDNeuralRegressor((10,), max_iter=1, solver="sgd"),
]

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

def fit(number):
    estimator = makers[number % 4]()
    estimator.fit(X, y > 0 if number % 4 == 2 else y).predict(X)

for number in range(200):
    fit(number)
before = resident()
for number in range(int(sys.argv[1])):
    fit(number)
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_memory_stays_flat_over_many_fits():
    """Each fit may lose 2 KB, and all 3 MB; the weights of the largest are 80 KB."""
    found = subprocess.run(
        [sys.executable, "-c", MANY_FITS, str(N_FITS)], capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    assert int(found.stdout) < min(2_000 * N_FITS, 3_000_000)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["batch", "sgd", "minibatch"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_nothing_drifts_over_very_many_epochs(solver, dtype):
    """With steps of nothing each epoch has the loss of the first one, to rounding."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((8, 2)).astype(dtype)
    regressor = GDNeuralRegressor(
        (2,),
        solver=solver,
        batch_size=4,
        optimizer="nesterov",
        learning_rate="invscaling",
        learning_rate_init=1e-35,
        tol=0,
        max_iter=N_EPOCHS,
        n_iter_no_change=np.inf,
        random_state=0,
    ).fit(X, X[:, 0])
    assert len(regressor.loss_curve_) == regressor.n_iter_ == N_EPOCHS
    assert regressor.t_ == 8 * N_EPOCHS
    first = regressor.loss_curve_[0]
    rounding = 8 * np.finfo(dtype).eps  # the samples come in another order each time
    np.testing.assert_allclose(regressor.loss_curve_, first, rtol=rounding)
    rates = 1e-35 / np.sqrt(8.0 * np.arange(1, N_EPOCHS) + 1)
    np.testing.assert_allclose(regressor.learning_rate_curve_[1:], rates, rtol=1e-12)
