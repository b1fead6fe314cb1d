"""The history of a fitted network's epochs, for networks of skgd and scikit-learn."""

import warnings

import numpy as np
from sklearn.utils.validation import check_is_fitted


def network_in(estimator):
    """Return the fitted network in a pipeline, a search or a transformation of y.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    ValueError
        If there is no network with a `loss_curve_`.
    """
    check_is_fitted(estimator)
    inner = None
    if hasattr(estimator, "steps"):
        inner = estimator.steps[-1][1]
    elif hasattr(estimator, "best_estimator_"):
        inner = estimator.best_estimator_
    elif hasattr(estimator, "regressor_"):
        inner = estimator.regressor_
    elif hasattr(estimator, "cv_results_"):
        raise ValueError(
            f"{type(estimator).__name__} has no best_estimator_ to plot, as it was "
            "fitted with refit=False."
        )
    if inner is not None and not isinstance(inner, str):
        return network_in(inner)
    if not hasattr(estimator, "loss_curve_"):
        raise ValueError(
            "A loss curve needs an estimator with a loss_curve_, which "
            f"{type(estimator).__name__} has not. (scikit-learn's MLPs have none with "
            "solver='lbfgs'.)"
        )
    return estimator


def validation_loss(network):
    """Return the validation loss of each epoch, or None."""
    losses = getattr(network, "validation_loss_curve_", None)
    known = None if losses is None else _if_known(losses)
    return known if known is not None and _is_in_step(network, known) else None


def learning_rate(network):
    """Return the learning rate of each epoch; None for networks of scikit-learn."""
    rates = getattr(network, "learning_rate_curve_", None)
    return None if rates is None else _if_known(rates)


def stopped_early(network):
    """Return whether it was fitted with early stopping."""
    return getattr(network, "best_validation_score_", None) is not None


def best_epoch(network):
    """Return the epoch of the best score with early stopping, or of the least loss."""
    if stopped_early(network):
        best_score, scores = network.best_validation_score_, network.validation_scores_
        if scores is None or len(scores) != len(network.loss_curve_):
            return None
        # It need not be the largest score: after a change of `scoring`, former scores
        # do not count.
        hits = np.flatnonzero(np.array(scores) == best_score)
    else:
        losses = np.array(network.loss_curve_)
        finite = losses[np.isfinite(losses)]
        hits = np.flatnonzero(losses == finite.min()) if finite.size else finite
    return int(hits[0]) + 1 if hits.size else None


def _if_known(values):
    """Return an array, or None if all values are nan.

    A network that was converted from scikit-learn has nan for what it did not record.
    """
    values = np.array(values, dtype=float)
    return None if np.isnan(values).all() else values


def _is_in_step(network, losses):
    """Return whether there is a loss for each epoch; warn if not.

    If there are fewer, nothing tells which epochs they belong to.
    """
    n_epochs = len(network.loss_curve_)
    if len(losses) == n_epochs:
        return True
    warnings.warn(
        f"Validation losses are not plotted: there are {len(losses)} for {n_epochs} "
        "epochs, as some calls of fit or partial_fit had validation data and some had "
        "none.",
        stacklevel=5,
    )
    return False
