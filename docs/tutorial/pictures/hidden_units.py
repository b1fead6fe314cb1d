"""A sine, and what networks with 0, 1, 2 and 10 hidden units make of it."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skgd import GDNeuralRegressor

warnings.simplefilter("ignore", ConvergenceWarning)
x = np.linspace(-3, 3, 61)
X, y = x.reshape(-1, 1), np.sin(x)

fig, axes = plt.subplots(
    1, 4, figsize=(7, 2.3), sharex=True, sharey=True, layout="constrained"
)
for ax, n_units in zip(axes, [0, 1, 2, 10], strict=True):
    hidden = (n_units,) if n_units else ()
    net = GDNeuralRegressor(
        hidden_layer_sizes=hidden,
        activation="tanh",
        learning_rate_init=0.03,
        max_iter=5000,
        tol=1e-6,
        random_state=0,
    ).fit(X, y)
    if n_units:
        units = np.tanh(X @ net.coefs_[0] + net.intercepts_[0]) * net.coefs_[1].T
        ax.plot(x, units, color="0.8", lw=1)
    ax.plot(x, y, ".", ms=3, color="tab:gray", label="$y$")
    ax.plot(x, net.predict(X), color="tab:orange", lw=2, label=r"$\hat y$")
    ax.set(title=f"{hidden}", xlabel="$x$", ylim=(-2.2, 2.2))
axes[0].legend(loc="lower right", fontsize="small")
plt.show()
