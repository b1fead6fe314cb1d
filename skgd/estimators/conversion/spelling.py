"""How each library spells what both can say, and what the two have in common."""

from copy import deepcopy

from sklearn.base import is_classifier
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skgd.estimators.parameters import activations_of, hidden_units
from skgd.kernels.formulas.custom import Activation
from skgd.network.layers.activation import ActivationLayer

# Parameters that have the same name and the same meaning in both.
SHARED = (
    *("hidden_layer_sizes", "alpha", "batch_size", "learning_rate_init", "power_t"),
    *("max_iter", "max_fun", "shuffle", "random_state", "tol", "verbose", "warm_start"),
    *("early_stopping", "validation_fraction", "n_iter_no_change"),
    *("beta_1", "beta_2", "epsilon"),
)
# scikit-learn's parameters that say which rule it is, by the name of the rule here.
OPTIMIZERS = {
    "adam": {"solver": "adam"},
    "nesterov": {"solver": "sgd", "nesterovs_momentum": True},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False},
    "gd": {"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.0},
    "lbfgs": {"solver": "lbfgs"},
}
ACTIVATIONS = {"identity", "logistic", "tanh", "relu"}
# The schedules of scikit-learn's solvers. With adam and L-BFGS it ignores the others.
SCHEDULES = {
    "adam": {"constant"},
    "sgd": {"constant", "invscaling", "adaptive"},
    "lbfgs": {"constant"},
}
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


def class_of_mlp(estimator):
    """Return scikit-learn's class that corresponds to an estimator."""
    return MLPClassifier if is_classifier(estimator) else MLPRegressor


def request_as(estimator, other):
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


def take_data_facts(estimator, other):
    """Copy what the other one has learned from the data."""
    names = ("n_features_in_", "feature_names_in_", "classes_", "_label_binarizer")
    known = {name: getattr(other, name) for name in names if hasattr(other, name)}
    vars(estimator).update(deepcopy(known))


def is_loss_of_another_scale(estimator):
    """Return whether the losses of the two libraries cannot be compared.

    With several outputs, scikit-learn reports the mean of their squared errors, and
    skgd the sum.
    """
    network = estimator._network
    return network.loss == "squared_error" and network.n_outputs > 1


def activations_as_fitted(estimator, is_fitted):
    """Return the hidden layers' activations: those of the network, if it is fitted."""
    if is_fitted:
        layers = estimator._network.layers
        return {each.activation for each in layers if isinstance(each, ActivationLayer)}
    return next_activations(estimator)


def next_activations(estimator):
    """Return the activations that the network of a new fit would have.

    For a network without hidden layers it is the one by which first weights are drawn.
    """
    n_hidden = len(hidden_units(estimator.hidden_layer_sizes))
    if n_hidden == 0 and not isinstance(estimator.activation, (str, Activation)):
        return {"relu"}
    return set(activations_of(estimator.activation, max(n_hidden, 1)))
