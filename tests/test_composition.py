"""The estimators drop into scikit-learn's machinery and take the data it hands on."""

import copy
import inspect
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingRegressor, StackingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    cross_val_predict,
    cross_validate,
    learning_curve,
)
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from skgd import GDNeuralClassifier, GDNeuralRegressor

# A few epochs are enough to see that two ways of training are one.
pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    # Python 3.12 and later say so of every fork, as joblib's multiprocessing makes it.
    "ignore:This process .* is multi-threaded:DeprecationWarning",
)

ESTIMATORS = [GDNeuralRegressor, GDNeuralClassifier]
SKLEARN = {GDNeuralRegressor: MLPRegressor, GDNeuralClassifier: MLPClassifier}
VALIDATION_NAMES = ["X_val", "y_val", "sample_weight_val"]

each_estimator = pytest.mark.parametrize("Estimator", ESTIMATORS)
each_solver = pytest.mark.parametrize("solver", ["batch", "sgd", "minibatch"])

_rng = np.random.default_rng(0)
X = np.round(_rng.normal(size=(90, 4)), 3)
X[_rng.uniform(size=X.shape) < 0.4] = 0.0
X_NEW = _rng.normal(size=(20, 4))
WEIGHT = _rng.uniform(0.1, 3.0, size=90)
CODES = np.digitize(X[:, 0] - X[:, 1], [-0.5, 0.5])
Y = {
    GDNeuralRegressor: X[:, 0] - X[:, 1] * X[:, 2],
    GDNeuralClassifier: np.array(["high", "low", "mid"])[CODES],
}


def quick(Estimator, **params):
    """An estimator that trains in milliseconds."""
    settings = {"max_iter": 4, "batch_size": 16, "learning_rate_init": 0.01}
    return Estimator((8,), random_state=0, **{**settings, **params})


def outputs(estimator, X=X_NEW):
    """The numbers behind the predictions."""
    return getattr(estimator, "predict_proba", estimator.predict)(X)


def iris():
    features, labels = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(features), labels


def iris_classifier(**params):
    return quick(GDNeuralClassifier, learning_rate_init=0.03, max_iter=20, **params)


# Meta-estimators ----------------------------------------------------------------------


@each_estimator
@each_solver
def test_pipeline_is_its_steps_by_hand(Estimator, solver):
    estimator = quick(Estimator, solver=solver)
    pipeline = make_pipeline(StandardScaler(), estimator).fit(X, Y[Estimator])
    scaler = StandardScaler().fit(X)
    by_hand = clone(estimator).fit(scaler.transform(X), Y[Estimator])
    assert_array_equal(
        outputs(pipeline), outputs(by_hand, scaler.transform(X_NEW)), strict=True
    )


@each_estimator
@pytest.mark.parametrize("sparse_threshold", [0, 1], ids=["dense", "sparse"])
def test_column_transformer_takes_a_frame_of_text_and_numbers(
    Estimator, sparse_threshold
):
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["colour"] = np.array(["red", "green", "blue"])[CODES]
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), list("abcd")),
            ("text", OneHotEncoder(), ["colour"]),
        ],
        sparse_threshold=sparse_threshold,
    )
    pipeline = make_pipeline(columns, quick(Estimator)).fit(frame, Y[Estimator])
    by_hand = np.hstack([StandardScaler().fit_transform(X), np.eye(3)[(2 - CODES)]])
    fitted = quick(Estimator).fit(by_hand, Y[Estimator])
    assert_allclose(outputs(pipeline, frame), outputs(fitted, by_hand), rtol=1e-9)


def test_transformed_target_regressor_trains_on_the_transformed_target():
    y = np.exp(Y[GDNeuralRegressor])
    regressor = quick(GDNeuralRegressor)
    transformed = TransformedTargetRegressor(
        regressor, func=np.log, inverse_func=np.exp
    )
    by_hand = clone(regressor).fit(X, np.log(y))
    assert_array_equal(
        transformed.fit(X, y).predict(X_NEW), np.exp(by_hand.predict(X_NEW))
    )


@pytest.mark.slow
@each_estimator
@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_grid_search_in_parallel_is_the_same_to_the_bit(Estimator, backend):
    def search(n_jobs):
        grid = {"learning_rate_init": [1e-3, 1e-2, 1e-1]}
        return GridSearchCV(quick(Estimator), grid, cv=2, n_jobs=n_jobs)

    alone = search(n_jobs=1).fit(X, Y[Estimator])
    with joblib.parallel_config(backend):
        together = search(n_jobs=2).fit(X, Y[Estimator])
    for name in ["split0_test_score", "split1_test_score", "rank_test_score"]:
        assert_array_equal(together.cv_results_[name], alone.cv_results_[name])
    assert_array_equal(outputs(together), outputs(alone), strict=True)


@each_estimator
def test_predictions_do_not_depend_on_the_number_of_blas_threads(Estimator):
    wide = np.random.default_rng(0).normal(size=(3000, 300))
    y = np.where(wide[:, 0] > 0, Y[Estimator][0], Y[Estimator][1])
    estimator = Estimator((100,), max_iter=1, random_state=0).fit(wide, y)
    with threadpool_limits(1, user_api="blas"):
        alone = outputs(estimator, wide)
    assert_array_equal(outputs(estimator, wide), alone)


@each_estimator
def test_halving_search_can_spend_epochs(Estimator):
    search = HalvingGridSearchCV(
        quick(Estimator),
        {"learning_rate_init": [1e-3, 1e-2, 1e-1]},
        resource="max_iter",
        min_resources=2,
        max_resources=6,
        cv=2,
        random_state=0,
    ).fit(X, Y[Estimator])
    assert search.n_resources_ == [2, 6]
    assert search.best_estimator_.n_iter_ == 6


@each_estimator
@each_solver
def test_cross_validate_is_one_fit_per_fold(Estimator, solver):
    estimator, y, folds = quick(Estimator, solver=solver), Y[Estimator], KFold(3)
    scores = cross_validate(estimator, X, y, cv=folds)["test_score"]
    by_hand = [
        clone(estimator).fit(X[train], y[train]).score(X[test], y[test])
        for train, test in folds.split(X)
    ]
    assert_array_equal(scores, by_hand)


def test_cross_val_predict_gives_probabilities_out_of_fold():
    features, labels = iris()
    probabilities = cross_val_predict(
        iris_classifier(), features, labels, method="predict_proba"
    )
    assert probabilities.shape == (150, 3)
    assert (probabilities.argmax(axis=1) == labels).mean() > 0.9


@each_estimator
def test_learning_curve_can_go_on_from_size_to_size(Estimator):
    estimator, y, sizes = quick(Estimator), Y[Estimator], [20, 45]
    scores = learning_curve(
        estimator,
        X,
        y,
        train_sizes=sizes,
        cv=[(np.arange(60), np.arange(60, 90))],
        exploit_incremental_learning=True,
    )[2]
    by_hand, first = clone(estimator), {}
    if Estimator is GDNeuralClassifier:
        first["classes"] = np.unique(y)
    expected = []
    for rows in (slice(0, 20), slice(20, 45)):
        by_hand.partial_fit(X[rows], y[rows], **first)
        expected.append(by_hand.score(X[60:], y[60:]))
    assert_array_equal(scores.ravel(), expected)


def test_bagging_averages_its_members():
    y = Y[GDNeuralRegressor]
    bagging = BaggingRegressor(quick(GDNeuralRegressor), 3, random_state=0).fit(X, y)
    members = [member.predict(X_NEW) for member in bagging.estimators_]
    assert not np.array_equal(members[0], members[1])
    assert_allclose(bagging.predict(X_NEW), np.mean(members, axis=0), rtol=1e-12)


def test_stacking_takes_it_below_and_on_top():
    features, labels = iris()
    stacking = StackingClassifier(
        [("narrow", iris_classifier()), ("sgd", iris_classifier(solver="sgd"))],
        final_estimator=iris_classifier(),
        cv=3,
    ).fit(features, labels)
    assert stacking.score(features, labels) > 0.9


def test_calibration_takes_its_probabilities():
    features, labels = iris()
    calibrated = CalibratedClassifierCV(iris_classifier(), cv=3).fit(features, labels)
    assert_allclose(calibrated.predict_proba(features).sum(axis=1), 1, rtol=1e-12)
    assert calibrated.score(features, labels) > 0.9


def test_multi_output_regressor_is_one_fit_per_output():
    regressor, y = quick(GDNeuralRegressor), X[:, :2] ** 2
    wrapped = MultiOutputRegressor(regressor).fit(X, y).predict(X_NEW)
    by_hand = [clone(regressor).fit(X, column).predict(X_NEW) for column in y.T]
    assert_array_equal(wrapped, np.transpose(by_hand))


def test_multi_output_classifier_is_one_fit_per_output():
    classifier = quick(GDNeuralClassifier)
    y = np.c_[Y[GDNeuralClassifier], np.where(X[:, 2] > 0, "yes", "no")]
    wrapped = MultiOutputClassifier(classifier).fit(X, y).predict(X_NEW)
    by_hand = [clone(classifier).fit(X, column).predict(X_NEW) for column in y.T]
    assert_array_equal(wrapped, np.transpose(by_hand))


def test_classifier_chain_feeds_one_label_to_the_next():
    y = (X[:, :2] > 0).astype(int)
    chain = ClassifierChain(quick(GDNeuralClassifier), order=[0, 1]).fit(X, y)
    by_hand = quick(GDNeuralClassifier).fit(np.c_[X, y[:, 0]], y[:, 1])
    first = chain.estimators_[0].predict(X_NEW)
    assert_array_equal(chain.predict(X_NEW)[:, 1], by_hand.predict(np.c_[X_NEW, first]))


@each_estimator
def test_permutation_importance_finds_the_feature_that_matters(Estimator):
    signal = {
        GDNeuralRegressor: 3 * X[:, 0],
        GDNeuralClassifier: np.where(X[:, 0] > 0, "yes", "no"),
    }[Estimator]
    estimator = quick(Estimator, learning_rate_init=0.03, max_iter=20).fit(X, signal)
    importances = permutation_importance(estimator, X, signal, random_state=0)
    assert importances.importances_mean.argmax() == 0


# Copies -------------------------------------------------------------------------------


def pickled(estimator, path):
    return pickle.loads(pickle.dumps(estimator))


def dumped_by_joblib(estimator, path):
    joblib.dump(estimator, path / "estimator.joblib")
    return joblib.load(path / "estimator.joblib")


def memory_mapped_by_joblib(estimator, path):
    joblib.dump(estimator, path / "estimator.joblib")
    return joblib.load(path / "estimator.joblib", mmap_mode="r")


def deep_copied(estimator, path):
    return copy.deepcopy(estimator)


COPIERS = [deep_copied, pickled, dumped_by_joblib, memory_mapped_by_joblib]
each_copier = pytest.mark.parametrize("copied", COPIERS)


@each_estimator
def test_clone_has_the_parameters_and_nothing_else(Estimator):
    estimator = quick(Estimator, optimizer="momentum").fit(X, Y[Estimator])
    cloned = clone(estimator)
    assert cloned.get_params() == estimator.get_params()
    with pytest.raises(NotFittedError):
        cloned.predict(X)


@each_estimator
@each_copier
def test_copies_predict_the_same_to_the_bit(Estimator, copied, tmp_path):
    estimator = quick(Estimator).fit(X, Y[Estimator])
    assert_array_equal(
        outputs(copied(estimator, tmp_path)), outputs(estimator), strict=True
    )


@each_estimator
@each_solver
@each_copier
def test_copies_go_on_training_as_the_original_does(
    Estimator, solver, copied, tmp_path
):
    estimator = quick(Estimator, solver=solver).fit(X, Y[Estimator])
    twin = copied(estimator, tmp_path)
    for _ in range(2):
        estimator.partial_fit(X, Y[Estimator])
        twin.partial_fit(X, Y[Estimator])
    assert_array_equal(outputs(twin), outputs(estimator), strict=True)
    assert twin.loss_curve_ == estimator.loss_curve_


@each_estimator
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_training_a_copy_leaves_the_original_alone(Estimator, copied):
    estimator = quick(Estimator).fit(X, Y[Estimator])
    undisturbed = pickle.loads(pickle.dumps(estimator))
    copied(estimator).partial_fit(X, Y[Estimator])
    assert_array_equal(outputs(estimator), outputs(undisturbed))
    estimator.partial_fit(X, Y[Estimator])
    undisturbed.partial_fit(X, Y[Estimator])
    assert_array_equal(outputs(estimator), outputs(undisturbed))


# coefs_ and intercepts_ are the network -----------------------------------------------


def unchanged(estimator, path):
    return estimator


each_origin = pytest.mark.parametrize(
    "origin", [unchanged, deep_copied, pickled, dumped_by_joblib]
)


def fitted_regressor(**params):
    return quick(GDNeuralRegressor, **params).fit(X, Y[GDNeuralRegressor])


@each_origin
def test_writing_into_a_layer_changes_the_predictions(origin, tmp_path):
    regressor = origin(fitted_regressor(), tmp_path)
    regressor.coefs_[1][...] = 0
    regressor.intercepts_[1][...] = 3
    assert_array_equal(regressor.predict(X_NEW), np.full(20, 3.0))


@each_origin
def test_assigning_a_layer_writes_through(origin, tmp_path):
    regressor = origin(fitted_regressor(), tmp_path)
    regressor.coefs_[1] = np.zeros((8, 1))
    regressor.intercepts_[1] = [3]
    assert_array_equal(regressor.predict(X_NEW), np.full(20, 3.0))


@each_origin
def test_assigning_all_layers_writes_through(origin, tmp_path):
    regressor = origin(fitted_regressor(), tmp_path)
    regressor.coefs_ = [np.zeros((4, 8)), np.ones((8, 1))]
    regressor.intercepts_ = [np.full(8, 0.5), [-1.0]]
    assert_array_equal(regressor.predict(X_NEW), np.full(20, 3.0))


def test_assigned_layers_are_copied():
    regressor = fitted_regressor()
    weights = np.zeros((8, 1))
    regressor.coefs_[1] = weights
    weights += 1
    assert_array_equal(regressor.coefs_[1], np.zeros((8, 1)))


@each_solver
def test_training_goes_on_from_the_assigned_layers(solver):
    regressor = fitted_regressor(solver=solver, learning_rate_init=1e-9)
    weights = np.linspace(-1, 1, 32).reshape(4, 8)
    regressor.coefs_[0] = weights
    regressor.partial_fit(X, Y[GDNeuralRegressor])
    assert_allclose(regressor.coefs_[0], weights, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("coefs_", [np.zeros((4, 7)), np.zeros((8, 1))]),
        ("coefs_", [np.zeros((4, 8))]),
        ("coefs_", [np.zeros((4, 8)), np.zeros(8)]),
        ("intercepts_", [np.zeros(8), np.zeros(2)]),
        ("intercepts_", [0.0, 0.0]),
    ],
)
def test_layers_of_other_shapes_are_refused(name, layers):
    regressor = fitted_regressor()
    before = regressor.predict(X_NEW)
    with pytest.raises(ValueError, match="Expected arrays of the shapes"):
        setattr(regressor, name, layers)
    assert_array_equal(regressor.predict(X_NEW), before)


@pytest.mark.parametrize("weights", [np.zeros((8, 4)), np.zeros(32), 0.0])
def test_a_layer_of_another_shape_is_refused(weights):
    regressor = fitted_regressor()
    before = regressor.predict(X_NEW)
    with pytest.raises(ValueError, match=r"shapes \[\(4, 8\)\], got"):
        regressor.coefs_[0] = weights
    assert_array_equal(regressor.predict(X_NEW), before)


# Metadata routing ---------------------------------------------------------------------


@each_estimator
@each_solver
def test_pipeline_routes_sample_weight(Estimator, solver):
    estimator, y = quick(Estimator, solver=solver, alpha=1.0), Y[Estimator]
    with config_context(enable_metadata_routing=True):
        weighted = clone(estimator).set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, weighted).fit(X, y, sample_weight=WEIGHT)
    scaler = StandardScaler().fit(X)
    X_scaled, X_new = scaler.transform(X), scaler.transform(X_NEW)
    by_hand = clone(estimator).fit(X_scaled, y, sample_weight=WEIGHT)
    assert_array_equal(outputs(pipeline), outputs(by_hand, X_new))
    unweighted = clone(estimator).fit(X_scaled, y)
    assert not np.array_equal(outputs(pipeline), outputs(unweighted, X_new))


@each_estimator
def test_pipeline_routes_and_transforms_validation_data(Estimator):
    train, val, y = slice(60), slice(60, 90), Y[Estimator]
    validation = {"y_val": y[val], "sample_weight_val": WEIGHT[val]}
    with config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(
            StandardScaler(),
            quick(Estimator, early_stopping=True).set_fit_request(
                X_val=True, y_val=True, sample_weight_val=True
            ),
            transform_input=["X_val"],
        ).fit(X[train], y[train], X_val=X[val], **validation)
    scaler = StandardScaler().fit(X[train])
    by_hand = quick(Estimator, early_stopping=True).fit(
        scaler.transform(X[train]),
        y[train],
        X_val=scaler.transform(X[val]),
        **validation,
    )
    score = by_hand.score(scaler.transform(X[val]), y[val], WEIGHT[val])
    assert by_hand.best_validation_score_ == pytest.approx(score, rel=1e-12)
    assert pipeline[-1].validation_scores_ == by_hand.validation_scores_
    assert_array_equal(outputs(pipeline[-1]), outputs(by_hand))


@each_estimator
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_all_that_fit_takes_can_be_requested(Estimator, method):
    names = ["sample_weight", *VALIDATION_NAMES]
    with config_context(enable_metadata_routing=True):
        estimator = Estimator()
        getattr(estimator, f"set_{method}_request")(**dict.fromkeys(names, True))
        requests = estimator.get_metadata_routing()
    assert requests.consumes(method, names) == set(names)


@each_estimator
@pytest.mark.parametrize("routing", [False, True])
def test_cross_validate_hands_on_the_weights_of_the_fold(Estimator, routing):
    y, folds = Y[Estimator], KFold(3)
    with config_context(enable_metadata_routing=routing):
        estimator = quick(Estimator, alpha=1.0)
        if routing:
            estimator.set_fit_request(sample_weight=True)
            estimator.set_score_request(sample_weight=False)
        params = {"sample_weight": WEIGHT}
        scores = cross_validate(estimator, X, y, cv=folds, params=params)["test_score"]
    by_hand = [
        quick(Estimator, alpha=1.0)
        .fit(X[train], y[train], sample_weight=WEIGHT[train])
        .score(X[test], y[test])
        for train, test in folds.split(X)
    ]
    assert_array_equal(scores, by_hand)


# Names, parameters, display -----------------------------------------------------------


@each_estimator
def test_every_constructor_argument_is_a_parameter(Estimator):
    names = list(inspect.signature(Estimator).parameters)
    values = {name: object() for name in names}
    assert Estimator(**values).get_params() == values
    assert Estimator().set_params(**values).get_params() == values


@each_estimator
@each_solver
def test_fit_leaves_the_parameters_as_they_are(Estimator, solver):
    sizes = [8, 3]
    estimator = quick(Estimator, solver=solver).set_params(hidden_layer_sizes=sizes)
    before = estimator.get_params()
    estimator.fit(X, Y[Estimator]).partial_fit(X, Y[Estimator])
    assert estimator.get_params() == before
    assert estimator.hidden_layer_sizes is sizes
    assert sizes == [8, 3]


@each_estimator
def test_repr_shows_what_is_not_default(Estimator):
    estimator = Estimator((8,), solver="sgd", max_iter=200)
    name = Estimator.__name__
    assert repr(estimator) == f"{name}(hidden_layer_sizes=(8,), solver='sgd')"
    assert name in estimator._repr_html_()


# Data ---------------------------------------------------------------------------------


def read_only(array, path):
    array = array.copy()
    array.flags.writeable = False
    return array


def memory_mapped(array, path):
    on_disk = np.memmap(path / str(array.ndim), array.dtype, "w+", shape=array.shape)
    on_disk[...] = array
    on_disk.flush()
    return np.memmap(path / str(array.ndim), array.dtype, "r", shape=array.shape)


def every_other_row(array, path):
    return np.repeat(array, 2, axis=0)[::2]


def big_endian(array, path):
    return array.astype(">f8")


def fortran_ordered(array, path):
    return np.asfortranarray(array)


def as_list(array, path):
    return array.tolist()


def as_pandas(array, path):
    return pd.Series(array) if array.ndim == 1 else pd.DataFrame(array)


def as_objects(array, path):
    return array.astype(object) if array.ndim == 2 else array


LAYOUTS = [
    read_only,
    memory_mapped,
    every_other_row,
    big_endian,
    fortran_ordered,
    as_list,
    as_pandas,
    as_objects,
]


@each_estimator
@each_solver
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_of_the_data_changes_no_bit(Estimator, solver, layout, tmp_path):
    numbers = {GDNeuralRegressor: Y[GDNeuralRegressor], GDNeuralClassifier: CODES * 1.0}
    y = numbers[Estimator]
    expected = quick(Estimator, solver=solver).fit(X, y, sample_weight=WEIGHT)
    estimator = quick(Estimator, solver=solver)
    data, target = layout(X, tmp_path), layout(y, tmp_path)
    estimator.fit(data, target, sample_weight=WEIGHT)
    assert_array_equal(outputs(estimator, data), outputs(expected, X), strict=True)


@pytest.mark.parametrize("layout", [read_only, memory_mapped, as_list, as_pandas])
def test_the_layout_of_the_weights_changes_no_bit(layout, tmp_path):
    y = Y[GDNeuralRegressor]
    expected = quick(GDNeuralRegressor).fit(X, y, sample_weight=WEIGHT)
    weights = layout(WEIGHT, tmp_path)
    regressor = quick(GDNeuralRegressor).fit(X, y, sample_weight=weights)
    assert_array_equal(regressor.predict(X_NEW), expected.predict(X_NEW))


@each_estimator
@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float16, bool])
def test_other_numbers_train_in_float64(Estimator, dtype):
    data = np.abs(10 * X).astype(dtype)
    estimator = quick(Estimator).fit(data, Y[Estimator])
    expected = quick(Estimator).fit(data.astype(np.float64), Y[Estimator])
    assert estimator.coefs_[0].dtype == np.float64
    assert_array_equal(
        outputs(estimator, data), outputs(expected, data.astype(np.float64))
    )


@each_estimator
@each_solver
@pytest.mark.parametrize("sparse_X", [False, True], ids=["dense", "sparse"])
def test_float32_stays_float32(Estimator, solver, sparse_X):
    data = X.astype(np.float32)
    data = sparse.csr_array(data) if sparse_X else data
    estimator = quick(Estimator, solver=solver).fit(data, Y[Estimator])
    estimator.partial_fit(data, Y[Estimator])
    assert {a.dtype for a in estimator.coefs_} == {np.dtype(np.float32)}
    assert {a.dtype for a in estimator.intercepts_} == {np.dtype(np.float32)}
    assert outputs(estimator, data).dtype == np.float32
    assert outputs(estimator, X).dtype == np.float32


LABELS = {
    "str": ["a", "b", "c"],
    "object": np.array(["a", "bb", "ccc"], dtype=object),
    "int": [-1, 0, 7],
    "float": [0.0, 1.0, 2.0],
    "bool": [False, True, True],
    "number in str": ["1", "10", "2"],
    "categorical": pd.Series(["a", "b", "c"], dtype="category"),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_predictions_are_in_the_labels_of_y(labels):
    y = np.asarray(labels)[CODES]
    data = pd.Series(y, dtype="category") if hasattr(labels, "cat") else y
    classifier = quick(GDNeuralClassifier, max_iter=30).fit(X, data)
    reference = MLPClassifier((8,), max_iter=1).fit(X, data)
    assert_array_equal(classifier.classes_, reference.classes_, strict=True)
    predictions = classifier.predict(X)
    assert predictions.dtype == reference.predict(X).dtype
    assert_array_equal(predictions, classifier.classes_[encoded_prediction(y)])
    assert set(predictions) == set(y)


def encoded_prediction(y):
    """Predictions as positions in the sorted labels, after training on positions."""
    positions = np.unique(y, return_inverse=True)[1]
    return quick(GDNeuralClassifier, max_iter=30).fit(X, positions).predict(X)


def csr(array):
    return sparse.csr_matrix(array)


def csr_with_int64_index(array):
    X = sparse.csr_array(array)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def csr_unsorted(array):
    X = sparse.csr_array(array)
    for start, stop in zip(X.indptr[:-1], X.indptr[1:], strict=True):
        X.indices[start:stop] = X.indices[start:stop][::-1].copy()
        X.data[start:stop] = X.data[start:stop][::-1].copy()
    X.has_sorted_indices = False
    return X


def csr_with_duplicates(array):
    X = sparse.csr_array(array)
    halves = np.repeat(X.data / 2, 2)
    return sparse.csr_array(
        (halves, np.repeat(X.indices, 2), X.indptr * 2), shape=X.shape
    )


def csr_read_only(array):
    X = sparse.csr_array(array)
    for part in (X.data, X.indices, X.indptr):
        part.flags.writeable = False
    return X


def csr_strided(X):
    """With index arrays that are every other element of longer ones."""
    matrix = csr(X)
    for name in ("data", "indices", "indptr"):
        array = getattr(matrix, name)
        setattr(matrix, name, np.repeat(array, 2)[::2])
        assert not getattr(matrix, name).flags.c_contiguous
    return matrix


SPARSE = [
    csr,
    sparse.csr_array,
    sparse.csc_matrix,
    sparse.csc_array,
    sparse.coo_array,
    csr_with_int64_index,
    csr_unsorted,
    csr_with_duplicates,
    csr_read_only,
    csr_strided,
]
each_sparse = pytest.mark.parametrize("as_sparse", SPARSE)


@each_estimator
@each_solver
@each_sparse
def test_sparse_data_train_and_predict_as_dense(Estimator, solver, as_sparse):
    dense = quick(Estimator, solver=solver, early_stopping=True)
    dense.fit(X, Y[Estimator]).partial_fit(X, Y[Estimator], X_val=X, y_val=Y[Estimator])
    data, fitted = as_sparse(X), clone(dense)
    fitted.fit(data, Y[Estimator])
    fitted.partial_fit(data, Y[Estimator], X_val=data, y_val=Y[Estimator])
    assert_allclose(fitted.loss_curve_, dense.loss_curve_, rtol=1e-9)
    assert_allclose(fitted.validation_scores_, dense.validation_scores_, rtol=1e-9)
    assert_allclose(outputs(fitted, data), outputs(dense, X), rtol=1e-9)


def parts(X):
    """The arrays that hold X."""
    if isinstance(X, sparse.csr_array | sparse.csc_array):
        return [X.data, X.indices, X.indptr]
    return [X]


@each_estimator
@each_solver
@pytest.mark.parametrize(
    "make",
    [
        np.array,
        np.asfortranarray,
        sparse.csc_array,
        csr_with_int64_index,
        csr_unsorted,
        csr_with_duplicates,
    ],
)
def test_data_are_never_modified(Estimator, solver, make):
    data = {"X": make(X), "X_val": make(X_NEW)}
    data["y"], data["y_val"] = Y[Estimator].copy(), Y[Estimator][:20].copy()
    data["sample_weight"] = WEIGHT.copy()
    held = [part for value in data.values() for part in parts(value)]
    before = [part.copy() for part in held]
    estimator = quick(Estimator, solver=solver, early_stopping=True).fit(**data)
    estimator.partial_fit(**data)
    outputs(estimator, data["X"])
    after = [part for value in data.values() for part in parts(value)]
    for now, then, was in zip(after, held, before, strict=True):
        assert now is then
        assert_array_equal(now, was, strict=True)


# Fitted attributes --------------------------------------------------------------------


def public_attributes(estimator):
    names = [name for name in dir(estimator) if name[-1] == "_" and name[0] != "_"]
    return {name: getattr(estimator, name) for name in names}


@each_estimator
@each_solver
@pytest.mark.parametrize("early_stopping", [False, True])
def test_fitted_attributes_of_scikit_learn_are_there(Estimator, solver, early_stopping):
    frame = pd.DataFrame(X, columns=list("abcd"))
    y = CODES if Estimator is GDNeuralClassifier else Y[Estimator]
    params = {"max_iter": 2, "early_stopping": early_stopping}
    theirs = SKLEARN[Estimator](hidden_layer_sizes=(8,), **params)
    ours = Estimator((8,), solver=solver, **params).fit(frame, y)
    expected = public_attributes(theirs.fit(frame, y))
    assert {"coefs_", "loss_curve_", "n_iter_", "feature_names_in_"} <= set(expected)
    for name, value in expected.items():
        mine = getattr(ours, name)
        # A float may be a numpy.float64, and a list one that writes through.
        same = isinstance(mine, type(value)) or isinstance(value, type(mine))
        assert same, f"{name} is {type(mine)}, not {type(value)}"


@each_estimator
def test_layers_are_lists_in_the_shapes_of_scikit_learn(Estimator):
    ours = quick(Estimator).fit(X, Y[Estimator])
    theirs = SKLEARN[Estimator](hidden_layer_sizes=(8,), max_iter=1)
    theirs.fit(X, Y[Estimator])
    for name in ("coefs_", "intercepts_"):
        mine, value = getattr(ours, name), getattr(theirs, name)
        assert isinstance(mine, list)
        assert [a.shape for a in mine] == [a.shape for a in value]
