"""One epoch of training: the jitted functions that Python calls."""

from skgd.kernels.formulas.optimizers import (
    Powers,
    Step,
    clip,
    make_step,
    next_powers,
    update,
)
from skgd.kernels.layers.dropout import FIRST, STEP
from skgd.kernels.machine.atomic import add, load, pause, store
from skgd.kernels.machine.call import call, call_for_float
from skgd.kernels.machine.jit import inline, jit
from skgd.kernels.passes.sample import sample_loss_and_gradient
from skgd.kernels.team.protocol import (
    BATCH,
    GRADIENT,
    IDLE_TURNS,
    INSIDE,
    LATE,
    N_GRADIENTS,
    N_PARTS,
    RUNNING,
    START,
    STOP,
    UPDATE,
    claim,
    finish,
    move_to_spare_places,
    open_phase,
    wait,
    welcome_back,
)


@inline
def _update_range(network, theta, rule, state, gradient, low, high, factor, l2, step):
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
            decay = 1.0 if is_intercepts else step.decay
            g = gradient[start:stop]
            f, p, d = scalar(factor), scalar(penalty), scalar(decay)
            total = update(rule, theta, state, start, stop, g, f, p, d, step)
            squares += 0.0 if is_intercepts else total
    return squares


@inline
def _in_chunks(network, theta, samples, rows, place, workspace, gradient):
    """Loss and gradient of the samples `rows`, chunk by chunk.

    `place` is that of the first of them in its batch, for dropout.
    """
    n = rows.size
    n_chunks = max(1, -(-n // workspace.size))
    loss = 0.0
    beta = theta.dtype.type(0)
    for chunk in range(n_chunks):
        first, last = n * chunk // n_chunks, n * (chunk + 1) // n_chunks
        workspace.random[FIRST] = place + first
        some = rows[first:last]
        arguments = network, theta, samples, some, workspace, gradient, beta
        loss += call_for_float(workspace.passes.loss_and_gradient, arguments)
        beta = theta.dtype.type(1)
    return loss


@inline
def _gradient_task(task, place, team, network, theta, samples, order, workspace):
    """Loss and gradient of one part of the batch."""
    start, stop, n_parts = team.rows[START], team.rows[STOP], team.rows[N_PARTS]
    n = stop - start
    low, high = start + n * task // n_parts, start + n * (task + 1) // n_parts
    workspace.random[STEP] = team.rows[BATCH]
    rows, gradient = order[low:high], team.gradients[place]
    team.losses[place] = _in_chunks(
        network, theta, samples, rows, low - start, workspace, gradient
    )


@inline
def _update_task(task, team, network, theta, rule, state):
    """Add up the gradients of the batch's parts, and update one part of theta."""
    n_tasks = team.squares.size
    low, high = theta.size * task // n_tasks, theta.size * (task + 1) // n_tasks
    gradient = team.gradients[team.places[0]]
    total = gradient[low:high]
    for part in range(1, team.rows[N_GRADIENTS]):
        # Slices from 0 on: from `low` on, the loop was not vectorised, and a step on
        # 50-100-1 took 27 us longer (measured).
        other = team.gradients[team.places[part]][low:high]
        for i in range(total.size):
            total[i] += other[i]
    scales = team.scales
    step = Step(scales[2], scales[3], scales[4], scales[5])
    team.squares[task] = _update_range(
        network,
        theta,
        rule,
        state,
        gradient,
        low,
        high,
        scales[0],
        scales[1],
        step,
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
    powers,
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
        Number of this thread. The one of number 0 leads. The others help until there
        has been no work for a while, or until one of them is late; they return 0.0, and
        1 if it was lateness.
    team : Team
    network : Network
    theta : ndarray of shape (n_parameters,)
        Updated in place, as is `state`.
    rule : UpdateRule
    state : ndarray of shape (n_rows, n_parameters)
    powers : ndarray of shape (4,)
        The `Powers` of the steps taken before this epoch.
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
        Steps taken. A batch of no weight makes none, and does not count in the loss.
    """
    powers = Powers(powers[0], powers[1], powers[2], powers[3])
    total, weight = 0.0, 0.0
    n_steps, count, batch, idle_turns, n_spared = 0, 0, -1, 0, 0
    kind, tasks, missing = UPDATE, 0, 0
    counters = team.shared
    if thread > 0:
        add(team.shared, INSIDE, 1)
    else:
        store(team.shared, RUNNING, 1)
        if load(team.shared, LATE):
            counters = team.private
    while True:
        # The primary thread opens the next phase.
        if thread == 0 and missing != 0:
            # One is late: do its tasks again, alone.
            n_spared = move_to_spare_places(team, missing, n_spared)
            counters = team.private
            tasks = missing
        elif thread == 0 and kind == GRADIENT:
            n_steps += 1
            powers = next_powers(rule, powers)
            team.scales[0] = 1.0 / weight
            team.scales[1] = alpha / weight
            if rule.norm != 0:
                # The norm is of the whole gradient: here its parts are added up.
                parts = team.gradients, team.places, team.rows[N_PARTS]
                call(rule.add_up, parts)
                team.rows[N_GRADIENTS] = 1
                gradient, scales = team.gradients[team.places[0]], team.scales
                share = clip(rule, network, theta, gradient, scales[0], scales[1])
                scales[0] *= share
                scales[1] *= share
            step = make_step(rule, rates[batch], powers)
            for i in range(4):
                team.scales[2 + i] = step[i]
            kind, tasks = UPDATE, (1 << team.squares.size) - 1
        elif thread == 0:
            weight = 0.0
            while weight == 0.0 and batch + 1 < rates.size:
                batch += 1
                rows = order[batch * batch_size : (batch + 1) * batch_size]
                weight = _batch_weight(samples, rows)
            if weight == 0.0:
                store(team.shared, RUNNING, 0)
                return total / max(count, 1), n_steps
            if welcome_back(team):
                counters, n_spared = team.shared, 0
            team.rows[START] = batch * batch_size
            team.rows[STOP] = batch * batch_size + rows.size
            team.rows[N_PARTS] = min(team.places.size, rows.size)
            team.rows[N_GRADIENTS] = team.rows[N_PARTS]
            team.rows[BATCH] = batch
            kind, tasks = GRADIENT, (1 << team.rows[N_PARTS]) - 1
        if thread == 0:
            open_phase(counters, kind, tasks)

        # All threads work off its tasks.
        while True:
            found, task, place = claim(team, counters, thread)
            if task < 0:
                break
            idle_turns = 0
            if found == GRADIENT:
                _gradient_task(
                    task, place, team, network, theta, samples, order, workspace
                )
            else:
                _update_task(task, team, network, theta, rule, state)
            finish(counters, task)

        if thread == 0:
            missing = wait(team, counters, tasks, kind == GRADIENT)
            if kind == UPDATE:
                loss = 0.0
                for i in range(team.squares.size):
                    loss += 0.5 * alpha * team.squares[i]
                for part in range(team.rows[N_PARTS]):
                    loss += team.losses[team.places[part]]
                total += loss / weight * (team.rows[STOP] - team.rows[START])
                count += team.rows[STOP] - team.rows[START]
        else:
            pause()
            idle_turns += 1 - load(team.shared, RUNNING)
            is_late = load(team.shared, LATE)
            if idle_turns > IDLE_TURNS or is_late:
                add(team.shared, INSIDE, -1)
                return 0.0, is_late


@inline
def _follow(network, theta, rule, state, powers, gradient, loss, weight, rate, alpha):
    """Take the step from a batch's summed gradient; its mean loss, with the penalty."""
    step = make_step(rule, rate, powers)
    factor, l2 = 1.0 / weight, alpha / weight
    if rule.norm != 0:
        share = clip(rule, network, theta, gradient, factor, l2)
        factor, l2 = factor * share, l2 * share
    squares = _update_range(
        network, theta, rule, state, gradient, 0, theta.size, factor, l2, step
    )
    return (loss + 0.5 * alpha * squares) / weight


@jit
def sgd_epoch(
    network,
    theta,
    rule,
    state,
    powers,
    samples,
    order,
    rates,
    alpha,
    workspace,
    gradient,
):
    """Go once over the samples in `order`, with one step for each of them.

    Like `minibatch_epoch` with ``batch_size=1``, in a compiled function of its own:
    neither solver waits for the other's compilation. A sample's weight scales its loss
    and gradient; it is not divided by. `gradient` is scratch, as long as `theta`.
    """
    n_outputs = network.layer_units[-1]
    raw = workspace.raw.reshape(n_outputs, 1)
    target = workspace.targets.reshape(n_outputs, 1)
    powers = Powers(powers[0], powers[1], powers[2], powers[3])
    total = 0.0
    n_steps, count = 0, 0
    for i in range(order.size):
        rows = order[i : i + 1]
        weight = _batch_weight(samples, rows)
        if weight == 0.0:
            continue
        workspace.random[STEP] = i
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
        powers = next_powers(rule, powers)
        total += _follow(
            network,
            theta,
            rule,
            state,
            powers,
            gradient,
            loss,
            1.0,
            rates[i],
            alpha,
        )
        count += 1
    return total / max(count, 1), n_steps


@jit
def part_gradient(network, theta, samples, rows, place, workspace, gradient):
    """Loss, gradient and weight of a part of a batch, the first half of its step.

    Parameters
    ----------
    network : Network
    theta : ndarray of shape (n_parameters,)
    samples : Samples
    rows : ndarray of shape (n,)
        The part's samples.
    place : int
        Of the first of them in the batch, for dropout.
    workspace : Workspace
    gradient : ndarray of shape (n_parameters,)
        Written: the sum over the samples, with their weights.

    Returns
    -------
    loss, weight : float
        The loss, summed likewise, and the sum of the weights.
    """
    workspace.random[STEP] = 0
    loss = _in_chunks(network, theta, samples, rows, place, workspace, gradient)
    return loss, _batch_weight(samples, rows)


@jit
def take_step(network, theta, rule, state, powers, gradient, loss, weight, rate, alpha):
    """Take the step from a batch's summed gradient, the second half of it.

    Parameters
    ----------
    network : Network
    theta : ndarray of shape (n_parameters,)
        Updated in place, as is `state`.
    rule : UpdateRule
    state : ndarray of shape (n_rows, n_parameters)
    powers : ndarray of shape (4,)
        The `Powers` of the steps taken before this one.
    gradient : ndarray of shape (n_parameters,)
    loss, weight : float
        Sums over the batch.
    rate : float
        Learning rate.
    alpha : float
        L2 coefficient, divided by the batch's weight.

    Returns
    -------
    loss : float
        Mean loss at the parameters before the step, penalty included.
    """
    powers = Powers(powers[0], powers[1], powers[2], powers[3])
    powers = next_powers(rule, powers)
    return _follow(
        network, theta, rule, state, powers, gradient, loss, weight, rate, alpha
    )
