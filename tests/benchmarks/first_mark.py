"""Time skgd against scikit-learn: equal work, same run, alternating fits.

    python tests/benchmarks/first_mark.py [--repeats 5] [--json FILE]

A ratio is scikit-learn's time over skgd's, taken for each pair of neighbouring fits, so
that what else the machine does weighs on both. Numba reuses cached kernels and misses
edits in the files that they call: after an edit, and to see the whole compile time,
set NUMBA_CACHE_DIR to an empty folder.
"""

import argparse
import json
import os
import platform
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from threadpoolctl import threadpool_info

from skgd import GDNeuralRegressor


class Workload(NamedTuple):
    """One comparison: the data's shape, the parameters of both, the ratio wanted."""

    name: str
    n_samples: int
    n_features: int
    dtype: type
    epochs: int
    skgd: dict
    sklearn: dict
    rtol: float  # of the loss curves, which must agree
    mark: float | None = None


ADAM_200 = {
    "skgd": {"solver": "minibatch", "optimizer": "adam", "batch_size": 200},
    "sklearn": {"solver": "adam", "batch_size": 200},
}
NESTEROV_1 = {
    "skgd": {"solver": "sgd", "optimizer": "nesterov"},
    "sklearn": {"solver": "sgd", "batch_size": 1},
}

WORKLOADS = [
    Workload(
        *("sgd 20-100-1 nesterov float64", 2_000, 20, np.float64, 3),
        **NESTEROV_1,
        rtol=1e-6,
        mark=60,
    ),
    Workload(
        *("minibatch 50-100-1 adam float64", 10_000, 50, np.float64, 10),
        **ADAM_200,
        rtol=1e-6,
        mark=3,
    ),
    Workload(
        *("minibatch 50-100-1 adam float32", 10_000, 50, np.float32, 10),
        **ADAM_200,
        rtol=1e-3,
    ),
]


def make_data(workload):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((workload.n_samples, workload.n_features))
    y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * rng.standard_normal(len(X))
    return X.astype(workload.dtype), y.astype(workload.dtype)


def make_pair(workload):
    """Both estimators, neither of which stops before its last epoch."""
    common = {
        "hidden_layer_sizes": (100,),
        "max_iter": workload.epochs,
        "n_iter_no_change": np.inf,
        "random_state": 0,
    }
    return (
        GDNeuralRegressor(**common, **workload.skgd),
        MLPRegressor(**common, **workload.sklearn),
    )


def seconds_of_fit(estimator, X, y):
    start = time.perf_counter()
    estimator.fit(X, y)
    return time.perf_counter() - start


def measure(workload, repeats):
    X, y = make_data(workload)
    ours, theirs = make_pair(workload)
    first_fit = seconds_of_fit(ours, X[:200], y[:200])
    seconds_of_fit(theirs, X[:200], y[:200])

    pairs = np.array(
        [
            [seconds_of_fit(ours, X, y), seconds_of_fit(theirs, X, y)]
            for _ in range(repeats)
        ]
    )
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=workload.rtol)
    return {
        "name": workload.name,
        "mark": workload.mark,
        "first_fit_seconds": first_fit,
        "skgd_ms_per_epoch": (1e3 * pairs[:, 0] / workload.epochs).tolist(),
        "sklearn_ms_per_epoch": (1e3 * pairs[:, 1] / workload.epochs).tolist(),
        "ratios": (pairs[:, 1] / pairs[:, 0]).tolist(),
    }


def report(result):
    """Print a row: medians of both, and of the paired ratios."""
    ratios, mark = result["ratios"], result["mark"]
    ours, theirs = result["skgd_ms_per_epoch"], result["sklearn_ms_per_epoch"]
    verdict = ""
    if mark is not None:
        verdict = f">= {mark}x {'reached' if median(ratios) >= mark else 'MISSED'}"
    print(
        f"{result['name']:32} {median(ours):8.2f} {median(theirs):8.2f}  "
        f"{median(ratios):6.1f}x [{min(ratios):5.1f}, {max(ratios):5.1f}]  "
        f"{result['first_fit_seconds']:9.2f}  {verdict}".rstrip()
    )


def describe_machine():
    cpu = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        names = [line.split(":")[1] for line in lines if line.startswith("model name")]
        cpu = names[0].strip() if names else cpu
    packages = ("numpy", "scipy", "numba", "scikit-learn")
    blas = {
        lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"
    }
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "BLAS threads of scikit-learn": max(blas, default=None),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write all timings to this file")
    arguments = parser.parse_args()

    machine = describe_machine()
    print(", ".join(f"{key}: {value}" for key, value in machine.items()))
    print(
        f"{'ms per epoch, medians':32} {'skgd':>8} {'sklearn':>8}  "
        f"{'ratio [min, max]':22}  {'first fit':>9}  mark"
    )
    results = []
    with warnings.catch_warnings():
        # So few epochs end before convergence, as meant.
        warnings.simplefilter("ignore", ConvergenceWarning)
        for workload in WORKLOADS:
            results.append(measure(workload, arguments.repeats))
            report(results[-1])
    print("first fit: seconds with compiling, or loading, what is new to this process")

    if arguments.json:
        text = json.dumps({"machine": machine, "workloads": results}, indent=2)
        arguments.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
