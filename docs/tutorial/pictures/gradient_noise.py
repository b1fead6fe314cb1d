"""Noise of a batch's gradient against the batch size, measured and by the formula."""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_friedman1
from sklearn.preprocessing import scale

from skgd import GDNeuralRegressor

X, y = make_friedman1(n_samples=2000, noise=1.0, random_state=0)
X, y = scale(X), scale(y)
n = len(X)
net = GDNeuralRegressor(
    hidden_layer_sizes=(50,),
    activation="tanh",
    optimizer="gd",
    alpha=0,
    learning_rate_init=0.1,
    random_state=0,
)


def sample_gradients():
    """Gradient of each sample, shape (n_samples, n_parameters)."""
    a = np.tanh(X @ net.coefs_[0] + net.intercepts_[0])
    delta_2 = a @ net.coefs_[1] + net.intercepts_[1] - y.reshape(-1, 1)
    delta_1 = (delta_2 @ net.coefs_[1].T) * (1 - a**2)
    d_W_1 = (X[:, :, None] * delta_1[:, None, :]).reshape(n, -1)
    return np.hstack([d_W_1, delta_1, a * delta_2, delta_2])


sizes = np.array([1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 1500])
line = np.geomspace(1, 1999, 200)
rng = np.random.default_rng(0)
fig, ax = plt.subplots(layout="constrained")
n_epochs = 0
for until, color in zip([1, 20, 300], plt.cm.viridis([0.0, 0.4, 0.8]), strict=True):
    while n_epochs < until:
        net.partial_fit(X, y)
        n_epochs += 1
    gradients = sample_gradients()
    full = gradients.mean(axis=0)
    length = np.sqrt(full @ full)
    sigma = np.sqrt(((gradients - full) ** 2).sum(axis=1).mean())
    measured = []
    for size in sizes:
        batches = [rng.choice(n, size, replace=False) for _ in range(100)]
        off = np.array([gradients[batch].mean(axis=0) - full for batch in batches])
        measured.append(np.sqrt((off**2).sum(axis=1).mean()) / length)
    ax.loglog(sizes, measured, "o", color=color, ms=4, label=f"epoch {until}")
    formula = sigma / np.sqrt(line) * np.sqrt((n - line) / (n - 1)) / length
    ax.loglog(line, formula, color=color, lw=1)
ax.axhline(1, color="0.6", lw=0.8, ls=":")
ax.set(xlabel="$B$", ylabel=r"$\|g_{\mathcal{B}} - g\|\;/\;\|g\|$", ylim=(1e-2, 200))
ax.grid(color="0.93")
ax.legend()
plt.show()
