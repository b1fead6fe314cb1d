"""A sine, and what networks with 0, 1, 2 and 10 hidden units make of it."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skgd import GDNeuralRegressor

warnings.simplefilter("ignore", ConvergenceWarning)
x = np.linspace(-3, 3, 61)
X, y = x.reshape(-1, 1), np.sin(x)

titles = {
    0: "no hidden unit",
    1: "1 hidden unit",
    2: "2 hidden units",
    10: "10 hidden units",
}
for n_units, title in titles.items():
    fig, ax = plt.subplots(figsize=(1.8, 2.2), layout="constrained")
    net = GDNeuralRegressor(
        hidden_layer_sizes=(n_units,) if n_units else (),
        activation="tanh",
        learning_rate_init=0.03,
        max_iter=5000,
        tol=1e-6,
        random_state=0,
    ).fit(X, y)
    if n_units:
        units = np.tanh(X @ net.coefs_[0] + net.intercepts_[0]) * net.coefs_[1].T
        ax.plot(x, units, color="0.7", lw=1)
    data = ax.plot(x, y, ".", ms=3, color="tab:gray", label="$y$")
    fit = ax.plot(x, net.predict(X), color="tab:orange", lw=2, label=r"$\hat y$")
    if n_units == 0:
        ax.legend(handles=[*data, *fit], loc="lower right")
    ax.set(title=title, xlabel="$x$", xticks=[-2, 0, 2], ylim=(-2.2, 2.2))
plt.show()
