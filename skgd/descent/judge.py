"""Validation data: how they are split off, and how a network is judged on them."""

from copy import copy
from functools import partial
from math import isfinite

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split
from sklearn.utils import indexable

from skgd._sklearn_private import safe_indexing
from skgd.kernels.formulas.losses import loss_addresses, sum_of_losses
from skgd.kernels.passes.inputs import row_numbers
from skgd.network.outputs import RawOutputs


def split_rows(estimator, state, y):
    """Split the samples: return the rows to train on and those to hold out.

    Rows are held out at random or, with ``shuffle=False``, the last ones are. A warm
    refit keeps the former split.

    Parameters
    ----------
    estimator : estimator
        Read for `validation_fraction` and `shuffle`, and whether it is a classifier.
    state : TrainingState
        Remembers the split, and draws a new one.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)

    Returns
    -------
    rows, held_out : ndarray of int

    Raises
    ------
    ValueError
        If fewer than two samples would be held out, if none would be left, or if a
        class would be in one part only.
    """
    rows = row_numbers(y.shape[0])
    asked = estimator.validation_fraction, estimator.shuffle, rows.size
    known = state.held_out_fraction, state.held_out_shuffle, state.n_split_samples
    if state.held_out is not None and asked == known:
        return np.setdiff1d(rows, state.held_out), state.held_out
    stratify = None
    if estimator.shuffle and is_classifier(estimator) and y.ndim == 1:
        stratify = y
    _check_split(estimator.validation_fraction, rows.size, stratify)
    rows, held_out = train_test_split(
        rows,
        random_state=state.random_state if estimator.shuffle else None,
        test_size=estimator.validation_fraction,
        shuffle=estimator.shuffle,
        stratify=stratify,
    )
    state.held_out = held_out
    state.held_out_fraction, state.held_out_shuffle, state.n_split_samples = asked
    return rows, held_out


def _check_split(fraction, n, labels):
    """Raise where the error of scikit-learn's split would name its own parameters."""
    n_held_out = int(np.ceil(fraction * n))
    counts = np.array([2]) if labels is None else np.unique_counts(labels).counts
    if counts.min() < 2:
        if 0 < n_held_out < n:
            return  # the split raises, and names the classes with one sample
        found = np.unique_counts(labels)
        raise ValueError(
            "The least populated classes in y have only 1 member, which is too few: "
            f"{found.values[found.counts == 1].tolist()}. Pass X_val and y_val."
        )
    if n_held_out == 0:
        raise ValueError(
            f"validation_fraction={fraction} of {n} samples leaves none to validate "
            "on. Raise it, or pass X_val and y_val."
        )
    if n_held_out <= 1:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or "
            "the size of your dataset."
        )
    if n_held_out == n:
        raise ValueError(
            f"validation_fraction={fraction} of {n} samples leaves none to train on. "
            "Lower it, or pass X_val and y_val."
        )
    if labels is not None and min(n_held_out, n - n_held_out) < counts.size:
        raise ValueError(
            f"validation_fraction={fraction} divides {n} samples into {n - n_held_out} "
            f"to train on and {n_held_out} to validate on, and each part needs one of "
            f"each of the {counts.size} classes. Change validation_fraction, or pass "
            "X_val and y_val."
        )


def samples_as_given(X, y, rows):
    """Return the samples `rows` of X and y as the user gave them.

    They are copies, unless `rows` are all samples.
    """
    X, y = indexable(X, y)  # some sparse formats cannot be indexed
    if rows.size == len(y):
        return X, y
    return safe_indexing(X, rows), safe_indexing(y, rows)


class MeanLoss:
    """Mean of the training loss of raw outputs, without a penalty.

    Parameters
    ----------
    network : Network
    targets : ndarray of shape (n, n_outputs)
        As the loss takes them, of the parameters' dtype.
    sample_weight : ndarray of shape (n,) or None
    """

    def __init__(self, network, targets, sample_weight):
        self._targets = np.ascontiguousarray(targets.T)
        self._raw = np.empty_like(self._targets)
        self._weights = sample_weight
        if sample_weight is None:
            self._weights = np.ones(targets.shape[0], targets.dtype)
        self._total = self._weights.sum(dtype=np.float64)
        addresses = loss_addresses(network.formula, targets.dtype)
        self._loss = *addresses, network.loss_parameter

    @property
    def targets(self):
        """The targets, shape (n_outputs, n)."""
        return self._targets

    def __call__(self, raw):
        """Return the mean loss of raw outputs, which have the targets' shape."""
        np.copyto(self._raw, raw.T)
        arrays = self._raw, self._targets, self._weights
        return float(sum_of_losses(*self._loss, *arrays) / self._total)


class Judge:
    """Judges the network of an estimator whose fit is under way.

    Parameters
    ----------
    estimator : BaseGDNeural
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Validated data.
    rows : ndarray of shape (n,)
        The samples of X to judge by.
    y : ndarray of shape (n,) or (n, n_outputs)
        Their targets, or labels.
    sample_weight : ndarray of shape (n,) or None
    as_given : callable
        Returns X and y of these samples as the user gave them, for a user's scorer.
    n_threads : int
    """

    def __init__(self, estimator, X, rows, y, sample_weight, as_given, n_threads):
        self._estimator, self._X, self._weight = estimator, X, sample_weight
        self._raw_outputs = RawOutputs(estimator._network, X, rows, n_threads)
        with np.errstate(over="ignore"):
            targets = estimator._encode_targets(y).astype(X.dtype)
        self._mean_loss = MeanLoss(estimator._network, targets, sample_weight)
        # With these links the loss may be finite although a raw output is infinite: as
        # a prediction of 0, or the probability 0 of a class that is not the sample's.
        self._hides_infinity = estimator.out_activation_ in ("exp", "softmax")
        self._scorer = self._default_score = None
        if estimator.scoring is None:
            y = estimator._validation_targets(y)
            self._default_score = estimator._default_score(y, sample_weight)
        elif estimator.scoring != "loss":
            self._scorer = check_scoring(estimator, estimator.scoring)
            self._given = as_given()
            self._fitted = copy(estimator)

    @property
    def samples(self):
        """X, all of it, the targets of the rows, and their weights or None."""
        return self._X, self._mean_loss.targets, self._weight

    def __call__(self, interrupts):
        """Return the mean loss and the score.

        The score is nan after an overflow, and where a scorer of the user's own was
        interrupted.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            raw = self._raw_outputs(self._estimator._state.theta)
            loss = self._mean_loss(raw)
            finite = isfinite(loss)  # predicted labels would not show an overflow
            if self._hides_infinity:
                finite = finite and np.isfinite(raw).all()
            score = self._score(raw, loss, interrupts) if finite else np.nan
            return loss, float(score)

    def _score(self, raw, loss, interrupts):
        """Return the score; of whatever kind it is, higher is better."""
        estimator = self._estimator
        if estimator.scoring == "loss":
            return -loss
        y_pred = estimator._validation_predictions(raw)
        if self._default_score is not None:
            return self._default_score(y_pred)
        if is_regressor(estimator) and not np.isfinite(y_pred).all():
            return np.nan
        self._fitted._state = estimator._state
        # Weights are passed on only if there are any, as a scorer need not take them.
        weight = {} if self._weight is None else {"sample_weight": self._weight}
        scorer = partial(self._scorer, self._fitted, *self._given, **weight)
        return interrupts.interruptible(scorer, default=np.nan)
