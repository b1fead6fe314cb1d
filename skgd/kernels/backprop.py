"""Forward and backward pass of one batch, and of one sample.

Parameters are one flat vector: layer by layer the coefs, shape (fan_in, fan_out) in C
order, then the intercepts. Values and deltas of a batch are feature-major, shape
(n_units, n), one block per layer in a flat workspace: the inner loops then run over the
batch, contiguous and vectorised however narrow the layer.
"""

from typing import NamedTuple

import numpy as np

from skgd.kernels._jit import inline, jit
from skgd.kernels.activations import apply, multiply_by_derivative
from skgd.kernels.inputs import gather, multiply_by_coefs, multiply_by_delta
from skgd.kernels.losses import loss_and_delta


class Network(NamedTuple):
    """The shape of a network: all that the kernels need besides its parameters."""

    layer_units: np.ndarray  # int64, (n_layers,): features, hidden units, outputs
    activations: np.ndarray  # int64, (n_layers - 2,): `Activation` of each hidden layer
    loss: int  # `Loss`, which fixes the output link


class Workspace(NamedTuple):
    """Scratch memory for chunks of up to `n` samples."""

    dense_rows: np.ndarray  # (n, n_features) for dense input, else (0, 0)
    wide_rows: np.ndarray  # (n, layer_units[1]) for sparse input, else (0, 0)
    values: np.ndarray  # (sum(layer_units[1:]) * n,)
    deltas: np.ndarray  # the same
    targets: np.ndarray  # (n_outputs * n,)
    weights: np.ndarray  # (n,)
    sample_raw: np.ndarray  # (n_outputs, 1), for steps from one sample
    sample_target: np.ndarray  # the same


def make_workspace(network, n, dtype, sparse):
    """Allocate the scratch memory for chunks of up to `n` samples."""
    n_features, first = network.layer_units[:2]
    n_values = network.layer_units[1:].sum() * n
    return Workspace(
        dense_rows=np.empty((0, 0) if sparse else (n, n_features), dtype),
        wide_rows=np.empty((n, first) if sparse else (0, 0), dtype),
        values=np.empty(n_values, dtype),
        deltas=np.empty(n_values, dtype),
        targets=np.empty(network.layer_units[-1] * n, dtype),
        weights=np.empty(n, dtype),
        sample_raw=np.empty((network.layer_units[-1], 1), dtype),
        sample_target=np.empty((network.layer_units[-1], 1), dtype),
    )


@jit
def forward(network, theta, inputs, rows, workspace):
    """Forward pass of the samples `rows`.

    Leaves the activations of each layer in ``workspace.values``, the last layer's
    block being the raw outputs, and returns that block, shape (n_outputs, n).
    """
    units = network.layer_units
    n = rows.size
    offset = 0  # in theta
    start = 0  # in values
    previous = workspace.values[:0].reshape(0, n)
    for layer in range(units.size - 1):
        fan_in, fan_out = units[layer], units[layer + 1]
        W = theta[offset : offset + fan_in * fan_out].reshape(fan_in, fan_out)
        offset += fan_in * fan_out
        intercepts = theta[offset : offset + fan_out]
        offset += fan_out
        Z = workspace.values[start : start + fan_out * n].reshape(fan_out, n)
        start += fan_out * n
        if layer == 0:
            dense_rows, wide_rows = workspace.dense_rows[:n], workspace.wide_rows[:n]
            multiply_by_coefs(inputs, rows, W, dense_rows, wide_rows, Z)
        else:
            np.dot(W.T, previous, Z)
        # Unit by unit, so that both passes over a row find it in the first cache.
        for j in range(fan_out):
            z = Z[j]
            for i in range(n):
                z[i] += intercepts[j]
            if layer < units.size - 2:
                apply(network.activations[layer], z)
        previous = Z
    return previous


@jit
def backward(network, theta, inputs, rows, workspace, gradient):
    """Backward pass after `forward`, from the outputs' delta in ``workspace.deltas``.

    Fills `gradient`, laid out as theta, with the sum over the samples `rows`.
    """
    units = network.layer_units
    n = rows.size
    offset = theta.size
    start = units[1:].sum() * n
    for layer in range(units.size - 2, -1, -1):
        fan_in, fan_out = units[layer], units[layer + 1]
        offset -= fan_out
        intercepts = gradient[offset : offset + fan_out]
        offset -= fan_in * fan_out
        coefs = gradient[offset : offset + fan_in * fan_out].reshape(fan_in, fan_out)
        start -= fan_out * n
        delta = workspace.deltas[start : start + fan_out * n].reshape(fan_out, n)
        values = workspace.values[start : start + fan_out * n].reshape(fan_out, n)
        for j in range(fan_out):
            d = delta[j]
            if layer < units.size - 2:
                multiply_by_derivative(network.activations[layer], values[j], d)
            total = theta.dtype.type(0)
            for i in range(n):
                total += d[i]
            intercepts[j] = total
        if layer == 0:
            dense_rows, wide_rows = workspace.dense_rows[:n], workspace.wide_rows[:n]
            multiply_by_delta(inputs, rows, delta, dense_rows, wide_rows, coefs)
        else:
            low = start - fan_in * n
            W = theta[offset : offset + fan_in * fan_out].reshape(fan_in, fan_out)
            np.dot(workspace.values[low:start].reshape(fan_in, n), delta.T, coefs)
            np.dot(W, delta, workspace.deltas[low:start].reshape(fan_in, n))


@inline
def loss_and_gradient(
    network, theta, inputs, targets, weights, rows, workspace, gradient
):
    """Loss of the samples `rows`, summed with their weights, and its gradient.

    The L2 penalty is in neither: the update adds it in the pass that it makes anyway.
    """
    n = rows.size
    n_outputs = targets.shape[1]
    raw = forward(network, theta, inputs, rows, workspace)
    first = network.layer_units[1:].sum() * n - n_outputs * n
    delta = workspace.deltas[first : first + n_outputs * n].reshape(n_outputs, n)
    Y = workspace.targets[: n_outputs * n].reshape(n_outputs, n)
    for k in range(n_outputs):
        for i in range(n):
            delta[k, i] = raw[k, i]
            Y[k, i] = targets[rows[i], k]
    weight = workspace.weights[:n]
    for i in range(n):
        weight[i] = weights[rows[i]] if weights.size > 0 else 1
    loss = loss_and_delta(network.loss, delta, Y, weight)
    backward(network, theta, inputs, rows, workspace, gradient)
    return loss


# The passes of one sample are without BLAS: a call of it costs more than a product of
# this size. W is flat, row after row, as Numba's reshape is a call too: a step on
# 10-10-1 took 0.64 us with reshapes, and 0.49 us without (measured). A layer with one
# output is a single long row.


@jit
def _affine(W, intercepts, x, z):
    """``z = x @ W + intercepts``."""
    n = z.size
    if n == 1:
        total = intercepts[0]
        for i in range(x.size):
            total += x[i] * W[i]
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
            z[j] += x[i] * row[j]
    for i in range(rest, x.size, 4):
        a, b = W[i * n : (i + 1) * n], W[(i + 1) * n : (i + 2) * n]
        c, d = W[(i + 2) * n : (i + 3) * n], W[(i + 3) * n : (i + 4) * n]
        xa, xb, xc, xd = x[i], x[i + 1], x[i + 2], x[i + 3]
        for j in range(n):
            z[j] += (xa * a[j] + xb * b[j]) + (xc * c[j] + xd * d[j])


@jit
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
            total += row[j] * delta[j]
        below[i] = total


@jit
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
    network, theta, inputs, targets, weight, rows, workspace, gradient
):
    """Loss and gradient of the one sample in `rows`, both times its `weight`.

    The same as `loss_and_gradient`. The outer products are written down, for one update
    of whole layers. Fused with the update, row by row, they were slower (measured, us a
    step: 1.93 and 1.65 on 20-100-1 with Nesterov, 11.3 and 7.8 on 64-64-10 with Adam).
    """
    units = network.layer_units
    values, deltas = workspace.values, workspace.deltas
    x = workspace.dense_rows[0]
    gather(inputs, rows, workspace.dense_rows[:1])

    offset = 0  # in theta and gradient
    start = 0  # in values and deltas
    a = x
    for layer in range(units.size - 1):
        end = offset + units[layer] * units[layer + 1]
        z = values[start : start + units[layer + 1]]
        start += units[layer + 1]
        W = theta[offset:end]
        offset = end + units[layer + 1]
        _affine(W, theta[end:offset], a, z)
        if layer < units.size - 2:
            apply(network.activations[layer], z)
        a = z

    raw, Y = workspace.sample_raw, workspace.sample_target
    for k in range(a.size):
        raw[k, 0] = a[k]
        Y[k, 0] = targets[rows[0], k]
    workspace.weights[0] = weight
    loss = loss_and_delta(network.loss, raw, Y, workspace.weights[:1])
    for k in range(a.size):
        deltas[start - a.size + k] = raw[k, 0]

    for layer in range(units.size - 2, -1, -1):
        fan_in, fan_out = units[layer], units[layer + 1]
        delta = deltas[start - fan_out : start]
        start -= fan_out
        offset -= fan_out
        for j in range(fan_out):
            gradient[offset + j] = delta[j]
        end, offset = offset, offset - fan_in * fan_out
        a = x
        if layer > 0:
            a = values[start - fan_in : start]
            below = deltas[start - fan_in : start]
            _transposed_affine(theta[offset:end], delta, below)
            multiply_by_derivative(network.activations[layer - 1], a, below)
        _outer(a, delta, gradient[offset:end])
    return loss
