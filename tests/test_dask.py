"""Training on Dask, on a cluster of worker processes, against the local estimators."""

import os
import pickle
import signal
import subprocess
import sys
import threading
from concurrent.futures import CancelledError

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, r2_score
from sklearn.model_selection import GridSearchCV, train_test_split

from skgd import GDNeuralClassifier, GDNeuralRegressor, GradientDescentPathDisplay
from skgd.estimators.regressor import LOSS_NAMES
from skgd.kernels.formulas.losses import LOSSES
from skgd.kernels.formulas.optimizers import FIRST_ORDER

pytest.importorskip("distributed")

import dask.array as da
import dask.dataframe as dd
import pandas as pd
from dask import delayed
from distributed import Client, Event, LocalCluster

from skgd.dask import DaskGDNeuralClassifier, DaskGDNeuralRegressor
from skgd.dask._cluster import Cluster, ClusterError
from skgd.dask._data import Parts
from skgd.dask._epochs import make_chains
from skgd.dask._judge import PartsJudge, r2_of_groups, squares
from tests.inside import (
    assert_same_training,
    generator_of,
    is_cut_off,
    memory_of,
    n_epochs_so_far,
    n_steps_of,
    set_theta,
    theta_of,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore::sklearn.exceptions.ConvergenceWarning",
    ),
]

N, N_FEATURES = 230, 5
CHUNKINGS = [(230,), (100, 100, 30), (1, 99, 0, 60, 70)]
LABELS = np.array(["ant", "bee", "cow"])


@pytest.fixture(scope="module")
def client():
    cluster = LocalCluster(
        n_workers=3, threads_per_worker=1, processes=True, dashboard_address=":0"
    )
    with cluster, Client(cluster) as client:
        yield client


def draw(n_outputs=1, positive=False):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, N_FEATURES))
    y = X @ rng.standard_normal((N_FEATURES, n_outputs)) + rng.normal(size=(N, 1))
    if positive:
        y = np.exp(y / 4)
    return X, y.ravel() if n_outputs == 1 else y


def draw_labels(labels=LABELS):
    X, y = draw()
    ranks = np.argsort(np.argsort(y + np.random.default_rng(1).normal(size=N)))
    return X, labels[ranks * len(labels) // N]


def blocks(array, chunks):
    """A dask array in these chunks of rows, of which some may be empty."""
    return da.from_array(array, chunks=(chunks, *((n,) for n in array.shape[1:])))


def assert_same_descent(actual, expected, rtol=1e-9):
    assert actual.n_iter_ == expected.n_iter_
    assert_allclose(actual.loss_curve_, expected.loss_curve_, rtol=rtol)
    assert actual.learning_rate_curve_ == expected.learning_rate_curve_
    for a, b in zip(actual.coefs_, expected.coefs_, strict=True):
        assert_allclose(a, b, rtol=rtol, atol=rtol)
    for a, b in zip(actual.intercepts_, expected.intercepts_, strict=True):
        assert_allclose(a, b, rtol=rtol, atol=rtol)


def assert_same_bits(actual, expected):
    assert actual.loss_curve_ == expected.loss_curve_
    assert actual.learning_rate_curve_ == expected.learning_rate_curve_
    assert_same_training(actual, expected)


# The batch solver: one process's, to rounding -----------------------------------------


@pytest.mark.parametrize(
    ("loss", "chunks"),
    [(loss, CHUNKINGS[2]) for loss in sorted(LOSS_NAMES)]
    + [("squared_error", chunks) for chunks in CHUNKINGS[:2]],
    ids=str,
)
def test_batch_is_the_local_solver_for_every_loss(client, loss, chunks):
    X, y = draw(n_outputs=2, positive=LOSSES[loss].needs is not None)
    w = np.random.default_rng(2).uniform(0, 2, N)
    params = {"solver": "batch", "loss": loss, "max_iter": 6, "random_state": 0}
    expected = GDNeuralRegressor((4,), **params).fit(X, y, w)
    actual = DaskGDNeuralRegressor((4,), **params)
    actual.fit(blocks(X, chunks), blocks(y, chunks), blocks(w, chunks))
    assert_same_descent(actual, expected)


@pytest.mark.parametrize("optimizer", FIRST_ORDER)
def test_batch_is_the_local_solver_for_every_optimizer(client, optimizer):
    X, y = draw()
    params = {"solver": "batch", "optimizer": optimizer, "max_iter": 8}
    params |= {"random_state": 0, "weight_decay": 0.1, "alpha": 0.2}
    expected = GDNeuralRegressor((4, 3), **params).fit(X, y)
    actual = DaskGDNeuralRegressor((4, 3), **params)
    actual.fit(blocks(X, CHUNKINGS[1]), blocks(y, CHUNKINGS[1]))
    assert_same_descent(actual, expected)


@pytest.mark.parametrize(
    "params",
    [
        {"dropout": [0.3, 0.5]},
        {"max_grad_norm": 0.1},
        {"learning_rate": "one_cycle"},
        {"learning_rate": "invscaling"},
        {"activation": ["gelu", "logistic"]},
    ],
    ids=lambda params: next(iter(params)) + str(next(iter(params.values()))),
)
def test_batch_is_the_local_solver_with_every_option(client, params):
    X, y = draw()
    params = {"solver": "batch", "max_iter": 8, "random_state": 0} | params
    expected = GDNeuralRegressor((4, 3), **params).fit(X, y)
    actual = DaskGDNeuralRegressor((4, 3), **params)
    actual.fit(blocks(X, CHUNKINGS[2]), blocks(y, CHUNKINGS[2]))
    assert_same_descent(actual, expected)


@pytest.mark.parametrize(
    ("labels", "params"),
    [
        (LABELS, {}),
        (LABELS[:2], {"class_weight": "balanced"}),
        (LABELS, {"class_weight": "balanced", "label_smoothing": 0.1}),
        (np.array([3, 5, 8]), {"class_weight": {3: 2.0, 8: 0.5}}),
    ],
    ids=["three", "balanced", "smoothed", "dict"],
)
def test_batch_is_the_local_solver_for_labels(client, labels, params):
    X, y = draw_labels(labels)
    order = np.argsort(y, kind="stable")  # so that partitions have one class
    X, y, w = X[order], y[order], np.random.default_rng(2).uniform(1, 2, N)
    params = {"solver": "batch", "max_iter": 8, "random_state": 0} | params
    expected = GDNeuralClassifier((4,), **params).fit(X, y, w)
    actual = DaskGDNeuralClassifier((4,), **params)
    actual.fit(*(blocks(a, (60, 100, 70)) for a in (X, y, w)))
    assert_same_descent(actual, expected)
    assert_array_equal(actual.classes_, expected.classes_)
    assert_array_equal(actual.predict(X), expected.predict(X))


@pytest.mark.parametrize("class_weight", [None, "balanced", [{1: 2.0}, {0: 3.0}]])
def test_batch_is_the_local_solver_for_label_indicators(client, class_weight):
    X, y = draw(n_outputs=2)
    Y = (y > [[0.5, -1.0]]).astype(int)
    Y[:50] = 0  # a partition without any label
    params = {"solver": "batch", "max_iter": 8, "random_state": 0}
    params["class_weight"] = class_weight
    expected = GDNeuralClassifier((4,), **params).fit(X, Y)
    actual = DaskGDNeuralClassifier((4,), **params)
    actual.fit(blocks(X, (50, 180)), blocks(Y, (50, 180)))
    assert_same_descent(actual, expected)
    assert_array_equal(actual.predict(blocks(X, (200, 30))), expected.predict(X))


# The other solvers --------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {"solver": "minibatch"},
        {"solver": "minibatch", "batch_size": 32, "dropout": 0.3},
        {"solver": "minibatch", "learning_rate": "cosine", "max_grad_norm": 1.0},
        {"solver": "minibatch", "shuffle": False},
        {"solver": "sgd", "optimizer": "nesterov", "learning_rate": "adaptive"},
        {"solver": "sgd", "dropout": 0.3, "learning_rate": "invscaling"},
    ],
    ids=lambda params: "-".join(map(str, params.values())),
)
def test_one_partition_is_the_local_estimator_to_the_bit(client, params):
    X, y = draw_labels()
    params = {"max_iter": 5, "random_state": 0} | params
    expected = GDNeuralClassifier((4,), **params).fit(X, y)
    actual = DaskGDNeuralClassifier((4,), **params)
    actual.fit(blocks(X, (N,)), blocks(y, (N,)))
    assert_same_bits(actual, expected)
    assert_same_bits(actual.to_local().partial_fit(X, y), expected.partial_fit(X, y))


def test_one_partition_draws_from_the_users_generator(client):
    X, y = draw()
    generators = [np.random.RandomState(3), np.random.RandomState(3)]
    GDNeuralRegressor((4,), max_iter=3, random_state=generators[0]).fit(X, y)
    on_dask = DaskGDNeuralRegressor((4,), max_iter=3, random_state=generators[1])
    on_dask.fit(blocks(X, (N,)), blocks(y, (N,)))
    assert generators[0].randint(10**9) == generators[1].randint(10**9)


def test_copies_are_averaged_by_their_numbers_of_samples(client):
    X, y = draw()
    sizes, ends = (100, 90, 40), np.cumsum([0, 100, 90, 40])
    params = {"optimizer": "gd", "batch_size": 16, "shuffle": False}
    params |= {"random_state": 0, "learning_rate_init": 0.05, "max_iter": 4}
    actual = DaskGDNeuralRegressor((4,), **params)
    actual.fit(blocks(X, sizes), blocks(y, sizes))

    copies = [GDNeuralRegressor((4,), **params) for _ in sizes]
    losses = []
    for _ in range(4):
        for i, each in enumerate(copies):
            each.partial_fit(X[ends[i] : ends[i + 1]], y[ends[i] : ends[i + 1]])
        theta = np.average([theta_of(c) for c in copies], axis=0, weights=sizes)
        losses.append(np.average([c.loss_ for c in copies], weights=sizes))
        for each in copies:
            set_theta(each, theta)
    assert_allclose(theta_of(actual), theta, rtol=1e-12)
    assert_allclose(actual.loss_curve_, losses, rtol=1e-12)


def test_memory_is_averaged(client):
    X, y = draw()
    params = {"batch_size": 20, "shuffle": False, "random_state": 0, "max_iter": 1}
    actual = DaskGDNeuralRegressor((4,), **params)
    actual.fit(blocks(X, (200, 30)), blocks(y, (200, 30)))
    a, b = (
        memory_of(GDNeuralRegressor((4,), **params).fit(X[s], y[s]))
        for s in (slice(200), slice(200, N))
    )
    expected = (200 * a + 30 * b) / N
    assert_allclose(memory_of(actual), expected, rtol=1e-12)
    assert n_steps_of(actual) == round((200 * 10 + 30 * 2) / N)


def test_one_copy_goes_through_the_partitions_one_by_one(client):
    X, y = draw()
    params = {"batch_size": 16, "shuffle": False, "random_state": 0}
    actual = DaskGDNeuralRegressor((4,), max_iter=3, **params)
    actual.fit(blocks(X, (100, 90, 40)), blocks(y, (100, 90, 40)), n_replicas=1)
    expected = GDNeuralRegressor((4,), **params)
    for _ in range(3):
        for rows in (slice(100), slice(100, 190), slice(190, N)):
            expected.partial_fit(X[rows], y[rows])
    assert_array_equal(theta_of(actual), theta_of(expected))
    assert_array_equal(memory_of(actual), memory_of(expected))


@pytest.mark.parametrize("n_replicas", [1, 2, 5, 10])
def test_a_curve_goes_on_from_partition_to_partition(client, n_replicas):
    X, y = draw()
    net = DaskGDNeuralRegressor((4,), learning_rate="exponential", max_iter=4)
    net.fit(blocks(X, (23,) * 10), blocks(y, (23,) * 10), n_replicas=n_replicas)
    # One step a partition.
    n_steps = 10 // n_replicas
    progress = n_steps * np.arange(4) / (4 * n_steps - 1)
    assert_allclose(net.learning_rate_curve_, 1e-3 * 0.01**progress, rtol=1e-12)


@pytest.mark.parametrize("solver", ["minibatch", "sgd"])
def test_the_same_seed_gives_the_same_bits(client, solver):
    X, y = (blocks(a, (46,) * 5) for a in draw())
    params = {"solver": solver, "max_iter": 4, "dropout": 0.2}
    fits = [
        DaskGDNeuralRegressor((4,), random_state=seed, **params).fit(X, y)
        for seed in (0, 0, 1)
    ]
    assert_same_bits(fits[0], fits[1])
    assert fits[0].loss_curve_ != fits[2].loss_curve_


def test_n_replicas_decides_for_local_data_too(client):
    X, y = draw()
    net = DaskGDNeuralRegressor((4,), max_iter=3, random_state=0)
    expected = clone(net).fit(blocks(X, (115, 115)), blocks(y, (115, 115)))
    assert_same_bits(net.fit(X, y, n_replicas=2), expected)


@pytest.mark.parametrize("solver", ["minibatch", "sgd"])
def test_copies_learn(client, solver):
    X, y = draw()
    net = DaskGDNeuralRegressor(
        (20,), solver=solver, max_iter=60, learning_rate_init=0.01, random_state=0
    )
    net.fit(blocks(X, (46,) * 5), blocks(y, (46,) * 5))
    local = GDNeuralRegressor(**net.get_params()).fit(X, y)
    assert net.score(X, y) > 0.9 * local.score(X, y) > 0.5


@pytest.mark.parametrize("sizes", [[5], [1, 1], [10, 1, 1], [1, 1, 10], [3] * 7])
@pytest.mark.parametrize("n_chains", [1, 2, 3, 9])
def test_chains_have_all_partitions_in_order(sizes, n_chains):
    chains = make_chains(sizes, n_chains)
    assert len(chains) == min(n_chains, len(sizes))
    assert [i for chain in chains for i in chain] == list(range(len(sizes)))
    assert all(chains)


# Data ---------------------------------------------------------------------------------


BATCH = {"solver": "batch", "max_iter": 4, "random_state": 0}


@pytest.fixture(scope="module")
def local_fit():
    X, y = draw()
    return GDNeuralRegressor((4,), **BATCH).fit(X, y)


def unknown(array):
    """The same, with chunks of unknown sizes."""
    return array[da.ones(array.shape[0], chunks=array.chunks[0], dtype=bool)]


def sparse_blocks(X, chunks):
    return blocks(X, chunks).map_blocks(csr_matrix)


A, B = CHUNKINGS[1], (30, 0, 200)
COLLECTIONS = {
    "mismatched": lambda X, y: (blocks(X, A), blocks(y, B)),
    "unknown": lambda X, y: (unknown(blocks(X, A)), unknown(blocks(y, A))),
    "unknown X, other y": lambda X, y: (unknown(blocks(X, A)), blocks(y, (N,))),
    "X, unknown other y": lambda X, y: (blocks(X, A), unknown(blocks(y, (N - 9, 9)))),
    "empty last": lambda X, y: (blocks(X, (100, 130, 0)), blocks(y, (N,))),
    "other empty last": lambda X, y: (blocks(X, B), blocks(y, (N - 9, 9, 0))),
    "columns": lambda X, y: (da.from_array(X, chunks=(60, 2)), blocks(y, A)),
    "sparse": lambda X, y: (sparse_blocks(X, A), blocks(y, A)),
    "local y": lambda X, y: (blocks(X, B), y),
    "list y": lambda X, y: (blocks(X, A), y.tolist()),
    "local X": lambda X, y: (X, blocks(y, B)),
    "local": lambda X, y: (X, y),
    "local sparse": lambda X, y: (csr_matrix(X), y),
    "frames": lambda X, y: (frame(X), frame(X, y)["y"]),
    "frame and array": lambda X, y: (frame(X), blocks(y, B)),
    "frame and local": lambda X, y: (frame(X), pd.Series(y)),
    "local frame": lambda X, y: (pd.DataFrame(X, columns=list("abcde")), y),
}


def frame(X, y=None):
    data = pd.DataFrame(X, columns=list("abcde"))
    if y is not None:
        data["y"] = y
    return dd.from_pandas(data, npartitions=3)


@pytest.mark.parametrize("kind", COLLECTIONS)
def test_every_kind_of_collection(client, local_fit, kind):
    X, y = COLLECTIONS[kind](*draw())
    net = DaskGDNeuralRegressor((4,), **BATCH).fit(X, y)
    assert_same_descent(net, local_fit)
    assert net.n_features_in_ == N_FEATURES
    assert hasattr(net, "feature_names_in_") == ("frame" in kind)
    assert_allclose(net.predict(X), local_fit.predict(draw()[0]), rtol=1e-9)
    assert_allclose(net.score(X, y), local_fit.score(*draw()), rtol=1e-9)


def test_float32_stays_float32(client):
    X, y = draw()
    net = DaskGDNeuralRegressor((4,), **BATCH)
    net.fit(blocks(X.astype(np.float32), A), blocks(y, A))
    assert net.coefs_[0].dtype == np.float32
    prediction = net.predict(blocks(X, A))
    assert prediction.dtype == prediction.compute().dtype == np.float32


def test_a_column_of_targets_is_taken_with_a_warning(client, local_fit):
    X, y = draw()
    net = DaskGDNeuralRegressor((4,), **BATCH)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        net.fit(blocks(X, A), blocks(y[:, np.newaxis], A))
    assert_same_descent(net, local_fit)


def with_nan(X):
    X = X.copy()
    X[150, 2] = np.nan
    return X


def ragged(X):
    return da.concatenate(
        [
            da.from_delayed(delayed(X[:100]), (100, N_FEATURES), dtype=float),
            da.from_delayed(delayed(X[100:, 1:]), (N - 100, N_FEATURES), dtype=float),
        ]
    )


def permuted(X):
    """A dataframe whose second partition has its columns in another order."""
    parts = [pd.DataFrame(part, columns=list("abcde")) for part in (X[:100], X[100:])]
    parts[1] = parts[1][list("bacde")]
    return dd.from_delayed(
        [delayed(part) for part in parts], meta=parts[0], verify_meta=False
    )


ERRORS = {
    "order of columns": (
        lambda X, y: (permuted(X), blocks(y, (100, 130))),
        r"Partition 1 has the features \['b' 'a'",
    ),
    "too large for float32": (
        lambda X, y: (
            blocks(X.astype(np.float32), A),
            blocks(np.where(y == y[-1], 1e39, y), A),
        ),
        r"Partition 2: .*too large for dtype\('float32'\)",
    ),
    "nan": (lambda X, y: (blocks(with_nan(X), A), blocks(y, A)), "Partition 1: .*NaN"),
    "nan in y": (
        lambda X, y: (blocks(X, A), blocks(np.where(y == y[-1], np.inf, y), A)),
        "Partition 2: .*infinity",
    ),
    "lengths": (
        lambda X, y: (blocks(X, A), blocks(y[:-1], (N - 1,))),
        "X and y have different numbers of samples: 230 and 229",
    ),
    "unknown lengths": (
        lambda X, y: (unknown(blocks(X, A)), unknown(blocks(y[:-1], (100, 100, 29)))),
        "Partition 2: X has 30 samples, and y has 29",
    ),
    "features": (lambda X, y: (ragged(X), blocks(y, (100, 130))), "Partition 1 has 4"),
    "no samples": (
        lambda X, y: (blocks(X[:0], (0, 0)), blocks(y[:0], (0, 0))),
        "every partition is empty",
    ),
    "one-dimensional": (lambda X, y: (blocks(y, A), blocks(y, A)), "Expected 2D"),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_what_is_wrong_with_data_is_said(client, kind):
    make, message = ERRORS[kind]
    net = DaskGDNeuralRegressor((4,), **BATCH)
    with pytest.raises(ValueError, match=message):
        net.fit(*make(*draw()))
    assert not hasattr(net, "n_features_in_")


def test_targets_out_of_range_name_their_partition(client):
    X, y = draw(positive=True)
    y[220] = -1
    net = DaskGDNeuralRegressor((4,), loss="poisson", **BATCH)
    with pytest.raises(ValueError, match=r"Partition 2: .*y >= 0"):
        net.fit(blocks(X, A), blocks(y, A))


def test_continuous_labels_name_their_partition(client):
    X, y = draw()
    labels = np.where(np.arange(N) < 200, 1.0, y)
    with pytest.raises(ValueError, match="Partition 2: Unknown label type"):
        DaskGDNeuralClassifier((4,), **BATCH).fit(blocks(X, A), blocks(labels, A))


def test_weights_that_are_all_zero_are_refused(client):
    X, y = draw()
    with pytest.raises(ValueError, match="at least one non-zero"):
        DaskGDNeuralRegressor((4,), **BATCH).fit(
            blocks(X, A), blocks(y, A), blocks(np.zeros(N), A)
        )


@pytest.mark.parametrize("solver", ["batch", "minibatch", "sgd"])
def test_a_partition_without_weight_does_not_count(client, solver):
    X, y = draw()
    w = np.repeat([1.0, 0.0], [100, N - 100])
    params = {"solver": solver, "max_iter": 3, "random_state": 0, "shuffle": False}
    expected = GDNeuralRegressor((4,), **params).fit(X[:100], y[:100])
    net = DaskGDNeuralRegressor((4,), **params)
    net.fit(*(blocks(a, (100, 130)) for a in (X, y, w)))
    assert_same_descent(net, expected)


# Early stopping -----------------------------------------------------------------------


@pytest.mark.parametrize("scoring", [None, "loss", "neg_mean_absolute_error"])
@pytest.mark.parametrize("kind", ["dask", "local"])
@pytest.mark.parametrize("cls", [DaskGDNeuralRegressor, DaskGDNeuralClassifier])
def test_validation_data_judge_as_in_one_process(client, cls, kind, scoring):
    X, y = draw() if cls is DaskGDNeuralRegressor else draw_labels()
    if cls is DaskGDNeuralClassifier and scoring is not None:
        scoring = {"loss": "loss"}.get(scoring, "neg_log_loss")
    w = np.random.default_rng(2).uniform(0, 2, N)
    X, X_val, y, y_val, _, w_val = train_test_split(X, y, w, random_state=0)
    val = {"X_val": X_val, "y_val": y_val, "sample_weight_val": w_val}
    params = {"solver": "batch", "max_iter": 12, "random_state": 0, "optimizer": "gd"}
    params |= {"early_stopping": True, "scoring": scoring, "learning_rate_init": 0.3}
    expected = cls._local_class((4,), **params).fit(X, y, **val)
    if kind == "dask":
        val = {
            name: da.from_array(a, chunks=(20, *a.shape[1:])) for name, a in val.items()
        }
    actual = cls((4,), **params).fit(
        *(da.from_array(a, chunks=90) for a in (X, y)), **val
    )
    assert_same_descent(actual, expected)
    assert_allclose(actual.validation_scores_, expected.validation_scores_, rtol=1e-9)
    assert_allclose(
        actual.validation_loss_curve_, expected.validation_loss_curve_, rtol=1e-9
    )


@pytest.mark.parametrize("scoring", [None, "neg_mean_absolute_error"])
def test_partitions_are_held_out(client, scoring):
    X, y = draw()
    params = {"max_iter": 5, "early_stopping": True, "random_state": 0}
    params |= {"warm_start": True, "scoring": scoring, "validation_fraction": 0.3}
    net = DaskGDNeuralRegressor((4,), **params)
    net.fit(blocks(X, (46,) * 5), blocks(y, (46,) * 5))
    _, trained_on, held_out = net._held_out_partitions
    assert len(held_out) == 2  # 0.3 of 5 partitions
    assert sorted([*trained_on, *held_out]) == list(range(5))
    assert net.t_ == 5 * 46 * 3
    rows = np.concatenate([np.arange(46 * i, 46 * (i + 1)) for i in held_out])
    score = r2_score if scoring is None else lambda a, b: -mean_absolute_error(a, b)
    assert_allclose(net.best_validation_score_, score(y[rows], net.predict(X[rows])))
    net.fit(blocks(X, (46,) * 5), blocks(y, (46,) * 5))
    assert net._held_out_partitions[2] == held_out


def test_local_data_are_split_as_in_one_process(client):
    X, y = draw_labels()
    params = {"solver": "batch", "max_iter": 6, "random_state": 0}
    params |= {"early_stopping": True, "optimizer": "momentum"}
    expected = GDNeuralClassifier((4,), **params).fit(X, y)
    actual = DaskGDNeuralClassifier((4,), **params).fit(X, y)
    assert_same_descent(actual, expected)
    assert actual.validation_scores_ == expected.validation_scores_


def test_the_only_partition_cannot_be_held_out(client):
    X, y = draw()
    net = DaskGDNeuralRegressor((4,), early_stopping=True)
    with pytest.raises(ValueError, match=r"whole partitions.*X_val"):
        net.fit(blocks(X, (0, N)), blocks(y, (0, N)))


SMALL = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}


@pytest.mark.parametrize("without", ["trained on", "held out"])
def test_weights_of_nothing_are_refused(client, without):
    X, y = (blocks(a, (46,) * 5) for a in draw())
    net = DaskGDNeuralRegressor(**SMALL, early_stopping=True).fit(X, y)
    _, trained_on, held_out = net._held_out_partitions
    w = np.ones((5, 46))
    w[trained_on if without == "trained on" else held_out] = 0
    with pytest.raises(ValueError, match="at least one non-zero"):
        net.fit(X, y, blocks(w.ravel(), (46,) * 5))


def test_class_weights_of_nothing_are_refused(client):
    X, y = (blocks(a, A) for a in draw_labels())
    net = DaskGDNeuralClassifier(class_weight=dict.fromkeys(LABELS, 0.0))
    with pytest.raises(ValueError, match="at least one non-zero"):
        net.fit(X, y)


def test_a_score_needs_two_samples(client):
    X, y = draw()
    net = DaskGDNeuralRegressor((4,))
    one = blocks(X[:1], (1,)), blocks(y[:1], (1,))
    with pytest.raises(ValueError, match=r"X_val and y_val: .*at least 2 samples"):
        net.fit(blocks(X, A), blocks(y, A), X_val=one[0], y_val=one[1])


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_r2_of_groups(n_outputs):
    rng = np.random.default_rng(0)
    y, predicted = rng.normal(size=(2, 9, n_outputs))
    w = rng.integers(1, 4, size=9).astype(float)  # so that a constant has no variance
    w[5:] = 0  # of a whole group

    def r2(y, predicted):
        groups = slice(2), slice(2, 5), slice(5, 9)
        return r2_of_groups(
            [w[g].sum() for g in groups],
            [squares(y[g], predicted[g], w[g]) for g in groups],
        )

    assert_allclose(r2(y, predicted), r2_score(y, predicted, sample_weight=w))
    y[:, 0] = 1.0  # constant, and not met
    assert_allclose(r2(y, predicted), r2_score(y, predicted, sample_weight=w))
    assert r2(y, y) == 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        assert np.isnan(r2(y, predicted * 1e200))


# The estimator ------------------------------------------------------------------------


def test_predictions_are_lazy_and_those_of_one_process(client):
    X, y = draw_labels()
    net = DaskGDNeuralClassifier((4,), max_iter=3).fit(blocks(X, A), blocks(y, A))
    local = net.to_local()
    assert type(local) is GDNeuralClassifier
    for method in ("predict", "predict_proba", "predict_log_proba"):
        expected = getattr(local, method)(X)
        assert_array_equal(getattr(net, method)(X), expected)
        for chunks in (A, B):
            result = getattr(net, method)(blocks(X, chunks))
            assert isinstance(result, da.Array)
            assert result.shape == expected.shape
            assert result.chunks[0] == tuple(n for n in chunks if n > 0)
            assert result.dtype == expected.dtype
            assert_array_equal(result.compute(), expected)
        columns = getattr(net, method)(da.from_array(X, chunks=(100, 2)))
        assert_array_equal(columns.compute(), expected)
    with pytest.raises(ValueError, match="NaN"):
        net.predict(blocks(with_nan(X), A)).compute()


def test_score_is_that_of_scikit_learn(client):
    X, y = draw_labels()
    w = np.random.default_rng(2).uniform(0, 2, N)
    net = DaskGDNeuralClassifier((4,), max_iter=3).fit(blocks(X, A), blocks(y, A))
    expected = accuracy_score(y, net.predict(X), sample_weight=w)
    assert_allclose(net.score(*(blocks(a, B) for a in (X, y, w))), expected)
    assert_allclose(net.score(X, y, w), expected)


def test_score_counts_labels_that_training_had_not_as_misses(client):
    X, y = draw_labels()
    net = DaskGDNeuralClassifier((4,), max_iter=3).fit(blocks(X, A), blocks(y, A))
    y = np.where(y == "ant", "elk", y)
    assert_allclose(net.score(blocks(X, B), blocks(y, B)), net.score(X, y))
    w = np.ones(N)
    w[:30] = 0  # a partition without any
    assert_allclose(net.score(*(blocks(a, B) for a in (X, y, w))), net.score(X, y, w))
    with pytest.raises(ValueError, match="at least one non-zero"):
        net.score(*(blocks(a, B) for a in (X, y, np.zeros(N))))


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_score_is_r2_whatever_the_loss(client, loss, n_outputs):
    X, y = draw(n_outputs, positive=True)
    net = DaskGDNeuralRegressor(**SMALL, loss=loss)
    net.fit(blocks(X, A), blocks(y, A))
    y = y - 2  # not in the range of the loss
    w = np.random.default_rng(2).uniform(0, 2, N)
    w[:30] = 0  # a partition without any
    actual = net.score(*(blocks(a, B) for a in (X, y, w)), client=client)
    assert_allclose(actual, net.score(X, y, w), rtol=1e-9)


def test_errors_of_score_name_the_partition(client):
    X, y = draw()
    net = DaskGDNeuralRegressor(**SMALL).fit(blocks(X, A), blocks(y, A))
    with pytest.raises(ValueError, match="Partition 1: Input X contains NaN"):
        net.score(blocks(with_nan(X), A), blocks(y, A))


def test_callbacks_do_not_travel(client):
    pytest.importorskip("sklearn.callback")
    from tests.test_callbacks import Recorder

    X, y = (blocks(a, A) for a in draw())
    recorder = Recorder()
    recorder.lock = threading.Lock()  # which cannot be pickled
    net = DaskGDNeuralRegressor(**SMALL).set_callbacks(recorder).fit(X, y)
    assert net.predict(X).compute().shape == (N,)
    assert net.score(X, y) <= 1


@pytest.mark.parametrize("solver", ["batch", "minibatch"])
def test_partial_fit_and_warm_start_go_on(client, solver):
    X, y = draw_labels()
    params = {"solver": solver, "max_iter": 2, "random_state": 0, "warm_start": True}
    chunks = A if solver == "batch" else (N,)
    X_dask, y_dask = blocks(X, chunks), blocks(y, chunks)
    expected = GDNeuralClassifier((4,), **params)
    actual = DaskGDNeuralClassifier((4,), **params)
    with pytest.raises(ValueError, match="classes must be passed"):
        actual.partial_fit(X_dask, y_dask)
    for _ in range(2):
        expected.partial_fit(X, y, classes=LABELS)
        actual.partial_fit(X_dask, y_dask, classes=LABELS)
    assert_same_descent(actual, expected)
    assert_same_descent(actual.fit(X_dask, y_dask), expected.fit(X, y))
    with pytest.raises(ValueError, match=r"Partition 0: .*not in `self.classes_`"):
        actual.partial_fit(X_dask, blocks(np.where(y == "ant", "elk", y), chunks))
    with pytest.raises(ValueError, match=r"Partition \d: .*features"):
        actual.partial_fit(X_dask[:, :3], y_dask)


def test_clone_and_pickle(client):
    X, y = (blocks(a, A) for a in draw())
    net = DaskGDNeuralRegressor((4,), max_iter=3, tol=0.5).fit(X, y)
    copy = pickle.loads(pickle.dumps(net))
    assert type(copy) is DaskGDNeuralRegressor
    assert_same_bits(copy, net)
    assert_array_equal(copy.predict(X).compute(), net.predict(X).compute())
    assert clone(net).get_params() == net.get_params()
    assert net.to_local().get_params() == net.get_params()


def test_epochs_are_printed_and_told_to_callbacks(client, capsys):
    pytest.importorskip("sklearn.callback")
    from tests.test_callbacks import Recorder, StopAt

    X, y = (blocks(a, A) for a in draw())
    net = DaskGDNeuralRegressor((4,), max_iter=3, verbose=True)
    recorder = Recorder()
    net.set_callbacks(recorder).fit(X, y)
    assert capsys.readouterr().out.count("Iteration") == 3
    epochs = ["epoch begins", "epoch ends"] * 3
    assert recorder.told == ["setup", "fit begins", *epochs, "fit ends", "teardown"]
    assert recorder.data == (X, y, None)
    last = recorder.fitted[-1]
    assert_array_equal(last.predict(X).compute(), net.predict(X).compute())
    copy = pickle.loads(pickle.dumps(recorder.fitted[0]))
    assert copy.n_iter_ == 1
    assert not is_cut_off(copy)
    net.set_callbacks(StopAt(net.loss_curve_[1])).fit(X, y)
    assert 1 <= net.n_iter_ <= 3


def test_too_few_epochs_are_warned_of(client):
    X, y = (blocks(a, A) for a in draw())
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        DaskGDNeuralRegressor((4,), max_iter=2).fit(X, y)


@pytest.mark.parametrize("solver", ["batch", "minibatch", "sgd"])
def test_divergence_is_an_error_and_changes_nothing(client, solver):
    X, y = (blocks(a, A) for a in draw())
    net = DaskGDNeuralRegressor((4,), "identity", solver=solver, max_iter=60)
    net.fit(X, y)
    theta = theta_of(net)
    net.set_params(learning_rate_init=1e30, optimizer="gd")
    with pytest.raises(ValueError, match="non-finite"):
        net.fit(X, y)
    assert_array_equal(theta_of(net), theta)


def test_n_jobs_within_a_task_does_not_show(client):
    X, y = (blocks(a, A) for a in draw())
    params = {"max_iter": 3, "random_state": 0, "batch_size": 100}
    one, two = (
        DaskGDNeuralRegressor((200, 100), n_jobs=n, **params).fit(X, y)
        for n in (None, 2)
    )
    assert_same_bits(one, two)


@pytest.fixture
def ctrl_c_in_call(client, monkeypatch):
    """Have Ctrl-C pressed in the nth wait for parts, whose tasks do not end by then."""
    run, is_over, n_calls = Parts.run, Event(client=client), []
    name = is_over.name

    def submit_waiting():
        return client.map(lambda i: Event(name).wait("60s"), range(3), pure=False)

    def press_in(n):
        def press(parts, submit):
            n_calls.append(submit)
            if len(n_calls) < n:
                return run(parts, submit)
            threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT]).start()
            run(parts, submit_waiting)
            raise AssertionError("the wait has ended with the tasks")

        monkeypatch.setattr(Parts, "run", press)

    yield press_in
    is_over.set()


@pytest.mark.faults
@pytest.mark.parametrize("solver", ["batch", "minibatch"])
def test_ctrl_c_ends_the_wait_for_an_epoch(client, ctrl_c_in_call, solver):
    X, y = (blocks(a, A) for a in draw())
    params = {"solver": solver, "random_state": 0, "dropout": 0.2}
    expected = DaskGDNeuralRegressor((4,), max_iter=2, **params).fit(X, y)
    net = DaskGDNeuralRegressor((4,), max_iter=100, **params)
    ctrl_c_in_call(3)
    with pytest.warns(UserWarning, match="interrupted by user"):
        net.fit(X, y)
    assert net.n_iter_ == 2
    assert net.t_ == 2 * N
    assert_same_bits(net, expected)
    assert_same_bits(pickle.loads(pickle.dumps(net)), expected)
    positions = (generator_of(each).get_state() for each in (net, expected))
    assert_array_equal(*(position[1] for position in positions))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.faults
@pytest.mark.parametrize("solver", ["batch", "minibatch"])
@pytest.mark.parametrize("is_warm", [False, True])
def test_ctrl_c_in_the_first_epoch_changes_nothing(
    client, ctrl_c_in_call, solver, is_warm
):
    X, y = (blocks(a, A) for a in draw())
    net = DaskGDNeuralRegressor((4,), solver=solver, max_iter=3, warm_start=True)
    if is_warm:
        net.fit(X, y)
    before = dict(vars(net))
    ctrl_c_in_call(1)
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, y)
    assert vars(net) == before


@pytest.mark.faults
def test_ctrl_c_ends_the_wait_for_a_judgement(client, ctrl_c_in_call):
    X, y = (blocks(a, A) for a in draw())
    net = DaskGDNeuralRegressor((4,), max_iter=100, random_state=0)
    ctrl_c_in_call(4)  # epoch, judgement, epoch, judgement
    with pytest.warns(UserWarning, match="interrupted by user"):
        net.fit(X, y, X_val=X, y_val=y)
    assert net.n_iter_ == 2
    assert np.isfinite(net.validation_scores_[0])
    assert_array_equal(net.validation_scores_[1:], [np.nan])
    assert_array_equal(net.validation_loss_curve_[1:], [np.nan])


@pytest.mark.faults
def test_a_judgement_that_the_cluster_fails_is_nan(client, monkeypatch):
    X, y = (blocks(a, A) for a in draw())
    judge = PartsJudge.__call__

    def fail_second(parts_judge, interrupts):
        if n_epochs_so_far(parts_judge._estimator) == 2:
            raise ClusterError("Failed.")
        return judge(parts_judge, interrupts)

    monkeypatch.setattr(PartsJudge, "__call__", fail_second)
    net = DaskGDNeuralRegressor((4,), random_state=0)
    with pytest.raises(ClusterError, match=r"Failed\. .* after epoch 2"):
        net.fit(X, y, X_val=X, y_val=y)
    assert net.n_iter_ == 2
    assert np.isfinite(net.validation_scores_[0])
    assert_array_equal(net.validation_scores_[1:], [np.nan])
    assert_array_equal(net.validation_loss_curve_[1:], [np.nan])
    net = DaskGDNeuralRegressor((4,)).partial_fit(X, y)
    before = dict(vars(net))
    with pytest.raises(ClusterError, match=r"^Failed\.$"):
        net.partial_fit(X, y, X_val=X, y_val=y)
    assert vars(net) == before


@pytest.mark.faults
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_task_that_fails_leaves_the_epochs_before(
    client, monkeypatch, early_stopping
):
    X, y = (blocks(a, A) for a in draw())
    run, n_calls = Parts.run, []

    def fail(_):
        raise OSError("No such file.")

    def fail_fifth(parts, submit):
        n_calls.append(submit)
        if len(n_calls) == 5:  # after epoch, judgement, epoch, judgement
            return run(parts, lambda: client.map(fail, [0], pure=False))
        return run(parts, submit)

    monkeypatch.setattr(Parts, "run", fail_fifth)
    params = {"random_state": 0, "early_stopping": early_stopping}
    net = DaskGDNeuralRegressor((4,), learning_rate_init=0.05, **params)
    with pytest.raises(ClusterError, match=r"No such file.* after epoch 2"):
        net.fit(X, y, X_val=X, y_val=-y)  # which each epoch makes worse
    assert net.n_iter_ == len(net.loss_curve_) == len(net.validation_scores_) == 2
    if early_stopping:  # as after Ctrl-C
        first, second = net.validation_scores_
        assert first > second
        assert_allclose(net.score(X, -y), first)


class DyingClient:
    """Of a cluster whose workers die of each task."""

    status, asynchronous, scheduler = "running", False, None

    def gather(self, futures):
        raise CancelledError("lost")


@pytest.mark.faults
def test_local_data_that_kill_workers_are_not_scattered_for_ever():
    restored = []
    with pytest.raises(ClusterError, match=r"4 times in a row .*more memory"):
        Cluster(DyingClient()).run(list, lambda: restored.append(1) or True)
    assert len(restored) == 3


def test_a_checkpoint_is_refused(client, tmp_path):
    pytest.importorskip("sklearn.callback")
    from skgd.callbacks import Checkpoint

    X, y = draw()
    net = DaskGDNeuralRegressor(warm_start=True)
    net.set_callbacks(Checkpoint(tmp_path / "checkpoint"))
    with pytest.raises(TypeError, match=r"cannot complete a fit of DaskGD.*workers"):
        net.fit(X, y)
    assert not hasattr(net, "n_features_in_")


def test_a_picture_of_the_path_is_refused():
    X, y = draw()
    with pytest.raises(TypeError, match=r"got DaskGD.*to_local"):
        GradientDescentPathDisplay.from_estimators(
            {"net": DaskGDNeuralRegressor(())}, X, y
        )


@pytest.mark.parametrize("n_replicas", [0, -1])
def test_n_replicas_is_checked(client, n_replicas):
    X, y = (blocks(a, A) for a in draw())
    with pytest.raises(ValueError, match=r"n_replicas == .*must be >= 1"):
        DaskGDNeuralRegressor().fit(X, y, n_replicas=n_replicas)


def test_a_fit_in_a_task_would_wait_for_itself(client):
    net = DaskGDNeuralRegressor()
    with pytest.raises(ValueError, match=r"in a task .*GDNeuralRegressor"):
        client.submit(net.fit, [[0.0], [1.0]], [0.0, 1.0]).result()


def test_search_of_plain_estimators_on_joblibs_backend(client):
    X, y = draw_labels()
    net = GDNeuralClassifier((8,), max_iter=20, random_state=0)
    grid = {"learning_rate_init": [1e-4, 1e-2]}
    search = GridSearchCV(net, grid, scoring="neg_log_loss", cv=3)
    expected = clone(search).fit(X, y)
    with joblib.parallel_config(backend="dask"):
        search.set_params(n_jobs=-1).fit(X, y)
    assert search.best_params_ == {"learning_rate_init": 1e-2}
    assert_allclose(
        search.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"]
    )
    assert log_loss(y, search.predict_proba(X)) < np.log(3)


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )


def test_skgd_does_not_import_dask():
    run = run_python("import sys, skgd; sys.exit('dask' in sys.modules)")
    assert run.returncode == 0, run.stderr


def test_a_missing_dask_is_named_with_its_extra():
    code = "import sys; sys.modules['distributed'] = None; import skgd.dask"
    assert "pip install 'skgd[dask]'" in run_python(code).stderr


def test_a_client_is_needed():
    code = (
        "from skgd.dask import DaskGDNeuralRegressor\n"
        "DaskGDNeuralRegressor().fit([[0.0], [1.0]], [0.0, 1.0])"
    )
    assert "There is no Dask client" in run_python(code).stderr


# What is refused of data, and class weights -------------------------------------------

SORTED = np.sort(np.arange(N) % 3)  # so that partitions lack classes
SEVERAL = np.column_stack([SORTED == 0, SORTED == 1, SORTED != 1]).astype(int)
A_THIRD = (80, 80, 70)
each_solver = pytest.mark.parametrize("solver", ["batch", "sgd", "minibatch"])


def small(cls, **params):
    return cls((3,), **{"max_iter": 2, "random_state": 0} | params)


def frames(when, n_partitions=2):
    """A collection whose column 'when' may hold anything."""
    X, _ = draw()
    data = pd.DataFrame({"a": X[:, 0], "when": when, "b": X[:, 1]})
    return dd.from_pandas(data, npartitions=n_partitions)


def series(values, n_partitions=2):
    return dd.from_pandas(pd.Series(values), npartitions=n_partitions)


CLASS_WEIGHTS = {
    "int": (SORTED, {1: 20, 9: 2.0}, [0, 1, 2]),
    "str": (LABELS[SORTED], {"ant": 20, "cow": 0.5}, LABELS),
    "several": (SEVERAL, [{1: 20}, {}, {0: 3, 1: 2}], [0, 1, 2]),
}


def of_samples(class_weight, y):
    columns = y.T if y.ndim == 2 else [y]
    class_weights = class_weight if y.ndim == 2 else [class_weight]
    return np.prod(
        [
            [weights.get(label, 1.0) for label in column.tolist()]
            for weights, column in zip(class_weights, columns, strict=True)
        ],
        axis=0,
    )


@each_solver
@pytest.mark.parametrize("kind", CLASS_WEIGHTS)
def test_partitions_may_lack_classes_that_have_a_weight(client, kind, solver):
    y, class_weight, _ = CLASS_WEIGHTS[kind]
    X, weights = (blocks(a, A_THIRD) for a in (draw()[0], of_samples(class_weight, y)))
    found = small(DaskGDNeuralClassifier, solver=solver, class_weight=class_weight)
    plain = small(DaskGDNeuralClassifier, solver=solver)
    found.fit(X, blocks(y, A_THIRD), n_replicas=1)
    plain.fit(X, blocks(y, A_THIRD), weights, n_replicas=1)
    assert_same_descent(found, plain, rtol=1e-12)


@pytest.mark.parametrize("kind", CLASS_WEIGHTS)
def test_all_partitions_may_lack_a_class_that_has_a_weight(client, kind):
    y, class_weight, classes = CLASS_WEIGHTS[kind]
    y = y[-1:].repeat(N, axis=0)
    X, weights = (blocks(a, A_THIRD) for a in (draw()[0], of_samples(class_weight, y)))
    found = small(DaskGDNeuralClassifier, class_weight=class_weight)
    plain = small(DaskGDNeuralClassifier)
    found.partial_fit(X, blocks(y, A_THIRD), classes=classes, n_replicas=1)
    plain.partial_fit(X, blocks(y, A_THIRD), weights, classes=classes, n_replicas=1)
    assert_same_descent(found, plain, rtol=1e-12)


@pytest.mark.parametrize("name", ["1", 1])
def test_a_class_weight_by_a_name_of_another_type_is_refused(client, name):
    y = SORTED if name == "1" else LABELS[SORTED]
    net = small(DaskGDNeuralClassifier, class_weight={name: 20})
    with pytest.raises(ValueError, match=f"class_weight names {name!r}, and the class"):
        net.fit(blocks(draw()[0], A_THIRD), blocks(y, A_THIRD))
    assert not hasattr(net, "classes_")


@pytest.mark.parametrize("label", [1, 9])
@pytest.mark.parametrize("weight", [-1, np.inf, np.nan])
def test_a_class_weight_below_0_or_not_finite_is_refused(client, weight, label):
    net = small(DaskGDNeuralClassifier, class_weight={label: weight})
    with pytest.raises(ValueError, match=f"not negative, got {weight} for the class"):
        net.fit(blocks(draw()[0], A_THIRD), blocks(SORTED, A_THIRD))


DATES = pd.date_range("2020", periods=N, unit="ns")
COLUMNS_OF_DATES = {
    "datetime64": DATES,
    "tz-aware": DATES.tz_localize("UTC"),
    "timedelta64": DATES - DATES[0],
    "period": DATES.to_period("D"),
}


@pytest.mark.parametrize("kind", COLUMNS_OF_DATES)
def test_a_column_of_dates_is_named_with_a_remedy(client, kind):
    when = COLUMNS_OF_DATES[kind]
    good, bad, y = frames(draw()[0][:, 2]), frames(when), series(draw()[1])
    words = r"Partition [01]: Column 'when' of X holds .*numpy\.timedelta64"
    net = small(DaskGDNeuralRegressor)
    with pytest.raises(TypeError, match=f"^{words}"):
        net.fit(bad, y)
    with pytest.raises(TypeError, match=f"^X_val and y_val: {words}"):
        net.fit(good, y, X_val=bad, y_val=y)
    with pytest.raises(TypeError, match=r"^Partition [01]: y holds .*timedelta64"):
        net.fit(good, series(when))
    with pytest.raises(TypeError, match=r"^X_val and y_val: Partition [01]: y holds"):
        net.fit(good, y, X_val=good, y_val=series(when))
    assert not hasattr(net, "coefs_")
    with pytest.raises(TypeError, match="Column 'when' of X holds"):
        net.fit(good, y).predict(bad).compute()


@pytest.mark.parametrize("unit", ["M8[D]", "m8[s]"])
def test_dates_in_dask_arrays_are_refused(client, unit):
    X, y = draw()
    dates = blocks(np.arange(N).astype(unit), A_THIRD)
    net = small(DaskGDNeuralRegressor)
    with pytest.raises(TypeError, match=r"^Partition \d: y holds"):
        net.fit(blocks(X, A_THIRD), dates)
    with pytest.raises(TypeError, match=r"^Partition \d: X holds"):
        net.fit(dates[:, None], blocks(y, A_THIRD))


def test_date_labels_are_given_back(client):
    labels = np.datetime64("2020-01-01") + SORTED
    X = blocks(draw()[0], A_THIRD)
    net = small(DaskGDNeuralClassifier).fit(X, blocks(labels, A_THIRD))
    predicted = net.predict(X).compute()
    assert predicted.dtype == labels.dtype
    assert np.isin(predicted, labels).all()


@pytest.mark.parametrize("convert", [lambda w: blocks(w, A_THIRD), list, np.array])
def test_a_negative_weight_is_refused_by_name(client, convert):
    X, y = (blocks(each, A_THIRD) for each in draw())
    weights = convert(np.where(np.arange(N) == 100, -0.5, 1))
    net = small(DaskGDNeuralRegressor)
    for method in ("fit", "partial_fit"):
        words = r"Partition 1: sample_weight must not be negative.* sample 20\b"
        with pytest.raises(ValueError, match=words):
            getattr(net, method)(X, y, weights)
        data = {"X_val": X, "y_val": y, "sample_weight_val": weights}
        with pytest.raises(ValueError, match=r"sample_weight\w* must not be negative"):
            getattr(net, method)(X, y, **data)
    assert not hasattr(net, "coefs_")


def test_a_negative_validation_weight_is_named_as_such(client):
    X, y = (blocks(each, A_THIRD) for each in draw())
    data = {"X_val": X, "y_val": y, "sample_weight_val": blocks(-np.ones(N), A_THIRD)}
    with pytest.raises(ValueError, match="sample_weight_val"):
        small(DaskGDNeuralRegressor).fit(X, y, **data)


@pytest.mark.parametrize("classes", [[0, 1], range(6)])
def test_classes_of_label_indicators_are_their_numbers(client, classes):
    X = blocks(draw()[0], A_THIRD)
    net = small(DaskGDNeuralClassifier)
    with pytest.raises(ValueError, match=r"numbers of the labels, \[0, 1, 2\]"):
        net.partial_fit(X, blocks(SEVERAL, A_THIRD), classes=classes)
    assert not hasattr(net, "classes_")
    net.partial_fit(X, blocks(SEVERAL, A_THIRD), classes=range(3))


@pytest.mark.parametrize(
    ("first", "other"),
    [(SEVERAL, SORTED), (SEVERAL, SEVERAL[:, :2]), (SORTED, SEVERAL)],
    ids=["several, one", "several, fewer", "one, several"],
)
def test_labels_of_another_kind_are_refused_and_change_nothing(client, first, other):
    X, good, bad = (blocks(each, A_THIRD) for each in (draw()[0], first, other))
    net = small(DaskGDNeuralClassifier, warm_start=True).fit(X, good)
    before = {name: joblib.hash(value) for name, value in vars(net).items()}
    words = "y must be of the kind that the network was fitted to"
    for train in (net.partial_fit, net.fit):
        with pytest.raises(ValueError, match=f"Partition [012]: {words}"):
            train(X, bad)
        with pytest.raises(ValueError, match=f"X_val and y_val: .*{words}"):
            train(X, good, X_val=X, y_val=bad)
    assert {name: joblib.hash(value) for name, value in vars(net).items()} == before


def in_the_second(value, others):
    """Values of which the second partition has another one."""
    values = np.array(others, dtype=object)
    values[100] = value
    return values


BAD_LABELS = {
    "None": (in_the_second(None, LABELS[SORTED]), "y contains missing values"),
    "nan": (in_the_second(np.nan, LABELS[SORTED]), "y contains missing values"),
    "not whole": (
        in_the_second(0.5, SORTED).astype(float),
        "Unknown label type: continuous.* such as 0.5",
    ),
    "mixed": (
        in_the_second(1, LABELS[SORTED]),
        r"Unknown label type: unknown.* int and str .*astype\(str\)",
    ),
    "columns": (
        np.column_stack([SORTED, SORTED]),
        "Unknown label type: multiclass-multioutput.*MultiOutputClassifier",
    ),
    "signs": (np.where(SEVERAL == 1, 1, -1), "Unknown label type"),
}


@pytest.mark.parametrize("kind", BAD_LABELS)
def test_what_is_no_label_names_its_partition_with_a_remedy(client, kind):
    y, words = BAD_LABELS[kind]
    X, good = blocks(draw()[0], A_THIRD), blocks(SORTED, A_THIRD)
    net = small(DaskGDNeuralClassifier)
    with pytest.raises(ValueError, match=rf"^Partition \d: .*{words}"):
        net.fit(X, blocks(y, A_THIRD))
    with pytest.raises(ValueError, match=rf"^X_val and y_val: Partition \d: .*{words}"):
        net.fit(X, good, X_val=X, y_val=blocks(y, A_THIRD))
    assert not hasattr(net, "classes_")


@pytest.mark.parametrize("dtype", ["Int64", "boolean", "string", "category"])
def test_missing_labels_in_columns_name_their_partition(client, dtype):
    y = pd.Series(in_the_second(None, SORTED % 2))
    y = y.astype({"string": "string", "category": "category"}.get(dtype, dtype))
    net = small(DaskGDNeuralClassifier)
    with pytest.raises(ValueError, match=r"^Partition 0: y contains missing values"):
        net.fit(frames(draw()[1]), dd.from_pandas(y, npartitions=2))


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series(SORTED, dtype="Int64"),
        pd.Series(SORTED > 0),
        pd.Series(SORTED > 0, dtype="boolean"),
        pd.Series(LABELS[SORTED]),
        pd.Series(LABELS[SORTED], dtype="category"),
        pd.Series(SORTED.astype(float)),
    ],
    ids=lambda labels: str(labels.dtype),
)
def test_labels_of_every_usual_type_are_trained_on_in_silence(client, labels):
    X, y = frames(draw()[1]), dd.from_pandas(labels, npartitions=2)
    net = small(DaskGDNeuralClassifier, early_stopping=True)
    net.fit(X, y, X_val=X, y_val=y).partial_fit(X, y, X_val=X, y_val=y)
    assert set(net.predict(X).compute()) <= set(labels)


@pytest.mark.parametrize("kind", ["collection", "local"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_batch_size_that_sgd_does_not_read_is_warned_of_here(client, method, kind):
    """And not in the log of a worker, which nobody reads."""
    X, y = draw()
    if kind == "collection":
        X, y = blocks(X, A_THIRD), blocks(y, A_THIRD)
    net = small(DaskGDNeuralRegressor, solver="sgd", batch_size=7)
    with pytest.warns(UserWarning, match="batch_size=7 is not read with solver='sgd'"):
        getattr(net, method)(X, y)
