"""A team of threads that work off one phase after another.

The primary thread opens a phase of numbered tasks; every thread claims tasks until none
is left; the primary waits until all are done. A thread may come late or leave at any
time: what it does not claim, others do. Which thread did a task never shows in a
result, as each task writes to a place of its own.

A thread that has claimed a task may be held up for long, when its core is given to
another process. The primary has to wait for it, but then sends the others away, and
works alone until they come back.
"""

from typing import NamedTuple

import numpy as np

from skgd.kernels.machine.atomic import add, exchange, load, pause, store
from skgd.kernels.machine.jit import inline

# What the tasks of a phase do.
GRADIENT = 0
UPDATE = 1

# Places in `Team.shared`, each in a cache line of its own.
OPEN = 0  # the open phase: its number, its kind, and a bit for each unclaimed task
DONE = 8  # a bit for each task done in this phase
LATE = 16  # how often the primary has waited for far too long: the others then leave
RUNNING = 24  # set during an epoch

# Places in `Team.rows`.
START = 0  # of the batch's rows, in their order
STOP = 1
N_PARTS = 2  # of the batch
N_GRADIENTS = 3  # that the update adds up
BATCH = 4  # its number in the epoch
STAGE = 5  # of the passes, if they have several

# Turns of a waiting loop, some 20 ns each: how long a thread stays between epochs.
IDLE_TURNS = 5_000

MAX_TASKS = 16  # of a phase
KIND_BIT = MAX_TASKS  # in the word of the open phase, above the tasks' bits


class Team(NamedTuple):
    """What the threads of a fit share besides the parameters."""

    n_threads: int
    shared: np.ndarray  # int64, the counters
    gradients: np.ndarray  # (n_parts, n_parameters), of the parts of a batch
    losses: np.ndarray  # float64 (n_parts,)
    squares: np.ndarray  # float64 (n_updates,), one for each part of the parameters
    # float64 (n_parts, n_sums) and (n_sums,): see `skgd.kernels.passes.stages`
    sums: np.ndarray
    totals: np.ndarray
    rows: np.ndarray  # int64 (6,): what the batch is
    late_turns: int  # that the primary waits for others before it calls them late


def make_team(n_threads, n_parameters, n_parts, n_updates, late_turns, dtype, n_sums=0):
    """Allocate what the threads of a fit share."""
    return Team(
        n_threads=n_threads,
        shared=np.zeros(32, np.int64),
        gradients=np.empty((n_parts, n_parameters), dtype),
        losses=np.zeros(n_parts),
        squares=np.zeros(n_updates),
        sums=np.zeros((n_parts, n_sums)),
        totals=np.zeros(n_sums),
        rows=np.zeros(6, np.int64),
        late_turns=late_turns,
    )


@inline
def open_phase(team, kind, n_tasks):
    """Offer the tasks of a phase, a bit for each; the primary thread's."""
    phase = (load(team.shared, OPEN) >> KIND_BIT + 1) + 1
    store(team.shared, DONE, 0)
    tasks = (1 << n_tasks) - 1
    word = (phase & 0xFFFFFFFF) << KIND_BIT + 1 | kind << KIND_BIT | tasks
    store(team.shared, OPEN, word)


@inline
def claim(team, thread):
    """Take a task of the open phase: its kind and its number, or -1 if there is none.

    The search begins at another task for each thread, so that as a rule a thread gets
    the same ones again, whose data are in its cache: a step of 200 samples on 50-100-1
    took 76 us with tasks in the order of coming, and 58 us like this (measured).
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
    """Wait until the tasks are done; the others are to leave if that takes too long."""
    turns, tasks = 0, (1 << n_tasks) - 1
    while load(team.shared, DONE) != tasks:
        pause()
        turns += 1
        if turns == team.late_turns:
            store(team.shared, LATE, load(team.shared, LATE) + 1)
