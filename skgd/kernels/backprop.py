"""Forward and backward pass of one batch, and the fused step of one sample.

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
from skgd.kernels.optimizers import update


class Network(NamedTuple):
    """The shape of a network: all that the kernels need besides its parameters."""

    layer_units: np.ndarray  # int64, (n_layers,): features, hidden units, outputs
    activations: np.ndarray  # int64, (n_layers - 2,): `Activation` of each hidden layer
    loss: int  # `Loss`, which fixes the output link


class Workspace(NamedTuple):
    """Scratch memory for chunks of up to `n` samples, allocated once per fit."""

    dense_rows: np.ndarray  # (n, n_features) for dense input, else (0, 0)
    wide_rows: np.ndarray  # (n, layer_units[1]) for sparse input, else (0, 0)
    values: np.ndarray  # (sum(layer_units[1:]) * n,)
    deltas: np.ndarray  # the same
    targets: np.ndarray  # (n_outputs * n,)
    weights: np.ndarray  # (n,)


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


@jit
def _affine(W, intercepts, x, z):
    """``z = x @ W + intercepts`` of one sample, row by row of W."""
    if z.size == 1:  # a column: a dot product, as rows of length one would crawl
        w = W.reshape(W.size)
        total = intercepts[0]
        for i in range(x.size):
            total += x[i] * w[i]
        z[0] = total
        return
    for j in range(z.size):
        z[j] = intercepts[j]
    for i in range(x.size):
        row = W[i]
        xi = x[i]
        for j in range(z.size):
            z[j] += xi * row[j]


@jit
def _update_layer(rule, theta, state, offset, x, delta, l2, rate, below):
    """Update one layer from one sample's delta; `below` gets ``W @ delta`` from before.

    `below` has as many entries as x, or none where nothing lies below. Returns the sum
    of squares of the coefs before the update. Each row of W is read once, for both.
    """
    fan_in, fan_out = x.size, delta.size
    scalar = theta.dtype.type
    squares = 0.0
    end = offset + fan_in * fan_out
    if fan_out == 1:  # a column: one segment, x in the gradient's role
        column = theta[offset:end]
        for i in range(below.size):
            below[i] = column[i] * delta[0]
        squares += update(rule, theta, state, offset, end, x, delta[0], l2, rate)
    else:
        for i in range(fan_in):
            start = offset + i * fan_out
            if below.size > 0:
                row = theta[start : start + fan_out]
                total = scalar(0)
                for j in range(fan_out):
                    total += row[j] * delta[j]
                below[i] = total
            stop = start + fan_out
            squares += update(rule, theta, state, start, stop, delta, x[i], l2, rate)
    update(rule, theta, state, end, end + fan_out, delta, scalar(1), scalar(0), rate)
    return squares


@inline
def sample_step(
    network, theta, rule, state, inputs, targets, rows, l2, rate, workspace
):
    """One step from the one sample in `rows`: forward, backward and update in one.

    Returns the sample's loss and the sum of squares of the coefs before the step. No
    BLAS: its call costs more than a product of this size.
    """
    units = network.layer_units
    values, deltas = workspace.values, workspace.deltas
    x = workspace.dense_rows[0]
    gather(inputs, rows, workspace.dense_rows[:1])

    offset = 0
    start = 0
    below = x
    for layer in range(units.size - 1):
        fan_in, fan_out = units[layer], units[layer + 1]
        end = offset + fan_in * fan_out
        W = theta[offset:end].reshape(fan_in, fan_out)
        z = values[start : start + fan_out]
        _affine(W, theta[end : end + fan_out], below, z)
        if layer < units.size - 2:
            apply(network.activations[layer], z)
        below = z
        offset = end + fan_out
        start += fan_out

    n_outputs = units[-1]
    delta = deltas[start - n_outputs : start]
    Y = workspace.targets[:n_outputs].reshape(n_outputs, 1)
    for k in range(n_outputs):
        delta[k] = below[k]
        Y[k, 0] = targets[rows[0], k]
    workspace.weights[0] = 1
    Z = delta.reshape(n_outputs, 1)
    loss = loss_and_delta(network.loss, Z, Y, workspace.weights[:1])

    squares = 0.0
    for layer in range(units.size - 2, -1, -1):
        fan_in, fan_out = units[layer], units[layer + 1]
        offset -= (fan_in + 1) * fan_out
        delta = deltas[start - fan_out : start]
        start -= fan_out
        if layer == 0:
            nothing = deltas[:0]
            squares += _update_layer(
                rule, theta, state, offset, x, delta, l2, rate, nothing
            )
        else:
            a = values[start - fan_in : start]
            below = deltas[start - fan_in : start]
            squares += _update_layer(
                rule, theta, state, offset, a, delta, l2, rate, below
            )
            multiply_by_derivative(network.activations[layer - 1], a, below)
    return loss, squares
