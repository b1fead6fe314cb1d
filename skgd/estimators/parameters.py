"""The parameters that both estimators have, and what replaces scikit-learn's."""

import warnings
from functools import wraps
from numbers import Integral, Real

import numpy as np
from sklearn.metrics import get_scorer_names

from skgd._sklearn_private import Interval, Options, StrOptions
from skgd.descent.schedules import CURVES, SCHEDULES
from skgd.kernels.formulas.activations import ACTIVATIONS
from skgd.kernels.formulas.custom import Activation
from skgd.kernels.formulas.optimizers import OPTIMIZERS

# Solvers and parameters of scikit-learn, and what error messages say to write instead.
SKLEARN_SOLVERS = {
    "adam": "The optimizer is a parameter of its own: write solver='minibatch', "
    "optimizer='adam' (the defaults).",
    "lbfgs": "The optimizer is a parameter of its own, and L-BFGS takes the gradient "
    "of all samples: write solver='batch', optimizer='lbfgs'.",
}
SKLEARN_PARAMETERS = {
    "nesterovs_momentum": "write optimizer='nesterov' for nesterovs_momentum=True, "
    "optimizer='momentum' for nesterovs_momentum=False",
}
# What L-BFGS cannot do: parameters, the values that it can have, and why.
ALLOWED_BY_LBFGS = {
    "solver": (("batch",), "L-BFGS takes the gradient of all samples at once"),
    "learning_rate": (("constant",), "a line search finds the length of each step"),
    "dropout": ((0,), "L-BFGS needs the same loss at each evaluation"),
    "batch_norm": ((False,), "the running means would be those of points tried"),
    "weight_decay": ((0,), "it is not part of the loss; use alpha"),
    "max_grad_norm": ((None,), "a line search bounds each step"),
}


COMMON_CONSTRAINTS = {
    "hidden_layer_sizes": [
        "array-like",
        Interval(Integral, 1, None, closed="left"),
    ],
    "activation": [StrOptions(set(ACTIVATIONS)), Activation, "array-like"],
    "solver": [StrOptions({"batch", "sgd", "minibatch"})],
    "optimizer": [StrOptions(set(OPTIMIZERS))],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "batch_norm": ["boolean", "array-like"],
    "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
    "max_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
    "batch_size": [
        StrOptions({"auto"}),
        Interval(Integral, 1, None, closed="left"),
    ],
    "learning_rate": [StrOptions({*SCHEDULES, *CURVES}), callable],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
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
    "scoring": [StrOptions({"loss", *get_scorer_names()}), callable, None],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "n_iter_no_change": [
        Interval(Integral, 1, None, closed="left"),
        Options(Real, {np.inf}),
    ],
}


def warn_of_batch_size(params):
    """Warn if there is a batch size, and ``solver='sgd'``, which does not read it."""
    if params.solver == "sgd" and params.batch_size not in ("auto", 1):
        warnings.warn(
            f"batch_size={params.batch_size} is not read with solver='sgd', which "
            "takes one sample at a time. scikit-learn's solver='sgd' takes batches: "
            "that is solver='minibatch' with optimizer='nesterov' or 'momentum'.",
            stacklevel=6,
        )


def is_searched(params):
    """Return whether the steps are found by searches, as those of L-BFGS are."""
    name = params.optimizer  # it may not have been validated yet
    return isinstance(name, str) and name in OPTIMIZERS and OPTIMIZERS[name].is_searched


def check_search(params, incremental):
    """Raise a ValueError if the optimizer and something else exclude each other."""
    if not is_searched(params):
        return
    this = f"optimizer={params.optimizer!r}"
    if incremental:
        raise ValueError(
            f"{this} and partial_fit exclude each other: a call takes one step from "
            "its data, and L-BFGS many from the same. Set another optimizer, or call "
            "fit, with warm_start=True to go on from the weights."
        )
    for name, (allowed, why) in ALLOWED_BY_LBFGS.items():
        value = getattr(params, name)
        if any(each not in allowed for each in np.ravel(np.array(value, object))):
            raise ValueError(
                f"{this} and {name}={value!r} exclude each other: {why}. Set "
                f"{name}={allowed[0]!r}, or another optimizer."
            )


def hidden_units(hidden_layer_sizes):
    """Return the numbers of units of the hidden layers, as a list."""
    sizes = hidden_layer_sizes
    units = list(sizes) if np.iterable(sizes) else [sizes]
    if any(not isinstance(n, Integral) or n < 1 for n in units):
        raise ValueError(
            f"hidden_layer_sizes must be > 0, got {units}. Write integers, or () for a "
            "network without hidden layers."
        )
    return units


def _for_each_hidden(name, value, n_hidden, what):
    """Return a list with a value for each hidden layer, given one or one for each."""
    if isinstance(value, str) or not np.iterable(value):
        return [value] * n_hidden
    values = list(value)
    if len(values) != n_hidden:
        raise ValueError(
            f"{name} must be one {what}, or one for each of the {n_hidden} hidden "
            f"layers, got {len(values)}: {values}."
        )
    return values


def activations_of(activation, n_hidden):
    """Return the hidden layers' activations, as a list."""
    names = _for_each_hidden("activation", activation, n_hidden, "name")
    for each in names:
        if isinstance(each, Activation):
            each.check()
        elif each not in ACTIVATIONS:
            raise ValueError(
                f"activation must be made of names in {sorted(ACTIVATIONS)} and of "
                f"skgd.Activation, got {each!r}."
            )
    return names


def dropout_rates(dropout, n_hidden):
    """Return the rates of the hidden layers' dropout, as a list."""
    rates = _for_each_hidden("dropout", dropout, n_hidden, "rate")
    if not all(isinstance(rate, Real) and 0 <= rate < 1 for rate in rates):
        raise ValueError(f"dropout must be made of numbers in [0, 1), got {rates}.")
    return rates


def batch_norm_flags(batch_norm, n_hidden):
    """Return whether each hidden layer has batch normalisation, as a list."""
    flags = _for_each_hidden("batch_norm", batch_norm, n_hidden, "flag")
    if not all(isinstance(flag, (bool, np.bool_)) for flag in flags):
        raise ValueError(f"batch_norm must be made of True and False, got {flags}.")
    return [bool(flag) for flag in flags]


# The parameters that have a value for each hidden layer, and the functions that return
# the list of these values.
OF_HIDDEN_LAYERS = {
    "activation": activations_of,
    "batch_norm": batch_norm_flags,
    "dropout": dropout_rates,
}


def settings_of_hidden_layers(params, n_hidden):
    """Return the settings from which `make_network` makes the hidden layers."""
    return {
        name: values_of(getattr(params, name), n_hidden)
        for name, values_of in OF_HIDDEN_LAYERS.items()
    }


def explain_sklearn_parameters(init):
    """Decorate `__init__`: a parameter of scikit-learn's MLP raises with advice."""

    @wraps(init)
    def __init__(self, *args, **kwargs):
        for name in SKLEARN_PARAMETERS.keys() & kwargs.keys():
            raise TypeError(
                f"{type(self).__name__} has no parameter {name!r}: "
                f"{SKLEARN_PARAMETERS[name]}."
            )
        init(self, *args, **kwargs)

    return __init__
