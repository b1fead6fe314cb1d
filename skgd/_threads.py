"""One BLAS thread during a fit or a prediction, whatever else the process does.

Measured on 2 cores, one Adam step of 200 samples on 100-100-100-1: 1034 us with two
BLAS threads, 625 us with one; of 2000 samples on 20-100-1: 2192 and 854 us. Only wide
layers gain (128 samples on 784-256-256-10: 4390 and 5286 us), and spinning threads
lose many times more wherever another process wants the second core.
"""

from contextlib import contextmanager
from functools import cache
from threading import Lock

import scipy.linalg.cython_blas  # noqa: F401  the library that Numba's np.dot calls
from threadpoolctl import OpenBLASController, ThreadpoolController

_lock = Lock()
_fits = 0
_limiter = None


@cache
def _controller():
    return ThreadpoolController()  # looks through the loaded libraries: 1 ms


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
    global _fits, _limiter
    with _control():
        if _fits == 0:
            _limiter = _controller().limit(limits=1, user_api="blas")
        _fits += 1
    try:
        yield
    finally:
        with _control():
            _fits -= 1
            if _fits == 0:
                _limiter.restore_original_limits()
