"""The first layer's products, for dense and for CSR input.

Only this file knows how X is stored. Both kinds come in one type, so that each kernel
is compiled once per dtype and branches once per batch.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from skgd.kernels._jit import jit


class Inputs(NamedTuple):
    """Samples in rows: either `dense` holds them or the CSR triple does."""

    dense: np.ndarray  # (n_samples, n_features), (0, 0) when sparse
    data: np.ndarray  # (nnz,), empty when dense
    indices: np.ndarray
    indptr: np.ndarray  # (n_samples + 1,), empty when dense


def read_only(array):
    """View as read-only: one compiled version serves memory-mapped and other input."""
    view = array.view()
    view.flags.writeable = False
    return view


def as_inputs(X):
    """Wrap a C-contiguous array or a CSR matrix; nothing is copied that fits."""
    if issparse(X):
        # 32-bit indices wherever they fit: one compiled version for nearly all.
        fit = max(X.nnz, X.shape[1]) <= np.iinfo(np.int32).max
        kind = np.int32 if fit else np.int64
        indices, indptr = (i.astype(kind, copy=False) for i in (X.indices, X.indptr))
        data = np.ascontiguousarray(X.data)
        arrays = np.empty((0, 0), X.dtype), data, indices, indptr
    else:
        no_index = np.empty(0, np.int32)
        arrays = X, np.empty(0, X.dtype), no_index, no_index
    return Inputs(*map(read_only, arrays))


@jit
def gather(inputs, rows, out):
    """Copy the samples `rows` into `out`, shape (len(rows), n_features)."""
    if inputs.indptr.size == 0:
        for i in range(rows.size):
            x = inputs.dense[rows[i]]
            for j in range(x.size):
                out[i, j] = x[j]
        return
    for i in range(rows.size):
        for j in range(out.shape[1]):
            out[i, j] = 0
        for p in range(inputs.indptr[rows[i]], inputs.indptr[rows[i] + 1]):
            out[i, inputs.indices[p]] += inputs.data[p]


@jit
def multiply_by_coefs(inputs, rows, W, dense_rows, wide_rows, Z):
    """``Z = (X[rows] @ W).T``: feature-major products of the first layer.

    Parameters
    ----------
    inputs : Inputs
    rows : ndarray of shape (n,)
    W : ndarray of shape (n_features, n_units)
    dense_rows : ndarray of shape (n, n_features)
        Filled with the gathered samples when X is dense; unused otherwise.
    wide_rows : ndarray of shape (n, n_units)
        Scratch of the sparse product; unused when X is dense.
    Z : ndarray of shape (n_units, n)
    """
    if inputs.indptr.size == 0:
        gather(inputs, rows, dense_rows)
        np.dot(W.T, dense_rows.T, Z)
        return
    for i in range(rows.size):
        product = wide_rows[i]
        for j in range(product.size):
            product[j] = 0
        for p in range(inputs.indptr[rows[i]], inputs.indptr[rows[i] + 1]):
            value = inputs.data[p]
            w = W[inputs.indices[p]]
            for j in range(w.size):
                product[j] += value * w[j]
    for j in range(Z.shape[0]):
        for i in range(rows.size):
            Z[j, i] = wide_rows[i, j]


@jit
def multiply_by_delta(inputs, rows, delta, dense_rows, wide_rows, gradient):
    """``gradient = X[rows].T @ delta.T``, after `multiply_by_coefs` of the same rows.

    `delta` is feature-major, shape (n_units, n); `gradient` has W's shape.
    """
    if inputs.indptr.size == 0:
        np.dot(dense_rows.T, delta.T, gradient)
        return
    for i in range(rows.size):
        for j in range(delta.shape[0]):
            wide_rows[i, j] = delta[j, i]
    for p in range(gradient.shape[0]):
        for j in range(gradient.shape[1]):
            gradient[p, j] = 0
    for i in range(rows.size):
        d = wide_rows[i]
        for p in range(inputs.indptr[rows[i]], inputs.indptr[rows[i] + 1]):
            value = inputs.data[p]
            g = gradient[inputs.indices[p]]
            for j in range(d.size):
                g[j] += value * d[j]
