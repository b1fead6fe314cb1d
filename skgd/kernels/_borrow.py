"""Arrays without reference counting."""

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload


def borrow(value):
    """Return an array, or a tuple of such and numbers, that keeps nothing alive.

    Numba counts references to the memory of each slice that it makes, in atomic
    operations; a slice of a borrowed array has nothing to count. The owner has to
    outlive it, which arguments of a kernel do. With some 30 slices a step, a step from
    one sample on 10-10-1 took 0.53 us without and 0.38 us with this (measured).
    """
    return value


@intrinsic
def _borrow(typingctx, value):
    def codegen(context, builder, signature, values):
        return _without_owner(context, builder, signature.args[0], values[0])

    return value(value), codegen


def _without_owner(context, builder, kind, value):
    if isinstance(kind, types.BaseTuple):
        items = [
            _without_owner(context, builder, each, builder.extract_value(value, i))
            for i, each in enumerate(kind.types)
        ]
        return context.make_tuple(builder, kind, items)
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        array.parent = cgutils.get_null_value(array.parent.type)
        return array._getvalue()
    return value


@overload(borrow)
def _overload_borrow(value):
    return lambda value: _borrow(value)
