"""The peers of `tables.py`: one estimator each, at its own defaults and on one thread.

A peer is a function that is told whether the task is regression, and returns an
estimator that takes a table: numbers may be missing, strings are pandas categories.
What cannot take such a table as it is gets scikit-learn's usual preprocessing.
"""

import warnings
from functools import partial
from unittest import mock

import numpy as np
from sklearn.compose import (
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

CATEGORIES = make_column_selector(dtype_include="category")
NUMBERS = make_column_selector(dtype_exclude="category")


def preprocessing():
    """Impute and scale numbers; one column for each level of a category."""
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    levels = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_column_transformer((numbers, NUMBERS), (levels, CATEGORIES))


def skgd(is_regression, **params):
    from skgd import TabularClassifier, TabularRegressor

    kind = TabularRegressor if is_regression else TabularClassifier
    return kind(n_jobs=1, random_state=0, **params)


def boosting(is_regression):
    kinds = HistGradientBoostingRegressor, HistGradientBoostingClassifier
    return kinds[not is_regression](random_state=0)


def linear(is_regression):
    alphas = np.logspace(-3, 3, 13)
    model = RidgeCV(alphas) if is_regression else LogisticRegression(max_iter=1000)
    return make_pipeline(preprocessing(), model)


def mlp(is_regression):
    if not is_regression:
        return make_pipeline(preprocessing(), MLPClassifier(random_state=0))
    model = make_pipeline(preprocessing(), MLPRegressor(random_state=0))
    return TransformedTargetRegressor(model, transformer=StandardScaler())


def lightgbm(is_regression):
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMRegressor if is_regression else LGBMClassifier
    return kind(n_jobs=1, random_state=0, verbose=-1)


class CatBoost:
    """CatBoost wants its categories as strings, and to be told which they are."""

    def __init__(self, is_regression):
        from catboost import CatBoostClassifier, CatBoostRegressor

        kind = CatBoostRegressor if is_regression else CatBoostClassifier
        files = {"verbose": False, "allow_writing_files": False}
        self._model = kind(thread_count=1, random_seed=0, **files)

    def fit(self, X, y):
        self._model.fit(_as_strings(X), y, cat_features=CATEGORIES(X))
        return self

    def predict(self, X):
        return self._model.predict(_as_strings(X))

    def predict_proba(self, X):
        return self._model.predict_proba(_as_strings(X))


def _as_strings(X):
    names = CATEGORIES(X)
    return X.assign(**{name: X[name].astype(object).fillna("") for name in names})


class Imputed:
    """A network of pytabkit, which takes categories but no missing numbers."""

    def __init__(self, kinds, is_regression):
        self._model = kinds[not is_regression](
            n_threads=1, random_state=0, device="cpu", verbosity=0
        )

    def _imputed(self, X):
        X = X.copy()
        for name in CATEGORIES(X):
            X[name] = X[name].astype(object).fillna("missing").astype("category")
        for name, median in self._medians.items():
            if X[name].dtype == bool:
                X[name] = X[name].astype(float)
            if name in self._with_gaps:
                X[f"{name} is missing"] = X[name].isna().astype(float)
            X[name] = X[name].fillna(median).astype(float)
        return X

    def fit(self, X, y):
        self._medians = X[NUMBERS(X)].median()
        self._with_gaps = [name for name in NUMBERS(X) if X[name].isna().any()]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._model.fit(self._imputed(X), y)
        return self

    def predict(self, X):
        return self._model.predict(self._imputed(X))

    def predict_proba(self, X):
        return self._model.predict_proba(self._imputed(X))


def realmlp_s(is_regression):
    from pytabkit import RealMLP_TD_S_Classifier, RealMLP_TD_S_Regressor

    return Imputed((RealMLP_TD_S_Regressor, RealMLP_TD_S_Classifier), is_regression)


def realmlp(is_regression):
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    return Imputed((RealMLP_TD_Regressor, RealMLP_TD_Classifier), is_regression)


def tabm(is_regression):
    from pytabkit import TabM_D_Classifier, TabM_D_Regressor

    return Imputed((TabM_D_Regressor, TabM_D_Classifier), is_regression)


PEERS = {
    "skgd": skgd,
    "HistGradientBoosting": boosting,
    "LightGBM": lightgbm,
    "CatBoost": CatBoost,
    "MLP": mlp,
    "linear": linear,
    "RealMLP-TD-S": realmlp_s,
    "RealMLP-TD": realmlp,
    "TabM-D": tabm,
}


# Defaults dropped ---------------------------------------------------------------------


class Changed:
    """skgd with something else in the place of one of its module's names."""

    def __init__(self, is_regression, patch):
        self._model, self._patch = skgd(is_regression), patch

    def fit(self, X, y):
        with self._patch():
            self._model.fit(X, y)
        return self

    def predict(self, X):
        return self._model.predict(X)

    def predict_proba(self, X):
        return self._model.predict_proba(X)


def with_scaler(make, is_regression):
    patch = partial(mock.patch, "skgd.tabular.columns.SmoothClipScaler", make)
    return Changed(is_regression, patch)


def with_settings(is_regression, **settings):
    patch = partial(mock.patch.dict, "skgd.tabular.defaults.SETTINGS", settings)
    return Changed(is_regression, patch)


def not_clipped(is_regression):
    from skgd.tabular.columns import SmoothClipScaler

    return with_scaler(partial(SmoothClipScaler, bound=np.inf), is_regression)


def squashed(is_regression):
    from skrub import SquashingScaler

    return with_scaler(SquashingScaler, is_regression)


def not_calibrated(is_regression):
    return skgd(is_regression, **{} if is_regression else {"calibrate": False})


def changed(**settings):
    return partial(with_settings, **settings)


ABLATIONS = {
    "skgd": skgd,
    "2 members": partial(skgd, n_members=2),
    "4 members": partial(skgd, n_members=4),
    "16 members": partial(skgd, n_members=16),
    "each sample held out once": partial(skgd, cv=8),
    "not calibrated": not_calibrated,
    "last epoch kept": changed(early_stopping=False),
    "StandardScaler": partial(with_scaler, StandardScaler),
    "robust scaling without the clip": not_clipped,
    "skrub's SquashingScaler": squashed,
    "silu": changed(activation="silu"),
    "relu": changed(activation="relu"),
    "one hidden layer": changed(hidden_layer_sizes=(64,)),
    "three hidden layers": changed(hidden_layer_sizes=(64, 64, 64)),
    "32 units a layer": changed(hidden_layer_sizes=(32, 32)),
    "128 units a layer": changed(hidden_layer_sizes=(128, 128)),
    "half the epochs": changed(max_iter=32),
    "twice the epochs": changed(max_iter=128),
    "half the learning rate": changed(learning_rate_init=0.0025),
    "twice the learning rate": changed(learning_rate_init=0.01),
    "coslog4": changed(learning_rate="coslog4"),
    "batches of 16": changed(batch_size=16),
    "batches of 64": changed(batch_size=64),
    "beta_2 of 0.999": changed(beta_2=0.999),
    "no weight decay": changed(weight_decay=0.0),
    "dropout of 0.1": changed(dropout=0.1),
}


# Intervals ----------------------------------------------------------------------------


class CrossConformal:
    """MAPIE's CV+ around gradient boosting."""

    def __init__(self, is_regression):
        from mapie.regression import CrossConformalRegressor

        self._model = CrossConformalRegressor(
            boosting(True), confidence_level=0.9, method="plus", cv=5, random_state=0
        )

    def fit(self, X, y):
        self._model.fit_conformalize(X, y)
        return self

    def predict_interval(self, X, coverage):
        return self._model.predict_interval(X)[1][:, :, 0]


INTERVALS = {"skgd": skgd, "MAPIE": CrossConformal}
