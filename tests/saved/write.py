"""Write models of the present form, with what they predict, beside this file.

Run it once when `FORM` of `skgd.estimators.saving` is raised; the files of former
forms stay.
"""

import pickle
import warnings
from pathlib import Path

import numpy as np

from skgd import GDNeuralClassifier, GDNeuralRegressor
from skgd.estimators.saving import FORM

HERE = Path(__file__).parent


def write(estimator, y, X, method):
    warnings.simplefilter("ignore")
    kind = "regressor" if method == "predict" else "classifier"
    estimator.fit(X, y)
    name = f"{kind}-form-{FORM}"
    (HERE / f"{name}.pickle").write_bytes(pickle.dumps(estimator, protocol=4))
    outputs = getattr(estimator, method)(X)
    facts = {"X": X, "y": y, "outputs": outputs, "method": method}
    np.savez(HERE / f"{name}.npz", n_epochs=estimator.n_iter_, **facts)


def main():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 3))
    common = {"max_iter": 10, "random_state": 0, "learning_rate_init": 0.01}
    regressor = GDNeuralRegressor((6, 4), ["tanh", "silu"], dropout=0.1, **common)
    write(regressor, np.sin(X[:, 0]), X, "predict")
    classifier = GDNeuralClassifier(
        (5,), optimizer="nesterov", learning_rate="cosine", **common
    )
    write(classifier, X.argmax(axis=1), X, "predict_proba")


if __name__ == "__main__":
    main()
