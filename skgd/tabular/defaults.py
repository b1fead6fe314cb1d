"""The network that a member is, unless the user says otherwise.

The values were chosen on the sets of `tests/benchmarks/table_sets.py`, by other folds
than those of the results in the documentation; `tests/benchmarks/tables.py ablation`
says what it costs to change each of them.
"""

import numpy as np
from sklearn.base import clone, is_regressor

from skgd.estimators.parameters import is_searched

# A member is judged after each epoch, and the parameters of its best one are kept.
SETTINGS = {
    "hidden_layer_sizes": (64, 64),
    "solver": "minibatch",
    "optimizer": "adam",
    "beta_2": 0.95,
    "batch_size": 32,
    "learning_rate": "cosine",
    "learning_rate_init": 0.005,
    "alpha": 0.0,
    "weight_decay": 0.02,
    "early_stopping": True,
    "scoring": "loss",
    "n_iter_no_change": np.inf,
}
# Those that only steps of a given length read; a search for the step refuses some.
OF_STEPS = {
    *("solver", "optimizer", "beta_2", "batch_size", "max_iter"),
    *("learning_rate", "learning_rate_init", "weight_decay"),
}
# Regression gains from the kinks of relu where the target has thresholds; probabilities
# are better with a smooth function.
ACTIVATIONS = {"regressor": "relu", "classifier": "silu"}
# Epochs up to FEW_SAMPLES samples, and least number of epochs. In between, the number
# falls with the square root of the number of samples.
EPOCHS, FEW_SAMPLES, LEAST_EPOCHS = 64, 3000, 12


def default_settings(network, n_samples):
    """Return the values of a network's parameters that follow from the task.

    Parameters
    ----------
    network : GDNeuralRegressor or GDNeuralClassifier
    n_samples : int

    Returns
    -------
    settings : dict
    """
    kind = "regressor" if is_regressor(network) else "classifier"
    epochs = round(EPOCHS * min(1.0, np.sqrt(FEW_SAMPLES / n_samples)))
    own = {"activation": ACTIVATIONS[kind], "max_iter": max(epochs, LEAST_EPOCHS)}
    return own | SETTINGS


def make_network(kind, estimator, params, n_samples):
    """Return the network whose clones are fitted.

    Parameters
    ----------
    kind : type
        GDNeuralRegressor or GDNeuralClassifier.
    estimator : estimator of this kind, or None
        Each of its parameters that is not at the default of its class is kept, and so
        are its callbacks.
    params : dict or None
        What is set in any case.
    n_samples : int

    Returns
    -------
    network : estimator of this kind, not fitted

    Raises
    ------
    TypeError
        If `estimator` is of another kind.
    """
    if not (estimator is None or isinstance(estimator, kind)):
        raise TypeError(
            f"estimator must be a {kind.__name__} or None, got "
            f"{type(estimator).__name__}."
        )
    network = kind() if estimator is None else clone(estimator)
    usual, own = type(network)().get_params(), network.get_params()
    unchanged = {
        name: value
        for name, value in default_settings(network, n_samples).items()
        if np.array_equal(*(np.array(each[name], object) for each in (own, usual)))
    }
    network.set_params(**params or {})
    unread = set()
    if is_searched(network):
        unread = OF_STEPS
    elif network.solver == "sgd":
        unread = {"batch_size"}
    left_out = unread | (params or {}).keys()
    unchanged = {name: unchanged[name] for name in unchanged.keys() - left_out}
    return network.set_params(**unchanged)
