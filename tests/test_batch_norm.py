"""Batch normalisation: PyTorch's formulas, and all that a network does with them."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.estimator_checks import estimator_checks_generator

from skgd import GDNeuralClassifier, GDNeuralRegressor
from skgd.kernels.passes.inputs import as_inputs
from skgd.network.division import divide
from skgd.network.network import make_network
from tests import naive
from tests.inside import best_theta_of, memory_of, n_steps_of, theta_of
from tests.kernels import (
    assert_trained_alike,
    expected_training,
    problem_of,
    settings,
    train,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.default_rng(0)
X = _rng.standard_normal((90, 4)) * (_rng.random((90, 4)) < 0.8)
Y = np.tanh(X[:, 0] - X[:, 1] * X[:, 2]) + 0.1 * _rng.standard_normal(90)
CODES = np.digitize(X[:, 0] - X[:, 1], [-0.5, 0.5])
TARGETS = {
    "binary": (CODES > 0).astype(int),
    "multiclass": CODES,
    "multilabel": np.stack([CODES > 0, CODES > 1, X[:, 2] > 0], axis=1).astype(int),
}

RUNNING = ("batch_norm_means_", "batch_norm_variances_")
LEARNED = ("batch_norm_scales_", "batch_norm_shifts_")
ARRAYS = ("coefs_", "intercepts_", *LEARNED, *RUNNING)


def make(Estimator=GDNeuralRegressor, **params):
    """A network with two hidden layers that are normalised."""
    usual = {"hidden_layer_sizes": (6, 5), "batch_norm": True, "batch_size": 20}
    usual |= {"max_iter": 6, "learning_rate_init": 0.02, "random_state": 0}
    return Estimator(**usual | params)


def arrays_of(net):
    """All parameters, running statistics included, in one vector."""
    return np.concatenate([a.ravel() for name in ARRAYS for a in getattr(net, name)])


def running_of(net):
    return np.concatenate([a for name in RUNNING for a in getattr(net, name)])


def assert_same(a, b):
    assert_array_equal(arrays_of(a), arrays_of(b), strict=True)
    assert a.loss_curve_ == b.loss_curve_


def assert_close(a, b, rtol=1e-9):
    assert_allclose(arrays_of(a), arrays_of(b), rtol=rtol, atol=rtol)
    assert_allclose(a.loss_curve_, b.loss_curve_, rtol=rtol)


# The formulas -------------------------------------------------------------------------


def in_torch(net, X, y, size, rate, n_epochs):
    """Train the same network in PyTorch, by plain descent; it, and the losses."""
    torch = pytest.importorskip("torch")
    layers = []
    for coefs, intercepts in zip(net.coefs_, net.intercepts_, strict=True):
        linear = torch.nn.Linear(*coefs.shape).double()
        with torch.no_grad():
            linear.weight[:] = torch.tensor(coefs.T.copy())
            linear.bias[:] = torch.tensor(intercepts.copy())
        norm = torch.nn.BatchNorm1d(coefs.shape[1], eps=1e-5, momentum=0.1).double()
        layers += [linear, norm, torch.nn.Tanh()]
    model = torch.nn.Sequential(*layers[:-2])
    descent = torch.optim.SGD(model.parameters(), lr=rate)
    X, y, losses = torch.tensor(X), torch.tensor(y).reshape(-1, 1), []
    for _ in range(n_epochs):
        total = 0.0
        for start in range(0, len(X), size):
            some = slice(start, start + size)
            loss = 0.5 * ((model(X[some]) - y[some]) ** 2).mean()
            descent.zero_grad()
            loss.backward()
            descent.step()
            total += loss.item() * len(X[some])
        losses.append(total / len(X))
    return model.eval(), losses


@pytest.mark.slow  # the import of PyTorch
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("solver", ["minibatch", "batch"])
def test_it_is_the_batch_norm_of_pytorch(solver, sparse):
    torch = pytest.importorskip("torch")
    params = {"solver": solver, "activation": "tanh", "optimizer": "gd", "alpha": 0.0}
    params |= {"shuffle": False, "learning_rate_init": 0.3}
    drawn = make(max_iter=1).fit(X, Y)
    net = GDNeuralRegressor.from_layers(
        drawn.coefs_, drawn.intercepts_, batch_norm=True, batch_size=20, **params
    )
    size = 20 if solver == "minibatch" else len(X)
    model, losses = in_torch(net, X, Y, size, 0.3, n_epochs=5)
    given = csr_array(X) if sparse else X
    for _ in range(5):
        net.partial_fit(given, Y)

    assert_allclose(net.loss_curve_, losses, rtol=1e-11)
    with torch.no_grad():
        expected = model(torch.tensor(X)).numpy().ravel()
    assert_allclose(net.predict(given), expected, rtol=1e-9, atol=1e-11)
    norms = [each for each in model if isinstance(each, torch.nn.BatchNorm1d)]
    names = "weight", "bias", "running_mean", "running_var"
    for i, norm in enumerate(norms):
        for ours, theirs in zip((*LEARNED, *RUNNING), names, strict=True):
            array = getattr(norm, theirs).detach().numpy()
            assert_allclose(getattr(net, ours)[i], array, rtol=1e-9, atol=1e-11)


# Before a normalisation the intercepts have no gradient but rounding. Adam and its kin
# make steps of that, of some 1e-8, which change nothing else.
TOLERANCE = {"rtol": 1e-7, "atol": 1e-7}


def problem(flags=(True, True), hidden=(6, 5), loss="squared_error", **options):
    activation = ["tanh", "gelu", "relu"][: len(hidden)]
    network = make_network(
        [4, *hidden, 2], loss, activation=activation, batch_norm=list(flags)
    )
    return problem_of(network, **options)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
# Each epoch trains on 15 samples; with 7 a batch, the last batch has one sample.
@pytest.mark.parametrize("batch_size", [4, 7, 15])
@pytest.mark.parametrize("parts", [(1, 1), (3, 2), (8, 1)])
def test_training_follows_the_formulas(parts, batch_size, weighted, sparse):
    case = problem(weighted=weighted, sparse=sparse)
    params = settings(batch_size=batch_size)
    actual = train(case, params, parts=parts)
    assert_trained_alike(actual, expected_training(case, params), **TOLERANCE)


@pytest.mark.parametrize("flags", [(True, False, False), (False, True, True)])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_so_it_does_for_some_of_the_layers_only(flags, loss):
    case = problem(flags, (6, 5, 4), loss)
    actual = train(case, settings(), parts=(2, 3))
    assert_trained_alike(actual, expected_training(case, settings()), **TOLERANCE)


@pytest.mark.parametrize("optimizer", ["gd", "nesterov", "nadam"])
def test_so_it_does_with_clipping_and_decay(optimizer):
    case = problem()
    params = settings(optimizer, max_grad_norm=0.3, weight_decay=0.2)
    actual = train(case, params, parts=(3, 2))
    assert_trained_alike(actual, expected_training(case, params), **TOLERANCE)


@pytest.mark.parametrize("sparse", [False, True])
def test_predictions_take_the_running_statistics(sparse):
    net = make(activation="tanh").fit(X, Y)
    values = X
    for i in range(2):
        z = values @ net.coefs_[i] + net.intercepts_[i]
        mean, variance = net.batch_norm_means_[i], net.batch_norm_variances_[i]
        z = (z - mean) / np.sqrt(variance + 1e-5)
        values = np.tanh(z * net.batch_norm_scales_[i] + net.batch_norm_shifts_[i])
        found = net.hidden_activations(csr_array(X) if sparse else X, layer=i)
        assert_allclose(found, values, rtol=1e-10, atol=1e-13)
    expected = (values @ net.coefs_[2] + net.intercepts_[2]).ravel()
    assert_allclose(net.predict(csr_array(X) if sparse else X), expected, rtol=1e-10)
    # A sample's prediction does not depend on its company.
    one_by_one = [net.predict(x[np.newaxis])[0] for x in X[:10]]
    assert_allclose(one_by_one, expected[:10], rtol=1e-10)


def test_a_hidden_layer_may_have_one_unit():
    case = problem(hidden=(1, 3))
    params = settings()
    actual = train(case, params, parts=(2, 1))
    assert_trained_alike(actual, expected_training(case, params), **TOLERANCE)
    net = make(hidden_layer_sizes=(1, 1)).fit(X, Y)
    assert net.batch_norm_means_[1].shape == (1,)
    assert np.isfinite(net.predict(X)).all()


def test_a_unit_whose_inputs_do_not_vary_stays_finite():
    net = make(max_iter=3, hidden_layer_sizes=(6,)).fit(np.zeros((90, 4)), Y)
    assert np.isfinite(arrays_of(net)).all()
    # Each of the 15 steps keeps nine tenths of a variance of 1.
    assert_allclose(net.batch_norm_variances_[0], 0.9**15)


def test_large_means_lose_no_digits():
    # Sums of squares would: their sixteen digits are gone at 1e8.
    net = make(max_iter=1, solver="batch", hidden_layer_sizes=(6,), alpha=0.0)
    far = clone(net).fit(X + 1e6, Y)
    assert_allclose(far.loss_curve_, net.fit(X, Y).loss_curve_, rtol=1e-8)


# Threads ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("sparse", [False, True])
def test_any_number_of_threads_gives_the_same_bits(sparse, dtype):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((1210, 30)).astype(dtype)
    y = np.sin(X[:, 0]).astype(dtype)
    X = csr_array(X * (X > 0)) if sparse else X
    w = rng.uniform(0.5, 2, 1210)
    params = {"hidden_layer_sizes": (120, 80), "batch_size": 500, "max_iter": 2}
    nets = [make(n_jobs=n, dropout=0.2, **params).fit(X, y, w) for n in (1, 2, 3)]
    n_parts, _, _ = divide(nets[0]._network, as_inputs(X), 500)
    assert n_parts > 1
    for net in nets[1:]:
        assert_same(net, nets[0])
        assert_array_equal(net.predict(X), nets[0].predict(X))


# Weights ------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["minibatch", "batch"])
@pytest.mark.parametrize("scale", [1e-200, 1e-3, 7.0, 1e200])
def test_equal_weights_of_any_scale_are_none(solver, scale):
    # With the penalty, which is not scaled with them, they are more or fewer samples.
    net = make(solver=solver, alpha=0.0, optimizer="nesterov")
    weighted = clone(net).fit(X, Y, np.full(len(X), scale))
    assert_close(weighted, net.fit(X, Y))


@pytest.mark.parametrize("far", [1.0, 1e160, 1e300])
@pytest.mark.parametrize("solver", ["minibatch", "batch"])
def test_a_sample_without_weight_might_as_well_not_be_there(solver, far):
    # Three samples are added to the end of a batch that has room for them.
    more = np.concatenate([X, np.full((3, 4), far)]), np.append(Y, [5.0, -5.0, 0.0])
    w = np.append(np.ones(90), np.zeros(3))
    net = make(solver=solver, shuffle=False, optimizer="nesterov")
    weighted = clone(net).fit(*more, w)
    assert_allclose(arrays_of(weighted), arrays_of(net.fit(X, Y)), rtol=1e-10)


def test_integer_weights_are_repetitions_in_the_training_loss():
    w = np.random.default_rng(1).integers(0, 4, 90)
    net = make(solver="batch", max_iter=8)
    weighted = clone(net).fit(X, Y, w)
    repeated = net.fit(np.repeat(X, w, axis=0), np.repeat(Y, w))
    assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-9)
    for name in ("coefs_", "intercepts_", *LEARNED, "batch_norm_means_"):
        pairs = zip(getattr(weighted, name), getattr(repeated, name), strict=True)
        for a, b in pairs:
            assert_allclose(a, b, rtol=1e-7, atol=1e-9)


def test_the_running_variance_is_the_unbiased_one_of_the_weights():
    w = np.random.default_rng(1).uniform(0, 3, 90)
    net = make(solver="batch", max_iter=1, hidden_layer_sizes=(6,)).fit(X, Y, w)
    # The first weights are those of a network that does not move.
    first = clone(net).set_params(learning_rate_init=1e-300).fit(X, Y)
    z = X @ first.coefs_[0] + first.intercepts_[0]
    expected = np.cov(z.T, aweights=w).diagonal()
    found = net.batch_norm_variances_[0]
    assert_allclose(found, 0.9 + 0.1 * expected, rtol=1e-10)


@pytest.mark.parametrize("weight", [None, 0.1, 3.155099802133752, 3.653940296573571])
def test_a_last_batch_of_one_sample_leaves_the_running_statistics(weight):
    # For the last two, rounding makes w - w * w / w more than 0.
    X41, y41 = X[:41], Y[:41]
    w = None if weight is None else np.append(np.ones(40), weight)
    net = make(batch_size=40, shuffle=False, max_iter=1)
    alone = clone(net).fit(X41, y41, w)
    without = clone(net).fit(X41[:40], y41[:40])
    assert_allclose(running_of(alone), running_of(without), rtol=1e-12)
    assert n_steps_of(alone) == 2
    assert np.isfinite(arrays_of(alone)).all()


def test_so_does_a_batch_of_which_one_sample_has_weight():
    for weight in (0.1, 1.0, 3.155099802133752, 3.653940296573571):
        w = np.append(np.ones(40), [weight, 0.0, 0.0])
        net = make(batch_size=40, shuffle=False, max_iter=1)
        alone = clone(net).fit(X[:43], Y[:43], w)
        without = net.fit(X[:40], Y[:40])
        assert_allclose(running_of(alone), running_of(without), rtol=1e-12)


def test_a_batch_without_weight_is_passed_over():
    w = np.append(np.zeros(20), np.ones(70))
    net = make(shuffle=False)
    assert_same(clone(net).fit(X, Y, w), net.fit(X[20:], Y[20:], np.ones(70)))


# Precision ----------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["minibatch", "batch"])
def test_float32_is_near_float64(solver):
    net = make(solver=solver, optimizer="nesterov")
    single = clone(net).fit(X.astype(np.float32), Y.astype(np.float32))
    assert all(a.dtype == np.float32 for name in ARRAYS for a in getattr(single, name))
    assert_close(single, net.fit(X, Y), rtol=1e-3)
    assert_allclose(single.predict(X.astype(np.float32)), net.predict(X), atol=1e-3)


# Calls that go on ---------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["minibatch", "batch"])
def test_calls_of_partial_fit_are_the_epochs_of_fit(solver):
    net = make(solver=solver, shuffle=False)
    by_calls = clone(net)
    for _ in range(6):
        by_calls.partial_fit(X, Y)
    assert_same(by_calls, net.fit(X, Y))
    assert_array_equal(memory_of(by_calls), memory_of(net))


def test_a_warm_start_goes_on_with_the_running_statistics():
    net = make(warm_start=True, max_iter=1, optimizer="gd", shuffle=False)
    twice = clone(net).fit(X, Y).fit(X, Y)
    whole = make(max_iter=2, optimizer="gd", shuffle=False).fit(X, Y)
    assert_array_equal(arrays_of(twice), arrays_of(whole))


@pytest.mark.parametrize(
    ("before", "after"),
    [(True, False), (False, True), ([True, False], [False, True])],
    ids=str,
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_warm_start_with_other_layers_is_refused(method, before, after):
    net = make(hidden_layer_sizes=(5, 5), batch_norm=before, warm_start=True).fit(X, Y)
    if before is not False:
        was = arrays_of(net)
    net.set_params(batch_norm=after)
    with pytest.raises(ValueError, match=r"Set batch_norm as .*warm_start=False"):
        getattr(net, method)(X, Y)
    if before is not False:
        assert_array_equal(arrays_of(net), was)
    net.set_params(batch_norm=before).fit(X, Y)


def test_early_stopping_restores_the_running_statistics_of_the_best_epoch():
    params = {"early_stopping": True, "n_iter_no_change": 3, "tol": 0.0}
    net = make(learning_rate_init=0.3, max_iter=60, **params).fit(X, Y)
    best = int(np.argmax(net.validation_scores_))
    assert best + 1 < net.n_iter_ < 60
    short = clone(net).set_params(max_iter=best + 1).fit(X, Y)
    assert_array_equal(arrays_of(net), arrays_of(short))
    assert best_theta_of(net).size == arrays_of(net).size


class PowerCut(Exception):
    pass


class CutAfter:
    """Ends a fit after so many epochs."""

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def setup(self, estimator, context):
        self.n_left = self.n_epochs

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.n_left -= context.task_name == "epoch"
        if self.n_left == 0 and context.task_name == "epoch":
            raise PowerCut


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("n_epochs", [1, 3])
def test_a_checkpoint_goes_on_to_the_same_bits(n_epochs, early_stopping, tmp_path):
    pytest.importorskip("sklearn.callback")
    from skgd.callbacks import Checkpoint, load_checkpoint

    net = make(warm_start=True, early_stopping=early_stopping, dropout=0.1)
    whole, path = clone(net).fit(X, Y), tmp_path / "checkpoint"
    with pytest.raises(PowerCut):
        net.set_callbacks(Checkpoint(path, every=1), CutAfter(n_epochs)).fit(X, Y)
    loaded = load_checkpoint(path).set_callbacks()
    assert loaded.n_iter_ == n_epochs
    assert_same(loaded.fit(X, Y), whole)
    assert_array_equal(memory_of(loaded), memory_of(whole))


# Saved --------------------------------------------------------------------------------


def test_it_is_pickled_and_trains_on():
    net = make(batch_norm=[True, False]).fit(X, Y)
    loaded = pickle.loads(pickle.dumps(net))
    assert_same(loaded, net)
    assert_array_equal(loaded.predict(X), net.predict(X))
    assert_same(loaded.partial_fit(X, Y), net.partial_fit(X, Y))


def test_it_is_cloned_without_what_was_learned():
    net = make(batch_norm=[True, False]).fit(X, Y)
    copy = clone(net)
    assert copy.batch_norm == [True, False]
    assert not hasattr(copy, "batch_norm_means_")
    assert_same(copy.fit(X, Y), net)


def test_it_is_saved_as_names_and_numbers():
    saved = make(batch_norm=[True, False]).fit(X, Y).__getstate__()
    assert saved["_network"]["layers"] == [
        {"kind": "dense", "fan_in": 4, "fan_out": 6},
        {"kind": "batch_norm", "fan_in": 6, "fan_out": 6},
        {"kind": "activation", "fan_in": 6, "fan_out": 6, "activation": "relu"},
        {"kind": "dense", "fan_in": 6, "fan_out": 5},
        {"kind": "activation", "fan_in": 5, "fan_out": 5, "activation": "relu"},
        {"kind": "dense", "fan_in": 5, "fan_out": 1},
    ]


def test_a_changed_running_statistic_is_noticed():
    saved = make().fit(X, Y).__getstate__()
    theta = saved["_state"]["theta"].copy()
    n_dense = 4 * 6 + 6
    theta[n_dense + 2 * 6] += 1e-9  # the first running mean
    saved["_state"] = saved["_state"] | {"theta": theta}
    with pytest.raises(ValueError, match="checksum"):
        GDNeuralRegressor.__new__(GDNeuralRegressor).__setstate__(saved)


def test_skops_saves_it():
    io = pytest.importorskip("skops.io")
    net = make().fit(X, Y)
    data = io.dumps(net)
    loaded = io.loads(data, trusted=io.get_untrusted_types(data=data))
    assert_same(loaded, net)


# Refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize("Estimator", [GDNeuralRegressor, GDNeuralClassifier])
@pytest.mark.parametrize(
    ("params", "what"),
    [({"solver": "sgd", "batch_size": "auto"}, "solver='sgd'"), ({}, "batch_size=1")],
)
def test_steps_from_single_samples_are_refused(Estimator, params, what):
    net = make(Estimator, **{"batch_size": 1} | params)
    with pytest.raises(
        ValueError, match=rf"batch_norm=True .*{what}.* Set solver="
    ) as e:
        net.fit(X, CODES)
    assert "batch_size of 2 or more" in str(e.value)
    assert not hasattr(net, "n_iter_")
    net.set_params(batch_norm=False, max_iter=1).fit(X, CODES)


def test_one_sample_is_refused():
    with pytest.raises(ValueError, match=r"batch_norm .*one sample.*Give more"):
        make(batch_size="auto").fit(X[:1], Y[:1])
    with pytest.raises(ValueError, match=r"batch_norm .*one sample"):
        make(solver="batch").fit(X[:1], Y[:1])
    net = make(batch_size="auto").fit(X, Y)
    before = arrays_of(net)
    with pytest.raises(ValueError, match=r"batch_norm .*one sample"):
        net.partial_fit(X[:1], Y[:1])
    assert_array_equal(arrays_of(net), before)


@pytest.mark.parametrize(
    ("flags", "kind", "message"),
    [
        (1, InvalidParameterError, "'batch_norm' parameter"),
        (None, InvalidParameterError, "'batch_norm' parameter"),
        ("yes", InvalidParameterError, "'batch_norm' parameter"),
        ([1, 0], ValueError, "batch_norm must be made of True and False"),
        (["True", "False"], ValueError, "batch_norm must be made of True and False"),
        ([True], ValueError, r"batch_norm must be one flag.*each of the 2 hidden"),
        ([True] * 3, ValueError, r"batch_norm must be one flag.*got 3"),
    ],
    ids=str,
)
def test_what_are_no_flags_is_refused(flags, kind, message):
    with pytest.raises(kind, match=message):
        make(batch_norm=flags).fit(X, Y)


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_each_layer_may_have_its_flag(kind):
    net = make(batch_norm=kind([False, True])).fit(X, Y)
    for name in (*LEARNED, *RUNNING):
        assert [a.shape for a in getattr(net, name)] == [(5,)]
    # All without are those of a network that was never asked.
    plain = make(batch_norm=False).fit(X, Y)
    without = make(batch_norm=kind([False, False])).fit(X, Y)
    assert_array_equal(theta_of(without), theta_of(plain))
    assert without.batch_norm_means_ == []


def test_without_hidden_layers_there_is_nothing_to_normalise():
    net = make(hidden_layer_sizes=(), solver="sgd", batch_size="auto").fit(X, Y)
    plain = make(hidden_layer_sizes=(), solver="sgd", batch_size="auto")
    plain.set_params(batch_norm=False).fit(X, Y)
    assert_array_equal(theta_of(net), theta_of(plain))


def test_attributes_are_those_of_a_fitted_network():
    with pytest.raises(AttributeError, match="not fitted"):
        _ = make().batch_norm_means_


# Arrays that are assigned -------------------------------------------------------------


def test_networks_are_made_of_weights_with_first_statistics():
    of = make(batch_norm=False).fit(X, Y)
    net = GDNeuralRegressor.from_layers(of.coefs_, of.intercepts_, batch_norm=True)
    for name, value in zip((*LEARNED, *RUNNING), (1, 0, 0, 1), strict=True):
        for array, n_units in zip(getattr(net, name), (6, 5), strict=True):
            assert_array_equal(array, np.full(n_units, float(value)), strict=True)
    assert_allclose(net.predict(X), of.predict(X), rtol=1e-3)
    net.partial_fit(X, Y)
    assert net.batch_norm_means_[0].any()


@pytest.mark.parametrize("name", [*LEARNED, *RUNNING])
def test_assignments_write_through(name):
    net = make().fit(X, Y)
    others = {each: [a.copy() for a in getattr(net, each)] for each in ARRAYS}
    before = net.predict(X)
    setattr(net, name, [np.linspace(1, 2, 6), np.linspace(0.5, 1, 5)])
    assert_array_equal(getattr(net, name)[0], np.linspace(1, 2, 6))
    assert np.abs(net.predict(X) - before).max() > 1e-3
    getattr(net, name)[1] = np.full(5, 0.25)
    getattr(net, name)[0][:2] = 3.0
    assert_array_equal(getattr(net, name)[1], np.full(5, 0.25))
    assert_array_equal(getattr(net, name)[0][:2], [3.0, 3.0])
    for each in set(ARRAYS) - {name}:
        for a, b in zip(getattr(net, each), others[each], strict=True):
            assert_array_equal(a, b)
    setattr(net, name, others[name])
    assert_array_equal(net.predict(X), before)
    with pytest.raises(ValueError, match="shapes"):
        setattr(net, name, [np.ones(6), np.ones(4)])


# What acts on scales, shifts and statistics -------------------------------------------


def test_penalty_and_decay_leave_scales_and_shifts_alone():
    # With a large penalty the coefs go to 0, and the loss no longer says anything.
    params = {"optimizer": "gd", "alpha": 0.0, "max_iter": 1, "solver": "batch"}
    plain = make(**params).fit(X, Y)
    decayed = make(**params | {"weight_decay": 5.0}).fit(X, Y)
    penalised = make(**params | {"alpha": 5.0}).fit(X, Y)
    for other in (decayed, penalised):
        assert np.abs(other.coefs_[0] - plain.coefs_[0]).max() > 1e-4
        for name in ("intercepts_", *LEARNED, *RUNNING):
            pairs = zip(getattr(other, name), getattr(plain, name), strict=True)
            for a, b in pairs:
                assert_allclose(a, b, rtol=1e-13, atol=1e-15)


def test_the_loss_has_no_penalty_of_scales():
    net = make(solver="batch", alpha=0.0, max_iter=1, learning_rate_init=1e-300)
    plain = clone(net).fit(X, Y)
    penalised = net.set_params(alpha=2.0).fit(X, Y)
    squares = sum((coefs**2).sum() for coefs in plain.coefs_)
    expected = plain.loss_ + squares / len(X)
    assert_allclose(penalised.loss_, expected, rtol=1e-12)


def test_the_norm_that_is_clipped_is_that_of_scales_and_shifts_too():
    params = {"optimizer": "gd", "alpha": 0.0, "max_iter": 1, "solver": "batch"}
    still = make(**params, learning_rate_init=1e-300).fit(X, Y)
    moved = make(**params, max_grad_norm=1e-3, learning_rate_init=1.0).fit(X, Y)
    names = "coefs_", "intercepts_", *LEARNED
    step = [
        a - b
        for name in names
        for a, b in zip(getattr(moved, name), getattr(still, name), strict=True)
    ]
    norm = np.sqrt(sum((a**2).sum() for a in step))
    assert_allclose(norm, 1e-3, rtol=1e-10)
    assert_array_equal(running_of(moved), running_of(still))


@pytest.mark.parametrize("optimizer", naive.OPTIMIZERS)
def test_no_optimizer_touches_the_running_statistics(optimizer):
    params = {"optimizer": optimizer, "max_iter": 1, "solver": "batch"}
    still = make(**params, learning_rate_init=1e-300).fit(X, Y)
    moved = make(**params, learning_rate_init=0.1, weight_decay=0.1).fit(X, Y)
    if optimizer != "adadelta":  # which makes its own first steps, of about 1e-3
        assert np.abs(moved.coefs_[0] - still.coefs_[0]).max() > 1e-3
    assert_array_equal(running_of(moved), running_of(still))


def test_dropout_follows_it():
    network = make_network(
        [4, 6, 5, 2],
        "squared_error",
        activation=["tanh", "relu"],
        batch_norm=[True, True],
        dropout=[0.3, 0.2],
    )
    case = problem_of(network)
    for parts in ((1, 1), (3, 2)):
        key = (3, 7)
        actual = train(case, settings(), parts=parts, key=key)
        expected = expected_training(case, settings(), key=key)
        assert_trained_alike(actual, expected, **TOLERANCE)


# Classifiers --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("solver", ["minibatch", "batch"])
def test_classifiers_learn_with_it(solver, kind):
    labels = TARGETS[kind]
    net = make(GDNeuralClassifier, solver=solver, max_iter=80, tol=0.0).fit(X, labels)
    assert net.score(X, labels) > 0.8
    assert net.loss_ < net.loss_curve_[0] / 2
    loaded = pickle.loads(pickle.dumps(net))
    assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))


def test_class_weights_are_weights_of_its_statistics():
    labels = TARGETS["multiclass"]
    weights = {0: 0.5, 1: 2.0, 2: 0.0}
    net = make(GDNeuralClassifier, class_weight=weights).fit(X, labels)
    w = np.array([0.5, 2.0, 0.0])[labels]
    assert_same(net, make(GDNeuralClassifier).fit(X, labels, w))


# Other libraries ----------------------------------------------------------------------


def test_scikit_learn_predicts_the_same_of_folded_layers():
    net = make(max_iter=30).fit(X, Y)
    mlp = net.to_sklearn(predict_only=True)
    assert [coefs.shape for coefs in mlp.coefs_] == [(4, 6), (6, 5), (5, 1)]
    assert_allclose(mlp.predict(X), net.predict(X), rtol=1e-10, atol=1e-12)
    labels = TARGETS["multiclass"]
    classifier = make(GDNeuralClassifier, batch_norm=[False, True]).fit(X, labels)
    mlp = classifier.to_sklearn(predict_only=True)
    assert_allclose(mlp.predict_proba(X), classifier.predict_proba(X), rtol=1e-9)
    back = GDNeuralClassifier.from_sklearn(mlp)
    assert back.batch_norm is False
    assert_allclose(back.predict_proba(X), classifier.predict_proba(X), rtol=1e-9)


def test_scikit_learn_cannot_train_it():
    net = make()
    with pytest.raises(ValueError, match="batch_norm=True"):
        net.to_sklearn()
    with pytest.raises(ValueError, match=r"batch_norm=True.*predict_only=True"):
        net.fit(X, Y).to_sklearn()
    with pytest.raises(ValueError, match=r"batch_norm=False, set since the fit"):
        net.set_params(batch_norm=False).to_sklearn()


def test_scikit_learn_can_train_a_network_of_which_no_layer_has_it():
    for flags in (False, [False, False]):
        mlp = make(batch_norm=flags).to_sklearn()
        assert mlp.hidden_layer_sizes == (6, 5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1e-3, 1.0])
@pytest.mark.parametrize("kind", ["regressor", "binary", "multiclass"])
def test_onnx_predicts_the_same(kind, size, dtype):
    pytest.importorskip("skl2onnx")
    from onnxruntime import InferenceSession
    from skl2onnx import to_onnx

    import skgd.onnx  # noqa: F401

    # Small inputs make variances of the size of epsilon.
    given = size * X
    if kind == "regressor":
        net = make(max_iter=30).fit(given, Y)
        expected = net.predict(given)[:, np.newaxis]
        options = None
    else:
        net = make(GDNeuralClassifier, max_iter=30).fit(given, TARGETS[kind])
        expected = net.predict_proba(given)
        options = {"zipmap": False}
    graph = to_onnx(net, given[:1].astype(dtype), options=options)
    session = InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found = session.run(None, {session.get_inputs()[0].name: given.astype(dtype)})[-1]
    tolerance = 1e-11 if dtype == np.float64 else 1e-3
    assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


# Pictures -----------------------------------------------------------------------------


def test_the_loss_surface_is_that_of_the_whole_batch():
    from skgd._display._surface import TrainingLoss

    w = np.random.default_rng(1).uniform(0, 2, 90)
    net = make(solver="batch", max_iter=1, alpha=0.3, learning_rate_init=1e-300)
    net.fit(X, Y, w)
    before = arrays_of(net)
    surface = TrainingLoss(net, X, Y, w)
    assert_allclose(surface(net._state.theta), net.loss_, rtol=1e-10)
    # Without dropout, and with the same running statistics as before.
    dropped = clone(net).set_params(dropout=0.5).fit(X, Y, w)
    assert_allclose(TrainingLoss(dropped, X, Y, w)(net._state.theta), net.loss_)
    assert_array_equal(arrays_of(net), before)
    moved = net._state.theta.copy()
    moved[4 * 6 + 6 + 12 : 4 * 6 + 6 + 24] = 7.0  # the first running statistics
    assert_allclose(surface(moved), net.loss_, rtol=1e-10)


@pytest.mark.usefixtures("figures_that_draw")
def test_paths_are_drawn():
    pytest.importorskip("matplotlib")
    from skgd import GradientDescentPathDisplay

    params = {"hidden_layer_sizes": (3,), "max_iter": 3}
    nets = [make(solver=solver, **params) for solver in ("batch", "minibatch")]
    nets.append(make(batch_norm=False, **params))
    draw = GradientDescentPathDisplay.from_estimators
    display = draw(nets[:2], X, Y, grid_resolution=5)
    assert np.isfinite(display.loss).all()
    with pytest.raises(ValueError, match="one loss surface"):
        draw(nets, X, Y, grid_resolution=5)


# scikit-learn's checks ----------------------------------------------------------------

# A weight of two is not two samples in the running variance, which is the unbiased one
# of weights: so the checks of that equivalence are not among them.
CHECKS = {
    "check_classifiers_train",
    "check_dict_unchanged",
    "check_estimator_sparse_array",
    "check_estimators_nan_inf",
    "check_estimators_pickle",
    "check_fit1d",
    "check_fit2d_1feature",
    "check_fit2d_1sample",
    "check_fit_check_is_fitted",
    "check_fit_idempotent",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_n_features_in_after_fitting",
    "check_regressors_train",
    "check_sample_weights_not_overwritten",
    "check_sample_weights_shape",
}


def relevant_checks():
    for Estimator in (GDNeuralRegressor, GDNeuralClassifier):
        net = Estimator(hidden_layer_sizes=(10,), batch_norm=True)
        for estimator, check in estimator_checks_generator(net):
            name = check.func.__name__
            if name in CHECKS:
                label = f"{Estimator.__name__}-{name}"
                yield pytest.param(estimator, check, id=label)


@pytest.mark.parametrize(("estimator", "check"), list(relevant_checks()))
def test_scikit_learn_check(estimator, check):
    check(estimator)


# Dask ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


def blocks(array, sizes):
    import dask.array as da

    return da.from_array(array, chunks=(sizes, *((n,) for n in array.shape[1:])))


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(90,), (40, 30, 20), (1, 39, 0, 50)])
def test_batch_on_dask_is_one_process(client, sizes):
    from skgd.dask import DaskGDNeuralRegressor

    w = np.random.default_rng(1).uniform(0, 2, 90)
    w[-50:-40] = 0
    params = {"solver": "batch", "dropout": 0.2, "max_iter": 4}
    expected = make(**params).fit(X, Y, w)
    actual = make(DaskGDNeuralRegressor, **params)
    actual.fit(*(blocks(array, sizes) for array in (X, Y, w)))
    assert_close(actual, expected)
    assert_allclose(actual.predict(X), expected.predict(X), rtol=1e-8)


@pytest.mark.slow
def test_minibatch_on_dask_averages_the_running_statistics(client):
    from skgd.dask import DaskGDNeuralRegressor

    sizes, parts = (50, 40), (slice(50), slice(50, 90))
    params = {"shuffle": False, "max_iter": 1, "optimizer": "gd"}
    actual = make(DaskGDNeuralRegressor, **params)
    actual.fit(blocks(X, sizes), blocks(Y, sizes))
    copies = [arrays_of(make(**params).fit(X[part], Y[part])) for part in parts]
    expected = np.average(copies, axis=0, weights=sizes)
    assert_allclose(arrays_of(actual), expected, rtol=1e-11, atol=1e-13)


@pytest.mark.slow
def test_a_partition_of_one_sample_takes_no_step(client):
    from skgd.dask import DaskGDNeuralRegressor

    params = {"shuffle": False, "max_iter": 2, "dropout": 0.1}
    net = make(DaskGDNeuralRegressor, **params)
    net.fit(blocks(X, (1, 49, 0, 40)), blocks(Y, (1, 49, 0, 40)), n_replicas=1)
    assert np.isfinite(arrays_of(net)).all()
    # In each epoch three batches of the one partition, and two of the other.
    assert n_steps_of(net) == 2 * (3 + 2)
    with pytest.raises(ValueError, match=r"batch_norm .*one"):
        make(DaskGDNeuralRegressor).fit(blocks(X[:2], (1, 1)), blocks(Y[:2], (1, 1)))


@pytest.mark.slow
def test_one_partition_on_dask_is_one_process_to_the_bit(client):
    from skgd.dask import DaskGDNeuralClassifier

    labels = TARGETS["multiclass"]
    actual = make(DaskGDNeuralClassifier).fit(blocks(X, (90,)), blocks(labels, (90,)))
    expected = make(GDNeuralClassifier).fit(X, labels)
    assert_same(actual, expected)
    assert_same(actual.to_local(), expected)


# A warning that a test expects, and not an error, must not be hidden by the mark above.
def test_a_fit_that_has_not_converged_says_so():
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        make(max_iter=1).fit(X, Y)
