"""Error of a central difference, and of a gradient taken from a step."""

import matplotlib.pyplot as plt
import numpy as np

from skgd import GDNeuralRegressor

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
net = GDNeuralRegressor(
    hidden_layer_sizes=(4,),
    activation="tanh",
    solver="batch",
    optimizer="gd",
    learning_rate_init=1.0,
    alpha=0,
    random_state=0,
).partial_fit(X, Y)


def parameters():
    """All weights and intercepts in one vector."""
    return np.concatenate([a.ravel() for a in net.coefs_ + net.intercepts_])


def set_parameters(theta):
    """Write such a vector into the network."""
    start = 0
    for a in net.coefs_ + net.intercepts_:
        a[...] = theta[start : start + a.size].reshape(a.shape)
        start += a.size


def loss_at(theta):
    """Loss of the network with these parameters."""
    set_parameters(theta)
    return 0.5 * ((net.predict(X) - Y) ** 2).sum() / len(X)


def backpropagation():
    """Gradient at the network's parameters, in the order of `parameters`."""
    (W_1, W_2), (b_1, b_2) = net.coefs_, net.intercepts_
    a = np.tanh(X @ W_1 + b_1)
    delta_2 = (a @ W_2 + b_2 - Y) / len(X)
    delta_1 = (delta_2 @ W_2.T) * (1 - a**2)
    parts = X.T @ delta_1, a.T @ delta_2, delta_1.sum(axis=0), delta_2.sum(axis=0)
    return np.concatenate([part.ravel() for part in parts])


before = parameters()
exact = backpropagation()


def difference(h):
    """Central differences, parameter by parameter."""
    pairs = [(before + h * e, before - h * e) for e in np.eye(before.size)]
    return np.array([(loss_at(up) - loss_at(down)) / (2 * h) for up, down in pairs])


def from_step(rate):
    """Gradient from one step of the library."""
    set_parameters(before)
    net.set_params(learning_rate_init=rate).partial_fit(X, Y)
    return (before - parameters()) / rate


sizes = np.geomspace(1e-12, 1, 37)
fig, ax = plt.subplots(layout="constrained")
for method, color, label in [
    (difference, "tab:orange", r"$(L(\theta + h e_j) - L(\theta - h e_j))\,/\,2h$"),
    (from_step, "tab:blue", r"$(\theta_0 - \theta_1)\,/\,\eta$"),
]:
    error = [np.abs(method(size) - exact).max() for size in sizes]
    ax.loglog(sizes, np.maximum(error, 1e-18), ".-", color=color, label=label)
ax.set(xlabel=r"$h$,  $\eta$", ylabel=r"$\max_j |\Delta g_j|$")
ax.grid(color="0.9")
ax.legend()
plt.show()
