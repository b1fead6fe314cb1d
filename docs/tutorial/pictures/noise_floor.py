"""Excess loss of stochastic descent by epoch, at constant and at falling rates."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_friedman1
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skgd import GDNeuralRegressor

warnings.simplefilter("ignore", ConvergenceWarning)
X, y = make_friedman1(n_samples=1000, noise=1.0, random_state=0)
X, y = scale(X), scale(y)
X_1 = np.column_stack([X, np.ones(len(X))])
lowest = 0.5 * np.mean((X_1 @ np.linalg.lstsq(X_1, y)[0] - y) ** 2)
n_epochs, n_runs = 30, 10


def excess(learning_rate, rate):
    """Loss after each epoch less the lowest one, mean over runs."""
    curves = np.empty((n_runs, n_epochs))
    for seed in range(n_runs):
        net = GDNeuralRegressor(
            hidden_layer_sizes=(),
            solver="sgd",
            optimizer="gd",
            alpha=0,
            learning_rate=learning_rate,
            learning_rate_init=rate,
            max_iter=n_epochs,
            n_iter_no_change=np.inf,
            random_state=seed,
        ).fit(X, y, X_val=X, y_val=y)
        curves[seed] = net.validation_loss_curve_
    return curves.mean(axis=0) - lowest


runs = [
    ("constant", 0.02, "tab:red", "-"),
    ("constant", 0.005, "tab:orange", "-"),
    ("constant", 0.00125, "tab:olive", "-"),
    ("exponential", 0.02, "tab:green", "--"),
    ("cosine", 0.02, "tab:blue", "--"),
]
fig, ax = plt.subplots(figsize=(4.5, 3.4), layout="constrained")
for learning_rate, rate, color, style in runs:
    label = f"{learning_rate} {rate:g}"
    epochs = np.arange(1, n_epochs + 1)
    ax.semilogy(epochs, excess(learning_rate, rate), style, color=color, label=label)
ax.set(xlabel="epoch", ylabel=r"$L - L_{\min}$")
monospace = {"family": "monospace"}
fig.legend(
    title="learning_rate, learning_rate_init",
    title_fontproperties=monospace,
    prop=monospace,
    loc="outside upper center",
    ncols=2,
)
ax.grid(color="0.93")
plt.show()
