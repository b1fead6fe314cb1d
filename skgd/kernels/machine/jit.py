"""The one place that calls Numba: compiler flags, and the disk cache."""

import os
from contextlib import suppress

from numba import njit

from skgd.kernels.machine.cache import KernelCache
from skgd.kernels.machine.numba_private import global_compiler_lock

# nogil: fits run side by side in threads. error_model="numpy": a division gives inf or
# nan instead of a branch to an exception, which would stop vectorisation. No fastmath:
# a kernel is compiled on its own and again inside its callers, and it is the linker
# that chooses between them. With a free choice of fused multiply-adds the two differed
# in the last bit, and so did a fit in a process that compiles from the same fit in a
# process that loads from the disk cache. `formulas.elementary.add` and `multiply_add`
# give the freedom back, one operation at a time. _nrt: without Numba's reference
# counts, as kernels allocate nothing and return no arrays. They were atomic operations
# for each slice: a step from one sample on 10-10-1 took 0.53 us with them and 0.38 us
# without; and code for them at each use of a tuple of arrays: the first default fit
# took 17.2 s with it and 14.3 s without (measured, on two machines).
OPTIONS = {"nogil": True, "error_model": "numpy", "_nrt": False}


# A child that is forked while another thread compiles, or loads a kernel, would wait
# for that thread, which it does not have.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )


def jit(function):
    """Compile `function` on first call, and keep the machine code on disk if possible.

    Where neither the package's folder nor the user's cache folder can be written, each
    process compiles.
    """
    dispatcher = njit(**OPTIONS)(function)
    with suppress(RuntimeError):  # "no locator available"
        dispatcher._cache = KernelCache(function)
    return dispatcher


def inline(function):
    """Compile `function` into its one caller instead of on its own.

    Numba optimises a caller together with everything below it, so each level of small
    functions is paid for again: the first default fit took 12.8 s with `jit` for the
    steps between an epoch and its passes, and 9.8 s with `inline` (measured).
    """
    return njit(inline="always", **OPTIONS)(function)


def compile_for_now(function, **options):
    """Compile a function for this process, as it is not in a file of skgd."""
    return njit(**OPTIONS, **options)(function)
