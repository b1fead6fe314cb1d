"""Paths of eight optimizers in a narrow valley."""

import matplotlib.pyplot as plt
import numpy as np

from skgd import GDNeuralRegressor

# The loss of these four samples is (w_1^2 + 100 w_2^2) / 2.
X = np.array([[1, 10], [1, -10], [-1, 10], [-1, -10.0]])
y = np.zeros(4)
start, n_steps = (2.0, 0.25), 40
rates = {
    "gd": 0.018,
    "momentum": 0.005,
    "nesterov": 0.005,
    "adagrad": 0.5,
    "rmsprop": 0.01,
    "adadelta": 1.0,
    "adam": 0.1,
    "nadam": 0.1,
}


def path(optimizer, rate):
    """Weights before each step, and after the last one."""
    net = GDNeuralRegressor(
        hidden_layer_sizes=(),
        solver="batch",
        optimizer="gd",
        learning_rate_init=1e-300,
        alpha=0,
    ).partial_fit(X, y)
    net.coefs_, net.intercepts_ = [np.reshape(start, (2, 1))], [np.zeros(1)]
    net.set_params(optimizer=optimizer, learning_rate_init=rate)
    points = [start]
    for _ in range(n_steps):
        net.partial_fit(X, y)
        points.append(tuple(net.coefs_[0].ravel()))
    return np.array(points).T


w_1, w_2 = np.meshgrid(np.linspace(-1.1, 2.3, 171), np.linspace(-0.35, 0.35, 71))
height = (w_1**2 + 100 * w_2**2) / 2
levels = np.geomspace(0.02, 6, 8)
for optimizer, rate in rates.items():
    fig, ax = plt.subplots(figsize=(3.6, 1.35), layout="constrained")
    ax.contour(w_1, w_2, height, levels=levels, colors="0.8", linewidths=0.8)
    ax.plot(*path(optimizer, rate), ".-", color="#0072b2", lw=0.8, ms=3)
    ax.plot(*start, "o", color="black", ms=5)
    ax.plot(0, 0, "+", color="black", ms=8)
    ax.set_title(f"{optimizer}, η = {rate:g}", family="monospace")
    ax.set(aspect="equal", xlim=(-1.1, 2.3), ylim=(-0.35, 0.35))
    ax.set(xlabel="$w_1$", ylabel="$w_2$")
plt.show()
