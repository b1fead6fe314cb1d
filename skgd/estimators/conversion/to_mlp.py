"""To scikit-learn's MLP: its parameters, and what it knows of the training."""

from copy import deepcopy
from numbers import Integral

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import check_random_state

from skgd._sklearn_private import AdamOptimizer, SGDOptimizer
from skgd.estimators.conversion.spelling import (
    ACTIVATIONS,
    ALL_SAMPLES,
    LOSSES,
    OPTIMIZERS,
    SCHEDULES,
    SHARED,
    activations_as_fitted,
    is_loss_of_another_scale,
    next_activations,
    take_data_facts,
)
from skgd.estimators.parameters import is_searched
from skgd.kernels.formulas.losses import find_loss
from skgd.network.layers.dense import Dense
from skgd.network.views import arrays_of_layers


def parameters_to(estimator, is_fitted):
    """Return the parameters of an estimator in scikit-learn's spelling, as a dict."""
    params = deepcopy({name: getattr(estimator, name) for name in SHARED})
    # A network without hidden layers gets the activation that a fit would have, if
    # scikit-learn has it.
    names = activations_as_fitted(estimator, is_fitted) or next_activations(estimator)
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
    if estimator.solver == "batch" and not is_searched(estimator):
        params |= {"batch_size": ALL_SAMPLES, "shuffle": False}
    return params


def fill_mlp(mlp, estimator):
    """Make `mlp` fitted as `estimator` is."""
    state, network = estimator._state, estimator._network
    take_data_facts(mlp, estimator)
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
    if is_the_same and state.optimizer in OPTIMIZERS and mlp.solver != "lbfgs":
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
    is_other = is_loss_of_another_scale(estimator)
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
