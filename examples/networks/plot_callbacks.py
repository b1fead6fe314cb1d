"""
Watching a network learn
========================

A callback sees the network after each epoch. This one keeps a copy of it after some of
them, and so shows how a curve bends towards the data. It needs scikit-learn 1.9, whose
callbacks these are.
"""

import matplotlib.pyplot as plt
import numpy as np

from skgd import GDNeuralRegressor


class Snapshots:
    """Keep the network as it was after some epochs; end the fit after the last."""

    def __init__(self, epochs):
        self.epochs = epochs

    def setup(self, estimator, context):
        self.networks = {}

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        if context.task_name == "epoch" and fitted_estimator.n_iter_ in self.epochs:
            self.networks[fitted_estimator.n_iter_] = fitted_estimator
        return fitted_estimator.n_iter_ >= max(self.epochs)


rng = np.random.default_rng(0)
x = rng.uniform(-3, 3, size=200)
y = np.sin(2 * x) + 0.3 * x + rng.normal(scale=0.2, size=x.size)

snapshots = Snapshots([1, 30, 100, 300, 1000])
net = GDNeuralRegressor(
    (50, 50),
    "tanh",
    solver="batch",
    learning_rate_init=0.003,
    max_iter=2000,
    n_iter_no_change=np.inf,
    random_state=0,
)
net.set_callbacks(snapshots).fit(x[:, np.newaxis], y)
print(f"Ended by the callback after {net.n_iter_} epochs.")

# %%
# The network begins as a nearly straight line, learns the slow rise first, then one
# wave after another from the middle outwards. ``fitted_estimator`` is a copy, so each
# snapshot can predict after training has gone on. A callback that returns True ends the
# fit, here after 1,000 of at most 2,000 epochs.

grid = np.linspace(-3, 3, 300)
figure, ax = plt.subplots(figsize=(4.5, 3.6), layout="constrained")
ax.plot(x, y, ".", color="silver", label="data")
colours = plt.colormaps["viridis_r"](np.linspace(0.1, 1, len(snapshots.epochs)))
for (epoch, network), colour in zip(snapshots.networks.items(), colours, strict=True):
    prediction = network.predict(grid[:, np.newaxis])
    ax.plot(grid, prediction, color=colour, label=f"epoch {epoch}")
ax.set(xlabel="x", ylabel="y", ylim=(-3.2, None))
ax.legend(ncols=2)
plt.show()
