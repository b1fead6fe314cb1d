"""Calls of compiled functions by their address.

A kernel that named the functions of all activations, losses and optimizers would
contain them all, compiled anew with each kernel. A kernel calls them by their addresses
instead. So each function is compiled on its own, and only when a network needs it: a
first fit compiles one activation and one optimizer. An address is a number that is
handed to the kernel, so the kernel itself can be kept in the disk cache.

A function that is called with other types than it was compiled for would read memory
that is not its arguments'. Where Numba is told to check indices
(``NUMBA_BOUNDSCHECK=1``), an address is not that of the function but of a note, which
holds the function's address and a number made of its types; a call with other types
then raises a TypeError.

Where Numba's compiler is switched off, an address is a place in a list of functions.
"""

import zlib

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from skgd.kernels.machine.jit import without_wrapper
from skgd.kernels.machine.numba_private import cgutils, global_compiler_lock

_plain_functions = []
# The notes are kept here so that they stay where they are in memory.
_notes = []
CHECKS = bool(numba.config.BOUNDSCHECK)


def address(function, *examples):
    """Compile a jitted function for arguments of these types; return its address.

    Parameters
    ----------
    function : callable
        Compiled by `jit`, or by `compile_for_now`.
    *examples : object
        One argument of each type, in the order of the function's arguments.

    Returns
    -------
    address : int

    Raises
    ------
    TypeError
        If the function returns anything but nothing or a float64, as callers would
        misread it.
    """
    if numba.config.DISABLE_JIT:
        if function not in _plain_functions:
            _plain_functions.append(function)
        return _plain_functions.index(function) + 1
    signature = tuple(map(numba.typeof, examples))
    # No process may be forked while this thread holds the lock of LLVM, so the one that
    # is held around forks is taken first.
    function = without_wrapper(function)
    with global_compiler_lock:
        function.compile(signature)
        compiled = function.overloads[signature]
        result = compiled.signature.return_type
        if result not in (types.none, types.float64):  # the caller would misread it
            raise TypeError(f"{function.py_func.__name__} returns {result}")
        name = compiled.fndesc.llvm_func_name
        where = compiled.library.get_pointer_to_function(name)
    if not CHECKS:
        return where
    _notes.append(np.array([where, _number_of(signature)]))
    return _notes[-1].ctypes.data


def entry(function, *arguments):
    """Compile a jitted function for these arguments; return what Python can call.

    The result takes arguments of exactly the same types, and does not check them: for
    tuples of many arrays, finding their types out takes ten times as long as the rest
    of the call (9.5 us and 0.8 us for `minibatch_steps`, measured).

    Parameters
    ----------
    function : callable
        Compiled by `jit`.
    *arguments : object

    Returns
    -------
    entry : callable
    """
    if numba.config.DISABLE_JIT:
        return function
    signature = tuple(map(numba.typeof, arguments))
    with global_compiler_lock:
        function.compile(signature)
    return function.overloads[signature].entry_point


def _number_of(types_of_arguments):
    """Return a checksum of types; other types are most unlikely to have the same."""
    return zlib.crc32(str(tuple(types_of_arguments)).encode())


def call(function, arguments):
    """Call the function at this address, which returns nothing.

    `arguments` is a tuple, whose types have to be exactly those given to `address`.
    """
    _plain_functions[function - 1](*arguments)


def call_for_float(function, arguments):
    """Call the function at this address, which returns a float64; see `call`."""
    return float(_plain_functions[function - 1](*arguments))


def _where_if_of(kinds, context, builder, address):
    """Return the address of the function in a note; raise if its types are others."""
    size = ir.IntType(64)
    note = builder.inttoptr(address, ir.PointerType(size))
    noted = builder.load(builder.gep(note, [ir.IntType(32)(1)]))
    is_other = builder.icmp_signed("!=", noted, size(_number_of(kinds)))
    with builder.if_then(is_other, likely=False):
        message = f"A function is called by its address with other types: {kinds}"
        context.call_conv.return_user_exc(builder, TypeError, (message,))
    return builder.load(note)


def _intrinsic(result):
    @intrinsic
    def call(typingctx, function, arguments):
        def codegen(context, builder, signature, values):
            kinds = signature.args[1].types
            arguments = cgutils.unpack_tuple(builder, values[1], len(kinds))
            convention = context.call_conv
            kind = convention.get_function_type(result, kinds)
            # This is how Numba's own functions are called: first come the places for
            # the result and for an exception, then the arguments, arrays by fields.
            places = [
                cgutils.alloca_once(builder, each.pointee) for each in kind.args[:2]
            ]
            flat = context.get_arg_packer(kinds).as_arguments(builder, arguments)
            where = values[0]
            if CHECKS:
                where = _where_if_of(kinds, context, builder, where)
            code = builder.call(
                builder.inttoptr(where, ir.PointerType(kind)), [*places, *flat]
            )
            if CHECKS:  # otherwise no kernel raises
                raised = builder.load(places[1])
                status = convention._get_return_status(builder, code, raised)
                with cgutils.if_unlikely(builder, status.is_error):
                    convention.return_status_propagate(builder, status)
            if result == types.none:
                return context.get_dummy_value()
            return builder.load(places[0])

        return result(types.int64, arguments), codegen

    return call


_call, _call_for_float = _intrinsic(types.none), _intrinsic(types.float64)


# They are not made by `overload`, which compiles one more function for each type of
# arguments.
if not numba.config.DISABLE_JIT:
    call, call_for_float = _call, _call_for_float
