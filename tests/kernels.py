"""Problems for the kernels: what they make of them, and what the reference does."""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from unittest import mock

import numpy as np
from numpy.testing import assert_allclose
from scipy.sparse import csr_array

import skgd.descent.steps
import skgd.kernels.predict
from skgd import GDNeuralRegressor
from skgd.descent.state import TrainingState
from skgd.descent.steps import PartOfBatch, Steps, make_update
from skgd.kernels.passes import batch
from skgd.kernels.passes.addresses import passes_for
from skgd.kernels.passes.inputs import as_inputs, as_samples, row_numbers
from skgd.kernels.passes.plan import (
    FIRST,
    KEPT,
    KEY,
    N_KEPT,
    STEP,
    Y,
    make_workspace,
)
from skgd.network.network import Network, make_network
from skgd.network.plan import make_plan
from tests import naive


@dataclass(frozen=True)
class Problem:
    """A network, its parameters, and samples to train it on."""

    network: Network
    theta: np.ndarray
    X: np.ndarray  # also of a sparse problem, whose `inputs` are a CSR matrix
    Y: np.ndarray
    weight: np.ndarray  # or None
    order: np.ndarray  # rows of the samples, some of which are left out
    sparse: bool

    @property
    def inputs(self):
        """The samples as they are stored."""
        return csr_array(self.X) if self.sparse else self.X

    @property
    def samples(self):
        """The same as kernels read them, with targets and weights."""
        return as_samples(self.inputs, self.Y, self.weight)

    @property
    def weights(self):
        """The weights, also where there are none."""
        return np.ones(len(self.X)) if self.weight is None else self.weight

    def but(self, **changes):
        """Return one that differs in these fields."""
        return replace(self, **changes)

    def astype(self, dtype):
        """Return the same in another dtype."""
        names = ["theta", "X", "Y", *(["weight"] if self.weight is not None else [])]
        return self.but(**{each: getattr(self, each).astype(dtype) for each in names})


def make_problem(
    hidden=(6, 5),
    n_outputs=2,
    *,
    activation="tanh",
    loss="squared_error",
    dropout=None,
    n_features=4,
    **options,
):
    """Draw a problem for layers of these widths.

    One activation may stand for those of all hidden layers. For the `options`, see
    `problem_of`.
    """
    network = make_network(
        [n_features, *hidden, n_outputs],
        loss,
        naive.LOSS_PARAMETERS[loss],
        activation=[activation] * len(hidden)
        if isinstance(activation, str)
        else activation,
        dropout=dropout,
    )
    return problem_of(network, **options)


def problem_of(network, *, n=17, sparse=False, dtype=np.float64, weighted=True):
    """Draw parameters of the network, and samples that look sparse."""
    rng = np.random.default_rng(0)
    n_features, n_outputs = network.layers[0].fan_in, network.n_outputs
    X = rng.standard_normal((n, n_features)) * (rng.random((n, n_features)) < 0.7)
    theta = rng.uniform(-0.8, 0.8, network.n_parameters)
    for _, segment, start, stop in network.segments:
        if segment.rate == 0:  # it may be a variance
            theta[start:stop] = np.abs(theta[start:stop]) + 0.1
    problem = Problem(
        network=network,
        theta=theta,
        X=X,
        Y=naive.draw_targets(network.loss, n, n_outputs, rng),
        weight=rng.uniform(0.2, 3, n) if weighted else None,
        order=rng.permutation(row_numbers(n))[: n - 2],
        sparse=sparse,
    )
    return problem.astype(dtype)


# Gradients ----------------------------------------------------------------------------


def loss_and_gradient(problem, theta=None, *, key=(0, 0)):
    """Loss of all samples, summed with their weights, and its gradient."""
    theta = problem.theta if theta is None else theta
    seed = np.array(key, np.uint64)
    # A copy, as what is a layer's own may be written in it.
    where = problem.network, theta.copy(), problem.samples
    loss, weight, gradient = PartOfBatch(*where, seed=seed).gradient()
    assert_allclose(weight, problem.weights.sum(), rtol=1e-6)
    return loss, gradient


def loss_and_gradient_of(problem, rows, onto=None):
    """The same of these samples, by one pass; the gradient is added `onto` another."""
    samples, theta = problem.samples, problem.theta
    plan = make_plan(problem.network, samples.inputs, rows, training=True)
    workspace = make_workspace(plan, rows.size, theta.dtype)
    gradient = np.full_like(theta, np.nan) if onto is None else onto.copy()
    beta = theta.dtype.type(onto is not None)
    forward = passes_for(plan, samples.inputs, rows).forward
    where = samples, rows, workspace, gradient, beta
    loss = batch.loss_and_gradient(plan, forward, theta, *where)
    return loss, gradient


def numerical_gradient(problem, *, key=(0, 0), h=1e-6):
    """The gradient by central differences."""
    moves = h * np.eye(problem.theta.size)
    ends = [
        [
            loss_and_gradient(problem, problem.theta + sign * move, key=key)[0]
            for sign in (1, -1)
        ]
        for move in moves
    ]
    return -np.diff(ends, axis=1).ravel() / (2 * h)


def expected_loss_and_gradient(problem, rows=slice(None), *, key=(0, 0)):
    """What `loss_and_gradient` is by the reference, in double precision."""
    double = problem.astype(np.float64)
    weight = double.weights[rows]
    batch_of = double.X[rows], double.Y[rows], weight
    loss, gradient = naive.loss_and_gradient(
        double.network, double.theta, *batch_of, 0.0, naive.Draws(key)
    )
    return loss * weight.sum(), gradient * weight.sum()


# Values -------------------------------------------------------------------------------


def values_in_training(problem, layer, *, n, key=(0, 0), step=0, first=0):
    """Outputs of a layer, and what it keeps, in a pass of training of `n` samples.

    `first` is the place of the first sample in its batch. The outputs are rows with one
    element more than there are outputs.
    """
    inputs, rows = problem.samples.inputs, row_numbers(n)
    plan = make_plan(problem.network, inputs, rows, training=True)
    workspace = make_workspace(plan, n, problem.theta.dtype)
    workspace.random[KEY : KEY + 2] = key
    workspace.random[STEP], workspace.random[FIRST] = step, first
    batch.forward(plan, problem.theta, inputs, rows, workspace)
    row = plan.layers[layer]
    blocks = [(row[Y], problem.network.layers[layer].fan_out + 1)]
    blocks.append((row[KEPT], row[N_KEPT]))
    return [
        workspace.memory[n * start : n * (start + width)].reshape(n, width)
        for start, width in blocks
    ]


def raw_outputs(problem, rows, chunk):
    """Raw outputs of a prediction, `chunk` samples at a time."""
    inputs, theta = as_inputs(problem.inputs), problem.theta
    plan = make_plan(problem.network, inputs, rows, training=False)
    workspace = make_workspace(plan, chunk, theta.dtype)
    raw = np.full((rows.size, problem.network.n_outputs), np.nan, theta.dtype)
    position = np.zeros(1, np.int64)
    skgd.kernels.predict.raw_outputs(
        plan, theta, inputs, rows, raw, position, workspace
    )
    return raw


# Epochs -------------------------------------------------------------------------------


def settings(optimizer="adam", batch_size=4, **parameters):
    """Parameters of an estimator, which the steps and the reference read."""
    common = {"momentum": 0.9, "beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-8}
    common |= {"learning_rate_init": 0.05, "alpha": 0.3, "shuffle": False}
    return GDNeuralRegressor(
        solver="minibatch",
        optimizer=optimizer,
        batch_size=batch_size,
        **common | parameters,
    )


def begin(problem, params):
    """Begin to train; the parameters are copied."""
    state = TrainingState(problem.theta.copy(), np.random.RandomState(0))
    state.restart(params)
    state.begin(problem.order.copy())
    return state


def begin_update(network, theta, params, n_steps=0):
    """Begin to train without samples; the parameters are updated in place."""
    state = TrainingState(theta)
    state.restart(params)
    state.n_steps = n_steps
    return make_update(params, network, state)


@contextmanager
def divided(parts=(1, 1), chunk=64, late_turns=1000):
    """Have steps divided into so many parts, and passes into chunks of so many rows."""
    division = {
        "divide": lambda *_: (*parts, late_turns),
        "chunk_size": lambda *_: chunk,
    }
    with mock.patch.multiple(skgd.descent.steps, **division):
        yield


def run_epoch(steps, state, params, key=(0, 0)):
    """Take the steps of an epoch at rates that fall; return its loss."""
    steps.begin_epoch()
    steps.seed_with(np.array(key, np.uint64))
    steps.rates[:] = params.learning_rate_init / np.arange(1, steps.n_batches + 1)
    state.n_steps += steps.run_epoch()
    return steps.loss


def train(problem, params, *, parts=(1, 1), chunk=64, n_epochs=2, key=(0, 0)):
    """Some epochs of the kernels; parameters, losses, and the number of steps."""
    state = begin(problem, params)
    with divided(parts, chunk):
        steps = Steps(params, problem.network, state, problem.samples, 1)
    with steps:
        losses = [run_epoch(steps, state, params, key) for _ in range(n_epochs)]
    return state.theta, losses, state.n_steps


def expected_training(problem, params, *, n_epochs=2, key=(0, 0)):
    """What `train` returns by the reference."""
    data = problem.X, problem.Y, problem.weights, problem.order
    theta, n_steps, losses, memory = problem.theta, 0, [], {}
    for _ in range(n_epochs):
        theta, loss, n_steps = naive.train_epoch(
            problem.network, theta, params, memory, n_steps, *data, key
        )
        losses.append(loss)
    return theta, losses, n_steps


def assert_trained_alike(result, expected, rtol=1e-10, atol=1e-12, loss_rtol=1e-10):
    """Compare what `train` and `expected_training` return."""
    assert_allclose(result[0], expected[0], rtol=rtol, atol=atol)
    assert_allclose(result[1], expected[1], rtol=loss_rtol)
    assert result[2] == expected[2]
