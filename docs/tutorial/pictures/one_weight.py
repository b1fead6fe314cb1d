"""One weight: the data and three predictions, the loss with steps down, and up."""

import matplotlib.pyplot as plt
import numpy as np

x = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
y = np.array([-3.0, -1.0, -1.0, 2.0, 3.0])


def loss(w):
    """Half the mean squared error of each weight in an array."""
    return 0.5 * np.mean((np.multiply.outer(w, x) - y) ** 2, axis=-1)


def slope(w):
    """Derivative of the loss."""
    return np.mean((w * x - y) * x)


def path(rate, n_steps):
    """Weights from 0 on."""
    weights = [0.0]
    for _ in range(n_steps):
        weights.append(weights[-1] - rate * slope(weights[-1]))
    return np.array(weights)


def days():
    """Draw the five days and the lines of three weights."""
    _, ax = plt.subplots(layout="constrained")
    ends = np.array([-2.4, 2.4])
    for w in (0, 1, 1.5):
        ax.plot(ends, w * ends, label=f"$w = {w}$")
    ax.plot(x, y, "o", color="black")
    ax.set(xlabel="$x$", ylabel="$y$")
    ax.legend()


def steps():
    """Draw the loss, its tangent at 0, and eight steps."""
    _, ax = plt.subplots(layout="constrained")
    w = np.linspace(-0.4, 3.0, 171)
    ax.plot(w, loss(w), color="0.7")
    ends = np.array([-0.4, 0.7])
    tangent = loss(0.0) + slope(0.0) * ends
    ax.plot(ends, tangent, "--", color="tab:red", label="$L'(0) = -3$")
    weights = path(rate=0.1, n_steps=8)
    ax.plot(weights, loss(weights), ".-", color="#0072b2", label=r"$\eta = 0.1$")
    ax.plot(weights[0], loss(weights[0]), "o", color="black")
    ax.set(xlabel="$w$", ylabel="$L(w)$", ylim=(0, 3.8))
    ax.legend()


def too_large():
    """Draw steps that climb."""
    _, ax = plt.subplots(layout="constrained")
    w = np.linspace(-1.6, 4.6, 171)
    ax.plot(w, loss(w), color="0.7")
    weights = path(rate=1.1, n_steps=4)
    ax.plot(weights, loss(weights), ".-", color="#0072b2", label=r"$\eta = 1.1$")
    ax.plot(weights[0], loss(weights[0]), "o", color="black")
    for number, weight in enumerate(weights):
        ax.text(weight, loss(weight) + 0.3, number, ha="center")
    ax.set(xlabel="$w$", ylabel="$L(w)$", ylim=(0, 11))
    ax.legend()
