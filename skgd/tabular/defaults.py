"""The network that a member is, unless the user says otherwise."""

import numpy as np
from sklearn.base import clone

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
    "max_iter": 64,
    "alpha": 0.0,
    "weight_decay": 0.02,
    "early_stopping": True,
    "scoring": "loss",
    "n_iter_no_change": np.inf,
}


def make_network(kind, estimator):
    """Return the network whose clones are fitted.

    Parameters
    ----------
    kind : type
        GDNeuralRegressor or GDNeuralClassifier.
    estimator : estimator of this kind, or None
        Each of its parameters that is not at the default of its class is kept.

    Returns
    -------
    network : estimator of this kind, not fitted

    Raises
    ------
    TypeError
        If `estimator` is of another kind.
    """
    network = kind(**SETTINGS)
    if estimator is None:
        return network
    if not isinstance(estimator, kind):
        raise TypeError(
            f"estimator must be a {kind.__name__} or None, got "
            f"{type(estimator).__name__}."
        )
    usual = kind().get_params()
    own = clone(estimator).get_params()
    changed = {
        name: value
        for name, value in own.items()
        if not (value is usual[name] or np.array_equal(value, usual[name]))
    }
    return network.set_params(**changed)
