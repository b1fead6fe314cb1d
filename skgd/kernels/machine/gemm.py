"""Matrix products: BLAS's gemm, with leading dimensions and accumulation.

`numpy.dot` in Numba calls the same function, but takes whole arrays only and always
overwrites. Here rows may be part of longer ones, which is how intercepts come to be one
more row of the coefs, and the gradients of one chunk after another add up in place.
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

# SciPy publishes the BLAS that it was built with. Known to the compiler by a name, and
# not by an address, the calls can be kept in the disk cache.
ADDRESSES = {
    kind: get_cython_function_address("scipy.linalg.cython_blas", f"{kind}gemm")
    for kind in "sd"
}
for _kind, _address in ADDRESSES.items():
    llvmlite.binding.add_symbol(f"skgd_{_kind}gemm", _address)


def gemm(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, beta, c, ldc):
    """``C = A @ B + beta * C``, with the matrices in rows of flat arrays.

    Parameters
    ----------
    transpose_a, transpose_b : bool
        Whether A and B are the transposes of what the arrays hold.
    m, n, k : int
        A has the shape (m, k), B (k, n) and C (m, n).
    a, b, c : 1-D contiguous ndarray, all of one dtype
    lda, ldb, ldc : int
        Elements from one row of the array to the next.
    beta : scalar of that dtype
        With 0, what C held before does not count, be it nan.
    """
    if min(m, n, k) == 0:
        return
    A = _matrix(a, (k, m) if transpose_a else (m, k), lda)
    B = _matrix(b, (n, k) if transpose_b else (k, n), ldb)
    C = _matrix(c, (m, n), ldc)
    product = (A.T if transpose_a else A) @ (B.T if transpose_b else B)
    C[...] = product + beta * C if beta else product


def _matrix(x, shape, stride):
    x[(shape[0] - 1) * stride + shape[1] - 1]  # an IndexError if it ends before
    return as_strided(x, shape, (stride * x.itemsize, x.itemsize))


def large_products(n_threads):
    """Return functions that multiply two matrices, in BLAS and without the GIL.

    They fill the memory into which BLAS copies its blocks; threads that call one each
    at the same time get a piece of that memory each.
    OpenBLAS takes this memory from the system page by page, when it first writes there.
    If that happened during small products, later ones were slow for good, on a machine
    with pages of 4 KB: a pass of 100 samples through 100-100-100-1 took 705 us, and 590
    after such a product; one of 64 samples through 784-256-256-10 in float32 took 4.0
    and 2.4 ms (measured). The product takes 3 ms.
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
        return arguments  # which have to live until then

    return multiply


# Up to so many bytes of terms `small_product` is faster than BLAS. On one core with
# AVX2, us by BLAS and by it (measured): 32 x 50 x 21 3.7 and 2.7, in float32 2.2 and
# 1.0; 100 x 100 x 51 39 and 33, in float32 17.5 and 12.9; the transpose of 200 x 11 by
# 200 x 10 5.2 and 2.1; 32 x 64 x 64 with B transposed 8.7 and 7.4, in float32 7.9 and
# 5.4. From about 128 x 256 x 257 on it is not.
# SKGD_SMALL_PRODUCTS=0 leaves all products to BLAS, in case a machine's LLVM makes
# something wrong of them.
SMALL = 0 if os.environ.get("SKGD_SMALL_PRODUCTS") == "0" else 2**24
# BLAS checks nothing itself.
BOUNDSCHECK = bool(config.BOUNDSCHECK)


@inline
def _last(x, n_rows, n_columns, stride):
    """Return the last element of a matrix; an IndexError if the array ends before."""
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
        # BLAS counts by columns: it sees, and is asked for, the transposes.
        one = c.dtype.type(1)
        _call(
            *(transpose_b, transpose_a, np.int64(n), np.int64(m), np.int64(k)),
            *(one, b, np.int64(ldb), a, np.int64(lda)),
            *(c.dtype.type(beta), c, np.int64(ldc)),
        )

    return call


@jit
def multiply(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, beta, c, ldc):
    """Do `gemm`, compiled once for a dtype.

    Kernels call it by its address: each would take 2 s longer to compile.
    """
    gemm(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, beta, c, ldc)


@intrinsic
def _call(typingctx, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
    """Fortran's gemm: every argument goes by address."""
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
