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
for name, learning_rate in schedules.items():
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
    fig, ax = plt.subplots(figsize=(1.8, 1.6), layout="constrained")
    ax.plot(net.learning_rate_curve_, color="tab:green")
    ax.set_title(name, family="monospace")
    ax.set(xlabel="epoch", ylabel=r"$\eta\;/\;\eta_0$", ylim=(-0.05, 1.05))
plt.show()
