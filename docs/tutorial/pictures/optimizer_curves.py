"""Training loss of a network by nine optimizers, each with the best of its rates."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_friedman1
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skgd import GDNeuralRegressor

warnings.simplefilter("ignore", ConvergenceWarning)
X, y = make_friedman1(n_samples=2000, noise=1.0, random_state=0)
X, y = scale(X), scale(y)
# The best of 1, 2 and 5 times a power of ten, by the loss of the last 5 epochs.
rates = {
    "gd": 0.2,
    "momentum": 0.05,
    "nesterov": 0.1,
    "adagrad": 0.05,
    "adadelta": 2.0,
    "rmsprop": 0.002,
    "adam": 0.01,
    "amsgrad": 0.01,
    "nadam": 0.005,
}
styles = ["-", "-", "--", "-", "--", ":", "-", "--", ":"]
colors = ["0.3", *["tab:blue"] * 2, *["tab:green"] * 3, *["tab:red"] * 3]

fig, ax = plt.subplots(figsize=(4.5, 3.8), layout="constrained")
for (optimizer, rate), style, color in zip(rates.items(), styles, colors, strict=True):
    net = GDNeuralRegressor(
        hidden_layer_sizes=(50,),
        activation="tanh",
        optimizer=optimizer,
        learning_rate_init=rate,
        alpha=0,
        max_iter=100,
        n_iter_no_change=np.inf,
        random_state=0,
    ).fit(X, y)
    label = f"{optimizer}, η = {rate:g}"
    ax.semilogy(net.loss_curve_, style, color=color, label=label)
ax.set(xlabel="epoch", ylabel="$L$", ylim=(0.018, 0.5), xlim=(0, 100))
ax.set_yticks([0.02, 0.05, 0.1, 0.2, 0.5])
ax.minorticks_off()
ax.yaxis.set_major_formatter("{x:g}")
ax.legend(loc="upper right", prop={"family": "monospace"})
plt.show()
