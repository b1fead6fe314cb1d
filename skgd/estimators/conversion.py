"""Conversion between scikit-learn's MLP and the estimators here, in both directions.

All that was fitted is converted too, the optimizer's memory included, so that training
can go on.
"""

import warnings
from copy import deepcopy
from numbers import Integral

import numpy as np
from sklearn.base import is_classifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skgd._sklearn_private import AdamOptimizer, SGDOptimizer
from skgd.descent.tasks import has_callbacks
from skgd.estimators.fitted import checked_layers
from skgd.estimators.parameters import SKLEARN_SOLVERS, activations_of, hidden_units
from skgd.kernels.formulas.custom import Activation
from skgd.kernels.formulas.losses import find_loss
from skgd.network.layers.activation import ActivationLayer
from skgd.network.layers.dense import Dense
from skgd.network.views import arrays_of_layers

# Parameters that have the same name and the same meaning in both.
SHARED = (
    *("hidden_layer_sizes", "alpha", "batch_size", "learning_rate_init", "power_t"),
    *("max_iter", "shuffle", "random_state", "tol", "verbose", "warm_start"),
    *("early_stopping", "validation_fraction", "n_iter_no_change"),
    *("beta_1", "beta_2", "epsilon"),
)
# scikit-learn's parameters that say which rule it is, by the name of the rule here.
OPTIMIZERS = {
    "adam": {"solver": "adam"},
    "nesterov": {"solver": "sgd", "nesterovs_momentum": True},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False},
    "gd": {"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.0},
}
ACTIVATIONS = {"identity", "logistic", "tanh", "relu"}
# The schedules of scikit-learn's solvers. With adam it ignores all but 'constant'.
SCHEDULES = {"adam": {"constant"}, "sgd": {"constant", "invscaling", "adaptive"}}
# Parameters that functions below convert or check one by one, and `n_jobs`, which does
# not change results. scikit-learn has none of the remaining ones; that does not matter
# as long as they are at their defaults.
TOLD_APART = {
    *("activation", "solver", "optimizer", "momentum", "learning_rate", "loss"),
    *("batch_norm", "dropout", "scoring", "huber_delta", "quantile", "n_jobs"),
}
# The losses of MLPRegressor, by their links.
LOSSES = {"identity": "squared_error", "exp": "poisson"}
# Larger than any number of samples; scikit-learn lowers it, with a warning.
ALL_SAMPLES = 2**31 - 1
# Methods for which a user may request metadata.
METHODS = ("fit", "partial_fit", "score")


class SklearnConversionMixin:
    """The estimators' methods that convert to scikit-learn and from it."""

    @classmethod
    def from_sklearn(cls, mlp):
        """Make an estimator that trains, or predicts, as scikit-learn's does.

        Parameters
        ----------
        mlp : MLPRegressor or MLPClassifier
            The one that corresponds to this class; fitted or not. It is not changed.

        Returns
        -------
        estimator : estimator of this class
            It has the same parameters, in the spelling of this class. If `mlp` is
            fitted, so is the estimator: it predicts the same, to rounding, and
            `partial_fit` goes on with the optimizer's memory, the learning rate and the
            random draws of `mlp`. A parameter of `mlp` that was set since its fit acts
            as after `set_params` of an estimator of this class. In the curves, nan
            stands for what scikit-learn does not record: learning rates of a schedule,
            and validation losses.

        Raises
        ------
        TypeError
            If `mlp` is of another class.
        ValueError
            If `mlp` is not fitted and has ``solver='lbfgs'``, which is not offered, or
            if a parameter is not valid.

        Warns
        -----
        UserWarning
            If `mlp` is fitted and has ``solver='lbfgs'``: further training will be by
            adam, from the beginning.

        Notes
        -----
        The intended differences, such as the stratified split of early stopping
        for three or more classes, are in the documentation. The squared error is the
        mean over the outputs in scikit-learn, and their sum here, so with several
        outputs the same `tol` means another improvement.
        """
        _check_class(cls, mlp)
        estimator = cls(**_parameters_from(mlp))
        estimator._validate_params()
        _request_as(estimator, mlp)
        if hasattr(mlp, "coefs_"):
            _fill(estimator, mlp)
        return estimator

    def to_sklearn(self, *, predict_only=False):
        """Make scikit-learn's estimator that trains, or predicts, as this one does.

        Parameters
        ----------
        predict_only : bool, default=False
            Whether it suffices that it predicts the same. Settings for training that
            scikit-learn lacks, such as dropout and callbacks, are then left out.

        Returns
        -------
        mlp : MLPRegressor or MLPClassifier
            Fitted if this estimator is; `partial_fit` then goes on with the memory of
            this one's optimizer. ``solver='batch'`` becomes a batch size larger than
            any data, without shuffling; scikit-learn warns in `fit` that it lowers it.

        Raises
        ------
        ValueError
            If scikit-learn cannot express this estimator, or a parameter is not
            valid; the message names what.
        NotFittedError
            If `predict_only` is asked of an estimator that is not fitted.
        """
        self._validate_params()
        is_fitted = hasattr(self, "_state")
        if predict_only:
            check_is_fitted(self)
        _raise_if_obstructed(self, is_fitted, predict_only)
        mlp = _class_of_mlp(self)(**_parameters_to(self, is_fitted))
        _request_as(mlp, self)
        if is_fitted:
            _fill_mlp(mlp, self)
        return mlp


def _class_of_mlp(estimator):
    return MLPClassifier if is_classifier(estimator) else MLPRegressor


def _request_as(estimator, other):
    """Request the metadata that `other` requests, as far as `estimator` takes them.

    It does what `set_fit_request` and its like do, which need metadata routing to be
    enabled.
    """
    if not hasattr(other, "_metadata_request"):
        return
    requests = estimator._get_metadata_request()
    for method in METHODS:
        known = getattr(requests, method)
        for name, alias in getattr(other._metadata_request, method).requests.items():
            if name in known.requests:
                known.add_request(param=name, alias=alias)
    estimator._metadata_request = requests


# From scikit-learn --------------------------------------------------------------------


def _check_class(cls, mlp):
    wanted = _class_of_mlp(cls())
    if not isinstance(mlp, wanted):
        raise TypeError(
            f"{cls.__name__}.from_sklearn takes an {wanted.__name__}, got "
            f"{type(mlp).__name__}."
        )


def _parameters_from(mlp):
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
    if mlp.solver == "lbfgs":
        if not hasattr(mlp, "coefs_"):
            raise ValueError(f"solver='lbfgs': {SKLEARN_SOLVERS['lbfgs']}")
        warnings.warn(
            "solver='lbfgs' is not offered. The converted estimator predicts the same; "
            "further training is by solver='minibatch' and optimizer='adam'.",
            stacklevel=3,
        )
    return params


def _fill(estimator, mlp):
    """Make `estimator` fitted as `mlp` is."""
    _take_data_facts(estimator, mlp)
    if is_classifier(estimator):
        _name_outputs(estimator, mlp)
    layers = checked_layers(mlp.coefs_, mlp.intercepts_)
    estimator._become_fitted(*layers, _fitted_loss(estimator, mlp))
    state = estimator._state
    if not hasattr(mlp, "t_"):
        return  # it was put together by hand, without any training
    _take_generator(state, mlp)
    state.n_iter, state.samples_seen = mlp.n_iter_, int(mlp.t_)
    state.early_stopping = mlp.early_stopping
    if mlp.solver == "lbfgs":
        # The history of an earlier solver would belong to other weights.
        state.loss_curve = [float(getattr(mlp, "loss_", np.nan))]
        state.learning_rate_curve = [np.nan]
    else:
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


def _take_data_facts(estimator, other):
    """Copy what the other one has learned from the data."""
    names = ("n_features_in_", "feature_names_in_", "classes_", "_label_binarizer")
    known = {name: getattr(other, name) for name in names if hasattr(other, name)}
    vars(estimator).update(deepcopy(known))


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
    if best_loss is not None and not _is_loss_of_another_scale(estimator):
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


def _is_loss_of_another_scale(estimator):
    """Return whether the losses of the two libraries cannot be compared.

    With several outputs, scikit-learn reports the mean of their squared errors, and
    skgd the sum.
    """
    network = estimator._network
    return network.loss == "squared_error" and network.n_outputs > 1


# To scikit-learn ----------------------------------------------------------------------


def _raise_if_obstructed(estimator, is_fitted, predict_only):
    to_predict = _obstacles_of(_activations(estimator, is_fitted))
    to_predict += _layers_that_are_missing(estimator) if is_fitted else []
    to_train = [] if predict_only else _obstacles_to_train(estimator, is_fitted)
    # Both may have the same obstacle. A network without hidden layers has an activation
    # as far as training is concerned, and none for predictions.
    obstacles = list(dict.fromkeys(to_predict + to_train))
    if not obstacles:
        return
    message = (
        f"scikit-learn cannot express this {type(estimator).__name__}: "
        f"{'; '.join(obstacles)}."
    )
    if is_fitted and not to_predict:
        message += " Pass predict_only=True if it suffices that it predicts the same."
    raise ValueError(message)


def _activations(estimator, is_fitted):
    """Return the hidden layers' activations: those of the network, if it is fitted."""
    if is_fitted:
        layers = estimator._network.layers
        return {each.activation for each in layers if isinstance(each, ActivationLayer)}
    return _next_activations(estimator)


def _next_activations(estimator):
    """Return the activations that the network of a new fit would have.

    For a network without hidden layers it is the one by which first weights are drawn.
    """
    n_hidden = len(hidden_units(estimator.hidden_layer_sizes))
    if n_hidden == 0 and not isinstance(estimator.activation, (str, Activation)):
        return {"relu"}
    return set(activations_of(estimator.activation, max(n_hidden, 1)))


def _obstacles_of(activations):
    names = sorted(map(str, activations))
    if len(names) > 1:
        return [f"it has one activation for all layers, not {names}"]
    if activations <= ACTIVATIONS:
        return []
    return [f"activation={next(iter(activations))!r}"]


def _layers_that_are_missing(estimator):
    """Return what layers the fitted network has that dense layers cannot replace."""
    network, theta = estimator._network.for_prediction, estimator._state.theta
    arrays = arrays_of_layers(network, theta)
    return [
        f"a layer of {layer.kind}"
        for layer, own in zip(network.layers, arrays, strict=True)
        if not isinstance(layer, (Dense, ActivationLayer))
        and layer.as_factors(own) is None
    ]


def _obstacles_to_train(estimator, is_fitted):
    params = estimator.get_params()
    obstacles = _obstacles_of(_next_activations(estimator))

    def unless(is_possible, name):
        if not is_possible:
            obstacles.append(f"{name}={params[name]!r}")

    optimizer = params["optimizer"]
    unless(optimizer in OPTIMIZERS, "optimizer")
    solver = OPTIMIZERS.get(optimizer, {}).get("solver", "sgd")
    unless(params["learning_rate"] in SCHEDULES[solver], "learning_rate")
    unless(params.get("loss", "poisson") in LOSSES.values(), "loss")
    unless(not np.any(params["batch_norm"]), "batch_norm")
    unless(not np.any(params["dropout"]), "dropout")
    unless(params["scoring"] is None or not params["early_stopping"], "scoring")
    defaults = type(estimator)().get_params()
    for name in sorted(params.keys() - TOLD_APART - set(SHARED)):
        unless(np.array_equal(params[name], defaults[name]), name)
    if has_callbacks(estimator):
        obstacles.append("callbacks")
    return (
        obstacles
        + _requests_without_a_place(estimator)
        + (_set_since(estimator) if is_fitted else [])
    )


def _requests_without_a_place(estimator):
    """Return which requested metadata scikit-learn's methods do not take."""
    ours = getattr(estimator, "_metadata_request", None)
    if ours is None:
        return []
    theirs = _class_of_mlp(estimator)()._get_metadata_request()
    return [
        f"the request for {name} in {method}"
        for method in METHODS
        for name, alias in getattr(ours, method).requests.items()
        if alias and name not in getattr(theirs, method).requests
    ]


def _set_since(estimator):
    """Return parameters that were set since the fit and do not fit the network.

    skgd would refuse or begin anew, whereas scikit-learn would go on with the network
    as it is, or with a mixture of both.
    """
    network, names = estimator._network, []
    was, will_be = _activations(estimator, True), _next_activations(estimator)
    if list(network.layer_units[1:-1]) != hidden_units(estimator.hidden_layer_sizes):
        names.append("hidden_layer_sizes")
    if was and was != will_be and will_be <= ACTIVATIONS:
        names.append("activation")
    if not names:
        wanted = estimator._make_network(network.layer_units, network.loss)
        names += wanted.kinds_unlike(network)
    loss = estimator._loss_name()
    if loss != network.loss and getattr(estimator, "loss", "") in LOSSES.values():
        names.append("loss")
    return [f"{name}={getattr(estimator, name)!r}, set since the fit" for name in names]


def _parameters_to(estimator, is_fitted):
    params = deepcopy({name: getattr(estimator, name) for name in SHARED})
    # A network without hidden layers gets the activation that a fit would have, if
    # scikit-learn has it.
    names = _activations(estimator, is_fitted) or _next_activations(estimator)
    (name,) = (names & ACTIVATIONS) or {"relu"}
    params["activation"] = name
    params["momentum"] = estimator.momentum
    params |= OPTIMIZERS.get(estimator.optimizer, {})
    if estimator.learning_rate in SCHEDULES["sgd"]:
        params["learning_rate"] = estimator.learning_rate
    if not is_classifier(estimator):
        loss = estimator._network.loss if is_fitted else estimator._loss_name()
        params["loss"] = LOSSES[find_loss(loss).link]
    if estimator.solver == "sgd":
        params["batch_size"] = 1
    if estimator.solver == "batch":
        params |= {"batch_size": ALL_SAMPLES, "shuffle": False}
    return params


def _fill_mlp(mlp, estimator):
    """Make `mlp` fitted as `estimator` is."""
    state, network = estimator._state, estimator._network
    _take_data_facts(mlp, estimator)
    for name in ("n_iter_", "n_layers_", "n_outputs_", "out_activation_", "t_"):
        setattr(mlp, name, getattr(estimator, name))
    mlp.loss_curve_, mlp.loss_ = list(estimator.loss_curve_), estimator.loss_
    _fill_bests(mlp, estimator)
    mlp._no_improvement_count = state.no_improvement_count
    mlp._random_state = check_random_state(mlp.random_state)
    # `from_sklearn` reads the generator; scikit-learn itself seeds anew in each call.
    if isinstance(state.seed, Integral) and state.seed == mlp.random_state:
        mlp._random_state = deepcopy(state.random_state)
    mlp.coefs_, mlp.intercepts_ = _layers(network, state.theta)
    best = state.theta if state.best_theta is None else state.best_theta
    mlp._best_coefs, mlp._best_intercepts = _layers(network, best)
    is_the_same = state.optimizer == estimator.optimizer and not _is_folded(network)
    if is_the_same and state.optimizer in OPTIMIZERS:
        mlp._optimizer = _optimizer_of(mlp, network, state)


def _fill_bests(mlp, estimator):
    """Set the best loss or score, with which `mlp` compares those of later epochs."""
    state = estimator._state
    if mlp.early_stopping:
        is_same = state.scoring == estimator.scoring
        mlp.best_loss_ = None
        mlp.validation_scores_ = list(state.validation_scores) if is_same else []
        mlp.best_validation_score_ = state.best_validation_score if is_same else -np.inf
        return
    is_other = _is_loss_of_another_scale(estimator)
    mlp.best_loss_ = np.inf if is_other else state.best_loss
    mlp.validation_scores_ = mlp.best_validation_score_ = None


def _is_folded(network):
    """Return whether dense layers have to take the place of other layers, too."""
    arrays = {layer.kind for layer in network.layers if layer.segments()}
    return arrays != {Dense.kind}


def _layers(network, theta):
    """Return coefs and intercepts that predict the same; they are copies."""
    coefs, intercepts = [], []
    network = network.for_prediction
    arrays = arrays_of_layers(network, theta.copy())
    for layer, own in zip(network.layers, arrays, strict=True):
        if isinstance(layer, Dense):
            coefs.append(own[0])
            intercepts.append(own[1])
        elif own:  # a normalisation, which is multiplied into the dense layer before it
            factors, offsets = layer.as_factors(own)
            coefs[-1] *= factors
            intercepts[-1] *= factors
            intercepts[-1] += offsets
    return coefs, intercepts


def _optimizer_of(mlp, network, state):
    """Make scikit-learn's optimizer, with the memory of skgd's."""

    def remembered(name):
        coefs, intercepts = _layers(network, state.remembered(name))
        return coefs + intercepts

    parameters, rate = mlp.coefs_ + mlp.intercepts_, mlp.learning_rate_init
    if mlp.solver == "adam":
        betas = mlp.beta_1, mlp.beta_2
        optimizer = AdamOptimizer(parameters, rate, *betas, mlp.epsilon)
        optimizer.t, optimizer.ms = state.n_steps, remembered("first")
        optimizer.vs = remembered("second")
        return optimizer
    rules = mlp.learning_rate, mlp.momentum, mlp.nesterovs_momentum, mlp.power_t
    optimizer = SGDOptimizer(parameters, rate, *rules)
    if (state.schedule, state.learning_rate_init) == (mlp.learning_rate, rate):
        optimizer.learning_rate = state.learning_rate
    if state.optimizer != "gd":  # it remembers nothing
        optimizer.velocities = remembered("velocity")
    return optimizer
