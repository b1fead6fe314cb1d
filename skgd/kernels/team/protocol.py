"""A team of threads that work off one phase after another.

The primary thread opens a phase of numbered tasks, every thread claims tasks until none
is left, and the primary waits until all are done. All other threads are helpers. A
helper may come late or leave at any time: tasks that it does not claim are done by
other threads. No result depends on which thread did a task, as each task writes to a
place of its own.

A helper that has claimed a task may be held up for long, when its core is given to
another process. The primary has to wait for this task, but then sends all helpers away,
and works alone until they come back.
"""

from typing import NamedTuple

import numpy as np

from skgd.kernels.machine.atomic import add, exchange, load, pause, store
from skgd.kernels.machine.jit import inline
from skgd.kernels.machine.memory import aligned_rows, whole_rows

# What the tasks of a phase do.
GRADIENT = 0
UPDATE = 1

# Places in `Team.shared`, each in a cache line of its own.
OPEN = 0  # the open phase: its number, its kind, and a bit for each unclaimed task
DONE = 8  # a bit for each task done in this phase
LATE = 16  # how often the primary has waited for far too long: helpers then leave
RUNNING = 24  # set during an epoch

# Places in `Team.rows`.
START = 0  # where the batch begins in the order of the samples
STOP = 1  # where it ends
N_PARTS = 2  # how many parts the batch has
N_GRADIENTS = 3  # how many gradients the update adds up
BATCH = 4  # the batch's number in the epoch
STAGE = 5  # the present stage of the passes, in a network with barriers

# How long a helper stays when there is nothing to do, between epochs: turns of a
# waiting loop, which take some 20 ns each.
IDLE_TURNS = 5_000

MAX_TASKS = 16  # tasks of a phase, at most
KIND_BIT = MAX_TASKS  # the bit of the phase's kind in its word, above the tasks' bits


class Team(NamedTuple):
    """What the threads of a fit share besides the parameters."""

    n_threads: int
    shared: np.ndarray  # int64, the counters
    # One for each part of a batch: rows of n_parameters elements at least.
    gradients: np.ndarray
    losses: np.ndarray  # float64 (n_parts,): one for each part of a batch
    squares: np.ndarray  # float64 (n_updates,): one for each part of the parameters
    # What barriers need, see `skgd.kernels.passes.stages`: the sums of each part of a
    # batch, float64 (n_parts, n_sums), and the totals of the batch, float64 (n_sums,).
    sums: np.ndarray
    totals: np.ndarray
    rows: np.ndarray  # int64 (6,): which batch it is, from START to STAGE
    late_turns: int  # turns that the primary waits before it calls a helper late


def make_team(n_threads, n_parameters, n_parts, n_updates, late_turns, dtype, n_sums=0):
    """Allocate what the threads of a fit share.

    Parameters
    ----------
    n_threads : int
        Threads, the primary one included.
    n_parameters : int
    n_parts : int
        Parts of a batch, at most `MAX_TASKS`.
    n_updates : int
        Parts of the parameters, at most `MAX_TASKS`.
    late_turns : int
        Turns of a waiting loop after which a helper is late.
    dtype : dtype
        That of the parameters.
    n_sums : int, default=0
        Numbers that the barriers of the network sum over a batch.

    Returns
    -------
    team : Team
    """
    return Team(
        n_threads=n_threads,
        shared=np.zeros(32, np.int64),
        gradients=whole_rows(aligned_rows(n_parts, n_parameters, dtype)),
        losses=np.zeros(n_parts),
        squares=np.zeros(n_updates),
        sums=np.zeros((n_parts, n_sums)),
        totals=np.zeros(n_sums),
        rows=np.zeros(6, np.int64),
        late_turns=late_turns,
    )


@inline
def open_phase(team, kind, n_tasks):
    """Offer the tasks of a phase, a bit for each; only the primary thread does."""
    phase = (load(team.shared, OPEN) >> KIND_BIT + 1) + 1
    store(team.shared, DONE, 0)
    tasks = (1 << n_tasks) - 1
    word = (phase & 0xFFFFFFFF) << KIND_BIT + 1 | kind << KIND_BIT | tasks
    store(team.shared, OPEN, word)


@inline
def claim(team, thread):
    """Take a task of the open phase; return its kind and its number, -1 for none.

    Each thread begins its search at another task, so that as a rule it gets the same
    tasks again and again, whose data are in its cache. A step of 200 samples on
    50-100-1 took 76 us where each thread took the first task that was left, and 58 us
    like this (measured; `tests/benchmarks/run.py` times such steps).
    """
    while True:
        word = load(team.shared, OPEN)
        kind = word >> KIND_BIT & 1
        unclaimed = word & (1 << MAX_TASKS) - 1
        if unclaimed == 0:
            return kind, -1
        n_tasks = team.squares.size if kind == UPDATE else team.losses.size
        task = thread * n_tasks // team.n_threads
        while not unclaimed >> task & 1:
            task = (task + 1) % MAX_TASKS
        if exchange(team.shared, OPEN, word, word & ~(1 << task)):
            return kind, task


@inline
def finish(team, task):
    """Say that a claimed task is done."""
    add(team.shared, DONE, 1 << task)


@inline
def wait(team, n_tasks):
    """Wait until the tasks are done; send the helpers away if it takes too long."""
    turns, tasks = 0, (1 << n_tasks) - 1
    while load(team.shared, DONE) != tasks:
        pause()
        turns += 1
        if turns == team.late_turns:
            store(team.shared, LATE, load(team.shared, LATE) + 1)
