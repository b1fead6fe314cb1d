"""A step function and a smooth one, each fitted by boosted trees and by a network."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning

from skgd import GDNeuralRegressor

warnings.simplefilter("ignore", ConvergenceWarning)
rng = np.random.default_rng(0)
x = rng.uniform(-3, 3, 300)
grid = np.linspace(-3, 3, 601)


def steps(x):
    """A function with five levels."""
    return np.select(
        [x < -1.5, x < -1.0, x < 0.8, x < 1.3], [0.5, -1.0, 0.3, 1.2], -0.6
    )


for function in [steps, np.sin]:
    y = function(x) + 0.2 * rng.normal(size=x.size)
    models = [
        ("HistGradientBoostingRegressor", HistGradientBoostingRegressor()),
        (
            "GDNeuralRegressor",
            GDNeuralRegressor(
                hidden_layer_sizes=(50, 50),
                activation="tanh",
                learning_rate="cosine",
                learning_rate_init=0.01,
                batch_size=32,
                max_iter=300,
                n_iter_no_change=np.inf,
                random_state=0,
            ),
        ),
    ]
    for name, model in models:
        model.fit(x.reshape(-1, 1), y)
        fitted = model.predict(grid.reshape(-1, 1))
        error = np.sqrt(np.mean((fitted - function(grid)) ** 2))
        fig, ax = plt.subplots(figsize=(3.6, 2.2), layout="constrained")
        ax.plot(x, y, ".", color="tab:gray", ms=3, alpha=0.5)
        ax.plot(grid, function(grid), color="0.4", ls="--", lw=1)
        ax.plot(grid, fitted, color="tab:orange")
        ax.text(-2.9, 1.45, f"RMSE {error:.2f}")
        ax.set(xlabel="$x$", ylim=(-1.7, 1.9))
        ax.set_title(name, family="monospace")
plt.show()
