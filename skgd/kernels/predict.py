"""Raw outputs of a trained network."""

import numpy as np

from skgd.kernels._jit import jit
from skgd.kernels.backprop import forward


@jit
def raw_outputs(network, theta, inputs, n_samples, workspace):
    """Outputs before the link, shape (n_samples, n_outputs), chunk by chunk."""
    size = workspace.weights.size
    out = np.empty((n_samples, network.layer_units[-1]), theta.dtype)
    for start in range(0, n_samples, size):
        rows = np.arange(start, min(start + size, n_samples))
        raw = forward(network, theta, inputs, rows, workspace)
        for i in range(rows.size):
            for k in range(raw.shape[0]):
                out[start + i, k] = raw[k, i]
    return out
