"""Train on 2 GB of data with three workers that may have 1.5 GB together.

Needs ``pip install 'skgd[dask]'``, and 3 GB of free space in the temporary folder: what
does not fit into a worker's memory Dask writes there. It begins to at 30% of the limit,
as some 250 MB of it are the process itself, with all its libraries.

The data are made on the workers, partition by partition, as they would be read from
files there. Neither they nor the predictions ever come to this process.
"""

import argparse
import tempfile
import time

import dask
import dask.array as da
import numpy as np
import psutil
from distributed import Client, LocalCluster
from distributed.diagnostics.plugin import WorkerPlugin

from skgd.dask import DaskGDNeuralRegressor

N_FEATURES, ROWS_OF_PARTITION = 100, 20_000


SPILL = {
    "distributed.worker.memory.target": 0.3,
    "distributed.worker.memory.spill": 0.6,
    "distributed.worker.memory.pause": 0.9,
}


class Peak(WorkerPlugin):
    """Watches the memory of a worker process."""

    def setup(self, worker):
        self.bytes, self._process = 0, psutil.Process()

    def transition(self, key, start, finish, **kwargs):
        self.bytes = max(self.bytes, self._process.memory_info().rss)


def make_data(n_samples):
    """A regression task: what the workers compute when a partition is needed."""
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((N_FEATURES, 3)) / np.sqrt(N_FEATURES)
    X = da.random.default_rng(0).standard_normal(
        (n_samples, N_FEATURES), chunks=(ROWS_OF_PARTITION, N_FEATURES)
    )
    z = X @ da.from_array(directions)
    noise = da.random.default_rng(1).standard_normal(n_samples, ROWS_OF_PARTITION)
    return X, da.sin(2 * z[:, 0]) + z[:, 1] * z[:, 2] + 0.1 * noise


def main(n_samples, memory_limit, max_iter):
    with (
        dask.config.set(SPILL),
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(
            n_workers=3,
            threads_per_worker=1,
            processes=True,
            memory_limit=memory_limit,
            local_directory=folder,
            dashboard_address=":0",
        ) as cluster,
        Client(cluster) as client,
    ):
        client.register_plugin(Peak(), name="peak")
        X, y = make_data(n_samples)
        limits = [
            w["memory_limit"] for w in client.scheduler_info()["workers"].values()
        ]
        print(f"data:    {X.nbytes / 1e9:.2f} GB in {X.npartitions} partitions")
        print(f"workers: {len(limits)}, with {sum(limits) / 1e9:.2f} GB together")

        net = DaskGDNeuralRegressor(
            (50,), max_iter=max_iter, early_stopping=True, random_state=0, verbose=True
        )
        start = time.perf_counter()
        net.fit(X, y)
        print(f"fit:     {time.perf_counter() - start:.0f} s")
        peaks = client.run(lambda dask_worker: dask_worker.plugins["peak"].bytes)
        print(f"memory:  at most {max(peaks.values()) / 1e6:.0f} MB in a worker")

        # As lazy as the data: a mean over all samples is computed on the workers.
        error, spread = abs(net.predict(X) - y).mean().compute(), y.std().compute()
        print(f"error:   {error:.3f} on average; targets spread by {spread:.3f}")

        local = net.to_local()
        print(f"here:    {local}, which predicts without Dask")
        print(f"         {local.predict(np.zeros((1, N_FEATURES)))}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=2_500_000)
    parser.add_argument("--memory-limit", default="500MB", help="of each worker")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--tiny", action="store_true", help="only to see that it works")
    arguments = parser.parse_args()
    if arguments.tiny:
        arguments.samples, arguments.epochs = 100_000, 2
    main(arguments.samples, arguments.memory_limit, arguments.epochs)
