"""
Nine optimizers on one problem
==============================

``optimizer`` says how a gradient becomes a step. All nine train the same small network
on the same digits, from the same initial weights, with the same batches. Each tries ten
learning rates.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from skgd import GDNeuralClassifier

X, y = load_digits(return_X_y=True)
X, y = StandardScaler().fit_transform(X[:1000]), y[:1000]

optimizers = [
    *("gd", "momentum", "nesterov"),
    *("adagrad", "adadelta", "rmsprop"),
    *("adam", "amsgrad", "nadam"),
]
rates = np.logspace(-3.5, 1, 10)


def train(optimizer, rate):
    """Return the training losses of 15 epochs, nan from where they are infinite."""
    net = GDNeuralClassifier(
        (32,),
        "tanh",
        optimizer=optimizer,
        learning_rate_init=rate,
        batch_size=32,
        max_iter=15,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    losses = np.full(net.max_iter, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            losses[:] = net.fit(X, y).loss_curve_
        except ValueError as error:
            if "non-finite" not in str(error):
                raise
    return losses


losses = np.array([[train(name, rate) for rate in rates] for name in optimizers])

# %%
# The first picture shows, for each optimizer, the loss after 15 epochs against the
# learning rate; the colours and strokes are those of the second one. Each optimizer
# has a range in which it works, and the ranges lie far apart: the best of these rates
# is 0.01 for ``"rmsprop"``, 0.03 for ``"adam"`` and its kin, 0.3 for ``"momentum"``,
# ``"nesterov"`` and ``"adagrad"``, and 3 and more for plain ``"gd"`` and
# ``"adadelta"``. So a learning rate says little without its optimizer. The second
# picture shows the training with the best rate of each. The differences that are left
# are much smaller than that between a good and a bad learning rate.

_, first = plt.subplots(figsize=(3.6, 3.6), layout="constrained")
_, second = plt.subplots(figsize=(3.6, 3.6), layout="constrained")
styles = ["-", "--", ":"] * 3
colours = np.repeat(["tab:blue", "tab:green", "tab:red"], 3)
for name, by_rate, style, colour in zip(
    optimizers, losses, styles, colours, strict=True
):
    line = {"linestyle": style, "color": colour, "linewidth": 2}
    first.plot(rates, by_rate[:, -1], marker=".", **line)
    best = np.nanargmin(by_rate[:, -1])
    label = f"{name}, {rates[best]:.2g}"
    second.plot(np.arange(1, 16), by_rate[best], label=label, **line)
for ax in (first, second):
    ax.set(yscale="log", ylabel="training loss", ylim=(np.nanmin(losses) / 1.3, 5))
first.set(xscale="log", xlabel="learning rate", title="After 15 epochs")
second.set(xlabel="epoch", title="With the best of these rates")
second.legend()
plt.show()
