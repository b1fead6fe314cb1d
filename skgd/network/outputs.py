"""Raw outputs of a network, from one thread or several."""

import numpy as np
from scipy.sparse import issparse

from skgd.kernels.machine.memory import scratch
from skgd.kernels.passes.inputs import as_inputs, row_numbers
from skgd.kernels.passes.plan import Workspace
from skgd.kernels.predict import entry_for
from skgd.kernels.team.threads import (
    n_threads,
    one_blas_thread,
    prepare_blas,
    side_by_side,
)
from skgd.network.division import calls_blas, chunk_size
from skgd.network.plan import make_plan

# A prediction takes another thread for each of this many multiplications, which are
# some 0.1 ms of work.
PRODUCTS_PER_THREAD = 2_500_000


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
        self._n_useful = max(1, min(n_threads, _n_useful(network, rows.size)))
        self._calls_blas = calls_blas(network, self._size, X.dtype)

    def __call__(self, theta):
        """Return the outputs for parameters `theta`, a new array (n, n_outputs)."""
        out = np.empty((self._rows.size, self._network.n_outputs), theta.dtype)
        position = np.zeros(1, np.int64)

        def work():
            plan, size = self._plan, self._size
            memory = scratch(size * plan.width, theta.dtype)
            workspace = Workspace(size, memory, np.empty(plan.n_random, np.uint64))
            where = self._inputs, self._rows, out, position
            arguments = plan, theta, *where, workspace
            entry_for(*arguments)(*arguments)

        if not self._calls_blas:
            side_by_side(work, self._n_useful)
            return out
        with one_blas_thread():
            prepare_blas(self._n_useful)
            side_by_side(work, self._n_useful)
        return out


def _n_useful(network, n_samples):
    """Return how many threads a prediction can use."""
    return n_samples * network.n_parameters // PRODUCTS_PER_THREAD


def predict_raw(network, theta, X, n_jobs):
    """Return the raw outputs of all samples, once; see `RawOutputs`.

    `n_jobs` is that of an estimator. What it stands for is found out only if more than
    one thread can be of use.
    """
    n = X.shape[0]
    threads = n_threads(n_jobs) if _n_useful(network, n) > 1 else 1
    return RawOutputs(network, X, row_numbers(n), threads)(theta)
