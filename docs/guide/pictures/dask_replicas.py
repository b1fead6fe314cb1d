"""What averaging does to convergence: training loss against epochs, for more copies.

python docs/guide/pictures/dask_replicas.py docs/guide/dask_replicas.png
"""

import sys
import warnings

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


def main(path):
    """Draw the picture."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y = make_data()
    figure, axes = plt.subplots(
        1, 2, figsize=(9, 3.6), sharey=True, layout="constrained"
    )
    colors = plt.cm.viridis(np.linspace(0, 0.9, len(REPLICAS)))
    cases = [("adam", {}), ("nesterov", {"learning_rate_init": 0.01})]
    with Client(LocalCluster(2, processes=False, dashboard_address=":0")):
        for axis, (optimizer, params) in zip(axes, cases, strict=True):
            curves = loss_curves(X, y, optimizer, **params)
            for color, (n, curve) in zip(colors, curves, strict=True):
                print(optimizer, n, f"{curve[9]:.4f} {curve[-1]:.4f}", flush=True)
                axis.semilogy(range(1, 41), curve, color=color, label=f"{n}")
            axis.set_title(f"optimizer={optimizer!r}")
            axis.set_xlabel("epoch")
    axes[0].set_ylabel("training loss")
    axes[1].legend(title="copies")
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    main(sys.argv[1])
