"""What a swap brings to a whole script: scores and seconds, process start included.

    python tests/benchmarks/swap.py
    python tests/benchmarks/swap.py --sizes

Each program is written for scikit-learn's MLPs, on the subjects of scikit-learn's own
examples, and runs twice: as it is, and with `skgd.from_sklearn` around what it has
built. Each run is a process of its own, with the kernels compiled before. The two take
turns, and medians count. With ``--sizes`` the program is one fit, of more and more
rows: it shows from which size on the swap pays.
"""

import argparse
import statistics
import subprocess
import sys
import time
import warnings

import numpy as np
from sklearn import datasets
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import StackingRegressor
from sklearn.inspection import partial_dependence
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, StandardScaler

SIZES = (100, 300, 1000, 3000, 10_000, 30_000)
MOONS = {"n_samples": 100, "noise": 0.3, "random_state": 0}
CIRCLES = {"noise": 0.2, "factor": 0.5, "random_state": 1}


def learning_strategies(swap):
    """Seven rules of descent on four small sets."""
    sgd = {"solver": "sgd", "learning_rate_init": 0.2}
    strategies = [
        {"momentum": 0},
        {"momentum": 0.9, "nesterovs_momentum": False},
        {"momentum": 0.9},
        {"momentum": 0, "learning_rate": "invscaling"},
        {"momentum": 0.9, "learning_rate": "invscaling"},
        {
            "momentum": 0.9,
            "learning_rate": "invscaling",
            "nesterovs_momentum": False,
        },
    ]
    strategies = [sgd | each for each in strategies]
    strategies.append({"solver": "adam", "learning_rate_init": 0.01})
    data = [
        datasets.load_iris(return_X_y=True),
        datasets.load_digits(return_X_y=True),
        datasets.make_circles(**CIRCLES),
        datasets.make_moons(**MOONS),
    ]
    for X, y in data:
        X = MinMaxScaler().fit_transform(X)
        max_iter = 15 if len(X) > 1000 else 400
        for strategy in strategies:
            mlp = MLPClassifier(random_state=0, max_iter=max_iter, **strategy)
            yield swap(mlp).fit(X, y).score(X, y)


def penalties(swap):
    """Five strengths of the penalty, by L-BFGS, on three sets in the plane."""
    X, y = datasets.make_classification(
        n_features=2, n_redundant=0, random_state=0, n_clusters_per_class=1
    )
    X += 2 * np.random.RandomState(2).uniform(size=X.shape)
    moons, circles = datasets.make_moons(**MOONS), datasets.make_circles(**CIRCLES)
    for points, labels in [moons, circles, (X, y)]:
        train, test, y_train, y_test = train_test_split(points, labels, random_state=0)
        for alpha in np.logspace(-1, 1, 5):
            mlp = MLPClassifier(
                (10, 10),
                solver="lbfgs",
                alpha=alpha,
                max_iter=2000,
                early_stopping=True,
                random_state=1,
            )
            model = swap(make_pipeline(StandardScaler(), mlp))
            yield model.fit(train, y_train).score(test, y_test)


def images(swap):
    """Digits, by few epochs of large steps, as one looks at first weights."""
    X, y = datasets.load_digits(return_X_y=True)
    train, test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
    mlp = MLPClassifier(
        (40,),
        max_iter=8,
        alpha=1e-4,
        solver="sgd",
        random_state=1,
        learning_rate_init=0.2,
    )
    mlp = swap(mlp).fit(train, y_train)
    yield mlp.score(train, y_train)
    yield mlp.score(test, y_test)


def dependence(swap):
    """A regression of 6,000 rows, and how it depends on two of its features."""
    X, y = datasets.make_friedman1(6000, noise=0.5, random_state=0)
    train, test, y_train, y_test = train_test_split(X, y, random_state=0)
    mlp = MLPRegressor(
        hidden_layer_sizes=(30, 15),
        learning_rate_init=0.01,
        early_stopping=True,
        random_state=0,
    )
    model = swap(make_pipeline(QuantileTransformer(random_state=0), mlp))
    yield model.fit(train, y_train).score(test, y_test)
    found = partial_dependence(model, train, [0, 3], grid_resolution=20)
    yield float(found["average"].mean())


def grid_search(swap):
    """A search over solvers and penalties on the digits."""
    X, y = datasets.load_digits(return_X_y=True)
    model = make_pipeline(MinMaxScaler(), MLPClassifier(max_iter=30, random_state=0))
    grid = {
        "mlpclassifier__solver": ["adam", "sgd"],
        "mlpclassifier__alpha": [1e-4, 1e-2, 1.0],
    }
    search = swap(GridSearchCV(model, grid, cv=3)).fit(X, y)
    yield from search.cv_results_["mean_test_score"]


def stacking(swap):
    """A stack of a network and a linear model, in five folds."""
    X, y = datasets.load_diabetes(return_X_y=True)
    mlp = MLPRegressor(max_iter=300, alpha=10, random_state=0)
    mlp = make_pipeline(StandardScaler(), mlp)
    mlp = TransformedTargetRegressor(mlp, transformer=StandardScaler())
    stack = StackingRegressor([("mlp", mlp), ("ridge", RidgeCV())], cv=3)
    yield from cross_val_score(swap(stack), X, y)


def one_fit(swap, n):
    """One fit with the defaults."""
    X, y = datasets.make_regression(n, 20, noise=10, random_state=0)
    model = make_pipeline(StandardScaler(), MLPRegressor(max_iter=100, random_state=0))
    yield swap(model).fit(X, y / y.std()).score(X, y / y.std())


PROGRAMS = {
    program.__name__: program
    for program in [
        learning_strategies,
        penalties,
        images,
        dependence,
        grid_search,
        stacking,
    ]
}


def run(name, library):
    """Run a program in this process; print its scores."""
    warnings.simplefilter("ignore")
    swap = lambda obj: obj  # noqa: E731
    if library == "skgd":
        from skgd import from_sklearn as swap
    scores = one_fit(swap, int(name)) if name.isdigit() else PROGRAMS[name](swap)
    print(*scores)


def measure(name, repeats):
    """Return the scores with each library, and the seconds of each run."""
    scores, seconds = {}, {"sklearn": [], "skgd": []}
    for i in range(repeats + 1):  # the first one compiles the kernels
        for library in seconds:
            command = [sys.executable, __file__, "--run", name, library]
            started = time.perf_counter()
            out = subprocess.run(command, capture_output=True, text=True, check=True)
            if i:
                seconds[library].append(time.perf_counter() - started)
            scores[library] = np.array(out.stdout.split(), float)
    return scores, seconds


def main():
    """Print a row for each program."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--sizes", action="store_true")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.run:
        run(*arguments.run)
        return
    for name in map(str, SIZES) if arguments.sizes else PROGRAMS:
        scores, seconds = measure(name, arguments.repeats)
        theirs, ours = (scores[library] for library in seconds)
        pairs = zip(seconds["sklearn"], seconds["skgd"], strict=True)
        ratio = statistics.median(a / b for a, b in pairs)
        a, b = (statistics.median(each) for each in seconds.values())
        print(
            f"{name:20} scikit-learn {a:6.2f} s, skgd {b:6.2f} s, {ratio:5.2f} times; "
            f"mean score {theirs.mean():.4f}, {ours.mean():.4f}, largest difference "
            f"{np.abs(theirs - ours).max():.1e} of {len(ours)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
