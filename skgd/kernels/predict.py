"""Raw outputs of a trained network."""

import numpy as np

from skgd.kernels._atomic import add
from skgd.kernels._jit import jit
from skgd.kernels.backprop import forward


@jit
def raw_outputs(network, theta, inputs, out, next_row, workspace):
    """Write outputs before the link into `out`, shape (n_samples, n_outputs).

    Samples are taken chunk by chunk, beginning with ``next_row[0]``, which several
    threads may share, each with a workspace of its own.
    """
    n, n_outputs = out.shape
    while True:
        start = add(next_row, 0, workspace.size)
        if start >= n:
            return
        rows = np.arange(start, min(start + workspace.size, n))
        raw = forward(network, theta, inputs, rows, workspace)
        for i in range(rows.size):
            for k in range(n_outputs):
                out[start + i, k] = raw[i * (n_outputs + 1) + k]
