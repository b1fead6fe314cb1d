"""Forward and backward pass of a batch: loops over the plan of a network."""

from skgd.kernels.formulas.losses import loss_and_delta
from skgd.kernels.machine.call import call
from skgd.kernels.machine.jit import inline, jit
from skgd.kernels.machine.span import span
from skgd.kernels.passes.inputs import gather
from skgd.kernels.passes.plan import (
    BACKWARD,
    DX,
    DY,
    FAN_IN,
    FAN_OUT,
    FIRST,
    FORWARD,
    KEPT,
    N_DX,
    N_KEPT,
    START,
    STOP,
    X,
    Y,
)


@inline
def block(workspace, start, n, width):
    """Return the rows of `n` samples in the block that begins at `start`."""
    return span(workspace.memory, workspace.size * start, n * width)


@inline
def gather_first(plan, inputs, rows, workspace):
    """Copy the samples, unless the first layer reads them where they are."""
    if plan.first_forward == 0:
        first = plan.layers[0]
        gather(inputs, rows, block(workspace, first[X], rows.size, first[FAN_IN] + 1))


@inline
def forward_layers(plan, theta, inputs, rows, first, end, workspace):
    """Pass the samples forward through the layers from `first` up to `end`."""
    n = rows.size
    for layer in range(first, end):
        row = plan.layers[layer]
        w = theta[row[START] : row[STOP]]
        y = block(workspace, row[Y], n, row[FAN_OUT] + 1)
        if layer == 0 and plan.first_forward != 0:
            call(plan.first_forward, (inputs, rows, w, y, row[FAN_OUT]))
            continue
        x = block(workspace, row[X], n, row[FAN_IN] + 1)
        kept = block(workspace, row[KEPT], n, row[N_KEPT])
        call(row[FORWARD], (n, row, plan.numbers[layer], w, x, y, kept, workspace))


@jit
def forward(plan, theta, inputs, rows, workspace):
    """Pass the samples `rows` forward, at most as many as the workspace's size.

    The outputs of each layer are left in its block. Those of the last layer are the raw
    outputs, in rows of n_outputs + 1 elements.
    """
    gather_first(plan, inputs, rows, workspace)
    end = plan.layers.shape[0]
    forward_layers(plan, theta, inputs, rows, 0, end, workspace)


@inline
def backward_layers(plan, theta, inputs, rows, first, end, workspace, gradient, beta):
    """Pass the gradient backward through the layers before `end`, down to `first`.

    `gradient` becomes ``beta * gradient`` plus the sum over the samples, with beta 0 or
    1.
    """
    n = rows.size
    for layer in range(end - 1, first - 1, -1):
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


@inline
def weigh(plan, samples, rows, workspace):
    """Write the weights of the samples into their block, and return it."""
    weight = block(workspace, plan.weights, rows.size, 1)
    for i in range(rows.size):
        weight[i] = samples.weights[rows[i]] if samples.weights.size > 0 else 1
    return weight


@inline
def loss_at_outputs(plan, samples, rows, weight, workspace):
    """Return the loss of the raw outputs, and write the gradient at them."""
    n, n_outputs = rows.size, plan.n_outputs
    last = plan.layers[plan.layers.shape[0] - 1]
    raw = block(workspace, last[Y], n, n_outputs + 1)
    # Losses take all samples of one output, then of the next: their arrays have a row
    # for each output.
    Z = block(workspace, plan.raw, n, n_outputs).reshape(n_outputs, n)
    targets = block(workspace, plan.targets, n, n_outputs).reshape(n_outputs, n)
    for i in range(n):
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
    return loss


@inline
def loss_and_gradient(
    plan, forward_pass, theta, samples, rows, workspace, gradient, beta
):
    """Return the loss of the samples `rows`, times their weights, and add its gradient.

    `gradient` becomes ``beta * gradient`` plus the sum over the samples, with beta 0 or
    1. Neither loss nor gradient has the L2 penalty: the update adds it while it goes
    over the parameters anyway. `forward_pass` is the address of `forward`.
    """
    inputs = samples.inputs
    call(forward_pass, (plan, theta, inputs, rows, workspace))
    weight = weigh(plan, samples, rows, workspace)
    loss = loss_at_outputs(plan, samples, rows, weight, workspace)
    end = plan.layers.shape[0]
    backward_layers(plan, theta, inputs, rows, 0, end, workspace, gradient, beta)
    return loss


@jit
def in_chunks(plan, forward_pass, theta, samples, rows, place, workspace, gradient):
    """Compute loss and gradient of the samples `rows`, as many as the workspace holds.

    `place` is the place of the first of them in the batch, which dropout needs.
    `gradient` is written. The rest is as in `loss_and_gradient`.
    """
    n = rows.size
    n_chunks = max(1, -(-n // workspace.size))
    loss, beta = 0.0, theta.dtype.type(0)
    for chunk in range(n_chunks):
        first, last = n * chunk // n_chunks, n * (chunk + 1) // n_chunks
        workspace.random[FIRST] = place + first
        some = rows[first:last]
        loss += loss_and_gradient(
            plan, forward_pass, theta, samples, some, workspace, gradient, beta
        )
        beta = theta.dtype.type(1)
    return loss
