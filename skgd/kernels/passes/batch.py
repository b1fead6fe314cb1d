"""Forward and backward pass of a batch: loops over the plan of a network."""

from functools import cache
from typing import NamedTuple

import numpy as np

from skgd.kernels.formulas.losses import loss_and_delta
from skgd.kernels.machine.call import address, call
from skgd.kernels.machine.jit import inline, jit
from skgd.kernels.passes.inputs import Inputs, Samples, gather, read_only
from skgd.kernels.passes.plan import (
    BACKWARD,
    DX,
    DY,
    FAN_IN,
    FAN_OUT,
    FORWARD,
    KEPT,
    N_DX,
    N_KEPT,
    START,
    STOP,
    Plan,
    Workspace,
    X,
    Y,
)


@inline
def block(workspace, start, n, width):
    """Return the rows of `n` samples in the block that begins at `start`."""
    start = workspace.size * start
    return workspace.memory[start : start + n * width]


@jit
def forward(plan, theta, inputs, rows, workspace):
    """Forward pass of the samples `rows`, up to the workspace's size.

    Leaves the outputs of each layer in its block; those of the last one are the raw
    outputs, in rows of n_outputs + 1 elements.
    """
    n = rows.size
    first = plan.layers[0]
    if plan.first_forward == 0:
        gather(inputs, rows, block(workspace, first[X], n, first[FAN_IN] + 1))
    for layer in range(plan.layers.shape[0]):
        row = plan.layers[layer]
        w = theta[row[START] : row[STOP]]
        y = block(workspace, row[Y], n, row[FAN_OUT] + 1)
        if layer == 0 and plan.first_forward != 0:
            call(plan.first_forward, (inputs, rows, w, y, row[FAN_OUT]))
            continue
        x = block(workspace, row[X], n, row[FAN_IN] + 1)
        kept = block(workspace, row[KEPT], n, row[N_KEPT])
        call(row[FORWARD], (n, row, plan.numbers[layer], w, x, y, kept, workspace))


@inline
def backward(plan, theta, inputs, rows, workspace, gradient, beta):
    """Backward pass after `forward`, from the gradient at the raw outputs.

    ``gradient = beta * gradient + the sum over the samples``, with beta 0 or 1.
    """
    n = rows.size
    for layer in range(plan.layers.shape[0] - 1, -1, -1):
        row = plan.layers[layer]
        w, g = theta[row[START] : row[STOP]], gradient[row[START] : row[STOP]]
        dy = block(workspace, row[DY], n, row[FAN_OUT] + 1)
        if layer == 0 and plan.first_backward != 0:
            call(plan.first_backward, (inputs, rows, dy, g, beta, row[FAN_OUT]))
            return
        x = block(workspace, row[X], n, row[FAN_IN] + 1)
        y = block(workspace, row[Y], n, row[FAN_OUT] + 1)
        kept = block(workspace, row[KEPT], n, row[N_KEPT])
        dx = block(workspace, row[DX], n, row[N_DX])
        values = n, row, plan.numbers[layer], w, x, y, kept
        call(row[BACKWARD], (*values, dx, dy, g, beta, workspace))


@jit
def loss_and_gradient(
    plan, forward_pass, theta, samples, rows, workspace, gradient, beta
):
    """Loss of the samples `rows`, summed with their weights, and its gradient.

    ``gradient = beta * gradient + the sum``, with beta 0 or 1. The L2 penalty is in
    neither: the update adds it in the pass that it makes anyway. `forward_pass` is the
    address of `forward`.
    """
    n, n_outputs = rows.size, plan.n_outputs
    call(forward_pass, (plan, theta, samples.inputs, rows, workspace))
    last = plan.layers[plan.layers.shape[0] - 1]
    raw = block(workspace, last[Y], n, n_outputs + 1)
    # The losses go over one output after another.
    Z = block(workspace, plan.raw, n, n_outputs).reshape(n_outputs, n)
    targets = block(workspace, plan.targets, n, n_outputs).reshape(n_outputs, n)
    weight = block(workspace, plan.weights, n, 1)
    for i in range(n):
        weight[i] = samples.weights[rows[i]] if samples.weights.size > 0 else 1
        for k in range(n_outputs):
            Z[k, i] = raw[i * (n_outputs + 1) + k]
            targets[k, i] = samples.targets[rows[i], k]
    loss = loss_and_delta(
        plan.loss, plan.joint_loss, plan.loss_parameter, Z, targets, weight
    )
    dy = block(workspace, last[DY], n, n_outputs + 1)
    for i in range(n):
        for k in range(n_outputs):
            dy[i * (n_outputs + 1) + k] = Z[k, i]
    backward(plan, theta, samples.inputs, rows, workspace, gradient, beta)
    return loss


class Passes(NamedTuple):
    """Addresses of the passes of training."""

    forward: int
    loss_and_gradient: int


# For the types alone.
NO_PLAN = Plan(np.empty((0, 0), np.int64), np.empty(0), *[0] * 4, 0.0, *[0] * 6)


@cache
def _passes(dtype, row_dtype, index_dtype):
    """Compile the passes for arrays of these types, or load them.

    The examples are of the very types that an epoch hands on: see `as_samples`, which
    makes read-only views, and `make_workspace`. All are C-contiguous.
    """
    vector, matrix = np.empty(0, dtype), np.empty((0, 0), dtype)
    indices, rows = np.empty(0, index_dtype), np.empty(0, row_dtype)
    inputs = Inputs(*map(read_only, (matrix, vector, indices, indices)))
    samples = Samples(inputs, read_only(matrix), read_only(vector))
    workspace = Workspace(0, vector, np.empty(0, np.uint64))
    common = rows, workspace, vector, dtype.type(0)
    return Passes(
        address(forward, NO_PLAN, vector, inputs, rows, workspace),
        address(loss_and_gradient, NO_PLAN, 0, vector, samples, *common),
    )


def passes_for(inputs, rows):
    """Addresses of the passes of training on these samples.

    Parameters
    ----------
    inputs : Inputs
    rows : ndarray of shape (n,)

    Returns
    -------
    passes : Passes
    """
    return _passes(inputs.data.dtype, rows.dtype, inputs.indptr.dtype)
