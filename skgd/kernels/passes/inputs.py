"""How X is stored: dense or CSR.

Both kinds come in one type, so that each kernel is compiled once for a dtype, and looks
once a batch which of the two it has. Besides this file, only layers that read samples
where they are know of it: `skgd.network.layers.dense` does with a CSR matrix.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from skgd.kernels.machine.jit import jit
from skgd.kernels.machine.rows import copy
from skgd.kernels.machine.span import span


class Inputs(NamedTuple):
    """Samples in rows: either `dense` holds them or the CSR triple does."""

    dense: np.ndarray  # (n_samples, n_features), (0, 0) when sparse
    data: np.ndarray  # (nnz,), empty when dense
    indices: np.ndarray
    indptr: np.ndarray  # (n_samples + 1,), empty when dense


class Samples(NamedTuple):
    """What a network is trained on."""

    inputs: Inputs
    targets: np.ndarray  # (n_samples, n_outputs)
    weights: np.ndarray  # (n_samples,), or (0,) for none


def read_only(array):
    """Return a read-only view, as memory-mapped input may be: one type serves all."""
    view = array.view()
    view.flags.writeable = False
    return view


def row_numbers(n):
    """Return the numbers 0 to n - 1, in 32 bits where they fit, for half the memory."""
    fit = n <= np.iinfo(np.int32).max
    return np.arange(n, dtype=np.int32 if fit else np.int64)


def as_inputs(X):
    """Wrap a C-contiguous array or a CSR matrix, without a copy where types allow it.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)

    Returns
    -------
    inputs : Inputs
        Read-only views.
    """
    if issparse(X):
        # Indices have 32 bits wherever they fit, so that one compiled version serves
        # nearly all matrices.
        fit = max(X.nnz, X.shape[1]) <= np.iinfo(np.int32).max
        kind = np.int32 if fit else np.int64
        indices, indptr = (np.ascontiguousarray(i, kind) for i in (X.indices, X.indptr))
        data = np.ascontiguousarray(X.data)
        arrays = np.empty((0, 0), X.dtype), data, indices, indptr
        return Inputs(*map(read_only, arrays))
    return empty_inputs(X.dtype, np.dtype(np.int32))._replace(dense=read_only(X))


@cache
def empty_inputs(dtype, index_dtype, *, sparse=False):
    """Return inputs without samples, for their types."""
    indices = np.zeros(1 if sparse else 0, index_dtype)
    arrays = np.empty((0, 0), dtype), np.empty(0, dtype), indices, indices
    return Inputs(*map(read_only, arrays))


def as_samples(X, targets, sample_weight):
    """Wrap arrays of one dtype, without a copy where types allow it.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    targets : ndarray of shape (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,) or None

    Returns
    -------
    samples : Samples
        Read-only views.
    """
    weights = np.empty(0, X.dtype) if sample_weight is None else sample_weight
    return Samples(as_inputs(X), read_only(targets), read_only(weights))


@jit
def gather(inputs, rows, out):
    """Copy the samples `rows` into `out`, in rows that are one element longer."""
    if inputs.indptr.size == 0:
        n_features = inputs.dense.shape[1]
        for i in range(rows.size):
            copy(inputs.dense[rows[i]], span(out, i * (n_features + 1), n_features))
        return
    n_features = out.size // rows.size - 1
    for i in range(out.size):
        out[i] = 0
    for i in range(rows.size):
        start = i * (n_features + 1)
        for p in range(inputs.indptr[rows[i]], inputs.indptr[rows[i] + 1]):
            out[start + inputs.indices[p]] += inputs.data[p]
