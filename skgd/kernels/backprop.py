"""Forward and backward pass of a batch."""

from skgd.kernels._gemm import gemm
from skgd.kernels._jit import inline, jit
from skgd.kernels.activations import apply, multiply_by_derivative
from skgd.kernels.inputs import add_sparse_gradient, gather, sparse_affine
from skgd.kernels.losses import loss_and_delta


@jit
def forward(network, theta, inputs, rows, workspace):
    """Forward pass of the samples `rows`, up to the workspace's size.

    Leaves the activations of each layer in ``workspace.values``; returned is the last
    layer's block, the raw outputs, in rows of n_outputs + 1 elements.
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
        else:
            gemm(
                *(False, False, n, fan_out, fan_in + 1),
                *(below, fan_in + 1, W, fan_out, 0, z, fan_out + 1),
            )
        if layer < units.size - 2:
            # In one go over all rows, the ones at their ends included.
            apply(network.activations[layer], z)
            for i in range(n):
                z[i * (fan_out + 1) + fan_out] = one
        below = z
    return below


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
        gemm(
            *(True, False, fan_in + 1, fan_out, n),
            *(values, fan_in + 1, delta, fan_out + 1, beta, G, fan_out),
        )
        if layer > 0:
            start -= workspace.blocks[1]
            below = workspace.deltas[start : start + n * (fan_in + 1)]
            W = theta[offset:end]
            if fan_out == 1:
                for i in range(n):
                    row = below[i * (fan_in + 1) : i * (fan_in + 1) + fan_in]
                    for j in range(fan_in):
                        row[j] = delta[2 * i] * W[j]
            else:
                gemm(
                    *(False, True, n, fan_in, fan_out),
                    *(delta, fan_out + 1, W, fan_out, 0, below, fan_in + 1),
                )
            multiply_by_derivative(network.activations[layer - 1], values, below)


@inline
def loss_and_gradient(network, theta, samples, rows, workspace, gradient, beta):
    """Loss of the samples `rows`, summed with their weights, and its gradient.

    ``gradient = beta * gradient + the sum``, with beta 0 or 1. The L2 penalty is in
    neither: the update adds it in the pass that it makes anyway.
    """
    n = rows.size
    n_outputs = samples.targets.shape[1]
    raw = forward(network, theta, samples.inputs, rows, workspace)
    # The losses go over one output after another.
    Z = workspace.raw[: n_outputs * n].reshape(n_outputs, n)
    Y = workspace.targets[: n_outputs * n].reshape(n_outputs, n)
    weight = workspace.weights[:n]
    for i in range(n):
        weight[i] = samples.weights[rows[i]] if samples.weights.size > 0 else 1
        for k in range(n_outputs):
            Z[k, i] = raw[i * (n_outputs + 1) + k]
            Y[k, i] = samples.targets[rows[i], k]
    loss = loss_and_delta(network.loss, network.loss_parameter, Z, Y, weight)
    start = workspace.blocks[-1] - workspace.blocks[1]
    delta = workspace.deltas[start : start + n * (n_outputs + 1)]
    for i in range(n):
        for k in range(n_outputs):
            delta[i * (n_outputs + 1) + k] = Z[k, i]
    backward(network, theta, samples.inputs, rows, workspace, gradient, beta)
    return loss
