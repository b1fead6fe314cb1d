"""Write models of the present form, with what they predict, beside this file.

Run it once when `FORM` of `skgd.estimators.saving` is raised, or with `tables` that of
`skgd.tabular.saving`; the files of former forms stay.
"""

import pickle
import sys
import warnings
from pathlib import Path

import numpy as np

from skgd import GDNeuralClassifier, GDNeuralRegressor
from skgd.estimators.saving import FORM
from skgd.tabular import TabularClassifier, TabularRegressor
from skgd.tabular import saving as tables

HERE = Path(__file__).parent


def write(name, estimator, X, y, method, **more):
    warnings.simplefilter("ignore")
    estimator.fit(X, y)
    (HERE / f"{name}.pickle").write_bytes(pickle.dumps(estimator, protocol=4))
    outputs = getattr(estimator, method)(X)
    facts = {"X": X, "y": y, "outputs": outputs, "method": method}
    np.savez(HERE / f"{name}.npz", **facts, **more)


def networks():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 3))
    common = {"max_iter": 10, "random_state": 0, "learning_rate_init": 0.01}
    regressor = GDNeuralRegressor((6, 4), ["tanh", "silu"], dropout=0.1, **common)
    more = {"n_epochs": 10}
    name = f"regressor-form-{FORM}"
    write(name, regressor, X, np.sin(X[:, 0]), "predict", **more)
    classifier = GDNeuralClassifier(
        (5,), optimizer="nesterov", learning_rate="cosine", **common
    )
    name = f"classifier-form-{FORM}"
    write(name, classifier, X, X.argmax(axis=1), "predict_proba", **more)


def of_tables():
    rng = np.random.default_rng(0)
    level = rng.integers(4, size=40)
    holed = np.where(level > 0, level, np.nan)
    X = np.column_stack([rng.standard_normal(40), holed, level])
    few = {"hidden_layer_sizes": (5,), "max_iter": 4}
    common = {"member_params": few, "n_members": 2, "random_state": 0}
    common["categorical_features"] = [2]
    y = X[:, 0] + X[:, 2]
    regressor = TabularRegressor(**common)
    name = f"tables/regressor-form-{tables.FORM}"
    write(name, regressor, X, y, "predict_interval")
    classifier = TabularClassifier(**common)
    name = f"tables/classifier-form-{tables.FORM}"
    write(name, classifier, X, np.digitize(y, [1, 3]), "predict_proba")


if __name__ == "__main__":
    of_tables() if sys.argv[1:] == ["tables"] else networks()
