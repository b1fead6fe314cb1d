"""The one place that calls Numba: compiler flags, and the disk cache."""

import os
from functools import cache
from types import FunctionType

from numba import njit

from skgd.kernels.machine.cache import KernelCache
from skgd.kernels.machine.numba_private import global_compiler_lock

# - nogil: fits run side by side in threads.
# - error_model="numpy": a division by 0 gives inf or nan. Otherwise each division would
#   have a branch to an exception, which prevents vectorisation.
# - No fastmath: a kernel is compiled on its own and again inside its callers, and the
#   linker chooses between the two. Where the compiler was free to fuse multiplications
#   and additions, the two differed in the last bit, and so did a fit in a process that
#   compiles from the same fit in a process that loads from the disk cache. `add` and
#   `multiply_add` of `formulas.elementary` allow it for one operation at a time.
# - _nrt: kernels allocate nothing and return no arrays, so they do without Numba's
#   reference counts. These took atomic operations for each slice: a step from one
#   sample on 10-10-1 took 0.53 us with them and 0.38 us without. They also took code at
#   each use of a tuple of arrays: the first default fit took 17.2 s with them and
#   14.3 s without (measured, on two machines; `tests/benchmarks/run.py` times such
#   steps, and compilation apart).
# - no_cfunc_wrapper: no C code calls a kernel.
OPTIONS = {
    "nogil": True,
    "error_model": "numpy",
    "_nrt": False,
    "no_cfunc_wrapper": True,
}


# A process that is forked while another thread holds the compiler's lock would wait for
# it for ever: it inherits the lock, but not the thread. So forks wait for the lock.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )


def jit(function):
    """Compile `function` on first call, and keep the machine code if possible."""
    return _keep(njit(**OPTIONS)(function), function)


def jit_as(name, function, **names):
    """Compile a copy of `function`, which has another name and finds these names.

    They take the place of a closure's variables: a function with a closure is never
    found in the disk cache.
    """
    namespace = {**function.__globals__, **names}
    copy = FunctionType(function.__code__, namespace, name)
    copy.__qualname__ = name
    return jit(copy)


def _keep(dispatcher, function, variant=""):
    if function.__closure__ is None:  # what it holds is not known by the sources
        dispatcher._cache = KernelCache(function, variant)
    return dispatcher


@cache
def without_wrapper(dispatcher):
    """Return a dispatcher of the same function that Python cannot call.

    Numba compiles a wrapper with each function, which makes its arguments of Python's.
    For a function whose arguments are tuples of many arrays, that takes longer than the
    function itself. A function that is called by its address does without.
    """
    function = dispatcher.py_func
    bare = njit(no_cpython_wrapper=True, **OPTIONS)(function)
    is_kept = isinstance(dispatcher._cache, KernelCache)
    return _keep(bare, function, ".inner") if is_kept else bare


def inline(function):
    """Compile `function` into its one caller instead of on its own.

    Numba optimises a function together with all those that it calls, so each level of
    small functions is compiled once more: the first default fit took 12.8 s with `jit`
    for the functions between an epoch and its passes, and 9.8 s with `inline`
    (measured; `tests/benchmarks/run.py` reports the time of compilation).
    """
    return njit(inline="always", **OPTIONS)(function)


def compile_for_now(function, **options):
    """Compile a function for this process only, without the disk cache.

    It is for a user's functions: the names of the cache's files follow from skgd's own
    sources, and would not change with theirs.
    """
    return njit(**OPTIONS, **options)(function)
