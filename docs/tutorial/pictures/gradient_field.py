"""The loss of a straight line over its two parameters, and minus its gradient."""

import matplotlib.pyplot as plt
import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(0.4, 1.0, size=30)
y = 1.5 * x + 0.5 + 0.3 * rng.normal(size=30)


def errors(w, b):
    """Error of each sample, for arrays of parameters."""
    return np.multiply.outer(w, x) + np.asarray(b)[..., None] - y


def loss(w, b):
    """Half the mean squared error."""
    return 0.5 * (errors(w, b) ** 2).mean(axis=-1)


def gradient(w, b):
    """Derivatives of the loss by both parameters."""
    error = errors(w, b)
    return (error * x).mean(axis=-1), error.mean(axis=-1)


fig, ax = plt.subplots(figsize=(4.5, 3.6), layout="constrained")
w, b = np.meshgrid(np.linspace(-0.5, 3.5, 201), np.linspace(-1, 2, 151))
levels = np.geomspace(0.06, 4, 8)
lines = ax.contour(w, b, loss(w, b), levels=levels, colors="0.6", linewidths=0.8)
ax.clabel(lines, lines.levels[1::2], fmt="%.2f", colors="0.4")
w, b = np.meshgrid(np.linspace(-0.25, 3.25, 8), np.linspace(-0.75, 1.75, 6))
d_w, d_b = gradient(w, b)
ax.quiver(w, b, -d_w, -d_b, color="tab:red", angles="xy", scale_units="xy", scale=6)
ax.plot(*np.polyfit(x, y, 1), "+", color="black", ms=8)
ax.set(xlabel="$w$", ylabel="$b$", aspect="equal")
ax.set_title(r"$L(w, b)$,  $-g$")
plt.show()
