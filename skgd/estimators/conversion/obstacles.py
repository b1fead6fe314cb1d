"""What scikit-learn cannot express of an estimator."""

import numpy as np

from skgd.descent.tasks import has_callbacks
from skgd.estimators.conversion.spelling import (
    ACTIVATIONS,
    LOSSES,
    METHODS,
    OPTIMIZERS,
    SCHEDULES,
    SHARED,
    TOLD_APART,
    activations_as_fitted,
    class_of_mlp,
    next_activations,
)
from skgd.estimators.parameters import hidden_units
from skgd.network.layers.activation import ActivationLayer
from skgd.network.layers.dense import Dense
from skgd.network.views import arrays_of_layers


def raise_if_obstructed(estimator, is_fitted, predict_only):
    """Raise a ValueError if there is no MLP that does the same; it says why not."""
    to_predict = _obstacles_of(activations_as_fitted(estimator, is_fitted))
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
    obstacles = _obstacles_of(next_activations(estimator))

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
    unless(optimizer != "lbfgs" or not params["early_stopping"], "early_stopping")
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
    theirs = class_of_mlp(estimator)()._get_metadata_request()
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
    was, will_be = activations_as_fitted(estimator, True), next_activations(estimator)
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
