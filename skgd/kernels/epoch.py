"""Steps of training: the jitted functions that Python calls."""

from typing import NamedTuple

import numpy as np

from skgd.kernels.formulas.update import Update, prepare_step, update_range
from skgd.kernels.machine.atomic import load, pause, store
from skgd.kernels.machine.call import address, call, call_for_float, entry
from skgd.kernels.machine.jit import inline, jit
from skgd.kernels.machine.memory import LINE
from skgd.kernels.passes.addresses import Passes
from skgd.kernels.passes.inputs import Samples
from skgd.kernels.passes.plan import FIRST, STEP, Plan, Workspace
from skgd.kernels.passes.sample import sample_loss_and_gradient, update_by_sample
from skgd.kernels.passes.stages import combine
from skgd.kernels.team.protocol import (
    BATCH,
    GRADIENT,
    IDLE_TURNS,
    LATE,
    N_GRADIENTS,
    N_PARTS,
    RUNNING,
    STAGE,
    START,
    STOP,
    UPDATE,
    claim,
    finish,
    open_phase,
    wait,
)


class Tasks(NamedTuple):
    """Addresses of what the threads of a team do, besides gradients without stages.

    They are called by address, as lead and helpers both call them: with a copy in each
    of these kernels, the first default fit took twice as long (measured;
    `tests/benchmarks/run.py` reports the time of compilation). Such a call hands on
    each field of each array. For the gradient of a part without stages these are 227
    numbers, so it is a part of both kernels, and calls what is long: by address it took
    5% of a step of 32 samples on 20-50-1 (measured).
    """

    update: int = 0
    stage: int = 0  # 0 in networks without barriers, and so is the next
    combine: int = 0


class Descent(NamedTuple):
    """All that the steps of training read and write, besides scratch memory."""

    plan: Plan
    passes: Passes
    tasks: Tasks
    update: Update
    samples: Samples
    order: np.ndarray  # int (n,): rows of the training samples
    batch_size: int
    rates: np.ndarray  # float64 (n_batches,): the learning rate of each step


# Numbers of a cache line, at most.
IN_LINE = LINE // np.dtype(np.float32).itemsize


# The tasks of a step ------------------------------------------------------------------


@inline
def _blocks_of_part(workspace, plan, task):
    """Return the workspace of one part, whose blocks last from stage to stage."""
    n = workspace.size * plan.width
    memory = workspace.memory[task * n : (task + 1) * n]
    return Workspace(workspace.size, memory, workspace.random)


@inline
def _rows_of_part(task, team, descent, workspace):
    """Return the samples of one part of the batch, and the place of the first."""
    start, stop, n_parts = team.rows[START], team.rows[STOP], team.rows[N_PARTS]
    n = stop - start
    low, high = start + n * task // n_parts, start + n * (task + 1) // n_parts
    workspace.random[STEP] = team.rows[BATCH]
    return descent.order[low:high], low - start


@inline
def _gradient_task(task, team, descent, workspace):
    """Compute loss and gradient of one part of the batch."""
    plan, passes, theta = descent.plan, descent.passes, descent.update.theta
    rows, place = _rows_of_part(task, team, descent, workspace)
    samples, gradient = descent.samples, team.gradients[task]
    arguments = passes.forward, theta, samples, rows, place, workspace, gradient
    team.losses[task] = call_for_float(passes.in_chunks, (plan, *arguments))


@jit
def _stage_task(task, team, descent, workspace):
    """Compute one stage of loss and gradient, for one part of the batch."""
    plan, stage = descent.plan, team.rows[STAGE]
    rows, place = _rows_of_part(task, team, descent, workspace)
    workspace.random[FIRST] = place
    blocks = _blocks_of_part(workspace, plan, task)
    arguments = descent.update.theta, descent.samples, rows, stage, blocks
    sums = team.gradients[task], team.sums[task], team.totals
    loss = call_for_float(descent.passes.stage, (plan, *arguments, *sums))
    if stage == plan.barriers.size:
        team.losses[task] = loss


@jit
def _update_task(task, n_tasks, gradients, n_gradients, update):
    """Add up the gradients of a batch's parts, and update one part of theta.

    Return the sum of the squares of the parameters that are penalised.
    """
    size = update.theta.size
    n_lines = -(-size // IN_LINE)  # each part begins with a cache line
    low = n_lines * task // n_tasks * IN_LINE
    high = min(n_lines * (task + 1) // n_tasks * IN_LINE, size)
    total = gradients[0][low:high]
    for part in range(1, n_gradients):
        # Slices from 0 on: from `low` on, the loop was not vectorised, and a step on
        # 50-100-1 took 27 us longer (measured).
        other = gradients[part][low:high]
        for i in range(total.size):
            total[i] += other[i]
    return update_range(update, gradients[0], low, high)


# What `tasks_for` and `entry_for` have compiled. To find out the types of all arguments
# took a third of what a fit takes besides its epochs (measured), so it is done once for
# each of these kinds, from which the types follow.
_tasks, _entries = {}, {}


def _kind(descent):
    types = descent.update.theta, descent.order, descent.samples.inputs.indptr
    return *(array.dtype for array in types), descent.plan.barriers.size > 0


def entry_for(kernel, descent, *arguments):
    """Return a kernel as `entry` does, for arguments of these types.

    Parameters
    ----------
    kernel : callable
        `minibatch_steps` or `sgd_steps`.
    descent : Descent
        One of the arguments.
    *arguments : object
        All of the kernel's arguments.
    """
    kind = kernel, *_kind(descent)
    if kind not in _entries:
        _entries[kind] = entry(kernel, *arguments)
    return _entries[kind]


def tasks_for(team, descent, workspace):
    """Return the addresses of the tasks, for arguments of these types.

    Parameters
    ----------
    team : Team
    descent : Descent
        Without its tasks.
    workspace : Workspace

    Returns
    -------
    tasks : Tasks
    """
    plan, theta = descent.plan, descent.update.theta
    kind = _kind(descent)
    if kind not in _tasks:
        gradients = team.gradients, 0
        tasks = Tasks(address(_update_task, 0, 0, *gradients, descent.update))
        if plan.barriers.size > 0:
            sums = team.sums, 0, team.totals
            tasks = tasks._replace(
                stage=address(_stage_task, 0, team, descent, workspace),
                combine=address(combine, plan, theta, 0, *sums),
            )
        _tasks[kind] = tasks
    return _tasks[kind]


@inline
def _work(thread, team, descent, workspace):
    """Do one task of the open phase, if there is one left; return whether there was."""
    kind, task = claim(team, thread)
    if task < 0:
        return False
    if kind == GRADIENT and descent.tasks.stage == 0:
        _gradient_task(task, team, descent, workspace)
    elif kind == GRADIENT:
        call(descent.tasks.stage, (task, team, descent, workspace))
    else:
        gradients = team.gradients, team.rows[N_GRADIENTS]
        arguments = task, team.squares.size, *gradients, descent.update
        team.squares[task] = call_for_float(descent.tasks.update, arguments)
    finish(team, task)
    return True


# Steps from batches -------------------------------------------------------------------


@jit
def help_steps(thread, team, descent, workspace):
    """Work off tasks that `minibatch_steps` opens in another thread.

    It returns when there has been no work for a while, or when one of the helpers is
    late; what it returns is whether a helper is late.
    """
    idle_turns, is_late, before = 0, False, load(team.shared, LATE)
    while idle_turns <= IDLE_TURNS and not is_late:
        if _work(thread, team, descent, workspace):
            idle_turns = 0
        else:
            pause()
            idle_turns += 1 - load(team.shared, RUNNING)
        is_late = load(team.shared, LATE) != before
    return is_late


@inline
def _batch_weight(samples, rows):
    """Return the sum of the samples' weights."""
    if samples.weights.size == 0:
        return float(rows.size)
    weight = 0.0
    for i in range(rows.size):
        weight += samples.weights[rows[i]]
    return weight


@inline
def _phase(kind, n_tasks, team, descent, workspace):
    """Open a phase, do the tasks that no other thread claims, and wait for the rest."""
    open_phase(team, kind, n_tasks)
    while _work(0, team, descent, workspace):
        pass
    wait(team, n_tasks)


@inline
def _open_batch(team, batch, start, n):
    """Tell the team which batch is next: `n` samples from `start` on."""
    team.rows[START], team.rows[STOP], team.rows[BATCH] = start, start + n, batch
    team.rows[N_PARTS] = min(team.losses.size, n)
    team.rows[N_GRADIENTS] = team.rows[N_PARTS]


@inline
def _add_up_gradients(team, rule):
    """Add up the gradients of the parts before the update, if their norm is needed."""
    if rule.norm != 0:
        call(rule.add_up, (team.gradients, team.rows[N_PARTS]))
        team.rows[N_GRADIENTS] = 1


@inline
def _loss_of_batch(team, alpha):
    """Return the sum of the parts' losses and of the penalty."""
    loss = 0.0
    for i in range(team.squares.size):
        loss += 0.5 * alpha * team.squares[i]
    for part in range(team.rows[N_PARTS]):
        loss += team.losses[part]
    return loss


@jit
def minibatch_steps(team, descent, first, last, sums, workspace):
    """Take the steps from `first` to `last` of an epoch, a batch each.

    A step has two phases: the gradients of the batch's parts, then the update of the
    parameters' parts. The results do not depend on which threads take part.

    Parameters
    ----------
    team : Team
    descent : Descent
        Its parameters, memory and clock are updated in place.
    first, last : int
        Batch number i holds `batch_size` samples from place ``i * batch_size`` of the
        order on; the last batch may be smaller.
    sums : ndarray of shape (2,), float64
        Two sums that are continued: each batch's loss times its number of samples, and
        the number of samples. A batch's loss is the mean at the parameters before its
        step, penalty included.
    workspace : Workspace
        Scratch memory of this thread.

    Returns
    -------
    n_steps : int
        Steps taken. A batch without weight makes no step, and does not count in the
        loss.
    """
    plan, update, size = descent.plan, descent.update, descent.batch_size
    n_stages, n_steps = 2 * plan.barriers.size + 1, 0
    store(team.shared, RUNNING, 1)
    for batch in range(first, last):
        rows = descent.order[batch * size : (batch + 1) * size]
        weight = _batch_weight(descent.samples, rows)
        if weight == 0.0:
            continue
        _open_batch(team, batch, batch * size, rows.size)
        for stage in range(n_stages + 1):
            kind, n_tasks = GRADIENT, team.rows[N_PARTS]
            team.rows[STAGE] = stage
            if stage == n_stages:
                kind, n_tasks = UPDATE, team.squares.size
                _add_up_gradients(team, update.rule)
                gradient, rate = team.gradients[0], descent.rates[batch]
                prepare_step(update, gradient, weight, rate)
            _phase(kind, n_tasks, team, descent, workspace)
            if stage < n_stages - 1:
                of_parts = team.sums, team.rows[N_PARTS], team.totals
                call(descent.tasks.combine, (plan, update.theta, stage, *of_parts))
        sums[0] += _loss_of_batch(team, update.alpha) / weight * rows.size
        sums[1] += rows.size
        n_steps += 1
    store(team.shared, RUNNING, 0)
    return n_steps


# Steps from single samples ------------------------------------------------------------


@inline
def _follow(update, gradient, loss, weight, rate):
    """Take the step of a batch's summed gradient; return its mean loss with penalty."""
    prepare_step(update, gradient, weight, rate)
    squares = update_range(update, gradient, 0, update.theta.size)
    return (loss + 0.5 * update.alpha * squares) / weight


@jit
def sgd_steps(descent, first, last, sums, workspace, gradient):
    """Take the steps from `first` to `last` of an epoch, a sample each.

    This is `minibatch_steps` with ``batch_size=1``, in a compiled function of its own,
    so that neither solver waits for the other's compilation. A sample's weight scales
    its loss and its gradient, which are not divided by it afterwards. `gradient` is
    scratch memory as long as `theta`.
    """
    plan, update = descent.plan, descent.update
    raw = workspace.memory[plan.raw : plan.raw + plan.n_outputs]
    raw = raw.reshape(plan.n_outputs, 1)
    target = workspace.memory[plan.targets : plan.targets + plan.n_outputs]
    target = target.reshape(plan.n_outputs, 1)
    n_steps = 0
    for i in range(first, last):
        rows = descent.order[i : i + 1]
        weight = _batch_weight(descent.samples, rows)
        if weight == 0.0:
            continue
        workspace.random[STEP] = i
        loss = sample_loss_and_gradient(
            plan,
            update.theta,
            descent.samples,
            weight,
            rows,
            workspace,
            raw,
            target,
            gradient,
            update.rule.norm != 0,
        )
        prepare_step(update, gradient, 1.0, descent.rates[i])
        squares = update_by_sample(plan, update, workspace, gradient)
        sums[0] += loss + 0.5 * update.alpha * squares
        sums[1] += 1
        n_steps += 1
    return n_steps


# The two halves of a step -------------------------------------------------------------


@jit
def part_gradient(plan, passes, theta, samples, rows, place, workspace, gradient):
    """Compute loss, gradient and weight of a part of a batch, the first half of a step.

    Parameters
    ----------
    plan : Plan
    passes : Passes
    theta : ndarray of shape (n_parameters,)
    samples : Samples
    rows : ndarray of shape (n,)
        The part's samples.
    place : int
        The place of the first of them in the batch. Dropout needs it.
    workspace : Workspace
    gradient : ndarray of shape (n_parameters,)
        Written: the sum of the samples' gradients, times their weights.

    Returns
    -------
    loss, weight : float
        The sum of the samples' losses, times their weights, and that of the weights.
    """
    workspace.random[STEP] = 0
    arguments = passes.forward, theta, samples, rows, place, workspace, gradient
    loss = call_for_float(passes.in_chunks, (plan, *arguments))
    return loss, _batch_weight(samples, rows)


@jit
def part_stage(
    plan, passes, theta, samples, rows, place, stage, workspace, gradient, sums, totals
):
    """Run one stage of a part of a batch, in a network with barriers.

    All stages together do what `part_gradient` does in a network without barriers.
    `run_stage` of `skgd.kernels.passes.stages` explains `stage`, `sums` and `totals`.

    Returns
    -------
    loss, weight : float
        Sums over the samples. The loss is 0 except in the stage that computes it.
    """
    workspace.random[STEP], workspace.random[FIRST] = 0, place
    arguments = theta, samples, rows, stage, workspace, gradient, sums, totals
    loss = call_for_float(passes.stage, (plan, *arguments))
    return loss, _batch_weight(samples, rows)


@jit
def take_step(update, gradient, loss, weight, rate):
    """Take the step of a batch's summed gradient: the second half of a step.

    Parameters
    ----------
    update : Update
    gradient : ndarray of shape (n_parameters,)
    loss, weight : float
        Sums over the batch.
    rate : float
        Learning rate.

    Returns
    -------
    loss : float
        Mean loss at the parameters before the step, penalty included.
    """
    return _follow(update, gradient, loss, weight, rate)
