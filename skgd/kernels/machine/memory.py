"""Arrays that begin at the beginning of a cache line.

Loads and stores of vectors that cross from one cache line to the next are slow.
"""

import threading

import numpy as np
from numpy.lib.stride_tricks import as_strided

# Bytes of a cache line.
LINE = 64
# Bytes of scratch memory that a thread keeps, at most.
MOST_KEPT = 2**21

_kept = threading.local()


def aligned_zeros(n, dtype):
    """Return `n` zeros that begin with a cache line."""
    n_bytes = n * np.dtype(dtype).itemsize
    memory = np.zeros(n_bytes + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + n_bytes].view(dtype)


def aligned_rows(n_rows, n, dtype):
    """Return rows of zeros, each of which begins with a cache line.

    So they may be a little apart. `whole_rows` returns them with what is between.
    """
    in_line = LINE // np.dtype(dtype).itemsize
    length = -(-n // in_line) * in_line
    return aligned_zeros(n_rows * length, dtype).reshape(n_rows, length)[:, :n]


def aligned(array):
    """Return an array whose rows begin with a cache line, a copy if need be."""
    address, _ = array.__array_interface__["data"]
    strides = array.strides[:-1] if len(array) > 1 else ()
    if all(number % LINE == 0 for number in (address, *strides)):
        return array
    zeros = aligned_zeros if array.ndim == 1 else aligned_rows
    copy = zeros(*array.shape, array.dtype)
    copy[:] = array
    return copy


def whole_rows(matrix):
    """Return `aligned_rows` as a contiguous matrix, with what is between them."""
    if matrix.flags.c_contiguous:
        return matrix
    length = matrix.strides[0] // matrix.itemsize
    return as_strided(matrix, (matrix.shape[0], length), matrix.strides)


def scratch(n, dtype):
    """Return `n` numbers, of any value, that begin with a cache line.

    They are this thread's scratch memory: the next call returns the same memory again.
    New memory is got from the system page by page, when it is first written to, which
    took a tenth of a prediction of 100 rows (measured).
    """
    dtype = np.dtype(dtype)
    if n * dtype.itemsize > MOST_KEPT:
        return aligned_zeros(n, dtype)
    if not hasattr(_kept, "bytes") or _kept.bytes.size < n * dtype.itemsize:
        _kept.bytes = aligned_zeros(n * dtype.itemsize, np.uint8)
    return _kept.bytes[: n * dtype.itemsize].view(dtype)
