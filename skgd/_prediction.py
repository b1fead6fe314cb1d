"""Raw outputs of a network, from one thread or several."""

import numpy as np
from scipy.sparse import issparse

from skgd._threads import one_blas_thread, prepare_blas, side_by_side
from skgd.kernels.inputs import as_inputs
from skgd.kernels.network import chunk_size, make_workspace
from skgd.kernels.predict import raw_outputs

# Multiplications in a prediction for which another thread pays: some 0.1 ms of them.
PRODUCTS_PER_THREAD = 2_500_000
# Up to so many OpenBLAS has one thread of itself; to limit it takes 36 us (measured).
FEW_PRODUCTS = 200_000

OVERFLOW = (
    "The network's outputs for X overflow. Values of X may be too large, also next to "
    "those that it was trained on, or the training was about to diverge: scale X, or "
    "lower learning_rate_init."
)


def check_outputs(outputs):
    """Return the outputs; a ValueError if one is infinite or nan."""
    if not np.isfinite(outputs).all():
        raise ValueError(OVERFLOW)
    return outputs


def predict_raw(network, theta, X, rows, n_threads):
    """Outputs before the link of the samples `rows` of validated data.

    Parameters
    ----------
    network : Network
    theta : ndarray of shape (n_parameters,)
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        C-contiguous, of theta's dtype.
    rows : ndarray of shape (n,)
    n_threads : int
        Threads that may be used.

    Returns
    -------
    raw : ndarray of shape (n, n_outputs)
    """
    inputs, sparse = as_inputs(X), issparse(X)
    n = rows.size
    out = np.empty((n, network.layer_units[-1]), theta.dtype)
    position = np.zeros(1, np.int64)
    size = chunk_size(network, n, theta.dtype, sparse)

    def work():
        workspace = make_workspace(network, size, theta.dtype, sparse, training=False)
        raw_outputs(network, theta, inputs, rows, out, position, workspace)

    n_useful = min(n_threads, n * theta.size // PRODUCTS_PER_THREAD)
    if n_useful == 0 and n * theta.size <= FEW_PRODUCTS:
        work()
        return out
    with one_blas_thread():
        if n_useful > 0:
            prepare_blas(n_useful)
        side_by_side(work, max(1, n_useful))
    return out
