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
from tests.inside import theta_of

rng = np.random.default_rng(0)
X = rng.standard_normal((1000, 20))
y = np.sin(X[:, 0])
PARAMS = [
    {"solver": "minibatch"},
    {"solver": "sgd", "max_iter": 2},
    {"solver": "batch", "activation": "tanh"},
    {"early_stopping": True, "dropout": 0.1},
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def train(params):
    """Train, and return the parameters: what a worker does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        params = {
            "hidden_layer_sizes": (30,),
            "max_iter": 5,
            "random_state": 0,
        } | params
        return theta_of(GDNeuralRegressor(**params).fit(X, y))


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
        found = joblib.Parallel(n_jobs=2)(joblib.delayed(train)(p) for p in PARAMS * 2)
    for theta, right in zip(found, expected * 2, strict=True):
        assert_array_equal(theta, right)


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_processes_of_every_kind_fit_after_a_fit_in_the_parent(method, expected):
    with multiprocessing.get_context(method).Pool(2) as pool:
        found = pool.map_async(train, PARAMS).get(timeout=200)
    for theta, right in zip(found, expected, strict=True):
        assert_array_equal(theta, right)


# The parent forks while its other threads are in the midst of fits, of predictions, and
# of compilations: of functions that no folder keeps.
FORKS = """
import os, sys, threading, time, warnings
import numpy as np
from threadpoolctl import threadpool_info
from tests.test_concurrency import PARAMS, train, X, y
from skgd import GDNeuralRegressor
from skgd.kernels.machine.jit import compile_for_now
warnings.simplefilter("ignore")
right = [train(params).tobytes() for params in PARAMS]

def blas():
    return [x["num_threads"] for x in threadpool_info() if x["user_api"] == "blas"]

limits, stop, kept = blas(), threading.Event(), []
model = GDNeuralRegressor((50, 50), max_iter=2, random_state=0).fit(X, y)

def keep_busy(number):
    while not stop.is_set():
        train(PARAMS[number]) if number else model.predict(X)

def keep_compiling():
    while not stop.is_set():
        # Kept, as to free one takes a lock of llvmlite's own, in whatever thread.
        kept.append(compile_for_now(lambda x: 2 * x))
        assert kept[-1](3) == 6
        time.sleep(0.002)

threads = [threading.Thread(target=keep_busy, args=[i]) for i in range(3)]
threads.append(threading.Thread(target=keep_compiling))
for thread in threads:
    thread.start()
codes = []
for attempt in range(8):
    child = os.fork()
    if child == 0:
        same = train(PARAMS[attempt % 4]).tobytes() == right[attempt % 4]
        same &= bool(np.isfinite(model.predict(X)).all())
        same &= compile_for_now(lambda x: -x)(3) == -3
        os._exit(0 if same and blas() == limits else 1)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
stop.set()
for thread in threads:
    thread.join()
print(codes == [0] * 8, blas() == limits, len(kept) > 3)
print(codes, len(kept), file=sys.stderr)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_children_forked_in_the_midst_of_fits_can_fit():
    """As workers of a web server are, or of multiprocessing on Linux."""
    found = subprocess.run(
        [sys.executable, "-c", FORKS], capture_output=True, text=True, timeout=300
    )
    assert found.stdout.split() == ["True"] * 3, found.stderr
