"""Raw outputs of a trained network."""

from skgd.kernels.machine.atomic import add
from skgd.kernels.machine.jit import jit
from skgd.kernels.passes.batch import forward
from skgd.kernels.passes.plan import Y


@jit
def raw_outputs(plan, theta, inputs, rows, out, position, workspace):
    """Write the outputs before the link of the samples `rows` into `out`.

    `out` has the shape (n, n_outputs). The samples are taken chunk by chunk, beginning
    at ``position[0]``, which several threads may share, each with a workspace of its
    own.
    """
    n, n_outputs = out.shape
    raw = workspace.memory[workspace.size * plan.layers[plan.layers.shape[0] - 1, Y] :]
    while True:
        start = add(position, 0, workspace.size)
        if start >= n:
            return
        chunk = rows[start : min(start + workspace.size, n)]
        forward(plan, theta, inputs, chunk, workspace)
        for i in range(chunk.size):
            for k in range(n_outputs):
                out[start + i, k] = raw[i * (n_outputs + 1) + k]
