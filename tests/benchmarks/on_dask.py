"""Measure training on Dask: latency, bytes moved, scaling from one worker to three.

    python tests/benchmarks/on_dask.py docs/guide/dask.json

Nothing else should run meanwhile. Each figure is a median.
"""

import argparse
import json
import os
import time
from pathlib import Path
from statistics import median

import dask.array as da
import numpy as np
from distributed import Client, LocalCluster

from skgd.dask import DaskGDNeuralRegressor

HIDDEN, N_FEATURES, ROWS = (100,), 50, 40_000  # of a partition; theta has 5,201 numbers


def cluster_of(n_workers):
    return LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",
    )


def make_data(n_partitions, rows=ROWS):
    random = da.random.default_rng(0)
    X = random.standard_normal(
        (n_partitions * rows, N_FEATURES), chunks=(rows, N_FEATURES)
    )
    return X, da.sin(X[:, 0]) + X[:, 1] * X[:, 2]


def loopback_bytes():
    """Sent over the loopback interface so far, by all processes."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        if line.strip().startswith("lo:"):
            return int(line.split()[9])
    raise RuntimeError("no interface lo")


class Clock:
    """Time and loopback bytes of each epoch; a callback."""

    def __init__(self):
        self.times, self.bytes = [], []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch":
            self._start = time.perf_counter(), loopback_bytes()

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch":
            self.times.append(time.perf_counter() - self._start[0])
            self.bytes.append(loopback_bytes() - self._start[1])


def epochs(solver, X, y, n_epochs, hidden=HIDDEN, **fit):
    """Median time and bytes of an epoch; the first one loads what is compiled."""
    net = DaskGDNeuralRegressor(
        hidden, solver=solver, max_iter=n_epochs, tol=0, random_state=0
    )
    clock = Clock()
    net.set_callbacks(clock).fit(X, y, **fit)
    return {
        "seconds": median(clock.times[1:]),
        "bytes": median(clock.bytes[1:]),
        "theta_bytes": sum(a.nbytes for a in net.coefs_ + net.intercepts_),
    }


def echo(array):
    return array


def round_trips(client, n_tasks, n_bytes, repeats=30):
    """Seconds of a round of tasks that each bring an array and take one back."""
    times = []
    for _ in range(repeats):
        data = [np.random.default_rng().bytes(n_bytes)] * n_tasks
        start = time.perf_counter()
        client.gather(client.map(echo, data, pure=False))
        times.append(time.perf_counter() - start)
    return median(times)


def main(path):
    result = {"cpus": os.cpu_count(), "latency": {}, "fixed": {}, "growing": {}}
    for n_workers in (1, 2, 3):
        with cluster_of(n_workers) as cluster, Client(cluster) as client:
            if n_workers == 3:
                for n_tasks in (1, 3, 12, 48):
                    result["latency"][f"{n_tasks} tasks, 8 bytes"] = round_trips(
                        client, n_tasks, 8
                    )
                for n_bytes in (10**5, 10**6, 10**7):
                    result["latency"][f"3 tasks, {n_bytes} bytes"] = round_trips(
                        client, 3, n_bytes, 10
                    )
                rows = make_data(3, 100)
                result["no work"] = {
                    "batch": epochs("batch", *rows, 40),
                    "minibatch": epochs("minibatch", *rows, 40),
                    "minibatch, 1000 units": epochs("minibatch", *rows, 20, (1000,)),
                    "batch, 1000 units": epochs("batch", *rows, 20, (1000,)),
                }
            for name, n_partitions in (("fixed", 6), ("growing", 2 * n_workers)):
                X, y = (client.persist(a) for a in make_data(n_partitions))
                result[name][n_workers] = {
                    solver: epochs(solver, X, y, 8) for solver in ("batch", "minibatch")
                }
        print(json.dumps(result, indent=1))
    Path(path).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path")
    main(parser.parse_args().path)
