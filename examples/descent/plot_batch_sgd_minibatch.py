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
# In the first picture, an epoch is one pass over the 1,797 digits. It holds one step
# of ``"batch"``, 57 of ``"minibatch"`` and 1,797 of ``"sgd"``, so by epochs the one
# with the most steps is ahead. The second has the same losses against time. There
# ``"sgd"`` has no such lead: a step of 32 samples takes far less time than 32 steps
# of one. ``"batch"`` is last in both, as it makes so few steps. (The seconds are
# those of the machine that built this page.)

colours = {"batch": "#0072b2", "minibatch": "#d55e00", "sgd": "#009e73"}
for unit, title in [("epochs", "By passes over the data"), ("seconds", "By time")]:
    figure, ax = plt.subplots(figsize=(3.6, 3), layout="constrained")
    for solver, net in nets.items():
        done = np.arange(1.0, net.n_iter_ + 1)
        if unit == "seconds":
            done *= seconds[solver] / net.n_iter_
        ax.plot(done, net.loss_curve_, color=colours[solver], label=solver)
    ax.set(xscale="log", yscale="log", xlabel=unit, ylabel="training loss", title=title)
    ax.legend()
    ax.grid(alpha=0.3)
plt.show()
