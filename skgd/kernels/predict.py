"""Raw outputs of a trained network."""

from skgd.kernels.machine.atomic import add
from skgd.kernels.machine.call import entry
from skgd.kernels.machine.jit import jit
from skgd.kernels.passes.batch import forward
from skgd.kernels.passes.plan import Y


@jit
def raw_outputs(plan, theta, inputs, rows, out, position, workspace):
    """Write the raw outputs of the samples `rows`, those before the link, into `out`.

    `out` has the shape (n, n_outputs). The samples are taken chunk by chunk, beginning
    at ``position[0]``. Several threads may share `out` and `position`, if each has a
    workspace of its own.
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


# What `entry_for` has compiled, see `skgd.kernels.epoch.entry_for`.
_entries = {}


def entry_for(*arguments):
    """Return `raw_outputs` as `entry` does, for arguments of these types."""
    _, theta, inputs, rows, *_ = arguments
    kind = theta.dtype, inputs.indptr.dtype, rows.dtype
    if kind not in _entries:
        _entries[kind] = entry(raw_outputs, *arguments)
    return _entries[kind]
