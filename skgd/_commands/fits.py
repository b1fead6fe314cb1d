"""Small fits that need all kernels that users' fits and predictions can need.

A kernel is compiled for a dtype, and is the same for all networks: each solver has its
own, and so has each activation, loss and optimizer. So it is enough to try each of them
once.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from skgd.descent.steps import PartOfBatch, apply, make_update
from skgd.estimators.classifier import GDNeuralClassifier
from skgd.estimators.regressor import LOSS_NAMES, GDNeuralRegressor
from skgd.kernels.formulas.activations import ACTIVATIONS
from skgd.kernels.formulas.optimizers import FIRST_ORDER
from skgd.kernels.passes.inputs import as_samples
from skgd.tabular.classifier import TabularClassifier
from skgd.tabular.regressor import TabularRegressor

ESTIMATORS = {
    each.__name__: each
    for each in (
        *(GDNeuralRegressor, GDNeuralClassifier),
        *(TabularRegressor, TabularClassifier),
    )
}
# What a user may choose from, the defaults of the estimators first: those of the first
# fits are the first of those chosen.
CHOICES = {
    "estimators": list(ESTIMATORS),
    "dtypes": ["float64", "float32"],
    "solvers": ["minibatch", "batch", "sgd"],
    "activations": sorted(ACTIVATIONS, key=lambda name: name != "relu"),
    "losses": sorted(LOSS_NAMES, key=lambda name: name != "squared_error"),
    "optimizers": [*sorted(FIRST_ORDER, key=lambda name: name != "adam"), "lbfgs"],
    "features": [
        *("threads", "sparse", "dropout", "max_grad_norm", "batch_norm"),
        "parts",  # of batches: for `skgd.dask`, and pictures of the loss
    ],
}
# Estimators of tables are in float32, whatever the table.
DTYPE_OF_TABLES = "float32"
SETTINGS = {"hidden_layer_sizes": (4,), "max_iter": 1, "random_state": 0}
N = 30


class Wanted(NamedTuple):
    """What is to be compiled: of each of `CHOICES`, those that were chosen."""

    estimators: list
    dtypes: list
    solvers: list
    activations: list
    losses: list
    optimizers: list
    features: list
    predict_only: bool = False


def jobs_of(wanted, dtype):
    """Yield what a process has to do for a dtype: a name, and what to call.

    Parameters
    ----------
    wanted : Wanted
    dtype : str

    Yields
    ------
    name : str
    job : callable
    """
    X = np.random.default_rng(0).standard_normal((N, 3)).astype(dtype)
    networks, tables = _kinds(wanted)
    if wanted.predict_only:
        yield "predictions", partial(_predict, wanted, X)
        return
    if networks and dtype in wanted.dtypes:
        yield from _fits(wanted, X, networks)
    for name in tables if dtype == DTYPE_OF_TABLES else ():
        yield name, partial(_fit_table, ESTIMATORS[name])


def dtypes_of(wanted):
    """Return the dtypes for which there is something to do."""
    networks, tables = _kinds(wanted)
    dtypes = list(wanted.dtypes) if networks else []
    return dtypes + [DTYPE_OF_TABLES] * (bool(tables) and DTYPE_OF_TABLES not in dtypes)


def _kinds(wanted):
    """Return the names of estimators that were chosen: of networks, and of tables."""
    tables = [name for name in wanted.estimators if name.startswith("Tabular")]
    return [name for name in wanted.estimators if name not in tables], tables


def _predict(wanted, X):
    """Predict by networks that have not been trained, as saved ones do.

    Predictions have the same kernels, whichever the estimator.
    """
    given = [X, csr_array(X)] if "sparse" in wanted.features else [X]
    layers = [np.ones((3, 2)), np.ones((2, 1))], [np.ones(2), np.ones(1)]
    layers = [[array.astype(X.dtype) for array in arrays] for arrays in layers]
    for activation in wanted.activations:
        for batch_norm in {False, "batch_norm" in wanted.features}:
            params = {"activation": activation, "batch_norm": batch_norm}
            net = GDNeuralRegressor.from_layers(*layers, **params)
            for data in given:
                net.predict(data)


def _fits(wanted, X, networks):
    """Yield fits that need the kernels of each member that was chosen."""
    for solver in wanted.solvers:
        for name in networks:
            base = _base(wanted, name, solver)
            yield f"{name}, {solver}", partial(_fit_targets, name, X, base)
    # What follows is the same for both estimators, but for the losses, and all solvers.
    name, of_losses = networks[0], "GDNeuralRegressor"
    fit = partial(_fit_each, name, X, _base(wanted, name, wanted.solvers[0]))
    yield "activations", partial(fit, [{"activation": a} for a in wanted.activations])
    yield "optimizers", partial(fit, [_by(each) for each in wanted.optimizers])
    if of_losses in networks:
        base = _base(wanted, of_losses, wanted.solvers[0])
        losses = [{"loss": each} for each in wanted.losses]
        yield "losses", partial(_fit_each, of_losses, X, base, losses)
    yield from _fits_of_features(wanted, X, name)


def _by(optimizer):
    """Return what sets an optimizer."""
    of_batches = {"solver": "batch"} if optimizer == "lbfgs" else {}
    return {"optimizer": optimizer, **of_batches}


def _fits_of_features(wanted, X, name):
    base = _base(wanted, name, wanted.solvers[0])
    by_batches = {**base, "solver": "batch"}
    normed = [False, True] if "batch_norm" in wanted.features else [False]
    features = {
        "threads": partial(_fit_in_threads, name, X.dtype, by_batches),
        "sparse": partial(_fit_each, name, csr_array(X), base, [{}]),
        "dropout": partial(_fit_each, name, X, base, [{"dropout": 0.5}]),
        "max_grad_norm": partial(_fit_each, name, X, base, [{"max_grad_norm": 1.0}]),
        "batch_norm": partial(_fit_each, name, X, by_batches, [{"batch_norm": True}]),
        "parts": partial(_take_steps_apart, name, X, base, normed),
    }
    for feature in wanted.features:
        yield feature, features[feature]


def _base(wanted, name, solver):
    """Return the parameters of the first fits."""
    optimizer = wanted.optimizers[0]
    base = {
        **SETTINGS,
        "solver": "batch" if optimizer == "lbfgs" else solver,
        "optimizer": optimizer,
        "activation": wanted.activations[0],
    }
    if name == "GDNeuralRegressor":
        base["loss"] = wanted.losses[0]
    return base


def _targets_of(name):
    """Return targets of each kind that has kernels of its own."""
    rng = np.random.default_rng(0)
    if name == "GDNeuralRegressor":  # positive, as some losses need
        return [rng.uniform(1, 2, N), rng.uniform(1, 2, (N, 2))]
    return [np.arange(N) % 2, np.arange(N) % 3, rng.integers(0, 2, (N, 2))]


def _fit_targets(name, X, params):
    """Fit and predict targets of each kind, with early stopping and without."""
    for y in _targets_of(name):
        ESTIMATORS[name](**params).fit(X, y).predict(X)
        if params["optimizer"] != "lbfgs":
            early = ESTIMATORS[name](**params, early_stopping=True)
            early.fit(X, y).predict(X)
            ESTIMATORS[name](**params, early_stopping=True, scoring="loss").fit(X, y)


def _fit_each(name, X, params, variants):
    """Fit and predict with each variant of the parameters."""
    for own in variants:
        net = ESTIMATORS[name](**{**params, **own})
        net.fit(X, _targets_of(name)[0]).predict(X)


def _fit_in_threads(name, dtype, params):
    """Fit with two threads, for long enough that the second one has work to do."""
    X = np.random.default_rng(0).standard_normal((400, 50)).astype(dtype)
    y = np.tile(_targets_of(name)[0], 400 // N + 1)[:400]
    own = {"hidden_layer_sizes": (100,), "n_jobs": 2, "max_iter": 300}
    own["n_iter_no_change"] = 300
    ESTIMATORS[name](**{**params, **own}).fit(X, y).predict(X)


def _take_steps_apart(name, X, params, normed):
    """Take a step in two halves, as a cluster does, by each kind of passes."""
    for batch_norm in normed:
        own = {"batch_norm": True, "solver": "batch"} if batch_norm else {}
        y = _targets_of(name)[0]
        net = ESTIMATORS[name](**{**params, **own}).fit(X, y)
        network, state = net._network, net._state
        samples = as_samples(X, y[:, None].astype(X.dtype), None)
        part = PartOfBatch(network, state.theta.copy(), samples)
        loss, weight, gradient = part.gradient()
        apply(make_update(net, network, state), gradient, loss, weight, 0.01)


def _fit_table(kind):
    """Fit small tables, as users' fits do, and predict."""
    X = np.random.default_rng(0).standard_normal((N, 3))
    params = {"max_iter": 2, "early_stopping": False}
    targets = [np.arange(N) % 2, np.arange(N) % 3]
    for y in [X[:, 0]] if kind is TabularRegressor else targets:
        kind(n_members=2, member_params=params, random_state=0).fit(X, y).predict(X)
