"""Threads: how many a fit may use, those that help it, and one for BLAS.

A fit divides each batch among threads of its own (see `skgd.kernels.team.protocol`),
and in each of them BLAS runs on one thread. BLAS's own threads would divide one product
at a time. They gain little on products of this size, and as they wait for each other in
a loop, they lose many times more wherever another process wants a core.
"""

import multiprocessing
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache

import scipy.linalg.cython_blas  # noqa: F401  loads the library that the kernels call
from joblib import cpu_count, effective_n_jobs
from threadpoolctl import OpenBLASController, ThreadpoolController

from skgd.kernels.machine.gemm import large_products

_lock = threading.Lock()
_fits = 0
_former_limits = []
_n_prepared = 0


@cache
def _blas_libraries():
    controller = ThreadpoolController()  # takes 1 ms to go through loaded libraries
    return [lib for lib in controller.lib_controllers if lib.user_api == "blas"]


_n_cores = cache(cpu_count)  # takes 50 us to read the limits of a container


@contextmanager
def _control():
    """Let this thread set OpenBLAS's number of threads, in a `with` block.

    threadpoolctl obeys only the thread that has set it first. Here one thread may set
    the limit and another may lift it, and the lock keeps the two apart.
    """
    with _lock:
        OpenBLASController.clear_controlling_thread(force=True)
        yield
        OpenBLASController.clear_controlling_thread(force=True)


@contextmanager
def one_blas_thread():
    """Limit BLAS to one thread; the last of several concurrent fits lifts the limit."""
    global _fits, _former_limits
    with _control():
        if _fits == 0:
            _former_limits = [lib.num_threads for lib in _blas_libraries()]
            for library in _blas_libraries():
                library.set_num_threads(1)
        _fits += 1
    try:
        yield
    finally:
        with _control():
            _fits -= 1
            if _fits == 0:
                for library, n in zip(_blas_libraries(), _former_limits, strict=True):
                    library.set_num_threads(n)


def prepare_blas(n):
    """Have BLAS get its memory for `n` threads of each fit that runs now.

    It is done once in a process, and again for more threads; `large_products` says why.
    """
    global _n_prepared
    with _lock:
        n *= max(_fits, 1)
        if n <= _n_prepared:
            return
        _n_prepared = n
    all_ready = threading.Barrier(n)

    def work(multiply):
        with suppress(threading.BrokenBarrierError):  # a thread could not be started
            all_ready.wait(timeout=1)
        multiply()

    threads = [threading.Thread(target=work, args=[f]) for f in large_products(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def n_threads(n_jobs):
    """Return the number of threads that a fit or a prediction may use.

    Parameters
    ----------
    n_jobs : int or None
        As in joblib. None stands for as many threads as BLAS would use, at most one a
        core; joblib's worker processes and `threadpoolctl.threadpool_limits` lower that
        number. In a thread other than the main one, and in a process of a pool, None
        stands for 1: a fit there is most likely one of several, run side by side by
        joblib, Dask or a service.

    Returns
    -------
    n_threads : int
    """
    if n_jobs is not None:
        return effective_n_jobs(n_jobs)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or multiprocessing.current_process().daemon:
        return 1
    return min([lib.num_threads for lib in _blas_libraries()] + [_n_cores()])


def _one_blas_thread_here():
    """Limit BLAS to one thread in this thread, if OpenMP keeps a limit for each."""
    for library in _blas_libraries():
        if getattr(library, "threading_layer", None) == "openmp":
            library.set_num_threads(1)


@cache
def _pool():
    return ThreadPoolExecutor(
        max(1, _n_cores() - 1),
        thread_name_prefix="skgd",
        initializer=_one_blas_thread_here,
    )


def _begin_in_child():
    """Forget the parent's threads, as a forked process has none of them.

    One of them may have been in a fit, and should have lifted its limit on BLAS; the
    limit is lifted here instead.
    """
    global _fits
    _lock.release()
    _pool.cache_clear()
    if _fits:
        _fits = 0
        with _control():
            for library, n in zip(_blas_libraries(), _former_limits, strict=True):
                library.set_num_threads(n)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock.acquire,  # so that no thread is in the midst of limiting BLAS
        after_in_parent=_lock.release,
        after_in_child=_begin_in_child,
    )


def side_by_side(work, n):
    """Call `work` in this thread, and meanwhile in up to `n` - 1 threads of a pool.

    A call that has not begun when this thread is done is cancelled. It took 105 us to
    start a new thread, and 50 us to wake one of the pool (measured).
    """
    calls = [_pool().submit(work) for _ in range(n - 1)]
    work()
    for call in calls:
        if not call.cancel():
            call.result()


class Helpers:
    """Threads that help a primary one, for the length of a `with` block.

    Parameters
    ----------
    works : list of callable
        What each helper calls when it is woken. A call returns when there is nothing
        left to do, or when the helpers are sent away because one was late; it returns
        True in the second case.
    """

    # Seconds that helpers stay away after one was late, at first and at most. The time
    # doubles whenever one is late again soon. A helper on a core that another process
    # keeps busy costs more than it brings (`tests/benchmarks/busy.py`); but on virtual
    # machines a core may also be gone for a moment only.
    ABSENCE, LONGEST_ABSENCE = 0.005, 0.08

    def __init__(self, works):
        self._stopped = threading.Event()
        self._calls = [threading.Event() for _ in works]
        self._threads = [
            threading.Thread(target=self._help, args=pair, daemon=True)
            for pair in zip(works, self._calls, strict=True)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception):
        self._stopped.set()
        self.wake()
        for thread in self._threads:
            thread.join()

    def wake(self):
        """Call the helpers; those that are at work or away are not disturbed."""
        for call in self._calls:
            call.set()

    def _help(self, work, call):
        absence, back_since = self.ABSENCE, time.monotonic()
        _one_blas_thread_here()
        while True:
            call.wait()
            call.clear()
            if self._stopped.is_set():
                return
            if work():
                stayed = time.monotonic() - back_since
                if stayed > 10 * absence:
                    absence = self.ABSENCE
                else:
                    absence = min(2 * absence, self.LONGEST_ABSENCE)
                self._stopped.wait(absence)
                back_since = time.monotonic()
                call.set()
