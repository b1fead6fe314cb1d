"""Validation data: how they are split off, and how a network is judged on them."""

from copy import copy
from functools import partial

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing, indexable

from skgd._prediction import predict_raw
from skgd.kernels.inputs import row_numbers
from skgd.kernels.losses import LOSSES, Loss, softmax


def split_rows(estimator, state, y):
    """Rows to train on and rows held out; a warm refit keeps the former split.

    Parameters
    ----------
    estimator : estimator
        Read for `validation_fraction`, and whether it is a classifier.
    state : TrainingState
        Remembers the split, and draws a new one.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)

    Raises
    ------
    ValueError
        If a single sample would be held out.
    """
    rows = row_numbers(y.shape[0])
    asked = estimator.validation_fraction, rows.size
    known = state.held_out_fraction, state.n_split_samples
    if state.held_out is not None and asked == known:
        return np.setdiff1d(rows, state.held_out), state.held_out
    if np.ceil(estimator.validation_fraction * rows.size) == 1:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or "
            "the size of your dataset."
        )
    stratify = y if is_classifier(estimator) and y.ndim == 1 else None
    rows, held_out = train_test_split(
        rows,
        random_state=state.random_state,
        test_size=estimator.validation_fraction,
        stratify=stratify,
    )
    state.held_out = held_out
    state.held_out_fraction, state.n_split_samples = asked
    return rows, held_out


def samples_as_given(X, y, rows):
    """Return the samples `rows` of X and y as the person gave them.

    They are copies, unless it is all of them, in their order.
    """
    X, y = indexable(X, y)  # some sparse formats are not
    if rows.size == len(y):
        return X, y
    return _safe_indexing(X, rows), _safe_indexing(y, rows)


class Judge:
    """Judges the network of an estimator whose fit is under way.

    Parameters
    ----------
    estimator : BaseGDNeural
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Validated data.
    rows : ndarray of shape (n,)
        The samples of them to judge by.
    y : ndarray of shape (n,) or (n, n_outputs)
        Their targets, or labels.
    sample_weight : ndarray of shape (n,) or None
    as_given : callable
        Returns X and y of these samples as the person gave them: for a scorer.
    n_threads : int
    """

    def __init__(self, estimator, X, rows, y, sample_weight, as_given, n_threads):
        self._estimator = estimator
        self._X, self._rows, self._n_threads = X, rows, n_threads
        self._weight = sample_weight
        with np.errstate(over="ignore"):
            targets = estimator._encode_targets(y).astype(X.dtype)
        self._targets = np.ascontiguousarray(targets.T)
        self._y = estimator._validation_targets(y)
        self._scorer = None
        if estimator.scoring not in (None, "loss"):
            self._scorer = check_scoring(estimator, estimator.scoring)
            self._given = as_given()
            self._fitted = copy(estimator)

    @property
    def arrays(self):
        """What the validation data are known by."""
        weight = () if self._weight is None else (self._weight,)
        return self._rows, self._targets, *weight

    def __call__(self, interrupts):
        """Return the mean loss and the score.

        The score is nan after an overflow, and where a scorer of the person's own was
        interrupted.
        """
        network, theta = self._estimator._network, self._estimator._state.theta
        with np.errstate(over="ignore", invalid="ignore"):
            raw = predict_raw(network, theta, self._X, self._rows, self._n_threads)
            loss = mean_loss(network, raw, self._targets, self._weight)
            finite = np.isfinite(raw).all()  # labels would not show it
            score = self._score(raw, loss, interrupts) if finite else np.nan
            return loss, float(score)

    def _score(self, raw, loss, interrupts):
        """Higher is better, whatever it is."""
        estimator = self._estimator
        if estimator.scoring == "loss":
            return -loss
        y_pred = estimator._validation_predictions(raw)
        if is_regressor(estimator) and not np.isfinite(y_pred).all():
            return float("nan")
        if self._scorer is not None:
            vars(self._fitted).update(estimator._fitted_attributes())
            # A scorer need not know of weights where there are none.
            weight = {} if self._weight is None else {"sample_weight": self._weight}
            scorer = partial(self._scorer, self._fitted, *self._given, **weight)
            return interrupts.interruptible(scorer, default=np.nan)
        return estimator._score_function(self._y, y_pred, sample_weight=self._weight)


def mean_loss(network, raw, targets, sample_weight):
    """Mean of the training loss, without a penalty.

    Parameters
    ----------
    network : Network
    raw : ndarray of shape (n, n_outputs)
        Outputs before the link.
    targets : ndarray of shape (n_outputs, n)
    sample_weight : ndarray of shape (n,) or None
    """
    raw = np.array(raw.T, order="C")  # is overwritten
    if sample_weight is None:
        sample_weight = np.ones(raw.shape[1], raw.dtype)
    if network.loss == Loss.LOG_LOSS:
        softmax(raw)
    value, parameter = LOSSES[network.loss], network.loss_parameter
    outputs = zip(raw, targets, strict=True)
    total = sum(value(z, y, sample_weight, parameter) for z, y in outputs)
    return float(total / sample_weight.sum(dtype=np.float64))
