"""
Batch, stochastic and mini-batch
================================

``solver`` says how many samples feed one gradient: all of them (``"batch"``), one
(``"sgd"``) or some (``"minibatch"``, here 32). The step is that of plain gradient
descent in all three.
"""

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from skgd import GDNeuralClassifier

# Each fit ends where it is told to, before it has converged.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

X, y = load_digits(return_X_y=True)
X = StandardScaler().fit_transform(X)

# A gradient of few samples is noisy, and wants a smaller learning rate.
settings = {
    "batch": {"learning_rate_init": 0.5, "max_iter": 400},
    "minibatch": {"learning_rate_init": 0.1, "batch_size": 32, "max_iter": 100},
    "sgd": {"learning_rate_init": 0.01, "max_iter": 30},
}
nets, seconds = {}, {}
for solver, setting in settings.items():
    net = GDNeuralClassifier(
        (50,),
        "tanh",
        solver=solver,
        optimizer="gd",
        alpha=0,
        n_iter_no_change=np.inf,
        random_state=0,
        **setting,
    )
    net.fit(X[:100], y[:100])  # compiles, or loads what was compiled
    start = time.perf_counter()
    nets[solver] = net.fit(X, y)
    seconds[solver] = time.perf_counter() - start

# %%
# On the left, an epoch is one pass over the 1,797 digits. It holds one step of
# ``"batch"``, 57 of ``"minibatch"`` and 1,797 of ``"sgd"``, so by epochs the one with
# the most steps is ahead. On the right the same losses are drawn against time. There
# ``"sgd"`` has no such lead: a step of 32 samples takes far less time than 32 steps of
# one. ``"batch"`` is last in both, as it makes so few steps. (The seconds are those of
# the machine that built this page.)

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", sharey=True)
for solver, net in nets.items():
    epochs = np.arange(1, net.n_iter_ + 1)
    axes[0].plot(epochs, net.loss_curve_, ".-", label=solver)
    axes[1].plot(
        epochs * seconds[solver] / net.n_iter_, net.loss_curve_, ".-", label=solver
    )
axes[0].set(xlabel="epochs", ylabel="training loss", title="By passes over the data")
axes[1].set(xlabel="seconds", title="By time")
for ax in axes:
    ax.set(xscale="log", yscale="log")
    ax.legend()
    ax.grid(alpha=0.3)
plt.show()
