"""Forward and backward pass of a batch."""

from skgd.kernels._call import call
from skgd.kernels._gemm import gemm
from skgd.kernels._jit import inline, jit
from skgd.kernels._math import add, multiply_add
from skgd.kernels.inputs import add_sparse_gradient, gather, sparse_affine
from skgd.kernels.losses import loss_and_delta


@inline
def activate(network, workspace, layer, n, z):
    """Replace a hidden layer's pre-activations by its activations, of `n` samples."""
    functions = workspace.functions
    has_slopes, drops = functions.slopes[layer] != 0, functions.drops[layer] != 0
    if not has_slopes:
        call(functions.values[layer], (z,))
    if has_slopes or drops:
        start = workspace.blocks[layer + 1] - workspace.blocks[1]
        slopes = workspace.slopes[start : start + z.size]
        if has_slopes:
            call(functions.slopes[layer], (z, slopes))
        else:
            # Before the activations that are set to 0 stop to tell it.
            for i in range(slopes.size):
                slopes[i] = 1
            call(functions.derivatives[layer], (z, slopes))
        if drops:
            numbers, draw = workspace.numbers, workspace.draw
            rate, n_units = network.dropout[layer], network.layer_units[layer + 1]
            arguments = z, slopes, numbers, draw, layer, rate, n, n_units
            call(functions.drops[layer], arguments)


@inline
def multiply_by_derivative(workspace, layer, a, delta):
    """Multiply `delta` by the derivative of a hidden layer's activations `a`."""
    functions = workspace.functions
    if functions.slopes[layer] != 0 or functions.drops[layer] != 0:
        start = workspace.blocks[layer + 1] - workspace.blocks[1]
        slopes = workspace.slopes[start : start + delta.size]
        for i in range(delta.size):
            delta[i] *= slopes[i]
    else:
        call(functions.derivatives[layer], (a, delta))


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
    one = theta.dtype.type(1)
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
            gemm(
                *(False, False, n, fan_out, fan_in + 1),
                *(below, fan_in + 1, W, fan_out, 0, z, fan_out + 1),
            )
        if layer < units.size - 2:
            # In one go over all rows, the ones at their ends included.
            activate(network, workspace, layer, n, z)
            for i in range(n):
                z[i * (fan_out + 1) + fan_out] = one
        below = z


@jit
def backward(network, theta, inputs, rows, workspace, gradient, beta):
    """Backward pass after `forward`, from the outputs' deltas in the workspace.

    ``gradient = beta * gradient + the sum over the samples``, with beta 0 or 1.
    """
    units = network.layer_units
    n = rows.size
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
            add_sparse_gradient(inputs, rows, delta, fan_out, G)
            return
        start = workspace.blocks[layer]
        values = workspace.values[start : start + n * (fan_in + 1)]
        if fan_out == 1:
            _add_single_output_gradient(values, delta, beta, G)
        else:
            gemm(
                *(True, False, fan_in + 1, fan_out, n),
                *(values, fan_in + 1, delta, fan_out + 1, beta, G, fan_out),
            )
        if layer > 0:
            start -= workspace.blocks[1]
            below = workspace.deltas[start : start + n * (fan_in + 1)]
            W = theta[offset:end]
            if fan_out == 1:
                _single_output_delta(W, delta, below)
            else:
                gemm(
                    *(False, True, n, fan_in, fan_out),
                    *(delta, fan_out + 1, W, fan_out, 0, below, fan_in + 1),
                )
            multiply_by_derivative(workspace, layer - 1, values, below)


@inline
def loss_and_gradient(network, theta, samples, rows, workspace, gradient, beta):
    """Loss of the samples `rows`, summed with their weights, and its gradient.

    ``gradient = beta * gradient + the sum``, with beta 0 or 1. The L2 penalty is in
    neither: the update adds it in the pass that it makes anyway.
    """
    n = rows.size
    n_outputs = samples.targets.shape[1]
    forward(network, theta, samples.inputs, rows, workspace)
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
        functions.loss, functions.softmax, network.loss_parameter, Z, Y, weight
    )
    start = workspace.blocks[-1] - workspace.blocks[1]
    delta = workspace.deltas[start : start + n * (n_outputs + 1)]
    for i in range(n):
        for k in range(n_outputs):
            delta[i * (n_outputs + 1) + k] = Z[k, i]
    backward(network, theta, samples.inputs, rows, workspace, gradient, beta)
    return loss
