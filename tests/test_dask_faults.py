"""What a cluster does to a fit: workers killed, workers that join, a lost scheduler."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.testing import assert_array_equal

pytest.importorskip("distributed")

import dask.array as da
from distributed import Client, LocalCluster

from skgd.dask import DaskGDNeuralRegressor
from skgd.dask._cluster import ClusterError
from skgd.dask._data import Parts
from tests.inside import n_epochs_so_far, theta_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.faults,
    pytest.mark.filterwarnings(
        "ignore::sklearn.exceptions.ConvergenceWarning",
    ),
]

N, N_FEATURES, N_PARTS = 60_000, 10, 6


@pytest.fixture(scope="module")
def cluster():
    with LocalCluster(
        n_workers=3, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def client(cluster):
    with Client(cluster) as client:
        yield client


def draw():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, N_FEATURES))
    return X, np.tanh(X @ rng.standard_normal(N_FEATURES))


def make_net(solver, **params):
    params = {"max_iter": 12, "random_state": 0, "batch_size": 50} | params
    return DaskGDNeuralRegressor((50,), solver=solver, **params)


@contextmanager
def meanwhile(nets, act, epochs=3):
    """Call `act` in the midst of fits, after some epochs of each."""
    done = []

    def work():
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if min(map(n_epochs_so_far, nets)) >= epochs:
                act()
                done.extend(map(n_epochs_so_far, nets))
                return
            time.sleep(0.001)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    assert done
    for net, n in zip(nets, done, strict=True):
        assert n < net.max_iter  # the fit was still under way


def wait_for_three_workers(cluster, client):
    """Until those killed have come back, and those too many have gone."""
    deadline = time.monotonic() + 120
    while len(client.run(os.getpid, on_error="ignore")) != 3:
        assert time.monotonic() < deadline
        # On a busy machine one may take so long to come back that it is given up.
        cluster.scale(3)
        time.sleep(0.1)


def killing_a_worker(client):
    """A function that kills one which will have data."""
    pids = client.run(os.getpid)
    return lambda: os.kill(pids[min(pids)], signal.SIGKILL)


# What is lost is put back by the kind of data alone, whichever solver has lost it.
@pytest.mark.parametrize(
    ("solver", "kind"), [("batch", "collections"), ("minibatch", "local")]
)
def test_a_killed_worker_does_not_show(cluster, client, solver, kind):
    X, y = draw()
    if kind == "collections":
        X, y = (
            da.from_array(a, chunks=N // N_PARTS).map_blocks(np.copy) for a in (X, y)
        )
    wait_for_three_workers(cluster, client)
    params = {"n_replicas": 3}
    undisturbed = make_net(solver).fit(X, y, **params)
    wait_for_three_workers(cluster, client)
    net = make_net(solver)
    with meanwhile([net], killing_a_worker(client)):
        net.fit(X, y, **params)
    assert net.n_iter_ == undisturbed.n_iter_
    assert_array_equal(theta_of(net), theta_of(undisturbed))
    assert net.loss_curve_ == undisturbed.loss_curve_


def test_a_worker_that_joins_does_not_show(cluster, client, monkeypatch):
    X, y = (da.from_array(a, chunks=N // N_PARTS) for a in draw())
    wait_for_three_workers(cluster, client)
    undisturbed = make_net("minibatch").fit(X, y, n_replicas=3)
    net = make_net("minibatch")
    run, n_epochs = Parts.run, []

    def join_before_third(parts, submit):
        n_epochs.append(submit)
        if len(n_epochs) == 3:
            cluster.scale(4)
            client.wait_for_workers(4)
        return run(parts, submit)

    monkeypatch.setattr(Parts, "run", join_before_third)
    try:
        net.fit(X, y, n_replicas=3)
    finally:
        monkeypatch.undo()
        wait_for_three_workers(cluster, client)
    assert_array_equal(theta_of(net), theta_of(undisturbed))


def test_data_lost_for_good_are_named():
    X, y = draw()
    # There is one worker, as others might have copies of what it had.
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        pieces = np.array_split(X, N_PARTS)
        scattered = [client.scatter(piece, hash=False) for piece in pieces]
        X = da.concatenate(
            [
                da.from_delayed(future, piece.shape, dtype=float)
                for future, piece in zip(scattered, pieces, strict=True)
            ]
        )
        net = make_net("batch", max_iter=500, tol=0)
        with (
            pytest.raises(ClusterError, match=r"scattered.*parameters after epoch \d"),
            meanwhile([net], killing_a_worker(client)),
        ):
            net.fit(X, da.from_array(y, chunks=X.chunks[0]), client=client)
    assert 3 <= net.n_iter_ == len(net.loss_curve_) < 500


def test_a_cluster_without_workers_is_waited_for_with_a_warning():
    X, y = (a[:100] for a in draw())
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        timer = threading.Timer(0.5, cluster.scale, [1])
        timer.start()
        net = make_net("minibatch", max_iter=2)
        X, y = da.from_array(X), da.from_array(y)
        with pytest.warns(UserWarning, match="no workers: the fit waits"):
            net.fit(X, y, client=client)
        timer.join()
    assert net.n_iter_ == 2


SCHEDULER = """
import time
from distributed import LocalCluster
if __name__ == "__main__":
    cluster = LocalCluster(n_workers=2, processes=False, protocol='tcp://',
                           dashboard_address=":0")
    print(cluster.scheduler_address, flush=True)
    time.sleep(600)
"""


@contextmanager
def other_process():
    """A scheduler and workers in a process of their own: its client, and its pid."""
    with subprocess.Popen(
        [sys.executable, "-c", SCHEDULER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            address = process.stdout.readline().strip()
            client = Client(address, timeout="30s", set_as_default=False)
            try:
                yield client, process.pid
            finally:
                client.close(timeout=1)
        finally:
            process.kill()


def test_a_lost_scheduler_leaves_the_last_epoch():
    """It ends a fit by each solver at the same time, and each keeps its epochs."""
    X, y = draw()
    nets = [make_net(solver, max_iter=500, tol=0) for solver in ("batch", "minibatch")]
    with other_process() as (client, pid), ThreadPoolExecutor() as pool:
        with meanwhile(nets, lambda: os.kill(pid, signal.SIGKILL)):
            fits = [pool.submit(net.fit, X, y, client=client) for net in nets]
            for fit in fits:
                with pytest.raises(
                    ClusterError, match=r"scheduler .* lost.*after epoch \d"
                ):
                    fit.result()
        n_epochs = [net.n_iter_ for net in nets]
        for net in nets:
            with pytest.raises(ClusterError, match="lost"):
                net.fit(X, y, client=client)
    for net, n in zip(nets, n_epochs, strict=True):
        assert 3 <= n == net.n_iter_ == len(net.loss_curve_) < 500
        assert np.isfinite(net.predict(X)).all()
        copy = pickle.loads(pickle.dumps(net))
        assert_array_equal(copy.predict(X), net.predict(X))
        local = net.to_local().partial_fit(X, y)
        assert local.loss_ < net.loss_curve_[0]
