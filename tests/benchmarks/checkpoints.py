"""What a checkpoint costs: an epoch without one, by time, and after every epoch.

Run it on an idle machine, with the folder on the disk that checkpoints would be on:
``python tests/benchmarks/checkpoints.py [folder]``.
"""

import sys
import tempfile
import warnings
from pathlib import Path
from time import perf_counter

import numpy as np

from skgd import GDNeuralRegressor
from skgd.callbacks import Checkpoint, load_checkpoint, save_checkpoint

SIZES = [(2000, 10, (100,)), (2000, 100, (500, 500)), (2000, 100, (3000, 3000))]
EPOCHS = {(100,): 300, (500, 500): 30, (3000, 3000): 4}


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


def main(folder):
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    path = Path(folder) / "checkpoint"
    print("parameters, file in MB, one save in ms; an epoch in ms: without, by time, ")
    print("every=1; then the fingerprint of 800 MB of X in s")
    for n, n_features, hidden in SIZES:
        X, y = rng.standard_normal((n, n_features)), rng.standard_normal(n)
        net = fit(X, y, hidden, path)
        size = path.stat().st_size / 1e6
        saved = load_checkpoint(path)
        save = seconds_of(lambda saved=saved: save_checkpoint(saved, path))
        epochs = [
            seconds_of(lambda how=how: fit(X, y, hidden, **how), 3) / EPOCHS[hidden]
            for how in ({}, {"path": path}, {"path": path, "every": 1})
        ]
        n_parameters = sum(a.size for a in net.coefs_ + net.intercepts_)
        figures = " ".join(f"{1e3 * seconds:9.3f}" for seconds in (save, *epochs))
        print(f"{n_parameters:10d} {size:8.2f} {figures}")
    from skgd.estimators.fingerprint import _digest

    X = rng.standard_normal((1_000_000, 100))
    print(f"{seconds_of(lambda: _digest(X), 3):.2f}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(temporary)
