"""There and back: scikit-learn's MLP as an estimator of skgd, and the reverse."""

import copy
import re
import warnings
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn import clone, config_context
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.metadata_routing import get_routing_for_object
from threadpoolctl import threadpool_limits

from skgd import GDNeuralClassifier, GDNeuralRegressor
from skgd.estimators.conversion.spelling import SHARED, TOLD_APART
from tests.inside import best_theta_of, memory_of, n_steps_of
from tests.test_parity import (
    SETTINGS,
    assert_close,
    describe,
    make_data,
    make_pair,
    one_blas_thread,  # noqa: F401
)

PAIRS = {GDNeuralRegressor: MLPRegressor, GDNeuralClassifier: MLPClassifier}
each_pair = pytest.mark.parametrize(("ours", "theirs"), PAIRS.items())

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    # What scikit-learn says of a batch that is larger than the data.
    "ignore:Got `batch_size` less than 1:UserWarning",
)


def data_of(setting):
    return make_data(*(setting[k] for k in ("target", "storage", "dtype", "weighted")))


def rtol_of(setting):
    return 1e-7 if setting["dtype"] is np.float64 else 1e-5


def fit(estimator, *data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(*data)


def outputs(estimator, X):
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(X)
    return estimator.predict(X)


def assert_same_network(a, b, rtol):
    for name in ("coefs_", "intercepts_"):
        for x, y in zip(getattr(a, name), getattr(b, name), strict=True):
            assert x.dtype == y.dtype
            assert_close(x, y, rtol)


def covering(settings):
    """As few of them as have each pair of values that any of them has."""
    pairs = [
        set(combinations([(k, str(v)) for k, v in setting.items()], 2))
        for setting in settings
    ]
    chosen, left = [], set().union(*pairs)
    while left:
        best = max(range(len(settings)), key=lambda i: len(pairs[i] & left))
        chosen.append(settings[best])
        left -= pairs[best]
    return chosen


@pytest.fixture(scope="module", params=covering(SETTINGS), ids=describe)
def setting(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(setting):
    """Data, and an estimator of each of the two fitted on them."""
    data = data_of(setting)
    with threadpool_limits(1, user_api="blas"):
        return data, [fit(estimator, *data) for estimator in make_pair(setting)]


# Estimators that are not fitted -------------------------------------------------------


def test_converted_estimators_train_the_same(setting, fitted):
    """In both directions; 'batch' and 'sgd' become batch sizes of scikit-learn."""
    data, (ours, theirs) = fitted
    for original, converted in [
        (theirs, type(ours).from_sklearn(clone(theirs))),
        (ours, clone(ours).to_sklearn()),
    ]:
        fit(converted, *data)
        assert converted.n_iter_ == original.n_iter_
        assert_same_network(converted, original, rtol_of(setting))


@each_pair
@pytest.mark.parametrize("nesterovs_momentum", [False, True])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_scikit_learn_estimators_come_back_with_their_parameters(
    ours, theirs, solver, nesterovs_momentum
):
    mlp = theirs(
        hidden_layer_sizes=[7, 5],
        activation="tanh",
        solver=solver,
        nesterovs_momentum=nesterovs_momentum,
        alpha=0.3,
        batch_size=17,
        learning_rate="adaptive" if solver == "sgd" else "constant",
        learning_rate_init=0.02,
        power_t=0.4,
        max_iter=33,
        shuffle=False,
        random_state=5,
        tol=0.2,
        verbose=3,
        warm_start=True,
        momentum=0.7,
        early_stopping=True,
        validation_fraction=0.3,
        beta_1=0.8,
        beta_2=0.98,
        epsilon=1e-6,
        n_iter_no_change=4,
    )
    back = ours.from_sklearn(mlp).to_sklearn()
    expected = mlp.get_params()
    if solver == "adam":  # does not read it
        expected["nesterovs_momentum"] = True
    assert back.get_params() == expected


def test_every_parameter_of_scikit_learn_is_thought_of():
    elsewhere = {"activation", "solver", "nesterovs_momentum", "momentum", "loss"}
    elsewhere |= {"learning_rate"}
    for theirs in PAIRS.values():
        assert set(theirs().get_params()) <= elsewhere | set(SHARED)


def test_random_states_are_not_shared():
    seed = np.random.RandomState(0)
    mlp = MLPRegressor(random_state=seed)
    regressor = GDNeuralRegressor.from_sklearn(mlp)
    back = regressor.to_sklearn()
    draws = [e.random_state.rand() for e in (mlp, regressor, back)]
    assert draws[0] == draws[1] == draws[2]


@each_pair
def test_other_classes_are_refused(ours, theirs):
    other = (set(PAIRS.values()) - {theirs}).pop()
    with pytest.raises(
        TypeError, match=rf"takes an {theirs.__name__}, got {other.__name__}"
    ):
        ours.from_sklearn(other())
    with pytest.raises(TypeError, match="got str"):
        ours.from_sklearn("mlp")


# Fitted estimators --------------------------------------------------------------------


def test_fitted_estimators_predict_the_same_and_come_back(setting, fitted):
    (X, _, _), originals = fitted
    rtol = rtol_of(setting)
    for original in originals:
        if isinstance(original, tuple(PAIRS)):
            converted = original.to_sklearn()
            back = type(original).from_sklearn(converted)
        else:
            converted = next(o for o, t in PAIRS.items() if isinstance(original, t))
            converted = converted.from_sklearn(original)
            back = converted.to_sklearn()
        assert_close(outputs(converted, X), outputs(original, X), rtol)
        assert_array_equal(outputs(back, X), outputs(original, X), strict=True)
        for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_"):
            assert getattr(converted, name) == getattr(original, name), name
        for name in ("loss_curve_", "validation_scores_", "best_validation_score_"):
            assert getattr(converted, name) == getattr(original, name), name
        assert converted.n_features_in_ == original.n_features_in_
        if setting["target"] != "multioutput":
            assert converted.best_loss_ == original.best_loss_


RULES = [
    *product(["gd", "momentum", "nesterov"], ["constant", "invscaling", "adaptive"]),
    ("adam", "constant"),
]
SOLVERS = ["minibatch", "sgd", "batch"]
TARGETS = ["regression", "multiclass", "multilabel"]
# Each rule with each target and with each solver, and each of those with each other.
PARTIAL = [
    {"optimizer": optimizer, "learning_rate": rate, "target": target, "solver": solver}
    for i, (optimizer, rate) in enumerate(RULES)
    for target, solver in zip(TARGETS, SOLVERS[i % 3 :] + SOLVERS[: i % 3], strict=True)
]


@pytest.mark.parametrize("setting", PARTIAL, ids=describe)
def test_partial_fit_goes_on_as_the_original_does(setting):
    """With the optimizer's memory, its learning rate, and the count of epochs."""
    X, y, _ = make_data(setting["target"], "dense", np.float64, False)
    setting = {
        "hidden_layer_sizes": (7,),
        "activation": "relu",
        "batch_size": 16,
        "shuffle": False,  # scikit-learn repeats its order with each call
        "early_stopping": False,
        "alpha": 0.1,
        "tol": 0.02,
        "random_state": 0,
        **setting,
    }
    ours, theirs = make_pair(setting)
    for original, convert in [
        (ours, lambda: ours.to_sklearn()),
        (theirs, lambda: type(ours).from_sklearn(theirs)),
    ]:
        fit(original, X, y)
        converted = convert()
        for _ in range(8):
            original.partial_fit(X, y)
            converted.partial_fit(X, y)
        assert_close(converted.loss_curve_, original.loss_curve_, 1e-7)
        assert_same_network(converted, original, 1e-7)


@pytest.mark.parametrize("optimizer", ["nesterov", "adam"])
def test_partial_fit_goes_on_with_a_random_state_of_ones_own(optimizer):
    X, y, _ = make_data("binary", "dense", np.float64, False)
    solver = {"nesterov": "sgd", "adam": "adam"}[optimizer]
    seed = np.random.RandomState(3)
    mlp = MLPClassifier((5,), solver=solver, random_state=seed, max_iter=5).fit(X, y)
    classifier = GDNeuralClassifier.from_sklearn(mlp)
    for _ in range(3):
        mlp.partial_fit(X, y)
        classifier.partial_fit(X, y)
    assert_same_network(classifier, mlp, 1e-9)


def test_with_an_int_the_order_of_samples_goes_on():
    """Where scikit-learn's fit has stopped drawing, as a fit here would."""
    X, y, _ = make_data("regression", "dense", np.float64, False)
    common = {"hidden_layer_sizes": (5,), "batch_size": 16, "random_state": 3}
    mlp = MLPRegressor(**common, max_iter=5).fit(X, y)
    converted = GDNeuralRegressor.from_sklearn(mlp)
    ours = GDNeuralRegressor(**common, max_iter=5).fit(X, y)
    for _ in range(2):
        converted.partial_fit(X, y)
        ours.partial_fit(X, y)
    assert_same_network(converted, ours, 1e-9)


@each_pair
def test_warm_start_goes_on(ours, theirs):
    X, y, _ = make_data("binary", "dense", np.float64, False)
    mlp = theirs(
        hidden_layer_sizes=(5,), warm_start=True, max_iter=5, random_state=0
    ).fit(X, y)
    converted = ours.from_sklearn(mlp).fit(X, y)
    back = ours.from_sklearn(
        theirs(hidden_layer_sizes=(5,), warm_start=True, max_iter=5, random_state=0)
    )
    back = back.fit(X, y).to_sklearn().fit(X, y)
    mlp.fit(X, y)
    assert_same_network(converted, mlp, 1e-9)
    assert_same_network(back, mlp, 1e-9)
    assert_close(converted.loss_curve_, mlp.loss_curve_, 1e-9)


def test_fitted_conversions_share_no_memory():
    X, y, _ = make_data("regression", "dense", np.float64, False)
    mlp = MLPRegressor(hidden_layer_sizes=(5,), max_iter=3, random_state=0).fit(X, y)
    regressor = GDNeuralRegressor.from_sklearn(mlp)
    back = regressor.to_sklearn()
    before = copy.deepcopy(regressor)
    mlp.partial_fit(X, y)
    back.partial_fit(X, y)
    assert_same_network(regressor, before, 0)
    assert regressor.loss_curve_ == before.loss_curve_


def test_feature_names_and_labels_go_along():
    X, y, _ = make_data("multiclass", "dense", np.float64, False)
    X = pd.DataFrame(X, columns=list("abcdefgh"))
    y = np.array(["red", "green", "blue"])[y // 10 - 1]
    mlp = MLPClassifier((5,), max_iter=3, random_state=0).fit(X, y)
    classifier = GDNeuralClassifier.from_sklearn(mlp)
    back = classifier.to_sklearn()
    for estimator in (classifier, back):
        assert_array_equal(estimator.feature_names_in_, X.columns)
        assert_array_equal(estimator.classes_, ["blue", "green", "red"])
        assert_array_equal(estimator.predict(X), mlp.predict(X))
    with pytest.raises(ValueError, match="feature names"):
        classifier.predict(X[list("hgfedcba")])


def test_what_scikit_learn_does_not_record_is_nan():
    X, y, _ = make_data("binary", "dense", np.float64, False)
    mlp = MLPClassifier(
        (5,), solver="sgd", learning_rate="adaptive", early_stopping=True
    )
    classifier = GDNeuralClassifier.from_sklearn(mlp.set_params(max_iter=4).fit(X, y))
    assert_array_equal(classifier.learning_rate_curve_, np.full(4, np.nan))
    assert_array_equal(classifier.validation_loss_curve_, np.full(4, np.nan))
    constant = MLPClassifier((5,), max_iter=4).fit(X, y)
    constant = GDNeuralClassifier.from_sklearn(constant)
    assert constant.learning_rate_curve_ == [0.001] * 4


@each_pair
def test_lbfgs_predicts_and_trains_by_another_optimizer_too(ours, theirs):
    X, y, _ = make_data("binary", "dense", np.float64, False)
    mlp = theirs(hidden_layer_sizes=(5,), solver="lbfgs", max_iter=20, random_state=0)
    converted = ours.from_sklearn(mlp.fit(X, y))
    assert_close(outputs(converted, X), outputs(mlp, X), 1e-12)
    assert (converted.n_iter_, converted.loss_) == (mlp.n_iter_, mlp.loss_)
    with pytest.raises(ValueError, match="partial_fit exclude each other"):
        converted.partial_fit(X, y)
    converted.set_params(optimizer="adam").partial_fit(X, y)
    assert len(converted.loss_curve_) == 2


# What scikit-learn cannot express -----------------------------------------------------

INEXPRESSIBLE = [
    (GDNeuralRegressor, {"loss": loss})
    for loss in ("absolute_error", "huber", "quantile", "gamma")
]
INEXPRESSIBLE += [
    (GDNeuralClassifier, params)
    for params in (
        *({"optimizer": name} for name in ("adagrad", "adadelta", "rmsprop")),
        *({"optimizer": name} for name in ("amsgrad", "nadam")),
        *({"learning_rate": name} for name in ("exponential", "cosine", "invscaling")),
        {"learning_rate": np.cos},
        {"weight_decay": 0.01},
        {"batch_norm": True},
        {"dropout": 0.5},
        {"dropout": [0.0, 0.5], "hidden_layer_sizes": (4, 4)},
        {"max_grad_norm": 1.0},
        {"class_weight": "balanced"},
        {"label_smoothing": 0.1},
        {"scoring": "f1_macro", "early_stopping": True},
        {"early_stopping": True, "optimizer": "lbfgs", "solver": "batch"},
    )
]
each_inexpressible = pytest.mark.parametrize(("ours", "params"), INEXPRESSIBLE)


@each_inexpressible
def test_error_names_what_scikit_learn_cannot_express(ours, params):
    name, value = next(iter(params.items()))
    with pytest.raises(ValueError, match="scikit-learn cannot express") as error:
        ours(**params).to_sklearn()
    assert f"{name}={value!r}" in str(error.value)
    assert "predict_only" not in str(error.value)


@each_inexpressible
def test_it_can_still_predict(ours, params):
    X, y, _ = make_data("binary", "dense", np.float64, False)
    estimator = ours(**{"hidden_layer_sizes": (4,), "max_iter": 3, **params})
    with pytest.raises(NotFittedError):
        estimator.to_sklearn(predict_only=True)
    estimator.fit(X, y)
    with pytest.raises(ValueError, match="Pass predict_only=True"):
        estimator.to_sklearn()
    mlp = estimator.to_sklearn(predict_only=True)
    assert_close(outputs(mlp, X), outputs(estimator, X), 1e-12)


def test_every_absent_parameter_is_refused_in_a_test():
    tested = {name for _, params in INEXPRESSIBLE for name in params}
    names = {name for ours in PAIRS for name in ours().get_params()}
    absent = names - set(SHARED) - TOLD_APART
    assert {"weight_decay", "max_grad_norm"} <= absent
    assert {"class_weight", "label_smoothing"} <= absent
    assert absent <= tested


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        (["relu", "tanh"], r"one activation for all layers, not \['relu', 'tanh'\]"),
        ("gelu", "activation='gelu'"),
    ],
)
@pytest.mark.parametrize("predict_only", [False, True])
def test_activations_stand_in_the_way_of_predictions(activation, message, predict_only):
    X, y, _ = make_data("regression", "dense", np.float64, False)
    regressor = GDNeuralRegressor((4, 4), activation, max_iter=3).fit(X, y)
    with pytest.raises(ValueError, match=message):
        regressor.to_sklearn(predict_only=predict_only)


def test_all_obstacles_are_named_at_once():
    regressor = GDNeuralRegressor(activation="elu", optimizer="nadam", dropout=0.2)
    with pytest.raises(ValueError, match=r"'elu'; optimizer='nadam'; dropout=0\.2"):
        regressor.to_sklearn()


def test_one_activation_for_each_layer_may_be_the_same():
    regressor = GDNeuralRegressor((4, 3), ["tanh", "tanh"])
    assert regressor.to_sklearn().activation == "tanh"


@pytest.mark.parametrize("activation", ["tanh", []])
def test_networks_without_hidden_layers(activation):
    X, y, _ = make_data("regression", "dense", np.float64, False)
    regressor = GDNeuralRegressor((), activation, max_iter=3, random_state=0).fit(X, y)
    mlp = regressor.to_sklearn()
    assert_close(mlp.predict(X), regressor.predict(X), 1e-12)


def test_parameters_set_after_a_fit_begin_anew():
    """As between calls of partial_fit: another optimizer has no memory."""
    X, y, _ = make_data("regression", "dense", np.float64, False)
    common = {"hidden_layer_sizes": (4,), "shuffle": False, "random_state": 0}
    regressor = GDNeuralRegressor(**common, max_iter=3).fit(X, y)
    regressor.set_params(optimizer="nesterov", learning_rate_init=0.01)
    mlp = regressor.to_sklearn()
    for _ in range(2):
        regressor.partial_fit(X, y)
        mlp.partial_fit(X, y)
    assert_same_network(regressor, mlp, 1e-9)


def test_network_is_the_fitted_one_whatever_loss_was_set_since():
    X, y, _ = make_data("regression", "dense", np.float64, False)
    y = np.abs(y)
    mlp = MLPRegressor(hidden_layer_sizes=(4,), max_iter=5).fit(X, y)
    mlp.set_params(loss="poisson")
    regressor = GDNeuralRegressor.from_sklearn(mlp)
    assert regressor.loss == "poisson"
    assert regressor.out_activation_ == "identity"
    assert_close(regressor.predict(X), mlp.predict(X), 1e-12)


@pytest.mark.parametrize(
    "params", [{"loss": "poisson"}, {"activation": "tanh"}, {"hidden_layer_sizes": [9]}]
)
def test_what_was_set_since_the_fit_stands_in_the_way_of_training(params):
    """The next call trains with it, or refuses it; scikit-learn would go on without."""
    X, y, _ = make_data("regression", "dense", np.float64, False)
    regressor = GDNeuralRegressor((4,), max_iter=3).fit(X, y).set_params(**params)
    [(name, value)] = params.items()
    message = f": {name}={value!r}, set since the fit. Pass predict_only=True"
    with pytest.raises(ValueError, match=re.escape(message)):
        regressor.to_sklearn()
    mlp = regressor.to_sklearn(predict_only=True)
    assert_close(mlp.predict(X), regressor.predict(X), 1e-12)


def test_activation_of_a_net_without_hidden_layers_matters_for_training_only():
    X, y, _ = make_data("regression", "dense", np.float64, False)
    regressor = GDNeuralRegressor((), "gelu", max_iter=3).fit(X, y)
    with pytest.raises(ValueError, match="activation='gelu'"):
        regressor.to_sklearn()
    mlp = regressor.to_sklearn(predict_only=True)
    assert_close(mlp.predict(X), regressor.predict(X), 1e-12)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"solver": "adam"}, "write solver='minibatch', optimizer='adam'"),
        ({"activation": "foo"}, "The 'activation' parameter"),
        ({"optimizer": ["adam"]}, "The 'optimizer' parameter"),
    ],
)
def test_invalid_parameters_are_refused_on_the_way_there(params, message):
    with pytest.raises(ValueError, match=message):
        GDNeuralRegressor(**params).to_sklearn()


@each_pair
@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize(
    ("name", "value"),
    [("solver", "sdg"), ("alpha", -1), ("hidden_layer_sizes", (0,)), ("tol", None)],
)
def test_invalid_parameters_are_refused_on_the_way_here(
    ours, theirs, fitted, name, value
):
    """A slip would otherwise become the default."""
    mlp = theirs(max_iter=1)
    if fitted:
        mlp.fit(*make_data("binary", "dense", np.float64, False)[:2])
    with pytest.raises(ValueError, match=name):
        ours.from_sklearn(mlp.set_params(**{name: value}))


@each_pair
def test_metadata_requests_go_along(ours, theirs):
    with config_context(enable_metadata_routing=True):
        mlp = theirs().set_fit_request(sample_weight=True)
        mlp.set_partial_fit_request(sample_weight="weight")
        mlp.set_score_request(sample_weight=False)
        estimator = ours.from_sklearn(mlp)
        back = estimator.to_sklearn()
        for converted in (estimator, back):
            requests = get_routing_for_object(converted)
            assert requests.fit.requests["sample_weight"] is True
            assert requests.partial_fit.requests["sample_weight"] == "weight"
            assert requests.score.requests["sample_weight"] is False
        for name in ("X_val", "y_val", "sample_weight_val"):
            asking = clone(estimator).set_fit_request(**{name: True})
            with pytest.raises(ValueError, match=f"the request for {name} in fit"):
                asking.to_sklearn()
        asking.fit(*make_data("binary", "dense", np.float64, False)[:2])
        requests = get_routing_for_object(asking.to_sklearn(predict_only=True))
        assert requests.fit.requests["sample_weight"] is True


def test_callbacks_stand_in_the_way_of_training():
    callback = pytest.importorskip("sklearn.callback")
    X, y, _ = make_data("regression", "dense", np.float64, False)
    regressor = GDNeuralRegressor((3,), max_iter=2).fit(X, y)
    regressor.set_callbacks(callback.ProgressBar())
    with pytest.raises(ValueError, match="callbacks"):
        regressor.to_sklearn()
    mlp = regressor.to_sklearn(predict_only=True)
    assert_close(mlp.predict(X), regressor.predict(X), 1e-12)


def test_network_that_was_interrupted_in_its_first_epoch():
    """It predicts, and has no loss yet."""
    X, y, _ = make_data("regression", "dense", np.float64, False)
    mlp = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2).fit(X, y)
    mlp.loss_curve_, mlp.n_iter_ = [], 0
    del mlp.loss_
    regressor = GDNeuralRegressor.from_sklearn(mlp)
    assert_close(regressor.predict(X), mlp.predict(X), 1e-12)
    assert_array_equal(regressor.loss_curve_, [np.nan])
    assert np.isfinite(regressor.partial_fit(X, y).loss_)


def test_network_of_before_mlp_regressors_had_a_loss():
    X, y, _ = make_data("regression", "dense", np.float64, False)
    mlp = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2).fit(X, y)
    del mlp.loss
    regressor = GDNeuralRegressor.from_sklearn(mlp)
    assert regressor.loss == "squared_error"
    assert_close(regressor.predict(X), mlp.predict(X), 1e-12)


@pytest.mark.parametrize("n_units", [3, 5])
def test_lbfgs_after_another_solver_leaves_nothing_of_it(n_units):
    """Neither its losses and scores, nor its memory, nor its best weights."""
    X, y, _ = make_data("regression", "dense", np.float64, False)
    mlp = MLPRegressor(hidden_layer_sizes=(3,), early_stopping=True, max_iter=20)
    mlp.fit(X, y).set_params(solver="lbfgs", hidden_layer_sizes=(n_units,)).fit(X, y)
    regressor = GDNeuralRegressor.from_sklearn(mlp)
    assert_close(regressor.predict(X), mlp.predict(X), 1e-12)
    assert regressor.loss_curve_ == [mlp.loss_]
    assert regressor.validation_scores_ is None
    assert not memory_of(regressor).any()
    assert n_steps_of(regressor) == 0
    assert best_theta_of(regressor) is None


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_rates_are_those_that_were_until_training_goes_on(solver):
    """With the rate that was set since, as after `set_params` of skgd's estimator."""
    X, y, _ = make_data("regression", "dense", np.float64, False)
    mlp = MLPRegressor(hidden_layer_sizes=(3,), solver=solver, max_iter=2).fit(X, y)
    mlp.set_params(learning_rate_init=0.005)
    regressor = GDNeuralRegressor.from_sklearn(mlp)
    assert regressor.learning_rate_curve_ == [0.001, 0.001]
    regressor.partial_fit(X, y)
    assert regressor.learning_rate_curve_ == [0.001, 0.001, 0.005]


def test_there_and_back_goes_on_drawing():
    X, y, _ = make_data("regression", "dense", np.float64, False)
    regressor = GDNeuralRegressor((4,), batch_size=16, max_iter=3, random_state=0)
    back = GDNeuralRegressor.from_sklearn(regressor.fit(X, y).to_sklearn())
    for _ in range(2):
        regressor.partial_fit(X, y)
        back.partial_fit(X, y)
    assert_same_network(back, regressor, 0)
    regressor.set_params(random_state=1)  # begins to draw anew, by the next call
    back = GDNeuralRegressor.from_sklearn(regressor.to_sklearn())
    assert_same_network(back.partial_fit(X, y), regressor.partial_fit(X, y), 0)


def test_scores_of_another_kind_are_not_taken_along():
    X, y, _ = make_data("binary", "dense", np.float64, False)
    classifier = GDNeuralClassifier(
        (4,), early_stopping=True, scoring="loss", max_iter=3, random_state=0
    )
    mlp = classifier.fit(X, y).set_params(scoring=None).to_sklearn()
    assert (mlp.validation_scores_, mlp.best_validation_score_) == ([], -np.inf)


def test_partial_fit_without_the_early_stopping_of_the_fit():
    X, y, _ = make_data("binary", "dense", np.float64, False)
    classifier = GDNeuralClassifier(
        (4,), early_stopping=True, shuffle=False, max_iter=3, random_state=0
    )
    classifier.fit(X, y).set_params(early_stopping=False)
    mlp = classifier.to_sklearn()
    for _ in range(2):
        classifier.partial_fit(X, y)
        mlp.partial_fit(X, y)
    assert_same_network(classifier, mlp, 1e-9)
    assert_close(mlp.best_loss_, classifier.best_loss_, 1e-9)


def test_early_stopping_that_the_fit_had_not():
    X, y, _ = make_data("binary", "dense", np.float64, False)
    classifier = GDNeuralClassifier((4,), warm_start=True, max_iter=3, random_state=0)
    mlp = classifier.fit(X, y).set_params(early_stopping=True).to_sklearn()
    assert len(mlp.fit(X, y).validation_scores_) == 3
