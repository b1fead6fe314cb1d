"""Threads: BLAS has one, a fit as many as it may, and no result depends on them."""

import subprocess
import sys
import threading
import time
import warnings
from functools import partial

import joblib
import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_info, threadpool_limits

import skgd.descent.steps
import skgd.kernels.team.threads
from skgd import GDNeuralRegressor
from skgd.kernels.machine.gemm import large_products
from skgd.kernels.passes.inputs import as_inputs
from skgd.kernels.team.protocol import LATE
from skgd.kernels.team.threads import Helpers, n_threads, one_blas_thread, prepare_blas
from skgd.network.division import divide
from skgd.network.network import make_network
from tests.inside import theta_of

X, y = [[0.0], [1.0], [2.0], [4.0]], [0.0, 1.0, 0.0, 2.0]


def blas_threads():
    libraries = [lib for lib in threadpool_info() if lib["user_api"] == "blas"]
    return {lib["num_threads"] for lib in libraries}


@pytest.fixture
def two_threads():
    with threadpool_limits(2, user_api="blas"):
        if blas_threads() != {2}:
            pytest.skip("BLAS has no second thread here to begin with")
        yield


# One BLAS thread ---------------------------------------------------------------------


@pytest.mark.usefixtures("two_threads")
def test_a_fit_has_one_thread():
    seen = []

    def look(progress):
        seen.append(blas_threads())
        return np.ones_like(progress)

    GDNeuralRegressor(tol=1e9, learning_rate=look, random_state=0).fit(X, y)
    assert seen
    assert all(threads == {1} for threads in seen)
    assert blas_threads() == {2}


@pytest.mark.usefixtures("two_threads")
def test_a_failed_fit_lifts_the_limit():
    with pytest.raises(ValueError, match="non-finite"):
        GDNeuralRegressor(optimizer="gd", learning_rate_init=1e200).fit(X, y)
    assert blas_threads() == {2}


@pytest.mark.usefixtures("two_threads")
def test_threads_may_be_limited_by_others_afterwards():
    def other():
        with threadpool_limits(1, user_api="blas"):
            seen.append(blas_threads())

    seen = []
    with one_blas_thread():
        pass
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == [{1}]


@pytest.mark.usefixtures("two_threads")
def test_the_last_of_concurrent_fits_lifts_the_limit():
    first_may_end = threading.Event()
    first_holds = threading.Event()

    def first():
        with one_blas_thread():
            first_holds.set()
            first_may_end.wait()

    thread = threading.Thread(target=first)
    thread.start()
    first_holds.wait()
    with one_blas_thread():
        first_may_end.set()
        thread.join()
        assert blas_threads() == {1}
    assert blas_threads() == {2}


# BLAS's memory -----------------------------------------------------------------------


@pytest.fixture
def products(monkeypatch):
    """The threads of the products that prepare_blas makes, in a process new to it."""
    threads = []

    def telling(n):
        def tell(multiply):
            threads.append(threading.current_thread())
            return multiply()

        return [partial(tell, multiply) for multiply in large_products(n)]

    monkeypatch.setattr(skgd.kernels.team.threads, "large_products", telling)
    monkeypatch.setattr(skgd.kernels.team.threads, "_n_prepared", 0)
    return threads


def test_the_large_products_are_products():
    for multiply in large_products(2):
        arguments = multiply()
        A, B, C = (each for each in arguments if isinstance(each, np.ndarray))
        m, n, k = (each.value for each in arguments[2:5])
        assert (A.size, B.size, C.size) == (m * k, k * n, m * n)
        np.testing.assert_array_equal(C, k)


def test_memory_is_laid_out_once(products):
    prepare_blas(2)
    assert len(set(products)) == 2
    prepare_blas(2)
    prepare_blas(1)
    assert len(products) == 2
    prepare_blas(3)  # for all of them at the same time: each has a piece of its own
    assert len(set(products)) == 2 + 3
    prepare_blas(3)
    assert len(products) == 2 + 3


def test_concurrent_fits_have_memory_for_their_threads_each(products):
    with one_blas_thread():
        prepare_blas(2)
        assert len(products) == 2
        with one_blas_thread():
            prepare_blas(2)
            assert len(set(products)) == 2 + 4
        prepare_blas(2)
        prepare_blas(4)
    assert len(products) == 2 + 4


def test_fits_that_begin_together_lay_it_out_once(products):
    n_fits = 4
    ready = threading.Barrier(n_fits)

    def begin():
        with one_blas_thread():
            ready.wait()
            prepare_blas(2)
            ready.wait()

    threads = [threading.Thread(target=begin) for _ in range(n_fits)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(products)) == len(products) == 2 * n_fits


def test_a_fit_lays_it_out_for_the_threads_it_uses(products):
    fit(*draw(sparse=False), n_jobs=2, batch_size=250)
    assert len(products) == 2
    fit(*draw(sparse=False), n_jobs=2, batch_size=250)
    assert len(products) == 2


# How many threads a fit may use ------------------------------------------------------


@pytest.mark.usefixtures("two_threads")
def test_the_default_is_as_many_as_blas_would_use():
    assert n_threads(None) == min(2, joblib.cpu_count())
    with threadpool_limits(1, user_api="blas"):
        assert n_threads(None) == 1


def test_a_number_is_taken_as_by_joblib():
    assert n_threads(3) == 3
    assert n_threads(-1) == joblib.cpu_count()


def test_the_default_is_one_outside_the_main_thread():
    seen = []
    thread = threading.Thread(target=lambda: seen.append(n_threads(None)))
    thread.start()
    thread.join()
    assert seen == [1]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_workers_of_joblib_share_the_cores(backend):
    n_workers = joblib.cpu_count()
    if n_workers == 1:
        pytest.skip("one core: joblib starts no workers")
    run = joblib.Parallel(n_jobs=n_workers, backend=backend)
    seen = run(joblib.delayed(n_threads)(None) for _ in range(n_workers))
    assert seen == [1] * n_workers


# What threads do to a result: nothing ------------------------------------------------


def draw(sparse, dtype=np.float64):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1000, 40))
    y = np.sin(X[:, 0]) + X[:, 1]
    if sparse:
        X = csr_array(X * (rng.random(X.shape) < 0.5))
    return X.astype(dtype), y.astype(dtype)


def fit(X, y, n_jobs, **parameters):
    regressor = GDNeuralRegressor(
        (80, 40), max_iter=4, random_state=0, n_jobs=n_jobs, **parameters
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return regressor.fit(X, y)


def test_the_cases_below_have_something_to_share():
    hidden = {"activation": ["relu"] * 2, "dropout": [0.0] * 2}
    network = make_network([40, 80, 40, 1], "squared_error", **hidden)
    for sparse in (False, True):
        n_parts, n_updates, _ = divide(network, as_inputs(draw(sparse)[0]), 250)
        assert n_parts > 1
        assert n_updates > 1


@pytest.mark.parametrize("n_jobs", [2, 5])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("solver", ["batch", "minibatch"])
def test_the_result_is_the_same_for_any_number_of_threads(
    solver, sparse, dtype, n_jobs
):
    X, y = draw(sparse, dtype)
    parameters = {"solver": solver, "batch_size": 250}
    one, many = (fit(X, y, n, **parameters) for n in (1, n_jobs))
    np.testing.assert_array_equal(theta_of(many), theta_of(one))
    assert many.loss_curve_ == one.loss_curve_
    np.testing.assert_array_equal(many.predict(X), one.predict(X))


@pytest.mark.parametrize("repetition", range(3))
def test_the_result_is_the_same_whatever_the_timing(monkeypatch, repetition):
    # Helpers come and go at random, and are called late every now and then.
    rng = np.random.default_rng(repetition)
    teams, wake, make_team = [], Helpers.wake, skgd.descent.steps.make_team

    def sometimes(self):
        if rng.random() < 0.2:
            teams[-1].shared[LATE] = 1
        time.sleep(0.002 * rng.random())
        wake(self)

    def keep(*args):
        teams.append(make_team(*args))
        return teams[-1]

    X, y = draw(sparse=False)
    expected = fit(X, y, 1, batch_size=250)
    monkeypatch.setattr(skgd.descent.steps, "make_team", keep)
    monkeypatch.setattr(Helpers, "wake", sometimes)
    monkeypatch.setattr(Helpers, "ABSENCE", 0.001)
    for _ in range(5):
        result = fit(X, y, 3, batch_size=250)
        np.testing.assert_array_equal(theta_of(result), theta_of(expected))
    assert len(teams) == 5


IN_ANOTHER_PROCESS = """
from tests.inside import theta_of
from tests.test_threads import draw, fit
for n_jobs in (1, 2):
    net = fit(*draw(sparse=False), n_jobs=n_jobs, batch_size=250)
    print(theta_of(net).tobytes().hex())
"""


@pytest.mark.slow
def test_the_result_is_the_same_in_another_process():
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS]
    theirs = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    ours = theta_of(fit(*draw(sparse=False), n_jobs=2, batch_size=250))
    assert theirs.split() == [ours.tobytes().hex()] * 2


# Helpers -----------------------------------------------------------------------------


@pytest.mark.faults
def test_helpers_end_with_the_block_whatever_happens_in_it():
    before = threading.active_count()

    def interrupted():
        with Helpers([lambda: False] * 3) as helpers:
            helpers.wake()
            assert threading.active_count() == before + 3
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert threading.active_count() == before


def test_late_helpers_stay_away_for_a_while(monkeypatch):
    monkeypatch.setattr(Helpers, "ABSENCE", 0.1)
    monkeypatch.setattr(Helpers, "LONGEST_ABSENCE", 0.3)
    times, enough = [], threading.Event()

    def be_late_twice():
        times.append(time.monotonic())
        if len(times) == 3:
            enough.set()
        return len(times) < 3

    with Helpers([be_late_twice]) as helpers:
        helpers.wake()
        assert enough.wait(10)
    first, second = np.diff(times)
    assert first >= 0.2  # twice: late at once counts as late again
    assert second >= 0.3


def test_an_absent_helper_does_not_hold_up_the_end(monkeypatch):
    monkeypatch.setattr(Helpers, "ABSENCE", 1000)
    monkeypatch.setattr(Helpers, "LONGEST_ABSENCE", 1000)
    called = threading.Event()
    with Helpers([lambda: called.set() or True]) as helpers:
        helpers.wake()
        assert called.wait(10)
