"""Whole epochs against the NumPy reference: steps, penalty, weights, chunks."""

import threading
import time
from contextlib import nullcontext
from functools import partial
from itertools import product

import numba
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import skgd.descent.steps
from skgd.descent.steps import Steps
from skgd.kernels.epoch import _gradient_task, _update_task, help_steps
from skgd.kernels.formulas.activations import ACTIVATIONS
from skgd.kernels.formulas.losses import LOSSES
from skgd.kernels.formulas.optimizers import FIRST_ORDER
from skgd.kernels.machine.atomic import exchange, load, pause
from skgd.kernels.machine.jit import jit
from skgd.kernels.passes.inputs import row_numbers
from skgd.kernels.passes.plan import make_workspace
from skgd.kernels.team.protocol import (
    GRADIENT,
    KIND_BIT,
    LATE,
    N_GRADIENTS,
    OPEN,
    UPDATE,
    finish,
)
from skgd.kernels.team.threads import one_blas_thread
from skgd.network.views import layer_arrays
from tests import naive
from tests.kernels import (
    assert_trained_alike,
    begin,
    divided,
    expected_training,
    make_problem,
    raw_outputs,
    run_epoch,
    settings,
    train,
)

N = 17

# The first of two layers has every activation: so slopes are kept in both, in either
# and in none.
NAMES = list(ACTIVATIONS)
MIXTURES = [(each, NAMES[(place + 4) % len(NAMES)]) for place, each in enumerate(NAMES)]

BATCH_SIZES = [1, 4, 15]
KINDS = list(product([(), (6,), (6, 1, 5)], [False, True], [False, True]))
# Each optimizer with each batch size, and each of both with each kind of network, of
# weights and of storage.
CASES = [
    (optimizer, size, *kind)
    for (number, optimizer), (i, size) in product(
        enumerate(FIRST_ORDER), enumerate(BATCH_SIZES)
    )
    for kind in KINDS[(number + i) % 3 :: 3]
]


def test_cases_have_every_optimizer_and_batch_size_in_every_kind():
    assert set(product(FIRST_ORDER, BATCH_SIZES)) == {case[:2] for case in CASES}
    for place, members in enumerate([FIRST_ORDER, BATCH_SIZES]):
        found = {(case[place], *case[2:]) for case in CASES}
        assert found == {(each, *kind) for each in members for kind in KINDS}


@pytest.mark.parametrize(
    ("optimizer", "batch_size", "hidden", "weighted", "sparse"), CASES
)
def test_epoch_is_that_of_the_reference(
    optimizer, batch_size, hidden, weighted, sparse
):
    problem = make_problem(hidden, weighted=weighted, sparse=sparse)
    params = settings(optimizer, batch_size)
    assert_trained_alike(train(problem, params), expected_training(problem, params))


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("loss", LOSSES)
def test_sample_steps_hold_for_every_loss(loss, n_outputs):
    problem = make_problem((6, 5), n_outputs, loss=loss, weighted=False)
    params = settings("nesterov", 1)
    assert_trained_alike(train(problem, params), expected_training(problem, params))


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("optimizer", FIRST_ORDER)
def test_epoch_in_single_precision(optimizer, batch_size):
    problem, params = make_problem(), settings(optimizer, batch_size, weight_decay=0.4)
    result = train(problem.astype(np.float32), params)
    assert result[0].dtype == np.float32
    expected = expected_training(problem, params)
    assert_trained_alike(result, expected, rtol=1e-4, atol=1e-5, loss_rtol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("activations", MIXTURES)
def test_epoch_holds_for_every_activation(activations, batch_size):
    problem = make_problem((6, 5), activation=activations, weighted=False)
    params = settings("nesterov", batch_size)
    assert_trained_alike(train(problem, params), expected_training(problem, params))


@pytest.mark.parametrize("parts", [(1, 1), (2, 3)])
@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("optimizer", FIRST_ORDER)
def test_weight_decay_spares_the_intercepts(optimizer, batch_size, parts):
    problem = make_problem((6, 1, 5))
    params = settings(optimizer, batch_size, weight_decay=0.4)
    result = train(problem, params, parts=parts)
    assert_trained_alike(result, expected_training(problem, params))


@pytest.mark.parametrize("batch_size", [1, 4])
def test_weight_decay_shrinks_the_coefs_and_nothing_else(batch_size):
    # All outputs and targets are 0, and so is the gradient.
    problem = make_problem((6, 5), weighted=False)
    problem.theta[-2 - 5 * 2 :] = 0  # the last layer
    problem.Y[:] = 0
    params = settings("gd", batch_size, weight_decay=0.4, alpha=0.0)
    after, _, n_steps = train(problem, params, n_epochs=1)
    shares = 1 - 0.4 * params.learning_rate_init / np.arange(1, n_steps + 1)
    for attribute, share in [("coefs_", np.prod(shares)), ("intercepts_", 1)]:
        befores, afters = (
            layer_arrays(problem.network, theta, attribute)
            for theta in (problem.theta, after)
        )
        assert len(befores) == 3
        for a, b in zip(befores, afters, strict=True):
            assert_allclose(b, share * a, rtol=1e-13 if share != 1 else 0)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("chunk", [4, 7, 14])
def test_a_large_batch_is_the_sum_of_its_chunks(chunk, sparse):
    problem, params = make_problem((6,), sparse=sparse), settings("adam", 15)
    result = train(problem, params, chunk=chunk)
    assert_trained_alike(result, expected_training(problem, params))


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("parts", [(2, 3), (8, 16)])
@pytest.mark.parametrize("batch_size", [4, 15])
def test_a_step_is_the_sum_of_its_tasks(batch_size, parts, sparse):
    # Also where a batch, the last one, has fewer samples than there are parts.
    problem = make_problem((6, 1, 5), sparse=sparse)
    params = settings("adam", batch_size)
    result = train(problem, params, chunk=2, parts=parts)
    assert_trained_alike(result, expected_training(problem, params))


# A helper that is held up -------------------------------------------------------------


LAST = 2  # of three tasks, which the primary thread comes to after the others


@jit
def claim_one(team, kind, enough):
    """Come as a helper, and take the task `LAST` of a phase of this kind.

    Returns whether there was one before there is enough of it.
    """
    while not load(enough, 0):
        word = load(team.shared, OPEN)
        is_open = word >> KIND_BIT & 1 == kind and word & 1 << LAST
        if is_open and exchange(team.shared, OPEN, word, word & ~(1 << LAST)):
            return 1
        pause()
    return 0


@jit
def do_one(team, kind, descent, workspace):
    """Do the task that `claim_one` has taken."""
    if kind == GRADIENT:
        _gradient_task(LAST, team, descent, workspace)
    else:
        n_tasks, n_gradients = team.squares.size, team.rows[N_GRADIENTS]
        team.squares[LAST] = _update_task(
            LAST, n_tasks, team.gradients, n_gradients, descent.update
        )
    finish(team, LAST)


class HeldUp:
    """A helper that is late with a task, for the length of a `with` block.

    It does the task when the primary thread has called it late.
    """

    def __init__(self, steps, kind):
        self._team, self._descent, self._kind = steps._team, steps._descent, kind
        self._workspace = make_workspace(steps._plan, 500, np.float64)
        self._enough = np.zeros(1, np.int64)
        self._thread = threading.Thread(target=self._help)
        self.was_late = False

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._enough[0] = 1
        self._thread.join()

    def _help(self):
        if claim_one(self._team, self._kind, self._enough):
            deadline = time.monotonic() + 10
            while not self.was_late and time.monotonic() < deadline:
                self.was_late = self._team.shared[LATE] > 0
            # Anyway, as the primary thread waits for it.
            do_one(self._team, self._kind, self._descent, self._workspace)


def epochs_with(held_up, n_threads):
    """Five epochs of ten steps, and whether something was held up in them."""
    # Each task of a gradient takes about half a millisecond, and of an update some tens
    # of microseconds: on an idle machine there is time to find one.
    problem = make_problem((300, 200), n_features=30, n=1002, weighted=False)
    params = settings("adam", 100)
    state = begin(problem, params)
    with divided((3, 3), chunk=500):
        steps = Steps(params, problem.network, state, problem.samples, n_threads)
    with one_blas_thread(), steps, held_up(steps) as late:
        losses = [run_epoch(steps, state, params) for _ in range(5)]
    return (state.theta, losses), late is not None and late.was_late


def assert_same_bits(result, expected):
    assert_array_equal(result[0], expected[0])
    assert result[1] == expected[1]


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="threads take turns then")
@pytest.mark.parametrize("kind", [GRADIENT, UPDATE])
def test_a_helper_that_is_held_up_is_waited_for_and_called_late(kind):
    alone, _ = epochs_with(lambda steps: nullcontext(), 1)

    def run_with_a_late_helper():
        result, was_held_up = epochs_with(partial(HeldUp, kind=kind), 1)
        assert_same_bits(result, alone)
        return was_held_up

    assert any(run_with_a_late_helper() for _ in range(100))


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="threads take turns then")
@pytest.mark.parametrize("kind", [GRADIENT, UPDATE])
def test_while_one_helper_is_held_up_the_others_leave(monkeypatch, kind):
    alone, _ = epochs_with(lambda steps: nullcontext(), 1)
    returned = []

    def record(*arguments):
        returned.append(help_steps(*arguments))
        return returned[-1]

    monkeypatch.setattr(skgd.descent.steps, "help_steps", record)

    def run_with_a_late_helper():
        returned.clear()
        result, was_held_up = epochs_with(partial(HeldUp, kind=kind), 2)
        assert_same_bits(result, alone)
        return was_held_up and any(returned)

    assert any(run_with_a_late_helper() for _ in range(100))


@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_batch_without_weight_makes_no_step(batch_size):
    problem, params = make_problem((6,)), settings("adam", batch_size)
    problem.weight[:] = 1
    problem.weight[problem.order[:4]] = 0
    result = train(problem, params)
    assert_trained_alike(result, expected_training(problem, params))
    without = 4 if batch_size == 1 else 1
    assert result[2] == 2 * (-(-15 // batch_size) - without)


CHUNKS = [1, 5, N]


@pytest.mark.parametrize(
    ("activations", "sparse", "chunk"),
    [
        (activations, sparse, CHUNKS[(i + sparse) % 3])
        for i, activations in enumerate(MIXTURES)
        for sparse in (False, True)
    ],
)
def test_raw_outputs_are_those_of_the_reference(chunk, sparse, activations):
    problem = make_problem((6, 5), 3, activation=activations, sparse=sparse)
    expected = naive.values_of(problem.network, problem.theta, problem.X)[-1]
    for rows in (row_numbers(N), row_numbers(N)[::-2].copy()):
        raw = raw_outputs(problem, rows, chunk)
        assert_allclose(raw, expected[rows], rtol=1e-12)
