"""Rules of optimizers, compiled: one loop over a segment of the parameters.

The gradient comes as an outer product, so that those of single samples need not be
written down.
"""

from functools import cache
from typing import NamedTuple

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from skgd.kernels.formulas.optimizers import OPTIMIZERS, Step
from skgd.kernels.machine.jit import jit_as
from skgd.kernels.machine.numba_private import cgutils
from skgd.kernels.machine.vectors import Sum, Vector, vector_loop

BOUNDSCHECK = bool(numba.config.BOUNDSCHECK)


class Move(NamedTuple):
    """The numbers by which a segment is moved."""

    factor: float  # what the gradient of the loss is multiplied by
    l2: float  # what the parameters are multiplied by to be added to it
    step: Step


def _move_segment(theta, x, gradient, memory, start, move):
    """Move the parameters `theta`; return the sum of their squares before.

    The gradient of the loss is ``outer(x, gradient)``, row after row, and what the
    optimizer remembers is in the rows of `memory`, from `start` on.
    """
    if BOUNDSCHECK:
        is_whole = theta.size == x.size * gradient.size
        if not is_whole or start < 0 or start + theta.size > memory.shape[1]:
            raise IndexError("a segment, its gradient and its memory do not fit")
    return apply(theta, x, gradient, memory, start, move)  # noqa: F821


@cache
def compiled_rule(optimizer):
    """Return `_move_segment` by an optimizer's rule, jitted."""
    rule, n_rows = OPTIMIZERS[optimizer].rule, len(OPTIMIZERS[optimizer].memory)
    by_rule = _in_numpy if numba.config.DISABLE_JIT else _in_vectors
    return jit_as(optimizer, _move_segment, apply=by_rule(rule, n_rows))


def _in_numpy(rule, n_rows):
    def apply(theta, x, gradient, memory, start, move):
        scalar = theta.dtype.type
        factor, l2, step = *map(scalar, move[:2]), Step(*map(scalar, move.step))
        squares = theta @ theta
        g = factor * np.outer(x, gradient).ravel() + l2 * theta
        rows = [row[start : start + theta.size] for row in memory[:n_rows]]
        values = rule(theta, g, step, *rows)
        for array, value in zip([theta, *rows], values, strict=True):
            if value is not None:
                array[:] = value
        return float(squares)

    return apply


def _in_vectors(rule, n_rows):
    @intrinsic
    def apply(typingctx, theta, x, gradient, memory, start, move):
        def codegen(context, builder, signature, values):
            theta, x, gradient, memory = (
                context.make_array(kind)(context, builder, value)
                for kind, value in zip(signature.args[:4], values[:4], strict=True)
            )
            row = builder.gep(memory.data, [values[4]])
            _, length = cgutils.unpack_tuple(builder, memory.shape)
            arrays = [theta.data]
            for _ in range(n_rows):
                arrays.append(row)
                row = builder.gep(row, [length])
            *gradient_factors, step = cgutils.unpack_tuple(builder, values[5])
            numbers = [*gradient_factors, *cgutils.unpack_tuple(builder, step)]
            if isinstance(theta.data.type.pointee, ir.FloatType):
                numbers = [builder.fptrunc(each, ir.FloatType()) for each in numbers]
            squares = _write_loop(builder, rule, arrays, x, gradient, numbers)
            if squares.type == ir.FloatType():
                squares = builder.fpext(squares, ir.DoubleType())
            return squares

        arrays = theta, x, gradient, memory
        return types.float64(*arrays, types.intp, move), codegen

    return apply


def _write_loop(builder, rule, arrays, x, gradient, numbers):
    """Write the loop over a segment; return the sum of squares.

    The first of the arrays has the parameters, the others what is remembered. The
    numbers are those of a `Move`, one after the other.
    """
    element = arrays[0].type.pointee
    squares = Sum(builder, element)
    with cgutils.for_range(builder, x.nitems) as row:
        xi = builder.load(builder.gep(x.data, [row.index]))
        of_row = [builder.fmul(numbers[0], xi), *numbers[1:]]
        first = builder.mul(row.index, gradient.nitems)

        def body(start, lanes):
            factor, l2, *step = (Vector.filled(builder, n, lanes) for n in of_row)
            place = builder.add(first, start)
            theta, *memory = (Vector.load(builder, a, place, lanes) for a in arrays)
            g = factor * Vector.load(builder, gradient.data, start, lanes) + l2 * theta
            squares.add(theta * theta)
            values = rule(theta, g, Step(*step), *memory)
            for array, value in zip(arrays, values, strict=True):
                if value is not None:
                    value.store(array, place)

        vector_loop(builder, gradient.nitems, element, body)
    return squares.total()
