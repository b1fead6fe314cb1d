"""Eight networks and their average, and the error of an average over its size."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_friedman1
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skgd import GDNeuralRegressor

warnings.simplefilter("ignore", ConvergenceWarning)


def curves():
    """Draw eight networks that have learned a noisy sine, and their average."""
    rng = np.random.default_rng(0)
    # There are none in the middle, where the networks go their own ways.
    x = np.concatenate([rng.uniform(-9, -2, 18), rng.uniform(4, 9, 18)])
    y = np.sin(x / 3) + 0.3 * rng.normal(size=36)
    grid = np.linspace(-9, 9, 301)
    predictions = [
        GDNeuralRegressor(
            hidden_layer_sizes=(50, 50),
            learning_rate_init=0.003,
            batch_size=8,
            max_iter=200,
            n_iter_no_change=np.inf,
            random_state=seed,
        )
        .fit(x[:, None], y)
        .predict(grid[:, None])
        for seed in range(8)
    ]
    _, ax = plt.subplots(layout="constrained")
    ax.plot(grid, np.transpose(predictions), color="0.7", lw=1)
    ax.plot(x, y, "o", color="black", ms=4)
    ax.plot(grid, np.sin(grid / 3), "--", color="tab:blue")
    ax.plot(grid, np.mean(predictions, axis=0), color="tab:orange", lw=3)
    ax.set(xlabel="$x$", ylabel="$y$")


def errors():
    """Draw the error of averages of 1 to 20 networks, measured and by the formula."""
    rng = np.random.default_rng(0)
    X, truth = make_friedman1(n_samples=1300, noise=0, random_state=0)
    X, truth = scale(X), scale(truth)
    y = truth + 0.4 * rng.normal(size=1300)
    error = np.array(
        [
            GDNeuralRegressor(
                hidden_layer_sizes=(50,),
                learning_rate_init=0.003,
                batch_size=32,
                max_iter=100,
                n_iter_no_change=np.inf,
                random_state=seed,
            )
            .fit(X[:300], y[:300])
            .predict(X[300:])
            - truth[300:]
            for seed in range(20)
        ]
    )
    products = error @ error.T / error.shape[1]
    v, both = products.diagonal().mean(), products[~np.eye(20, dtype=bool)].mean()

    _, ax = plt.subplots(layout="constrained")
    size = np.arange(1, 21)
    ax.plot(size, both + (v - both) / size, label=r"$v\,(\rho + (1 - \rho)\,/\,M)$")
    ax.axhline(both, ls="--", color="tab:blue", label=r"$v\,\rho$")
    for M in (1, 2, 4, 5, 10, 20):
        squares = (error.reshape(20 // M, M, -1).mean(axis=1) ** 2).mean(axis=1)
        ax.plot(np.full(len(squares), M), squares, ".", color="tab:red")
    ax.set(xlabel="$M$", xticks=[1, 5, 10, 15, 20])
    ax.legend()
