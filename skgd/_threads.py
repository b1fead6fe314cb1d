"""Threads: how many a fit may use, those that help it, and one for BLAS.

A fit divides each batch among threads of its own (see `skgd.kernels.team`), and each of
them calls BLAS with one thread. BLAS's own threads divide one product at a time; they
gain little on products of this size, and spinning at each other they lose many times
more wherever another process wants a core.
"""

import multiprocessing
import threading
import time
from contextlib import contextmanager
from functools import cache

import scipy.linalg.cython_blas  # noqa: F401  the library that the kernels call
from joblib import cpu_count, effective_n_jobs
from threadpoolctl import OpenBLASController, ThreadpoolController

from skgd.kernels.team import LATE

_lock = threading.Lock()
_fits = 0
_former_limits = []


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


class Helpers:
    """Threads that help a primary one, for the length of a `with` block.

    Parameters
    ----------
    works : list of callable
        What each helper calls when woken; it returns when there is nothing to do.
    shared : ndarray
        `Team.shared`, in which the primary thread says that a helper has been late.
    """

    # Seconds that late helpers stay away, doubled each time: a core that another
    # process keeps busy costs more than it brings.
    FIRST_ABSENCE = 0.02

    def __init__(self, works, shared):
        self._shared = shared
        self._stopped = False
        self._events = [threading.Event() for _ in works]
        self._threads = [
            threading.Thread(target=self._help, args=pair, daemon=True)
            for pair in zip(works, self._events, strict=True)
        ]
        self._absence, self._back_at = self.FIRST_ABSENCE, None

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception):
        self._stopped = True
        for event in self._events:
            event.set()
        for thread in self._threads:
            thread.join()

    def wake(self):
        """Call the helpers, unless they have been late a short time ago."""
        if self._shared[LATE]:
            now = time.monotonic()
            if self._back_at is None:
                self._back_at = now + self._absence
                self._absence *= 2
            if now < self._back_at:
                return
            self._back_at = None
            self._shared[LATE] = 0
        for event in self._events:
            event.set()

    def _help(self, work, event):
        while True:
            event.wait()
            event.clear()
            if self._stopped:
                return
            work()
