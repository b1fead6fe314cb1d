"""Measure an epoch against the number of samples, the width and the depth.

    python tests/benchmarks/growth.py --json docs/guide/growth.json

The guide draws it: docs/guide/pictures/growth.py.
"""

import argparse
import json
import time
import warnings
from pathlib import Path
from statistics import median

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skgd import GDNeuralRegressor

N_FEATURES = 50
SWEEPS = {
    "samples": [10**3, 10**4, 10**5, 10**6],
    "width": [10, 30, 100, 300, 1000],
    "depth": [1, 2, 4, 8],
}


def settings(sweep, value):
    """Return the number of samples, and the hidden layers."""
    if sweep == "samples":
        return value, (100,)
    if sweep == "width":
        return 10_000, (value,)
    return 10_000, (100,) * value


def seconds_an_epoch(n_samples, hidden, repeats):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, N_FEATURES))
    y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2]
    epochs = max(1, 20_000 // n_samples)
    regressor = GDNeuralRegressor(
        hidden, max_iter=epochs, n_iter_no_change=np.inf, random_state=0
    )
    regressor.fit(X[:200], y[:200])
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        regressor.fit(X, y)
        found.append((time.perf_counter() - start) / epochs)
    return median(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    report = {}
    for sweep, values in SWEEPS.items():
        report[sweep] = []
        for value in values:
            n_samples, hidden = settings(sweep, value)
            seconds = seconds_an_epoch(n_samples, hidden, arguments.repeats)
            report[sweep].append((value, seconds))
            print(f"{sweep} {value:8}: {1e3 * seconds:9.2f} ms an epoch", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
