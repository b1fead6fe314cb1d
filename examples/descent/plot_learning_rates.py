"""
Too small, right and too large a learning rate
==============================================

A linear model is trained by plain gradient descent on all samples. Its loss is a bowl,
so theory says exactly which learning rates can work: those below 2 over the bowl's
largest curvature, which is the largest eigenvalue of the matrix of second derivatives.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skgd import GDNeuralRegressor

# Each fit ends where it is told to, before it has converged.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

X, y = load_diabetes(return_X_y=True)
X, y = scale(X), scale(y)

X_and_ones = np.column_stack([X, np.ones(len(X))])  # ones belong to the intercept
curvatures = np.linalg.eigvalsh(X_and_ones.T @ X_and_ones / len(X))
limit = 2 / curvatures[-1]
print(f"Largest learning rate that can work: {limit:.4f}")

nets = {}
for share in (0.01, 0.1, 0.5, 0.97, 1.02):
    net = GDNeuralRegressor(
        hidden_layer_sizes=(),
        solver="batch",
        optimizer="gd",
        alpha=0,
        learning_rate_init=share * limit,
        max_iter=100,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    nets[share] = net.fit(X, y)

# The least loss that there can be, by linear algebra
weights, *_ = np.linalg.lstsq(X_and_ones, y)
least = np.mean((X_and_ones @ weights - y) ** 2) / 2

# %%
# At a hundredth of the limit, 100 steps are not enough. At half of it, ten bring the
# loss close to its least. Just below the limit it falls more slowly again: each step
# overshoots the bottom in the steepest direction, and lands almost as high on the other
# side. Just above, it lands higher each time, and the loss grows without end. (At
# twenty times the limit it would become infinite within these 100 steps, and ``fit``
# would raise an error.)

figure, ax = plt.subplots(figsize=(4.5, 3.4), layout="constrained")
colours = plt.colormaps["viridis"](np.linspace(0, 0.85, 4))
for (share, net), colour in zip(nets.items(), [*colours, "crimson"], strict=True):
    label = f"{net.learning_rate_init:.4f} = {share:g} x limit"
    ax.plot(np.arange(100), net.loss_curve_, color=colour, label=label)
ax.axhline(least, color="black", linestyle=":", label="least loss")
ax.set(xlabel="steps", ylabel="training loss", yscale="log", ylim=(0.2, 8))
ax.set_yticks([0.3, 1, 3], ["0.3", "1", "3"])
ax.minorticks_off()
ax.legend(title="learning rate", loc="upper right", framealpha=1)
plt.show()
