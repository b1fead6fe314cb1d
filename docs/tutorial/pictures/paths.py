"""Paths of the three solvers over the two parameters of a straight line."""

import matplotlib.pyplot as plt
import numpy as np

from skgd import GDNeuralRegressor

n, n_steps, rate = 64, 64, 0.15
rng = np.random.default_rng(0)
x = rng.normal(0.4, 1.0, size=n)
y = 1.5 * x + 0.5 + 0.7 * rng.normal(size=n)


def loss(w, b):
    """Half the mean squared error, for arrays of parameters."""
    errors = np.multiply.outer(w, x) + b[..., None] - y
    return 0.5 * (errors**2).mean(axis=-1)


def path(batch_size):
    """Parameters before each step, and after the last one."""
    net = GDNeuralRegressor(
        hidden_layer_sizes=(),
        solver="batch",
        optimizer="gd",
        alpha=0,
        learning_rate_init=rate,
        random_state=0,
    ).partial_fit(x.reshape(-1, 1), y)
    net.coefs_ = [np.array([[-0.3]])]
    net.intercepts_ = [np.array([1.8])]
    points = [(-0.3, 1.8)]
    rng = np.random.default_rng(1)
    order = np.concatenate([rng.permutation(n) for _ in range(batch_size)])
    for batch in order.reshape(n_steps, batch_size):
        # A batch of its own in each call, to see every step.
        net.partial_fit(x[batch].reshape(-1, 1), y[batch])
        points.append((net.coefs_[0][0, 0], net.intercepts_[0][0]))
    return np.array(points).T


w, b = np.meshgrid(np.linspace(-0.6, 2.6, 161), np.linspace(-0.6, 2.2, 141))
height = loss(w, b)
levels = height.min() + np.geomspace(0.01, 3, 9)
# In the colours that the live descents have.
solvers = [("batch", n, "#0072b2"), ("minibatch", 8, "#d55e00"), ("sgd", 1, "#009e73")]
for solver, batch_size, color in solvers:
    fig, ax = plt.subplots(figsize=(2.5, 2.3), layout="constrained")
    ax.contour(w, b, height, levels=levels, colors="0.75", linewidths=0.8)
    ax.plot(*path(batch_size), ".-", color=color, lw=0.8, ms=3)
    ax.plot(*np.polyfit(x, y, 1), "+", color="black", ms=8)
    ax.set_title(f'"{solver}", B = {batch_size}', family="monospace")
    ax.set(xlabel="$w$", ylabel="$b$", xticks=[0, 1, 2], yticks=[0, 1, 2])
    ax.set_aspect("equal")
plt.show()
