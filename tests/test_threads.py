"""BLAS has one thread during a fit, and its former number after the last one."""

import threading

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import skgd._training
from skgd import GDNeuralRegressor
from skgd._blas import one_blas_thread

X, y = [[0.0], [1.0], [2.0], [4.0]], [0.0, 1.0, 0.0, 2.0]


def blas_threads():
    libraries = [lib for lib in threadpool_info() if lib["user_api"] == "blas"]
    return {lib["num_threads"] for lib in libraries}


@pytest.fixture(autouse=True)
def two_threads():
    with threadpool_limits(2, user_api="blas"):
        if blas_threads() != {2}:
            pytest.skip("BLAS has no second thread here to begin with")
        yield


def test_a_fit_has_one_thread(monkeypatch):
    seen = []
    record = skgd._training._record_epoch

    def look(*args):
        seen.append(blas_threads())
        record(*args)

    monkeypatch.setattr(skgd._training, "_record_epoch", look)
    GDNeuralRegressor(tol=1e9, random_state=0).fit(X, y)
    assert seen
    assert all(threads == {1} for threads in seen)
    assert blas_threads() == {2}


def test_a_failed_fit_lifts_the_limit():
    with pytest.raises(ValueError, match="non-finite"):
        GDNeuralRegressor(optimizer="gd", learning_rate_init=1e200).fit(X, y)
    assert blas_threads() == {2}


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
