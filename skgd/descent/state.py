"""What a descent carries from epoch to epoch, and from call to call."""

from copy import copy
from dataclasses import dataclass, field
from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state

from skgd.kernels.formulas.optimizers import OPTIMIZERS
from skgd.kernels.machine.memory import aligned_rows

# What training writes into: arrays, and lists with a number for each epoch.
ARRAYS = ("theta", "best_theta", "memory", "order")
HISTORIES = (
    *("loss_curve", "learning_rate_curve"),
    *("validation_losses", "validation_scores"),
)


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
    optimizer : str
    memory : ndarray of shape (n_rows, n_parameters)
        What the optimizer remembers, in the rows that its record names.
    n_steps : int
        Steps since the memory was zero.
    schedule : str
    learning_rate_init, learning_rate : float
        The rate that the schedule began with, and the present one.
    scheduled_epochs : int
        Epochs since the schedule began.
    order : ndarray or None
        Rows to train on, in the order in which the last epoch of a fit under way has
        left them; None between calls, and where the samples are on other machines.
    is_stopping : bool
        Whether a fit under way is to end.
    fingerprint : dict or None
        By what the fit is recognised, if it may be completed later.
    resumes : bool
        Whether the next call of `fit` completes the fit that this is a copy of.
    n_iter : int
        Epochs of the present call.
    samples_seen, no_improvement_count : int
    scoring : str, callable or None
        What the scores are, as in the estimator's parameter.
    held_out : ndarray or None
        Rows that the last fit's split has set aside, `held_out_fraction` of
        `n_split_samples`, at random if `held_out_shuffle`; None if the last call
        trained on all rows.
    best_loss, best_validation_score : float
    loss_curve, learning_rate_curve : list of float
    validation_losses, validation_scores : list of float
    early_stopping : bool
        Whether the last call watched the validation score.
    mean_weight : float
        Mean of the weights above 0 in the last `fit`, and in all calls of `partial_fit`
        since. Steps from single samples are relative to it.
    n_weighted : int
        Number of the weights in this mean.
    """

    theta: np.ndarray
    random_state: np.random.RandomState = None
    seed: object = None
    best_theta: np.ndarray = None
    optimizer: str = None
    memory: np.ndarray = None
    n_steps: int = 0
    schedule: str = None
    learning_rate_init: float = None
    learning_rate: float = None
    scheduled_epochs: int = 0
    order: np.ndarray = None
    is_stopping: bool = False
    fingerprint: dict = None
    resumes: bool = False
    n_iter: int = 0
    samples_seen: int = 0
    no_improvement_count: int = 0
    scoring: object = None
    held_out: np.ndarray = None
    held_out_fraction: float = None
    held_out_shuffle: bool = True
    n_split_samples: int = 0
    best_loss: float = np.inf
    best_validation_score: float = -np.inf
    loss_curve: list = field(default_factory=list)
    learning_rate_curve: list = field(default_factory=list)
    validation_losses: list = field(default_factory=list)
    validation_scores: list = field(default_factory=list)
    early_stopping: bool = False
    mean_weight: float = 1.0
    n_weighted: int = 0

    # Whether the last epoch of the call was judged by validation data. It is no field,
    # as it is not saved.
    is_judged = False

    def begin(self, order):
        """Begin a call that trains on these rows; None if other machines have them."""
        self.order, self.is_stopping, self.n_iter = order, False, 0

    def end(self):
        """End the call."""
        self.order, self.fingerprint, self.resumes = None, None, False

    def restart(self, params):
        """Start a fit: no memory of former steps, nor of epochs without improvement."""
        self.optimizer = params.optimizer
        n_rows = len(OPTIMIZERS[self.optimizer].memory)
        self.memory = aligned_rows(n_rows, self.theta.size, self.theta.dtype)
        self.n_steps = 0
        self.restart_schedule(params)
        self.no_improvement_count = 0
        self.best_loss = np.inf

    def restart_schedule(self, params):
        """Start a schedule at its initial rate."""
        self.schedule = params.learning_rate
        self.learning_rate_init = float(params.learning_rate_init)
        self.learning_rate = self.learning_rate_init
        self.scheduled_epochs = 0

    def resume(self, params):
        """Start a partial_fit: go on, but begin anew where a parameter has changed."""
        if params.optimizer != self.optimizer:
            self.restart(params)
        wanted = params.learning_rate, params.learning_rate_init
        if wanted != (self.schedule, self.learning_rate_init):
            self.restart_schedule(params)
        if not self._is_seeded_with(params.random_state):
            self.seed_with(params.random_state)

    def _is_seeded_with(self, random_state):
        if isinstance(random_state, Integral) and isinstance(self.seed, Integral):
            return random_state == self.seed
        # None stands for NumPy's global generator, and each process has another one.
        return random_state is not None and random_state is self.seed

    def remembered(self, name):
        """Return the row of the optimizer's memory of this name, to read or write."""
        return self.memory[OPTIMIZERS[self.optimizer].memory.index(name)]

    def seed_with(self, random_state):
        """Draw from what `random_state` stands for from now on."""
        self.seed = random_state
        self.random_state = check_random_state(random_state)

    def follow(self, params):
        """Refer to the user's own objects, of which a saved state has copies.

        The user's generator, if there is one, is moved to the place of its copy.
        """
        self.scoring = params.scoring
        if isinstance(params.random_state, np.random.RandomState):
            position = self.random_state.get_state(legacy=False)
            params.random_state.set_state(position)
            self.seed = self.random_state = params.random_state

    def start_validation(self, score):
        """Take the present parameters, which have this score, for the best so far."""
        self.best_validation_score = score if np.isfinite(score) else -np.inf
        self.best_theta = self.theta.copy()

    def branch(self):
        """Return a copy with arrays of its own, so that the call can be undone.

        The histories are shared, as they may be long: a failed call cuts them back, see
        `lengths` and `cut_back`.
        """
        return self._with_copies_of(ARRAYS)

    def copy(self):
        """Return a copy with arrays and histories of its own."""
        return self._with_copies_of(ARRAYS + HISTORIES)

    def _with_copies_of(self, names):
        other = object.__new__(type(self))
        copies = {name: copy(getattr(self, name)) for name in names}
        vars(other).update(vars(self) | copies)
        return other

    def lengths(self):
        """Lengths of the histories."""
        return [len(getattr(self, name)) for name in HISTORIES]

    def cut_back(self, lengths):
        """Remove what has been appended since the histories had these lengths."""
        for name, length in zip(HISTORIES, lengths, strict=True):
            del getattr(self, name)[length:]

    def weigh(self, means, *, incremental):
        """Update the mean weight by samples to train on; begin anew unless incremental.

        Parameters
        ----------
        means : sequence of (float, int)
            The `mean_weight` of groups of samples.
        incremental : bool
        """
        if not incremental:
            self.mean_weight, self.n_weighted = 1.0, 0
        for mean, n in means:
            if n == 0:
                continue
            self.n_weighted += n
            if self.n_weighted == n:
                self.mean_weight = mean
            else:  # written so that equal means stay the same, bit by bit
                share = n / self.n_weighted
                self.mean_weight += (mean - self.mean_weight) * share


def mean_weight(weights, n):
    """Return the mean of the weights above 0, and their number.

    Parameters
    ----------
    weights : ndarray of shape (n,) or None
    n : int
    """
    if weights is None:
        return 1.0, n
    weights = weights[weights > 0].astype(np.float64)
    if weights.size == 0:
        return 1.0, 0
    # Relative to the largest, equal weights are exactly 1, and so is their mean.
    largest = weights.max()
    return float(largest * np.mean(weights / largest)), weights.size
