"""Threads: how many a fit may use, those that help it, and one for BLAS.

A fit divides each batch among threads of its own (see `skgd.kernels.team.protocol`),
and each of them calls BLAS with one thread. BLAS's own threads divide one product at a
time; they gain little on products of this size, and spinning at each other they lose
many times more wherever another process wants a core.
"""

import multiprocessing
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache

import scipy.linalg.cython_blas  # noqa: F401  the library that the kernels call
from joblib import cpu_count, effective_n_jobs
from threadpoolctl import OpenBLASController, ThreadpoolController

from skgd.kernels.machine.gemm import large_products

_lock = threading.Lock()
_fits = 0
_former_limits = []
_n_prepared = 0


@cache
def _blas_libraries():
    controller = ThreadpoolController()  # looks through the loaded libraries: 1 ms
    return [lib for lib in controller.lib_controllers if lib.user_api == "blas"]


_n_cores = cache(cpu_count)  # reads the limits of the process's container: 50 us


@contextmanager
def _control():
    """Have this thread set OpenBLAS's number of threads.

    threadpoolctl heeds only the thread that set it first. Here it is one thread that
    sets the limit and another that lifts it, and the lock keeps the two apart.
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
    """Have BLAS's memory laid out for `n` threads of each fit that runs now.

    Once in a process; see `large_products`.
    """
    global _n_prepared
    with _lock:
        n *= max(_fits, 1)
        if n <= _n_prepared:
            return
        _n_prepared = n
    all_ready = threading.Barrier(n)

    def work(multiply):
        with suppress(threading.BrokenBarrierError):  # not all could be started
            all_ready.wait(timeout=1)
        multiply()

    threads = [threading.Thread(target=work, args=[f]) for f in large_products(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def n_threads(n_jobs):
    """Threads that a fit or a prediction may use.

    None stands for as many as BLAS would use, which joblib's worker processes and
    `threadpoolctl.threadpool_limits` lower. It stands for 1 in a thread other than the
    main one, and in a process of a pool: a fit in there is most likely one of several,
    run side by side by joblib, Dask or a service.
    """
    if n_jobs is not None:
        return effective_n_jobs(n_jobs)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or multiprocessing.current_process().daemon:
        return 1
    return min([lib.num_threads for lib in _blas_libraries()] + [_n_cores()])


def _one_blas_thread_here():
    """Limit BLAS in a thread of our own, where each thread has a limit of its own."""
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
    """Forget the parent's threads, of which a forked process has none.

    One of them may be in a fit, whose limit on BLAS it was to lift.
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
        before=_lock.acquire,  # so that nobody is in the midst of limiting BLAS
        after_in_parent=_lock.release,
        after_in_child=_begin_in_child,
    )


def side_by_side(work, n):
    """Call `work` in this thread, and in up to `n` - 1 of a pool in the meantime.

    Nobody waits for a thread that has not begun. To start a new one took 105 us, to
    wake one of the pool 50 us (measured).
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
        What each helper calls when woken. It returns when there is nothing to do, and
        whether it was sent away because a helper was late.
    """

    # Seconds that a late helper stays away, at first and at most; doubled each time
    # that it is late again soon. On a core that another process keeps busy it costs
    # more than it brings; but on virtual machines cores also go away for a moment.
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
        """Call the helpers; those at work, or away, are not disturbed."""
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
