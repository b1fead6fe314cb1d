"""A dense layer, whose outputs are weighted sums of its inputs."""

from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar

import numpy as np

from skgd.kernels.machine.call import address, call
from skgd.kernels.machine.gemm import multiply
from skgd.kernels.machine.jit import inline, jit
from skgd.kernels.machine.rows import add_product, add_scaled, copy, dot, scale
from skgd.kernels.machine.span import span
from skgd.kernels.passes.plan import (
    DENSE,
    FAN_IN,
    FAN_OUT,
    N_DX,
    OWN,
    backward_address,
    forward_address,
)
from skgd.network.layers.layer import Layer, Segment

# The layer's own column of the plan: the address of `multiply`.
MULTIPLY = OWN

# The parameters are a matrix w of fan_in + 1 rows: those of the coefs, and a last one
# of the intercepts, which the product multiplies by the 1 at the end of each row of x.
# So the forward pass is one product, and the gradients at coefs and intercepts are one
# product too.


@jit
def _forward(n, row, number, w, x, y, kept, workspace):
    fan_in, fan_out = row[FAN_IN], row[FAN_OUT]
    zero, one = w.dtype.type(0), w.dtype.type(1)
    for i in range(n):
        x[i * (fan_in + 1) + fan_in] = one
    if fan_out == 1:
        _single_output(w, x, y)
    else:
        sizes = n, fan_out, fan_in + 1
        matrices = x, fan_in + 1, w, fan_out, zero, y, fan_out + 1
        call(row[MULTIPLY], (False, False, *sizes, *matrices))


@jit
def _backward(n, row, number, w, x, y, kept, dx, dy, gradient, beta, workspace):
    fan_in, fan_out = row[FAN_IN], row[FAN_OUT]
    zero = w.dtype.type(0)
    if fan_out == 1:
        _add_single_output_gradient(x, dy, beta, gradient)
    else:
        sizes = fan_in + 1, fan_out, n
        matrices = x, fan_in + 1, dy, fan_out + 1, beta, gradient, fan_out
        call(row[MULTIPLY], (True, False, *sizes, *matrices))
    if row[N_DX] == 0:
        return
    if fan_out == 1:
        _single_output_delta(w, dy, dx)
    else:
        sizes = n, fan_in, fan_out
        matrices = dy, fan_out + 1, w, fan_out, zero, dx, fan_in + 1
        call(row[MULTIPLY], (False, True, *sizes, *matrices))


# The products of a layer with one output do without BLAS, which copies blocks even for
# them: with 100 rows of 101, the forward pass took 9.0 us with BLAS and 2.7 us like
# this, and the gradient 13.4 and 3.1 us (measured).


@inline
def _single_output(w, x, y):
    """Do ``y = x @ w`` for a layer with one output."""
    n_terms = w.size
    for i in range(y.size // 2):
        y[2 * i] = dot(span(x, i * n_terms, n_terms), w)


@inline
def _add_single_output_gradient(x, dy, beta, gradient):
    """Do ``gradient = beta * gradient + x.T @ dy`` for a layer with one output."""
    n_terms = gradient.size
    if beta == 0:
        for j in range(n_terms):
            gradient[j] = 0
    add_product(dy, 2, span(x, 0, dy.size // 2 * n_terms), gradient)


@inline
def _single_output_delta(w, dy, dx):
    """Do ``dx = outer(dy, w)`` for a layer with one output."""
    n_terms = w.size
    for i in range(dy.size // 2):
        scale(dy[2 * i], w, span(dx, i * n_terms, n_terms))


# The functions of a first layer that reads the samples in a CSR matrix, without copies.


@jit
def _sparse_forward(inputs, rows, w, y, fan_out):
    for i in range(rows.size):
        out = span(y, i * (fan_out + 1), fan_out)
        copy(span(w, w.size - fan_out, fan_out), out)
        for p in range(inputs.indptr[rows[i]], inputs.indptr[rows[i] + 1]):
            coefs = span(w, inputs.indices[p] * fan_out, fan_out)
            add_scaled(inputs.data[p], coefs, out)


@jit
def _sparse_backward(inputs, rows, dy, gradient, beta, fan_out):
    if beta == 0:
        for i in range(gradient.size):
            gradient[i] = 0
    total, one = (
        span(gradient, gradient.size - fan_out, fan_out),
        gradient.dtype.type(1),
    )
    for i in range(rows.size):
        d = span(dy, i * (fan_out + 1), fan_out)
        for p in range(inputs.indptr[rows[i]], inputs.indptr[rows[i] + 1]):
            g = span(gradient, inputs.indices[p] * fan_out, fan_out)
            add_scaled(inputs.data[p], d, g)
        add_scaled(one, d, total)


@cache
def _functions(dtype, training):
    forward = forward_address(_forward, dtype)
    return forward, backward_address(_backward, dtype) if training else 0


@cache
def _multiply(dtype):
    vector = np.empty(0, dtype)
    matrices = vector, 0, vector, 0, dtype.type(0), vector, 0
    return address(multiply, False, False, 0, 0, 0, *matrices)


@dataclass(frozen=True)
class Dense(Layer):
    """Dense layer, ``y = x @ coefs + intercepts``.

    Parameters
    ----------
    fan_in, fan_out : int
        Number of its inputs, and of its outputs.
    bound : float, default=0.0
        First values are drawn from a uniform distribution between minus and plus
        `bound`.
    """

    kind: ClassVar = "dense"
    code: ClassVar = DENSE
    attributes: ClassVar = {"coefs_": "(fan_in, fan_out)", "intercepts_": "(fan_out,)"}

    bound: float = field(default=0.0, compare=False)

    def check(self):
        """Do nothing: a dense layer may have any width."""

    def segments(self):
        """Return the coefs and the intercepts."""

        def draw(random_state, shape):
            return random_state.uniform(-self.bound, self.bound, shape)

        shape = self.fan_in, self.fan_out
        return [
            Segment("coefs_", shape, draw, penalty=1.0, decay=1.0),
            Segment("intercepts_", (self.fan_out,), draw),
        ]

    def n_products(self):
        """Return the number of coefs."""
        return self.fan_in * self.fan_out

    def own(self, dtype, training):
        """Return the address of the matrix product."""
        return (_multiply(dtype),)

    def functions(self, dtype, training):
        """Return functions that multiply; the second is for training only."""
        return _functions(dtype, training)

    def first_functions(self, inputs, rows, training):
        """Return functions that read a CSR matrix where it is, or zeros."""
        if inputs.indptr.size == 0:
            return 0, 0
        vector = np.empty(0, inputs.data.dtype)
        forward = address(_sparse_forward, inputs, rows, vector, vector, 0)
        if not training:
            return forward, 0
        gradients = vector, vector, vector.dtype.type(0), 0
        return forward, address(_sparse_backward, inputs, rows, *gradients)

    def to_onnx(self, add, x, arrays):
        """Add a matrix product; return its outputs' name."""
        return add("Gemm", x, *arrays)
