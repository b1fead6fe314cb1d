"""A partition on its worker, and the tasks of training that it is given to.

Dask may run a task again on another worker. So no function here changes what it is
given, except for the order that a part keeps.
"""

from copy import copy, deepcopy
from types import SimpleNamespace

import numpy as np
from dask.system import CPU_COUNT
from scipy.sparse import issparse
from sklearn.base import is_classifier
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import type_of_target

from skgd._sklearn_private import num_samples
from skgd.dask._blocks import naming_partition
from skgd.descent.draws import shuffle
from skgd.descent.loop import Fit, make_steps, run_epoch
from skgd.descent.state import mean_weight
from skgd.descent.steps import PartOfBatch, draw_seed
from skgd.estimators.base import as_numbers
from skgd.estimators.checks import check_weights
from skgd.kernels.passes.inputs import as_samples, row_numbers
from skgd.kernels.team.threads import one_blas_thread

# Validation ---------------------------------------------------------------------------


class Block:
    """X, y and weights of a partition, validated.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    weight : ndarray of shape (n_samples,) or None
    names : ndarray of shape (n_features,) or None
        Names of the features.
    """

    def __init__(self, X, y, weight, names):
        self.X, self.y, self.weight, self.names = X, y, weight, names

    def __sizeof__(self):
        return _n_bytes(self.X) + _n_bytes(self.y) + _n_bytes(self.weight)


def validate(template, number, dtype, weight_name, X, y, weight):
    """Validate a partition as `fit` validates its data.

    Parameters
    ----------
    template : estimator
        An estimator of one process, with the parameters, and with the number and names
        of the features if they are known.
    number : int
        The partition's number, for messages.
    dtype : dtype or None
        That of the network, if there is one already.
    weight_name : str
        What messages call the weights.
    X, y, weight
        As the user's collections hold them; `weight` may be None.

    Returns
    -------
    block : Block or None
        None if there are no samples.

    Raises
    ------
    ValueError
        If the data are invalid; the message begins with the partition.
    """
    n_samples = num_samples(X)
    for name, other in (("y", y), ("sample_weight", weight)):
        if other is not None and num_samples(other) != n_samples:
            raise ValueError(
                f"Partition {number}: X has {n_samples} samples, and {name} has "
                f"{num_samples(other)}. Give both the same chunks."
            )
    if n_samples == 0:
        return None
    estimator = copy(template)
    if dtype is not None:
        estimator._state = SimpleNamespace(theta=np.empty(0, dtype))
    with naming_partition(number):
        X, y = estimator._validate_X_y(X, _without_column(y), first=dtype is None)
        if weight is not None:
            weight = validate_weight(weight, X, weight_name)
        vars(estimator).pop("_state", None)
        estimator._learn_targets(y, incremental=False)
    return Block(X, y, weight, getattr(estimator, "feature_names_in_", None))


def validate_weight(weight, X, name="sample_weight"):
    """Validate weights; those of a partition may all be 0, if not those of all are."""
    if not np.any(weight):
        return np.zeros(X.shape[0], X.dtype)
    return check_weights(weight, X, name)


def _without_column(y):
    """Turn (n, 1) into (n,), without a warning, which would appear on the worker."""
    if getattr(y, "ndim", 1) == 2 and y.shape[1] == 1 and not issparse(y):
        return np.asarray(y).ravel()
    return y


class Summary:
    """All that the client has to know of a block.

    Attributes
    ----------
    n_samples, n_features : int
    names : ndarray or None
    dtype : dtype
    y : ndarray
        A few targets that show of what kind they are; for a classifier, all labels.
    largest : float
        The largest absolute value of a regressor's targets.
    counts : ndarray or None
        How many samples have each of the labels `y`. For label indicators, how many
        samples have each label, and then how many samples there are.
    """

    def __init__(self, template, block):
        self.n_samples, self.n_features = block.X.shape
        self.names, self.dtype = block.names, block.X.dtype
        self.counts, self.largest = None, 0.0
        self.y = y = block.y
        if not is_classifier(template):
            self.y, self.largest = y[:1], np.abs(y).max()
        elif y.ndim == 1:
            self.y, self.counts = np.unique(y, return_counts=True)
        else:
            values = np.unique(y)
            self.y = np.repeat(values[:, np.newaxis], y.shape[1], axis=1)
            if type_of_target(y).startswith("multilabel"):
                ones = np.asarray(y.sum(axis=0)).ravel()
                self.counts = np.append(ones, self.n_samples)


def summarize(template, block):
    """Return a block's `Summary`, or None if it is empty."""
    return None if block is None else Summary(template, block)


# Training -----------------------------------------------------------------------------


class Part:
    """A partition that a network is trained on, or judged by.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    targets : ndarray of shape (n_samples, n_outputs)
    weights : ndarray of shape (n_samples,) or None
    y : ndarray or None
        Targets in the form that scores take.
    """

    def __init__(self, X, targets, weights, y=None):
        self.X, self.targets, self.weights, self.y = X, targets, weights, y

    @property
    def samples(self):
        """The `Samples` that kernels read."""
        return as_samples(self.X, self.targets, self.weights)

    def __sizeof__(self):
        return sum(_n_bytes(a) for a in (self.X, self.targets, self.weights, self.y))

    def __setstate__(self, attributes):
        # Arrays from a message may be unaligned, which is another type to Numba.
        for name in ("X", "targets", "weights"):
            value = attributes[name]
            if issparse(value):
                value.data = np.require(value.data, requirements="CA")
            elif value is not None:
                attributes[name] = np.require(value, requirements="CA")
        if "_order" in attributes:
            *of, rows, generator = attributes["_order"]
            attributes["_order"] = *of, np.array(rows), generator
        vars(self).update(attributes)

    def take_order(self, draws):
        """Return the order that former epochs have left, and the part's generator.

        Both stay with the part from epoch to epoch, so that no rows have to be sent. If
        they are missing, as the part was computed again or is on another worker, the
        former shuffles are done again.
        """
        # It is taken away at once, as a task of a former attempt may still be running.
        order = vars(self).pop("_order", None)
        if order is not None and order[:2] == (draws.call, draws.epoch):
            return order[2:]
        rows, generator = row_numbers(self.X.shape[0]), draws.generator()
        for _ in range(draws.epoch):
            draws.skip_epoch(rows, generator)
        return rows, generator

    def keep_order(self, draws, rows, generator):
        """Keep the order and the generator with which the next epoch begins."""
        self._order = draws.call, draws.epoch + 1, rows, generator


def _n_bytes(data):
    if data is None:
        return 0
    if issparse(data):
        return data.data.nbytes + data.indices.nbytes + data.indptr.nbytes
    return data.nbytes


def encode(template, class_weight, dtype, block):
    """Make of a block the `Part` to train on.

    Parameters
    ----------
    template : estimator
        For a classifier, it has the labels that were learned.
    class_weight : ndarray or None
        A weight for each class; for several labels, for 0 and 1 of each.
    dtype : dtype
    block : Block

    Returns
    -------
    part : Part
    """
    X, weights = block.X.astype(dtype, copy=False), block.weight
    targets = as_numbers(template._training_targets(block.y), dtype)
    if class_weight is not None:
        of_classes = template._weights_by_class(class_weight, block.y)
        weights = of_classes if weights is None else of_classes * weights
    if weights is not None:
        weights = weights.astype(dtype, copy=False)
    return Part(X, targets, weights)


def encode_to_judge(template, dtype, block):
    """Make of a block the `Part` to judge a network by, without class weights."""
    X, y = block.X.astype(dtype, copy=False), template._validation_targets(block.y)
    targets = as_numbers(template._encode_targets(block.y), dtype)
    return Part(X, targets, block.weight, y)


def total_weight(part):
    """Return the sum of a part's weights."""
    return part.weights.sum(dtype=np.float64)


def mean_weight_of(part):
    """Return the mean of a part's weights above 0, and their number."""
    return mean_weight(part.weights, part.X.shape[0])


class Point:
    """A network and its parameters, at which a batch's gradient is taken.

    Parameters
    ----------
    network : Network
    theta : ndarray of shape (n_parameters,)
    seed : ndarray of shape (2,) or None
        The seed by which layers draw random numbers.
    totals : ndarray of shape (n_sums,) or None
        For a network with barriers, the sums over the whole batch that are known so
        far.
    """

    def __init__(self, network, theta, seed, totals):
        self.network, self.theta = network, theta
        self.seed, self.totals = seed, totals

    def of_part(self, part, first):
        """Return the `PartOfBatch` of samples that begin at `first` in the batch."""
        theta = np.array(self.theta)  # an array from a message may be read-only
        where = {"first": first, "seed": self.seed}
        return PartOfBatch(self.network, theta, part.samples, **where)


def gradient_at(part, first, point):
    """Return loss, weight and gradient of a part, which begins at place `first`."""
    totals = None if point.totals is None else np.array(point.totals)
    with one_blas_thread():
        return point.of_part(part, first).gradient(totals)


def sums_at(part, first, point, stage):
    """Run the stages up to this one; return the sums that the next one needs."""
    with one_blas_thread():
        return point.of_part(part, first).sums(stage, np.array(point.totals))


class Draws:
    """The random numbers of a partition's epochs.

    Parameters
    ----------
    call : str
        Names the call of `fit`: an order that another call has left is not used.
    epoch : int
        Number of epochs before this one in the call.
    seed : int or RandomState
    dropout, shuffle : bool
        What is drawn in each epoch.
    """

    def __init__(self, call, epoch, seed, dropout, shuffle):
        self.call, self.epoch, self.seed = call, epoch, seed
        self.dropout, self.shuffle = dropout, shuffle

    def generator(self):
        """Return a generator as it is before the first epoch."""
        return deepcopy(check_random_state(self.seed))

    def skip_epoch(self, rows, generator):
        """Draw what an epoch draws, and shuffle the rows as it does."""
        if self.dropout:
            draw_seed(generator)
        if self.shuffle:
            shuffle(rows, generator)


class Descent:
    """A copy of the parameters on its way through an epoch's partitions.

    Attributes
    ----------
    params : estimator
        Read for its constructor parameters only.
    network : Network
    state : TrainingState
        The state without its history.
    loss : float
        Sum of the losses of the samples seen in this epoch.
    n_samples : int
        Number of these samples.
    first_rate : float or None
        Learning rate of the epoch's first step.
    random_state : RandomState or None
        The estimator's own generator, as the first partition has left it.
    """

    def __init__(self, params, network, state):
        self.params, self.network, self.state = params, network, state
        self.loss, self.n_samples, self.first_rate = 0.0, 0, None
        self.random_state = None


class Leg:
    """A partition's turn in an epoch of a copy of the parameters.

    Parameters
    ----------
    draws : Draws
    place, n_places : int
        Number of this turn in the epoch, from 0, and number of all turns.
    is_own : bool
        Whether the partition draws from the estimator's own generator.
    """

    def __init__(self, draws, place, n_places, is_own):
        self.draws, self.place, self.n_places = draws, place, n_places
        self.is_own = is_own


def _n_threads(n_jobs):
    """Return the threads of a task; joblib would allow only one in a worker process."""
    if n_jobs is None:
        return 1
    return n_jobs if n_jobs > 0 else max(1, CPU_COUNT + 1 + n_jobs)


def descend(part, descent, leg):
    """Run an epoch over a part; return the descent as it is after it."""
    descent = copy(descent)
    params, state = copy(descent.params), descent.state.copy()
    n_samples = part.X.shape[0]
    # A curve over training progress goes on from partition to partition.
    epochs, params.max_iter = state.scheduled_epochs, params.max_iter * leg.n_places
    state.scheduled_epochs = epochs * leg.n_places + leg.place
    if params.batch_size != "auto":
        params.batch_size = min(params.batch_size, n_samples)
    rows, state.random_state = part.take_order(leg.draws)
    n_steps, threads = state.n_steps, _n_threads(params.n_jobs)
    state.order = rows
    with one_blas_thread():
        what = params, descent.network, state, part.samples, rows
        # Only the client judges, tells callbacks and waits for Ctrl-C.
        fit = Fit(*what, None, None, None, True, threads)
        if n_samples == 1 and descent.network.n_barriers:
            # There is nothing to normalise over, so the partition takes no step.
            leg.draws.skip_epoch(rows, state.random_state)
            loss, rate = 0.0, float(fit.schedule.rates(state, params.max_iter, 1)[0])
        else:
            with make_steps(fit) as steps:
                loss, rate = run_epoch(fit, steps)
    part.keep_order(leg.draws, rows, state.random_state)

    if leg.is_own:
        descent.random_state = deepcopy(state.random_state)
    if descent.first_rate is None:
        descent.first_rate = rate
    if state.n_steps > n_steps:  # otherwise no sample has weight
        descent.loss += loss * n_samples
        descent.n_samples += n_samples
    state.scheduled_epochs, state.random_state = epochs, None
    state.end()
    descent.state = state
    return descent
