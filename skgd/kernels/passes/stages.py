"""The passes of a batch in stages, between which sums over the whole batch are made.

A *barrier* is a layer whose outputs follow from all samples of the batch, as those of
batch normalisation do. The parts of a batch, which threads may share, are computed up
to the barrier, where each part measures sums over its samples. The sums of all parts
are combined, and then the parts are computed on from the barrier. The backward pass
stops at each barrier in the same way. With B barriers there are 2 B + 1 stages. A
part's blocks have to stay as they are from one stage to the next, so a part is always
one chunk, however long it is.

A barrier has other functions than other layers. Their arguments w, x, y, kept, dx, dy
and gradient are explained in `skgd.kernels.passes.plan`, and `weight` holds the
samples' weights. `sums` and `totals` are float64 and hold the numbers of all barriers:
those of a barrier's forward pass begin at SUMS of its row, and those of its backward
pass at SUMS_BACK.

- ``MEASURE(n, row, x, weight, sums)`` writes the sums of a part;
- ``COMBINE(row, w, sums, n_parts, totals)`` makes the totals, given the sums of all
  parts, one part a row; it may also write those parameters in w that are the layer's
  own, not the optimizer's;
- ``FORWARD(n, row, w, x, y, kept, weight, totals)`` computes the outputs with them;
- ``MEASURE_BACK(n, row, w, kept, dy, weight, sums, gradient)`` writes the sums of a
  part in the backward pass, and the gradient at w; the totals are the sums over the
  parts;
- ``BACKWARD(n, row, w, kept, dx, dy, weight, totals)`` computes dx with these totals.
"""

import numpy as np

from skgd.kernels.machine.call import address, call
from skgd.kernels.machine.jit import inline, jit
from skgd.kernels.passes.batch import (
    backward_layers,
    block,
    forward_layers,
    gather_first,
    loss_at_outputs,
    weigh,
)
from skgd.kernels.passes.plan import (
    BACKWARD,
    COMBINE,
    DX,
    DY,
    FAN_IN,
    FAN_OUT,
    FORWARD,
    KEPT,
    MEASURE,
    MEASURE_BACK,
    N_DX,
    N_KEPT,
    START,
    STOP,
    SUMS_BACK,
    SUMS_END,
    X,
    Y,
)


@inline
def _measure(plan, barrier, n, weight, workspace, sums):
    row = plan.layers[barrier]
    x = block(workspace, row[X], n, row[FAN_IN] + 1)
    call(row[MEASURE], (n, row, x, weight, sums))


@inline
def _pass_on(plan, barrier, theta, n, weight, workspace, totals):
    row = plan.layers[barrier]
    w = theta[row[START] : row[STOP]]
    x = block(workspace, row[X], n, row[FAN_IN] + 1)
    y = block(workspace, row[Y], n, row[FAN_OUT] + 1)
    kept = block(workspace, row[KEPT], n, row[N_KEPT])
    call(row[FORWARD], (n, row, w, x, y, kept, weight, totals))


@inline
def _measure_back(plan, barrier, theta, n, weight, workspace, sums, gradient):
    row = plan.layers[barrier]
    w, g = theta[row[START] : row[STOP]], gradient[row[START] : row[STOP]]
    kept = block(workspace, row[KEPT], n, row[N_KEPT])
    dy = block(workspace, row[DY], n, row[FAN_OUT] + 1)
    call(row[MEASURE_BACK], (n, row, w, kept, dy, weight, sums, g))


@inline
def _pass_back(plan, barrier, theta, n, weight, workspace, totals):
    row = plan.layers[barrier]
    w = theta[row[START] : row[STOP]]
    kept = block(workspace, row[KEPT], n, row[N_KEPT])
    dx = block(workspace, row[DX], n, row[N_DX])
    dy = block(workspace, row[DY], n, row[FAN_OUT] + 1)
    call(row[BACKWARD], (n, row, w, kept, dx, dy, weight, totals))


@jit
def run_stage(plan, theta, samples, rows, stage, workspace, gradient, sums, totals):
    """Run one stage of the samples `rows`, all of them at once.

    Parameters
    ----------
    plan : Plan
    theta : ndarray of shape (n_parameters,)
    samples : Samples
    rows : ndarray of shape (n,)
        A part of a batch.
    stage : int
        From 0 to ``2 * plan.barriers.size``, one after another.
    workspace : Workspace
        Its blocks have to be as the stage before has left them.
    gradient : ndarray of shape (n_parameters,)
        Written in the stages of the backward pass; each stage writes the gradient at
        the parameters of its layers.
    sums : ndarray of shape (n_sums,), float64
        Written: the sums over these samples that the next barrier needs.
    totals : ndarray of shape (n_sums,), float64
        The totals over the whole batch of all barriers so far.

    Returns
    -------
    loss : float
        The sum of the samples' losses, times their weights. It is 0 except in the stage
        that computes it.
    """
    n_barriers, n_layers = plan.barriers.size, plan.layers.shape[0]
    n, inputs, loss = rows.size, samples.inputs, 0.0
    weight = block(workspace, plan.weights, n, 1)
    if stage <= n_barriers:
        first = 0
        if stage == 0:
            weigh(plan, samples, rows, workspace)
            gather_first(plan, inputs, rows, workspace)
        else:
            barrier = plan.barriers[stage - 1]
            _pass_on(plan, barrier, theta, n, weight, workspace, totals)
            first = barrier + 1
        end = plan.barriers[stage] if stage < n_barriers else n_layers
        forward_layers(plan, theta, inputs, rows, first, end, workspace)
        if stage < n_barriers:
            _measure(plan, end, n, weight, workspace, sums)
            return loss
        loss = loss_at_outputs(plan, samples, rows, weight, workspace)
        end = n_layers
    else:
        end = plan.barriers[2 * n_barriers - stage]
        _pass_back(plan, end, theta, n, weight, workspace, totals)
    coming = 2 * n_barriers - 1 - stage  # the barrier at which this stage ends
    first = plan.barriers[coming] + 1 if coming >= 0 else 0
    beta = theta.dtype.type(0)
    backward_layers(plan, theta, inputs, rows, first, end, workspace, gradient, beta)
    if coming >= 0:
        barrier = plan.barriers[coming]
        _measure_back(plan, barrier, theta, n, weight, workspace, sums, gradient)
    return loss


@jit
def combine(plan, theta, stage, sums, n_parts, totals):
    """Combine the sums of all parts into the totals that the next stage needs.

    Parameters
    ----------
    plan : Plan
    theta : ndarray of shape (n_parameters,)
        A barrier may write those parameters that are its own, not the optimizer's.
    stage : int
        The stage that has just ended.
    sums : ndarray of shape (>= n_parts, n_sums), float64
    n_parts : int
    totals : ndarray of shape (n_sums,), float64
        Written where the next stage needs them.
    """
    n_barriers = plan.barriers.size
    if stage < n_barriers:
        row = plan.layers[plan.barriers[stage]]
        w = theta[row[START] : row[STOP]]
        call(row[COMBINE], (row, w, sums, n_parts, totals))
    elif stage < 2 * n_barriers:
        row = plan.layers[plan.barriers[2 * n_barriers - 1 - stage]]
        for k in range(row[SUMS_BACK], row[SUMS_END]):
            totals[k] = 0.0
            for part in range(n_parts):
                totals[k] += sums[part, k]


def barrier_addresses(dtype, *, measure, combine, forward, measure_back, backward):
    """Compile the functions of a barrier; return their addresses, in this order."""
    row, double = np.empty(0, np.int64), np.empty(0)
    v, sums = np.empty(0, dtype), np.empty((0, 0))
    return (
        address(measure, 0, row, v, v, double),
        address(combine, row, v, sums, 0, double),
        address(forward, 0, row, v, v, v, v, v, double),
        address(measure_back, 0, row, v, v, v, v, double, v),
        address(backward, 0, row, v, v, v, v, v, double),
    )
