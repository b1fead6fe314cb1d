"""Search for a learning rate with skgd and with scikit-learn, and compare.

Digits are classified and the diabetes data regressed by the same small network, once
for each way of feeding samples to a gradient: all of them (batch), one (sgd), or up to
200 (minibatch). Each network stands in a Pipeline inside a GridSearchCV over learning
rates. You see a table in which both libraries choose the same rate and reach the same
test score (accuracy for digits, R2 for diabetes), with the seconds that each took, and
find the loss curves of the three networks that skgd chose for the digits in
``loss_curves.png``, provided that matplotlib is installed.

Run it with ``python examples/quickstart.py [--output loss_curves.png]``.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skgd import GDNeuralClassifier, GDNeuralRegressor

RATES = [0.0003, 0.001, 0.003, 0.01]
N_FOLDS = 3

# An epoch is one step with batch, a few with minibatch and n_samples with sgd, hence
# the different numbers of epochs. With batch_size=1, scikit-learn takes some 0.2 ms for
# a step: on the digits, each epoch of sgd costs its search about 2 s of computing. A
# handful suffices, and keeps the whole script near a minute.
EPOCHS = {"batch": 300, "sgd": 8, "minibatch": 60}


@dataclass
class Task:
    """A dataset and what is fitted to it."""

    name: str
    load: Callable
    n_train: int  # divisible by N_FOLDS: all training folds are then of one size
    skgd_class: type
    sklearn_class: type
    wrap: Callable = lambda pipeline: pipeline
    rate: str = "net__learning_rate_init"  # as GridSearchCV names it

    def split(self):
        X, y = self.load(return_X_y=True)
        return train_test_split(X, y, train_size=self.n_train, random_state=0)


def standardise_target(pipeline):
    """The targets lie near 150, far from a net's first outputs, near 0."""
    return TransformedTargetRegressor(pipeline, transformer=StandardScaler())


TASKS = [
    Task("digits", load_digits, 900, GDNeuralClassifier, MLPClassifier),
    Task(
        *("diabetes", load_diabetes, 330, GDNeuralRegressor, MLPRegressor),
        wrap=standardise_target,
        rate="regressor__net__learning_rate_init",
    ),
]


def make_model(library, task, solver, n_rows):
    """A scaler and a network that will be trained on so many rows."""
    common = {
        "hidden_layer_sizes": (50,),
        "max_iter": EPOCHS[solver],
        "random_state": 0,
    }
    if library == "skgd":
        net = task.skgd_class(solver=solver, **common)
    else:  # scikit-learn says by the batch size what skgd says by the solver
        batch_size = {"batch": n_rows, "sgd": 1, "minibatch": "auto"}[solver]
        net = task.sklearn_class(batch_size=batch_size, **common)
    return task.wrap(Pipeline([("scale", StandardScaler()), ("net", net)]))


@dataclass
class Result:
    """What a search found, and how long it took."""

    model: Pipeline | TransformedTargetRegressor
    rate: float
    score: float
    seconds: float


def search(library, task, solver):
    """Choose the learning rate by cross-validation, then fit to all training rows.

    GridSearchCV would do the second with ``refit=True``, but scikit-learn's full batch
    is a number of rows, and there are more of them then than in a fold.
    """
    X_train, X_test, y_train, y_test = task.split()
    n_fold = task.n_train * (N_FOLDS - 1) // N_FOLDS

    start = time.perf_counter()
    grid = GridSearchCV(
        make_model(library, task, solver, n_fold),
        {task.rate: RATES},
        cv=N_FOLDS,
        n_jobs=2,
        refit=False,
    )
    grid.fit(X_train, y_train)
    model = make_model(library, task, solver, task.n_train)
    model.set_params(**grid.best_params_).fit(X_train, y_train)
    seconds = time.perf_counter() - start

    rate = grid.best_params_[task.rate]
    return Result(model, rate, model.score(X_test, y_test), seconds)


def warm_up():
    """Spend, and print, what is spent but once, so that no search is charged for it."""
    diabetes = TASKS[-1]
    X, _, y, _ = diabetes.split()

    start = time.perf_counter()
    for solver in EPOCHS:
        GDNeuralRegressor(solver=solver, max_iter=1).fit(X, y).predict(X)
    seconds = time.perf_counter() - start
    print(f"skgd's kernels: {seconds:4.1f} s to compile, or to load once compiled.")

    start = time.perf_counter()
    for library in ("skgd", "sklearn"):
        search(library, diabetes, "minibatch")
    search("skgd", diabetes, "sgd")
    seconds = time.perf_counter() - start
    print(
        f"Two workers:    {seconds:4.1f} s to start, and to run a small search of each."
    )


def compare():
    """Print a row of the table for each pair of searches, and return skgd's results."""
    row = "{:9} {:10} {:>6} {:>8}  {:>6} {:>8}  {:>7} {:>8}  {:>6}"
    print()
    print(row.format("", "", "best", "rate", "test", "score", "seconds", "", ""))
    print(row.format("dataset", "solver", *["skgd", "sklearn"] * 3, "ratio"))
    results = {}
    for task in TASKS:
        for solver in EPOCHS:
            ours = search("skgd", task, solver)
            theirs = search("sklearn", task, solver)
            rates = ours.rate, theirs.rate
            scores = f"{ours.score:.3f}", f"{theirs.score:.3f}"
            seconds = f"{ours.seconds:.2f}", f"{theirs.seconds:.2f}"
            ratio = f"{theirs.seconds / ours.seconds:.1f}x"
            print(row.format(task.name, solver, *rates, *scores, *seconds, ratio))
            results[task.name, solver] = ours
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
    for solver in EPOCHS:
        result = results["digits", solver]
        losses = result.model["net"].loss_curve_
        epochs = range(1, len(losses) + 1)
        label = f"{solver}, learning rate {result.rate}"
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
