"""The learning rate of each of 200 epochs, for eight schedules."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skgd import GDNeuralRegressor

warnings.simplefilter("ignore", ConvergenceWarning)
X = np.linspace(-1, 1, 20).reshape(-1, 1)
y = X.ravel()


def warm_up(progress):
    """Rise in the first tenth, then half a cosine wave."""
    fall = 0.5 * (1 + np.cos(np.pi * (progress - 0.1) / 0.9))
    return np.where(progress < 0.1, progress / 0.1, fall)


schedules = {
    "constant": "constant",
    "invscaling": "invscaling",
    "adaptive": "adaptive",
    "exponential": "exponential",
    "cosine": "cosine",
    "one_cycle": "one_cycle",
    "coslog4": "coslog4",
    "warm_up(t)": warm_up,
}
fig, axes = plt.subplots(
    2, 4, figsize=(7, 3.4), sharex=True, sharey=True, layout="constrained"
)
for ax, (name, learning_rate) in zip(axes.flat, schedules.items(), strict=True):
    # No epoch improves by so large a tol, so each patience of 50 ends in a plateau.
    patience = {"tol": 100.0, "n_iter_no_change": 50} if name == "adaptive" else {}
    net = GDNeuralRegressor(
        hidden_layer_sizes=(),
        solver="batch",
        learning_rate=learning_rate,
        learning_rate_init=1.0,
        max_iter=200,
        random_state=0,
    )
    net.set_params(**(patience or {"n_iter_no_change": np.inf})).fit(X, y)
    ax.plot(net.learning_rate_curve_, color="tab:blue")
    ax.set_title(name, fontsize="small", family="monospace")
for ax in axes[1]:
    ax.set_xlabel("epoch")
for ax in axes[:, 0]:
    ax.set_ylabel(r"$\eta\;/\;\eta_0$")
plt.show()
