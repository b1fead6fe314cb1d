"""What kernels are compiled for, and whether any is being compiled."""

import os
from contextlib import contextmanager

import numba

from skgd.kernels.machine.numba_private import cpu_target, install_recorder

COMPILES = not numba.config.DISABLE_JIT


def cpu():
    """Return what kernels are compiled for: system, name and features of the CPU."""
    codegen = cpu_target.target_context.codegen()
    system, name, _ = codegen.magic_tuple()
    # Not the features that the compiler was made with, before `compile_for`.
    return system, name, codegen._customize_tm_features()


def compile_for(name):
    """Compile for a type of CPU, with the features that it has by LLVM.

    It holds for the processes that this one starts, not for itself.
    """
    os.environ["NUMBA_CPU_NAME"], os.environ["NUMBA_CPU_FEATURES"] = name, ""
    numba.config.reload_config()


@contextmanager
def compilations():
    """List what Numba compiles in a `with` block, in any thread, as events."""
    with install_recorder("numba:compile") as recorder:
        yield recorder.buffer
