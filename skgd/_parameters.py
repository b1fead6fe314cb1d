"""What a person may set, and what scikit-learn's own spelling becomes here."""

from functools import wraps
from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from skgd._schedules import CURVES, SCHEDULES
from skgd.kernels.activations import Activation
from skgd.kernels.optimizers import Optimizer

# scikit-learn's spelling, and what to write here instead.
SKLEARN_SOLVERS = {
    "adam": "The optimizer is a parameter of its own: write solver='minibatch', "
    "optimizer='adam' (the defaults).",
    "lbfgs": "L-BFGS is not gradient descent and is not offered: write solver='batch' "
    "for steps from the whole data, or keep scikit-learn's estimator.",
}
SKLEARN_PARAMETERS = {
    "nesterovs_momentum": "write optimizer='nesterov' for nesterovs_momentum=True, "
    "optimizer='momentum' for nesterovs_momentum=False",
    "max_fun": "it belongs to scikit-learn's solver='lbfgs', which is not offered; "
    "leave it out and bound training with max_iter",
}


def _names(codes):
    """The names that users write for the members of an IntEnum."""
    return {code.name.lower() for code in codes}


COMMON_CONSTRAINTS = {
    "hidden_layer_sizes": [
        "array-like",
        Interval(Integral, 1, None, closed="left"),
    ],
    "activation": [StrOptions(_names(Activation)), "array-like"],
    "solver": [StrOptions({"batch", "sgd", "minibatch"})],
    "optimizer": [StrOptions(_names(Optimizer))],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "batch_size": [
        StrOptions({"auto"}),
        Interval(Integral, 1, None, closed="left"),
    ],
    "learning_rate": [StrOptions({*SCHEDULES, *CURVES}), callable],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "n_jobs": [Integral, None],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "n_iter_no_change": [
        Interval(Integral, 1, None, closed="left"),
        Options(Real, {np.inf}),
    ],
}


def explain_sklearn_parameters(init):
    """Make `__init__` say what replaces a parameter of scikit-learn's MLP."""

    @wraps(init)
    def __init__(self, *args, **kwargs):
        for name in SKLEARN_PARAMETERS.keys() & kwargs.keys():
            raise TypeError(
                f"{type(self).__name__} has no parameter {name!r}: "
                f"{SKLEARN_PARAMETERS[name]}."
            )
        init(self, *args, **kwargs)

    return __init__
