"""A hundred points of two classes, and in each chapter what it adds to their picture.

A function for each chapter draws two to four panels, each a figure of its own. All have
the same points, frame, colours and symbols. The code in the chapters makes the same
fits and prints the numbers over the panels; `tests/test_two_classes.py` compares them.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit, logit, logsumexp
from sklearn.datasets import make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

from skgd import GDNeuralClassifier

warnings.simplefilter("ignore", ConvergenceWarning)


# Points and networks ------------------------------------------------------------------


def two_moons(n, seed):
    """Return n points about the middle of the plane, and their classes, 0 and 1."""
    places, classes = make_moons(n, noise=0.25, random_state=seed)
    return places - [0.5, 0.25], classes


moons, classes = two_moons(100, seed=0)
new_moons, new_classes = two_moons(1000, seed=1)

ALL_EPOCHS = {"alpha": 0, "n_iter_no_change": np.inf}


def fit(hidden=(8,), **params):
    """Fit a network, which has the same first weights in all chapters."""
    net = GDNeuralClassifier(hidden, activation="tanh", random_state=2)
    return net.set_params(**params).fit(moons, classes)


def descend(n_steps):
    """Fit by steps of plain descent, from all points."""
    plain = {"solver": "batch", "optimizer": "gd", "learning_rate_init": 1.0}
    return fit(**ALL_EPOCHS, **plain, max_iter=n_steps)


def overfit(**params):
    """Fit by L-BFGS until all points are right."""
    common = {"solver": "batch", "optimizer": "lbfgs", "alpha": 0, "max_iter": 50}
    return fit(**(common | params))


# What networks say of places ----------------------------------------------------------


def log_odds(nets, places):
    """Return log(p / (1 - p)), where p is the mean of the networks' probabilities.

    For one network this is the raw output, which a boundary is found in more exactly
    than in probabilities that are 0 or 1 nearly everywhere.
    """
    logs = logsumexp([net.predict_log_proba(places) for net in nets], axis=0)
    return logs[:, 1] - logs[:, 0]


def score(nets, places, labels):
    """Return the share of the places whose class is the more probable one."""
    return np.mean((log_odds(nets, places) > 0) == labels)


def loss(nets, places, labels):
    """Return the mean log loss of the places."""
    return log_loss(labels, expit(log_odds(nets, places)))


def on_points(nets, digits=2):
    """Say what loss and score the points have, the loss with some digits."""
    points = moons, classes
    return f"loss {loss(nets, *points):.{digits}f}, score {score(nets, *points):.2f}"


def on_both(*groups):
    """Say what score and loss the points have, and new ones: the mean over groups."""
    lines = []
    for measure in (score, loss):
        old, new = (
            np.mean([measure(nets, *points) for nets in groups])
            for points in [(moons, classes), (new_moons, new_classes)]
        )
        lines.append(f"{measure.__name__} {old:.2f} / {new:.2f}")
    return lines


# Panels -------------------------------------------------------------------------------

COLORS = "#c73e4d", "#2b6cb0"  # of the classes, as in the live picture
SYMBOLS = "o", "^"
WIDTH, HEIGHT = 2.2, 1.7  # of half the frame
# Tints change at some probabilities; their strengths are those from 0 to a half.
PROBABILITIES = np.array([0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95])
STRENGTHS = [0.4, 0.3, 0.18, 0.06]


def make_panel(*title, width=2.4):
    """Make a figure with the frame and a title of some lines, and return its axes.

    Its width in inches is such that three panels fill a row. Of four, it is 1.8.
    """
    size = width, width * HEIGHT / WIDTH + 0.16 * len(title)
    _, ax = plt.subplots(figsize=size, layout="constrained")
    ax.set(xlim=(-WIDTH, WIDTH), ylim=(-HEIGHT, HEIGHT), xticks=[], yticks=[])
    ax.set_aspect("equal")
    ax.spines[:].set(visible=True, color="0.7")
    ax.set_title("\n".join(title), family="monospace", fontsize=9)
    return ax


def each_class():
    """Yield which points are of a class, and how they are drawn."""
    for label, (color, symbol) in enumerate(zip(COLORS, SYMBOLS, strict=True)):
        yield classes == label, {"color": color, "marker": symbol, "zorder": 3}


def draw_points(ax):
    """Draw the points in the colours and symbols of their classes."""
    for own, style in each_class():
        ax.plot(*moons[own].T, ls="none", ms=3.5, mec="white", mew=0.3, **style)


def on_grid(nets, spacing):
    """Return a grid over the frame, and the log odds at its places."""
    x_1, x_2 = (
        np.linspace(-reach, reach, round(2 * reach / spacing))
        for reach in (WIDTH, HEIGHT)
    )
    places = np.stack(np.meshgrid(x_1, x_2), axis=-1)
    return x_1, x_2, log_odds(nets, places.reshape(-1, 2)).reshape(places.shape[:2])


def draw_boundary(ax, nets, width=1.6):
    """Draw where both classes are equally probable."""
    grid = on_grid(nets, spacing=0.04)
    ax.contour(*grid, levels=[0], colors="black", linewidths=width)


def draw_tints(ax, nets, strengths=STRENGTHS):
    """Tint each place in the colour of the class that is more probable there."""
    tints = [(COLORS[0], strength) for strength in strengths]
    tints += [(COLORS[1], strength) for strength in reversed(strengths)]
    grid = on_grid(nets, spacing=0.09)
    ax.contourf(*grid, levels=logit(PROBABILITIES), colors=tints, extend="both")


def draw(nets, *title, **size):
    """Draw a panel with tints, boundary and points."""
    ax = make_panel(*title, **size)
    draw_tints(ax, nets)
    draw_boundary(ax, nets)
    draw_points(ax)
    return ax


def draw_unit(ax, net, unit):
    """Draw the line on which the sum of a hidden unit is 0."""
    w, b = net.coefs_[0][:, unit], net.intercepts_[0][unit]
    foot = -b * w / (w @ w)
    ax.axline(foot, foot + np.array([-w[1], w[0]]), color="0.5", lw=0.8)


# Chapters -----------------------------------------------------------------------------


def one_weight():
    """A line through the middle, whose slope is the weight."""
    for w in [-1, 0, 0.25]:
        right = (moons[:, 1] < w * moons[:, 0]) == classes
        ax = make_panel(f"w = {w}", f"score {right.mean():.2f}")
        ax.axline((0, 0), slope=w, color="black", lw=1.6)
        draw_points(ax)


def network():
    """No hidden units, two and eight, each with its line."""
    for hidden in [(), (2,), (8,)]:
        net = fit(hidden, learning_rate_init=0.03, max_iter=1000)
        ax = draw([net], f"{hidden}", on_points([net]))
        for unit in range(sum(hidden)):
            draw_unit(ax, net, unit)


def gradient():
    """Steps of one length: none, against the gradient, across it and along it."""
    net = descend(1)
    start = parameters(net)
    g = start - parameters(descend(2))
    up = g / np.linalg.norm(g)
    across = np.random.default_rng(0).normal(size=g.size)
    across -= (across @ up) * up
    across /= np.linalg.norm(across)
    for name, step in {
        r"$\theta$": 0 * up,
        r"$\theta - u$": -up,
        r"$\theta + v$": across,
        r"$\theta + u$": up,
    }.items():
        set_parameters(net, start + step)
        draw([net], name, on_points([net], digits=3), width=1.8)


def parameters(net):
    """Return all weights and intercepts in one vector."""
    return np.concatenate([a.ravel() for a in net.coefs_ + net.intercepts_])


def set_parameters(net, theta):
    """Write such a vector into the network."""
    start = 0
    for a in net.coefs_ + net.intercepts_:
        a[...] = theta[start : start + a.size].reshape(a.shape)
        start += a.size


def backpropagation():
    """Points as large as what they send back to the output, and to a hidden unit."""
    unit = 5
    for n_steps in [1, 100]:
        net = descend(n_steps)
        delta_2 = net.predict_proba(moons)[:, 1] - classes
        draw_deltas(net, delta_2, f"t = {n_steps}", "delta_2")
    a = net.hidden_activations(moons)[:, unit]
    delta_1 = delta_2 * net.coefs_[1][unit, 0] * (1 - a**2)
    ax = draw_deltas(net, delta_1, f"t = {n_steps}", f"delta_1[:, {unit}]")
    draw_unit(ax, net, unit)


def draw_deltas(net, delta, *title):
    """Draw a panel with points as large as these numbers, whatever their sign."""
    sizes = np.abs(delta)
    ax = make_panel(*title[:-1], f"{title[-1]} {sizes.mean():.2f}")
    draw_boundary(ax, [net])
    for own, style in each_class():
        ax.scatter(*moons[own].T, 45 * sizes[own], lw=0, **style)
    return ax


def descent():
    """The boundary after 1, 10, 100 and 1000 steps."""
    for n_steps in [1, 10, 100, 1000]:
        net = descend(n_steps)
        draw([net], f"t = {n_steps}", on_points([net]), width=1.8)


def batches():
    """The same number of passes over the points, by each solver."""
    params = {"optimizer": "gd", "learning_rate_init": 0.3, "max_iter": 30}
    for solver in ["batch", "minibatch", "sgd"]:
        size = 10 if solver == "minibatch" else "auto"
        net = fit(**ALL_EPOCHS, **params, solver=solver, batch_size=size)
        draw([net], f'solver="{solver}"', on_points([net]))


def optimizers():
    """The same number of passes in mini-batches, by three optimizers."""
    params = {"batch_size": 10, "max_iter": 30}
    for optimizer, rate in [("gd", 0.3), ("momentum", 0.3), ("adam", 0.1)]:
        rule = {"optimizer": optimizer, "learning_rate_init": rate}
        net = fit(**ALL_EPOCHS, **params, **rule)
        draw([net], f'optimizer="{optimizer}"', on_points([net]))


def second_order():
    """Adam and L-BFGS after 20 passes, and L-BFGS at its end."""
    adam = {"solver": "batch", "optimizer": "adam", "learning_rate_init": 0.5}
    for name, net in {
        "adam, 20": fit(**ALL_EPOCHS, **adam, max_iter=20),
        "lbfgs, 20": overfit(max_iter=20),
        "lbfgs, 50": overfit(),
    }.items():
        draw([net], name, *on_both([net]))


def schedules():
    """The boundaries of five fits, each an epoch longer than the one before."""
    params = {"solver": "sgd", "optimizer": "gd", "learning_rate_init": 0.3}
    for schedule in ["constant", "cosine"]:
        nets = [
            fit(**ALL_EPOCHS, **params, learning_rate=schedule, max_iter=n_epochs)
            for n_epochs in range(26, 31)
        ]
        losses = sorted(loss([net], moons, classes) for net in nets)
        span = f"loss {losses[0]:.2f} ... {losses[-1]:.2f}"
        ax = make_panel(schedule, span)
        for net in nets:
            draw_boundary(ax, [net], width=0.8)
        draw_points(ax)


def regularisation():
    """No penalty, a good one, too much of it, and an early stop."""
    stop = {"early_stopping": True, "scoring": "loss", "validation_fraction": 0.3}
    for params in [{"alpha": 0}, {"alpha": 0.3}, {"alpha": 3}, stop]:
        net = overfit(**params)
        name, value = next(iter(params.items()))
        draw([net], f"{name}={value}", *on_both([net]), width=1.8)


def dropout_and_batch_norm():
    """A larger network as it is, with dropout, and with batch normalisation."""
    common = {"learning_rate_init": 0.01, "batch_size": 20, "max_iter": 300}
    for name, params in {
        "(50, 50)": {},
        "dropout=0.5": {"dropout": 0.5},
        "batch_norm=True": {"batch_norm": True},
    }.items():
        net = fit((50, 50), **ALL_EPOCHS, **common, **params)
        draw([net], name, *on_both([net]))


def eight_nets():
    """Return networks that differ in their first weights, the usual one first."""
    return [overfit(random_state=seed) for seed in range(2, 10)]


def ensembles():
    """One network, the boundaries of eight, and what they say on average."""
    nets = eight_nets()
    alone = [[net] for net in nets]
    draw(alone[0], "nets[0]", *on_both(alone[0]))
    ax = make_panel("nets[0], ..., nets[7]", *on_both(*alone))
    for net in alone:
        draw_boundary(ax, net, width=0.8)
    draw_points(ax)
    draw(nets, "np.mean(p, axis=0)", *on_both(nets))


def applications():
    """Where one network is sure, where eight are on average, and one with a penalty."""
    nets = eight_nets()
    for name, own in {
        "p[0]": nets[:1],
        "np.mean(p, axis=0)": nets,
        "alpha=0.3": [overfit(alpha=0.3)],
    }.items():
        sure = np.abs(expit(log_odds(own, new_moons)) - 0.5) > 0.45
        right = score(own, new_moons[sure], new_classes[sure])
        ax = make_panel(name, f"p > 0.95: {sure.mean():.2f}", f"score {right:.2f}")
        draw_tints(ax, own, strengths=[0.4, 0, 0, 0])
        draw_boundary(ax, own)
        draw_points(ax)
