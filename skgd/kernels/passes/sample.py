"""Forward and backward pass of one sample, and the step that follows.

It contains the code of dense layers and activations, and calls the functions of all
other kinds of layers.
"""

from skgd.kernels.formulas.elementary import multiply_add
from skgd.kernels.formulas.losses import loss_and_delta
from skgd.kernels.formulas.update import SPEED, update_segment
from skgd.kernels.machine.call import call
from skgd.kernels.machine.jit import inline
from skgd.kernels.machine.rows import copy, dot, scale
from skgd.kernels.machine.span import span
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

# The passes of one sample do without BLAS: calling it costs more than a product of this
# size. W is a flat array, row after row, as Numba's reshape is a call too: a step on
# 10-10-1 took 0.64 us with reshapes, and 0.49 us without (measured;
# `tests/benchmarks/run.py` times such steps). The coefs of a layer with one output are
# treated as a single long row.

# The update of the coefs of a layer with so many outputs is a loop over rows, in which
# the gradient is an outer product that is not written down.
WIDE = 32


@inline
def _affine(W, intercepts, x, z):
    """Do ``z = x @ W + intercepts``."""
    n = z.size
    if n == 1:
        z[0] = intercepts[0] + dot(x, W)
        return
    copy(intercepts, z)
    # Four rows are added at once, so that z is read and written a fourth as often: 20
    # rows of 100 took 164 ns instead of 270 (measured). `add_product` is as fast for
    # rows of 100, but slower for rows of 10.
    rest = x.size % 4
    for i in range(rest):
        row = span(W, i * n, n)
        for j in range(n):
            z[j] = multiply_add(x[i], row[j], z[j])
    for i in range(rest, x.size, 4):
        a, b = span(W, i * n, n), span(W, (i + 1) * n, n)
        c, d = span(W, (i + 2) * n, n), span(W, (i + 3) * n, n)
        xa, xb, xc, xd = x[i], x[i + 1], x[i + 2], x[i + 3]
        for j in range(n):
            two = multiply_add(xb, b[j], xa * a[j])
            four = multiply_add(xd, d[j], multiply_add(xc, c[j], two))
            z[j] += four


@inline
def _transposed_affine(W, delta, below):
    """Do ``below = W @ delta``."""
    n = delta.size
    if n == 1:
        scale(delta[0], W, below)
        return
    for i in range(below.size):
        below[i] = dot(span(W, i * n, n), delta)


@inline
def _outer(x, delta, coefs):
    """Do ``coefs = outer(x, delta)``."""
    n = delta.size
    if n == 1:
        scale(delta[0], x, coefs)
        return
    for i in range(x.size):
        scale(x[i], delta, span(coefs, i * n, n))


@inline
def _is_outer(row):
    """Whether the coefs of a dense layer are updated without their gradient."""
    return row[FAN_OUT] == 1 or row[FAN_OUT] >= WIDE


@inline
def _call_forward(plan, row, layer, theta, workspace):
    memory, w = workspace.memory, span(theta, row[START], row[STOP] - row[START])
    x = span(memory, row[X], row[FAN_IN] + 1)
    y = span(memory, row[Y], row[FAN_OUT] + 1)
    kept = span(memory, row[KEPT], row[N_KEPT])
    call(row[FORWARD], (1, row, plan.numbers[layer], w, x, y, kept, workspace))


@inline
def _call_backward(plan, row, layer, theta, workspace, gradient):
    memory, w = workspace.memory, span(theta, row[START], row[STOP] - row[START])
    x = span(memory, row[X], row[FAN_IN] + 1)
    y = span(memory, row[Y], row[FAN_OUT] + 1)
    dx = span(memory, row[DX], row[N_DX])
    dy = span(memory, row[DY], row[FAN_OUT] + 1)
    kept = span(memory, row[KEPT], row[N_KEPT])
    g, beta = span(gradient, row[START], row[STOP] - row[START]), theta.dtype.type(0)
    values = 1, row, plan.numbers[layer], w, x, y, kept
    call(row[BACKWARD], (*values, dx, dy, g, beta, workspace))


@inline
def sample_loss_and_gradient(
    plan, theta, samples, weight, rows, workspace, raw, target, gradient, is_clipped
):
    """Return the loss of the one sample in `rows`, and write its gradient.

    Both are multiplied by `weight`. The result is that of `loss_and_gradient`. `raw`
    and `target` are scratch memory of the shape (n_outputs, 1).

    The gradients at the coefs of layers that `is_outer` names are not written: the
    update makes them of the layer's inputs and of the gradient at its outputs. So are
    those at the intercepts of dense layers.
    """
    table, memory = plan.layers, workspace.memory
    n_layers, n_outputs = table.shape[0], plan.n_outputs
    gather(samples.inputs, rows, span(memory, table[0, X], table[0, FAN_IN] + 1))
    for layer in range(n_layers):
        row = table[layer]
        if row[KIND] == DENSE:
            start, fan_out = row[START], row[FAN_OUT]
            n_coefs = row[FAN_IN] * fan_out
            x = span(memory, row[X], row[FAN_IN])
            y = span(memory, row[Y], fan_out)
            coefs = span(theta, start, n_coefs)
            _affine(coefs, span(theta, start + n_coefs, fan_out), x, y)
        elif row[KIND] == ACTIVATION:
            y = span(memory, row[Y], row[FAN_OUT])
            activate(row, y, span(memory, row[KEPT], row[N_KEPT]))
        else:
            _call_forward(plan, row, layer, theta, workspace)

    last = table[n_layers - 1]
    for k in range(n_outputs):
        raw[k, 0] = memory[last[Y] + k]
        target[k, 0] = samples.targets[rows[0], k]
    weights = span(memory, plan.weights, 1)
    weights[0] = weight
    loss = loss_and_delta(
        plan.loss, plan.joint_loss, plan.loss_parameter, raw, target, weights
    )
    for k in range(n_outputs):
        memory[last[DY] + k] = raw[k, 0]

    for layer in range(n_layers - 1, -1, -1):
        row = table[layer]
        fan_out = row[FAN_OUT]
        if row[KIND] == DENSE:
            start = row[START]
            n_coefs = row[FAN_IN] * fan_out
            x = span(memory, row[X], row[FAN_IN])
            dy = span(memory, row[DY], fan_out)
            if is_clipped or not _is_outer(row):
                _outer(x, dy, span(gradient, start, n_coefs))
            if is_clipped:
                copy(dy, span(gradient, start + n_coefs, fan_out))
            if row[N_DX] > 0:
                dx = span(memory, row[DX], row[FAN_IN])
                _transposed_affine(span(theta, start, n_coefs), dy, dx)
        elif row[KIND] == ACTIVATION:
            y, dy = span(memory, row[Y], fan_out), span(memory, row[DY], fan_out)
            slopes = span(memory, row[KEPT], row[N_KEPT])
            multiply_by_derivative(row, y, slopes, dy)
        else:
            _call_backward(plan, row, layer, theta, workspace, gradient)
    return loss


@inline
def update_by_sample(plan, update, workspace, gradient):
    """Update all parameters by the gradient of one sample; return the sum of squares.

    It is that of `update_range`.
    """
    table, memory, squares, layer = plan.layers, workspace.memory, 0.0, 0
    bounds, factors = update.segments.bounds, update.segments.factors
    for segment in range(bounds.shape[0]):
        start, stop = bounds[segment, 0], bounds[segment, 1]
        if start == stop or factors[segment, SPEED] == 0.0:
            continue
        while table[layer, STOP] <= start:
            layer += 1
        row = table[layer]
        x, g = update.one, span(gradient, start, stop - start)
        if row[KIND] == DENSE:
            dy = span(memory, row[DY], row[FAN_OUT])
            if start > row[START]:
                g = dy
            elif row[FAN_OUT] == 1:
                x, g = dy, span(memory, row[X], row[FAN_IN])
            elif _is_outer(row):
                x, g = span(memory, row[X], row[FAN_IN]), dy
        squares += update_segment(update, segment, x, g, start)
    return squares
