"""Raw outputs of a network, from one thread or several."""

import numpy as np
from scipy.sparse import issparse

from skgd.kernels.passes.inputs import as_inputs
from skgd.kernels.passes.plan import make_workspace
from skgd.kernels.predict import raw_outputs
from skgd.kernels.team.threads import one_blas_thread, prepare_blas, side_by_side
from skgd.network.division import chunk_size
from skgd.network.plan import make_plan

# A prediction takes another thread for each of this many multiplications, which are
# some 0.1 ms of work.
PRODUCTS_PER_THREAD = 2_500_000
# With up to this many multiplications OpenBLAS uses one thread anyway, so it is not
# limited to one, which would take 36 us (measured).
FEW_PRODUCTS = 200_000


class RawOutputs:
    """Computes raw outputs, those before the link, of the same samples again and again.

    Parameters
    ----------
    network : Network
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Validated: C-contiguous, of the parameters' dtype.
    rows : ndarray of shape (n,)
        Samples of X.
    n_threads : int
        Threads that may be used.
    """

    def __init__(self, network, X, rows, n_threads):
        self._network, self._rows, self._inputs = network, rows, as_inputs(X)
        self._plan = make_plan(network, self._inputs, rows, training=False)
        self._size = chunk_size(network, rows.size, X.dtype, issparse(X))
        n_products = rows.size * network.n_parameters
        self._n_useful = min(n_threads, n_products // PRODUCTS_PER_THREAD)
        self._is_small = self._n_useful == 0 and n_products <= FEW_PRODUCTS
        self._position = np.zeros(1, np.int64)
        self._workspace = self._make_workspace() if self._is_small else None

    def __call__(self, theta):
        """Return the outputs for parameters `theta`, a new array (n, n_outputs)."""
        out = np.empty((self._rows.size, self._network.n_outputs), theta.dtype)
        self._position[0] = 0
        if self._is_small:
            self._write(theta, out, self._workspace)
            return out
        with one_blas_thread():
            if self._n_useful > 0:
                prepare_blas(self._n_useful)
            side_by_side(
                lambda: self._write(theta, out, self._make_workspace()),
                max(1, self._n_useful),
            )
        return out

    def _make_workspace(self):
        return make_workspace(self._plan, self._size, self._inputs.data.dtype)

    def _write(self, theta, out, workspace):
        where = self._inputs, self._rows, out, self._position
        raw_outputs(self._plan, theta, *where, workspace)


def predict_raw(network, theta, X, rows, n_threads):
    """Return the raw outputs of the samples `rows` once; see `RawOutputs`."""
    return RawOutputs(network, X, rows, n_threads)(theta)
