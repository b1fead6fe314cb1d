"""One epoch of training: the jitted functions that Python calls."""

import numpy as np

from skgd.kernels._jit import inline, jit
from skgd.kernels.backprop import loss_and_gradient, sample_loss_and_gradient
from skgd.kernels.optimizers import step_size, update


@inline
def _add_chunks(
    network, theta, inputs, targets, weights, rows, workspace, gradient, partial
):
    """Loss and gradient of a batch, in chunks that fit the workspace.

    Chunks are added in their order, so the result depends on nothing but the data.
    """
    size = workspace.weights.size
    loss = 0.0
    for start in range(0, rows.size, size):
        chunk = rows[start : start + size]
        out = gradient if start == 0 else partial
        loss += loss_and_gradient(
            network, theta, inputs, targets, weights, chunk, workspace, out
        )
        if start > 0:
            for i in range(gradient.size):
                gradient[i] += partial[i]
    return loss


@inline
def _update_network(network, theta, rule, state, gradient, alpha, weight, rate):
    """One step from a batch's summed gradient; the L2 norm squared from before it."""
    units = network.layer_units
    scalar = theta.dtype.type
    factor = scalar(1.0 / weight)
    l2 = scalar(alpha / weight)
    step = scalar(rate)
    squares = 0.0
    start = np.int64(0)  # a literal 0 would compile `update` twice
    for layer in range(units.size - 1):
        stop = start + units[layer] * units[layer + 1]
        squares += update(
            rule, theta, state, start, stop, gradient[start:stop], factor, l2, step
        )
        start, stop = stop, stop + units[layer + 1]
        update(
            rule,
            theta,
            state,
            start,
            stop,
            gradient[start:stop],
            factor,
            scalar(0),
            step,
        )
        start = stop
    return squares


@jit
def minibatch_epoch(
    network,
    theta,
    rule,
    state,
    n_steps,
    inputs,
    targets,
    weights,
    order,
    batch_size,
    rates,
    alpha,
    workspace,
):
    """Go once over the samples in `order`, with one step for each `batch_size` of them.

    Parameters
    ----------
    network : Network
    theta : ndarray of shape (n_parameters,)
        Updated in place, as is `state`.
    rule : UpdateRule
    state : ndarray of shape (n_rows, n_parameters)
    n_steps : int
        Steps taken before this epoch.
    inputs : Inputs
    targets : ndarray of shape (n_samples, n_outputs)
    weights : ndarray of shape (n_samples,) or (0,)
        Sample weights; none when empty.
    order : ndarray of shape (n,)
        Rows of the training samples.
    batch_size : int
    rates : ndarray of shape (ceil(n / batch_size),)
        Learning rate of each step.
    alpha : float
        L2 coefficient, divided by the batch's weight.
    workspace : Workspace

    Returns
    -------
    loss : float
        Mean over the batches, weighted by their sample counts, of the loss at the
        parameters before the batch's step, penalty included.
    n_steps : int
        Steps taken after this epoch. A batch of no weight makes none, and does not
        count in the loss.
    """
    gradient = np.empty_like(theta)
    partial = np.empty_like(theta) if batch_size > workspace.weights.size else gradient
    total = 0.0
    count = 0
    for batch in range(rates.size):
        rows = order[batch * batch_size : (batch + 1) * batch_size]
        weight = float(rows.size)
        if weights.size > 0:
            weight = 0.0
            for i in range(rows.size):
                weight += weights[rows[i]]
            if weight == 0.0:
                continue
        loss = _add_chunks(
            network, theta, inputs, targets, weights, rows, workspace, gradient, partial
        )
        n_steps += 1
        rate = step_size(rule, rates[batch], n_steps)
        squares = _update_network(
            network, theta, rule, state, gradient, alpha, weight, rate
        )
        total += (loss + 0.5 * alpha * squares) / weight * rows.size
        count += rows.size
    return total / max(count, 1), n_steps


@jit
def sgd_epoch(
    network,
    theta,
    rule,
    state,
    n_steps,
    inputs,
    targets,
    weights,
    order,
    rates,
    alpha,
    workspace,
):
    """Go once over the samples in `order`, with one step for each of them.

    The same as `minibatch_epoch` with ``batch_size=1``, in a compiled function of its
    own: neither solver waits for the other's compilation.
    """
    gradient = np.empty_like(theta)
    total = 0.0
    count = 0
    for i in range(order.size):
        weight = 1.0
        if weights.size > 0:
            weight = float(weights[order[i]])
            if weight == 0.0:
                continue
        rows = order[i : i + 1]
        loss = sample_loss_and_gradient(
            network, theta, inputs, targets, weight, rows, workspace, gradient
        )
        n_steps += 1
        rate = step_size(rule, rates[i], n_steps)
        squares = _update_network(
            network, theta, rule, state, gradient, alpha, weight, rate
        )
        total += (loss + 0.5 * alpha * squares) / weight
        count += 1
    return total / max(count, 1), n_steps
