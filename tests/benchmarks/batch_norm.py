"""What batch normalisation costs: a step with and without it, here and in PyTorch.

    python tests/benchmarks/batch_norm.py

Adam on classes, batches of 32 and 128, as in the benchmark of the same networks. The
four variants take turns, and medians of ratios count. Needs the extra `bench`.
"""

import argparse
import time
import warnings
from itertools import pairwise

import numpy as np

from skgd import GDNeuralClassifier

NETWORKS = [((64, 64, 64, 10), 32, 1792), ((784, 256, 256, 10), 128, 6400)]


def make_data(n_samples, n_features, n_classes):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, n_features))
    return X, (X @ rng.standard_normal((n_features, n_classes))).argmax(axis=1)


def of_skgd(units, batch_size, X, y, batch_norm, epochs):
    """Return a function that trains, after a fit that loads the kernels."""
    estimator = GDNeuralClassifier(
        units[1:-1],
        batch_size=batch_size,
        batch_norm=batch_norm,
        max_iter=epochs,
        tol=0.0,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    return lambda: estimator.fit(X, y)


def of_torch(units, batch_size, X, y, batch_norm, epochs):
    """Return a function that trains, with one thread or two, whichever is faster."""
    import torch  # only here, as the tests look through all modules without it

    X, y = torch.from_numpy(X), torch.from_numpy(y)

    def train():
        layers = []
        for fan_in, fan_out in pairwise(units):
            layers.append(torch.nn.Linear(fan_in, fan_out, dtype=torch.float64))
            if batch_norm:
                layers.append(torch.nn.BatchNorm1d(fan_out, dtype=torch.float64))
            layers.append(torch.nn.ReLU())
        model = torch.nn.Sequential(*layers[: -2 if batch_norm else -1])
        optimizer = torch.optim.Adam(model.parameters(), lr=0.001, fused=True)
        for _ in range(epochs):
            for rows in torch.randperm(len(X)).split(batch_size):
                loss = torch.nn.functional.cross_entropy(model(X[rows]), y[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    times = {}
    for n_threads in (1, 2):
        torch.set_num_threads(n_threads)
        times[n_threads] = min(seconds(train) for _ in range(2))
    torch.set_num_threads(min(times, key=times.get))
    return train


def seconds(train):
    started = time.perf_counter()
    train()
    return time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=5)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    for units, batch_size, n_samples in NETWORKS:
        X, y = make_data(n_samples, units[0], units[-1])
        given = units, batch_size, X, y
        variants = {
            (name, flag): make(*given, flag, arguments.epochs)
            for name, make in [("skgd", of_skgd), ("PyTorch", of_torch)]
            for flag in (False, True)
        }
        times = {variant: [] for variant in variants}
        for _ in range(arguments.repeats + 1):  # the first one loads the kernels
            for variant, train in variants.items():
                times[variant].append(seconds(train))
        times = {variant: np.array(each[1:]) for variant, each in times.items()}
        n_steps = arguments.epochs * -(-n_samples // batch_size)
        print("-".join(map(str, units)), f"in batches of {batch_size}:")
        for name in ("skgd", "PyTorch"):
            with_it, without = times[name, True], times[name, False]
            print(
                f"  {name:8} {1e6 * np.median(with_it) / n_steps:6.0f} us a step with "
                f"it, {np.median(with_it / without):.2f} times as long as without"
            )
        ratio = np.median(times["PyTorch", True] / times["skgd", True])
        print(f"  PyTorch takes {ratio:.2f} times as long as skgd, both with it")


if __name__ == "__main__":
    main()
