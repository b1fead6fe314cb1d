"""Formulas on vectors: written once, they become vector code, and NumPy can run them.

A formula is a Python function of numbers, made of ``+``, ``-``, ``*``, ``/``, `sqrt`
and `larger`. Given a `Vector` for each number, it writes the instructions of LLVM that
compute it; given arrays, it computes it. Numba's own loops are made of vectors too, but
they end in up to 31 single elements, and begin with checks of whether arrays overlap,
which is much on the short rows of small networks.
"""

import numpy as np
from llvmlite import ir

from skgd.kernels.machine.numba_private import cgutils

# Bytes of a vector: a cache line. LLVM translates it into those that the machine has.
WIDTH = 64
SIZE, _INDEX = ir.IntType(64), ir.IntType(32)
# Products and sums may be fused, as in `multiply_add`.
_FUSED = ("contract",)


def sqrt(x):
    """Return the square root, of vectors or arrays."""
    return x.sqrt() if isinstance(x, Vector) else np.sqrt(x)


def larger(x, y):
    """Return the larger of each two numbers, x where they cannot be compared."""
    return x.larger(y) if isinstance(x, Vector) else np.maximum(x, y)


class Vector:
    """Numbers side by side, in code that is being written by `builder`."""

    def __init__(self, builder, value):
        self.builder, self.value = builder, value

    @classmethod
    def filled(cls, builder, number, lanes):
        """Return a vector with one number in all lanes."""
        kind = ir.VectorType(number.type, lanes)
        one = builder.insert_element(ir.Constant(kind, ir.Undefined), number, _INDEX(0))
        mask = ir.Constant(ir.VectorType(_INDEX, lanes), [0] * lanes)
        return cls(builder, builder.shuffle_vector(one, one, mask))

    @classmethod
    def load(cls, builder, array, offset, lanes):
        """Read a vector from an array; it need not be aligned."""
        place = _place(builder, array, offset, ir.VectorType(array.type.pointee, lanes))
        return cls(builder, builder.load(place, align=_bytes(array.type.pointee)))

    def store(self, array, offset):
        """Write the vector into an array."""
        place = _place(self.builder, array, offset, self.value.type)
        self.builder.store(self.value, place, align=_bytes(array.type.pointee))

    def half(self, first):
        """Return half of the lanes, from `first` on."""
        n = self.value.type.count // 2
        mask = ir.Constant(ir.VectorType(_INDEX, n), [*range(first, first + n)])
        both = self.value, ir.Constant(self.value.type, ir.Undefined)
        return Vector(self.builder, self.builder.shuffle_vector(*both, mask))

    def sqrt(self):
        """Return the square roots."""
        kind = self.value.type
        bits = 8 * _bytes(kind.element)
        function = cgutils.get_or_insert_function(
            self.builder.module,
            ir.FunctionType(kind, [kind]),
            f"llvm.sqrt.v{kind.count}f{bits}",
        )
        return Vector(self.builder, self.builder.call(function, [self.value]))

    def larger(self, other):
        """Return the larger of each two numbers."""
        is_larger = self.builder.fcmp_unordered(">", self.value, other.value)
        both = is_larger, self.value, other.value
        return Vector(self.builder, self.builder.select(*both))

    def __add__(self, other):
        return self._with(self.builder.fadd, other)

    def __sub__(self, other):
        return self._with(self.builder.fsub, other)

    def __mul__(self, other):
        return self._with(self.builder.fmul, other)

    def __truediv__(self, other):
        return self._with(self.builder.fdiv, other)

    def _with(self, operation, other):
        value = operation(self.value, other.value, flags=_FUSED)
        return Vector(self.builder, value)


class Running:
    """A sum of vectors of one width, which begins as 0 where it is made."""

    def __init__(self, builder, element, lanes):
        zero = ir.Constant(ir.VectorType(element, lanes), [0.0] * lanes)
        self._builder = builder
        self._place = cgutils.alloca_once_value(builder, zero)

    def add(self, vector):
        """Add a vector; it may be in a loop."""
        self._builder.store((self.value() + vector).value, self._place)

    def value(self):
        """Return the sum so far, a vector."""
        return Vector(self._builder, self._builder.load(self._place))


class Sum:
    """A sum over vectors of a `vector_loop`, whose lanes are added up at the end."""

    def __init__(self, builder, element, n_vectors=1):
        widths = _widths(element, n_vectors)
        self._sums = {lanes: Running(builder, element, lanes) for lanes in widths}

    def add(self, vector):
        """Add a vector; it may be in a loop."""
        self._sums[vector.value.type.count].add(vector)

    def total(self):
        """Return the sum of all lanes of all vectors, a number."""
        lanes = max(self._sums)
        total = self._sums[lanes].value()
        while lanes > 1:
            lanes //= 2
            total = total.half(0) + total.half(lanes) + self._sums[lanes].value()
        return total.builder.extract_element(total.value, _INDEX(0))


def vector_loop(builder, n, element, body, n_vectors=1):
    """Write a loop over `n` elements: whole vectors first, then ever narrower ones.

    Parameters
    ----------
    builder : IRBuilder
    n : value of LLVM
    element : type of LLVM
        That of the elements.
    body : callable
        ``body(start, lanes)`` writes what is done with `lanes` elements from `start`
        on.
    n_vectors : int, default=1
        How many vectors are worked on at a time, a power of 2. A sum whose terms come
        faster than additions needs several.
    """
    lanes, *narrower = _widths(element, n_vectors)
    done = builder.sub(n, builder.srem(n, SIZE(lanes)))
    slices = cgutils.for_range_slice(builder, SIZE(0), done, SIZE(lanes))
    with slices as (start, _):
        body(start, lanes)
    for lanes in narrower:
        rest = builder.and_(n, SIZE(lanes))
        with builder.if_then(builder.icmp_signed("!=", rest, SIZE(0))):
            body(done, lanes)
        done = builder.add(done, rest)


def _widths(element, n_vectors):
    """Return numbers of lanes, from the widest down to 1."""
    lanes = n_vectors * WIDTH // _bytes(element)
    return [lanes >> i for i in range(lanes.bit_length())]


def _bytes(element):
    return 8 if isinstance(element, ir.DoubleType) else 4


def _place(builder, array, offset, kind):
    return builder.bitcast(builder.gep(array, [offset]), kind.as_pointer())
