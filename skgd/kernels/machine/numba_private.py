"""What skgd takes of Numba that is not public, in one place.

Seen in Numba 0.61 to 0.68 and llvmlite 0.44 to 0.50. `numba.extending` and the package
llvmlite are public.
"""

from numba.core import cgutils
from numba.core.caching import FunctionCache
from numba.core.compiler_lock import global_compiler_lock
from numba.core.serialize import dumps
from numba.np.arrayobj import populate_array

__all__ = [
    "FunctionCache",
    "cgutils",
    "dumps",
    "global_compiler_lock",
    "populate_array",
    "typed",
]


def typed(load_atomic, kind):
    """Name the type of what is loaded, for versions whose pointers have none.

    llvmlite 0.44 takes no such argument.
    """

    def call(*arguments):
        try:
            return load_atomic(*arguments, typ=kind)
        except TypeError:
            return load_atomic(*arguments)

    return call
