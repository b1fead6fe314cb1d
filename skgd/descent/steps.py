"""Steps of gradient descent: a network, its samples and threads, bound together."""

import warnings
from functools import partial

import numpy as np

from skgd.descent.draws import shuffle
from skgd.kernels.epoch import (
    Descent,
    Tasks,
    entry_for,
    help_steps,
    minibatch_steps,
    part_gradient,
    part_stage,
    sgd_steps,
    take_step,
    tasks_for,
)
from skgd.kernels.formulas.optimizers import N_FACTORS
from skgd.kernels.formulas.update import Update, make_update_rule, set_clock
from skgd.kernels.machine.memory import aligned, aligned_zeros, whole_rows
from skgd.kernels.passes.addresses import Passes, passes_for
from skgd.kernels.passes.inputs import as_inputs, read_only, row_numbers
from skgd.kernels.passes.plan import KEY, make_workspace
from skgd.kernels.passes.stages import combine
from skgd.kernels.team.protocol import make_team
from skgd.kernels.team.threads import Helpers, prepare_blas
from skgd.network.division import chunk_size, divide
from skgd.network.plan import make_plan

# Steps from single samples call none of these passes: they have one of their own.
NO_PASSES = Passes(0, 0, 0)


class Steps:
    """Takes the steps of epochs, in a `with` block, in which threads help.

    Parameters
    ----------
    params : estimator
        Read for its constructor parameters only.
    network : Network
    state : TrainingState
        Its parameters, its optimizer's memory, its generator and its order, in which
        the samples are taken, are changed in place. Its count of steps is not.
    samples : Samples
    n_threads : int
        Threads that may be used.

    Attributes
    ----------
    n_batches : int
        Number of batches in an epoch. Each makes a step, if its samples have weight.
    rates : ndarray of shape (n_batches,)
        The learning rates of the steps; they have to be written before an epoch is run.
    """

    def __init__(self, params, network, state, samples, n_threads):
        self._params, self._network, self._state = params, network, state
        state.theta, state.memory = aligned(state.theta), aligned(state.memory)
        order, dtype = state.order, state.theta.dtype
        size = batch_size_of(params, order.size)
        self.n_batches = -(-order.size // size)
        self.rates, self._sums = np.empty(self.n_batches), np.zeros(2)
        if size == 1:
            samples = _relative_weights(samples, state.mean_weight)
        if size == 1 and network.n_barriers:
            (name, *_) = network.barrier_kinds
            raise ValueError(
                f"{name} takes sums over the samples of a batch, and there is one "
                f"sample to train on. Give more, or leave {name} out."
            )
        inputs = samples.inputs
        self._plan = make_plan(network, inputs, order, training=True, gathers=size == 1)
        self._descent = Descent(
            plan=self._plan,
            passes=NO_PASSES if size == 1 else passes_for(self._plan, inputs, order),
            tasks=Tasks(),
            update=make_update(params, network, state),
            samples=samples,
            order=order,
            batch_size=size,
            rates=self.rates,
        )
        # The helpers must not refer to this object: such a cycle would keep all of its
        # arrays until the garbage collector runs.
        self._helpers = Helpers([])
        if size == 1:
            self._workspaces = [make_workspace(self._plan, 1, dtype)]
            before, kernel = (self._descent,), sgd_steps
            gradient = aligned_zeros(state.theta.size, dtype)
            after = self._sums, self._workspaces[0], gradient
        else:
            self._divide(inputs, size, n_threads)
            before, kernel = (self._team, self._descent), minibatch_steps
            after = self._sums, self._workspaces[0]
        arguments = *before, 0, 0, *after
        self._take = entry_for(kernel, self._descent, *arguments)
        # The kernel's arguments before and after the numbers of the batches.
        self._before, self._after = before, after

    def _divide(self, inputs, batch_size, n_threads):
        """Prepare threads that share the tasks of a step."""
        network, theta = self._network, self._state.theta
        n_parts, n_updates, late_turns = divide(network, inputs, batch_size)
        n_useful = min(n_threads, max(n_parts, n_updates))
        tasks = n_parts, n_updates, late_turns
        n_sums, size = self._plan.n_sums, -(-batch_size // n_parts)
        self._team = make_team(n_useful, theta.size, *tasks, theta.dtype, n_sums)
        if network.n_barriers == 0:
            size = chunk_size(network, size, theta.dtype, inputs.indptr.size > 0)
        self._workspaces = [
            make_workspace(self._plan, size, theta.dtype) for _ in range(n_useful)
        ]
        if network.n_barriers > 0:  # the parts' blocks last from stage to stage
            memory = aligned_zeros(n_parts * size * self._plan.width, theta.dtype)
            shared = [each._replace(memory=memory) for each in self._workspaces]
            self._workspaces = shared
        types = self._team, self._descent, self._workspaces[0]
        self._descent = self._descent._replace(tasks=tasks_for(*types))
        prepare_blas(n_useful)
        self._helpers = Helpers(
            [
                partial(help_steps, i, self._team, self._descent, self._workspaces[i])
                for i in range(1, n_useful)
            ]
        )

    def __enter__(self):
        self._helpers.__enter__()
        return self

    def __exit__(self, *exception):
        self._helpers.__exit__(*exception)

    def begin_epoch(self):
        """Draw what the epoch needs: a seed for the layers, and a new order."""
        state = self._state
        if self._network.draws:
            self.seed_with(draw_seed(state.random_state))
        if self._params.shuffle and self._params.solver != "batch":
            shuffle(state.order, state.random_state)
        set_clock(state.optimizer, self._descent.update, state.n_steps)
        self._sums[:] = 0

    def seed_with(self, seed):
        """Let the layers draw by this seed, which is two words."""
        for workspace in self._workspaces:
            workspace.random[KEY : KEY + 2] = seed

    def run(self, first, last):
        """Take the steps of batches `first` to `last`; return how many there were.

        A batch without weight makes no step.
        """
        self._helpers.wake()
        return self._take(*self._before, first, last, *self._after)

    def run_epoch(self):
        """Take the steps of the whole epoch; return how many there were."""
        return self.run(0, self.n_batches)

    @property
    def loss(self):
        """Mean of the losses of the epoch's batches so far, each before its step."""
        return float(self._sums[0] / max(self._sums[1], 1))


def make_update(params, network, state):
    """Make the `Update` that turns gradients into steps of a state's parameters.

    Parameters
    ----------
    params : estimator
        Read for its constructor parameters only.
    network : Network
    state : TrainingState
        Its parameters and its optimizer's memory are moved in place.

    Returns
    -------
    update : Update
    """
    rule = make_update_rule(
        *(state.optimizer, params.momentum, params.beta_1, params.beta_2),
        *(params.epsilon, params.weight_decay, state.theta.dtype),
        max_grad_norm=params.max_grad_norm,
    )
    update = Update(
        theta=state.theta,
        segments=network.segment_table,
        rule=rule,
        memory=whole_rows(state.memory),
        step=np.zeros(N_FACTORS),
        one=np.ones(1, state.theta.dtype),
        alpha=float(params.alpha),
    )
    set_clock(state.optimizer, update, state.n_steps)
    return update


def draw_seed(random_state):
    """Draw the seed by which layers draw random numbers in an epoch."""
    return random_state.randint(2**32, size=2, dtype=np.uint64)


# The two halves of a step, which may be in different processes.


class PartOfBatch:
    """A part of a batch, whose share of the batch's gradient can be computed apart.

    Parameters
    ----------
    network : Network
    theta : ndarray of shape (n_parameters,)
        The point at which the gradient is taken.
    samples : Samples
    first : int, default=0
        The place of the first of the samples in the batch. Dropout needs it.
    seed : ndarray of shape (2,), default=None
        The seed by which layers draw random numbers; None if none does.
    """

    def __init__(self, network, theta, samples, *, first=0, seed=None):
        self._network, self._theta = network, theta
        inputs, rows = samples.inputs, row_numbers(samples.targets.shape[0])
        self._plan = make_plan(network, inputs, rows, training=True)
        passes, size = passes_for(self._plan, inputs, rows), rows.size
        if network.n_barriers == 0:
            size = chunk_size(network, size, theta.dtype, inputs.indptr.size > 0)
        self._workspace = make_workspace(self._plan, size, theta.dtype)
        if seed is not None:
            self._workspace.random[KEY : KEY + 2] = seed
        self._common = self._plan, passes, theta, samples, rows, first

    def gradient(self, totals=None):
        """Compute loss, weight and gradient, summed with the samples' weights.

        Parameters
        ----------
        totals : ndarray of shape (n_sums,), default=None
            Sums over the whole batch, which a network with barriers needs. None if
            these samples are the whole batch; the barriers then also update those
            parameters in theta that are their own.

        Returns
        -------
        loss, weight : float
        gradient : ndarray of shape (n_parameters,)
        """
        gradient = np.empty_like(self._theta)
        if self._network.n_barriers == 0:
            where = self._workspace, gradient
            return *part_gradient(*self._common, *where), gradient
        sums, total = np.zeros((1, self._plan.n_sums)), 0.0
        made = np.zeros(self._plan.n_sums) if totals is None else totals
        for stage in range(2 * self._network.n_barriers + 1):
            loss, weight = self._run(stage, gradient, sums[0], made)
            total += loss
            if totals is None:
                combine(self._plan, self._theta, stage, sums, 1, made)
        return total, weight, gradient

    def sums(self, stage, totals):
        """Run the stages up to this one, and return the sums that the next one needs.

        Parameters
        ----------
        stage : int
        totals : ndarray of shape (n_sums,)
            The totals of all stages before this one.

        Returns
        -------
        sums : ndarray of shape (n_sums,)
        """
        gradient, sums = np.empty_like(self._theta), np.zeros(self._plan.n_sums)
        for former in range(stage + 1):
            self._run(former, gradient, sums, totals)
        return sums

    def _run(self, stage, gradient, sums, totals):
        where = self._workspace, gradient, sums, totals
        return part_stage(*self._common, stage, *where)


def combine_sums(network, theta, stage, sums, totals):
    """Write the totals of a stage, given the sums of all parts.

    Parameters
    ----------
    network : Network
    theta : ndarray of shape (n_parameters,)
        The parameters that are a barrier's own are updated.
    stage : int
    sums : ndarray of shape (n_parts, n_sums)
    totals : ndarray of shape (n_sums,)
        Written.
    """
    # The plan for dense data will do, as sums do not depend on how samples are stored.
    inputs, rows = as_inputs(np.empty((0, 0), theta.dtype)), row_numbers(0)
    plan = make_plan(network, inputs, rows, training=True)
    combine(plan, theta, stage, sums, sums.shape[0], totals)


def apply(update, gradient, loss, weight, rate):
    """Take the step of a batch's summed gradient.

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
    return take_step(update, gradient, float(loss), float(weight), float(rate))


# The samples of a step, and their weights.


def batch_size_of(params, n_samples):
    """Return the number of samples in a batch."""
    if params.solver == "batch":
        return n_samples
    if params.solver == "sgd":
        return 1
    if params.batch_size == "auto":
        return min(200, n_samples)
    if params.batch_size > n_samples:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to "
            "be clipped",
            stacklevel=2,
        )
    return min(int(params.batch_size), n_samples)


def _relative_weights(samples, mean_weight):
    """Divide the weights by their mean, for steps from single samples.

    Steps from batches divide by the weight of the batch instead.
    """
    weights = samples.weights
    if weights.size == 0:
        if mean_weight == 1:
            return samples
        weights = np.ones(samples.targets.shape[0], weights.dtype)
    weights = weights / weights.dtype.type(mean_weight)
    return samples._replace(weights=read_only(weights))
