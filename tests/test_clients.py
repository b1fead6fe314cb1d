"""Packages that take scikit-learn's estimators, each at its usual job.

Each job gets an estimator, and returns numbers that follow from its predictions. They
are those of scikit-learn's MLP with the import swapped. The packages are in the extra
`clients`; a job whose package is missing is skipped.
"""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

import skgd
from skgd import GDNeuralClassifier, GDNeuralRegressor
from tests.tables import classifier, may_learn_nothing, regressor

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    may_learn_nothing,
    # What the packages say of themselves and of one another.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

N = 120
NAMES = list("abcde")
_X, _y = make_regression(N, 5, noise=3, random_state=0)
X, Y = pd.DataFrame(_X, columns=NAMES), pd.Series(scale(_y), name="y")
_X, _labels = make_classification(
    N, 5, n_redundant=0, weights=[0.7], class_sep=2, random_state=0
)
X_CLASSES, LABELS = pd.DataFrame(_X, columns=NAMES), pd.Series(_labels, name="label")
GROUP = np.where(X_CLASSES["b"] > 0, "one", "other")

PARAMS = {
    "hidden_layer_sizes": (8,),
    "max_iter": 6,
    "batch_size": 16,
    "learning_rate_init": 0.01,
    "random_state": 0,
}
# The estimators that a job gets: of skgd, of scikit-learn, and of tables.
REGRESSORS = GDNeuralRegressor, MLPRegressor, regressor
CLASSIFIERS = GDNeuralClassifier, MLPClassifier, classifier
JOBS = []


def import_or_skip(package):
    """Skip where a package is missing, and fail where it is there and broken."""
    return pytest.importorskip(package, exc_type=ModuleNotFoundError)


def job(package, estimators):
    """List a function as a job of a package, for regressors or for classifiers."""

    def add(function):
        JOBS.append(pytest.param(package, function, *estimators, id=function.__name__))
        return function

    return add


# imbalanced-learn ---------------------------------------------------------------------


@job("imblearn", CLASSIFIERS)
def oversampling(estimator):
    from imblearn.over_sampling import SMOTE
    from imblearn.pipeline import make_pipeline

    model = make_pipeline(StandardScaler(), SMOTE(random_state=0), estimator)
    return model.fit(X_CLASSES, LABELS).predict_proba(X_CLASSES)


@job("imblearn", CLASSIFIERS)
def balanced_bagging(estimator):
    from imblearn.ensemble import BalancedBaggingClassifier

    model = BalancedBaggingClassifier(estimator, n_estimators=2, random_state=0)
    return model.fit(X_CLASSES, LABELS).predict_proba(X_CLASSES)


@job("imblearn", REGRESSORS)
def leaving_outliers_out(estimator):
    from imblearn import FunctionSampler
    from imblearn.pipeline import make_pipeline

    def without_outliers(X, y):
        return X[abs(y) < 2], y[abs(y) < 2]

    sampler = FunctionSampler(func=without_outliers, validate=False)
    return make_pipeline(sampler, estimator).fit(X, Y).predict(X)


# shap ---------------------------------------------------------------------------------


def explained(predict, X):
    """Shares of the features in predictions, which add up to these."""
    import shap

    shares = shap.Explainer(predict, X[:20], seed=0)(X[:5])
    total = shares.base_values + shares.values.sum(axis=1)
    assert_allclose(total, predict(X[:5]), rtol=1e-4, atol=1e-5)
    return shares.values


@job("shap", REGRESSORS)
def shares_of_features(estimator):
    return explained(estimator.fit(X, Y).predict, X)


@job("shap", CLASSIFIERS)
def shares_of_features_in_probabilities(estimator):
    return explained(estimator.fit(X_CLASSES, LABELS).predict_proba, X_CLASSES)


# mapie --------------------------------------------------------------------------------


@job("mapie", REGRESSORS)
def intervals_of_a_split(estimator):
    from mapie.regression import SplitConformalRegressor

    model = SplitConformalRegressor(estimator, prefit=False)
    values = X.to_numpy()  # MAPIE tries what it has fitted on zeros without names
    model.fit(values[:80], Y[:80]).conformalize(values[80:], Y[80:])
    return model.predict_interval(values)[1]


@job("mapie", REGRESSORS)
def intervals_of_folds(estimator):
    from mapie.regression import CrossConformalRegressor

    model = CrossConformalRegressor(estimator, cv=3, random_state=0)
    return model.fit_conformalize(X, Y).predict_interval(X)[1]


@job("mapie", CLASSIFIERS)
def sets_of_classes(estimator):
    from mapie.classification import SplitConformalClassifier

    model = SplitConformalClassifier(estimator, prefit=False, random_state=0)
    values = X_CLASSES.to_numpy()
    model.fit(values[:80], LABELS[:80]).conformalize(values[80:], LABELS[80:])
    return model.predict_set(values)[1]


# skforecast ---------------------------------------------------------------------------

SERIES = Y.set_axis(pd.date_range("2026-01-01", periods=N, freq="D"))


@job("skforecast", REGRESSORS)
def forecasts(estimator):
    from skforecast.recursive import ForecasterRecursive

    model = ForecasterRecursive(estimator=estimator, lags=4)
    model.fit(SERIES)
    return model.predict(steps=5)


@job("skforecast", CLASSIFIERS)
def forecasts_of_classes(estimator):
    from skforecast.recursive import ForecasterRecursiveClassifier

    model = ForecasterRecursiveClassifier(estimator=estimator, lags=4)
    model.fit(pd.Series(np.where(SERIES > 0, "up", "down"), index=SERIES.index))
    return model.predict_proba(steps=5)


# optuna -------------------------------------------------------------------------------


def searched(estimator, X, y):
    """The scores of the candidates that a study has tried."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial):
        seed = trial.suggest_int("random_state", 0, 9)
        candidate = clone(estimator).set_params(random_state=seed)
        return cross_val_score(candidate, X, y, cv=2).mean()

    sampler = optuna.samplers.TPESampler(seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(objective, n_trials=3)
    return [trial.value for trial in study.trials]


@job("optuna", REGRESSORS)
def search_for_a_regressor(estimator):
    return searched(estimator, X, Y)


@job("optuna", CLASSIFIERS)
def search_for_a_classifier(estimator):
    return searched(estimator, X_CLASSES, LABELS)


# mlxtend ------------------------------------------------------------------------------


@job("mlxtend", REGRESSORS)
def sequential_selection(estimator):
    from mlxtend.feature_selection import SequentialFeatureSelector

    selector = SequentialFeatureSelector(estimator, k_features=2, cv=2).fit(X, Y)
    return [step["avg_score"] for step in selector.subsets_.values()]


@job("mlxtend", REGRESSORS)
def stacked_regressors(estimator):
    from mlxtend.regressor import StackingCVRegressor

    below = [estimator, Ridge()]
    model = StackingCVRegressor(below, clone(estimator), cv=2, random_state=0)
    return model.fit(X.to_numpy(), Y.to_numpy()).predict(X.to_numpy())


@job("mlxtend", CLASSIFIERS)
def stacked_classifiers(estimator):
    from mlxtend.classifier import StackingCVClassifier

    below = [estimator, LogisticRegression()]
    model = StackingCVClassifier(
        below, clone(estimator), cv=2, use_probas=True, random_state=0
    )
    model.fit(X_CLASSES.to_numpy(), LABELS.to_numpy())
    return model.predict_proba(X_CLASSES.to_numpy())


# feature-engine -----------------------------------------------------------------------


@job("feature_engine", REGRESSORS)
def selection_by_shuffling(estimator):
    from feature_engine.selection import SelectByShuffling

    selector = SelectByShuffling(estimator, cv=2, scoring="r2", random_state=0)
    return list(selector.fit(X, Y).performance_drifts_.values())


@job("feature_engine", CLASSIFIERS)
def recursive_elimination(estimator):
    from feature_engine.selection import RecursiveFeatureElimination

    selector = RecursiveFeatureElimination(estimator, cv=2, scoring="accuracy")
    return list(selector.fit(X_CLASSES, LABELS).performance_drifts_.values())


# category_encoders --------------------------------------------------------------------


@job("category_encoders", REGRESSORS)
def encoded_for_a_regressor(estimator):
    from category_encoders import JamesSteinEncoder

    table = X.assign(level=np.where(X["a"] > 0, "high", "low"))
    model = make_pipeline(JamesSteinEncoder(cols=["level"]), estimator)
    return model.fit(table, Y).predict(table)


@job("category_encoders", CLASSIFIERS)
def encoded_for_a_classifier(estimator):
    from category_encoders import TargetEncoder

    table = X_CLASSES.assign(group=GROUP)
    model = make_pipeline(TargetEncoder(cols=["group"]), estimator)
    return model.fit(table, LABELS).predict_proba(table)


# fairlearn ----------------------------------------------------------------------------


@job("fairlearn", CLASSIFIERS)
def demographic_parity(estimator):
    from fairlearn.reductions import DemographicParity, ExponentiatedGradient

    model = ExponentiatedGradient(estimator, DemographicParity(), max_iter=3)
    model.fit(X_CLASSES, LABELS, sensitive_features=GROUP)
    return model.predict(X_CLASSES, random_state=0)


@job("fairlearn", CLASSIFIERS)
def thresholds_of_groups(estimator):
    from fairlearn.postprocessing import ThresholdOptimizer

    model = ThresholdOptimizer(estimator=estimator, predict_method="predict_proba")
    given = {"sensitive_features": GROUP}
    return model.fit(X_CLASSES, LABELS, **given).predict(
        X_CLASSES, **given, random_state=0
    )


@job("fairlearn", REGRESSORS)
def bounded_loss_of_groups(estimator):
    from fairlearn.reductions import BoundedGroupLoss, GridSearch, SquareLoss

    model = GridSearch(estimator, BoundedGroupLoss(SquareLoss(-3, 3)), grid_size=3)
    return model.fit(X, Y, sensitive_features=GROUP).predict(X)


# mlflow -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store of runs in a file; None without MLflow."""
    try:
        import mlflow
    except ImportError:
        yield None
        return
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        mlflow.set_tracking_uri(f"sqlite:///{folder / 'runs.db'}")
        mlflow.create_experiment("skgd", artifact_location=(folder / "runs").as_uri())
        mlflow.set_experiment("skgd")
        yield folder


def logged_by_itself(model, X, y):
    """The metrics that MLflow notes of the fit of a Pipeline."""
    import mlflow

    mlflow.sklearn.autolog(log_models=False, log_datasets=False, silent=True)
    try:
        with mlflow.start_run() as run:
            make_pipeline(StandardScaler(), model).fit(X, y)
    finally:
        mlflow.sklearn.autolog(disable=True, silent=True)
    metrics = mlflow.get_run(run.info.run_id).data.metrics
    return [metrics[name] for name in sorted(metrics)]


@job("mlflow", REGRESSORS)
def metrics_of_a_regressor(estimator):
    return logged_by_itself(estimator, X, Y)


@job("mlflow", CLASSIFIERS)
def metrics_of_a_classifier(estimator):
    return logged_by_itself(estimator, X_CLASSES, LABELS)


@pytest.mark.parametrize(
    "model",
    [
        GDNeuralRegressor(**PARAMS),
        GDNeuralClassifier(**PARAMS),
        regressor(),
        classifier(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_mlflow_keeps_a_model_with_its_public_classes_to_trust(store, model):
    mlflow = import_or_skip("mlflow")
    model = clone(model).fit(X_CLASSES, LABELS)
    networks = [member.network for member in getattr(model, "members_", [])]
    trusted = {f"skgd.{type(each).__name__}" for each in [model, *networks]}
    trusted |= {"numpy.dtype"} if networks else set()
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(
            model,
            name="model",
            skops_trusted_types=sorted(trusted),
            pip_requirements=[f"skgd=={skgd.__version__}"],
        )
    loaded = mlflow.pyfunc.load_model(info.model_uri)
    assert_array_equal(loaded.predict(X_CLASSES), model.predict(X_CLASSES))


# All of them --------------------------------------------------------------------------


each_job = pytest.mark.parametrize(
    ("package", "job", "Estimator", "Reference", "of_tables"), JOBS
)


@each_job
def test_a_network_does_what_scikit_learns_does(
    package, job, Estimator, Reference, of_tables, store
):
    import_or_skip(package)
    expected = np.asarray(job(Reference(**PARAMS)), float)
    actual = np.asarray(job(Estimator(**PARAMS)), float)
    assert np.ptp(expected) > 0
    assert_allclose(actual, expected, rtol=1e-7, atol=1e-9)


@each_job
def test_an_estimator_of_tables_does_the_job(
    package, job, Estimator, Reference, of_tables, store
):
    import_or_skip(package)
    expected = np.asarray(job(Reference(**PARAMS)), float)
    actual = np.asarray(job(of_tables()), float)
    assert actual.shape == expected.shape
    assert np.isfinite(actual).all()
    assert_array_equal(np.asarray(job(of_tables()), float), actual)


# Only after a conversion --------------------------------------------------------------


@pytest.mark.parametrize("make", [GDNeuralRegressor, GDNeuralClassifier])
def test_hummingbird_takes_what_to_sklearn_returns(make):
    """It needs torch, which is too large for the extra `clients`."""
    hummingbird = import_or_skip("hummingbird.ml")
    net = make(activation="tanh", dropout=0.1, **PARAMS)
    model = make_pipeline(StandardScaler(), net).fit(X_CLASSES, LABELS)
    converted = skgd.to_sklearn(model, predict_only=True)
    tensors = hummingbird.convert(converted, "torch")
    values = np.array(X_CLASSES)
    # torch is given float32.
    actual, expected = tensors.predict(values), model.predict(X_CLASSES)
    assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)
