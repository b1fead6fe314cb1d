"""Whole epochs against the NumPy reference: steps, penalty, weights, chunks."""

import threading
import time
from itertools import product

import numba
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csr_array

from skgd.kernels.epoch import minibatch_epoch, sgd_epoch
from skgd.kernels.formulas.activations import Activation
from skgd.kernels.formulas.losses import Loss
from skgd.kernels.formulas.optimizers import (
    STATE_ROWS,
    Optimizer,
    make_update_rule,
    powers_after,
)
from skgd.kernels.layers.inputs import as_inputs, as_samples, row_numbers
from skgd.kernels.machine.atomic import add, exchange, load
from skgd.kernels.machine.jit import jit
from skgd.kernels.passes.batch import passes_for
from skgd.kernels.passes.workspace import make_network, make_workspace
from skgd.kernels.predict import raw_outputs
from skgd.kernels.team.protocol import (
    DONE,
    GRADIENT,
    INSIDE,
    KIND_BIT,
    LATE,
    OPEN,
    make_team,
)
from tests import naive

N, N_FEATURES, ALPHA, RATE = 17, 4, 0.3, 0.05


# Of two layers, every activation in the first one: slopes in both, in either, in none.
MIXTURES = [(each, Activation((each + 4) % len(Activation))) for each in Activation]


def make_problem(
    hidden, n_outputs, loss=Loss.SQUARED_ERROR, activations=Activation.TANH
):
    rng = np.random.default_rng(0)
    units = np.array([N_FEATURES, *hidden, n_outputs])
    # One may stand for all. A copy, as of a view the kernels would be compiled anew.
    activations = np.broadcast_to(activations, len(hidden)).copy()
    network = make_network(units, activations, loss, naive.LOSS_PARAMETERS[loss])
    theta = rng.uniform(-0.8, 0.8, naive.is_coef(units).size)
    X = rng.standard_normal((N, N_FEATURES)) * (rng.random((N, N_FEATURES)) < 0.7)
    Y = naive.draw_targets(loss, N, n_outputs, rng)
    return network, theta, X, Y, rng.permutation(row_numbers(N))[:15]


def make_rule(optimizer, weight_decay=0.0, dtype=np.float64):
    return make_update_rule(optimizer, 0.9, 0.9, 0.99, 1e-8, weight_decay, dtype)


def run_kernel(
    problem,
    optimizer,
    batch_size,
    weight,
    *,
    sparse=False,
    chunk=64,
    parts=(1, 1),
    n_epochs=2,
    weight_decay=0.0,
    alpha=ALPHA,
    dtype=np.float64,
):
    """Some epochs of the kernel; parameters, both losses, and steps."""
    network, theta, X, Y, order = problem
    theta = theta.astype(dtype)
    X, Y = X.astype(dtype), Y.astype(dtype)
    weight = None if weight is None else weight.astype(dtype)
    rule = make_rule(optimizer, weight_decay, dtype)
    state = np.zeros((STATE_ROWS[optimizer], theta.size), dtype)
    samples = as_samples(csr_array(X) if sparse else X, Y, weight)
    rates = RATE / np.arange(1, 1 - (-order.size // batch_size))  # one a step
    team = make_team(1, theta.size, *parts, 1000, theta.dtype)
    size = min(batch_size, chunk)
    workspace = make_workspace(network, size, theta.dtype, sparse and batch_size > 1)
    workspace = workspace._replace(passes=passes_for(samples.inputs, order))
    n_steps, losses = 0, []
    for _ in range(n_epochs):
        powers = np.array(powers_after(rule, n_steps))
        common = network, theta, rule, state, powers, samples, order
        if batch_size == 1:
            gradient = np.empty_like(theta)
            loss, made = sgd_epoch(*common, rates, alpha, workspace, gradient)
        else:
            loss, made = minibatch_epoch(
                *(0, team, *common, batch_size, rates, alpha, workspace)
            )
        n_steps += made
        losses.append(loss)
    return theta, losses, n_steps


@jit
def claim_one(team, enough):
    """Come as a helper, and take a task of a gradient; -1 if there is enough of it."""
    add(team.shared, INSIDE, 1)
    while not load(enough, 0):
        word = load(team.shared, OPEN)
        is_open = word >> KIND_BIT & 1 == GRADIENT and word & 2
        if is_open and exchange(team.shared, OPEN, word, word & ~2):
            return 1
    return -1


def be_held_up(team, enough, tasks):
    """Take a task, and write its result when nobody waits for it any more."""
    tasks.append(claim_one(team, enough))
    while not enough[0]:
        time.sleep(0.001)
    if tasks[0] >= 0:
        team.gradients[tasks[0]] = np.nan
        team.losses[tasks[0]] = np.nan
        team.shared[DONE] += 1 << tasks[0]
    team.shared[INSIDE] -= 1


def run_naive(problem, optimizer, batch_size, weight, weight_decay=0.0):
    network, theta, X, Y, order = problem
    rule = make_rule(optimizer, weight_decay)
    weight = np.ones(N) if weight is None else weight
    n_steps, losses, memory = 0, [], {}
    for _ in range(2):
        theta, loss, n_steps = naive.train_epoch(
            *(network, theta, rule, memory, n_steps, X, Y, weight),
            *(order, batch_size, RATE, ALPHA),
        )
        losses.append(loss)
    return theta, losses, n_steps


def assert_same(result, expected):
    assert_allclose(result[0], expected[0], rtol=1e-10, atol=1e-12)
    assert_allclose(result[1], expected[1], rtol=1e-10)
    assert result[2] == expected[2]


BATCH_SIZES = [1, 4, 15]
KINDS = list(product([(), (6,), (6, 1, 5)], [False, True], [False, True]))
# Each optimizer with each batch size, and each of both with each kind of network, of
# weights and of storage.
CASES = [
    (optimizer, size, *kind)
    for optimizer, (i, size) in product(Optimizer, enumerate(BATCH_SIZES))
    for kind in KINDS[(optimizer + i) % 3 :: 3]
]


def test_cases_have_every_optimizer_and_batch_size_in_every_kind():
    assert set(product(Optimizer, BATCH_SIZES)) == {case[:2] for case in CASES}
    for place, members in enumerate([Optimizer, BATCH_SIZES]):
        found = {(case[place], *case[2:]) for case in CASES}
        assert found == {(each, *kind) for each in members for kind in KINDS}


@pytest.mark.parametrize(
    ("optimizer", "batch_size", "hidden", "weighted", "sparse"), CASES
)
def test_epoch_is_that_of_the_reference(
    optimizer, batch_size, hidden, weighted, sparse
):
    problem = make_problem(hidden, n_outputs=2)
    weight = np.random.default_rng(1).uniform(0.2, 3, N) if weighted else None
    result = run_kernel(problem, optimizer, batch_size, weight, sparse=sparse)
    assert_same(result, run_naive(problem, optimizer, batch_size, weight))


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("loss", Loss)
def test_sample_steps_hold_for_every_loss(loss, n_outputs):
    problem = make_problem((6, 5), n_outputs, loss)
    result = run_kernel(problem, Optimizer.NESTEROV, 1, None)
    assert_same(result, run_naive(problem, Optimizer.NESTEROV, 1, None))


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("optimizer", Optimizer)
def test_epoch_in_single_precision(optimizer, batch_size):
    problem = make_problem((6, 5), n_outputs=2)
    weight = np.random.default_rng(1).uniform(0.2, 3, N)
    options = {"weight_decay": 0.4, "dtype": np.float32}
    result = run_kernel(problem, optimizer, batch_size, weight, **options)
    assert result[0].dtype == np.float32
    expected = run_naive(problem, optimizer, batch_size, weight, weight_decay=0.4)
    assert_allclose(result[0], expected[0], rtol=1e-4, atol=1e-5)
    assert_allclose(result[1], expected[1], rtol=1e-5)
    assert result[2] == expected[2]


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("activations", MIXTURES)
def test_epoch_holds_for_every_activation(activations, batch_size):
    problem = make_problem((6, 5), 2, activations=activations)
    result = run_kernel(problem, Optimizer.NESTEROV, batch_size, None)
    assert_same(result, run_naive(problem, Optimizer.NESTEROV, batch_size, None))


@pytest.mark.parametrize("parts", [(1, 1), (2, 3)])
@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("optimizer", Optimizer)
def test_weight_decay_spares_the_intercepts(optimizer, batch_size, parts):
    problem = make_problem((6, 1, 5), n_outputs=2)
    weight = np.random.default_rng(1).uniform(0.2, 3, N)
    options = {"parts": parts, "weight_decay": 0.4}
    result = run_kernel(problem, optimizer, batch_size, weight, **options)
    expected = run_naive(problem, optimizer, batch_size, weight, weight_decay=0.4)
    assert_same(result, expected)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_weight_decay_shrinks_the_coefs_and_nothing_else(batch_size):
    # All outputs and targets are 0, and so is the gradient.
    network, theta, X, Y, order = make_problem((6, 5), n_outputs=2)
    is_coef = naive.is_coef(network.layer_units)
    theta[-2 - 5 * 2 :] = 0  # the last layer
    problem = network, theta, X, np.zeros_like(Y), order
    options = {"weight_decay": 0.4, "n_epochs": 1, "alpha": 0.0}
    after, _, n_steps = run_kernel(problem, Optimizer.GD, batch_size, None, **options)
    rates = RATE / np.arange(1, n_steps + 1)
    np.testing.assert_array_equal(after[~is_coef], theta[~is_coef])
    shrunk = np.prod(1 - 0.4 * rates) * theta[is_coef]
    assert_allclose(after[is_coef], shrunk, rtol=1e-13)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("chunk", [4, 7, 14])
def test_a_large_batch_is_the_sum_of_its_chunks(chunk, sparse):
    problem = make_problem((6,), n_outputs=2)
    weight = np.random.default_rng(1).uniform(0.2, 3, N)
    options = {"sparse": sparse, "chunk": chunk}
    result = run_kernel(problem, Optimizer.ADAM, 15, weight, **options)
    assert_same(result, run_naive(problem, Optimizer.ADAM, 15, weight))


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("parts", [(2, 3), (8, 16)])
@pytest.mark.parametrize("batch_size", [4, 15])
def test_a_step_is_the_sum_of_its_tasks(batch_size, parts, sparse):
    # Also where a batch, the last one, has fewer samples than there are parts.
    problem = make_problem((6, 1, 5), n_outputs=2)
    weight = np.random.default_rng(1).uniform(0.2, 3, N)
    options = {"sparse": sparse, "chunk": 2, "parts": parts}
    result = run_kernel(problem, Optimizer.ADAM, batch_size, weight, **options)
    assert_same(result, run_naive(problem, Optimizer.ADAM, batch_size, weight))


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="threads take turns then")
@pytest.mark.parametrize("returns_after", [0, 1, 3])
def test_a_task_that_is_held_up_is_done_again(returns_after):
    # Epochs go on without the late thread, which comes back after some of them. A part
    # takes about a millisecond: on an idle machine it is sure to find a task in time.
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((4000, 30)), rng.standard_normal((4000, 2))
    network = make_network([30, 60, 40, 2], [Activation.TANH] * 2, Loss.SQUARED_ERROR)
    rule = make_rule(Optimizer.ADAM)
    workspace = make_workspace(network, 500, X.dtype, sparse=False)
    order, rates = row_numbers(4000), np.array([0.01, 0.01])
    samples = as_samples(X, Y, None)
    first_theta = rng.uniform(-0.3, 0.3, network.offsets[-1])
    workspace = workspace._replace(passes=passes_for(samples.inputs, order))
    settings = samples, order, 2000, rates, ALPHA, workspace

    def run(team, before_epoch):
        theta, n_steps, losses = first_theta.copy(), 0, []
        state = np.zeros((2, theta.size))
        for epoch in range(5):
            before_epoch(epoch)
            powers = np.array(powers_after(rule, n_steps))
            loss, made = minibatch_epoch(
                0, team, network, theta, rule, state, powers, *settings
            )
            n_steps += made
            losses.append(loss)
        return theta, losses

    alone = make_team(1, first_theta.size, 2, 2, 1000, X.dtype)
    expected_theta, expected_losses = run(alone, lambda epoch: None)

    def run_with_a_late_thread():
        team = make_team(2, first_theta.size, 2, 2, 1000, X.dtype)
        enough, tasks = np.zeros(1, np.int64), []
        late = threading.Thread(target=be_held_up, args=(team, enough, tasks))

        def come_and_go(epoch):
            if epoch == 0:
                late.start()
                while team.shared[INSIDE] == 0:
                    time.sleep(0.001)
            if epoch == returns_after + 1:
                enough[0] = 1
                late.join()

        theta, losses = run(team, come_and_go)
        np.testing.assert_array_equal(theta, expected_theta)
        assert losses == expected_losses
        assert team.shared[LATE] == 0  # complete again
        return tasks[0] >= 0

    assert any(run_with_a_late_thread() for _ in range(100))


@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_batch_without_weight_makes_no_step(batch_size):
    problem = make_problem((6,), n_outputs=2)
    order = problem[-1]
    weight = np.ones(N)
    weight[order[:4]] = 0
    result = run_kernel(problem, Optimizer.ADAM, batch_size, weight)
    assert_same(result, run_naive(problem, Optimizer.ADAM, batch_size, weight))
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
    problem = make_problem((6, 5), n_outputs=3, activations=activations)
    network, theta, X, _, _ = problem
    workspace = make_workspace(network, chunk, theta.dtype, sparse, training=False)
    inputs = as_inputs(csr_array(X) if sparse else X)
    expected = naive.pre_activations(network, theta, X)[-1]
    for rows in (row_numbers(N), row_numbers(N)[::-2].copy()):
        raw = np.empty((rows.size, 3))
        raw_outputs(network, theta, inputs, rows, raw, np.zeros(1, int), workspace)
        assert_allclose(raw, expected[rows], rtol=1e-12)
