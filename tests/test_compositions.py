"""Whatever holds networks, from scikit-learn's to skgd's and back, by one call."""

import copy
import gc
import pickle
from functools import lru_cache, partial
from threading import Lock
from types import FunctionType, ModuleType

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import loguniform, randint, uniform
from sklearn.base import BaseEstimator, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import (
    enable_halving_search_cv,  # noqa: F401
    enable_iterative_imputer,  # noqa: F401
)
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.impute import IterativeImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    ParameterGrid,
    ParameterSampler,
    RandomizedSearchCV,
    StratifiedKFold,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import (
    OneVsOneClassifier,
    OneVsRestClassifier,
    OutputCodeClassifier,
)
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.semi_supervised import SelfTrainingClassifier

import skgd
from skgd import GDNeuralClassifier, GDNeuralRegressor

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    # What scikit-learn says of a batch that is larger than the data.
    "ignore:Got `batch_size` less than 1:UserWarning",
)

OURS = {MLPClassifier: GDNeuralClassifier, MLPRegressor: GDNeuralRegressor}
NETWORKS = {"theirs": tuple(OURS), "ours": tuple(OURS.values())}

_rng = np.random.default_rng(0)
X = _rng.normal(size=(60, 4))
_code = np.digitize(X[:, 0] - X[:, 1], [-0.5, 0.5])
Y = {
    "labels": np.array(["high", "low", "mid"])[_code],
    "two labels": np.where(X[:, 0] > 0, "yes", "no"),
    "many labels": (X[:, :2] > 0).astype(int),
    "some labels": np.where(np.arange(60) % 4, _code, -1),
    "number": 4 + X[:, 0] - X[:, 1] * X[:, 2],
    "numbers": X[:, :2] * X[:, 2:],
}
OF_NUMBERS = {"number", "numbers"}


def classifier(**params):
    settings = {"max_iter": 3, "batch_size": 16, "learning_rate_init": 0.02}
    return MLPClassifier((4,), random_state=0, **{**settings, **params})


def regressor(**params):
    settings = {"max_iter": 3, "batch_size": 16, "learning_rate_init": 0.02}
    return MLPRegressor(
        hidden_layer_sizes=(4,), random_state=0, **{**settings, **params}
    )


adam, sgd = classifier, partial(classifier, solver="sgd")
lbfgs = partial(classifier, solver="lbfgs", max_iter=2)


class NetworkAsTransformer(BaseEstimator):
    """Features from a network, as people write such a class themselves."""

    def __init__(self, network):
        self.network = network

    def fit(self, X, y=None):
        self.network_ = clone(self.network).fit(X, y)
        return self

    def transform(self, X):
        return self.network_.predict_proba(X)


def first_weights(network):
    return np.abs(network.coefs_[0]).sum(axis=1)


def accuracy(y, predicted):
    return accuracy_score(y, predicted)


def columns(*steps):
    return ColumnTransformer([(f"c{i}", s, [i]) for i, s in enumerate(steps)])


def stacking_within():
    inner = Pipeline([("columns", columns(StandardScaler())), ("net", regressor())])
    members = [("a", inner), ("b", LinearRegression())]
    stack = StackingRegressor(members, LinearRegression(), cv=2)
    return GridSearchCV(
        TransformedTargetRegressor(stack, func=np.log1p, inverse_func=np.expm1),
        {"regressor__a__net__solver": ["adam", "sgd"]},
        cv=2,
    )


# What the target is, and a function that makes the composition.
COMPOSITIONS = {
    "network": ("labels", adam),
    "network lbfgs": ("labels", lbfgs),
    "pipeline": ("labels", lambda: make_pipeline(StandardScaler(), sgd())),
    "pipeline with lambda": (
        "labels",
        lambda: make_pipeline(FunctionTransformer(lambda X: X * 2), sgd()),
    ),
    "pipeline with memory": (
        "labels",
        lambda: Pipeline(
            [("scale", StandardScaler()), ("net", adam())],
            memory=joblib.Memory(None, verbose=0),
        ),
    ),
    "selected features": (
        "labels",
        lambda: make_pipeline(
            SelectFromModel(adam(), importance_getter=first_weights), lbfgs()
        ),
    ),
    "rfe": (
        "labels",
        lambda: RFE(sgd(), n_features_to_select=2, importance_getter=first_weights),
    ),
    "columns": (
        "labels",
        lambda: Pipeline(
            [
                ("of", columns(NetworkAsTransformer(adam()), MinMaxScaler())),
                ("net", sgd(nesterovs_momentum=False)),
            ]
        ),
    ),
    "union": (
        "labels",
        lambda: make_pipeline(
            FeatureUnion(
                [("net", NetworkAsTransformer(lbfgs())), ("all", "passthrough")]
            ),
            adam(),
        ),
    ),
    "imputer": (
        "labels",
        lambda: make_pipeline(IterativeImputer(regressor(), max_iter=1), adam()),
    ),
    "transformed target": (
        "number",
        lambda: TransformedTargetRegressor(regressor(), transformer=StandardScaler()),
    ),
    "stacking": (
        "labels",
        lambda: StackingClassifier([("a", adam()), ("b", lbfgs())], sgd(), cv=2),
    ),
    "stacking regressor": (
        "number",
        lambda: StackingRegressor([("net", regressor())], regressor(), cv=2),
    ),
    "voting": (
        "labels",
        lambda: VotingClassifier([("a", adam()), ("b", sgd())], voting="soft"),
    ),
    "voting with one dropped": (
        "number",
        lambda: VotingRegressor([("a", regressor()), ("b", "drop")]),
    ),
    "bagging": ("labels", lambda: BaggingClassifier(adam(), 2, random_state=0)),
    "bagging regressor": (
        "number",
        lambda: BaggingRegressor(regressor(solver="sgd"), 2, random_state=0),
    ),
    "boosting": (
        "labels",
        lambda: AdaBoostClassifier(adam(max_iter=20), n_estimators=2, random_state=0),
    ),
    "calibrated": ("labels", lambda: CalibratedClassifierCV(sgd(), cv=2)),
    "calibrated isotonic": (
        "two labels",
        lambda: CalibratedClassifierCV(adam(), method="isotonic", ensemble=False, cv=2),
    ),
    "threshold": ("two labels", lambda: TunedThresholdClassifierCV(adam(), cv=2)),
    "multi-output": ("many labels", lambda: MultiOutputClassifier(sgd())),
    "multi-output regressor": ("numbers", lambda: MultiOutputRegressor(regressor())),
    "chain": ("many labels", lambda: ClassifierChain(adam(), order=[1, 0])),
    "chain of regressors": ("numbers", lambda: RegressorChain(regressor())),
    "one against rest": ("labels", lambda: OneVsRestClassifier(sgd())),
    "one against one": ("labels", lambda: OneVsOneClassifier(adam())),
    "output codes": ("labels", lambda: OutputCodeClassifier(adam(), random_state=0)),
    "self-training": (
        "some labels",
        lambda: SelfTrainingClassifier(adam(), threshold=0.4, max_iter=2),
    ),
    "grid search": (
        "labels",
        lambda: GridSearchCV(
            make_pipeline(StandardScaler(), adam()),
            {"mlpclassifier__solver": ["adam", "lbfgs"]},
            scoring=make_scorer(accuracy),
            cv=StratifiedKFold(2, shuffle=True, random_state=0),
        ),
    ),
    "random search": (
        "labels",
        lambda: RandomizedSearchCV(
            adam(),
            {"alpha": loguniform(1e-4, 1), "solver": ["adam", "sgd"]},
            n_iter=2,
            cv=2,
            random_state=3,
        ),
    ),
    "halving": (
        "labels",
        lambda: HalvingGridSearchCV(
            sgd(),
            {"nesterovs_momentum": [True, False], "alpha": [0.1, 1]},
            resource="max_iter",
            max_resources=4,
            min_resources=2,
            factor=2,
            cv=2,
        ),
    ),
    "halving random": (
        "labels",
        lambda: HalvingRandomSearchCV(
            adam(),
            {"momentum": uniform(0, 0.9), "solver": ["adam", "sgd"]},
            n_candidates=2,
            factor=2,
            min_resources=30,
            cv=2,
            random_state=1,
        ),
    ),
    "search of steps": (
        "labels",
        lambda: GridSearchCV(
            Pipeline([("net", LogisticRegression())]),
            {"net": [sgd(), LogisticRegression()], "net__tol": [1e-3]},
            cv=2,
        ),
    ),
    "search in stacking": (
        "labels",
        lambda: StackingClassifier(
            [("found", GridSearchCV(sgd(), {"solver": ["lbfgs", "sgd"]}, cv=2))],
            cv=2,
        ),
    ),
    "stacking in search": ("number", stacking_within),
    "shared generator": (
        "number",
        lambda: (
            lambda shared: make_pipeline(
                QuantileTransformer(n_quantiles=9, subsample=20, random_state=shared),
                regressor().set_params(random_state=shared),
            )
        )(np.random.RandomState(0)),
    ),
}
each_composition = pytest.mark.parametrize(
    ("target", "make"), COMPOSITIONS.values(), ids=COMPOSITIONS
)


def outputs(estimator, X=X):
    return getattr(estimator, "predict_proba", estimator.predict)(X)


def assert_same_outputs(a, b):
    for x, y in zip(_as_list(outputs(a)), _as_list(outputs(b)), strict=True):
        if np.asarray(x).dtype.kind in "OU":  # one that has no probabilities
            assert_array_equal(x, y)
        else:
            assert_allclose(x, y, rtol=1e-6, atol=1e-9)


def _as_list(predicted):
    return predicted if isinstance(predicted, list) else [predicted]


SHARED = (type, FunctionType, ModuleType, np.ufunc)


def parts_of(obj):
    """All objects that an object refers to, found without pickling."""
    seen, queue = {}, [obj]
    while queue:
        part = queue.pop()
        if id(part) in seen or isinstance(part, SHARED):
            continue
        seen[id(part)] = part
        queue += gc.get_referents(part)
        if isinstance(part, np.ndarray) and part.dtype == object:
            queue += np.asarray(part).ravel().tolist()
    return seen


def count(obj, side):
    return sum(type(part) in NETWORKS[side] for part in parts_of(obj).values())


def assert_nothing_shared(a, b):
    mutable = (list, dict, set, np.ndarray, BaseEstimator, np.random.RandomState)
    parts = parts_of(a)
    both = [parts[i] for i in parts.keys() & parts_of(b).keys()]
    # Some empty containers belong to the library, and not to an instance.
    assert [each for each in both if isinstance(each, mutable) and np.size(each)] == []


def names_of_parts(estimator):
    """The names of nested parameters, without those that networks have."""
    params = estimator.get_params(deep=True)
    networks = NETWORKS["theirs"] + NETWORKS["ours"]
    return {
        name
        for name in params
        if not isinstance(params.get(name.rpartition("__")[0], estimator), networks)
    }


# Compositions -------------------------------------------------------------------------


@each_composition
def test_what_is_not_fitted_is_converted_and_trains_the_same(target, make):
    original = make()
    before = pickle.dumps(original) if "lambda" not in repr(original) else None
    converted = skgd.from_sklearn(original)
    assert type(converted) in {type(original), OURS.get(type(original))}
    assert count(original, "ours") == count(converted, "theirs") == 0
    assert count(converted, "ours") == count(original, "theirs") > 0
    assert names_of_parts(converted) == names_of_parts(original)
    assert_nothing_shared(converted, original)
    converted.fit(X, Y[target])
    assert before is None or pickle.dumps(original) == before
    assert_same_outputs(converted, original.fit(X, Y[target]))


@pytest.fixture(scope="module")
def fitted():
    known = {}

    def fitted(make, target):
        if make not in known:
            known[make] = make().fit(X, Y[target])
        return known[make]

    return fitted


@each_composition
def test_what_is_fitted_predicts_the_same_there_and_back(target, make, fitted):
    original = fitted(make, target)
    converted = skgd.from_sklearn(original)
    assert count(converted, "theirs") == 0
    assert count(converted, "ours") == count(original, "theirs")
    assert_nothing_shared(converted, original)
    assert_same_outputs(converted, original)
    back = skgd.to_sklearn(converted)
    assert type(back) is type(original)
    assert count(back, "ours") == 0
    assert count(back, "theirs") == count(original, "theirs")
    assert back.get_params().keys() == original.get_params().keys()
    assert_nothing_shared(back, converted)
    assert_same_outputs(back, original)


@each_composition
def test_what_is_fitted_can_be_fitted_anew(target, make, fitted):
    converted = skgd.from_sklearn(fitted(make, target))
    original = copy.deepcopy(fitted(make, target))
    shift = X[::-1].copy()
    assert_same_outputs(converted.fit(shift, Y[target]), original.fit(shift, Y[target]))


@pytest.mark.parametrize(
    ("make", "target"),
    [
        (lambda network: network, "labels"),
        (OneVsRestClassifier, "labels"),
        (MultiOutputClassifier, "many labels"),
    ],
    ids=["alone", "one against rest", "multi-output"],
)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_partial_fit_goes_on_with_the_memory(make, target, solver):
    y = Y[target]
    classes = [[0, 1], [0, 1]] if y.ndim == 2 else np.unique(y)
    # In each call, scikit-learn shuffles as in the first one.
    original = make(classifier(solver=solver, shuffle=False))
    original.partial_fit(X, y, classes=classes)
    converted = skgd.from_sklearn(original)
    assert_same_outputs(converted.partial_fit(X, y), original.partial_fit(X, y))
    back = skgd.to_sklearn(converted)
    assert_same_outputs(back.partial_fit(X, y), converted.partial_fit(X, y))


def test_containers_are_converted_and_keep_their_shape():
    shared = adam()
    nested = {"a": [shared, (sgd(), None)], "b": shared, 3: np.array([shared, 1], "O")}
    converted = skgd.from_sklearn(nested)
    assert list(converted) == ["a", "b", 3]
    assert type(converted["a"][1]) is tuple
    assert converted["a"][0] is converted["b"] is converted[3][0]
    assert type(converted["b"]) is GDNeuralClassifier
    assert type(nested["b"]) is MLPClassifier


def test_a_frozen_network_stays_frozen():
    frozen = FrozenEstimator(adam().fit(X, Y["labels"]))
    converted = skgd.from_sklearn(frozen)
    assert type(converted) is FrozenEstimator
    assert_same_outputs(converted.fit(X, None), frozen)


def test_methods_of_networks_become_those_of_their_conversions():
    network = adam().fit(X, Y["labels"])
    transformer = FunctionTransformer(network.predict_proba)
    converted = skgd.from_sklearn([network, transformer])
    assert converted[1].func.__self__ is converted[0]
    alone = skgd.from_sklearn(transformer)
    assert_allclose(alone.transform(X), transformer.transform(X), rtol=1e-6)


def test_a_generator_of_several_parts_stays_one():
    shared = np.random.RandomState(0)
    converted = skgd.from_sklearn([shared, adam().set_params(random_state=shared)])
    assert converted[0] is converted[1].random_state is not shared


def test_names_of_features_are_kept():
    frame = pd.DataFrame(X, columns=list("abcd"))
    original = make_pipeline(StandardScaler().set_output(transform="pandas"), adam())
    converted = skgd.from_sklearn(original.fit(frame, Y["labels"]))
    assert_allclose(outputs(converted, frame), outputs(original, frame), rtol=1e-6)
    assert_array_equal(converted[-1].feature_names_in_, list("abcd"))
    with pytest.raises(ValueError, match="feature names"):
        converted.predict(frame[list("dcba")])


# Grids --------------------------------------------------------------------------------

BOTH = [True, False]
PIPELINE = make_pipeline(StandardScaler(), adam())
GRIDS = {
    "of the issue": (
        PIPELINE,
        {
            "mlpclassifier__solver": ["adam", "sgd", "lbfgs"],
            "mlpclassifier__nesterovs_momentum": BOTH,
        },
    ),
    "empty": (adam(), {}),
    "list of empty": (adam(), [{}, {"solver": ["sgd"]}]),
    "nothing respelled": (adam(), {"alpha": [0.1, 1], "beta_1": [0.5, 0.6]}),
    "keys before": (adam(), {"alpha": [0.1, 1], "solver": ["adam", "sgd"]}),
    "keys between": (
        sgd(),
        {
            "nesterovs_momentum": BOTH,
            "power_t": [0.4, 0.5],
            "random_state": [0, None],
            "solver": ["adam", "sgd", "lbfgs"],
        },
    ),
    "keys after": (
        adam(),
        {"solver": ["sgd", "adam"], "tol": [0.1, 1], "verbose": [0]},
    ),
    "adaptive of adam": (adam(), {"learning_rate": ["adaptive", "constant"]}),
    "adaptive below": (
        adam(learning_rate="adaptive"),
        {"solver": ["adam", "sgd", "lbfgs"], "alpha": [0.1, 1]},
    ),
    "schedules": (
        adam(),
        {
            "learning_rate": ["adaptive", "invscaling", "constant"],
            "solver": ["adam", "sgd", "lbfgs"],
        },
    ),
    "early stopping": (
        adam(),
        {"early_stopping": BOTH, "solver": ["lbfgs", "adam"], "shuffle": [False]},
    ),
    "early stopping below": (adam(early_stopping=True), {"solver": ["lbfgs", "sgd"]}),
    "early stopping of lbfgs": (lbfgs(), {"early_stopping": BOTH}),
    "from lbfgs": (lbfgs(), {"solver": ["sgd", "lbfgs", "adam"]}),
    "no momentum": (sgd(), {"momentum": [0.0, 0.5], "nesterovs_momentum": BOTH}),
    "momentum of adam": (adam(), {"nesterovs_momentum": BOTH}),
    "sizes": (
        adam(),
        {
            "hidden_layer_sizes": [(), 3, (3,), (3, 3), [3, 3]],
            "solver": ["adam", "sgd"],
            "activation": ["tanh", "relu"],
            "batch_size": ["auto", 5],
        },
    ),
    "sizes in arrays": (
        adam(),
        {
            "hidden_layer_sizes": [np.array([5]), np.array([5, 5])],
            "solver": ["adam", "sgd"],
        },
    ),
    "arrays": (
        adam(),
        {
            "alpha": np.logspace(-3, 0, 3),
            "max_iter": np.arange(1, 3),
            "solver": np.array(["sgd", "adam"]),
            "nesterovs_momentum": np.array(BOTH),
        },
    ),
    "one value twice": (adam(), {"solver": ["adam", "adam", "sgd"], "tol": [1, 1]}),
    "list": (
        PIPELINE,
        [
            {"mlpclassifier__solver": ["lbfgs"], "standardscaler": ["passthrough"]},
            {"mlpclassifier__solver": ["sgd"], "mlpclassifier__momentum": [0.1, 0.2]},
            {"standardscaler__with_mean": BOTH},
        ],
    ),
    "step": (PIPELINE, {"mlpclassifier": [sgd(), LogisticRegression()]}),
    "step with parameters": (
        PIPELINE,
        {
            "mlpclassifier": [adam(learning_rate="adaptive"), LogisticRegression()],
            "mlpclassifier__max_iter": [5, 6],
            "mlpclassifier__solver": ["lbfgs", "sgd"],
            "standardscaler": [MinMaxScaler(), "passthrough"],
        },
    ),
    "step around": (
        Pipeline([("last", LogisticRegression())]),
        {
            "last": [make_pipeline(lbfgs()), make_pipeline(adam(momentum=0.1))],
            "last__mlpclassifier__solver": ["sgd", "adam"],
        },
    ),
    "step in": (
        Pipeline([("last", make_pipeline(lbfgs()))]),
        {
            "last": [make_pipeline(adam(learning_rate="adaptive"))],
            "last__mlpclassifier__early_stopping": BOTH,
        },
    ),
    "deeper": (
        BaggingClassifier(Pipeline([("scale", StandardScaler()), ("mlp", sgd())])),
        {
            "estimator__mlp__solver": ["adam", "sgd"],
            "estimator__mlp__nesterovs_momentum": BOTH,
            "max_samples": [0.5, 0.6],
        },
    ),
    "two networks": (
        VotingClassifier([("a", sgd()), ("b", lbfgs(learning_rate="invscaling"))]),
        {
            "a__nesterovs_momentum": BOTH,
            "b__solver": ["adam", "sgd"],
            "b__alpha": [0.1, 1],
            "voting": ["soft", "hard"],
        },
    ),
    "estimators": (
        VotingClassifier([("a", sgd())]),
        {"estimators": [[("a", adam())], [("b", LogisticRegression())]]},
    ),
    "estimators with parameters": (
        VotingClassifier([("a", LogisticRegression())]),
        {
            "estimators": [[("a", adam())], [("a", LogisticRegression())]],
            "a__solver": ["sgd", "lbfgs"],
        },
    ),
    "generators": (
        adam(),
        {
            "random_state": [np.random.RandomState(0), np.random.RandomState(1)],
            "solver": ["adam", "sgd"],
        },
    ),
    "generator": (
        adam().set_params(random_state=np.random.RandomState(0)),
        {"alpha": [0.1, 1], "solver": ["adam", "sgd"]},
    ),
    "no networks": (PIPELINE, {"standardscaler__with_std": BOTH}),
}
each_grid = pytest.mark.parametrize(("base", "grid"), GRIDS.values(), ids=GRIDS)


def with_candidates(estimator, candidates):
    return [
        clone(estimator).set_params(**{k: clone(v, safe=False) for k, v in c.items()})
        for c in candidates
    ]


def described(estimator, convert=lambda network: network):
    """All parameters, comparable; the networks' after a conversion of each of them."""
    params = {"": estimator, **estimator.get_params(deep=True)}
    known = {}
    for place, value in params.items():
        if isinstance(value, NETWORKS["theirs"] + NETWORKS["ours"]):
            network = convert(value)
            for name, own in network.get_params(deep=False).items():
                known[f"{place}__{name}".lstrip("_")] = own
            known[place] = type(network)
        elif hasattr(value, "get_params"):
            known[place] = type(value)
    for name, value in params.items():
        parent = params.get(name.rpartition("__")[0])
        if not isinstance(parent, NETWORKS["theirs"] + NETWORKS["ours"]):
            known.setdefault(name, value)
    return {name: _comparable(value) for name, value in known.items()}


def _comparable(value):
    if isinstance(value, np.random.RandomState):
        return str(value.get_state())
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return [each[0] for each in value]  # steps, which have places of their own
    return repr(value)


def converted_alone(mlp):
    return OURS[type(mlp)].from_sklearn(mlp)


def assert_same_candidates(theirs, ours, candidates, translated):
    assert len(translated) == len(candidates)
    originals = with_candidates(theirs, candidates)
    for a, b in zip(originals, with_candidates(ours, translated), strict=True):
        assert described(b) == described(a, converted_alone)


@each_grid
def test_grids_give_the_same_candidates_in_the_same_order(base, grid):
    search = GridSearchCV(base, grid)
    converted = skgd.from_sklearn(search)
    candidates = list(ParameterGrid(grid))
    translated = list(ParameterGrid(converted.param_grid))
    assert_same_candidates(base, converted.estimator, candidates, translated)
    assert search.param_grid is grid


@each_grid
def test_grids_come_back_with_the_same_candidates(base, grid):
    ours = skgd.from_sklearn(GridSearchCV(base, grid))
    back = skgd.to_sklearn(ours)
    candidates = list(ParameterGrid(back.param_grid))
    translated = list(ParameterGrid(ours.param_grid))
    assert len(candidates) == len(translated)
    again = with_candidates(back.estimator, candidates)
    for a, b in zip(with_candidates(ours.estimator, translated), again, strict=True):
        assert described(b, converted_alone) == described(a)


@each_grid
def test_lists_that_are_drawn_from_give_the_same_candidates(base, grid):
    n_iter = min(4, len(ParameterGrid(grid)))
    search = RandomizedSearchCV(base, grid, n_iter=n_iter)
    converted = skgd.from_sklearn(search)
    drawn = list(ParameterSampler(grid, n_iter, random_state=5))
    translated = ParameterSampler(converted.param_distributions, n_iter, random_state=5)
    assert_same_candidates(base, converted.estimator, drawn, list(translated))


def test_a_grid_that_is_the_same_on_both_sides_stays_as_it_is():
    grid = {"alpha": [0.1, 1], "hidden_layer_sizes": [(3,), (4,)]}
    for network in (adam(), adam().set_params(random_state=np.random.RandomState(0))):
        assert skgd.from_sklearn(GridSearchCV(network, grid)).param_grid == grid


def test_a_grid_of_the_rule_alone_stays_one_grid():
    grid = {"solver": ["sgd", "adam"], "alpha": [0.1, 1]}
    converted = skgd.from_sklearn(GridSearchCV(adam(), grid))
    assert converted.param_grid == {
        "optimizer": ["nesterov", "adam"],
        "alpha": [0.1, 1],
    }


def test_lists_of_too_many_candidates_to_write_down_are_drawn_from():
    """They are 100 ** 6."""
    names = ("alpha", "beta_1", "beta_2", "epsilon", "tol", "momentum")
    lists = {name: list(np.linspace(0.01, 0.9, 100)) for name in names}
    converted = skgd.from_sklearn(RandomizedSearchCV(adam(), lists))
    assert converted.param_distributions == lists


OUR_GRIDS = {
    "optimizers": ({}, {"optimizer": ["adam", "nesterov", "momentum", "gd"]}),
    "no momentum": ({}, {"momentum": [0.1, 0.2], "optimizer": ["gd", "nesterov"]}),
    "solvers": (
        {"optimizer": "momentum"},
        {"solver": ["batch", "sgd", "minibatch"], "shuffle": [True], "tol": [0.1, 1]},
    ),
    "batch sizes": ({"solver": "batch"}, {"batch_size": [5, 6], "shuffle": [True]}),
    "lbfgs": ({"solver": "batch"}, {"optimizer": ["lbfgs", "adam"]}),
    "dropout": ({}, {"dropout": [0.0], "solver": ["sgd"]}),
    "losses": ({}, {"batch_norm": [False], "max_grad_norm": [None], "alpha": [1, 2]}),
    "activations": (
        {"hidden_layer_sizes": (3, 3)},
        {"activation": ["tanh", ["relu", "relu"]], "optimizer": ["gd", "adam"]},
    ),
    "schedules": (
        {"optimizer": "nesterov"},
        {"learning_rate": ["adaptive", "invscaling"], "optimizer": ["gd", "momentum"]},
    ),
}


@pytest.mark.parametrize(("params", "grid"), OUR_GRIDS.values(), ids=OUR_GRIDS)
@pytest.mark.filterwarnings("ignore:batch_size:UserWarning")
def test_our_grids_give_the_same_candidates_to_scikit_learn(params, grid):
    base = GDNeuralClassifier(**params)
    converted = skgd.to_sklearn(GridSearchCV(base, grid))
    assert type(converted.estimator) is MLPClassifier
    originals = with_candidates(base, ParameterGrid(grid))
    translated = with_candidates(
        converted.estimator, list(ParameterGrid(converted.param_grid))
    )
    assert len(originals) == len(translated)
    for ours, theirs in zip(originals, translated, strict=True):
        assert described(theirs) == described(ours, lambda each: each.to_sklearn())


# Distributions ------------------------------------------------------------------------

DISTRIBUTIONS = {
    "nothing respelled": (adam(), {"alpha": uniform(), "tol": [0.1, 1]}),
    "rule": (adam(), {"alpha": uniform(), "solver": ["adam", "sgd", "lbfgs"]}),
    "both": (
        adam(learning_rate="adaptive", early_stopping=True),
        {
            "solver": ["adam", "sgd", "lbfgs"],
            "nesterovs_momentum": BOTH,
            "power_t": uniform(0.2, 0.5),
            "hidden_layer_sizes": [(3,), (4, 4), 5],
            "batch_size": randint(3, 9),
        },
    ),
    "schedule": (adam(), {"alpha": uniform(), "learning_rate": ["adaptive"]}),
    "early stopping": (lbfgs(), {"alpha": uniform(), "early_stopping": BOTH}),
    "pipeline": (
        PIPELINE,
        {
            "mlpclassifier__solver": ["adam", "sgd"],
            "mlpclassifier__beta_1": uniform(0.5, 0.4),
            "standardscaler": ["passthrough", MinMaxScaler()],
        },
    ),
    "list": (
        sgd(),
        [
            {"alpha": loguniform(0.1, 1), "nesterovs_momentum": BOTH},
            {"solver": ["lbfgs", "adam"], "max_fun": randint(3, 9)},
            {"tol": uniform()},
            {"momentum": [0.1, 0.2]},
        ],
    ),
    "two networks": (
        VotingClassifier([("a", sgd()), ("b", adam())]),
        {
            "a__nesterovs_momentum": BOTH,
            "b__solver": ["adam", "sgd"],
            "b__alpha": uniform(),
            "weights": [[1, 2], [2, 1]],
        },
    ),
}
each_distribution = pytest.mark.parametrize(
    ("base", "given"), DISTRIBUTIONS.values(), ids=DISTRIBUTIONS
)


@each_distribution
@pytest.mark.parametrize("Search", [RandomizedSearchCV, HalvingRandomSearchCV])
def test_distributions_draw_the_same_candidates(Search, base, given):
    search = Search(base, given)
    converted = skgd.from_sklearn(search)
    drawn = list(ParameterSampler(given, 12, random_state=2))
    for ours in (
        converted,
        converted,
        clone(converted),
        pickle.loads(pickle.dumps(converted)),
        copy.deepcopy(converted),
    ):
        again = list(ParameterSampler(ours.param_distributions, 12, random_state=2))
        assert_same_candidates(base, ours.estimator, drawn, again)


@each_distribution
def test_distributions_come_back_with_the_same_candidates(base, given):
    back = skgd.to_sklearn(skgd.from_sklearn(RandomizedSearchCV(base, given)))
    drawn = list(ParameterSampler(given, 12, random_state=2))
    again = list(ParameterSampler(back.param_distributions, 12, random_state=2))
    # What scikit-learn does not read, such as a schedule of adam, may be lost.
    pairs = zip(
        with_candidates(base, drawn),
        with_candidates(back.estimator, again),
        strict=True,
    )
    for a, b in pairs:
        assert described(b, converted_alone) == described(a, converted_alone)


def test_distributions_that_are_all_there_come_back_themselves():
    given = {"alpha": uniform(), "solver": ["adam", "sgd"], "nesterovs_momentum": BOTH}
    back = skgd.to_sklearn(skgd.from_sklearn(RandomizedSearchCV(sgd(), given)))
    assert back.param_distributions.keys() == given.keys()
    assert back.param_distributions["alpha"].args == given["alpha"].args


def test_a_search_from_a_file_draws_the_same(tmp_path):
    base, given = DISTRIBUTIONS["both"]
    joblib.dump(skgd.from_sklearn(RandomizedSearchCV(base, given)), tmp_path / "search")
    ours = joblib.load(tmp_path / "search")
    drawn = list(ParameterSampler(given, 12, random_state=2))
    again = list(ParameterSampler(ours.param_distributions, 12, random_state=2))
    assert_same_candidates(base, ours.estimator, drawn, again)


@pytest.mark.parametrize("left_out", ["alpha", "optimizer"])
def test_a_drawn_parameter_can_be_made_a_list_afterwards(left_out):
    given = {"alpha": uniform(), "solver": ["adam", "sgd"]}
    search = skgd.from_sklearn(RandomizedSearchCV(adam(), given))
    search.param_distributions[left_out] = ["put"]
    drawn = list(ParameterSampler(search.param_distributions, 20, random_state=0))
    other = {"alpha": "optimizer", "optimizer": "alpha"}[left_out]
    assert {each[left_out] for each in drawn} == {"put"}
    assert len({each[other] for each in drawn}) > 1


def test_our_distributions_draw_the_same_for_scikit_learn():
    given = {"alpha": uniform(), "optimizer": ["gd", "adam"], "batch_size": [5, 6]}
    for solver in ("batch", "minibatch"):
        base = GDNeuralClassifier(solver=solver)
        search = skgd.to_sklearn(RandomizedSearchCV(base, given))
        drawn = with_candidates(base, ParameterSampler(given, 12, random_state=2))
        again = ParameterSampler(search.param_distributions, 12, random_state=2)
        for ours, theirs in zip(
            drawn, with_candidates(search.estimator, list(again)), strict=True
        ):
            assert described(theirs) == described(ours, lambda each: each.to_sklearn())


# Searches that are fitted -------------------------------------------------------------

SEARCHES = {
    name: COMPOSITIONS[name]
    for name in ("grid search", "random search", "halving", "halving random")
} | {
    "steps": COMPOSITIONS["search of steps"],
    "several grids": (
        "labels",
        lambda: GridSearchCV(
            adam(), [{"alpha": [0.1, 1]}, {"solver": ["lbfgs"]}, {}], cv=2
        ),
    ),
    "several metrics": (
        "labels",
        lambda: GridSearchCV(
            adam(),
            {"hidden_layer_sizes": [(3,), (4, 4)], "solver": ["sgd", "adam"]},
            scoring=["accuracy", "f1_macro"],
            refit="accuracy",
            cv=2,
        ),
    ),
    "without refit": (
        "labels",
        lambda: GridSearchCV(adam(), {"solver": ["sgd", "adam"]}, refit=False, cv=2),
    ),
}


@pytest.mark.parametrize(("target", "make"), SEARCHES.values(), ids=SEARCHES)
def test_results_of_a_search_are_those_of_a_search_of_ours(target, make, fitted):
    original = fitted(make, target)
    converted = skgd.from_sklearn(original)
    ours = clone(converted).fit(X, Y[target])
    a, b = converted.cv_results_, ours.cv_results_
    of_a, of_b = (with_candidates(ours.estimator, each["params"]) for each in (a, b))
    for x, y in zip(of_a, of_b, strict=True):
        assert described(x) == described(y)
    for name, column in original.cv_results_.items():
        if not name.startswith("param"):
            assert_array_equal(a[name], column)
        if name.endswith("test_score"):
            assert_allclose(a[name], b[name], rtol=1e-6)
    assert converted.best_index_ == original.best_index_
    if "best_params_" in vars(original):
        assert converted.best_params_ == a["params"][original.best_index_]
    if hasattr(original, "best_score_"):
        assert converted.best_score_ == original.best_score_
    assert hasattr(converted, "best_estimator_") == bool(original.refit)


@pytest.mark.parametrize("name", ["grid search", "several metrics", "steps"])
def test_the_table_of_results_is_laid_out_as_that_of_scikit_learn(name, fitted):
    target, make = SEARCHES[name]
    converted = skgd.from_sklearn(fitted(make, target))
    ours = clone(converted).fit(X, Y[target])
    a, b = pd.DataFrame(converted.cv_results_), pd.DataFrame(ours.cv_results_)
    assert list(a.columns) == list(b.columns)
    assert list(a.dtypes) == list(b.dtypes)
    of_parameters = [column for column in a if column.startswith("param")]
    assert repr(a[of_parameters]) == repr(b[of_parameters])


def test_columns_of_results_are_masked_where_a_candidate_has_no_value(fitted):
    target, make = SEARCHES["several grids"]
    results = skgd.from_sklearn(fitted(make, target)).cv_results_
    assert results["params"][:2] == [{"alpha": 0.1}, {"alpha": 1}]
    assert results["params"][3] == {}
    assert_array_equal(results["param_alpha"].mask, [False, False, True, True])
    assert_array_equal(results["param_optimizer"].mask, [True, True, False, True])
    assert results["param_alpha"].dtype == float


@pytest.mark.parametrize(("target", "make"), SEARCHES.values(), ids=SEARCHES)
def test_results_of_a_search_come_back(target, make, fitted):
    original = fitted(make, target)
    back = skgd.to_sklearn(skgd.from_sklearn(original))
    a, b = original.cv_results_, back.cv_results_
    theirs = with_candidates(original.estimator, a["params"])
    for x, y in zip(theirs, with_candidates(back.estimator, b["params"]), strict=True):
        assert described(y, converted_alone) == described(x, converted_alone)
    assert_array_equal(a["rank_test_" + _metric(a)], b["rank_test_" + _metric(b)])


def _metric(results):
    return next(n for n in results if n.startswith("rank_test_")).removeprefix(
        "rank_test_"
    )


# Errors -------------------------------------------------------------------------------

NOTHING = [None, 3, [], {}, StandardScaler(), MLPClassifier, GDNeuralClassifier()]


@pytest.mark.parametrize("obj", [*NOTHING, make_pipeline(StandardScaler())], ids=repr)
def test_an_object_without_networks_is_refused(obj):
    with pytest.raises(ValueError, match=r"holds no MLPRegressor or MLPClassifier"):
        skgd.from_sklearn(obj)


def test_an_object_without_our_networks_is_refused():
    with pytest.raises(ValueError, match=r"This Pipeline holds no GDNeuralRegressor"):
        skgd.to_sklearn(PIPELINE)


class Subclass(MLPClassifier):
    """Another class."""


def fitted_bagging_with(network):
    bagging = BaggingClassifier(adam(), 2).fit(X, Y["labels"])
    bagging.estimators_[1] = network
    return bagging


def in_pipeline(network):
    return Pipeline([("scale", StandardScaler()), ("net", network)])


PLACES = {
    "step": (in_pipeline, r"^Pipeline, at 'net': "),
    "deep": (
        lambda network: [GridSearchCV(in_pipeline(network), {"scale": [None]})],
        r"^list, at \[0\]\.estimator\.steps\[1\]\[1\]: ",
    ),
    "nested": (
        lambda network: BaggingClassifier(in_pipeline(network)),
        r"^BaggingClassifier, at 'estimator__net': ",
    ),
    "fitted": (fitted_bagging_with, r"^BaggingClassifier, at estimators_\[1\]: "),
    "dict": (lambda network: {"a": (1, network)}, r"^dict, at \['a'\]\[1\]: "),
    "searched": (
        lambda network: GridSearchCV(in_pipeline(network), {"net__alpha": [1]}),
        r"^GridSearchCV, at 'estimator__net': ",
    ),
    "grid": (
        lambda network: GridSearchCV(in_pipeline(adam()), {"net": [adam(), network]}),
        r"^GridSearchCV, at param_grid\['net'\]\[1\]: ",
    ),
}
each_place = pytest.mark.parametrize(("put", "place"), PLACES.values(), ids=PLACES)


@each_place
@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Subclass(), "Subclass is a subclass"),
        (MLPClassifier(solver="adm"), "must be 'adam', 'sgd' or 'lbfgs', got 'adm'"),
        (MLPRegressor(alpha=-1), "'alpha' parameter of GDNeuralRegressor"),
    ],
    ids=["subclass", "solver", "alpha"],
)
def test_a_network_that_cannot_be_converted_is_named_by_its_place(
    put, place, network, message
):
    with pytest.raises(ValueError, match=place + f".*{message}"):
        skgd.from_sklearn(put(network))


@each_place
def test_what_scikit_learn_lacks_is_named_by_its_place(put, place):
    obj = put(GDNeuralClassifier(dropout=0.1))
    with pytest.raises(ValueError, match=place + r".*dropout=0\.1"):
        skgd.to_sklearn(obj)


@pytest.mark.parametrize(
    "grid",
    [
        {"net__optimizer": ["adam", "nadam"]},
        {"net__dropout": [0.0, 0.1]},
        {"net__learning_rate": ["cosine"], "net__alpha": [1, 2]},
        [{}, {"net": [GDNeuralClassifier()], "net__optimizer": ["nadam"]}],
    ],
    ids=str,
)
def test_a_candidate_that_scikit_learn_lacks_is_named(grid):
    search = GridSearchCV(in_pipeline(GDNeuralClassifier()), grid)
    match = r"^list, at \[1\]\.param_grid: the candidate .* at 'net': .* cannot express"
    with pytest.raises(ValueError, match=match):
        skgd.to_sklearn([None, search])
    with pytest.raises(ValueError, match=r"^GridSearchCV\.param_grid: the candidate"):
        skgd.to_sklearn(search)


def test_a_base_that_no_candidate_keeps_has_to_be_valid_too():
    search = GridSearchCV(MLPClassifier(solver="adm"), {"solver": ["adam"]})
    with pytest.raises(ValueError, match=r"^GridSearchCV, at 'estimator': .*'adm'"):
        skgd.from_sklearn(search)


def test_a_candidate_of_scikit_learn_that_is_not_valid_is_named():
    search = GridSearchCV(adam(), {"alpha": [1, 2], "solver": ["adam", "newton"]})
    match = r"^GridSearchCV\.param_grid: the candidate .*'newton'.*must be 'adam'"
    with pytest.raises(ValueError, match=match):
        skgd.from_sklearn(search)


def test_distributions_of_what_scikit_learn_lacks_are_refused():
    for given in ({"dropout": uniform(0, 0.5)}, {"weight_decay": uniform()}):
        for more in ({}, {"optimizer": ["adam", "gd"]}):
            search = RandomizedSearchCV(GDNeuralClassifier(), {**given, **more})
            (name,) = given
            with pytest.raises(ValueError, match=rf"\.param_distributions: .*{name}"):
                skgd.to_sklearn(search)


@pytest.mark.parametrize(
    "drawn",
    [
        {"net": [adam(), sgd()], "net__alpha": uniform(), "net__solver": ["adam"]},
        {
            "net": [make_pipeline(adam())],
            "net__mlpclassifier__solver": ["adam"],
            "net__mlpclassifier__alpha": uniform(),
        },
    ],
    ids=["itself", "around"],
)
def test_a_step_that_is_drawn_with_its_parameters_is_refused(drawn):
    search = RandomizedSearchCV(in_pipeline(adam()), drawn)
    with pytest.raises(ValueError, match=r"'net' is drawn, and so are parameters"):
        skgd.from_sklearn(search)


def memoised():
    return lru_cache(lambda X: X)


@pytest.mark.parametrize(
    "part",
    [(i for i in range(3)), Lock(), memoised()],
    ids=["generator", "lock", "own"],
)
def test_a_part_that_cannot_be_copied_is_a_type_error(part):
    with pytest.raises(
        TypeError, match="GridSearchCV, at 'cv', is what cannot be copied: "
    ):
        skgd.from_sklearn(GridSearchCV(adam(), {}, cv=part))


class Space:
    """Values as other libraries give them: neither a list nor a distribution."""


class SearchOfAnotherLibrary(BaseEstimator):
    def __init__(self, estimator, param_distributions):
        self.estimator = estimator
        self.param_distributions = param_distributions


def test_spaces_of_other_libraries_stay_where_nothing_has_to_be_translated():
    search = SearchOfAnotherLibrary(adam(), {"alpha": Space(), "tol": [1, 2]})
    ours = skgd.from_sklearn(search)
    assert isinstance(ours.estimator, GDNeuralClassifier)
    assert isinstance(ours.param_distributions["alpha"], Space)
    assert ours.param_distributions["tol"] == [1, 2]


@pytest.mark.parametrize(
    "spaces",
    [{"solver": Space()}, {"alpha": Space(), "solver": ["adam", "sgd"]}],
    ids=["of the rule", "beside the rule"],
)
def test_spaces_of_other_libraries_that_are_bound_are_refused(spaces):
    search = SearchOfAnotherLibrary(adam(), spaces)
    where = r"SearchOfAnotherLibrary\.param_distributions: 'solver' would have to be"
    with pytest.raises(ValueError, match=where):
        skgd.from_sklearn(search)


def test_for_predictions_alone_a_fitted_network_need_not_train_the_same():
    ours = in_pipeline(
        GDNeuralClassifier((4,), max_iter=2, dropout=0.1, random_state=0)
    ).fit(X, Y["labels"])
    with pytest.raises(ValueError, match=r"^Pipeline, at 'net'.*predict_only=True"):
        skgd.to_sklearn(ours)
    assert_same_outputs(skgd.to_sklearn(ours, predict_only=True), ours)
    with pytest.raises(ValueError, match=r"^Pipeline, at 'net'.*dropout=0\.1"):
        skgd.to_sklearn(clone(ours), predict_only=True)


def test_for_predictions_alone_parts_need_not_be_fitted():
    bagging = BaggingClassifier(GDNeuralClassifier((4,), max_iter=2), 2)
    theirs = skgd.to_sklearn(bagging.fit(X, Y["labels"]), predict_only=True)
    assert_same_outputs(theirs, bagging)


# Any nesting --------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_random_nestings_keep_their_names_and_predictions(seed):
    rng = np.random.default_rng(seed)
    wraps = [
        lambda e: make_pipeline(MinMaxScaler(), e),
        lambda e: Pipeline([("all", columns(StandardScaler())), ("last", e)]),
        lambda e: BaggingClassifier(e, 2, random_state=0),
        lambda e: VotingClassifier([("a", e), ("b", sgd())], voting="soft"),
        OneVsRestClassifier,
        lambda e: GridSearchCV(e, {}, cv=2),
        lambda e: make_pipeline(FeatureUnion([("n", NetworkAsTransformer(e))]), adam()),
    ]
    original = [adam, sgd, lbfgs][seed % 3]()
    for wrap in rng.permutation(len(wraps))[:3]:
        original = wraps[wrap](original)
    converted = skgd.from_sklearn(original)
    assert names_of_parts(converted) == names_of_parts(original)
    converted.fit(X, Y["labels"])
    original.fit(X, Y["labels"])
    assert_same_outputs(converted, original)
    assert_same_outputs(skgd.to_sklearn(converted), original)


def test_grids_of_two_searches_over_one_network_are_refused_together():
    inner = GridSearchCV(MLPClassifier(), {"solver": ["adam", "sgd"]})
    for grid in (
        {"estimator__nesterovs_momentum": [True, False]},
        {"param_grid": [{"solver": ["adam"]}, {"solver": ["sgd"]}]},
    ):
        with pytest.raises(ValueError, match="belongs to another search, inside"):
            skgd.from_sklearn(GridSearchCV(inner, grid))
    outer = GridSearchCV(inner, {"estimator__alpha": [0.1, 1.0]})
    converted = skgd.from_sklearn(outer)
    assert converted.param_grid == outer.param_grid
    assert converted.estimator.param_grid == {"optimizer": ["adam", "nesterov"]}


def test_a_subclass_of_ours_is_refused_as_one_of_theirs_is():
    class Own(skgd.GDNeuralClassifier):
        pass

    with pytest.raises(ValueError, match="Own is a subclass"):
        skgd.to_sklearn(make_pipeline(Own()))


def test_a_second_conversion_says_that_there_has_been_one():
    converted = skgd.from_sklearn(make_pipeline(MLPClassifier()))
    with pytest.raises(ValueError, match="has been converted already"):
        skgd.from_sklearn(converted)
    with pytest.raises(ValueError, match="has been converted already"):
        skgd.to_sklearn(make_pipeline(MLPClassifier()))
    with pytest.raises(ValueError, match=r"nothing to convert\.$"):
        skgd.from_sklearn(make_pipeline(StandardScaler()))
