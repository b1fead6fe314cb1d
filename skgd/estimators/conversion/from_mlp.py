"""From scikit-learn's MLP: its parameters, and what it has learned."""

from copy import deepcopy
from numbers import Integral

import numpy as np
from sklearn.base import is_classifier
from sklearn.preprocessing import LabelBinarizer

from skgd._sklearn_private import AdamOptimizer
from skgd.estimators.conversion.spelling import (
    LOSSES,
    SHARED,
    class_of_mlp,
    is_loss_of_another_scale,
    take_data_facts,
)
from skgd.estimators.fitted import checked_layers
from skgd.estimators.parameters import hidden_units


def check_class(cls, mlp):
    """Raise a TypeError unless `mlp` is what corresponds to this class."""
    wanted = class_of_mlp(cls())
    if not isinstance(mlp, wanted):
        raise TypeError(
            f"{cls.__name__}.from_sklearn takes an {wanted.__name__}, got "
            f"{type(mlp).__name__}."
        )


def parameters_from(mlp):
    """Return the parameters of an MLP in the spelling of skgd, as a dict."""
    if mlp.solver not in {"adam", "sgd", "lbfgs"}:  # a misspelled one must not pass
        raise ValueError(
            f"The 'solver' parameter of {type(mlp).__name__} must be 'adam', 'sgd' or "
            f"'lbfgs', got {mlp.solver!r}."
        )
    hidden_units(mlp.hidden_layer_sizes)
    params = deepcopy({name: getattr(mlp, name) for name in SHARED})
    params["activation"] = mlp.activation
    params["momentum"] = mlp.momentum
    params["optimizer"] = "adam"
    if not is_classifier(mlp):
        # Estimators that were saved before scikit-learn 1.7 have no `loss`.
        params["loss"] = getattr(mlp, "loss", "squared_error")
    if mlp.solver == "sgd":
        params["optimizer"] = "nesterov" if mlp.nesterovs_momentum else "momentum"
        params["learning_rate"] = mlp.learning_rate  # scikit-learn's adam ignores it
    if mlp.solver == "lbfgs":  # with it, scikit-learn ignores `early_stopping`
        params |= {"solver": "batch", "optimizer": "lbfgs", "early_stopping": False}
    return params


def fill(estimator, mlp):
    """Make `estimator` fitted as `mlp` is."""
    take_data_facts(estimator, mlp)
    if is_classifier(estimator):
        _name_outputs(estimator, mlp)
    layers = checked_layers(mlp.coefs_, mlp.intercepts_)
    estimator._become_fitted(*layers, _fitted_loss(estimator, mlp))
    state = estimator._state
    if not hasattr(mlp, "t_"):
        return  # it was put together by hand, without any training
    _take_generator(state, mlp)
    state.n_iter, state.samples_seen = mlp.n_iter_, int(mlp.t_)
    if mlp.solver == "lbfgs":  # scikit-learn's ignores `early_stopping`
        # The history of an earlier solver would belong to other weights.
        state.loss_curve = [float(getattr(mlp, "loss_", np.nan))]
        state.learning_rate_curve = [np.nan]
        if not is_loss_of_another_scale(estimator):
            state.best_loss = float(getattr(mlp, "loss_", np.inf))
    else:
        state.early_stopping = mlp.early_stopping
        _take_memory(state, mlp)
        _take_history(state, estimator, mlp)


def _name_outputs(estimator, mlp):
    """Learn the labels of an `mlp` that was put together by hand."""
    n_outputs = mlp.coefs_[-1].shape[1]
    if not hasattr(estimator, "_label_binarizer"):
        if n_outputs > 1 and mlp.out_activation_ == "logistic":
            every_label = np.stack([np.zeros(n_outputs, int), np.ones(n_outputs, int)])
            estimator._label_binarizer = LabelBinarizer().fit(every_label)
        else:
            estimator._name_outputs(n_outputs, getattr(mlp, "classes_", None))
    estimator.classes_ = estimator._label_binarizer.classes_


def _fitted_loss(estimator, mlp):
    """Return the name of the loss of the fit; `mlp.loss` may have been set since."""
    if is_classifier(mlp):
        return estimator._loss_name()
    link = getattr(mlp, "out_activation_", "identity")
    if link not in LOSSES:
        raise ValueError(
            f"out_activation_ of an MLPRegressor must be one of {sorted(LOSSES)}, got "
            f"{link!r}."
        )
    return LOSSES[link]


def _flat(coefs, intercepts):
    layers = zip(coefs, intercepts, strict=True)
    return np.concatenate([part.ravel() for layer in layers for part in layer])


def _take_generator(state, mlp):
    """Go on drawing where `mlp` has stopped, from a generator of its own."""
    state.seed_with(state.seed)
    if isinstance(state.seed, Integral):
        state.random_state = deepcopy(mlp._random_state)


def _take_memory(state, mlp):
    """Take over what scikit-learn's optimizer remembers of its steps."""
    optimizer, n_layers = getattr(mlp, "_optimizer", None), len(mlp.coefs_)
    is_adam = isinstance(optimizer, AdamOptimizer)
    if optimizer is None or is_adam != (state.optimizer == "adam"):
        return
    # The optimizer's numbers count; parameters may have been set since the fit.
    state.learning_rate_init = float(optimizer.learning_rate_init)
    if is_adam:
        state.schedule, state.learning_rate = "constant", state.learning_rate_init
        state.n_steps = optimizer.t
        memories = {"first": optimizer.ms, "second": optimizer.vs}
    else:
        state.schedule = optimizer.lr_schedule
        state.learning_rate = float(optimizer.learning_rate)
        memories = {"velocity": optimizer.velocities}
    for name, memory in memories.items():
        state.remembered(name)[:] = _flat(memory[:n_layers], memory[n_layers:])


def _take_history(state, estimator, mlp):
    """Take over the curves; what scikit-learn has not recorded is nan."""
    # The curve is empty if the first epoch was interrupted.
    curve = getattr(mlp, "loss_curve_", None) or [np.nan]
    state.loss_curve = [float(loss) for loss in curve]
    state.learning_rate_curve = [_constant_rate(mlp)] * len(curve)
    state.no_improvement_count = getattr(mlp, "_no_improvement_count", 0)
    best_loss = getattr(mlp, "best_loss_", None)
    if best_loss is not None and not is_loss_of_another_scale(estimator):
        state.best_loss = float(best_loss)
    if getattr(mlp, "validation_scores_", None) is not None:
        state.validation_scores = [float(score) for score in mlp.validation_scores_]
        state.validation_losses = [np.nan] * len(state.validation_scores)
        state.best_validation_score = float(mlp.best_validation_score_)
        state.best_theta = _flat(mlp._best_coefs, mlp._best_intercepts)


def _constant_rate(mlp):
    """Return the learning rate of all epochs, or nan if they had several.

    Nothing in `mlp` tells whether a fit before a warm start had another rate.
    """
    optimizer = getattr(mlp, "_optimizer", None)
    schedule = getattr(optimizer, "lr_schedule", "constant")  # Adam has none
    if optimizer is None or schedule != "constant":
        return np.nan
    return float(optimizer.learning_rate_init)
