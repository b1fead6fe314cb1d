"""Faults that loss curves show: each function fits a network with one, and mends it.

Each draws two pictures, before and after the change, and returns the two networks.
`tests/test_loss_curves.py` asserts that the first one has the fault, and that the
second one has not.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import entropy
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_diabetes, load_digits, load_iris, make_friedman1
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

from skgd import GDNeuralClassifier, GDNeuralRegressor

warnings.simplefilter("ignore", ConvergenceWarning)

ALL_EPOCHS = {"n_iter_no_change": np.inf, "random_state": 0}


# Data ---------------------------------------------------------------------------------


def digits():
    """Return 500 digits to train on, and 500 others, with pixels from 0 to 1."""
    X, y = load_digits(return_X_y=True)
    parts = train_test_split(
        X / 16, y, train_size=500, test_size=500, stratify=y, random_state=0
    )
    return arranged(parts)


def diabetes(scaled=True):
    """Return 300 patients to train on and 142 others, with scaled targets."""
    X, y = load_diabetes(return_X_y=True, scaled=False)
    parts = train_test_split(
        scale(X) if scaled else X, scale(y), train_size=300, random_state=0
    )
    return arranged(parts)


def friedman(noise=1.0):
    """Return 500 samples of Friedman's first function, and 500 others, scaled."""
    X, y = make_friedman1(1000, noise=noise, random_state=0)
    return arranged(train_test_split(scale(X), scale(y), test_size=0.5, random_state=0))


def arranged(parts):
    """Put the parts that `train_test_split` returns into the order of `fit`."""
    X_train, X_val, y_train, y_val = parts
    return X_train, y_train, X_val, y_val


# Pictures -----------------------------------------------------------------------------


def compare(net, before, after, data, data_after=None, titles=None, **options):
    """Fit a network with one set of parameters and with another, and draw both.

    Parameters
    ----------
    net : estimator
        What both have in common.
    before, after : dict
        The parameters that differ.
    data : tuple of ndarray
        ``X_train, y_train``, and ``X_val, y_val`` if their loss is to be drawn.
    data_after : tuple of ndarray, default=None
        Those of the second fit, if they are others.
    titles : tuple of str, default=None
        Titles of the pictures; None takes the parameters.
    **options
        Properties of the axes: the scale, or the limits.

    Returns
    -------
    before, after : estimator
        Both fitted.
    """
    fits = []
    for params, samples in [(before, data), (after, data_after or data)]:
        validation = dict(zip(["X_val", "y_val"], samples[2:], strict=False))
        fitted = clone(net).set_params(**params).fit(*samples[:2], **validation)
        fits.append((fitted, constant_loss(fitted, samples[1])))
    titles = titles or [
        "\n".join(f"{name}={value!r}" for name, value in params.items())
        for params in (before, after)
    ]
    limits = {"ylim": common_limits(fits, options)} if data_after is None else {}
    for (fitted, constant), title in zip(fits, titles, strict=True):
        draw(fitted, constant, title, **(limits | options))
    return tuple(fitted for fitted, _ in fits)


def constant_loss(net, y):
    """Return the training loss of the best constant prediction."""
    if is_classifier(net):
        return entropy(np.unique(y, return_counts=True)[1])
    return y.var() / 2


def curves_of(net):
    """Return the losses to draw: of training, and of validation if there is one."""
    held_out = getattr(net, "validation_loss_curve_", None)
    return [net.loss_curve_] if held_out is None else [net.loss_curve_, held_out]


def common_limits(fits, options):
    """Return limits of the losses, the same for both pictures."""
    losses = np.concatenate([np.ravel(curves_of(net)) for net, _ in fits])
    lowest, highest = losses.min(), max(losses.max(), fits[0][1])
    if options.get("yscale") == "log":
        return lowest / 1.3, highest * 1.3
    return 0, 1.05 * highest


def draw(net, constant, title, **options):
    """Draw the loss curves of a network."""
    fig, ax = plt.subplots(figsize=(3.6, 2.8))
    kinds = [("training", "tab:blue", "-"), ("validation", "tab:red", "--")]
    for losses, (label, color, style) in zip(curves_of(net), kinds, strict=False):
        ax.plot(range(1, len(losses) + 1), losses, style, color=color, label=label)
    if constant < options.get("ylim", (0, np.inf))[1]:
        ax.axhline(constant, color="0.6", lw=1, ls=":", label="best constant")
    ax.set(xlabel="epoch", ylabel="loss", **options)
    ax.set_title(title, family="monospace")
    fig.legend(loc="outside upper center", ncols=3, handlelength=1.5, columnspacing=1)


# Faults -------------------------------------------------------------------------------


def rate_diverges():
    """The rate is above the limit that the curvature sets."""
    net = GDNeuralRegressor(
        20,
        activation="tanh",
        solver="batch",
        optimizer="gd",
        max_iter=15,
        **ALL_EPOCHS,
    )
    return compare(
        net,
        {"learning_rate_init": 0.9},
        {"learning_rate_init": 0.1},
        diabetes()[:2],
        yscale="log",
    )


def rate_oscillates():
    """The rate is near the limit: steps go to and fro."""
    net = GDNeuralRegressor(
        20,
        activation="tanh",
        solver="batch",
        optimizer="gd",
        max_iter=100,
        **ALL_EPOCHS,
    )
    return compare(
        net, {"learning_rate_init": 0.75}, {"learning_rate_init": 0.25}, diabetes()[:2]
    )


def rate_high_plateau():
    """Steps of Adam are too long to come into the valley."""
    net = GDNeuralClassifier(50, batch_size=32, max_iter=40, **ALL_EPOCHS)
    return compare(
        net, {"learning_rate_init": 0.3}, {"learning_rate_init": 0.003}, digits()[:2]
    )


def rate_too_small():
    """Each step is too short."""
    net = GDNeuralClassifier(50, batch_size=32, max_iter=40, **ALL_EPOCHS)
    return compare(
        net, {"learning_rate_init": 3e-5}, {"learning_rate_init": 0.003}, digits()[:2]
    )


def too_few_epochs():
    """The fit ends while both losses fall."""
    net = GDNeuralClassifier(50, random_state=0)
    return compare(net, {"max_iter": 20}, {"max_iter": 200}, digits())


def tol_too_large():
    """The fit ends by a plateau that is none."""
    net = GDNeuralRegressor(50, max_iter=500, learning_rate_init=0.0003, random_state=0)
    return compare(net, {"tol": 0.01}, {"tol": 1e-4}, friedman(noise=0.0))


def inputs_not_scaled():
    """The features are of very different sizes, some in the hundreds."""
    net = GDNeuralRegressor(
        50, learning_rate_init=0.003, batch_size=32, max_iter=30, **ALL_EPOCHS
    )
    return compare(
        *(net, {}, {}, diabetes(scaled=False), diabetes()),
        titles=("raw inputs", "scaled inputs"),
        ylim=(0, 2),
    )


def targets_not_scaled():
    """The targets are far from 0, where the outputs begin."""
    X_train, y_train, X_val, y_val = diabetes()
    y = load_diabetes().target
    raw = X_train, y.mean() + y.std() * y_train, X_val, y.mean() + y.std() * y_val
    net = GDNeuralRegressor(
        50, learning_rate_init=0.003, batch_size=32, max_iter=30, **ALL_EPOCHS
    )
    return compare(
        *(net, {}, {}, raw, diabetes()), titles=("raw targets", "scaled targets")
    )


def batch_too_small():
    """A step sees two samples, and follows their noise."""
    net = GDNeuralRegressor(50, learning_rate_init=0.01, max_iter=40, **ALL_EPOCHS)
    return compare(
        net, {"batch_size": 2}, {"batch_size": 50}, friedman()[:2], ylim=(0, 0.15)
    )


def batch_too_large():
    """An epoch is one step."""
    net = GDNeuralClassifier(50, max_iter=40, **ALL_EPOCHS)
    return compare(net, {"batch_size": 500}, {"batch_size": 32}, digits())


def overfitting():
    """The network learns the noise."""
    net = GDNeuralRegressor(
        100, learning_rate_init=0.003, batch_size=32, max_iter=150, **ALL_EPOCHS
    )
    return compare(net, {"weight_decay": 0.0}, {"weight_decay": 1.0}, diabetes())


def network_too_small():
    """Two units cannot follow the function."""
    net = GDNeuralRegressor(
        learning_rate_init=0.003, batch_size=32, max_iter=150, **ALL_EPOCHS
    )
    return compare(
        *(net, {"hidden_layer_sizes": 2}, {"hidden_layer_sizes": 50}),
        friedman(noise=0.0),
    )


def dead_units():
    """The first steps were so long that no unit is above 0 for any sample."""
    net = GDNeuralClassifier(
        (20, 20), optimizer="gd", batch_size=32, max_iter=40, **ALL_EPOCHS
    )
    return compare(
        net, {"learning_rate_init": 3.0}, {"learning_rate_init": 0.1}, digits()[:2]
    )


def saturated_units():
    """Weighted inputs are so large that tanh is flat there."""
    net = GDNeuralRegressor(
        50,
        activation="tanh",
        learning_rate_init=0.003,
        batch_size=32,
        max_iter=60,
        **ALL_EPOCHS,
    )
    return compare(
        *(net, {}, {}, diabetes(scaled=False), diabetes()),
        titles=("raw inputs, tanh", "scaled inputs, tanh"),
        ylim=(0, 0.7),
    )


def noise_floor():
    """A constant rate keeps the weights moving about the minimum."""
    net = GDNeuralRegressor(
        20,
        activation="tanh",
        learning_rate_init=0.03,
        batch_size=8,
        max_iter=60,
        **ALL_EPOCHS,
    )
    return compare(
        net,
        {"learning_rate": "constant"},
        {"learning_rate": "cosine"},
        friedman(),
        ylim=(0, 0.15),
    )


def sorted_samples():
    """Each batch has one class, and the network learns to name that one."""
    X_train, y_train, *held_out = digits()
    order = np.argsort(y_train, kind="stable")
    net = GDNeuralClassifier(
        50, learning_rate_init=0.03, batch_size=32, max_iter=40, **ALL_EPOCHS
    )
    return compare(
        *(net, {"shuffle": False}, {"shuffle": True}),
        (X_train[order], y_train[order], *held_out),
    )


def exploding_gradients():
    """A few samples are far from all others, and their gradients are huge."""
    X, y = friedman()[:2]
    X[::250] *= 20
    net = GDNeuralRegressor(
        20,
        optimizer="gd",
        learning_rate_init=0.03,
        batch_size=32,
        max_iter=60,
        **ALL_EPOCHS,
    )
    return compare(
        net, {"max_grad_norm": None}, {"max_grad_norm": 1.0}, (X, y), yscale="log"
    )


def nothing_to_learn():
    """The targets belong to other rows."""
    X_train, y_train, X_val, y_val = friedman()
    wrong = X_train, np.roll(y_train, 1), X_val, np.roll(y_val, 1)
    net = GDNeuralRegressor(
        20, max_iter=60, early_stopping=True, learning_rate_init=0.003, random_state=0
    )
    return compare(
        *(net, {}, {}, wrong, friedman()),
        titles=("targets one row off", "targets in their rows"),
        ylim=(0, 0.8),
    )


def few_held_out():
    """Fifteen flowers decide when to stop."""
    X, y = load_iris(return_X_y=True)
    net = GDNeuralClassifier(50, random_state=0)
    return compare(
        *(net, {"early_stopping": True}, {"early_stopping": False}),
        (scale(X), y),
    )


FAULTS = [
    rate_diverges,
    rate_oscillates,
    rate_high_plateau,
    rate_too_small,
    too_few_epochs,
    tol_too_large,
    inputs_not_scaled,
    targets_not_scaled,
    batch_too_small,
    batch_too_large,
    overfitting,
    network_too_small,
    dead_units,
    saturated_units,
    noise_floor,
    sorted_samples,
    exploding_gradients,
    nothing_to_learn,
    few_held_out,
]
