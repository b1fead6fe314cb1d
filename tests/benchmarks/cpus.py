"""What kernels for another type of CPU cost in speed, as in a fleet of many types.

    python tests/benchmarks/cpus.py
    python tests/benchmarks/cpus.py --cpus x86-64-v3 x86-64-v4 --repeats 15

Processes with kernels for this machine and for each other type take turns; each runs
each workload for a moment, and medians of the ratios of neighbours count. The first
turn compiles, or loads what was compiled, and does not count. Behind ``+blas``, small
products are BLAS's too, which chooses its code when it runs (SKGD_SMALL_PRODUCTS=0).
"""

import argparse
import json
import os
import subprocess
import sys
from statistics import median

RUN = """
import json, time, warnings
import numpy as np
from sklearn.datasets import load_digits
from skgd import GDNeuralClassifier, GDNeuralRegressor
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
digits, labels = load_digits(return_X_y=True)
X = rng.standard_normal((10_000, 50))
y = X[:, 0]

def fit(kind, hidden, X, y, epochs, **params):
    net = kind(hidden, max_iter=epochs, tol=0, n_iter_no_change=9999, random_state=0,
               **params)
    return lambda: net.fit(X, y)

Xs, single = X.astype(np.float32), X[:1]
net = GDNeuralRegressor((100, 100), max_iter=2, random_state=0).fit(X, y)
digits = digits / 16
workloads = {
    "sgd, 10-10-1": fit(GDNeuralRegressor, (10,), X[:2000, :10], y[:2000], 10,
                        solver="sgd"),
    "minibatch 32, 20-50-1": fit(GDNeuralRegressor, (50,), X[:2000, :20].copy(),
                                 y[:2000], 10, batch_size=32),
    "minibatch 32, digits, 64-64-64-10": fit(GDNeuralClassifier, (64, 64), digits,
                                             labels, 10, batch_size=32),
    "minibatch 200, 50-100-1": fit(GDNeuralRegressor, (100,), X, y, 3),
    "minibatch 200, 50-100-1, float32": fit(GDNeuralRegressor, (100,), Xs, y, 3),
    "minibatch 200, 50-100-1, tanh": fit(GDNeuralRegressor, (100,), X, y, 3,
                                         activation="tanh"),
    "minibatch 200, 50-256-256-1": fit(GDNeuralRegressor, (256, 256), X[:4000],
                                       y[:4000], 1),
    "predict 1 row, 50-100-100-1": lambda: [net.predict(single) for _ in range(300)],
    "predict 10,000 rows, 50-100-100-1": lambda: [net.predict(X) for _ in range(5)],
}
found = {}
for name, work in workloads.items():
    work()
    seconds = []
    for _ in range(7):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    found[name] = min(seconds)
print(json.dumps(found))
"""


def seconds(cpu):
    """Return the time of each workload, in a process with kernels for a type of CPU."""
    env = dict(os.environ)
    if cpu is not None:
        name, _, blas = cpu.partition("+")
        env |= {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": ""}
        env |= {"SKGD_SMALL_PRODUCTS": "0"} if blas else {}
    command = [sys.executable, "-c", RUN]
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    usual = ["x86-64-v3", "x86-64-v2", "generic", "generic+blas"]
    parser.add_argument("--cpus", nargs="+", default=usual)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    ratios = {cpu: {} for cpu in options.cpus}
    for turn in range(options.repeats + 1):
        for cpu in options.cpus:
            own, other = seconds(None), seconds(cpu)
            for name in own if turn else ():
                ratios[cpu].setdefault(name, []).append(other[name] / own[name])
    print("times as long as with kernels for this machine")
    print(f"{'':36}" + "".join(f"{cpu:>14}" for cpu in options.cpus))
    for name in own:
        cells = [f"{median(ratios[cpu][name]):14.2f}" for cpu in options.cpus]
        print(f"{name:36}" + "".join(cells))


if __name__ == "__main__":
    main()
