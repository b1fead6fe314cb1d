"""Forward and backward pass of one sample."""

from skgd.kernels.formulas.elementary import add, multiply_add
from skgd.kernels.formulas.losses import loss_and_delta
from skgd.kernels.layers.inputs import gather
from skgd.kernels.machine.jit import inline
from skgd.kernels.passes.batch import activate, multiply_by_derivative

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
    network, theta, samples, weight, rows, workspace, raw, target, gradient
):
    """Loss and gradient of the one sample in `rows`, both times its `weight`.

    The same as `loss_and_gradient`; `raw` and `target` are scratch, (n_outputs, 1). The
    outer products are written down, for one update of whole layers. Fused with the
    update, row by row, they were slower (measured, us a step: 1.93 and 1.65 on 20-100-1
    with Nesterov, 11.3 and 7.8 on 64-64-10 with Adam).
    """
    units, offsets, blocks = network.layer_units, network.offsets, workspace.blocks
    values, deltas = workspace.values, workspace.deltas
    functions = workspace.functions
    last = units.size - 1
    gather(samples.inputs, rows, values[: blocks[1]])
    for layer in range(last):
        fan_out = units[layer + 1]
        a = values[blocks[layer] : blocks[layer] + units[layer]]
        z = values[blocks[layer + 1] : blocks[layer + 1] + fan_out]
        end = offsets[layer + 1]
        middle = end - fan_out
        _affine(theta[offsets[layer] : middle], theta[middle:end], a, z)
        if layer < last - 1:
            activate(network, workspace, layer, 1, z)

    for k in range(units[last]):
        raw[k, 0] = values[blocks[last] + k]
        target[k, 0] = samples.targets[rows[0], k]
    workspace.weights[0] = weight
    weights, parameter = workspace.weights[:1], network.loss_parameter
    loss = loss_and_delta(
        functions.loss, functions.joint_loss, parameter, raw, target, weights
    )
    for k in range(units[last]):
        deltas[blocks[last] - blocks[1] + k] = raw[k, 0]

    for layer in range(last - 1, -1, -1):
        fan_in, fan_out = units[layer], units[layer + 1]
        start = blocks[layer + 1] - blocks[1]
        delta = deltas[start : start + fan_out]
        a = values[blocks[layer] : blocks[layer] + fan_in]
        offset, end = offsets[layer], offsets[layer + 1]
        middle = end - fan_out
        _outer(a, delta, gradient[offset:middle])
        for j in range(fan_out):
            gradient[middle + j] = delta[j]
        if layer > 0:
            start = blocks[layer] - blocks[1]
            below = deltas[start : start + fan_in]
            _transposed_affine(theta[offset:middle], delta, below)
            multiply_by_derivative(workspace, layer - 1, a, below)
    return loss
