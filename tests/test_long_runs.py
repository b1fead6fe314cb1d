"""Runs of days: memory stays flat.

Short by default. `SKGD_FITS=10000 pytest tests/test_long_runs.py` is the long run.
"""

import os
import subprocess
import sys

import pytest

N_FITS = int(os.environ.get("SKGD_FITS", 1500))

# Resident memory in pages, after a while and at the end.
MANY_FITS = """
import gc, sys, warnings
import numpy as np
from skgd import GDNeuralClassifier, GDNeuralRegressor
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
    """Of 1,500 fits each may lose 2 KB; the weights of the largest are 80 KB."""
    found = subprocess.run(
        [sys.executable, "-c", MANY_FITS, str(N_FITS)], capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    assert int(found.stdout) < 3_000_000
