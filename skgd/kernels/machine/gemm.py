"""Matrix products: BLAS's gemm, with leading dimensions and accumulation.

`numpy.dot` in Numba calls the same function, but it takes whole arrays only, and always
overwrites its result. Here the rows of a matrix may be parts of longer rows, and the
result may be added to what is there: so the gradients of one chunk after another add up
in place.
"""

import ctypes
import os

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import get_cython_function_address, intrinsic, overload
from numpy.lib.stride_tricks import as_strided

from skgd.kernels.machine.jit import inline, jit
from skgd.kernels.machine.numba_private import cgutils
from skgd.kernels.machine.small_products import small_product

# SciPy publishes the BLAS that it was built with. The compiler is told a name for each
# address: calls by a name can be kept in the disk cache, calls by an address cannot.
ADDRESSES = {
    kind: get_cython_function_address("scipy.linalg.cython_blas", f"{kind}gemm")
    for kind in "sd"
}
for _kind, _address in ADDRESSES.items():
    llvmlite.binding.add_symbol(f"skgd_{_kind}gemm", _address)


def gemm(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, beta, c, ldc):
    """Do ``C = A @ B + beta * C``, with the matrices in rows of flat arrays.

    Parameters
    ----------
    transpose_a, transpose_b : bool
        Whether A and B are the transposes of what the arrays hold.
    m, n, k : int
        A has the shape (m, k), B (k, n) and C (m, n).
    a, b, c : 1-D contiguous ndarray, all of one dtype
    lda, ldb, ldc : int
        Elements from the beginning of one row of the array to that of the next.
    beta : scalar of that dtype
        If it is 0, what C held before does not count, even where it was nan.
    """
    if min(m, n, k) == 0:
        return
    A = _matrix(a, (k, m) if transpose_a else (m, k), lda)
    B = _matrix(b, (n, k) if transpose_b else (k, n), ldb)
    C = _matrix(c, (m, n), ldc)
    product = (A.T if transpose_a else A) @ (B.T if transpose_b else B)
    C[...] = product + beta * C if beta else product


def _matrix(x, shape, stride):
    x[(shape[0] - 1) * stride + shape[1] - 1]  # raises IndexError if x is too short
    return as_strided(x, shape, (stride * x.itemsize, x.itemsize))


def large_products(n_threads):
    """Return functions that multiply two large matrices, in BLAS and without the GIL.

    Each call fills the memory into which BLAS copies blocks of its matrices. If as many
    threads call one function each at the same time, each thread fills a piece of this
    memory of its own.

    OpenBLAS gets this memory from the system page by page, when it first writes there.
    If that happened during small products, later ones stayed slow, on a machine with
    pages of 4 KB: a pass of 100 samples through 100-100-100-1 took 705 us, and 590 us
    where a large product had come first; a pass of 64 samples through 784-256-256-10 in
    float32 took 4.0 and 2.4 ms (measured). The large product takes 3 ms.
    """
    m, n, k = 512, 64, 384
    A, B = np.ones(m * k), np.ones(k * n)
    return [_product(m, n, k, A, B) for _ in range(n_threads)]


def _product(m, n, k, A, B):
    C = np.empty(m * n)
    double, integer = ctypes.c_double, ctypes.c_int
    plain = ctypes.c_char(b"N")
    arguments = (
        *(plain, plain, integer(m), integer(n), integer(k)),
        *(double(1), A, integer(m), B, integer(k), double(0), C, integer(m)),
    )
    addresses = [
        x.ctypes.data if isinstance(x, np.ndarray) else ctypes.addressof(x)
        for x in arguments
    ]
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(addresses))
    gemm = kind(ADDRESSES["d"])

    def multiply():
        gemm(*addresses)
        return arguments  # they have to live as long as the call

    return multiply


# Products of up to this many bytes, counted as m * n * k numbers, are computed by
# `small_product`, which is faster than BLAS there. Microseconds on one core with AVX2,
# first by BLAS and then by `small_product` (measured; `tests/benchmarks/step.py` times
# the products of a first layer): for m x n x k of 32 x 50 x 21, 3.7 and 2.7, and in
# float32 2.2 and 1.0; for 100 x 100 x 51, 39 and 33, and in float32 17.5 and 12.9; for
# the transpose of 200 x 11 by 200 x 10, 5.2 and 2.1; for 32 x 64 x 64 with B
# transposed, 8.7 and 7.4, and in float32 7.9 and 5.4. From about 128 x 256 x 257 on,
# BLAS is as fast or faster.
# SKGD_SMALL_PRODUCTS=0 leaves all products to BLAS, in case LLVM compiles
# `small_product` wrongly for some machine.
SMALL = 0 if os.environ.get("SKGD_SMALL_PRODUCTS") == "0" else 2**24
# With Numba's checks of indices, `gemm` checks the arrays' sizes, as BLAS does not.
BOUNDSCHECK = bool(config.BOUNDSCHECK)


@inline
def _last(x, n_rows, n_columns, stride):
    """Return the last element of a matrix, to raise an IndexError if x is too short."""
    return x[(n_rows - 1) * stride + n_columns - 1]


@overload(gemm)
def _gemm(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, beta, c, ldc):
    def call(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, beta, c, ldc):
        if BOUNDSCHECK and min(m, n, k) > 0:
            _last(a, k if transpose_a else m, m if transpose_a else k, lda)
            _last(b, n if transpose_b else k, k if transpose_b else n, ldb)
            _last(c, m, n, ldc)
        if m * n * k * c.itemsize <= SMALL:
            row, step = (1, lda) if transpose_a else (lda, 1)
            b_ = b, transpose_b, ldb
            small_product(m, n, k, a, row, step, *b_, c.dtype.type(beta), c, ldc)
            return
        # BLAS stores matrices by columns. So to BLAS these arrays hold the transposes,
        # and it is asked for the transpose of C, which is B.T @ A.T.
        one = c.dtype.type(1)
        _call(
            *(transpose_b, transpose_a, np.int64(n), np.int64(m), np.int64(k)),
            *(one, b, np.int64(ldb), a, np.int64(lda)),
            *(c.dtype.type(beta), c, np.int64(ldc)),
        )

    return call


@jit
def multiply(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, beta, c, ldc):
    """Do `gemm`, compiled once for each dtype.

    Kernels call it by its address. Compiled into a kernel, it made that kernel's
    compilation 2 s longer (measured).
    """
    gemm(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, beta, c, ldc)


@intrinsic
def _call(typingctx, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
    """Call Fortran's gemm, which takes the address of every argument."""
    given = trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc
    if not a.dtype == b.dtype == c.dtype == alpha == beta:
        return None
    name = "skgd_dgemm" if a.dtype == types.float64 else "skgd_sgemm"

    def codegen(context, builder, signature, values):
        character, integer = ir.IntType(8), ir.IntType(32)

        def address(kind, value):
            if isinstance(kind, types.Array):
                return context.make_array(kind)(context, builder, value).data
            if isinstance(kind, types.Boolean):
                yes, no = (ir.Constant(character, ord(c)) for c in "TN")
                value = builder.select(
                    context.cast(builder, value, kind, kind), yes, no
                )
            elif isinstance(kind, types.Integer):
                value = builder.trunc(value, integer)
            slot = cgutils.alloca_once(builder, value.type)
            builder.store(value, slot)
            return slot

        addresses = [
            address(*pair) for pair in zip(signature.args, values, strict=True)
        ]
        function = ir.FunctionType(ir.VoidType(), [each.type for each in addresses])
        function = cgutils.get_or_insert_function(builder.module, function, name)
        builder.call(function, addresses)
        return context.get_dummy_value()

    return types.void(*given), codegen
