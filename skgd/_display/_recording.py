"""The parameters of a network on its way through a fit, step by step."""

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skgd.estimators.base import BaseGDNeural
from skgd.kernels.formulas.optimizers import next_powers, powers_after
from skgd.kernels.layers.inputs import read_only
from skgd.kernels.machine.jit import plain


class StepRecorder:
    """Writes down the parameters after some of the steps of a fit.

    It is set as an attribute `_recorder` of the estimator before `fit`. An epoch is
    then run in pieces, each of which ends with a step to write down. A piece is the
    whole epoch with the weights of all samples outside of the piece set to 0: a batch
    without weight makes no step. So every step is the one that `fit` makes without a
    recorder, bit by bit, with its own number, rate and dropout.

    Parameters
    ----------
    max_points : int
        Most steps to write down. They are all steps if `max_iter` epochs have no more;
        otherwise they are spread over them by growing distances, see `planned_steps`.

    Attributes
    ----------
    steps : list of int
        Numbers of the steps that were written down, beginning with 0, the start, and
        ending with the last step of the fit.
    thetas : list of ndarray of shape (n_parameters,)
        Parameters after these steps.
    """

    def __init__(self, max_points):
        self.max_points = max_points
        self.steps, self.thetas = [], []

    def begin(self, theta, samples, order, batch_size, n_epochs):
        """Write down the start, and return the samples to train on.

        Parameters
        ----------
        theta : ndarray of shape (n_parameters,)
        samples : Samples
        order : ndarray of shape (n,)
            The running order of the training samples.
        batch_size, n_epochs : int
        """
        self._order, self._batch_size = order, batch_size
        self._n_batches = -(-order.size // batch_size)
        self._planned = planned_steps(n_epochs * self._n_batches, self.max_points)
        self._n_before, self._is_provisional = 0, False
        self._write(0, theta)

        n_samples = samples.targets.shape[0]
        has_weights = samples.weights.size > 0
        ones = np.ones(n_samples, samples.weights.dtype)
        self._given = samples.weights if has_weights else ones
        self._weights = self._given.copy()
        return samples._replace(weights=read_only(self._weights))

    def run_epoch(self, epoch, rule, state):
        """Run an epoch in pieces; returns its loss and number of steps.

        Parameters
        ----------
        epoch : callable
            Runs it once, given the `Powers` of the steps before.
        rule : UpdateRule
        state : TrainingState
        """
        if self._is_provisional:  # it was to be the end, if this epoch had not come
            del self.steps[-1], self.thetas[-1]
        cuts = self._planned - self._n_before
        cuts = cuts[(cuts > 0) & (cuts < self._n_batches)].tolist()
        powers = powers_after(rule, state.n_steps)
        n_steps, losses, counts = 0, [], []
        for start, stop in zip([0, *cuts], [*cuts, self._n_batches], strict=True):
            counts.append(self._open(start, stop))
            loss, n_made = epoch(np.array(powers))
            losses.append(loss)
            n_steps += n_made
            for _ in range(n_made):  # as the kernel counts them on
                powers = plain(next_powers)(rule, powers)
            if n_made:
                self._write(state.n_steps + n_steps, state.theta)
        self._n_before += self._n_batches
        is_planned = self._n_before in self._planned
        self._is_provisional = n_made > 0 and not is_planned
        return float(np.dot(losses, counts) / max(sum(counts), 1)), n_steps

    def _open(self, start, stop):
        """Give weight to the batches from `start` to `stop`; the samples in them."""
        size = self._batch_size
        rows = self._order[start * size : stop * size]
        self._weights[:] = 0
        self._weights[rows] = self._given[rows]
        batches = np.arange(0, rows.size, size)
        has_weight = np.add.reduceat(self._weights[rows], batches) != 0
        return int(np.diff(batches, append=rows.size)[has_weight].sum())

    def _write(self, step, theta):
        self.steps.append(step)
        self.thetas.append(theta.copy())


def planned_steps(total, max_points):
    """Numbers of the steps to write down, of `total`; the last one is among them."""
    if total <= max_points:
        return np.arange(1, total + 1)
    # With a power of 2 or more, which brings the first step down to 1.
    power = max(2.0, np.log(total) / np.log(max_points))
    share = np.arange(1, max_points + 1) / max_points
    return np.unique(np.maximum(np.rint(total * share**power), 1).astype(np.int64))


def record_fit(name, estimator, max_points, X, y, sample_weight):
    """Fit a clone; returns it and the recorder of its steps."""
    kind = type(estimator).__name__
    if not isinstance(estimator, BaseGDNeural):
        raise TypeError(
            f"{name!r} must be a GDNeuralRegressor or a GDNeuralClassifier, got "
            f"{kind}. Transform X beforehand, and give the network alone."
        )
    if not estimator._trains_here:
        raise TypeError(
            f"{name!r} must be a GDNeuralRegressor or a GDNeuralClassifier, got "
            f"{kind}, whose steps the workers take. Give to_local() of it."
        )
    network = clone(estimator)
    network._recorder = StepRecorder(max_points)
    with warnings.catch_warnings():
        # That max_iter did not suffice is for the picture to show.
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            network.fit(X, y, sample_weight)
        except ValueError as error:
            raise ValueError(f"The fit of {name!r} failed: {error}") from error
    return network, network._recorder


def name_of(estimator):
    """What a path is called, if the user has given no name."""
    is_ours = isinstance(estimator, BaseGDNeural)
    return estimator.solver if is_ours else type(estimator).__name__


def check_comparable(fits):
    """Raise if the paths do not share a surface and a start."""
    (first, (network, recorder)), *others = fits.items()
    for name, (other, other_recorder) in others:
        shapes, start = network._network, recorder.thetas[0]
        theirs = other._network
        same = {
            "class": type(network) is type(other),
            "hidden_layer_sizes": np.array_equal(
                shapes.layer_units, theirs.layer_units
            ),
            "activation": np.array_equal(shapes.activations, theirs.activations),
            "loss": shapes.loss == theirs.loss
            and shapes.loss_parameter == theirs.loss_parameter,
            **{
                parameter: getattr(network, parameter, None)
                == getattr(other, parameter, None)
                for parameter in ("class_weight", "label_smoothing")
            },
        }
        for what, is_same in same.items():
            if not is_same:
                raise ValueError(
                    "The estimators must have one loss surface, and so the same "
                    f"{what}: that of {name!r} is not that of {first!r}."
                )
        if not np.array_equal(start, other_recorder.thetas[0]):
            raise ValueError(
                f"The estimators must begin at the same parameters: {name!r} does not "
                f"begin where {first!r} does. Give them all the same int as "
                "random_state."
            )
