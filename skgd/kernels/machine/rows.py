"""Work on rows of numbers: dot products, scaled rows, copies.

The rows of small networks are short, and a row is what a loop of Numba is slow for; see
`skgd.kernels.machine.vectors`.
"""

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

from skgd.kernels.machine.numba_private import cgutils
from skgd.kernels.machine.vectors import SIZE, Running, Sum, Vector, vector_loop


def dot(x, y):
    """Return the sum of ``x * y``."""
    return x @ y


def add_scaled(a, x, y):
    """Do ``y += a * x``."""
    y += a * x


def add_product(x, step, W, y):
    """Do ``y += x[::step] @ W``; W is flat, with rows of the length of y, above 0."""
    y += x[::step] @ W.reshape(-1, y.size)


def scale(a, x, y):
    """Do ``y = a * x``."""
    np.multiply(a, x, out=y)


def copy(x, y):
    """Do ``y = x``."""
    y[:] = x


@intrinsic
def _dot(typingctx, x, y):
    def codegen(context, builder, signature, values):
        x, y = _arrays(context, builder, signature.args, values)
        element = x.data.type.pointee
        total = Sum(builder, element, n_vectors=4)

        def body(start, lanes):
            both = (Vector.load(builder, each.data, start, lanes) for each in (x, y))
            total.add(next(both) * next(both))

        vector_loop(builder, x.nitems, element, body, n_vectors=4)
        return total.total()

    return x.dtype(x, y), codegen


@intrinsic
def _add_product(typingctx, x, step, W, y):
    def codegen(context, builder, signature, values):
        _, step, *_ = values
        x, W, y = (
            context.make_array(signature.args[i])(context, builder, values[i])
            for i in (0, 2, 3)
        )
        n_rows = builder.sdiv(W.nitems, y.nitems)
        _refuse(context, builder, "!=", builder.mul(n_rows, y.nitems), W.nitems)
        _refuse(context, builder, ">", builder.mul(n_rows, step), x.nitems)
        element = x.data.type.pointee

        def term(row, start, lanes):
            number = builder.load(builder.gep(x.data, [builder.mul(row, step)]))
            place = builder.add(builder.mul(row, y.nitems), start)
            factor = Vector.filled(builder, number, lanes)
            return factor * Vector.load(builder, W.data, place, lanes)

        def body(start, lanes):
            # Two sums, as additions to one would wait for each other.
            totals = [Running(builder, element, lanes) for _ in "01"]
            totals[0].add(Vector.load(builder, y.data, start, lanes))
            pairs = builder.sub(n_rows, builder.srem(n_rows, SIZE(2)))
            slices = cgutils.for_range_slice(builder, SIZE(0), pairs, SIZE(2))
            with slices as (row, _):
                totals[0].add(term(row, start, lanes))
                totals[1].add(term(builder.add(row, SIZE(1)), start, lanes))
            with builder.if_then(builder.icmp_signed("<", pairs, n_rows)):
                totals[0].add(term(pairs, start, lanes))
            (totals[0].value() + totals[1].value()).store(y.data, start)

        vector_loop(builder, y.nitems, element, body, n_vectors=4)
        return context.get_dummy_value()

    return types.void(x, types.intp, W, y), codegen


def _of_rows(write):
    """Make an intrinsic of ``write(a, x, y)``, which returns the new value of y."""

    @intrinsic
    def work(typingctx, a, x, y):
        def codegen(context, builder, signature, values):
            x, y = _arrays(context, builder, signature.args[1:], values[1:])

            def body(start, lanes):
                factor = Vector.filled(builder, values[0], lanes)
                value = Vector.load(builder, x.data, start, lanes)
                former = Vector.load(builder, y.data, start, lanes)
                write(factor, value, former).store(y.data, start)

            vector_loop(builder, x.nitems, x.data.type.pointee, body)
            return context.get_dummy_value()

        return types.void(y.dtype, x, y), codegen

    return work


@intrinsic
def _copy(typingctx, x, y):
    def codegen(context, builder, signature, values):
        x, y = _arrays(context, builder, signature.args, values)

        def body(start, lanes):
            Vector.load(builder, x.data, start, lanes).store(y.data, start)

        vector_loop(builder, x.nitems, x.data.type.pointee, body)
        return context.get_dummy_value()

    return types.void(x, y), codegen


def _arrays(context, builder, kinds, values):
    """Return two arrays of one length."""
    x, y = (
        context.make_array(kind)(context, builder, value)
        for kind, value in zip(kinds, values, strict=True)
    )
    _refuse(context, builder, "!=", x.nitems, y.nitems)
    return x, y


def _refuse(context, builder, relation, n, other):
    """Raise if two lengths are in a relation, where Numba is told to check indices."""
    if numba.config.BOUNDSCHECK:
        is_wrong = builder.icmp_signed(relation, n, other)
        with cgutils.if_unlikely(builder, is_wrong):
            message = "rows of lengths that do not fit"
            context.call_conv.return_user_exc(builder, IndexError, (message,))


if not numba.config.DISABLE_JIT:
    dot, copy, add_product = _dot, _copy, _add_product
    add_scaled = _of_rows(lambda a, x, y: a * x + y)
    scale = _of_rows(lambda a, x, y: a * x)
