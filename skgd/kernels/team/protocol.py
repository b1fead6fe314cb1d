"""A team of threads that work off one phase after another.

The primary thread opens a phase of numbered tasks; every thread claims tasks until none
is left; the primary waits until all are done. A thread may come late or leave at any
time: what it does not claim, others do. Which thread did a task never shows in a
result, as each task writes to a place of its own.

A thread that has claimed a task may be held up for long, when its core is given to
another process. Then the primary sends the others away, and does the task again in
another place; until the last one has left, it works alone, on counters of its own.
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
LATE = 16  # set when the primary has waited for far too long: the others leave
RUNNING = 24  # set during an epoch
INSIDE = 32  # number of threads in an epoch's kernel, besides the primary

# Places in `Team.rows`.
START = 0  # of the batch's rows, in their order
STOP = 1
N_PARTS = 2  # of the batch
N_GRADIENTS = 3  # that the update adds up
BATCH = 4  # its number in the epoch

# Turns of a waiting loop, some 20 ns each: how long a thread stays between epochs; how
# long the primary waits for others before it calls them late, and how much longer for
# each operation of their tasks, which is ten times as long as they should take.
IDLE_TURNS = 5_000
LATE_TURNS = 10_000
LATE_TURNS_PER_FLOP = 1e-2

# A part of a batch has to pay for a handing over of about a microsecond, and for a
# gradient of its own, which is written and added up: in the second cache, or beyond it.
# More parts than two have to pay more, as not every machine has a core for each. A step
# of 200 samples on 50-100-1 in four parts, and not eight, took two cores 0.93 times as
# long, in float32 0.91; one of 32 samples on 64-64-64-10 in two, and not one, 0.74.
MIN_PART_FLOPS = 5e5
MIN_FLOPS_PER_PARAMETER = 60
MIN_FLOPS_PER_PARAMETER_OF_MORE_PARTS = 140
FEW_PARAMETERS = 2**15
MIN_FLOPS_PER_PARAMETER_OF_MANY = 200
MAX_PARTS = 8
UPDATE_SIZE = 2048  # parameters of one update task, at least
MAX_TASKS = 16  # of a phase
KIND_BIT = MAX_TASKS  # in the word of the open phase, above the tasks' bits


class Team(NamedTuple):
    """What the threads of a fit share besides the parameters."""

    n_threads: int
    shared: np.ndarray  # int64, the counters
    private: np.ndarray  # the same, of the primary alone
    places: np.ndarray  # int64 (n_parts,): where the results of each part are
    gradients: np.ndarray  # (n_places, n_parameters), with a spare one for each helper
    losses: np.ndarray  # float64 (n_places,)
    squares: np.ndarray  # float64 (n_updates,), one for each part of the parameters
    rows: np.ndarray  # int64 (5,): what the batch is
    scales: np.ndarray  # float64 (6,): factor and l2, then the `Step`
    late_turns: int  # that the primary waits for others before it calls them late


def make_team(n_threads, n_parameters, n_parts, n_updates, late_turns, dtype):
    """Allocate what the threads of a fit share."""
    return Team(
        n_threads=n_threads,
        shared=np.zeros(40, np.int64),
        private=np.zeros(40, np.int64),
        places=np.arange(n_parts),
        gradients=np.empty((n_parts + n_threads - 1, n_parameters), dtype),
        losses=np.zeros(n_parts + n_threads - 1),
        squares=np.zeros(n_updates),
        rows=np.zeros(5, np.int64),
        scales=np.zeros(6),
        late_turns=late_turns,
    )


def divide(network, inputs, batch_size):
    """Number of parts of a batch, and of the parameters: the tasks of a step.

    They follow from the data's shape alone, so that no result depends on the number of
    threads. Third comes how long to wait for a task.
    """
    n_parameters = network.offsets[-1]
    products = network.layer_units[:-1] * network.layer_units[1:]
    flops = 2 * (3 * products.sum() - products[0])  # a sample's, in both passes
    if inputs.indptr.size > 0:
        stored = inputs.data.size / (inputs.indptr.size - 1)
        sparse_first = stored * network.layer_units[1]
        flops -= 4 * (products[0] - sparse_first)
    first, more = MIN_FLOPS_PER_PARAMETER, MIN_FLOPS_PER_PARAMETER_OF_MORE_PARTS
    if n_parameters > FEW_PARAMETERS:
        first = more = MIN_FLOPS_PER_PARAMETER_OF_MANY
    n_parts = 1
    while n_parts < MAX_PARTS:
        per_parameter = first if n_parts == 1 else more
        least = max(MIN_PART_FLOPS, per_parameter * n_parameters)
        if batch_size * flops < 2 * n_parts * least:
            break
        n_parts *= 2
    n_updates = int(min(max(n_parameters // UPDATE_SIZE, 1), MAX_TASKS))
    part_flops = batch_size * flops / n_parts
    return n_parts, n_updates, LATE_TURNS + int(LATE_TURNS_PER_FLOP * part_flops)


@inline
def open_phase(counters, kind, tasks):
    """Offer the `tasks`, a bit for each; the primary thread's."""
    phase = (load(counters, OPEN) >> KIND_BIT + 1) + 1
    store(counters, DONE, 0)
    word = (phase & 0xFFFFFFFF) << KIND_BIT + 1 | kind << KIND_BIT | tasks
    store(counters, OPEN, word)


@inline
def claim(team, counters, thread):
    """Take a task of the open phase: its kind, its number and the place of its result.

    The number is -1 if there is none. The place is read before the task is taken: it is
    sure to be the task's until then, but not if the thread is held up in between.

    The search begins at another task for each thread, so that as a rule a thread gets
    the same ones again, whose data are in its cache: a step of 200 samples on 50-100-1
    took 76 us with tasks in the order of coming, and 58 us like this (measured).
    """
    while True:
        word = load(counters, OPEN)
        kind = word >> KIND_BIT & 1
        unclaimed = word & (1 << MAX_TASKS) - 1
        if unclaimed == 0:
            return kind, -1, 0
        n_tasks = team.squares.size if kind == UPDATE else team.places.size
        task = thread * n_tasks // team.n_threads
        while not unclaimed >> task & 1:
            task = (task + 1) % MAX_TASKS
        place = 0 if kind == UPDATE else team.places[task]
        if exchange(counters, OPEN, word, word & ~(1 << task)):
            return kind, task, place


@inline
def finish(counters, task):
    """Say that a claimed task is done."""
    add(counters, DONE, 1 << task)


@inline
def wait(team, counters, tasks, can_be_redone):
    """Wait until the `tasks` are done; those to be redone, if that takes too long."""
    turns = 0
    missing = tasks & ~load(counters, DONE)
    while missing != 0:
        pause()
        turns += 1
        if turns == team.late_turns:
            store(team.shared, LATE, 1)
            if can_be_redone:
                break
        missing = tasks & ~load(counters, DONE)
    return missing


@inline
def move_to_spare_places(team, tasks, n_spared):
    """Have the `tasks` write elsewhere: late threads may still write where they did."""
    for task in range(team.places.size):
        if tasks >> task & 1:
            team.places[task] = team.places.size + n_spared
            n_spared += 1
    return n_spared


@inline
def welcome_back(team):
    """Whether a team that was late is complete again: all of the others have left."""
    if load(team.shared, LATE) == 0 or load(team.shared, INSIDE) > 0:
        return False
    store(team.shared, LATE, 0)
    for part in range(team.places.size):
        team.places[part] = part
    return True
