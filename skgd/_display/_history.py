"""What a fitted network tells of its epochs, be it of skgd or of scikit-learn."""

import warnings

import numpy as np
from sklearn.utils.validation import check_is_fitted


def network_in(estimator):
    """Find the fitted network in a pipeline, a search or a transformation of y."""
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
    """Validation loss of each epoch, or None."""
    losses = getattr(network, "validation_loss_curve_", None)
    known = None if losses is None else _if_known(losses)
    return known if known is not None and _is_in_step(network, known) else None


def learning_rate(network):
    """Learning rate of each epoch, or None: scikit-learn's keep none."""
    rates = getattr(network, "learning_rate_curve_", None)
    return None if rates is None else _if_known(rates)


def stopped_early(network):
    """Whether it was fitted with early stopping, by scores on validation data."""
    return getattr(network, "best_validation_score_", None) is not None


def best_epoch(network):
    """Epoch of the best validation score with early stopping, or of the least loss."""
    if stopped_early(network):
        best_score, scores = network.best_validation_score_, network.validation_scores_
        if scores is None or len(scores) != len(network.loss_curve_):
            return None
        # Not the largest: a warm start under another `scoring` begins anew.
        hits = np.flatnonzero(np.array(scores) == best_score)
    else:
        losses = np.array(network.loss_curve_)
        finite = losses[np.isfinite(losses)]
        hits = np.flatnonzero(losses == finite.min()) if finite.size else finite
    return int(hits[0]) + 1 if hits.size else None


def _if_known(values):
    """As an array, or None: a network that was scikit-learn's may know of no epoch."""
    values = np.array(values, dtype=float)
    return None if np.isnan(values).all() else values


def _is_in_step(network, losses):
    """Whether there is one loss for each epoch; nothing says which have one if not."""
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
