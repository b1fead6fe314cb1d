"""Threads and processes side by side: no crash, no deadlock, the same results."""

import multiprocessing
import os
import subprocess
import sys
import threading
import warnings

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgd import GDNeuralClassifier, GDNeuralRegressor

rng = np.random.default_rng(0)
X = rng.standard_normal((1000, 20))
y = np.sin(X[:, 0])
PARAMS = [
    {"solver": "minibatch"},
    {"solver": "sgd", "max_iter": 2},
    {"solver": "batch", "activation": "tanh"},
    {"early_stopping": True, "dropout": 0.1},
]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def train(params):
    """Train, and return the parameters: what a worker does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        params = {
            "hidden_layer_sizes": (30,),
            "max_iter": 5,
            "random_state": 0,
        } | params
        return GDNeuralRegressor(**params).fit(X, y)._state.theta


@pytest.fixture(scope="module")
def expected():
    return [train(params) for params in PARAMS]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_sixteen_threads_predict_with_one_model_while_others_fit(expected):
    regressor = GDNeuralRegressor((50, 50), max_iter=3, random_state=0).fit(X, y)
    classifier = GDNeuralClassifier((20,), max_iter=3, random_state=0).fit(X, y > 0)
    right = regressor.predict(X), classifier.predict_proba(X)
    failures, n_done = [], [0] * 18
    all_ready = threading.Barrier(18)

    def predict(number):
        all_ready.wait()
        for _ in range(20):
            rows = slice(0, 1000 // (1 + number % 4))
            values = regressor.predict(X[rows]), classifier.predict_proba(X[rows])
            for value, whole in zip(values, right, strict=True):
                if not np.allclose(value, whole[rows], rtol=1e-12):
                    failures.append(number)
            n_done[number] += 1

    def refit(number):
        all_ready.wait()
        for _ in range(3):
            for params, theta in zip(PARAMS, expected, strict=True):
                if not np.array_equal(train(params), theta):
                    failures.append(params)
            n_done[number] += 1

    threads = [threading.Thread(target=predict, args=[i]) for i in range(16)]
    threads += [threading.Thread(target=refit, args=[i]) for i in (16, 17)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert n_done == [20] * 16 + [3] * 2


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_joblib_fits_after_a_fit_in_the_parent(backend, expected):
    with joblib.parallel_config(backend=backend):
        found = joblib.Parallel(n_jobs=3)(joblib.delayed(train)(p) for p in PARAMS * 2)
    for theta, right in zip(found, expected * 2, strict=True):
        assert_array_equal(theta, right)


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_processes_of_every_kind_fit_after_a_fit_in_the_parent(method, expected):
    with multiprocessing.get_context(method).Pool(2) as pool:
        found = pool.map_async(train, PARAMS).get(timeout=200)
    for theta, right in zip(found, expected, strict=True):
        assert_array_equal(theta, right)


# The parent forks while its other threads are in the midst of fits and predictions.
FORKS = """
import os, sys, threading, warnings
import numpy as np
from threadpoolctl import threadpool_info
from tests.test_concurrency import PARAMS, train, X, y
from skgd import GDNeuralRegressor
warnings.simplefilter("ignore")
right = [train(params).tobytes() for params in PARAMS]

def blas():
    return [x["num_threads"] for x in threadpool_info() if x["user_api"] == "blas"]

limits, stop = blas(), threading.Event()
model = GDNeuralRegressor((50, 50), max_iter=2, random_state=0).fit(X, y)

def keep_busy(number):
    while not stop.is_set():
        train(PARAMS[number]) if number else model.predict(X)

threads = [threading.Thread(target=keep_busy, args=[i]) for i in range(3)]
for thread in threads:
    thread.start()
codes = []
# In the midst of a compilation too: no fit before was of this kind.
late = threading.Thread(target=lambda: GDNeuralRegressor(
    (7,), "mish", optimizer="nadam", max_iter=1
).fit(X.astype(np.float32), y))
late.start()
for attempt in range(30):
    child = os.fork()
    if child == 0:
        same = train(PARAMS[attempt % 4]).tobytes() == right[attempt % 4]
        same &= bool(np.isfinite(model.predict(X)).all())
        os._exit(0 if same and blas() == limits else 1)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
stop.set()
for thread in [*threads, late]:
    thread.join()
print(codes == [0] * 30, blas() == limits)
print(codes, file=sys.stderr)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_children_forked_in_the_midst_of_fits_can_fit(tmp_path):
    """As workers of a web server are, or of multiprocessing on Linux."""
    found = subprocess.run(
        [sys.executable, "-c", FORKS],
        # Empty, so that something is compiled in the meantime.
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert found.stdout.split() == ["True", "True"], found.stderr
