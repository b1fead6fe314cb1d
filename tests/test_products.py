"""Products of matrices: those of BLAS and our own are NumPy's, to rounding."""

import os

import numba
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skgd.kernels.machine.gemm import SMALL, gemm
from skgd.kernels.machine.jit import jit
from skgd.kernels.machine.small_products import BLOCK, FEW_ROWS

# Rows and columns of C on both sides of every tile and panel; terms of every block.
SIZES = [
    *((m, n, 7) for m in (*range(1, 10), FEW_ROWS - 1, FEW_ROWS, 37) for n in (1, 13)),
    *((5, n, 4) for n in range(1, 36)),
    *((m, 19, k) for m in (3, 20) for k in (1, BLOCK - 1, BLOCK, BLOCK + 1, 300)),
    (0, 3, 2),
    (3, 0, 2),
    (3, 2, 0),
]
LARGE = [(170, 180, 190)]
each_dtype = pytest.mark.parametrize("dtype", [np.float64, np.float32])


@jit
def product(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, beta, c, ldc):
    gemm(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, beta, c, ldc)


def check(transpose_a, transpose_b, sizes, beta, dtype):
    """In rows that are parts of longer ones; all else in them stays as it is."""
    m, n, k = sizes
    rng = np.random.default_rng(m + 100 * n + 10_000 * k)
    shape_a, shape_b = (
        (k, m) if transpose_a else (m, k),
        (n, k) if transpose_b else (k, n),
    )
    a = rng.standard_normal((shape_a[0], shape_a[1] + 2)).astype(dtype)
    b = rng.standard_normal((shape_b[0], shape_b[1] + 1)).astype(dtype)
    former = rng.standard_normal((m, n + 3)).astype(dtype)
    if beta == 0:
        former[:, :n] = np.nan  # which does not count then
    c = former.copy()
    A, B = a[:, : shape_a[1]].astype(float), b[:, : shape_b[1]].astype(float)
    A, B = A.T if transpose_a else A, B.T if transpose_b else B
    product(
        *(transpose_a, transpose_b, m, n, k),
        *(a.ravel(), a.shape[1], b.ravel(), b.shape[1]),
        *(dtype(beta), c.ravel(), c.shape[1]),
    )
    if k == 0:
        assert_array_equal(c, former)  # there is no layer without inputs
        return
    expected = A @ B + (former[:, :n] if beta else 0)
    # The sums may be taken in any order, of terms of about 1.
    tolerance = 4 * np.sqrt(k) * np.finfo(dtype).eps
    assert_allclose(c[:, :n], expected, rtol=tolerance, atol=4 * tolerance)
    assert_array_equal(c[:, n:], former[:, n:])


@each_dtype
@pytest.mark.parametrize("beta", [0, 1])
@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("sizes", SIZES + LARGE, ids=lambda s: "x".join(map(str, s)))
def test_a_product_is_that_of_numpy(transpose_a, transpose_b, sizes, beta, dtype):
    check(transpose_a, transpose_b, sizes, beta, dtype)


def test_small_products_can_be_left_to_blas():
    """`.ci/run` sets the variable in one of its steps, and not in the others."""
    assert (SMALL == 0) == (os.environ.get("SKGD_SMALL_PRODUCTS") == "0")


@pytest.mark.skipif(SMALL == 0, reason="all products are left to BLAS")
def test_both_ways_are_tried():
    small = [np.prod(sizes) * 8 <= SMALL for sizes in SIZES]
    large = [np.prod(sizes) * 4 > SMALL for sizes in LARGE]
    assert all(small)
    assert all(large)


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")
def test_the_result_depends_on_the_sizes_only():
    """Not on where the arrays begin in memory, nor on what else is there."""
    rng = np.random.default_rng(0)
    m, n, k = 20, 13, 30
    results = []
    for offset in range(4):
        a, b = rng.standard_normal(m * k + 4), rng.standard_normal(k * n + 4)
        values = np.random.default_rng(1)
        a[offset : offset + m * k] = values.standard_normal(m * k)
        b[offset : offset + k * n] = values.standard_normal(k * n)
        c = np.empty(m * n + 4)
        product(
            *(False, False, m, n, k, a[offset:], k, b[offset:], n),
            *(0.0, c[offset:], n),
        )
        results.append(c[offset : offset + m * n])
    for other in results[1:]:
        assert_array_equal(other, results[0])
