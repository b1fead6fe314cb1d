"""Forward and backward pass of a batch."""

from functools import cache

import numpy as np

from skgd.kernels.formulas.activations import DERIVATIVE, DROP, HAS_SLOPES, SLOPE, VALUE
from skgd.kernels.formulas.elementary import add, multiply_add
from skgd.kernels.formulas.losses import Loss, loss_and_delta
from skgd.kernels.layers.inputs import (
    Inputs,
    Samples,
    add_sparse_gradient,
    gather,
    read_only,
    sparse_affine,
)
from skgd.kernels.machine.call import address, call
from skgd.kernels.machine.jit import inline, jit
from skgd.kernels.passes.workspace import Passes, make_network, make_workspace


@inline
def activate(network, workspace, layer, n, z):
    """Replace a hidden layer's pre-activations by its activations, of `n` samples."""
    functions = workspace.functions
    if functions.hidden[HAS_SLOPES, layer] == 0:
        call(functions.hidden[VALUE, layer], (z,))
        return
    start = workspace.blocks[layer + 1] - workspace.blocks[1]
    slopes = workspace.slopes[start : start + z.size]
    if functions.hidden[DROP, layer] == 0:
        call(functions.hidden[SLOPE, layer], (z, slopes))
    else:
        random, rate = workspace.random, network.dropout[layer]
        n_units = network.layer_units[layer + 1]
        arguments = z, slopes, random, layer, rate, n, n_units, functions
        call(functions.hidden[DROP, layer], arguments)


@inline
def multiply_by_derivative(workspace, layer, a, delta):
    """Multiply `delta` by the derivative of a hidden layer's activations `a`."""
    functions = workspace.functions
    if functions.hidden[HAS_SLOPES, layer] != 0:
        start = workspace.blocks[layer + 1] - workspace.blocks[1]
        slopes = workspace.slopes[start : start + delta.size]
        for i in range(delta.size):
            delta[i] *= slopes[i]
    else:
        call(functions.hidden[DERIVATIVE, layer], (a, delta))


# The products of a layer with one output are without BLAS, whose general routine goes
# to great lengths for them: on 100 rows of 101, forward 9.0 us with it and 2.7 like
# this, the gradient 13.4 and 3.1 (measured).


@inline
def _single_output(W, below, z):
    """``z = below @ W``, of a layer with one output; `below` ends its rows with a 1."""
    n_terms = W.size
    for i in range(z.size // 2):
        row = below[i * n_terms : (i + 1) * n_terms]
        total = row.dtype.type(0)
        for j in range(n_terms):
            total = add(total, row[j] * W[j])
        z[2 * i] = total


@inline
def _add_single_output_gradient(values, delta, beta, gradient):
    """``gradient = beta * gradient + values.T @ delta``, of a layer with one output."""
    n_terms = gradient.size
    if beta == 0:
        for j in range(n_terms):
            gradient[j] = 0
    for i in range(delta.size // 2):
        row = values[i * n_terms : (i + 1) * n_terms]
        d = delta[2 * i]
        for j in range(n_terms):
            gradient[j] = multiply_add(d, row[j], gradient[j])


@inline
def _single_output_delta(W, delta, below):
    """``below = outer(delta, W)``, of a layer with one output."""
    n_terms = W.size
    for i in range(delta.size // 2):
        row = below[i * n_terms : (i + 1) * n_terms]
        d = delta[2 * i]  # read once: to the compiler, `row` may overlap with it
        for j in range(n_terms):
            row[j] = d * W[j]


@jit
def forward(network, theta, inputs, rows, workspace):
    """Forward pass of the samples `rows`, up to the workspace's size.

    Leaves the activations of each layer in ``workspace.values``; the last block holds
    the raw outputs, in rows of n_outputs + 1 elements.
    """
    units = network.layer_units
    n = rows.size
    zero, one = theta.dtype.type(0), theta.dtype.type(1)
    below = workspace.values[: n * (units[0] + 1)]
    is_sparse = inputs.indptr.size > 0
    if not is_sparse:
        gather(inputs, rows, below)
    for layer in range(units.size - 1):
        fan_in, fan_out = units[layer], units[layer + 1]
        W = theta[network.offsets[layer] : network.offsets[layer + 1]]
        start = workspace.blocks[layer + 1]
        z = workspace.values[start : start + n * (fan_out + 1)]
        if layer == 0 and is_sparse:
            sparse_affine(inputs, rows, W, fan_out, z)
        elif fan_out == 1:
            _single_output(W, below, z)
        else:
            sizes = n, fan_out, fan_in + 1
            matrices = below, fan_in + 1, W, fan_out, zero, z, fan_out + 1
            call(workspace.functions.multiply, (False, False, *sizes, *matrices))
        if layer < units.size - 2:
            # In one go over all rows, the ones at their ends included.
            activate(network, workspace, layer, n, z)
            for i in range(n):
                z[i * (fan_out + 1) + fan_out] = one
        below = z


@inline
def backward(network, theta, inputs, rows, workspace, gradient, beta):
    """Backward pass after `forward`, from the outputs' deltas in the workspace.

    ``gradient = beta * gradient + the sum over the samples``, with beta 0 or 1.
    """
    units = network.layer_units
    n = rows.size
    zero = theta.dtype.type(0)
    for layer in range(units.size - 2, -1, -1):
        fan_in, fan_out = units[layer], units[layer + 1]
        offset, end = network.offsets[layer], network.offsets[layer + 1]
        start = workspace.blocks[layer + 1] - workspace.blocks[1]
        delta = workspace.deltas[start : start + n * (fan_out + 1)]
        G = gradient[offset:end]
        if layer == 0 and inputs.indptr.size > 0:
            if beta == 0:
                for i in range(G.size):
                    G[i] = 0
            arguments = inputs, rows, delta, fan_out, G
            call(workspace.passes.add_sparse_gradient, arguments)
            return
        start = workspace.blocks[layer]
        values = workspace.values[start : start + n * (fan_in + 1)]
        if fan_out == 1:
            _add_single_output_gradient(values, delta, beta, G)
        else:
            sizes = fan_in + 1, fan_out, n
            matrices = values, fan_in + 1, delta, fan_out + 1, beta, G, fan_out
            call(workspace.functions.multiply, (True, False, *sizes, *matrices))
        if layer > 0:
            start -= workspace.blocks[1]
            below = workspace.deltas[start : start + n * (fan_in + 1)]
            W = theta[offset:end]
            if fan_out == 1:
                _single_output_delta(W, delta, below)
            else:
                sizes = n, fan_in, fan_out
                matrices = delta, fan_out + 1, W, fan_out, zero, below, fan_in + 1
                call(workspace.functions.multiply, (False, True, *sizes, *matrices))
            multiply_by_derivative(workspace, layer - 1, values, below)


@jit
def loss_and_gradient(network, theta, samples, rows, workspace, gradient, beta):
    """Loss of the samples `rows`, summed with their weights, and its gradient.

    ``gradient = beta * gradient + the sum``, with beta 0 or 1. The L2 penalty is in
    neither: the update adds it in the pass that it makes anyway.
    """
    n = rows.size
    n_outputs = samples.targets.shape[1]
    arguments = network, theta, samples.inputs, rows, workspace
    call(workspace.passes.forward, arguments)
    raw = workspace.values[workspace.blocks[-1] :]
    # The losses go over one output after another.
    Z = workspace.raw[: n_outputs * n].reshape(n_outputs, n)
    Y = workspace.targets[: n_outputs * n].reshape(n_outputs, n)
    weight = workspace.weights[:n]
    for i in range(n):
        weight[i] = samples.weights[rows[i]] if samples.weights.size > 0 else 1
        for k in range(n_outputs):
            Z[k, i] = raw[i * (n_outputs + 1) + k]
            Y[k, i] = samples.targets[rows[i], k]
    functions = workspace.functions
    loss = loss_and_delta(
        functions.loss, functions.joint_loss, network.loss_parameter, Z, Y, weight
    )
    start = workspace.blocks[-1] - workspace.blocks[1]
    delta = workspace.deltas[start : start + n * (n_outputs + 1)]
    for i in range(n):
        for k in range(n_outputs):
            delta[i * (n_outputs + 1) + k] = Z[k, i]
    backward(network, theta, samples.inputs, rows, workspace, gradient, beta)
    return loss


@cache
def _passes(dtype, row_dtype, index_dtype, sparse):
    """Compile the passes for arrays of these types, or load them.

    The examples are of the very types that an epoch hands on: see `as_samples`, which
    makes read-only views, and `make_workspace`. All are C-contiguous.
    """
    scalar, vector, matrix = dtype.type(0), np.empty(0, dtype), np.empty((0, 0), dtype)
    indices, rows = np.empty(0, index_dtype), np.empty(0, row_dtype)
    inputs = Inputs(*map(read_only, (matrix, vector, indices, indices)))
    samples = Samples(inputs, read_only(matrix), read_only(vector))
    network = make_network([1, 1], [], Loss.SQUARED_ERROR)
    workspace = make_workspace(network, 1, dtype, sparse=False, training=False)
    sparse_gradient = 0
    if sparse:
        sparse_gradient = address(add_sparse_gradient, inputs, rows, vector, 0, vector)
    common = rows, workspace, vector, scalar
    return Passes(
        sparse_gradient,
        address(forward, network, vector, inputs, rows, workspace),
        address(loss_and_gradient, network, vector, samples, *common),
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
    types = inputs.data.dtype, rows.dtype, inputs.indptr.dtype
    return _passes(*types, inputs.indptr.size > 0)
