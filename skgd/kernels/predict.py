"""Raw outputs of a trained network."""

import numpy as np

from skgd.kernels._atomic import add
from skgd.kernels._jit import jit
from skgd.kernels.backprop import forward


@jit
def raw_outputs(network, theta, inputs, rows, out, position, workspace):
    """Write the outputs before the link of the samples `rows` into `out`.

    `out` has the shape (n, n_outputs); with `rows` empty it is the first n samples.
    They are taken chunk by chunk, beginning at ``position[0]``, which several threads
    may share, each with a workspace of its own.
    """
    n, n_outputs = out.shape
    while True:
        start = add(position, 0, workspace.size)
        if start >= n:
            return
        chunk = np.arange(start, min(start + workspace.size, n)).astype(rows.dtype)
        if rows.size > 0:
            chunk = rows[start : start + chunk.size]
        raw = forward(network, theta, inputs, chunk, workspace)
        for i in range(chunk.size):
            for k in range(n_outputs):
                out[start + i, k] = raw[i * (n_outputs + 1) + k]
