"""What a checkpoint costs: an epoch without one, by time, and after every epoch.

Run it on an idle machine, with the folder on the disk that checkpoints would be on:
``python tests/benchmarks/checkpoints.py [folder]``.
"""

import sys
import tempfile
import warnings
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np

from skgd import GDNeuralRegressor
from skgd.callbacks import Checkpoint, load_checkpoint, save_checkpoint
from skgd.estimators.fingerprint import digest

SIZES = [(2000, 10, (100,)), (2000, 100, (500, 500)), (2000, 100, (3000, 3000))]
EPOCHS = {(100,): 300, (500, 500): 30, (3000, 3000): 4}
rng = np.random.default_rng(0)


def seconds_of(function, repeats=5):
    """Return the least time of a call."""
    times = []
    for _ in range(repeats):
        begin = perf_counter()
        function()
        times.append(perf_counter() - begin)
    return min(times)


def fit(X, y, hidden, path=None, **params):
    net = GDNeuralRegressor(
        hidden, max_iter=EPOCHS[hidden], n_iter_no_change=np.inf, random_state=0
    )
    if path is not None:
        net.set_callbacks(Checkpoint(path, resume=True, **params))
        path.unlink(missing_ok=True)
    return net.fit(X, y)


def figures_of(n, n_features, hidden, path):
    """Return the number of weights, MB of the file, and ms as `main` prints them."""
    X, y = rng.standard_normal((n, n_features)), rng.standard_normal(n)
    net = fit(X, y, hidden, path)
    n_weights = sum(a.size for a in net.coefs_ + net.intercepts_)
    size, saved = path.stat().st_size / 1e6, load_checkpoint(path)
    seconds = [seconds_of(lambda: save_checkpoint(saved, path))]
    for how in ({}, {"path": path}, {"path": path, "every": 1}):
        of_fit = seconds_of(partial(fit, X, y, hidden, **how), 3)
        seconds.append(of_fit / EPOCHS[hidden])
    return n_weights, size, *(1e3 * each for each in seconds)


def main(folder):
    warnings.simplefilter("ignore")
    print("weights, MB of the file; ms of a save, of an epoch without checkpoint, with")
    print("one by time, with every=1")
    for size in SIZES:
        n_weights, *figures = figures_of(*size, Path(folder) / "checkpoint")
        print(f"{n_weights:10d}", *(f"{figure:9.2f}" for figure in figures))
    X = rng.standard_normal((1_000_000, 100))
    print(f"Checksum of 800 MB: {seconds_of(lambda: digest(X), 3):.2f} s")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(temporary)
