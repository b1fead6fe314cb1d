"""What averaging does to convergence: training loss against epochs, for more copies.

    python docs/guide/pictures/dask_replicas.py docs/guide

It takes some minutes, so the pictures are drawn beforehand.
"""

import sys
import warnings
from pathlib import Path

import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
from distributed import Client, LocalCluster
from sklearn.exceptions import ConvergenceWarning

from skgd.dask import DaskGDNeuralRegressor

N_SAMPLES, N_FEATURES, N_PARTITIONS = 32_000, 10, 32
REPLICAS = [1, 2, 4, 8, 16, 32]


def make_data():
    """Friedman's first function, with five features that do not matter."""
    rng = np.random.default_rng(0)
    X = rng.random((N_SAMPLES, N_FEATURES))
    y = 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) + 20 * (X[:, 2] - 0.5) ** 2
    y += 10 * X[:, 3] + 5 * X[:, 4] + rng.standard_normal(N_SAMPLES)
    return (X - 0.5) * np.sqrt(12), (y - y.mean()) / y.std()


def loss_curves(X, y, optimizer, **params):
    """Yield each number of copies, and its training loss after each epoch."""
    chunks = N_SAMPLES // N_PARTITIONS
    X, y = (da.from_array(a, chunks=(chunks, *a.shape[1:])) for a in (X, y))
    for n_replicas in REPLICAS:
        net = DaskGDNeuralRegressor(
            (50,), optimizer=optimizer, max_iter=40, tol=0, random_state=0, **params
        )
        yield n_replicas, net.fit(X, y, n_replicas=n_replicas).loss_curve_


def main(folder):
    """Draw a picture for each optimizer."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    plt.style.use(Path(__file__).parents[2] / "matplotlibrc")
    X, y = make_data()
    colors = plt.cm.viridis(np.linspace(0, 0.85, len(REPLICAS)))
    cases = [("adam", {}), ("nesterov", {"learning_rate_init": 0.01})]
    with Client(LocalCluster(2, processes=False, dashboard_address=":0")):
        for optimizer, params in cases:
            fig, ax = plt.subplots(figsize=(3.6, 3))
            curves = loss_curves(X, y, optimizer, **params)
            for color, (n, curve) in zip(colors, curves, strict=True):
                print(optimizer, n, f"{curve[9]:.4f} {curve[-1]:.4f}", flush=True)
                ax.semilogy(range(1, 41), curve, color=color, label=f"{n}")
            ax.set_title(f"optimizer={optimizer!r}", family="monospace")
            ax.set(xlabel="epoch", ylabel="training loss", ylim=(0.02, 1))
            ax.set(yticks=[0.02, 0.05, 0.1, 0.2, 0.5, 1])
            ax.minorticks_off()
            ax.yaxis.set_major_formatter("{x:g}")
            ax.legend(title="copies", ncols=2)
            fig.savefig(folder / f"dask_replicas_{optimizer}.svg")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
