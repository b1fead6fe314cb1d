"""What validation after each epoch costs: the time of an epoch with and without it.

    python tests/benchmarks/stopping.py

On the diabetes data, where an epoch takes some 50 us. Early stopping trains on nine
tenths of the samples; here it is told to hold out a tenth of samples that are added, so
that the training is the same. The variants take turns, and medians of ratios count.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from skgd import GDNeuralClassifier, GDNeuralRegressor

EPOCHS = 400


def seconds_an_epoch(estimator, X, y, **validation):
    """Time a fit that no rule ends, its fixed costs included."""
    estimator.set_params(max_iter=EPOCHS, tol=0.0, n_iter_no_change=np.inf)
    started = time.perf_counter()
    estimator.fit(X, y, **validation)
    return (time.perf_counter() - started) / estimator.n_iter_


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    warnings.simplefilter("ignore")
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X), scale(y)
    n = len(X) // 10
    validation = {"X_val": X[:n], "y_val": y[:n]}
    labels = (y > 0).astype(int)
    classes = np.digitize(y, [-0.5, 0.5])
    for name, Estimator, target in [
        ("regressor", GDNeuralRegressor, y),
        ("classifier, 2 classes", GDNeuralClassifier, labels),
        ("classifier, 3 classes", GDNeuralClassifier, classes),
    ]:
        given = validation | {"y_val": target[:n]}
        plain = Estimator((20,), random_state=0)
        variants = {
            "scoring='loss'": Estimator(
                (20,), early_stopping=True, scoring="loss", random_state=0
            ),
            "default score": Estimator((20,), early_stopping=True, random_state=0),
        }
        times = {variant: [] for variant in ["without", *variants]}
        for _ in range(repeats + 1):  # the first one loads the kernels
            times["without"].append(seconds_an_epoch(plain, X, target))
            for variant, estimator in variants.items():
                seconds = seconds_an_epoch(estimator, X, target, **given)
                times[variant].append(seconds)
        without = np.array(times["without"][1:])
        print(f"{name}: an epoch without takes {1e6 * np.median(without):.0f} us")
        for variant in variants:
            ratio = np.median(np.array(times[variant][1:]) / without)
            print(f"  {variant}: {ratio:.2f} times as long")


if __name__ == "__main__":
    main()
