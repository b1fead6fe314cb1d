"""L-BFGS: scikit-learn's trajectory, SciPy's steps, and the records of an epoch."""

import pickle
import re
import signal
import warnings

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ParameterGrid
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skgd import Activation, GDNeuralClassifier, GDNeuralRegressor, Loss
from skgd.descent.loop import NON_FINITE
from skgd.descent.schedules import CURVES, SCHEDULES
from skgd.descent.steps import Steps
from skgd.estimators.parameters import ALLOWED_BY_LBFGS
from skgd.estimators.regressor import LOSS_NAMES
from skgd.kernels.formulas.activations import ACTIVATIONS
from tests import naive
from tests.inside import (
    assert_same_training,
    best_theta_of,
    n_steps_of,
    set_theta,
    theta_of,
)
from tests.test_parity import assert_close, describe, make_data, one_blas_thread  # noqa: F401
from tests.test_sklearn import covering

PAIRS = {GDNeuralRegressor: MLPRegressor, GDNeuralClassifier: MLPClassifier}
each_estimator = pytest.mark.parametrize("Estimator", PAIRS)
lets_it_end_early = pytest.mark.filterwarnings(
    "ignore:lbfgs failed to converge:sklearn.exceptions.ConvergenceWarning"
)

rng = np.random.default_rng(0)
X = rng.standard_normal((120, 4))
Y = np.tanh(X[:, 0] - X[:, 1] * X[:, 2]) + 0.3 * rng.standard_normal(120)
LABELS = np.array(["no", "yes"])[(Y > 0).astype(int)]
TARGETS = {GDNeuralRegressor: Y, GDNeuralClassifier: LABELS}
X_VAL = rng.standard_normal((40, 4))
Y_VAL = np.tanh(X_VAL[:, 0] - X_VAL[:, 1] * X_VAL[:, 2])
VALIDATION = {
    GDNeuralRegressor: {"X_val": X_VAL, "y_val": Y_VAL},
    GDNeuralClassifier: {
        "X_val": X_VAL,
        "y_val": np.array(["no", "yes"])[(Y_VAL > 0).astype(int)],
    },
}


def make(Estimator=GDNeuralRegressor, **params):
    usual = {"solver": "batch", "optimizer": "lbfgs", "hidden_layer_sizes": (6, 5)}
    usual |= {"activation": "tanh", "max_iter": 12, "random_state": 0}
    return Estimator(**usual | params)


def fit(estimator, *data, **validation):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(*data, **validation)


def warnings_of(estimator, *data):
    """Fit; return what was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(*data)
    return [(each.category, str(each.message)) for each in caught]


# Against scikit-learn -----------------------------------------------------------------


def make_pair(setting):
    """The estimator, and scikit-learn's with the same meaning."""
    names = {"hidden_layer_sizes", "activation", "alpha", "max_iter", "max_fun", "tol"}
    common = {name: setting[name] for name in names & setting.keys()}
    common["random_state"] = 1
    is_regression = setting["target"] in ("regression", "multioutput", "poisson")
    Estimator = GDNeuralRegressor if is_regression else GDNeuralClassifier
    if setting["target"] == "poisson":
        common["loss"] = "poisson"
    ours = Estimator(solver="batch", optimizer="lbfgs", **common)
    return ours, PAIRS[Estimator](solver="lbfgs", **common)


def data_of(setting, dtype=np.float64):
    storage, weighted = setting.get("storage", "dense"), setting.get("weighted", False)
    return make_data(setting["target"], storage, dtype, weighted)


def fit_mlp(mlp, X, y, sample_weight):
    return fit(mlp, X, y, *([] if sample_weight is None else [sample_weight]))


def assert_same_fit_as_sklearn(ours, theirs, rtol):
    assert ours.n_iter_ == theirs.n_iter_
    assert_allclose(ours.loss_, theirs.loss_, rtol=rtol)
    for name in ("coefs_", "intercepts_"):
        pairs = zip(getattr(ours, name), getattr(theirs, name), strict=True)
        for actual, expected in pairs:
            assert_close(actual, expected, rtol)


GRID = covering(
    list(
        ParameterGrid(
            {
                "target": [
                    *("regression", "poisson"),
                    *("binary", "multiclass", "multilabel"),
                ],
                "hidden_layer_sizes": [(), (20,), (8, 6)],
                "activation": ["identity", "logistic", "tanh", "relu"],
                "alpha": [0.0, 1e-4, 0.5],
                "storage": ["dense", "csr"],
                "weighted": [False, True],
            }
        )
    )
)


# Rounding of the first iteration is 1e-16; each search magnifies what was before it.
@pytest.mark.parametrize(("n_iter", "rtol"), [(1, 1e-12), (3, 1e-10), (15, 1e-5)])
@pytest.mark.parametrize("setting", GRID, ids=describe)
def test_trajectory_is_that_of_scikit_learn(setting, n_iter, rtol):
    data = data_of(setting)
    ours, theirs = make_pair(setting | {"max_iter": n_iter})
    fit(ours, *data)
    fit_mlp(theirs, *data)
    assert_same_fit_as_sklearn(ours, theirs, rtol)


@pytest.mark.parametrize("target", ["regression", "multiclass"])
def test_in_float32_it_begins_as_scikit_learn_does(target):
    """Which calculates in float64 with L-BFGS, whatever X is."""
    setting = {"target": target, "hidden_layer_sizes": (8, 6), "activation": "tanh"}
    data = data_of(setting, np.float32)
    ours, theirs = make_pair(setting | {"max_iter": 4})
    fit(ours, *data)
    fit_mlp(theirs, *data)
    assert ours.coefs_[0].dtype == ours.intercepts_[-1].dtype == np.float32
    assert ours.predict(data[0]).dtype == (
        np.float32 if target == "regression" else int
    )
    # Four steps of a sum of 90 in float32, whose resolution is 6e-8.
    assert_same_fit_as_sklearn(ours, theirs, rtol=1e-4)


ENDS = {
    "converged": {"tol": 0.01, "max_iter": 1000},
    "converged by the loss": {"tol": 0.0, "max_iter": 1000, "alpha": 10.0},
    "max_iter": {"max_iter": 7},
    "max_fun": {"max_fun": 5},
    "max_fun of one": {"max_fun": 1},
    "both": {"max_iter": 1, "max_fun": 1},
}


def hint_of(estimator):
    """Return what skgd adds, where scikit-learn names no parameter to set."""
    return f"Or increase the number of evaluations (max_fun={estimator.max_fun})."


@pytest.mark.parametrize("target", ["regression", "binary"])
@pytest.mark.parametrize("end", ENDS)
def test_it_ends_where_scikit_learn_ends_and_says_the_same(end, target):
    setting = {"target": target, "hidden_layer_sizes": (8,), "activation": "tanh"}
    X, y, _ = data_of(setting)
    pair = make_pair(setting | ENDS[end])
    ours, theirs = [warnings_of(estimator, X, y) for estimator in pair]
    expected = [
        (category, f"{text}\n{hint_of(pair[0])}" if "max_fun" in ENDS[end] else text)
        for category, text in theirs
    ]
    assert len(expected) == (not end.startswith("converged"))
    # After a step or two, skgd says besides that nothing was learned.
    assert [each for each in ours if "learned nothing" not in each[1]] == expected
    # Convergence may take a hundred iterations, over which rounding grows.
    assert_same_fit_as_sklearn(*pair, rtol=1e-5)


@each_estimator
@pytest.mark.filterwarnings("ignore:The fit has learned nothing")
def test_start_that_is_a_minimum_is_kept(Estimator):
    y = TARGETS[Estimator]
    ours = make(Estimator, tol=1e6).fit(X, y)
    params = {"hidden_layer_sizes": (6, 5), "activation": "tanh", "random_state": 0}
    theirs = PAIRS[Estimator](solver="lbfgs", tol=1e6, **params).fit(X, y)
    assert ours.n_iter_ == 0
    assert_same_fit_as_sklearn(ours, theirs, rtol=1e-12)
    assert ours.loss_curve_ == [ours.loss_]
    assert_array_equal(ours.learning_rate_curve_, [np.nan])


@each_estimator
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.filterwarnings("ignore:The fit has learned nothing")
def test_start_that_is_a_minimum_is_judged(Estimator, early_stopping):
    estimator = make(Estimator, tol=1e6, early_stopping=early_stopping)
    validation = VALIDATION[Estimator]
    estimator.fit(X, TARGETS[Estimator], **validation)
    score = estimator.score(validation["X_val"], validation["y_val"])
    assert estimator.validation_scores_ == pytest.approx([score], rel=1e-12)
    assert len(estimator.validation_loss_curve_) == 1
    if early_stopping:
        assert estimator.best_validation_score_ == estimator.validation_scores_[0]
    else:
        assert estimator.best_loss_ == estimator.loss_


def test_so_is_that_of_a_warm_start():
    """The last loss is of the data of the last fit."""
    regressor = fit(make(warm_start=True), X, Y).set_params(tol=1e6)
    fit(regressor, X, 10 * Y)
    assert regressor.n_iter_ == 0
    loss, _ = objective(regressor, X, 10 * Y)(theta_of(regressor))
    assert regressor.loss_ == pytest.approx(loss, rel=1e-12)


def test_loss_and_gradient_of_several_outputs_belong_together():
    """scikit-learn's loss is their mean, and its gradient that of their sum."""
    setting = {"target": "multioutput", "hidden_layer_sizes": (5,), "alpha": 0.1}
    X, y, _ = data_of(setting)
    ours, _ = make_pair(setting | {"activation": "tanh", "max_iter": 5000})
    ours.set_params(tol=1e-3).fit(X, y)
    loss, gradient = objective(ours, X, y)(theta_of(ours))
    assert_allclose(ours.loss_, loss, rtol=1e-12)
    assert abs(gradient).max() <= 1e-3


# Against SciPy on the reference in NumPy ----------------------------------------------


def objective(estimator, X, targets, weight=None):
    """Loss and gradient at parameters, by the reference."""
    weight = np.ones(len(X)) if weight is None else weight
    targets = targets.reshape(len(X), -1)
    network, alpha = estimator._network, estimator.alpha
    return lambda theta: naive.loss_and_gradient(
        network, theta, X, targets, weight, alpha
    )


def begin_anywhere(estimator, y):
    """Draw parameters; return them, and what `fit` is told to begin there."""
    other = fit(clone(estimator).set_params(max_iter=1), X, y)
    size = theta_of(other).size
    start = np.random.default_rng(1).uniform(-0.6, 0.6, size)
    set_theta(other, start)
    return start, {"coefs_init": other.coefs_, "intercepts_init": other.intercepts_}


def assert_steps_are_scipy_s(estimator, y, targets, weight=None, class_weight=None):
    """The iterations, the loss after each, and the parameters."""
    start, weights = begin_anywhere(estimator, y)
    fit(estimator, X, y, weight, **weights)
    if class_weight is not None:
        weight = (1 if weight is None else weight) * class_weight
    loss_and_gradient, losses = objective(estimator, X, targets, weight), []
    result = minimize(
        loss_and_gradient,
        start,
        method="L-BFGS-B",
        jac=True,
        callback=lambda theta: losses.append(loss_and_gradient(theta)[0]),
        options={"maxiter": estimator.max_iter, "gtol": estimator.tol},
    )
    assert estimator.n_iter_ == result.nit == estimator.max_iter
    assert_allclose(estimator.loss_curve_, losses, rtol=1e-8)
    assert_close(theta_of(estimator), result.x, 1e-7)


def targets_of(loss):
    names = {"poisson", "gamma"}
    return naive.draw_targets(
        loss if loss in names else "squared_error", len(X), 2, np.random.default_rng(2)
    )


@pytest.mark.parametrize("loss", sorted(LOSS_NAMES))
def test_every_loss_is_minimised_as_by_scipy(loss):
    parameter = {"huber": "huber_delta", "quantile": "quantile"}.get(loss)
    own = {} if parameter is None else {parameter: naive.LOSS_PARAMETERS[loss]}
    weight = np.linspace(0.2, 2, len(X))
    y = targets_of(loss)
    assert_steps_are_scipy_s(make(loss=loss, alpha=0.1, **own), y, y, weight)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation_is_trained_as_by_scipy(activation):
    y = targets_of("squared_error")
    assert_steps_are_scipy_s(make(activation=["tanh", activation]), y, y)


CLASSES = (Y > 0).astype(int) + (Y > 0.5)
OF_CLASSES = {
    "binary": ({}, LABELS, (Y > 0).astype(float), None),
    "multiclass": ({"alpha": 0.3}, CLASSES, np.eye(3)[CLASSES], None),
    "multilabel": (
        {},
        np.column_stack([Y > 0, X[:, 0] > 0]).astype(int),
        np.column_stack([Y > 0, X[:, 0] > 0]).astype(float),
        None,
    ),
    "label smoothing": (
        {"label_smoothing": 0.3},
        CLASSES,
        0.7 * np.eye(3)[CLASSES] + 0.1,
        None,
    ),
    "class_weight": (
        {"class_weight": {0: 1, 1: 5, 2: 0.5}},
        CLASSES,
        np.eye(3)[CLASSES],
        np.array([1, 5, 0.5])[CLASSES],
    ),
}


@pytest.mark.parametrize("case", OF_CLASSES)
def test_every_kind_of_classes_is_learned_as_by_scipy(case):
    params, y, targets, class_weight = OF_CLASSES[case]
    classifier = make(GDNeuralClassifier, **params)
    assert_steps_are_scipy_s(classifier, y, targets, class_weight=class_weight)


def own_tanh(z):
    return np.tanh(z)


def own_slope(z):
    return 1.0 - np.tanh(z) * np.tanh(z)


def own_squares(y, z):
    return 0.5 * (z - y) * (z - y)


def own_error(y, z):
    return z - y


@pytest.mark.parametrize(
    "own",
    [
        {"activation": Activation("own tanh", value=own_tanh, derivative=own_slope)},
        {"loss": Loss("own squares", value=own_squares, gradient=own_error)},
    ],
    ids=["activation", "loss"],
)
def test_functions_of_ones_own_are_as_the_built_in_ones(own):
    _, weights = begin_anywhere(make(), Y)
    ours, built_in = [fit(make(**how), X, Y, **weights) for how in (own, {})]
    assert_allclose(ours.loss_curve_, built_in.loss_curve_, rtol=1e-9)
    assert_close(theta_of(ours), theta_of(built_in), 1e-7)


# The records of an epoch --------------------------------------------------------------


@each_estimator
@pytest.mark.parametrize(
    "X", [X, X.astype(np.float32), csr_array(X * (X > 0))], ids=type
)
def test_curves_have_an_entry_for_each_iteration(Estimator, X):
    validation = VALIDATION[Estimator]
    estimator = fit(make(Estimator), X, TARGETS[Estimator], **validation)
    assert estimator.n_iter_ == 12
    assert len(estimator.loss_curve_) == len(estimator.learning_rate_curve_) == 12
    assert (np.diff(estimator.loss_curve_) < 0).all()
    assert estimator.loss_curve_[-1] == estimator.loss_ == estimator.best_loss_
    assert np.isnan(estimator.learning_rate_curve_).all()
    assert estimator.t_ == 12 * X.shape[0]
    assert n_steps_of(estimator) == 12
    scores = estimator.validation_scores_
    assert len(scores) == len(estimator.validation_loss_curve_) == 12
    score = estimator.score(validation["X_val"], validation["y_val"])
    assert scores[-1] == pytest.approx(score, rel=1e-6)


@each_estimator
def test_each_entry_is_that_of_a_shorter_fit(Estimator):
    y, validation = TARGETS[Estimator], VALIDATION[Estimator]
    whole = fit(make(Estimator), X, y, **validation)
    for n in (1, 2, 7):
        shorter = fit(make(Estimator, max_iter=n), X, y, **validation)
        assert shorter.loss_curve_ == whole.loss_curve_[:n]
        assert shorter.validation_scores_ == whole.validation_scores_[:n]
        assert shorter.validation_loss_curve_ == whole.validation_loss_curve_[:n]


@pytest.mark.parametrize("scoring", [None, "loss"])
@pytest.mark.parametrize("given", [False, True])
@each_estimator
def test_early_stopping_restores_the_best_weights(Estimator, given, scoring):
    params = {"early_stopping": True, "scoring": scoring, "alpha": 0.0}
    params |= {"hidden_layer_sizes": (30,), "max_iter": 1000, "n_iter_no_change": 3}
    validation = VALIDATION[Estimator] if given else {}
    y = TARGETS[Estimator]
    estimator = make(Estimator, **params).fit(X, y, **validation)
    scores = estimator.validation_scores_
    best = int(np.argmax(scores))
    assert best < len(scores) - 1 == estimator.n_iter_ - 1 < 999
    assert_array_equal(theta_of(estimator), best_theta_of(estimator))
    assert estimator.best_validation_score_ == scores[best]
    shorter = clone(estimator).set_params(max_iter=best + 1)
    fit(shorter, X, y, **validation)
    assert_array_equal(theta_of(shorter), theta_of(estimator))


def test_tol_of_training_losses_is_left_to_the_search():
    """scikit-learn's `tol` of L-BFGS is about gradients, and so is skgd's."""
    regressor = make(tol=0.05, n_iter_no_change=1, max_iter=500).fit(X, Y)
    assert min(-np.diff(regressor.loss_curve_)[:-3]) < 0.05
    _, gradient = objective(regressor, X, Y)(theta_of(regressor))
    assert abs(gradient).max() <= 0.05


@lets_it_end_early
@pytest.mark.parametrize("verbose", [False, True])
def test_it_prints_each_iteration_if_it_is_to(capsys, verbose):
    regressor = make(max_iter=2, verbose=verbose).fit(X, Y)
    lines = [
        f"Iteration {i}, loss = {loss:.8f}\n"
        for i, loss in enumerate(regressor.loss_curve_, start=1)
    ]
    assert capsys.readouterr().out == (verbose * "".join(lines))


@lets_it_end_early
@each_estimator
@pytest.mark.parametrize("sparse", [False, True])
def test_threads_come_to_the_same_bits(Estimator, sparse):
    many = np.random.default_rng(0).standard_normal((3000, 12))
    y = (many[:, 0] > many[:, 1]).astype(int)
    many = csr_array(many * (many > 0)) if sparse else many
    one, two = [
        make(Estimator, hidden_layer_sizes=(40, 30), n_jobs=n).fit(many, y)
        for n in (1, 2)
    ]
    assert_same_training(one, two)
    assert one.loss_curve_ == two.loss_curve_


@lets_it_end_early
def test_a_warm_start_begins_a_search_from_the_weights():
    first = make(max_iter=5).fit(X, Y)
    begin = {"coefs_init": first.coefs_, "intercepts_init": first.intercepts_}
    expected = make(max_iter=4).fit(X, Y, **begin)
    warm = clone(first).set_params(warm_start=True).fit(X, Y)
    warm.set_params(max_iter=4).fit(X, Y)
    assert_array_equal(theta_of(warm), theta_of(expected))
    assert warm.n_iter_ == 4
    assert warm.loss_curve_ == first.loss_curve_ + expected.loss_curve_


@pytest.mark.parametrize(("before", "after"), [("adam", "lbfgs"), ("lbfgs", "adam")])
def test_a_warm_start_by_another_optimizer_has_none_of_the_memory(before, after):
    warm = make(optimizer=before, max_iter=5, warm_start=True)
    fit(warm, X, Y).set_params(optimizer=after)
    begin = {
        "coefs_init": [each.copy() for each in warm.coefs_],
        "intercepts_init": [each.copy() for each in warm.intercepts_],
    }
    expected = fit(make(optimizer=after, max_iter=5), X, Y, **begin)
    assert_array_equal(theta_of(fit(warm, X, Y)), theta_of(expected))


OVERFLOWS = {
    "at the start": ({}, X, Y * 1e200),
    "on the way": ({}, X, Y * 1e154),
    "of exp": ({"loss": "poisson", "activation": "relu"}, X * 1e3, abs(Y)),
}


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("case", OVERFLOWS)
def test_loss_that_overflows_is_an_error(case, early_stopping):
    params, X, y = OVERFLOWS[case]
    regressor = make(early_stopping=early_stopping, **params)
    before = vars(regressor).copy()
    with pytest.raises(ValueError, match=re.escape(NON_FINITE)):
        regressor.fit(X, y, X_val=X_VAL, y_val=abs(Y_VAL))
    assert vars(regressor) == before


def test_points_beyond_float32_are_tried_in_silence():
    """Their loss is not finite, which ends this search."""
    far = np.array([[1.2573022e29], [-1.3210486e29]], np.float32)
    classifier = make(GDNeuralClassifier, hidden_layer_sizes=1, activation="relu")
    with pytest.raises(ValueError, match=re.escape(NON_FINITE)):
        classifier.set_params(random_state=112).fit(far, np.array([-7, -7]))


# Contradictions -----------------------------------------------------------------------

CONTRADICTIONS = [
    ("solver", "sgd"),
    ("solver", "minibatch"),
    ("dropout", 0.1),
    ("dropout", [0.0, 0.5]),
    ("dropout", np.array([0.5, 0.0])),
    ("batch_norm", True),
    ("batch_norm", [False, True]),
    ("weight_decay", 0.01),
    ("max_grad_norm", 1.0),
    ("learning_rate", np.cos),
    *(("learning_rate", name) for name in [*SCHEDULES, *CURVES] if name != "constant"),
]


def test_all_contradictions_are_tried():
    assert {name for name, _ in CONTRADICTIONS} == ALLOWED_BY_LBFGS.keys()


@each_estimator
@pytest.mark.parametrize(("name", "value"), CONTRADICTIONS)
def test_contradictions_name_both_parameters(Estimator, name, value):
    fresh, y = make(Estimator, **{name: value}), TARGETS[Estimator]
    fitted = fit(make(Estimator), X, y).set_params(**{name: value})
    message = f"optimizer='lbfgs' and {name}={value!r} exclude each other"
    for estimator in (fresh, fitted):
        before = vars(estimator).copy()
        with pytest.raises(ValueError, match=re.escape(message)):
            estimator.fit(X, y)
        assert vars(estimator) == before


@each_estimator
@pytest.mark.parametrize("name", ALLOWED_BY_LBFGS)
def test_what_an_error_says_to_set_is_accepted(Estimator, name):
    allowed, _ = ALLOWED_BY_LBFGS[name]
    for value in allowed:
        estimator = make(Estimator, **{name: value}, max_iter=2)
        assert fit(estimator, X, TARGETS[Estimator]).n_iter_ == 2


@pytest.mark.parametrize("name", ["dropout", "batch_norm"])
def test_so_is_a_list_of_it(name):
    value = [ALLOWED_BY_LBFGS[name][0][0]] * 2
    assert_same_training(fit(make(**{name: value}), X, Y), fit(make(), X, Y))


@each_estimator
@pytest.mark.parametrize("before", [None, "adam", "lbfgs"])
def test_partial_fit_is_refused(Estimator, before):
    estimator, y = make(Estimator), TARGETS[Estimator]
    if before is not None:
        fit(estimator.set_params(optimizer=before), X, y).set_params(optimizer="lbfgs")
        theta = theta_of(estimator).copy()
    attributes = vars(estimator).copy()
    classes = {} if Estimator is GDNeuralRegressor else {"classes": np.unique(y)}
    with pytest.raises(
        ValueError, match="optimizer='lbfgs' and partial_fit exclude each other"
    ):
        estimator.partial_fit(X, y, **classes)
    assert vars(estimator) == attributes
    if before is not None:
        assert_array_equal(theta_of(estimator), theta)


def test_after_lbfgs_partial_fit_goes_on_by_another_optimizer():
    regressor = fit(make(), X, Y).set_params(optimizer="adam").partial_fit(X, Y)
    assert len(regressor.loss_curve_) == 13
    assert regressor.learning_rate_curve_[-1] == 0.001


# Callbacks, Ctrl-C, checkpoints -------------------------------------------------------


class Recorder:
    """Writes down what it is told, and acts after one of the epochs."""

    def __init__(self, act=lambda: False, after=0):
        self.act, self.after = act, after

    def setup(self, estimator, context):
        self.told, self.fitted = [], []

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.told.append(f"{context.task_name} begins")

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        self.told.append(f"{context.task_name} ends")
        if context.task_name == "epoch":
            self.fitted.append(fitted_estimator)
            return len(self.fitted) == self.after and self.act()
        return False


def cut():
    raise ConnectionError("power cut")


with_callbacks = pytest.mark.usefixtures("callbacks")


@pytest.fixture(name="callbacks")
def _callbacks():
    pytest.importorskip(
        "sklearn.callback", reason="scikit-learn has callbacks from 1.9 on"
    )


@with_callbacks
@each_estimator
def test_callbacks_see_each_iteration(Estimator):
    recorder, y = Recorder(), TARGETS[Estimator]
    fit(make(Estimator, max_iter=3).set_callbacks(recorder), X, y)
    epochs = 3 * ["epoch begins", "epoch ends"]
    assert recorder.told == ["fit begins", *epochs, "fit ends"]
    for n, seen in enumerate(recorder.fitted, start=1):
        stopped = fit(make(Estimator, max_iter=n), X, y)
        assert_array_equal(theta_of(seen), theta_of(stopped))
        assert seen.loss_curve_ == stopped.loss_curve_
        assert (seen.n_iter_, seen.t_) == (stopped.n_iter_, stopped.t_)


@with_callbacks
@each_estimator
def test_a_callback_may_stop_it(Estimator):
    y = TARGETS[Estimator]
    recorder = Recorder(lambda: True, after=4)
    stopped = make(Estimator).set_callbacks(recorder).fit(X, y)  # without a warning
    assert stopped.n_iter_ == len(recorder.fitted) == 4
    assert recorder.told[-1] == "fit ends"
    expected = fit(make(Estimator, max_iter=4), X, y)
    assert_array_equal(theta_of(stopped), theta_of(expected))


def stop_iteration():
    raise StopIteration("a user's own mistake")


@with_callbacks
def test_stop_iteration_of_a_callback_does_not_pass_for_an_end():
    regressor = make().set_callbacks(Recorder(stop_iteration, after=3))
    with pytest.raises(RuntimeError, match="StopIteration"):
        regressor.fit(X, Y)


def ctrl_c():
    signal.raise_signal(signal.SIGINT)


@pytest.mark.faults
@pytest.mark.parametrize("early_stopping", [False, True])
def test_ctrl_c_keeps_the_iterations_before(early_stopping):
    calls = []

    def scorer(estimator, X, y):
        calls.append(1)
        if len(calls) == 4:
            ctrl_c()
        return estimator.score(X, y)

    params = {"early_stopping": early_stopping, "max_iter": 10**6, "tol": 0.0}
    regressor = make(scoring=scorer, **params)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        regressor.fit(X, Y, **VALIDATION[GDNeuralRegressor])
    assert regressor.n_iter_ == len(regressor.validation_scores_) == 4
    n_kept = 4
    if early_stopping:
        n_kept = 1 + np.nanargmax(regressor.validation_scores_)
    assert_array_equal(theta_of(regressor), theta_of(fit(make(max_iter=n_kept), X, Y)))
    assert np.isfinite(regressor.predict(X)).all()


class PressesCtrlC(Recorder):
    """As the third epoch begins."""

    def on_fit_task_begin(self, estimator, context):
        super().on_fit_task_begin(estimator, context)
        if self.told.count("epoch begins") == 3:
            ctrl_c()


@pytest.mark.faults
@with_callbacks
def test_ctrl_c_in_a_callback_keeps_the_iterations_before():
    callback = PressesCtrlC()
    regressor = make().set_callbacks(callback)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        regressor.fit(X, Y)
    assert regressor.n_iter_ == callback.told.count("epoch ends") == 2
    assert_array_equal(theta_of(regressor), theta_of(fit(make(max_iter=2), X, Y)))


@pytest.mark.faults
def test_ctrl_c_within_a_search_waits_for_the_end_of_its_iteration(monkeypatch):
    whole = fit(make(max_iter=5), X, Y)
    begin, n_calls = Steps.begin_epoch, []

    def pressed(steps):
        n_calls.append(1)
        if len(n_calls) == 6:
            ctrl_c()
        begin(steps)

    monkeypatch.setattr(Steps, "begin_epoch", pressed)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        regressor = make().fit(X, Y)
    n = regressor.n_iter_
    assert 0 < n < 6
    assert regressor.loss_curve_ == whole.loss_curve_[:n]
    monkeypatch.undo()
    assert_array_equal(theta_of(regressor), theta_of(fit(make(max_iter=n), X, Y)))


@pytest.mark.parametrize("n_evaluations", range(3, 9))
def test_an_interrupt_by_a_handler_of_the_program_keeps_no_tried_point(
    monkeypatch, n_evaluations
):
    run, n_calls = Steps.run_epoch, []

    def interrupted(steps):
        n_steps = run(steps)
        n_calls.append(1)
        if len(n_calls) == n_evaluations:
            raise KeyboardInterrupt
        return n_steps

    monkeypatch.setattr(Steps, "run_epoch", interrupted)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        regressor = make().fit(X, Y)
    n = regressor.n_iter_
    assert n > 0
    monkeypatch.undo()
    assert_array_equal(theta_of(regressor), theta_of(fit(make(max_iter=n), X, Y)))


CUT_OFF = {
    "plain": ({}, X, False),
    "validation data": ({}, X, True),
    "early stopping": (
        {"early_stopping": True, "n_iter_no_change": 2, "hidden_layer_sizes": (30,)},
        *(X, False),
    ),
    "converges": ({"tol": 0.03, "max_iter": 500}, X, False),
    "float32": ({}, X.astype(np.float32), False),
    "sparse": ({"n_jobs": 2}, csr_array(X * (X > 0)), False),
    "relu": ({"activation": "relu", "random_state": np.random.RandomState(3)}, X, True),
}


@with_callbacks
@pytest.mark.parametrize("case", CUT_OFF)
@each_estimator
def test_a_fit_that_was_cut_off_goes_on_to_the_same_bits(
    Estimator, case, tmp_path, capsys
):
    from skgd.callbacks import Checkpoint, load_checkpoint

    params, X, is_judged = CUT_OFF[case]
    validation, y = VALIDATION[Estimator] if is_judged else {}, TARGETS[Estimator]
    estimator = make(Estimator, warm_start=True, **params)
    whole = fit(clone(estimator), X, y, **validation)
    n, path = whole.n_iter_, tmp_path / "checkpoint"
    for after in sorted({1, n // 2, n - 1} - {0}):
        path.unlink(missing_ok=True)
        broken = clone(estimator).set_callbacks(
            Checkpoint(path, every=1), Recorder(cut, after)
        )
        with pytest.raises(ConnectionError):
            fit(broken, X, y, **validation)
        recorder = Recorder()
        resumed = load_checkpoint(path).set_callbacks(recorder).set_params(verbose=True)
        capsys.readouterr()
        fit(resumed, X, y, **validation)
        assert len(recorder.fitted) == n - after
        assert f"Iteration {after}," not in capsys.readouterr().out
        assert (resumed.n_iter_, resumed.t_) == (whole.n_iter_, whole.t_)
        assert resumed.loss_curve_ == whole.loss_curve_
        assert resumed.validation_scores_ == whole.validation_scores_
        assert_same_training(resumed, whole)


@with_callbacks
def test_so_does_a_second_fit_from_the_weights_of_the_first(tmp_path):
    from skgd.callbacks import Checkpoint, load_checkpoint

    path = tmp_path / "checkpoint"
    first = fit(make(warm_start=True), X, Y)
    whole = fit(pickle.loads(pickle.dumps(first)), X, Y)
    first.set_callbacks(Checkpoint(path, every=1), Recorder(cut, 5))
    with pytest.raises(ConnectionError):
        fit(first, X, Y)
    resumed = fit(load_checkpoint(path).set_callbacks(), X, Y)
    assert resumed.loss_curve_ == whole.loss_curve_
    assert_same_training(resumed, whole)


@with_callbacks
@pytest.mark.parametrize("since", [{"max_iter": 3}, {"tol": 1e3}, {"max_fun": 4}])
def test_one_that_now_ends_earlier_stays_where_it_was(since, tmp_path):
    from skgd.callbacks import Checkpoint, load_checkpoint

    path = tmp_path / "checkpoint"
    broken = make(warm_start=True).set_callbacks(
        Checkpoint(path, every=1), Recorder(cut, 8)
    )
    with pytest.raises(ConnectionError):
        fit(broken, X, Y)
    saved = load_checkpoint(path)
    resumed = fit(load_checkpoint(path).set_callbacks().set_params(**since), X, Y)
    assert resumed.loss_curve_ == saved.loss_curve_
    assert_array_equal(theta_of(resumed), theta_of(saved))


@with_callbacks
def test_one_with_another_loss_goes_on_from_its_weights(tmp_path):
    from skgd.callbacks import Checkpoint, load_checkpoint

    path = tmp_path / "checkpoint"
    broken = make(warm_start=True).set_callbacks(
        Checkpoint(path, every=1), Recorder(cut, 5)
    )
    with pytest.raises(ConnectionError):
        fit(broken, X, Y)
    resumed = load_checkpoint(path).set_callbacks().set_params(alpha=1.0)
    fit(resumed, X, Y)
    expected = make(warm_start=True, max_iter=5)
    fit(expected, X, Y).set_params(alpha=1.0, max_iter=resumed.max_iter - 5)
    fit(expected, X, Y)
    assert resumed.loss_curve_ == expected.loss_curve_
    assert_array_equal(theta_of(resumed), theta_of(expected))


@with_callbacks
@pytest.mark.parametrize("n_epochs", [1, 5, 12])
def test_one_by_another_optimizer_goes_on_from_its_weights(n_epochs, tmp_path):
    from skgd.callbacks import Checkpoint, load_checkpoint

    path = tmp_path / "checkpoint"
    adam = make(warm_start=True, optimizer="adam")
    broken = clone(adam).set_callbacks(
        Checkpoint(path, every=1), Recorder(cut, n_epochs)
    )
    with pytest.raises(ConnectionError):
        fit(broken, X, Y)
    resumed = load_checkpoint(path).set_callbacks().set_params(optimizer="lbfgs")
    whole = fit(pickle.loads(pickle.dumps(resumed)), X, Y)
    n_left = resumed.max_iter - n_epochs
    if n_left > 0:
        expected = fit(adam.set_params(max_iter=n_epochs), X, Y)
        fit(expected.set_params(optimizer="lbfgs", max_iter=n_left), X, Y)
        assert whole.loss_curve_ == expected.loss_curve_
        assert_array_equal(theta_of(whole), theta_of(expected))
    else:
        assert_array_equal(theta_of(whole), theta_of(resumed))
    if n_left > 3:  # cut off again, while L-BFGS goes on
        resumed.set_callbacks(Checkpoint(path, every=1), Recorder(cut, 3))
        with pytest.raises(ConnectionError):
            fit(resumed, X, Y)
        again = fit(load_checkpoint(path).set_callbacks(), X, Y)
        assert again.loss_curve_ == whole.loss_curve_
        assert_array_equal(theta_of(again), theta_of(whole))


@with_callbacks
def test_one_that_was_cut_off_after_its_last_iteration_says_the_same(tmp_path):
    from skgd.callbacks import Checkpoint, load_checkpoint

    path = tmp_path / "checkpoint"
    whole = make(warm_start=True)
    expected = warnings_of(whole, X, Y)
    broken = make(warm_start=True).set_callbacks(
        Checkpoint(path, every=1), Recorder(cut, 12)
    )
    with pytest.raises(ConnectionError):
        fit(broken, X, Y)
    resumed = load_checkpoint(path).set_callbacks()
    assert warnings_of(resumed, X, Y) == expected
    assert_same_training(resumed, whole)


# Copies and conversions ---------------------------------------------------------------


def through_skops(estimator):
    skops_io = pytest.importorskip("skops.io")
    text = skops_io.dumps(estimator)
    trusted = skops_io.get_untrusted_types(data=text)
    return skops_io.loads(text, trusted=trusted)


def through_joblib(estimator, path):
    joblib.dump(estimator, path)
    return joblib.load(path)


@each_estimator
def test_saved_ones_predict_and_train_the_same(Estimator, tmp_path):
    y = TARGETS[Estimator]
    estimator = fit(make(Estimator, warm_start=True, max_fun=77), X, y)
    copies = [
        pickle.loads(pickle.dumps(estimator)),
        through_joblib(estimator, tmp_path / "estimator"),
        through_skops(estimator),
    ]
    expected = estimator.predict(X)
    for copy in copies:
        assert copy.get_params() == estimator.get_params()
        assert_array_equal(copy.predict(X), expected, strict=True)
    fit(estimator, X, y)
    for copy in copies:
        assert_same_training(fit(copy, X, y), estimator)


@each_estimator
@pytest.mark.parametrize("is_fitted", [False, True])
def test_scikit_learn_s_comes_here_and_goes_back(Estimator, is_fitted):
    y = TARGETS[Estimator]
    common = {"hidden_layer_sizes": (6,), "activation": "tanh", "alpha": 0.3}
    common |= {"max_iter": 9, "max_fun": 99, "tol": 1e-3, "random_state": 2}
    common["warm_start"] = is_fitted
    mlp = PAIRS[Estimator](solver="lbfgs", learning_rate="adaptive", **common)
    if is_fitted:
        fit(mlp, X, y)
    ours = Estimator.from_sklearn(mlp)
    params = ours.get_params()
    assert common.items() <= params.items()
    assert (params["solver"], params["optimizer"]) == ("batch", "lbfgs")
    assert params["learning_rate"] == "constant"  # scikit-learn's does not read it
    back = ours.to_sklearn()
    assert back.get_params() == mlp.get_params() | {"learning_rate": "constant"}
    if is_fitted:
        assert_array_equal(back.predict(X), mlp.predict(X))
        assert_same_fit_as_sklearn(ours, mlp, rtol=0)
        assert_same_fit_as_sklearn(ours, back, rtol=0)
    for estimator in (mlp, ours, back):  # from the weights, if there are any
        fit(estimator, X, y)
    assert_same_fit_as_sklearn(ours, mlp, rtol=1e-8)
    assert_same_fit_as_sklearn(ours, back, rtol=1e-8)


@each_estimator
@pytest.mark.parametrize("is_fitted", [False, True])
def test_an_estimator_goes_to_scikit_learn_and_comes_back(Estimator, is_fitted):
    y = TARGETS[Estimator]
    ours = make(Estimator, max_fun=99, shuffle=False, batch_size=7, warm_start=True)
    if is_fitted:
        fit(ours, X, y)
    mlp = ours.to_sklearn()
    assert (mlp.solver, mlp.max_fun, mlp.batch_size) == ("lbfgs", 99, 7)
    back = Estimator.from_sklearn(mlp)
    assert back.get_params() == ours.get_params()
    if is_fitted:
        assert_array_equal(back.predict(X), ours.predict(X))
        assert_array_equal(theta_of(back), theta_of(ours))
        assert (back.n_iter_, back.loss_) == (ours.n_iter_, ours.loss_)
    for estimator in (mlp, ours, back):
        fit(estimator, X, y)
    assert_same_fit_as_sklearn(ours, mlp, rtol=1e-8)
    assert_array_equal(theta_of(back), theta_of(ours))


@each_estimator
def test_early_stopping_that_scikit_learn_ignores_is_left_out(Estimator):
    y, params = TARGETS[Estimator], {"hidden_layer_sizes": (6,), "random_state": 0}
    mlp = PAIRS[Estimator](solver="lbfgs", early_stopping=True, max_iter=9, **params)
    ours = Estimator.from_sklearn(mlp)
    assert not ours.early_stopping
    assert_same_fit_as_sklearn(fit(ours, X, y), fit(mlp, X, y), rtol=1e-8)
    fitted = Estimator.from_sklearn(mlp)
    assert not fitted.early_stopping
    assert fitted.best_validation_score_ is None
    assert fitted.validation_scores_ is None
    assert fitted.best_loss_ == fitted.loss_ == mlp.loss_
    with pytest.raises(ValueError, match="early_stopping=True"):
        ours.set_params(early_stopping=True).to_sklearn()


# Dask ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


CHUNKS = (50, 1, 0, 69)


def on_dask(estimator):
    from skgd import dask

    return getattr(dask, f"Dask{type(estimator).__name__}")(**estimator.get_params())


def in_parts(array):
    import dask.array

    shape = (CHUNKS, *((n,) for n in array.shape[1:]))
    return dask.array.from_array(array, chunks=shape)


@pytest.mark.parametrize("params", [{}, {"alpha": 1.0, "hidden_layer_sizes": ()}])
@each_estimator
def test_on_partitions_it_is_that_of_one_machine(client, Estimator, params):
    y, weight = TARGETS[Estimator], np.linspace(0.2, 2, len(X))
    expected = fit(make(Estimator, **params), X, y, weight)
    net = on_dask(expected)
    fit(net, *map(in_parts, (X, y, weight)), **VALIDATION[Estimator])
    assert net.n_iter_ == expected.n_iter_
    assert_allclose(net.loss_curve_, expected.loss_curve_, rtol=1e-9)
    assert np.isnan(net.learning_rate_curve_).all()
    assert len(net.validation_scores_) == net.n_iter_
    assert_close(theta_of(net.to_local()), theta_of(expected), 1e-7)


def test_early_stopping_on_partitions_restores_the_best_weights(client):
    params = {"hidden_layer_sizes": (30,), "alpha": 0.0, "max_iter": 1000}
    local = make(early_stopping=True, n_iter_no_change=3, **params)
    net = on_dask(local).fit(*map(in_parts, (X, Y)), **VALIDATION[GDNeuralRegressor])
    assert net.n_iter_ < 1000
    assert_array_equal(theta_of(net), best_theta_of(net))
    assert net.best_validation_score_ == max(net.validation_scores_)


@pytest.mark.parametrize(("name", "value"), dict(CONTRADICTIONS).items())
def test_contradictions_are_errors_on_partitions_too(client, name, value):
    net = on_dask(make(**{name: value}))
    message = f"optimizer='lbfgs' and {name}={value!r} exclude each other"
    with pytest.raises(ValueError, match=re.escape(message)):
        net.fit(*map(in_parts, (X, Y)))


def test_partial_fit_is_refused_on_partitions_too(client):
    with pytest.raises(ValueError, match="and partial_fit exclude each other"):
        on_dask(make()).partial_fit(*map(in_parts, (X, Y)))
