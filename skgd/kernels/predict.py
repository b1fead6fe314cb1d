"""Raw outputs of a trained network."""

import numpy as np

from skgd.kernels._jit import jit
from skgd.kernels.backprop import forward


@jit
def raw_outputs(network, theta, inputs, first, out, workspace):
    """Write outputs before the link into `out`, shape (n, n_outputs), chunk by chunk.

    Row 0 of `out` belongs to the sample `first`.
    """
    n_outputs = out.shape[1]
    for start in range(0, out.shape[0], workspace.size):
        stop = min(start + workspace.size, out.shape[0])
        rows = np.arange(first + start, first + stop)
        raw = forward(network, theta, inputs, rows, workspace)
        for i in range(rows.size):
            for k in range(n_outputs):
                out[start + i, k] = raw[i * (n_outputs + 1) + k]
