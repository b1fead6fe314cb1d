"""Integers that several threads read and write: atomic access to array elements.

Where Numba's compiler is switched off, there is one thread only, and these are ordinary
accesses.
"""

import platform

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from skgd.kernels.machine.numba_private import cgutils, typed

# LLVM's name of the instruction that tells a core that it waits in a loop, for the
# machines that have one.
PAUSES = dict.fromkeys(["x86_64", "AMD64"], "llvm.x86.sse2.pause")


def load(array, index):
    """Return ``array[index]``; all that was written before its store is then seen."""
    return array[index]


def store(array, index, value):
    """Do ``array[index] = value``, after all that was written before it."""
    array[index] = value


def add(array, index, value):
    """Do ``array[index] += value`` in one piece; return what was there before."""
    before = array[index]
    array[index] += value
    return before


def exchange(array, index, expected, value):
    """Store `value` if the element is still `expected`; return whether it was."""
    if array[index] != expected:
        return False
    array[index] = value
    return True


def pause():
    """Wait for a few nanoseconds."""


def _pointer(context, builder, signature, values):
    array = context.make_array(signature.args[0])(context, builder, values[0])
    return cgutils.get_item_pointer(
        context, builder, signature.args[0], array, [values[1]]
    )


@intrinsic
def _load(typingctx, array, index):
    def codegen(context, builder, signature, values):
        pointer = _pointer(context, builder, signature, values)
        return typed(builder.load_atomic, ir.IntType(64))(pointer, "acquire", 8)

    return types.int64(array, types.intp), codegen


@intrinsic
def _store(typingctx, array, index, value):
    def codegen(context, builder, signature, values):
        pointer = _pointer(context, builder, signature, values)
        builder.store_atomic(values[2], pointer, "release", 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.int64), codegen


@intrinsic
def _add(typingctx, array, index, value):
    def codegen(context, builder, signature, values):
        pointer = _pointer(context, builder, signature, values)
        return builder.atomic_rmw("add", pointer, values[2], "acq_rel")

    return types.int64(array, types.intp, types.int64), codegen


@intrinsic
def _exchange(typingctx, array, index, expected, value):
    def codegen(context, builder, signature, values):
        pointer = _pointer(context, builder, signature, values)
        pair = builder.cmpxchg(pointer, *values[2:], "acq_rel", "acquire")
        return builder.extract_value(pair, 1)

    return types.boolean(array, types.intp, types.int64, types.int64), codegen


@intrinsic
def _pause(typingctx):
    def codegen(context, builder, signature, values):
        instruction = PAUSES.get(platform.machine())
        if instruction:
            function = ir.FunctionType(ir.VoidType(), [])
            builder.call(
                cgutils.get_or_insert_function(builder.module, function, instruction),
                [],
            )
        return context.get_dummy_value()

    return types.void(), codegen


# They are not made by `overload`, which compiles one more function for each of them.
if not numba.config.DISABLE_JIT:
    load, store, add, exchange, pause = _load, _store, _add, _exchange, _pause
