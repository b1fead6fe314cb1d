"""Time the first prediction and the first fit of a process; fail if any is compiled."""

import os
import sys
import time
import warnings

import numpy as np
from numba.core.event import install_recorder
from sklearn.exceptions import ConvergenceWarning

from service import load
from skgd import GDNeuralClassifier, GDNeuralRegressor

warnings.simplefilter("error")
warnings.simplefilter("ignore", ConvergenceWarning)
model = load(os.environ["SKGD_MODEL"])
row = {name: [column["example"]] for name, column in model.columns.items()}
rng = np.random.default_rng(0)
X = rng.standard_normal((1_000, 20))


def predict():
    model.run("predict", row)


def fit_regressor():
    GDNeuralRegressor(max_iter=3).fit(X, X[:, 0]).predict(X)


def fit_classifier():
    GDNeuralClassifier(max_iter=3).fit(X, X[:, 0] > 0).predict(X)


n_compiled = 0
for first in [predict, fit_regressor, fit_classifier]:
    start = time.perf_counter()
    with install_recorder("numba:compile") as recorder:
        first()
    seconds = time.perf_counter() - start
    n_compiled += len(recorder.buffer)
    print(f"{first.__name__:16} {seconds:.3f} s", flush=True)
if n_compiled:
    sys.exit(
        "Kernels had to be compiled, which `python -m skgd compile` should have done."
    )
