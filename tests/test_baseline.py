"""The best constant prediction of each loss, and the warning of fits that beat none."""

import os
import re
import signal
import threading
import warnings
from contextlib import suppress
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize, minimize_scalar
from scipy.sparse import csr_matrix
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgd import GDNeuralClassifier, GDNeuralRegressor
from skgd.descent.baseline import best_constants
from skgd.kernels.formulas.links import LINKS
from skgd.kernels.formulas.losses import LOSSES
from skgd.network.network import make_network
from tests import naive

SOLVERS = ["batch", "sgd", "minibatch"]
DTYPES = [np.float64, np.float32]
N = 80
# One epoch that leaves the weights as they are given.
STILL = {"learning_rate_init": 1e-300, "optimizer": "gd", "max_iter": 1}
STILL |= {"alpha": 0.0, "random_state": 0}

each_solver = pytest.mark.parametrize("solver", SOLVERS)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)
each_loss = pytest.mark.parametrize("loss", LOSSES)
is_weighted = pytest.mark.parametrize("weighted", [False, True])


def warnings_of(estimator, *args, method="fit", **kwargs):
    """Fit, and return what is said of having learned nothing."""
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        getattr(estimator, method)(*args, **kwargs)
    messages = [(w.category, str(w.message)) for w in record]
    found = [m for m in messages if "The fit has learned nothing" in m[1]]
    assert all(category is ConvergenceWarning for category, _ in found)
    return [message for _, message in found]


# The constant -------------------------------------------------------------------------


def draw(loss, n_outputs, weighted, scale=1.0):
    rng = np.random.default_rng(3)
    Y = naive.draw_targets(loss, N, n_outputs, rng) * scale
    weights = rng.uniform(0, 3, N) if weighted else np.ones(N)
    if weighted:
        weights[::5] = 0
    return Y, weights


def linear_network(n_outputs, loss, parameter=0.0):
    """One feature and no hidden layer."""
    return make_network([1, n_outputs], loss, parameter, activation=[], dropout=[])


def mean_loss(loss, Y, weights, parameter, constants):
    raw = np.broadcast_to(constants, Y.shape)
    return np.average(naive.LOSSES[loss](Y, raw, parameter), weights=weights)


def least_by_search(loss, Y, weights, parameter, scale=1.0):
    """The least loss of a constant, searched for: output by output, but for softmax."""
    if loss == "log_loss":
        return minimize(
            lambda z: mean_loss(loss, Y, weights, parameter, z), np.zeros(Y.shape[1])
        ).fun
    total = 0.0
    for y in Y.T:
        low, high = -10.0 * scale, 10.0 * scale
        total += minimize_scalar(
            lambda z, y=y: mean_loss(loss, y[:, None], weights, parameter, z),
            bounds=(low, high),
            method="bounded",
            options={"xatol": 1e-12 * scale},
        ).fun
    return total


@each_loss
@is_weighted
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_no_constant_has_a_lower_loss(loss, weighted, n_outputs):
    n_outputs = max(n_outputs, 2) if loss == "log_loss" else n_outputs
    Y, weights = draw(loss, n_outputs, weighted)
    parameter = naive.LOSS_PARAMETERS[loss]
    network = linear_network(n_outputs, loss, parameter)
    mean = np.average(Y, axis=0, weights=weights)
    constants = best_constants(network, mean, Y, weights)
    assert constants.shape == (n_outputs,)
    least = least_by_search(loss, Y, weights, parameter)
    found = mean_loss(loss, Y, weights, parameter, constants)
    assert_allclose(found, least, rtol=1e-6)
    assert found <= least * (1 + 1e-9)


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1e-3, 1e6, 1e12])
@pytest.mark.parametrize("loss", ["huber", "quantile", "absolute_error"])
def test_the_constant_does_not_depend_on_the_unit(loss, scale):
    Y, weights = draw(loss, 1, True)
    Y = np.exp(Y)  # which is skewed: mean, median and what is between them differ
    parameter = naive.LOSS_PARAMETERS[loss]
    one, other = (
        best_constants(
            linear_network(1, loss, parameter * (s if loss == "huber" else 1)),
            *(np.average(s * Y, axis=0, weights=weights), s * Y, weights),
        )
        for s in (1.0, scale)
    )
    assert_allclose(other / scale, one, rtol=1e-4)


def test_constants_at_the_ends_of_the_links_are_finite():
    for loss, mean in [
        ("poisson", [0.0, 1e300]),
        ("binary_log_loss", [0.0, 1.0]),
        ("log_loss", [0.0, 1.0]),
    ]:
        network = linear_network(2, loss)
        constants = best_constants(network, np.array(mean), None, None)
        assert np.isfinite(constants).all()
        link = LINKS[LOSSES[loss].link].value
        assert_allclose(link(constants[np.newaxis])[0], mean, rtol=1e-9, atol=1e-15)


# Exactly where it is beaten -----------------------------------------------------------

# Each loss with an estimator that has it.
REGRESSORS = {
    name: {"loss": name, "huber_delta": 0.7, "quantile": 0.3}
    for name, loss in LOSSES.items()
    if loss.of_regression
}


def make_estimator(loss, **params):
    """One without hidden layers."""
    if loss in REGRESSORS:
        return GDNeuralRegressor((), **REGRESSORS[loss], **params)
    return GDNeuralClassifier((), **params)


@cache
def make_problem(loss, weighted):
    """X of one column, y, weights, and parameters that run from a constant to a line.

    These are of the least loss, and a function gives the loss of any.
    """
    rng = np.random.default_rng(5)
    x, noise = rng.uniform(-1, 1, N), 0.3 * rng.standard_normal(N)
    weights = rng.uniform(0.5, 2, N) if weighted else None
    y = np.exp(x + noise)
    if loss == "poisson":
        y = np.round(3 * y)
    elif loss not in REGRESSORS:
        y = np.digitize(x + noise, [-0.2, 0.5] if loss == "log_loss" else [-0.2])
    Y = np.eye(3)[y] if loss == "log_loss" else y[:, np.newaxis].astype(float)
    X, n_outputs = x[:, np.newaxis], Y.shape[1]

    def of(theta):
        raw = X * theta[:n_outputs] + theta[n_outputs:]
        losses = naive.LOSSES[loss](Y, raw, naive.LOSS_PARAMETERS[loss])
        return np.average(losses, weights=weights)

    zeros = np.zeros(n_outputs)
    options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 10_000}
    search = {"method": "Nelder-Mead", "options": options}
    constant = minimize(lambda c: of(np.append(zeros, c)), zeros, **search)
    start = np.append(zeros, constant.x)
    line = minimize(of, start, method="Nelder-Mead", options={"maxiter": 10_000})
    assert line.fun < 0.9 * constant.fun

    def between(share):
        return start + share * (line.x - start)

    return X, y, weights, between, of


def layers_of(theta):
    """What `fit` takes of such parameters."""
    slopes, intercepts = theta.reshape(2, -1)
    return {"coefs_init": [slopes[np.newaxis]], "intercepts_init": [intercepts]}


@each_loss
@each_solver
@each_dtype
@is_weighted
def test_the_warning_comes_exactly_where_no_constant_is_beaten(
    loss, solver, dtype, weighted
):
    # From the best constant to the best line; a thousandth has to be gained.
    X, y, weights, between, of = make_problem(loss, weighted)
    estimator, n_warned = make_estimator(loss, solver=solver, **STILL), 0
    for share in (-0.5, 0.0, 1e-7, 0.1, 0.3, 1.0):
        theta = between(share)
        found = warnings_of(estimator, X.astype(dtype), y, weights, **layers_of(theta))
        gained = 1 - of(theta) / of(between(0))
        assert len(found) == (gained < 1e-3), share
        n_warned += len(found)
        if found:
            said = re.findall(r"loss, ([\d.]+), .* prediction, ([\d.]+),", found[0])
            expected = of(theta), of(between(0))
            assert_allclose(np.array(said[0], float), expected, rtol=1e-3)
    assert 3 <= n_warned <= 5


def fit_still(estimator, X, y, *args, coefs, intercepts, **kwargs):
    estimator.set_params(**(STILL | {"alpha": estimator.alpha}))
    given = {"coefs_init": coefs, "intercepts_init": intercepts}
    return warnings_of(estimator, X, y, *args, **given, **kwargs)


def centred(n=N):
    x = np.linspace(-1, 1, n)
    return x[:, np.newaxis], x


@each_solver
def test_weights_decide_what_is_learned(solver):
    # y is x in the first half, and -x in the second.
    X, y = centred()
    first = np.arange(N) % 2 == 0
    y = np.where(first, y, -y)
    line = {"coefs": [[[1.0]]], "intercepts": [[0.0]]}
    regressor = GDNeuralRegressor((), solver=solver)
    assert fit_still(regressor, X, y, **line)
    assert not fit_still(regressor, X, y, np.where(first, 1.0, 0.1), **line)
    assert fit_still(regressor, X, y, np.where(first, 0.1, 1.0), **line)
    assert not fit_still(regressor, X, y, np.where(first, 1.0, 0.0), **line)


@each_solver
@pytest.mark.parametrize("class_weight", [{0: 1.0, 1: 9.0}, "balanced"])
def test_class_weights_move_the_constant(solver, class_weight):
    X, x = centred()
    y = (x > 0.8).astype(int)  # a tenth
    share = y.mean()
    odds = share / (1 - share) * (9 if class_weight != "balanced" else 1 / share - 1)
    classifier = GDNeuralClassifier((), solver=solver, class_weight=class_weight)
    for constant, slope in [(np.log(odds), 0.0), (np.log(share), 0.0)]:
        flat = {"coefs": [[[slope]]], "intercepts": [[constant]]}
        assert fit_still(classifier, X, y, **flat)
    line = {"coefs": [[[5.0]]], "intercepts": [[-3.0 + np.log(odds)]]}
    assert not fit_still(classifier, X, y, **line)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_smoothed_labels_have_a_constant_of_their_own(n_classes):
    X, x = centred(90)
    y = np.digitize(x, np.linspace(-1, 1, n_classes + 1)[1:-1])
    zeros = np.zeros((1, 1 if n_classes == 2 else n_classes))
    classifier = GDNeuralClassifier((), label_smoothing=0.3)
    assert fit_still(classifier, X, y, coefs=[zeros], intercepts=[zeros[0]])
    slopes = np.array([[2.0]]) if n_classes == 2 else np.array([[-2.0, 0, 2.0]])
    assert not fit_still(classifier, X, y, coefs=[slopes], intercepts=[zeros[0]])
    far = 100 * slopes  # right, and far too sure for smoothed labels
    assert fit_still(classifier, X, y, coefs=[far], intercepts=[zeros[0]])


def test_early_stopping_asks_about_the_rows_that_are_trained_on():
    X, x = centred()
    options = {"early_stopping": True, "shuffle": False, "validation_fraction": 0.5}
    X, x = np.vstack([X, X]), np.append(x, x)  # the second half is held out
    first = np.arange(2 * N) < N
    regressor = GDNeuralRegressor((), **options)
    line = {"coefs": [[[1.0]]], "intercepts": [[0.0]]}
    assert not fit_still(regressor, X, np.where(first, x, -3 * x), **line)
    assert fit_still(regressor, X, np.where(first, -x, 3 * x), **line)


def test_early_stopping_asks_about_the_weights_that_are_restored():
    # The first epoch is the best one, and far too long steps follow.
    X, y = centred()
    regressor = GDNeuralRegressor(
        *((),),
        **{"optimizer": "gd", "solver": "batch", "early_stopping": True, "alpha": 0.0},
        **{"learning_rate_init": 0.1, "tol": 0.0, "max_iter": 4, "random_state": 0},
        learning_rate=lambda progress: np.where(progress < 0.3, 1.0, 1e5),
    )
    start = {"coefs_init": [[[0.5]]], "intercepts_init": [[0.0]]}
    assert not warnings_of(regressor, X, y, **start)
    assert regressor.loss_curve_[-1] > 1e3
    assert regressor.score(X, y) > 0.5


def test_dropout_is_left_out_of_the_question():
    X, y = centred()
    regressor = GDNeuralRegressor((4,), "identity", dropout=0.9)
    coefs = [np.full((1, 4), 0.5), np.full((4, 1), 0.5)]
    given = {"coefs": coefs, "intercepts": [np.zeros(4), np.zeros(1)]}
    assert not fit_still(regressor, X, y, **given)
    assert regressor.loss_ > y.var() / 2  # with dropout it is worse than a constant
    given["coefs"] = [np.zeros((1, 4)), coefs[1]]
    assert fit_still(regressor, X, y, **given)


@each_solver
def test_the_penalty_is_left_out_of_the_question(solver):
    X, y = centred()
    regressor = GDNeuralRegressor((), alpha=1e4, solver=solver)
    line = {"coefs": [[[1.0]]], "intercepts": [[0.0]]}
    assert not fit_still(regressor, X, y, **line)
    assert regressor.loss_ > y.var()


# What is said -------------------------------------------------------------------------


def test_targets_that_are_not_scaled_are_named_with_what_scales_them():
    X, y = load_diabetes(return_X_y=True)
    net = GDNeuralRegressor(random_state=0)
    (message,) = warnings_of(net, X, y)
    assert "mean 152 and standard deviation 77" in message
    assert "TransformedTargetRegressor(regressor=..., transformer=Stan" in message
    assert f"{y.var() / 2:.6g}" in message
    assert f"{np.mean((y - net.predict(X)) ** 2) / 2:.6g}" in message
    remedy = TransformedTargetRegressor(regressor=net, transformer=StandardScaler())
    assert not warnings_of(remedy, X, y)
    assert remedy.score(X, y) > 0.5


def test_counts_that_are_not_scaled_are_to_be_divided():
    X, x = centred()
    net = GDNeuralRegressor((5,), loss="poisson", max_iter=5, random_state=0)
    (message,) = warnings_of(net, X, np.round(1000 * np.exp(x)))
    assert "divide them by their mean" in message


def test_features_that_are_not_scaled_are_named():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 5)) + 1e6
    y = X[:, 0] - 1e6 + 0.1 * rng.standard_normal(300)
    net = GDNeuralRegressor(random_state=0)
    (message,) = warnings_of(net, X, y)
    assert "StandardScaler" in message
    assert "TransformedTargetRegressor" not in message
    assert not warnings_of(make_pipeline(StandardScaler(), net), X, y)


@pytest.mark.parametrize("sizes", [(20, 20), (20, 20, 20, 20)])
def test_a_saturated_network_is_told_of(sizes):
    # Its loss stands still from the beginning, so it stops after a few epochs.
    X = np.random.default_rng(42).uniform(size=(200, 2))
    y = X[:, 0] > X[:, 1]
    net = GDNeuralClassifier(sizes, activation="logistic", random_state=42)
    (message,) = warnings_of(net, X, y)
    assert net.n_iter_ < 200
    assert net.score(X, y) < 0.6
    assert "raise learning_rate_init or n_iter_no_change" in message
    net.set_params(n_iter_no_change=100, learning_rate_init=0.02, max_iter=400)
    assert not warnings_of(net, X, y)
    assert net.score(X, y) > 0.9


def test_a_penalty_that_is_too_strong_leaves_a_constant():
    X, y = centred()
    net = GDNeuralRegressor((5,), alpha=1e5, random_state=0)
    assert len(warnings_of(net, X, y)) == 1


# Where it does not come ---------------------------------------------------------------


@each_solver
@each_loss
@pytest.mark.parametrize("storage", [np.asarray, csr_matrix])
def test_fits_that_learn_are_left_alone(solver, loss, storage):
    X, y, weights, *_ = make_problem(loss, True)
    options = {"solver": solver, "max_iter": 150, "learning_rate_init": 0.03}
    estimator = make_estimator(loss, **options, random_state=0)
    estimator.set_params(hidden_layer_sizes=(10,))
    assert not warnings_of(estimator, storage(X), y, weights)
    assert estimator.score(X, y) > 0.2


@each_solver
@each_dtype
@is_weighted
@pytest.mark.parametrize("n", [50, 100_000])
@pytest.mark.parametrize("value", [0.0, 0.1, -1e5 / 3], ids=str)
def test_targets_that_are_all_equal_leave_nothing_to_learn(
    solver, dtype, weighted, n, value
):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 2)).astype(dtype)
    weights = rng.uniform(0.1, 3, n) if weighted else None
    regressor = GDNeuralRegressor((2,), solver=solver, batch_size=n, max_iter=1)
    for y in (np.full(n, value, dtype), np.full((n, 2), [value, 1 / 3], dtype)):
        assert not warnings_of(regressor, X, y, weights)


@each_solver
def test_a_single_class_leaves_nothing_to_learn(solver):
    X, _ = centred()
    classifier = GDNeuralClassifier((3,), solver=solver, max_iter=1)
    for y in (np.ones(N, int), np.full(N, "ant"), np.ones((N, 2), int)):
        assert not warnings_of(classifier, X, y)
    y = np.arange(N) % 2  # and one class without weight
    assert not warnings_of(classifier, X, y, (y == 0).astype(float))
    assert not warnings_of(classifier.set_params(class_weight={0: 0.0}), X, y)


def hopeless(Estimator=GDNeuralRegressor, **params):
    """An estimator and data on which a short fit learns nothing."""
    X, x = centred()
    params = {"learning_rate_init": 1e-9, "random_state": 0} | params
    y = 100 + x if Estimator is GDNeuralRegressor else np.arange(N) % 2
    estimator = Estimator((3,), **params)
    assert len(warnings_of(estimator.set_params(max_iter=2), X, y)) == 1
    return estimator.set_params(max_iter=200), X, y


@each_solver
@pytest.mark.parametrize("Estimator", [GDNeuralRegressor, GDNeuralClassifier])
def test_partial_fit_may_have_just_begun(solver, Estimator):
    estimator, X, y = hopeless(Estimator, solver=solver, shuffle=False)
    for _ in range(3):
        assert not warnings_of(estimator, X, y, method="partial_fit")


@pytest.mark.faults
def test_fits_that_were_stopped_are_left_alone():
    estimator, X, y = hopeless()
    n_calls = []

    def interrupted(estimator, X, y):
        n_calls.append(estimator)
        if len(n_calls) % 3 == 0:
            raise KeyboardInterrupt
        return 0.0

    estimator.set_params(scoring=interrupted, tol=0.0, n_iter_no_change=np.inf)
    assert not warnings_of(estimator, X, y, X_val=X, y_val=y)
    assert estimator.n_iter_ == 3
    estimator.set_params(early_stopping=True)
    assert not warnings_of(estimator, X, y, X_val=X, y_val=y)


def test_fits_that_a_callback_stops_are_left_alone():
    pytest.importorskip("sklearn.callback")

    class StopAt:
        def __init__(self, n):
            self.n = n

        def setup(self, estimator, context):
            pass

        teardown = on_fit_task_begin = setup

        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            return fitted_estimator.n_iter_ >= self.n

    estimator, X, y = hopeless(tol=0.0, n_iter_no_change=np.inf)
    assert not warnings_of(estimator.set_callbacks(StopAt(2)), X, y)
    assert estimator.n_iter_ == 2
    assert warnings_of(estimator.set_callbacks(StopAt(1000)), X, y)


# On Dask ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


def chunked(*arrays, n=30):
    import dask.array as da

    return [da.from_array(a, chunks=(n, *a.shape[1:])) for a in arrays]


@pytest.mark.parametrize("solver", SOLVERS)
def test_dask_says_the_same(client, solver):
    from skgd.dask import DaskGDNeuralClassifier, DaskGDNeuralRegressor

    for loss in ("squared_error", "quantile", "log_loss"):
        X, y, weights, between, _ = make_problem(loss, True)
        Dask = DaskGDNeuralRegressor if loss in REGRESSORS else DaskGDNeuralClassifier
        local = make_estimator(loss, solver=solver, **STILL)
        options, data = local.get_params(), chunked(X, y, weights)
        for share in (-0.5, 0.0, 1.0):
            layers = layers_of(between(share))
            there = warnings_of(Dask(**options), *data, **layers)
            here = warnings_of(local, X, y, weights, **layers)
            assert len(there) == len(here) == (share <= 0)
            for one, other in zip(there, here, strict=True):
                assert one.split("best constant")[0] == other.split("best constant")[0]
    estimator = Dask(**options | {"max_iter": 1})
    assert not warnings_of(estimator, *chunked(X, np.ones(N, int)))  # one class
    y = (X[:, 0] > 0).astype(int)
    classes = {"classes": [0, 1], "method": "partial_fit"}
    assert not warnings_of(Dask(**options), *chunked(X, y), **classes)


@pytest.mark.faults
def test_a_cluster_that_fails_by_then_does_not_lose_the_fit(client, monkeypatch):
    from skgd.dask import DaskGDNeuralRegressor, _baseline
    from skgd.dask._cluster import ClusterError

    def failing(*_):
        raise ClusterError("Failed.")

    X, y = centred()
    net = DaskGDNeuralRegressor((), max_iter=2, random_state=0)
    monkeypatch.setattr(_baseline, "moments_of_all", failing)
    # Whether it is told of or not, the weights are there.
    with suppress(ClusterError):
        warnings_of(net, *chunked(X, y))
    assert net.n_iter_ == 2


@pytest.mark.faults
def test_ctrl_c_ends_the_wait_for_the_question(client, monkeypatch):
    from distributed import Event

    from skgd.dask import DaskGDNeuralRegressor
    from skgd.dask._baseline import moments_of
    from skgd.dask._data import Parts

    map_parts, is_over = Parts.map, Event(client=client)
    name = is_over.name

    def wait(part):
        return Event(name).wait("5s")

    def map_and_press(parts, function, *arguments):
        if function is not moments_of:
            return map_parts(parts, function, *arguments)
        threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT]).start()
        map_parts(parts, wait)
        raise AssertionError("the wait has ended with the tasks")

    monkeypatch.setattr(Parts, "map", map_and_press)
    X, y = centred()
    net = DaskGDNeuralRegressor((), max_iter=2, random_state=0)
    with pytest.raises(KeyboardInterrupt):
        warnings_of(net, *chunked(X, y))
    is_over.set()
    assert net.n_iter_ == 2
