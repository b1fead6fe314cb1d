"""Bad input gets a clear error, and a call that fails changes nothing."""

import re
from typing import NamedTuple

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.estimator_checks import check_param_validation

from skgd import GDNeuralClassifier, GDNeuralRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [GDNeuralRegressor, GDNeuralClassifier]
SKLEARN = {GDNeuralRegressor: MLPRegressor, GDNeuralClassifier: MLPClassifier}

each_estimator = pytest.mark.parametrize("Estimator", ESTIMATORS)
each_solver = pytest.mark.parametrize("solver", ["batch", "sgd", "minibatch"])


def each(table):
    return pytest.mark.parametrize("case", table.values(), ids=table)


X = np.random.default_rng(0).normal(size=(60, 4))
ONES = np.ones(60)
CLASSES = np.arange(60) % 3
Y = {GDNeuralRegressor: X[:, 0] - X[:, 1] ** 2, GDNeuralClassifier: CLASSES}


def spoiled(array, value):
    """A copy in floating point whose first entry is `value`."""
    array = np.array(array, dtype=float)
    array.flat[0] = value
    return array


def quick(Estimator, **params):
    settings = {"hidden_layer_sizes": (8,), "max_iter": 3, "batch_size": 16}
    return Estimator(random_state=0, **{**settings, **params})


# Parameters ---------------------------------------------------------------------------


class Nonsense:
    """Of no type that any parameter takes."""

    def __repr__(self):
        return "nonsense"


EVERY_PARAMETER = [
    pytest.param(Estimator, name, id=f"{Estimator.__name__}-{name}")
    for Estimator in ESTIMATORS
    for name in Estimator._parameter_constraints
]
BAD_VALUES = {
    "hidden_layer_sizes": [0, -1, 2.5, "8", None],
    "activation": ["swoosh", None],
    "solver": ["online", None],
    "optimizer": ["newton", None],
    "alpha": [-1e-9, np.nan, np.inf, "0.1", None],
    "dropout": [-0.1, 1, 1.0, np.nan, "0.1", None],
    "max_grad_norm": [0, -1, np.nan, np.inf, "1"],
    "scoring": ["fast", 1, ["accuracy"]],
    "batch_size": [0, -1, 2.5, "all", None],
    "learning_rate": ["fast", 0.1, None],
    "learning_rate_init": [0, -0.1, np.nan, np.inf, "0.1", None],
    "power_t": [-0.5, np.nan, None],
    "max_iter": [0, -1, 1.5, np.inf, None],
    "shuffle": [2, "yes", None],
    "random_state": [-1, 0.5, "seed"],
    "tol": [-1e-9, np.nan, np.inf, None],
    "verbose": [-1, "yes", None],
    "warm_start": [2, "yes", None],
    "momentum": [-0.1, 1.1, np.nan, None],
    "early_stopping": [2, "yes", None],
    "validation_fraction": [-0.1, 1, 1.0, np.nan, None],
    "beta_1": [-0.1, 1, np.nan, None],
    "beta_2": [-0.1, 1, np.nan, None],
    "epsilon": [0, -1e-9, np.nan, None],
    "n_iter_no_change": [0, 2.5, np.nan, -np.inf, None],
}
EVERY_BAD_VALUE = [(name, bad) for name, values in BAD_VALUES.items() for bad in values]


def assert_refused(Estimator, name, value):
    message = f"The {name!r} parameter of {Estimator.__name__} must be "
    for method in ("fit", "partial_fit"):
        estimator = Estimator(**{name: value})
        with pytest.raises(InvalidParameterError) as error:
            getattr(estimator, method)(X, Y[Estimator])
        assert str(error.value).startswith(message)
        assert f"Got {value!r} instead." in str(error.value)


@pytest.mark.parametrize(("Estimator", "name"), EVERY_PARAMETER)
def test_every_parameter_refuses_nonsense(Estimator, name):
    assert_refused(Estimator, name, Nonsense())


@each_estimator
@pytest.mark.parametrize(("name", "value"), EVERY_BAD_VALUE)
def test_a_bad_value_is_named_with_its_parameter(Estimator, name, value):
    assert_refused(Estimator, name, value)


@pytest.mark.parametrize("loss", ["mse", None, 1])
def test_a_bad_loss_is_named(loss):
    assert_refused(GDNeuralRegressor, "loss", loss)


CHANGED = {
    "optimizer": "newton",
    "learning_rate": "fast",
    "activation": "swoosh",
    "batch_size": 0,
    "dropout": 1.5,
    "max_grad_norm": -1,
    "scoring": "fast",
    "alpha": -1,
    "learning_rate_init": -0.1,
    "tol": "small",
}


@each_estimator
@pytest.mark.parametrize(("name", "value"), CHANGED.items())
def test_partial_fit_checks_what_set_params_has_changed(Estimator, name, value):
    estimator = quick(Estimator).fit(X, Y[Estimator]).set_params(**{name: value})
    message = (
        rf"The {name!r} parameter of {Estimator.__name__} must be .* Got {value!r}"
    )
    with pytest.raises(InvalidParameterError, match=message):
        estimator.partial_fit(X, Y[Estimator])


@each_estimator
def test_parameters_pass_scikit_learns_own_check(Estimator):
    check_param_validation(Estimator.__name__, Estimator())


@each_estimator
@pytest.mark.parametrize(
    "sizes", [(0,), [8, -1], (3.5,), ["8"], (None,), (np.nan,), [[8]], np.array([8.0])]
)
def test_hidden_layers_have_a_whole_number_of_units(Estimator, sizes):
    message = f"hidden_layer_sizes must be > 0, got {list(sizes)}. Write integers"
    with pytest.raises(ValueError, match=re.escape(message)):
        quick(Estimator, hidden_layer_sizes=sizes).fit(X, Y[Estimator])


@each_estimator
def test_all_but_two_parameters_are_by_keyword(Estimator):
    with pytest.raises(TypeError, match="positional argument"):
        Estimator((8,), "relu", "sgd")


# scikit-learn's spelling --------------------------------------------------------------

SPELLINGS = [
    pytest.param("nesterovs_momentum", True, "optimizer='nesterov'", id="nesterov"),
    pytest.param("nesterovs_momentum", False, "optimizer='momentum'", id="momentum"),
]
each_spelling = pytest.mark.parametrize(("name", "value", "instead"), SPELLINGS)


@each_estimator
@each_spelling
def test_constructor_says_what_replaces_a_parameter(Estimator, name, value, instead):
    message = f"{Estimator.__name__} has no parameter {name!r}: .*{instead}"
    with pytest.raises(TypeError, match=message):
        Estimator(**{name: value})


@each_estimator
@each_spelling
def test_set_params_says_what_replaces_a_parameter(Estimator, name, value, instead):
    message = f"Invalid parameter {name!r} for {Estimator.__name__}: .*{instead}"
    estimator = Estimator()
    with pytest.raises(ValueError, match=message):
        estimator.set_params(**{name: value, "alpha": 1.0})
    assert estimator.alpha == Estimator().alpha
    pipeline = Pipeline([("scaler", StandardScaler()), ("mlp", estimator)])
    with pytest.raises(ValueError, match=message):
        pipeline.set_params(**{f"mlp__{name}": value})


@each_estimator
@pytest.mark.parametrize(
    ("solver", "instead"),
    [
        ("adam", "write solver='minibatch', optimizer='adam'"),
        ("lbfgs", "write solver='batch'"),
    ],
)
def test_solvers_of_scikit_learn_are_replaced_by_name(Estimator, solver, instead):
    message = f"'solver' parameter .* Got {solver!r} instead. .*{instead}"
    with pytest.raises(InvalidParameterError, match=message):
        Estimator(solver=solver).fit(X, Y[Estimator])


@each_estimator
def test_set_params_names_an_unknown_parameter(Estimator):
    with pytest.raises(ValueError, match="Invalid parameter 'n_layers' for estimator"):
        Estimator().set_params(n_layers=3)


# The same words as scikit-learn -------------------------------------------------------


def fitted(estimator, y, **params):
    return estimator.set_params(**params).fit(X, y)


SAME_WORDS = {
    "nan in X": lambda e, y: e.fit(spoiled(X, np.nan), y),
    "inf in X": lambda e, y: e.fit(spoiled(X, np.inf), y),
    "nan in sparse X": lambda e, y: e.fit(sparse.csr_array(spoiled(X, np.nan)), y),
    "nan in y": lambda e, y: e.fit(X, spoiled(y, np.nan)),
    "inf in y": lambda e, y: e.fit(X, spoiled(y, np.inf)),
    "nan in weights": lambda e, y: e.fit(X, y, spoiled(ONES, np.nan)),
    "inf in weights": lambda e, y: e.fit(X, y, spoiled(ONES, np.inf)),
    "too few weights": lambda e, y: e.fit(X, y, ONES[:-1]),
    "weights in 2d": lambda e, y: e.fit(X, y, np.ones((60, 2))),
    "weights of text": lambda e, y: e.fit(X, y, ["heavy"] * 60),
    "X in 1d": lambda e, y: e.fit(X[:, 0], y),
    "X in 3d": lambda e, y: e.fit(X[None], y),
    "X of text": lambda e, y: e.fit([["a"] * 4] * 60, y),
    "complex X": lambda e, y: e.fit(X + 1j, y),
    "no samples": lambda e, y: e.fit(X[:0], y[:0]),
    "no features": lambda e, y: e.fit(X[:, :0], y),
    "no y": lambda e, y: e.fit(X, None),
    "too few y": lambda e, y: e.fit(X, y[:-1]),
    "y in 3d": lambda e, y: e.fit(X, np.ones((60, 2, 2))),
    "other width in predict": lambda e, y: fitted(e, y).predict(X[:, :3]),
    "other width in score": lambda e, y: fitted(e, y).score(X[:, :3], y),
    "other width in partial_fit": lambda e, y: fitted(e, y).partial_fit(X[:, :3], y),
    "other width in warm fit": lambda e, y: fitted(e, y, warm_start=True).fit(
        X[:, :3], y
    ),
    "nan in predict": lambda e, y: fitted(e, y).predict(spoiled(X, np.nan)),
    "X in 1d in predict": lambda e, y: fitted(e, y).predict(X[0]),
    "predict before fit": lambda e, y: e.predict(X),
    "score before fit": lambda e, y: e.score(X, y),
    "one held out": lambda e, y: e.set_params(early_stopping=True).fit(X[:9], y[:9]),
    "alpha": lambda e, y: fitted(e, y, alpha=-1),
    "batch_size": lambda e, y: fitted(e, y, batch_size=0),
    "hidden_layer_sizes": lambda e, y: fitted(e, y, hidden_layer_sizes=-8),
    "learning_rate_init": lambda e, y: fitted(e, y, learning_rate_init="1"),
    "random_state": lambda e, y: fitted(e, y, random_state="seed"),
    "divergence": lambda e, y: fitted(e, y, learning_rate_init=1e300),
}
SAME_WORDS_OF_CLASSIFIERS = {
    "partial_fit without classes": lambda e, y: e.partial_fit(X, y),
    "partial_fit, unlisted class": lambda e, y: e.partial_fit(X, y, classes=[0, 1]),
    "partial_fit, unseen class": lambda e, y: fitted(e, y).partial_fit(X, y + 1),
    "partial_fit, other classes": lambda e, y: e.partial_fit(
        X, y, classes=[0, 1, 2]
    ).partial_fit(X, y, classes=[0, 1, 3]),
    "warm fit, other classes": lambda e, y: fitted(e, y, warm_start=True).fit(X, y + 1),
    "warm fit, fewer classes": lambda e, y: fitted(e, y, warm_start=True).fit(X, y % 2),
    "predict_proba before fit": lambda e, y: e.predict_proba(X),
    "predict_log_proba before fit": lambda e, y: e.predict_log_proba(X),
    "one held out of three classes": lambda e, y: fitted(
        e, y, early_stopping=True, validation_fraction=0.01
    ),
}
SAME_WORDS_CASES = [
    pytest.param(Estimator, case, id=f"{Estimator.__name__}-{name}")
    for Estimator, table in [
        (GDNeuralRegressor, SAME_WORDS),
        (GDNeuralClassifier, SAME_WORDS | SAME_WORDS_OF_CLASSIFIERS),
    ]
    for name, case in table.items()
]


def words(Estimator, case, y):
    """Type and message of the error, without the name of the class."""
    estimator = quick(Estimator)
    try:
        case(estimator, y)
    except (ValueError, TypeError) as error:
        return type(error), str(error).replace(Estimator.__name__, "Estimator")
    return None


@pytest.mark.parametrize(("Estimator", "case"), SAME_WORDS_CASES)
# NumPy's overflow on the way to the error, where arithmetic is scikit-learn's.
@pytest.mark.filterwarnings("ignore::RuntimeWarning:sklearn")
def test_worded_as_scikit_learn(Estimator, case):
    ours = words(Estimator, case, Y[Estimator])
    assert ours is not None
    assert ours == words(SKLEARN[Estimator], case, Y[Estimator])


SAME_WORDS_AND_MORE = {
    "zero units": lambda e, y: fitted(e, y, hidden_layer_sizes=(0,)),
    "negative units": lambda e, y: fitted(e, y, hidden_layer_sizes=(8, -1)),
    "partial_fit with early_stopping": lambda e, y: e.set_params(
        early_stopping=True
    ).partial_fit(X, y, **({"classes": [0, 1, 2]} if y is CLASSES else {})),
}


@each_estimator
@each(SAME_WORDS_AND_MORE)
def test_worded_as_scikit_learn_and_what_to_do(Estimator, case):
    kind, ours = words(Estimator, case, Y[Estimator])
    sklearn_kind, theirs = words(SKLEARN[Estimator], case, Y[Estimator])
    assert kind is sklearn_kind
    assert ours.startswith(theirs)
    assert re.search("[Ww]rite integers|pass X_val and y_val", ours[len(theirs) :])


SAME_WARNINGS = {
    "batch_size above n_samples": (UserWarning, {"batch_size": 61}, np.ravel),
    "y in one column": (DataConversionWarning, {}, lambda y: y[:, None]),
}


@each_estimator
@each(SAME_WARNINGS)
def test_warns_as_scikit_learn(Estimator, case):
    category, params, reshape = case
    messages = []
    for Each in (Estimator, SKLEARN[Estimator]):
        with pytest.warns(category) as record:
            quick(Each, **params).fit(X, reshape(Y[Estimator]))
        messages.append([str(w.message) for w in record if w.category is category])
    assert messages[0] == messages[1]
    assert len(messages[0]) == 1


@each_estimator
@pytest.mark.parametrize("solver", ["batch", "sgd"])
def test_batch_size_is_not_read_by_other_solvers(Estimator, solver):
    large = quick(Estimator, solver=solver, batch_size=61).fit(X, Y[Estimator])
    small = quick(Estimator, solver=solver, batch_size=5).fit(X, Y[Estimator])
    assert_array_equal(large.coefs_[0], small.coefs_[0])


# Where scikit-learn has no words ------------------------------------------------------


@each_estimator
def test_some_sample_must_have_weight(Estimator):
    with pytest.raises(ValueError, match="Sample weights must contain at least one"):
        quick(Estimator).fit(X, Y[Estimator], sample_weight=np.zeros(60))


@each_estimator
@pytest.mark.parametrize("row", range(0, 60, 10))
def test_both_parts_of_the_early_stopping_split_need_weight(Estimator, row):
    weights = (np.arange(60) == row).astype(float)
    with pytest.raises(ValueError, match="Sample weights must contain"):
        quick(Estimator, early_stopping=True).fit(X, Y[Estimator], weights)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_poisson_names_the_loss_that_a_negative_target_is_out_of_range_for(method):
    regressor = quick(GDNeuralRegressor, loss="poisson")
    with pytest.raises(ValueError, match=r"y are out of .*'poisson', .* y >= 0"):
        getattr(regressor, method)(X, spoiled(ONES, -1e-9))


def test_a_class_with_one_member_cannot_be_split_and_is_told_by_its_label():
    y = np.where(np.arange(60) == 7, "lonely", np.array(["a", "b", "c"])[CLASSES])
    with pytest.raises(ValueError, match="only 1 member") as reason:
        train_test_split(y, stratify=y)
    with pytest.raises(ValueError, match=re.escape(str(reason.value))):
        quick(GDNeuralClassifier, early_stopping=True).fit(X, y)


def test_text_is_no_target_of_a_regressor():
    with pytest.raises(ValueError, match=r"could not convert string to float.*'low'"):
        quick(GDNeuralRegressor).fit(X, ["low"] * 60)


def test_nan_in_the_first_y_of_partial_fit_is_named():
    y = spoiled(CLASSES, np.nan)
    with pytest.raises(ValueError, match="Input y contains NaN"):
        quick(GDNeuralClassifier).partial_fit(X, y, classes=[0, 1, 2])


@pytest.mark.parametrize("fitted_by", ["fit", "partial_fit"])
def test_partial_fit_names_both_numbers_of_outputs(fitted_by):
    regressor = quick(GDNeuralRegressor)
    getattr(regressor, fitted_by)(X, X[:, :3])
    with pytest.raises(ValueError, match="y has 2 outputs, but the network 3"):
        regressor.partial_fit(X, X[:, :2])


@each_estimator
@pytest.mark.parametrize("sizes", [(4,), (8, 8), ()])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_fitted_network_keeps_its_layers(Estimator, sizes, method):
    estimator = quick(Estimator, warm_start=True).fit(X, Y[Estimator])
    n_outputs = estimator.n_outputs_
    estimator.set_params(hidden_layer_sizes=sizes)
    then, now = [4, 8, n_outputs], [4, *sizes, n_outputs]
    with pytest.raises(ValueError, match=f"{re.escape(str(then))}.*") as error:
        getattr(estimator, method)(X, Y[Estimator])
    assert str(now) in str(error.value)
    assert "warm_start=False" in str(error.value)


TOO_LARGE = {
    "y": {"y": 1e300 * ONES},
    "X": {"X": 1e300 * X},
    "sample_weight": {"sample_weight": 1e300 * ONES},
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_what_float32_cannot_hold_is_named(name):
    data = {"X": X.astype(np.float32), "y": Y[GDNeuralRegressor]}
    regressor = quick(GDNeuralRegressor).fit(**data)
    with pytest.raises(ValueError, match=rf"Input {name} contains .*too large.*32"):
        regressor.partial_fit(**{**data, **TOO_LARGE[name]})


@each_estimator
@pytest.mark.parametrize("name", ["coefs_", "intercepts_"])
def test_an_unfitted_network_has_no_layers(Estimator, name):
    estimator = Estimator()
    assert not hasattr(estimator, name)
    with pytest.raises(AttributeError, match=f"{Estimator.__name__} is not fitted"):
        getattr(estimator, name)
    with pytest.raises(AttributeError, match=f"{Estimator.__name__} is not fitted"):
        setattr(estimator, name, [])


# Validation data ----------------------------------------------------------------------

INCOMPLETE = {
    "X_val": ({"X_val": X}, "X_val needs y_val, got y_val=None"),
    "y_val": ({"y_val": CLASSES}, "y_val .*need X_val, got X_val=None"),
    "sample_weight_val": (
        {"sample_weight_val": ONES},
        "sample_weight_val need X_val, got X_val=None",
    ),
    "X_val and weights": (
        {"X_val": X, "sample_weight_val": ONES},
        "X_val needs y_val, got y_val=None",
    ),
}
BAD_VALIDATION = {
    "nan in X_val": ("X_val", {"X_val": spoiled(X, np.nan)}),
    "inf in X_val": ("X_val", {"X_val": spoiled(X, np.inf)}),
    "X_val in 1d": ("X_val", {"X_val": X[:, 0]}),
    "X_val in 3d": ("X_val", {"X_val": X[None]}),
    "X_val of other width": ("X_val", {"X_val": X[:, :3]}),
    "nan in y_val": ("y_val", {"y_val": spoiled(CLASSES, np.nan)}),
    "too few y_val": ("y_val", {"y_val": CLASSES[:-1]}),
    "nan in weights": (
        "sample_weight_val",
        {"sample_weight_val": spoiled(ONES, np.nan)},
    ),
    "too few weights": ("sample_weight_val", {"sample_weight_val": ONES[:-1]}),
    "no weight": ("sample_weight_val", {"sample_weight_val": 0 * ONES}),
}


@each_estimator
@each(INCOMPLETE)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_validation_data_come_in_pairs(Estimator, case, early_stopping):
    data, message = case
    estimator = quick(Estimator, early_stopping=early_stopping)
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, Y[Estimator], **data)


@each_estimator
@each(BAD_VALIDATION)
def test_bad_validation_data_are_named(Estimator, case):
    name, data = case
    validation = {"X_val": X, "y_val": Y[Estimator], **data}
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        quick(Estimator).fit(X, Y[Estimator], **validation)


@each_estimator
def test_a_score_needs_two_samples(Estimator):
    y = Y[Estimator]
    with pytest.raises(ValueError, match=r"X_val and y_val: .* at least 2 samples"):
        quick(Estimator).fit(X, y, X_val=X[:1], y_val=y[:1])


def test_an_unseen_class_in_y_val_is_named():
    with pytest.raises(ValueError, match=r"\by_val\b.*\[1 2 3\]"):
        quick(GDNeuralClassifier).fit(X, CLASSES, X_val=X, y_val=CLASSES + 1)


def test_another_number_of_outputs_in_y_val_is_named():
    with pytest.raises(ValueError, match=r"\by_val\b.*2 outputs"):
        quick(GDNeuralRegressor).fit(X, X[:, 0], X_val=X, y_val=X[:, :2])


def test_a_negative_y_val_is_out_of_range_for_poisson():
    regressor = quick(GDNeuralRegressor, loss="poisson")
    with pytest.raises(ValueError, match=r"\by_val\b.*'poisson'"):
        regressor.fit(X, ONES, X_val=X, y_val=-ONES)


@each_estimator
def test_partial_fit_stops_early_only_on_validation_data(Estimator):
    estimator = quick(Estimator, early_stopping=True).fit(X, Y[Estimator])
    with pytest.raises(ValueError, match=r"partial_fit .*: pass X_val and y_val"):
        estimator.partial_fit(X, Y[Estimator])
    n_scores = len(estimator.validation_scores_)
    estimator.partial_fit(X, Y[Estimator], X_val=X, y_val=Y[Estimator])
    assert len(estimator.validation_scores_) == n_scores + 1


# A call that fails --------------------------------------------------------------------


class Failing(NamedTuple):
    """A method, the parameters set before, and the arguments that differ from good."""

    method: str
    params: dict
    arguments: dict


HUGE_STEPS = {"learning_rate_init": 1e300}
HUGE_PLAIN_STEPS = {"learning_rate_init": 1e308, "optimizer": "gd"}
FAILING = {
    "bad parameter": Failing("fit", {"alpha": -1}, {}),
    "bad parameter, partial": Failing("partial_fit", {"alpha": -1}, {}),
    "solver of scikit-learn": Failing("fit", {"solver": "lbfgs"}, {}),
    "no units": Failing("fit", {"hidden_layer_sizes": (0,)}, {}),
    "no units, partial": Failing("partial_fit", {"hidden_layer_sizes": (0,)}, {}),
    "nan in X": Failing("fit", {}, {"X": spoiled(X, np.nan)}),
    "nan in X, partial": Failing("partial_fit", {}, {"X": spoiled(X, np.nan)}),
    "nan in y": Failing("fit", {}, {"y": spoiled(CLASSES, np.nan)}),
    "nan in y, partial": Failing("partial_fit", {}, {"y": spoiled(CLASSES, np.nan)}),
    "other X, too few y": Failing("fit", {}, {"X": X[:, :3], "y": CLASSES[:-1]}),
    "other X, nan in weights": Failing(
        "fit", {}, {"X": X[:, :3], "sample_weight": np.nan * ONES}
    ),
    "no weight": Failing("fit", {}, {"sample_weight": 0 * ONES}),
    "no weight, partial": Failing("partial_fit", {}, {"sample_weight": 0 * ONES}),
    "X_val alone": Failing("fit", {}, {"X_val": X}),
    "X_val alone, partial": Failing("partial_fit", {}, {"X_val": X}),
    "nan in X_val": Failing("fit", {}, {"X_val": spoiled(X, np.nan), "y_val": CLASSES}),
    "y_val alone": Failing("fit", {}, {"y_val": CLASSES}),
    "no X_val, partial": Failing("partial_fit", {"early_stopping": True}, {}),
    "nothing held out": Failing(
        "fit", {"early_stopping": True, "validation_fraction": 0.0}, {}
    ),
    "a part without weight": Failing(
        "fit", {"early_stopping": True}, {"sample_weight": spoiled(0 * ONES, 1)}
    ),
    "divergence": Failing("fit", HUGE_STEPS, {}),
    "divergence, float32": Failing("fit", HUGE_STEPS, {"X": X.astype(np.float32)}),
    "divergence, new features": Failing("fit", HUGE_STEPS, {"X": X[:, :3]}),
    "divergence in the epoch, partial": Failing(
        "partial_fit", HUGE_PLAIN_STEPS, {"X": 1e3 * X}
    ),
    "divergence from the start, partial": Failing(
        "partial_fit", {}, {"X": 1e308 * np.sign(X)}
    ),
    "divergence in a warm fit": Failing("fit", {**HUGE_STEPS, "warm_start": True}, {}),
}
FAILING_AFTER_FIT = {
    "other features, partial": Failing("partial_fit", {}, {"X": X[:, :3]}),
    "other features, warm": Failing("fit", {"warm_start": True}, {"X": X[:, :3]}),
    "other targets, partial": Failing(
        "partial_fit", {}, {"y": np.c_[CLASSES] + [1, 2]}
    ),
    "other targets, warm": Failing(
        "fit", {"warm_start": True}, {"y": np.c_[CLASSES] + [1, 2]}
    ),
    "other layers, partial": Failing("partial_fit", {"hidden_layer_sizes": (4,)}, {}),
    "other layers, warm": Failing(
        "fit", {"hidden_layer_sizes": (4,), "warm_start": True}, {}
    ),
}
FAILING_AFTER_FIT_OF_CLASSIFIERS = {
    "unseen class, partial": Failing("partial_fit", {}, {"y": CLASSES + 1}),
    "other classes, partial": Failing("partial_fit", {}, {"classes": [0, 1, 3]}),
    "other classes, warm": Failing("fit", {"warm_start": True}, {"y": CLASSES + 1}),
}


def fail(estimator, case):
    """Set the parameters, then make the call fail; return the state before it."""
    estimator.set_params(**case.params)
    good = {"X": X, "y": Y[type(estimator)]}
    if isinstance(estimator, GDNeuralClassifier) and case.method == "partial_fit":
        good["classes"] = [0, 1, 2]
    before = contents(estimator)
    with pytest.raises(ValueError, match=r"\w"):
        getattr(estimator, case.method)(**{**good, **case.arguments})
    return before


def contents(estimator):
    """A digest of each attribute, random state included."""
    return {name: joblib.hash(value) for name, value in vars(estimator).items()}


def outputs(estimator):
    return getattr(estimator, "predict_proba", estimator.predict)(X)


def failing_cases(*tables):
    return [
        pytest.param(Estimator, case, id=f"{Estimator.__name__}-{name}")
        for Estimator in ESTIMATORS
        for table in tables
        for name, case in table.items()
        if Estimator is GDNeuralClassifier
        or table is not FAILING_AFTER_FIT_OF_CLASSIFIERS
    ]


@each_solver
@pytest.mark.parametrize(
    ("Estimator", "case"),
    failing_cases(FAILING, FAILING_AFTER_FIT, FAILING_AFTER_FIT_OF_CLASSIFIERS),
)
def test_failed_fit_changes_nothing(Estimator, case, solver):
    estimator = quick(Estimator, solver=solver).fit(X, Y[Estimator])
    predictions = outputs(estimator)
    before = fail(estimator, case)
    assert contents(estimator) == before
    assert_array_equal(outputs(estimator), predictions, strict=True)


@each_solver
@pytest.mark.parametrize(("Estimator", "case"), failing_cases(FAILING))
def test_failed_first_fit_leaves_the_estimator_unfitted(Estimator, case, solver):
    estimator = quick(Estimator, solver=solver)
    before = fail(estimator, case)
    assert contents(estimator) == before
    with pytest.raises(NotFittedError):
        estimator.predict(X)


@each_estimator
@each_solver
def test_training_goes_on_as_if_a_failed_call_had_not_been(Estimator, solver):
    data = X, Y[Estimator]
    estimator = quick(Estimator, solver=solver).fit(*data)
    expected = clone(estimator).fit(*data).partial_fit(*data)
    fail(estimator, FAILING["divergence from the start, partial"])
    estimator.partial_fit(*data)
    assert_array_equal(outputs(estimator), outputs(expected), strict=True)
