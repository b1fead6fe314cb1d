"""Code in vectors: formulas and work on rows, of every length, against NumPy."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest
from numpy.testing import assert_allclose

from skgd.kernels.formulas.moves import Move, compiled_rule
from skgd.kernels.formulas.optimizers import OPTIMIZERS, Step
from skgd.kernels.machine import rows
from skgd.kernels.machine.memory import (
    LINE,
    aligned,
    aligned_rows,
    scratch,
    whole_rows,
)

# So long that each width of vectors is used, alone and after others.
LENGTHS = [0, 1, 2, 3, 5, 8, 15, 16, 31, 32, 63, 64, 65, 100, 127, 130]
DTYPES = ["float64", "float32"]
# Relative to the largest number; a rule takes roots of small numbers.
TOLERANCES = {"float64": 1e-12, "float32": 3e-5}

MOVE = Move(0.5, 0.02, Step(0.1, 0.03, 1e-3, 0.99, 0.9, 0.8, 0.95, 0.2, 0.05))


def moved_by_numpy(name, theta, x, gradient, memory):
    """A segment and its memory after a step, and the squares before it."""
    n_rows = len(OPTIMIZERS[name].memory)
    g = MOVE.factor * np.outer(x, gradient).ravel() + MOVE.l2 * theta
    former = theta, *memory[:n_rows]
    values = OPTIMIZERS[name].rule(theta, g, MOVE.step, *memory[:n_rows])
    new = [a if b is None else b for a, b in zip(former, values, strict=True)]
    return new, theta @ theta


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_rule_moves_each_parameter_by_its_formula(name, dtype):
    rng, start = np.random.default_rng(0), 3
    for n_rows in (0, 1, 4):
        for n in LENGTHS:
            x, gradient = (rng.standard_normal(k).astype(dtype) for k in (n_rows, n))
            theta = rng.standard_normal(n_rows * n).astype(dtype)
            memory = rng.random((3, start + theta.size + 5)).astype(dtype)
            before, part = memory.copy(), slice(start, start + theta.size)
            (expected, *remembered), squares = moved_by_numpy(
                name, theta.astype(float), x, gradient, memory[:, part].astype(float)
            )

            total = compiled_rule(name)(theta, x, gradient, memory, start, MOVE)

            tolerance = TOLERANCES[dtype]
            assert_allclose(total, squares, rtol=tolerance)
            assert_allclose(theta, expected, rtol=tolerance, atol=tolerance)
            for row, values in zip(memory, remembered, strict=False):
                assert_allclose(row[part], values, rtol=tolerance, atol=tolerance)
            memory[: len(remembered), part] = before[: len(remembered), part]
            assert (memory == before).all()  # what is around is not written to


@numba.njit
def _twice(x, y, out):
    # A sum has to begin anew each time.
    for _ in range(2):
        out[0] = rows.dot(x, y)


@numba.njit
def _add_scaled(a, x, y):
    rows.add_scaled(a, x, y)


@numba.njit
def _scale(a, x, y):
    rows.scale(a, x, y)


@numba.njit
def _copy(x, y):
    rows.copy(x, y)


@numba.njit
def _add_product(x, step, W, y):
    rows.add_product(x, step, W, y)


@pytest.mark.parametrize("dtype", DTYPES)
def test_work_on_rows_is_that_of_numpy(dtype):
    rng, tolerance = np.random.default_rng(0), TOLERANCES[dtype]
    for n in LENGTHS:
        x, y = rng.standard_normal((2, n)).astype(dtype)
        out, a = np.zeros(1, dtype), x.dtype.type(0.3)
        _twice(x, y, out)
        assert_allclose(out[0], x @ y, rtol=tolerance, atol=10 * tolerance)
        for function, expected in [(_add_scaled, y + a * x), (_scale, a * x)]:
            result = y.copy()
            function(a, x, result)
            assert_allclose(result, expected, rtol=tolerance, atol=tolerance)
        result = y.copy()
        _copy(x, result)
        assert (result == x).all()


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("dtype", DTYPES)
def test_product_of_a_vector_and_rows_is_that_of_numpy(dtype, step):
    rng, tolerance = np.random.default_rng(0), TOLERANCES[dtype]
    for n_rows in (0, 1, 2, 7):
        for n in LENGTHS[1:]:
            W, y = rng.standard_normal((n_rows, n)).astype(dtype), np.ones(n, dtype)
            x = rng.standard_normal(n_rows * step).astype(dtype)
            _add_product(x, step, W.ravel(), y)
            expected = 1 + x[::step] @ W
            assert_allclose(y, expected, rtol=tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(0,), (1,), (100,), (0, 5), (1, 7), (3, 100)])
def test_rows_begin_with_a_cache_line(shape, dtype):
    array = np.random.default_rng(0).random((*shape[:-1], shape[-1] + 1)).astype(dtype)
    array = array[..., 1:]  # which does not begin with one
    result = aligned(array)
    assert result.shape == array.shape
    assert (result == array).all()
    if array.size == 0:
        return
    assert aligned(result) is result
    for row in np.atleast_2d(result):
        assert row.ctypes.data % LINE == 0


def test_rows_with_what_is_between_share_memory():
    matrix = aligned_rows(3, 5, np.float64)
    whole = whole_rows(matrix)
    assert whole.flags.c_contiguous
    assert whole.shape == (3, LINE // 8)
    whole[1, 2] = 7
    assert matrix[1, 2] == 7


def test_scratch_memory_is_the_same_again_in_one_thread():
    assert np.shares_memory(scratch(100, np.float64), scratch(50, np.float32))
    assert scratch(100, np.float64).ctypes.data % LINE == 0


WRONG = """
import numpy as np, numba
from skgd.kernels.machine import rows
ones = np.ones(8)

@numba.njit
def dot(x, y): return rows.dot(x, y)

@numba.njit
def scale(x, y): rows.scale(2.0, x, y)

@numba.njit
def add_product(x, W, y): rows.add_product(x, 2, W, y)

for function, arguments in [
    (dot, (ones, ones[:7])),
    (scale, (ones, ones[:7])),
    (add_product, (ones, ones, ones[:3])),
    (add_product, (ones[:7], ones, ones[:2])),
]:
    try:
        function(*arguments)
    except IndexError as error:
        print(error)
"""


@pytest.mark.slow
def test_rows_of_other_lengths_are_refused_where_indices_are_checked():
    run = subprocess.run(
        [sys.executable, "-c", WRONG],
        env={**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_DISABLE_JIT": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.splitlines() == ["rows of lengths that do not fit"] * 4
