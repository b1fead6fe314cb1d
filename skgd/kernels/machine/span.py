"""Views of parts of an array, at a lower cost than slices.

A slice may begin before 0 or end beyond the array, and takes a dozen instructions to
handle that. The kernels' layout leaves no such case, so a span takes none. Where Numba
is told to check indices (``NUMBA_BOUNDSCHECK=1``), a span that is not inside its array
raises an IndexError.
"""

import numba
from numba import types
from numba.extending import intrinsic

from skgd.kernels.machine.numba_private import cgutils, populate_array


def span(array, start, size):
    """Return the view ``array[start : start + size]`` of a contiguous 1-D array."""
    if start < 0 or size < 0 or start + size > array.size:
        raise IndexError(f"from {start}, {size} elements of {array.size}")
    return array[start : start + size]


@intrinsic
def _span(typingctx, array, start, size):
    def codegen(context, builder, signature, values):
        kind = signature.args[0]
        whole = context.make_array(kind)(context, builder, values[0])
        start, size = values[1:]
        if numba.config.BOUNDSCHECK:
            _check(context, builder, start, size, whole.nitems)
        view = context.make_array(kind)(context, builder)
        populate_array(
            view,
            data=builder.gep(whole.data, [start]),
            shape=[size],
            strides=[whole.itemsize],
            itemsize=whole.itemsize,
            meminfo=whole.meminfo,
            parent=whole.parent,
        )
        return view._getvalue()

    return array(array, types.intp, types.intp), codegen


def _check(context, builder, start, size, n):
    zero = start.type(0)
    stop = builder.add(start, size)
    is_outside = builder.or_(
        builder.icmp_signed("<", start, zero),
        builder.or_(
            builder.icmp_signed("<", size, zero), builder.icmp_signed(">", stop, n)
        ),
    )
    with cgutils.if_unlikely(builder, is_outside):
        message = "a span of an array that is not in it"
        context.call_conv.return_user_exc(builder, IndexError, (message,))


# It is not made by `overload`, which compiles one more function for each type of
# arguments.
if not numba.config.DISABLE_JIT:
    span = _span
