"""One epoch of training: the jitted functions that Python calls."""

import numpy as np

from skgd.kernels._atomic import load, pause, store
from skgd.kernels._borrow import borrow
from skgd.kernels._jit import inline, jit
from skgd.kernels.backprop import loss_and_gradient
from skgd.kernels.optimizers import step_size, update
from skgd.kernels.sample_backprop import sample_loss_and_gradient
from skgd.kernels.team import (
    GRADIENT,
    IDLE_TURNS,
    LATE,
    RUNNING,
    UPDATE,
    claim,
    finish,
    open_phase,
    wait,
)


@inline
def _update_range(network, theta, rule, state, gradient, low, high, factor, l2, rate):
    """Update the parameters from `low` to `high`; their L2 norm squared from before."""
    units = network.layer_units
    scalar = theta.dtype.type
    squares = 0.0
    for block in range(2 * (units.size - 1)):  # coefs and intercepts of each layer
        layer, is_intercepts = block // 2, block % 2 == 1
        start, stop = network.offsets[layer], network.offsets[layer + 1]
        if is_intercepts:
            start = stop - units[layer + 1]
        else:
            stop -= units[layer + 1]
        start, stop = max(start, low), min(stop, high)
        if start < stop:
            penalty = 0.0 if is_intercepts else l2
            total = update(
                *(rule, theta, state, start, stop, gradient[start:stop]),
                *(scalar(factor), scalar(penalty), scalar(rate)),
            )
            squares += 0.0 if is_intercepts else total
    return squares


@inline
def _gradient_task(task, team, network, theta, samples, order, workspace):
    """Loss and gradient of one part of the batch, chunk by chunk."""
    start, stop, n_parts = team.rows
    n = stop - start
    low, high = start + n * task // n_parts, start + n * (task + 1) // n_parts
    n_chunks = max(1, -(-(high - low) // workspace.size))
    loss = 0.0
    beta = theta.dtype.type(0)
    for chunk in range(n_chunks):
        first = low + (high - low) * chunk // n_chunks
        last = low + (high - low) * (chunk + 1) // n_chunks
        loss += loss_and_gradient(
            network,
            theta,
            samples,
            order[first:last],
            workspace,
            team.gradients[task],
            beta,
        )
        beta = theta.dtype.type(1)
    team.losses[task] = loss


@inline
def _update_task(task, team, network, theta, rule, state):
    """Add up the gradients of the batch's parts, and update one part of theta."""
    n_tasks = team.squares.size
    low, high = theta.size * task // n_tasks, theta.size * (task + 1) // n_tasks
    gradient = team.gradients[0]
    for part in range(1, team.rows[2]):
        other = team.gradients[part]
        for i in range(low, high):
            gradient[i] += other[i]
    team.squares[task] = _update_range(
        network,
        theta,
        rule,
        state,
        gradient,
        low,
        high,
        team.scales[0],
        team.scales[1],
        team.scales[2],
    )


@inline
def _batch_weight(samples, rows):
    """Sum of the samples' weights."""
    if samples.weights.size == 0:
        return float(rows.size)
    weight = 0.0
    for i in range(rows.size):
        weight += samples.weights[rows[i]]
    return weight


@jit
def minibatch_epoch(
    thread,
    team,
    network,
    theta,
    rule,
    state,
    n_steps,
    samples,
    order,
    batch_size,
    rates,
    alpha,
    workspace,
):
    """Go once over the samples in `order`, with one step for each `batch_size` of them.

    A step has two phases: the gradients of the batch's parts, then the update of the
    parameters' parts. The results do not depend on which threads take part.

    Parameters
    ----------
    thread : int
        Number of this thread. The one of number 0 leads; the others help until there
        has been no work for a while, and what they return means nothing.
    team : Team
    network : Network
    theta : ndarray of shape (n_parameters,)
        Updated in place, as is `state`.
    rule : UpdateRule
    state : ndarray of shape (n_rows, n_parameters)
    n_steps : int
        Steps taken before this epoch.
    samples : Samples
    order : ndarray of shape (n,)
        Rows of the training samples.
    batch_size : int
    rates : ndarray of shape (ceil(n / batch_size),)
        Learning rate of each step.
    alpha : float
        L2 coefficient, divided by the batch's weight.
    workspace : Workspace
        This thread's own.

    Returns
    -------
    loss : float
        Mean over the batches, weighted by their sample counts, of the loss at the
        parameters before the batch's step, penalty included.
    n_steps : int
        Steps taken after this epoch. A batch of no weight makes none, and does not
        count in the loss.
    """
    arrays = (team, network, samples, workspace, theta, state, order, rates)
    team, network, samples, workspace, theta, state, order, rates = borrow(arrays)
    power_1, power_2 = rule.beta_1**n_steps, rule.beta_2**n_steps
    total, weight = 0.0, 0.0
    count, batch, idle_turns, n_tasks = 0, -1, 0, 0
    kind = UPDATE
    if thread == 0:
        store(team.shared, RUNNING, 1)
    while True:
        # The primary thread opens the next phase.
        if thread == 0 and kind == GRADIENT:
            n_steps += 1
            power_1, power_2 = power_1 * rule.beta_1, power_2 * rule.beta_2
            team.scales[0] = 1.0 / weight
            team.scales[1] = alpha / weight
            team.scales[2] = step_size(rule, rates[batch], power_1, power_2)
            kind, n_tasks = UPDATE, team.squares.size
            open_phase(team, kind, n_tasks)
        elif thread == 0:
            weight = 0.0
            while weight == 0.0 and batch + 1 < rates.size:
                batch += 1
                rows = order[batch * batch_size : (batch + 1) * batch_size]
                weight = _batch_weight(samples, rows)
            if weight == 0.0:
                store(team.shared, RUNNING, 0)
                return total / max(count, 1), n_steps
            n_tasks = min(team.gradients.shape[0], rows.size)
            team.rows[0] = batch * batch_size
            team.rows[1] = batch * batch_size + rows.size
            team.rows[2] = n_tasks
            kind = GRADIENT
            open_phase(team, kind, n_tasks)

        # All threads work off its tasks.
        found, task = claim(team, thread)
        while task >= 0:
            idle_turns = 0
            if found == GRADIENT:
                _gradient_task(task, team, network, theta, samples, order, workspace)
            else:
                _update_task(task, team, network, theta, rule, state)
            finish(team)
            found, task = claim(team, thread)

        if thread == 0:
            wait(team, n_tasks)
            if kind == UPDATE:
                loss = team.losses[: team.rows[2]].sum()
                loss += 0.5 * alpha * team.squares.sum()
                total += loss / weight * (team.rows[1] - team.rows[0])
                count += team.rows[1] - team.rows[0]
        else:
            pause()
            idle_turns += 1 - load(team.shared, RUNNING)
            if idle_turns > IDLE_TURNS or load(team.shared, LATE):
                return 0.0, 0


@jit
def sgd_epoch(
    network,
    theta,
    rule,
    state,
    n_steps,
    samples,
    order,
    rates,
    alpha,
    workspace,
):
    """Go once over the samples in `order`, with one step for each of them.

    The same as `minibatch_epoch` with ``batch_size=1``, in a compiled function of its
    own: neither solver waits for the other's compilation.
    """
    own_gradient = np.empty_like(theta)
    gradient = borrow(own_gradient)
    n_outputs = network.layer_units[-1]
    raw = borrow(workspace.raw.reshape(n_outputs, 1))
    target = borrow(workspace.targets.reshape(n_outputs, 1))
    network, samples, workspace = borrow((network, samples, workspace))
    theta, state, order, rates = borrow((theta, state, order, rates))
    power_1, power_2 = rule.beta_1**n_steps, rule.beta_2**n_steps
    total = 0.0
    count = 0
    for i in range(order.size):
        rows = order[i : i + 1]
        weight = _batch_weight(samples, rows)
        if weight == 0.0:
            continue
        loss = sample_loss_and_gradient(
            network,
            theta,
            samples,
            weight,
            rows,
            workspace,
            raw,
            target,
            gradient,
        )
        n_steps += 1
        power_1, power_2 = power_1 * rule.beta_1, power_2 * rule.beta_2
        rate = step_size(rule, rates[i], power_1, power_2)
        squares = _update_range(
            network,
            theta,
            rule,
            state,
            gradient,
            0,
            theta.size,
            1.0 / weight,
            alpha / weight,
            rate,
        )
        total += (loss + 0.5 * alpha * squares) / weight
        count += 1
    own_gradient[0] = 0
    return total / max(count, 1), n_steps
