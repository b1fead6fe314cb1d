"""Paths of plain descent and of L-BFGS in a valley at an angle to the axes."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skgd import GDNeuralRegressor

warnings.simplefilter("ignore", ConvergenceWarning)
# The loss of these four samples has the curvatures 1 and 100, at 45 degrees.
straight = np.array([[1, 10], [1, -10], [-1, 10], [-1, -10.0]])
X = straight @ np.array([[1, 1], [-1, 1]]) / np.sqrt(2)
start = np.array([2.0, 1.0])


def weights_after(n_steps, optimizer):
    """The two weights after this number of steps from the start."""
    net = GDNeuralRegressor(
        hidden_layer_sizes=(),
        solver="batch",
        optimizer=optimizer,
        learning_rate_init=0.018,
        alpha=0,
        max_iter=n_steps,
        n_iter_no_change=np.inf,
    )
    net.fit(X, np.zeros(4), coefs_init=[start[:, None]], intercepts_init=[[0.0]])
    return net.coefs_[0].ravel()


def path(n_steps, optimizer):
    """Both coordinates of the start and of each point after it."""
    steps = [weights_after(n, optimizer) for n in range(1, n_steps + 1)]
    return np.array([start, *steps]).T


w_1, w_2 = np.meshgrid(np.linspace(-0.6, 2.6, 161), np.linspace(-0.6, 2.0, 131))
# X.T @ X / 4 is the matrix of the curvatures.
(a, b), (_, d) = X.T @ X / 4
height = (a * w_1**2 + 2 * b * w_1 * w_2 + d * w_2**2) / 2

fig, ax = plt.subplots(figsize=(4.5, 3.6), layout="constrained")
ax.contour(w_1, w_2, height, levels=np.geomspace(0.05, 100, 9), colors="0.7")
ax.plot(*path(40, "gd"), ".-", color="#0072b2", label="gd")
ax.plot(*path(6, "lbfgs"), "o-", color="tab:purple", label="lbfgs")
ax.plot(*start, "ko")
ax.plot(0, 0, "k+", markersize=12)
ax.set(xlabel="$w_1$", ylabel="$w_2$", aspect="equal")
fig.legend(loc="outside upper center", ncols=2, prop={"family": "monospace"})
plt.show()
