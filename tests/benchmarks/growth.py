"""Draw the cost of an epoch against the number of samples, the width and the depth.

python tests/benchmarks/growth.py --json docs/guide/growth.json \\
    --picture docs/guide/growth.png
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


def draw(report, path):
    from matplotlib import pyplot as plt

    fig, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    names = {
        "samples": "samples (50-100-1)",
        "width": "units of the hidden layer (10,000 samples)",
        "depth": "hidden layers of 100 units (10,000 samples)",
    }
    for ax, (sweep, points) in zip(axes, report.items(), strict=True):
        values, seconds = zip(*points, strict=True)
        line = [1e3 * seconds[-1] * value / values[-1] for value in values]
        ax.plot(values, line, "--", color="0.5", label="proportional")
        ax.plot(values, [1e3 * s for s in seconds], "o-", label="skgd")
        if sweep == "depth":
            ax.set_xticks(values)
            ax.set_xlim(0)
            ax.set_ylim(0)
        else:
            ax.set_xscale("log")
            ax.set_yscale("log")
        ax.set_xlabel(names[sweep], fontsize="small")
        ax.grid(alpha=0.4)
    axes[0].set_ylabel("ms an epoch")
    axes[0].legend()
    fig.savefig(path, dpi=130)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path)
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
    if arguments.picture:
        draw(report, arguments.picture)


if __name__ == "__main__":
    main()
