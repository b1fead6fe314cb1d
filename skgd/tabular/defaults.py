"""The network that a member is, unless the user says otherwise."""

import numpy as np
from sklearn.base import clone

from skgd.estimators.parameters import is_searched

# A member is judged after each epoch, and the parameters of its best one are kept; so
# the number of epochs is only the length of the schedule.
SETTINGS = {
    "hidden_layer_sizes": (128, 128),
    "activation": "silu",
    "solver": "minibatch",
    "optimizer": "adam",
    "beta_2": 0.95,
    "batch_size": 64,
    "learning_rate": "coslog4",
    "learning_rate_init": 0.005,
    "max_iter": 32,
    "alpha": 0.0,
    "weight_decay": 0.02,
    "early_stopping": True,
    "scoring": "loss",
    "n_iter_no_change": np.inf,
}
# Those that only steps of a given length read; a search for the step refuses some.
OF_STEPS = {
    *("solver", "optimizer", "beta_2", "batch_size"),
    *("learning_rate", "learning_rate_init", "weight_decay"),
}


def make_network(kind, estimator, n_samples):
    """Return the network whose clones are fitted.

    Parameters
    ----------
    kind : type
        GDNeuralRegressor or GDNeuralClassifier.
    estimator : estimator of this kind, or None
        Each of its parameters that is not at the default of its class is kept, and so
        are its callbacks.
    n_samples : int

    Returns
    -------
    network : estimator of this kind, not fitted

    Raises
    ------
    TypeError
        If `estimator` is of another kind.
    """
    if estimator is None:
        return kind(**SETTINGS)
    if not isinstance(estimator, kind):
        raise TypeError(
            f"estimator must be a {kind.__name__} or None, got "
            f"{type(estimator).__name__}."
        )
    usual, own = type(estimator)().get_params(), clone(estimator).get_params()
    unchanged = {
        name: value
        for name, value in SETTINGS.items()
        if own[name] is usual[name] or np.array_equal(own[name], usual[name])
    }
    unread = set()
    if is_searched(estimator):
        unread = OF_STEPS
    elif estimator.solver == "sgd":
        unread = {"batch_size"}
    for name in unread & unchanged.keys():
        del unchanged[name]
    return clone(estimator).set_params(**unchanged)
