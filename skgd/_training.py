"""The epoch loop: order of samples, learning rate, stopping, history."""

import warnings
from copy import copy
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from skgd._schedules import SCHEDULES
from skgd.kernels.backprop import make_workspace
from skgd.kernels.epoch import minibatch_epoch, sgd_epoch
from skgd.kernels.inputs import Inputs, as_inputs, read_only
from skgd.kernels.optimizers import STATE_ROWS, Optimizer, make_update_rule

# Samples whose activations are held at once. Larger batches are added up in chunks.
CHUNK = 1024

NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large "
    "values and need to be preprocessed."
)


def check_total_weight(sample_weight):
    """Raise if there are weights, and nothing has any."""
    if sample_weight is None:
        return
    if not sample_weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    if sample_weight.sum() == 0:
        raise ValueError("Sample weights must not sum to 0.")


class TrainingData(NamedTuple):
    """What the kernels read; `order` names the rows to train on."""

    inputs: Inputs
    targets: np.ndarray
    weights: np.ndarray
    order: np.ndarray

    @classmethod
    def from_arrays(cls, X, targets, sample_weight, rows):
        """Wrap validated arrays; all of X's dtype, and none is copied."""
        weights = np.empty(0, X.dtype) if sample_weight is None else sample_weight
        return cls(as_inputs(X), read_only(targets), read_only(weights), rows)


@dataclass
class TrainingState:
    """All that a descent carries from one epoch, and one partial_fit, to the next.

    Attributes
    ----------
    theta : ndarray of shape (n_parameters,)
    best_theta : ndarray of shape (n_parameters,) or None
        Parameters at the best validation score, once there is any.
    random_state : RandomState
        Made from `seed`, the estimator's parameter at that time.
    optimizer : Optimizer
    optimizer_state : ndarray of shape (n_rows, n_parameters)
    n_steps : int
        Steps since the optimizer state was zero.
    schedule : str
    learning_rate_init, learning_rate : float
        The present rate, and what the schedule began with.
    samples_seen, no_improvement_count : int
    held_out : ndarray or None
        Rows that the last fit's split has set aside, `held_out_fraction` of
        `n_split_samples`; None if the last call trained on all rows.
    best_loss, best_validation_score : float
    loss_curve, learning_rate_curve, validation_scores : list of float
    """

    theta: np.ndarray
    random_state: np.random.RandomState = None
    seed: object = None
    best_theta: np.ndarray = None
    optimizer: Optimizer = None
    optimizer_state: np.ndarray = None
    n_steps: int = 0
    schedule: str = None
    learning_rate_init: float = None
    learning_rate: float = None
    samples_seen: int = 0
    no_improvement_count: int = 0
    held_out: np.ndarray = None
    held_out_fraction: float = None
    n_split_samples: int = 0
    best_loss: float = np.inf
    best_validation_score: float = -np.inf
    loss_curve: list = field(default_factory=list)
    learning_rate_curve: list = field(default_factory=list)
    validation_scores: list = field(default_factory=list)

    def restart(self, params):
        """Start a fit: no memory of former steps, nor of epochs without improvement."""
        self.optimizer = Optimizer[params.optimizer.upper()]
        shape = STATE_ROWS[self.optimizer], self.theta.size
        self.optimizer_state = np.zeros(shape, self.theta.dtype)
        self.n_steps = 0
        self.restart_schedule(params)
        self.no_improvement_count = 0
        self.best_loss = np.inf

    def restart_schedule(self, params):
        """Start a schedule at its initial rate."""
        self.schedule = params.learning_rate
        self.learning_rate_init = float(params.learning_rate_init)
        self.learning_rate = self.learning_rate_init

    def resume(self, params):
        """Start a partial_fit: go on, except where the parameters are new ones."""
        if Optimizer[params.optimizer.upper()] != self.optimizer:
            self.restart(params)
        wanted = params.learning_rate, params.learning_rate_init
        if wanted != (self.schedule, self.learning_rate_init):
            self.restart_schedule(params)
        # None is NumPy's global generator, wherever the estimator has come from.
        if params.random_state is None or params.random_state is not self.seed:
            self.seed_with(params.random_state)

    def seed_with(self, random_state):
        """Draw from what `random_state` stands for from now on."""
        self.seed = random_state
        self.random_state = check_random_state(random_state)

    def start_validation(self, score):
        """Take the parameters as they stand, of this score, for the best so far."""
        self.best_validation_score = score if np.isfinite(score) else -np.inf
        self.best_theta = self.theta.copy()

    def copy(self):
        """Copy what training writes into, so that a failed fit can be forgotten."""
        arrays = ("theta", "best_theta", "optimizer_state")
        lists = ("loss_curve", "learning_rate_curve", "validation_scores")
        values = {name: getattr(self, name) for name in arrays + lists}
        return replace(self, **{k: copy(v) for k, v in values.items()})


def train(params, network, state, data, *, score, incremental):
    """Descend until a stopping rule, `max_iter` epochs, Ctrl-C or divergence.

    Parameters
    ----------
    params : estimator
        Read for its constructor parameters only.
    network : Network
    state : TrainingState
        Updated in place.
    data : TrainingData
    score : callable or None
        Gives the validation score (higher is better) of the network as it stands.
    incremental : bool
        One epoch only, which goes on where the last call left off.

    Returns
    -------
    n_iter : int
        Epochs run.

    Raises
    ------
    ValueError
        If the parameters became non-finite and no best ones can be restored.
    """
    early_stopping = params.early_stopping
    schedule = SCHEDULES[params.learning_rate](
        params.learning_rate_init, params.power_t
    )
    max_iter = 1 if incremental else params.max_iter
    n_iter = 0
    is_stopping = False
    try:
        for loss in _epochs(params, network, state, data, max_iter):
            n_iter += 1
            _record_epoch(params, state, data.order.size, n_iter, loss, score)
            if not np.isfinite(loss):
                _give_up(state, early_stopping, n_iter)
                is_stopping = True
                break
            state.learning_rate = schedule.after_epoch(
                state.learning_rate, state.samples_seen
            )
            if state.no_improvement_count > params.n_iter_no_change:
                is_stopping = _stop_at_plateau(params, state, schedule)
                if is_stopping:
                    break
        else:
            if not incremental:
                warnings.warn(
                    f"Stochastic Optimizer: Maximum iterations ({max_iter}) reached "
                    "and the optimization hasn't converged yet.",
                    ConvergenceWarning,
                    stacklevel=2,
                )
    except KeyboardInterrupt:
        if not state.loss_curve:
            raise  # there is no epoch to keep
        warnings.warn("Training interrupted by user.", stacklevel=2)

    ended = is_stopping or not incremental
    if early_stopping and ended and state.best_theta is not None:
        state.theta = state.best_theta.copy()
    if not np.isfinite(state.theta).all():
        raise ValueError(NON_FINITE)
    return n_iter


def _epochs(params, network, state, data, max_iter):
    """Run epochs one by one, and yield each one's loss."""
    order = data.order
    batch_size = _batch_size(params, order.size)
    n_batches = -(-order.size // batch_size)
    one_by_one = batch_size == 1
    workspace = make_workspace(
        network,
        min(batch_size, CHUNK),
        state.theta.dtype,
        # A single sample is made dense: its update goes over every weight anyway.
        sparse=data.inputs.indptr.size > 0 and not one_by_one,
    )
    rule = make_update_rule(
        state.optimizer, params.momentum, params.beta_1, params.beta_2, params.epsilon
    )
    for _ in range(max_iter):
        if params.shuffle and params.solver != "batch":
            order = shuffled(order, state.random_state)
        rates = np.full(n_batches, state.learning_rate)
        settings = rates, float(params.alpha), workspace
        common = (
            *(network, state.theta, rule, state.optimizer_state, state.n_steps),
            *(data.inputs, data.targets, data.weights, order),
        )
        if one_by_one:
            loss, state.n_steps = sgd_epoch(*common, *settings)
        else:
            loss, state.n_steps = minibatch_epoch(*common, batch_size, *settings)
        yield loss


def shuffled(order, random_state):
    """Shuffle as `sklearn.utils.shuffle` does, with the same draws.

    Without its validation: 200 samples took 143 us with it and 5 us like this, a whole
    batch of them on 10-50-1 45 us (measured).
    """
    permutation = np.arange(order.size)
    random_state.shuffle(permutation)
    return order[permutation]


def _batch_size(params, n_samples):
    """Samples that feed one gradient."""
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


def _record_epoch(params, state, n_samples, n_iter, loss, score):
    """Write the epoch into the history, and count epochs without improvement."""
    state.samples_seen += n_samples
    state.loss_curve.append(loss)
    state.learning_rate_curve.append(state.learning_rate)
    if params.verbose:
        print(f"Iteration {n_iter}, loss = {loss:.8f}")

    if score is not None:
        value = score() if np.isfinite(loss) else float("nan")
        state.validation_scores.append(value)
        if params.verbose:
            print(f"Validation score: {value:f}")

    if params.early_stopping:
        improved = value >= state.best_validation_score + params.tol
        if value > state.best_validation_score:
            state.best_validation_score = value
            state.best_theta = state.theta.copy()
    else:
        improved = loss <= state.best_loss - params.tol
        state.best_loss = min(state.best_loss, loss)
    state.no_improvement_count = 0 if improved else state.no_improvement_count + 1


def _stop_at_plateau(params, state, schedule):
    """Whether to stop after `n_iter_no_change` epochs without improvement."""
    rate = schedule.on_plateau(state.learning_rate)
    if params.verbose:
        watched = "Validation score" if params.early_stopping else "Training loss"
        done = f"Setting learning rate to {rate:f}" if rate else schedule.farewell
        print(
            f"{watched} did not improve more than tol={params.tol:f} for "
            f"{params.n_iter_no_change} consecutive epochs. {done}"
        )
    if rate is None:
        return True
    state.learning_rate = rate
    state.no_improvement_count = 0
    return False


def _give_up(state, early_stopping, n_iter):
    """End a diverged run: with an error, unless best parameters can be restored."""
    if not early_stopping or state.best_theta is None:
        raise ValueError(NON_FINITE)
    warnings.warn(
        f"The training loss became non-finite at iteration {n_iter}. Training stops, "
        "and the parameters of the best validation score are restored. Lower "
        "learning_rate_init, or scale the input data.",
        ConvergenceWarning,
        stacklevel=3,
    )
