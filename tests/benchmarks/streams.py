"""What a call of partial_fit takes: parts of a few rows, and after very many calls.

    python tests/benchmarks/streams.py

On the diabetes data with ten hidden units, beside scikit-learn's MLP with batches of as
many rows. The two take turns, and medians of ratios count.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import scale

from skgd import GDNeuralClassifier, GDNeuralRegressor

PAIRS = {
    "regressor": (GDNeuralRegressor, MLPRegressor),
    "classifier": (GDNeuralClassifier, MLPClassifier),
}


def microseconds(call, n_calls):
    """Mean time of a call."""
    started = time.perf_counter()
    for _ in range(n_calls):
        call()
    return 1e6 * (time.perf_counter() - started) / n_calls


def compare(kind, solver, n_rows, X, y, n_calls, repeats):
    """Print the time of a call, and how many times as long scikit-learn takes."""
    calls = []
    for estimator in (
        PAIRS[kind][0]((10,), solver=solver, random_state=0),
        PAIRS[kind][1](hidden_layer_sizes=(10,), batch_size=n_rows, random_state=0),
    ):
        known = {"classes": [0, 1]} if kind == "classifier" else {}

        def call(estimator=estimator, known=known):
            estimator.partial_fit(X[:n_rows], y[:n_rows], **known)

        call()
        calls.append(call)
    times = [[microseconds(call, n_calls) for call in calls] for _ in range(repeats)]
    ours, theirs = np.array(times).T
    ratio = np.median(theirs / ours)
    print(
        f"{kind:10} {solver:9} {n_rows:3} rows: {np.median(ours):5.0f} us, "
        f"scikit-learn {ratio:5.2f} times as long"
    )


def grow(X, y, n_total):
    """Print the time of a call as the calls add up, from one row each."""
    net = GDNeuralRegressor((10,), solver="sgd", random_state=0)
    n_calls, n_done, at = 1000, 0, 1000
    while n_done < n_total:
        took = microseconds(lambda: net.partial_fit(X[:1], y[:1]), n_calls)
        n_done += n_calls
        if n_done >= at:
            print(f"after {n_done:9,} calls: {took:4.0f} us a call", flush=True)
            at *= 10


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--calls", type=int, default=200, help="in each repeat")
    parser.add_argument(
        "--total", type=int, default=1_000_000, help="calls of a stream"
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X), scale(y)
    for kind, targets in (("regressor", y), ("classifier", (y > 0).astype(int))):
        for solver in ("sgd", "minibatch"):
            for n_rows in (1, 32):
                data = X, targets, options.calls, options.repeats
                compare(kind, solver, n_rows, *data)
    grow(X, y, options.total)


if __name__ == "__main__":
    main()
