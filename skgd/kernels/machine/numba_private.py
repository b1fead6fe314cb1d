"""All that skgd uses of Numba and that is not public, in one place.

It is there in Numba 0.61 to 0.68, with llvmlite 0.44 to 0.50. What skgd takes from
`numba.extending` and from the package llvmlite is public.
"""

from numba.core import cgutils
from numba.core.compiler import CompileResult
from numba.core.compiler_lock import global_compiler_lock
from numba.core.event import install_recorder
from numba.core.registry import cpu_target
from numba.core.serialize import dumps
from numba.misc.appdirs import AppDirs
from numba.np.arrayobj import populate_array

__all__ = [
    "AppDirs",
    "CompileResult",
    "cgutils",
    "cpu_target",
    "dumps",
    "global_compiler_lock",
    "install_recorder",
    "populate_array",
    "typed",
]


def typed(load_atomic, kind):
    """Return `load_atomic` with the type of what is loaded as an argument.

    Versions of llvmlite whose pointers have no type need this argument; llvmlite 0.44
    does not know it.
    """

    def call(*arguments):
        try:
            return load_atomic(*arguments, typ=kind)
        except TypeError:
            return load_atomic(*arguments)

    return call
