"""Search for sizes and learning rates with skgd and with scikit-learn, and compare.

Digits are classified and the diabetes data regressed by the same network, once for each
way of feeding samples to a gradient: all of them (batch), one (sgd), or up to 200
(minibatch). Each network stands in a Pipeline inside a GridSearchCV over two hidden
layers and four learning rates, with three folds and two workers. You see a table in
which both libraries choose the same network and reach the same test score (accuracy for
digits, R2 for diabetes), with the seconds that each took, and how many times longer
scikit-learn took than skgd, both with processes. You find the loss curves of the three
networks that skgd chose for the digits in ``loss_curves.png``, provided that matplotlib
is installed. All of it takes less than a minute on two cores, once skgd is compiled.

The workers are processes, which is joblib's default. Their start is printed apart, as
it is spent once. skgd searches a second time with threads instead, which have nothing
to start nor to import. (scikit-learn's networks take two to three times as long with
threads, since most of a step is Python there, which threads run by turns.)

Run it with ``python examples/quickstart.py [--output loss_curves.png]``.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import joblib
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skgd import GDNeuralClassifier, GDNeuralRegressor

SIZES = [(50,), (100,)]
N_FOLDS = 3
N_JOBS = 2

# The more samples a gradient is taken from, the less noise is in it, and the larger are
# the steps that it allows.
RATES = {
    "batch": [0.003, 0.01, 0.03, 0.1],
    "sgd": [0.0001, 0.0003, 0.001, 0.003],
    "minibatch": [0.001, 0.003, 0.01, 0.03],
}


@dataclass
class Task:
    """A dataset and what is fitted to it."""

    load: Callable
    n_train: int  # divisible by N_FOLDS: all training folds are then of one size
    skgd_class: type
    sklearn_class: type
    penalty: float  # on the squared weights, for each sample of a gradient
    epochs: dict
    wrap: Callable = lambda pipeline: pipeline
    prefix: str = "net__"  # of the network's parameters, as GridSearchCV names them

    def split(self):
        X, y = self.load(return_X_y=True)
        return train_test_split(X, y, train_size=self.n_train, random_state=0)


def standardise_target(pipeline):
    """The targets lie near 150, far from a net's first outputs, near 0."""
    return TransformedTargetRegressor(pipeline, transformer=StandardScaler())


# An epoch is one step with batch, a few with minibatch and n_samples with sgd, hence
# the different numbers of epochs. With batch_size=1, scikit-learn takes some 0.2 ms for
# a step: on the digits, each epoch of sgd costs its search about 2 s. Few suffice, and
# keep the whole script below a minute.
TASKS = {
    "digits": Task(
        *(load_digits, 1347, GDNeuralClassifier, MLPClassifier),
        penalty=0.001,
        epochs={"batch": 400, "sgd": 5, "minibatch": 200},
    ),
    "diabetes": Task(
        *(load_diabetes, 330, GDNeuralRegressor, MLPRegressor),
        penalty=0.03,
        epochs={"batch": 1000, "sgd": 15, "minibatch": 500},
        wrap=standardise_target,
        prefix="regressor__net__",
    ),
}


def make_model(library, task, solver, n_rows):
    """A scaler and a network that will be trained on so many rows."""
    batch_size = {"batch": n_rows, "sgd": 1, "minibatch": 200}[solver]
    common = {
        "max_iter": task.epochs[solver],
        "alpha": task.penalty * batch_size,  # both libraries divide it by that
        "random_state": 0,
    }
    if library == "skgd":
        net = task.skgd_class(solver=solver, **common)
    else:  # scikit-learn says by the batch size what skgd says by the solver
        net = task.sklearn_class(batch_size=batch_size, **common)
    return task.wrap(Pipeline([("scale", StandardScaler()), ("net", net)]))


@dataclass
class Result:
    """What a search found, and how long it took."""

    model: Pipeline | TransformedTargetRegressor
    units: int
    rate: float
    score: float
    seconds: float


def search(library, task, solver, backend="loky"):
    """Choose a network by cross-validation, then fit it to all training rows.

    GridSearchCV would do the second with ``refit=True``, but scikit-learn's full batch
    is a number of rows, and there are more of them then than in a fold.
    """
    X_train, X_test, y_train, y_test = task.split()
    n_fold = task.n_train * (N_FOLDS - 1) // N_FOLDS
    size, rate = task.prefix + "hidden_layer_sizes", task.prefix + "learning_rate_init"

    start = time.perf_counter()
    grid = GridSearchCV(
        make_model(library, task, solver, n_fold),
        {size: SIZES, rate: RATES[solver]},
        cv=N_FOLDS,
        n_jobs=N_JOBS,
        refit=False,
    )
    with joblib.parallel_config(backend=backend):
        grid.fit(X_train, y_train)
    model = make_model(library, task, solver, task.n_train)
    model.set_params(**grid.best_params_).fit(X_train, y_train)
    seconds = time.perf_counter() - start

    (units,), rate = grid.best_params_[size], grid.best_params_[rate]
    return Result(model, units, rate, model.score(X_test, y_test), seconds)


def warm_up():
    """Spend, and print, what is spent but once, so that no search is charged for it."""
    diabetes = TASKS["diabetes"]
    X, _, y, _ = diabetes.split()

    start = time.perf_counter()
    for solver in RATES:
        GDNeuralRegressor(solver=solver, max_iter=1).fit(X, y).predict(X)
    seconds = time.perf_counter() - start
    print(f"skgd's kernels: {seconds:4.1f} s to compile, or to load once compiled.")

    start = time.perf_counter()
    search("sklearn", diabetes, "minibatch")
    seconds = time.perf_counter() - start
    print(f"Two processes:  {seconds:4.1f} s to start, and for a search by sklearn;")

    start = time.perf_counter()
    for solver in RATES:
        search("skgd", diabetes, solver)
    seconds = time.perf_counter() - start
    print(f"                {seconds:4.1f} s to load skgd, and for three searches.")


def compare():
    """Print a row of the table for each pair of searches, and return skgd's results."""
    row = "{:8} {:9}  {:>11} {:>11}  {:>5} {:>7}  {:>5} {:>7} {:>7} {:>6}"
    titles = ["best units", "and rate", "test", "score", "seconds"]
    columns = ["skgd", "sklearn", "skgd", "sklearn", "skgd", "threads", "sklearn"]
    print()
    print(row.format("", "", *titles, "", "", "").rstrip())
    print(row.format("dataset", "solver", *columns, "ratio"))
    results = {}
    for name, task in TASKS.items():
        for solver in RATES:
            ours = search("skgd", task, solver)
            threads = search("skgd", task, solver, backend="threading")
            theirs = search("sklearn", task, solver)
            choices = [f"{found.units}, {found.rate}" for found in (ours, theirs)]
            scores = [f"{found.score:.3f}" for found in (ours, theirs)]
            times = [f"{found.seconds:.2f}" for found in (ours, threads, theirs)]
            ratio = f"{theirs.seconds / ours.seconds:.1f}x"
            print(row.format(name, solver, *choices, *scores, *times, ratio))
            results[name, solver] = ours
    print()
    return results


def draw_loss_curves(results, path):
    """Draw the training loss on the digits by epoch, a curve for each solver."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("The picture of the loss curves was left out: it needs matplotlib.")
        return
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for solver in RATES:
        result = results["digits", solver]
        losses = result.model["net"].loss_curve_
        epochs = range(1, len(losses) + 1)
        label = f"{solver}: {result.units} units, learning rate {result.rate}"
        axes.plot(epochs, losses, label=label)
    axes.set(
        title="Digits: training loss by solver",
        xlabel="epoch",
        ylabel="training loss",
        xscale="log",  # sgd has made thousands of steps before batch has made ten
        yscale="log",
    )
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=150)
    print(f"The loss curves are in {path.resolve()}.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("loss_curves.png"))
    output = parser.parse_args().output

    with warnings.catch_warnings():
        # So few epochs end before convergence, as meant. scikit-learn hands the
        # filter on to the worker processes.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warm_up()
        results = compare()
    draw_loss_curves(results, output)


if __name__ == "__main__":
    main()
