"""Forward and backward pass of one sample, with the usual kinds of layers inside."""

from skgd.kernels.formulas.elementary import add, multiply_add
from skgd.kernels.formulas.losses import loss_and_delta
from skgd.kernels.machine.call import call
from skgd.kernels.machine.jit import inline
from skgd.kernels.passes.activate import activate, multiply_by_derivative
from skgd.kernels.passes.inputs import gather
from skgd.kernels.passes.plan import (
    ACTIVATION,
    BACKWARD,
    DENSE,
    DX,
    DY,
    FAN_IN,
    FAN_OUT,
    FORWARD,
    KEPT,
    KIND,
    N_DX,
    N_KEPT,
    START,
    STOP,
    X,
    Y,
)

# The passes of one sample are without BLAS: a call of it costs more than a product of
# this size. W is flat, row after row, as Numba's reshape is a call too: a step on
# 10-10-1 took 0.64 us with reshapes, and 0.49 us without (measured). A layer with one
# output is a single long row.


@inline
def _affine(W, intercepts, x, z):
    """``z = x @ W + intercepts``."""
    n = z.size
    if n == 1:
        total = intercepts[0]
        for i in range(x.size):
            total = add(total, x[i] * W[i])
        z[0] = total
        return
    for j in range(n):
        z[j] = intercepts[j]
    # Four rows at once, which read and write z a fourth as often: 20 rows of 100 took
    # 164 ns instead of 270 (measured).
    rest = x.size % 4
    for i in range(rest):
        row = W[i * n : (i + 1) * n]
        for j in range(n):
            z[j] = multiply_add(x[i], row[j], z[j])
    for i in range(rest, x.size, 4):
        a, b = W[i * n : (i + 1) * n], W[(i + 1) * n : (i + 2) * n]
        c, d = W[(i + 2) * n : (i + 3) * n], W[(i + 3) * n : (i + 4) * n]
        xa, xb, xc, xd = x[i], x[i + 1], x[i + 2], x[i + 3]
        for j in range(n):
            two = multiply_add(xb, b[j], xa * a[j])
            four = multiply_add(xd, d[j], multiply_add(xc, c[j], two))
            z[j] += four


@inline
def _transposed_affine(W, delta, below):
    """``below = W @ delta``."""
    n = delta.size
    if n == 1:
        for i in range(below.size):
            below[i] = W[i] * delta[0]
        return
    for i in range(below.size):
        row = W[i * n : (i + 1) * n]
        total = delta.dtype.type(0)
        for j in range(n):
            total = add(total, row[j] * delta[j])
        below[i] = total


@inline
def _outer(x, delta, coefs):
    """``coefs = outer(x, delta)``."""
    n = delta.size
    if n == 1:
        for i in range(x.size):
            coefs[i] = x[i] * delta[0]
        return
    for i in range(x.size):
        row = coefs[i * n : (i + 1) * n]
        xi = x[i]
        for j in range(n):
            row[j] = xi * delta[j]


@inline
def sample_loss_and_gradient(
    plan, theta, samples, weight, rows, workspace, raw, target, gradient
):
    """Loss and gradient of the one sample in `rows`, both times its `weight`.

    The same as `loss_and_gradient`; `raw` and `target` are scratch, (n_outputs, 1). The
    outer products are written down, for one update of whole layers. Fused with the
    update, row by row, they were slower (measured, us a step: 1.93 and 1.65 on 20-100-1
    with Nesterov, 11.3 and 7.8 on 64-64-10 with Adam).
    """
    # Blocks begin where the plan says, as the workspace is for one sample.
    table, memory = plan.layers, workspace.memory
    n_layers, n_outputs = table.shape[0], plan.n_outputs
    gather(samples.inputs, rows, memory[: table[0, FAN_IN] + 1])
    for layer in range(n_layers):
        row = table[layer]
        start, stop, fan_out = row[START], row[STOP], row[FAN_OUT]
        x = memory[row[X] : row[X] + row[FAN_IN]]
        y = memory[row[Y] : row[Y] + fan_out]
        kept = memory[row[KEPT] : row[KEPT] + row[N_KEPT]]
        if row[KIND] == DENSE:
            middle = stop - fan_out
            _affine(theta[start:middle], theta[middle:stop], x, y)
        elif row[KIND] == ACTIVATION:
            activate(row, y, kept)
        else:
            w, number = theta[start:stop], plan.numbers[layer]
            x = memory[row[X] : row[X] + row[FAN_IN] + 1]
            y = memory[row[Y] : row[Y] + fan_out + 1]
            call(row[FORWARD], (1, row, number, w, x, y, kept, workspace))

    last = table[n_layers - 1]
    for k in range(n_outputs):
        raw[k, 0] = memory[last[Y] + k]
        target[k, 0] = samples.targets[rows[0], k]
    weights = memory[plan.weights : plan.weights + 1]
    weights[0] = weight
    loss = loss_and_delta(
        plan.loss, plan.joint_loss, plan.loss_parameter, raw, target, weights
    )
    for k in range(n_outputs):
        memory[last[DY] + k] = raw[k, 0]

    for layer in range(n_layers - 1, -1, -1):
        row = table[layer]
        start, stop, fan_in, fan_out = row[START], row[STOP], row[FAN_IN], row[FAN_OUT]
        x, y = memory[row[X] : row[X] + fan_in], memory[row[Y] : row[Y] + fan_out]
        dy = memory[row[DY] : row[DY] + fan_out]
        kept = memory[row[KEPT] : row[KEPT] + row[N_KEPT]]
        if row[KIND] == DENSE:
            middle = stop - fan_out
            _outer(x, dy, gradient[start:middle])
            for j in range(fan_out):
                gradient[middle + j] = dy[j]
            if row[N_DX] > 0:
                dx = memory[row[DX] : row[DX] + fan_in]
                _transposed_affine(theta[start:middle], dy, dx)
        elif row[KIND] == ACTIVATION:
            multiply_by_derivative(row, y, kept, dy)
        else:
            x = memory[row[X] : row[X] + fan_in + 1]
            y = memory[row[Y] : row[Y] + fan_out + 1]
            dx = memory[row[DX] : row[DX] + row[N_DX]]
            dy = memory[row[DY] : row[DY] + fan_out + 1]
            w, g, number = theta[start:stop], gradient[start:stop], plan.numbers[layer]
            arguments = 1, row, number, w, x, y, kept, dx, dy, g, w.dtype.type(0)
            call(row[BACKWARD], (*arguments, workspace))
    return loss
