"""Compare the solvers: seconds and epochs that each needs for the same validation loss.

    python tests/benchmarks/solvers.py --json docs/guide/solvers.json
    python tests/benchmarks/solvers.py --table docs/guide/solvers.json
    python tests/benchmarks/solvers.py --only digits
    python tests/benchmarks/solvers.py --rates
    python tests/benchmarks/solvers.py --tiny

The rule, for each case:

1. Every solver is trained with each of five learning rates and three random states, for
   as many epochs as the case's budget of seconds allows. All use ``alpha=0``, as the
   pull of `alpha` depends on the batch size. The optimizer is Adam. With
   ``solver="batch"`` there is L-BFGS as well, which has no learning rate and is trained
   once with each random state; its iterations count as epochs.
2. Of each solver and rate, the median over the random states counts. The target is 1.1
   times the lowest median of any solver and rate.
3. A solver is reported with the rate that took it to the target in the fewest epochs.
   The seconds are these epochs times those of one epoch.

An epoch is timed apart, without validation: what it costs to look is not charged.

With ``--rates`` it prints another table instead, for which nothing is timed: between
which learning rates an optimizer comes within a tenth of its own lowest validation
loss, in a number of epochs that is fixed for each solver. L-BFGS has no part in it.
"""

import argparse
import json
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
from run import describe_machine
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from skgd import GDNeuralClassifier, GDNeuralRegressor
from skgd.kernels.formulas.optimizers import FIRST_ORDER

# What feeds a gradient, and the learning rates that it is given to choose from; None is
# for L-BFGS, which has none.
SOLVERS = {
    "batch": ({"solver": "batch"}, [0.003, 0.01, 0.03, 0.1, 0.3]),
    "batch, L-BFGS": ({"solver": "batch", "optimizer": "lbfgs"}, [None]),
    "minibatch 200": ({"batch_size": 200}, [0.001, 0.003, 0.01, 0.03, 0.1]),
    "minibatch 32": ({"batch_size": 32}, [0.0003, 0.001, 0.003, 0.01, 0.03]),
    "sgd": ({"solver": "sgd"}, [0.0001, 0.0003, 0.001, 0.003, 0.01]),
}
# For --rates: the epochs of a run, and the learning rates.
RATE_EPOCHS = {"batch": 300, "minibatch 200": 60, "minibatch 32": 20, "sgd": 10}
ALL_RATES = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10]
SLACK = 1.1
SEEDS = (0, 1, 2)
N_VAL = 2000
# Shorter runs are not timed: a fit has work of its own, before and after the epochs.
SHORTEST = 0.2


@dataclass(frozen=True)
class Case:
    """Data and a network. `noise` is its share of the variance of the targets."""

    name: str
    n_samples: int
    hidden: tuple
    n_features: int = 20
    noise: float = 0.1
    is_digits: bool = False
    budget: float = 1.2  # seconds a run, validation included

    def shrunk(self):
        """Return a tiny version, to see that everything works."""
        return replace(self, n_samples=min(self.n_samples, 300), budget=0.05)


CASES = [
    Case("200 samples, 10-10-1", 200, (10,), n_features=10),
    Case("2,000 samples, 20-50-1", 2000, (50,)),
    Case("2,000 samples, 20-50-1, half of it noise", 2000, (50,), noise=0.5),
    Case("1,437 digits, 64-100-10", 1437, (100,), is_digits=True),
    Case("5,000 samples, 100-200-200-1", 5000, (200, 200), n_features=100, budget=2),
    Case("20,000 samples, 20-50-1", 20_000, (50,)),
    Case("200,000 samples, 20-50-1", 200_000, (50,), budget=3),
]


def make_data(case):
    """Return X, y, and the same of validation."""
    if case.is_digits:
        X, y = load_digits(return_X_y=True)
        X, X_val, y, y_val = train_test_split(X / 16, y, test_size=360, random_state=0)
        return X[: case.n_samples], y[: case.n_samples], X_val, y_val
    rng = np.random.default_rng(0)
    X = rng.standard_normal((case.n_samples + N_VAL, case.n_features))
    signal = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + np.abs(X[:, 3]) + X[:, 4]
    signal = (signal - signal.mean()) / signal.std()
    noise = rng.standard_normal(len(signal))
    y = np.sqrt(1 - case.noise) * signal + np.sqrt(case.noise) * noise
    return X[N_VAL:], y[N_VAL:], X[:N_VAL], y[:N_VAL]


def make_net(case, solver, rate, **options):
    kind = GDNeuralClassifier if case.is_digits else GDNeuralRegressor
    options = {"alpha": 0, "random_state": 0, "n_iter_no_change": np.inf, **options}
    if rate is not None:
        options["learning_rate_init"] = rate
    return kind(case.hidden, **SOLVERS[solver][0], **options)


def seconds_an_epoch(case, solver, rate, data, *, judged=False, repeats=3):
    """Time fits of some epochs each; validated after each epoch if `judged`."""
    X, y, X_val, y_val = data
    validation = {"X_val": X_val, "y_val": y_val} if judged else {}

    def fit(epochs):
        """Return the seconds that a fit takes, and its epochs."""
        net = make_net(case, solver, rate, max_iter=epochs, tol=0)
        start = time.perf_counter()
        net.fit(X, y, **validation)
        return time.perf_counter() - start, net.n_iter_

    fit(1)  # compiles
    epochs, (taken, done) = 1, fit(1)
    # L-BFGS may come to its end earlier; then this is the longest that there is.
    while taken < SHORTEST and done == epochs:
        epochs = int(epochs * max(2, min(100, 1.2 * SHORTEST / taken)))
        taken, done = fit(epochs)
    again = [fit(epochs)[0] for _ in range(repeats - 1)]
    return median([taken, *again]) / done


def validation_losses(case, solver, rate, data, max_epochs, random_state):
    """Return the loss after each epoch, up to long after the lowest one."""
    X, y, X_val, y_val = data
    net = make_net(
        *(case, solver, rate),
        **{"max_iter": max_epochs, "random_state": random_state},
        **{"early_stopping": True, "scoring": "loss", "tol": 0},
        n_iter_no_change=max(10, max_epochs // 5),
    )
    try:
        net.fit(X, y, X_val=X_val, y_val=y_val)
    except ValueError:  # diverged in the first epoch
        return [np.inf]
    return np.nan_to_num(net.validation_loss_curve_, nan=np.inf).tolist()


def epochs_to(target, losses):
    """Count the epochs up to the first loss as low as that; inf if there is none."""
    low = np.flatnonzero(np.array(losses) <= target)
    return int(low[0]) + 1 if low.size else np.inf


def search(case, solver, data):
    """Return the validation losses of each learning rate, one list for each seed."""
    rates = SOLVERS[solver][1]
    seconds = seconds_an_epoch(case, solver, rates[0], data, judged=True, repeats=1)
    max_epochs = max(2, int(case.budget / seconds))
    return {
        rate: [
            validation_losses(case, solver, rate, data, max_epochs, random_state=seed)
            for seed in SEEDS
        ]
        for rate in rates
    }


def lowest_losses(runs):
    """Return the lowest loss of each learning rate, the median over the seeds."""
    return {rate: median(map(min, losses)) for rate, losses in runs.items()}


def measure_solver(case, solver, data, runs, target):
    """Choose the rate, and measure what it takes to come to the target by it."""
    lowest = lowest_losses(runs)
    needed = {
        rate: median(epochs_to(target, one) for one in losses)
        for rate, losses in runs.items()
    }
    rate = min(runs, key=lambda rate: (needed[rate], lowest[rate]))
    found = {"rate": rate, "lowest_loss": min(lowest.values())}
    rates = list(runs)
    found["is_edge_rate"] = len(rates) > 1 and rate in (rates[0], rates[-1])
    found["epoch_seconds"] = seconds_an_epoch(case, solver, rate, data)
    found["epochs"] = found["seconds"] = None
    if needed[rate] < np.inf:
        found["epochs"] = needed[rate]
        found["seconds"] = found["epochs"] * found["epoch_seconds"]
    return found


def measure(case):
    data = make_data(case)
    runs = {solver: search(case, solver, data) for solver in SOLVERS}
    target = SLACK * min(min(lowest_losses(each).values()) for each in runs.values())
    solvers = {
        solver: measure_solver(case, solver, data, runs[solver], target)
        for solver in SOLVERS
    }
    return {
        "name": case.name,
        "budget": case.budget,
        "target": target,
        "solvers": solvers,
    }


def good_rates(case, solver, optimizer, data):
    """Return the rates that come near the lowest loss, and this loss."""
    X, y, X_val, y_val = data
    lowest = {}
    for rate in ALL_RATES:
        options = {"optimizer": optimizer, "max_iter": RATE_EPOCHS[solver]}
        net = make_net(case, solver, rate, **options)
        try:
            net.fit(X, y, X_val=X_val, y_val=y_val)
        except ValueError:  # diverged
            continue
        lowest[rate] = min(net.validation_loss_curve_)
    best = min(lowest.values())
    return [rate for rate, loss in lowest.items() if loss <= SLACK * best], best


def rates_table(case):
    """Return the list-table of the optimizers' learning rates."""
    data = make_data(case)
    rows = [["optimizer", *RATE_EPOCHS]]
    for optimizer in FIRST_ORDER:
        rows.append([f"``{optimizer}``"])
        for solver in RATE_EPOCHS:
            rates, best = good_rates(case, solver, optimizer, data)
            ends = dict.fromkeys([rates[0], rates[-1]])  # one, if they are the same
            rows[-1].append(f"{' to '.join(map(str, ends))} ({best:.3f})")
    return list_table(rows)


def cell(result, solver):
    """Return seconds, epochs and rate, or how near the solver came."""
    found = result["solvers"][solver]
    if found["seconds"] is None:
        near = found["lowest_loss"] / result["target"]
        return f"no: {near:.2f} times the target in {result['budget']:g} s"
    seconds = [other["seconds"] for other in result["solvers"].values()]
    is_fastest = found["seconds"] == min(s for s in seconds if s is not None)
    text = f"{found['seconds']:.2g} s"
    details = f"{found['epochs']} epoch{'s' * (found['epochs'] != 1)}"
    if found["rate"] is not None:
        details += f", {found['rate']}{', edge' * found['is_edge_rate']}"
    return f"{f'**{text}**' if is_fastest else text} ({details})"


def rst_table(report):
    """Return the list-table of the user guide."""
    return list_table([["case", *SOLVERS], *map(_row, report["cases"])])


def list_table(rows):
    """Return reStructuredText; the first row is the heading."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        marks = ["   * -", *["     -"] * (len(row) - 1)]
        lines += [f"{mark} {text}" for mark, text in zip(marks, row, strict=True)]
    return "\n".join(lines)


def _row(result):
    return [result["name"], *(cell(result, solver) for solver in SOLVERS)]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="cases whose name has this")
    parser.add_argument("--tiny", action="store_true", help="to see that it works")
    parser.add_argument(
        "--rates", action="store_true", help="the optimizers' learning rates instead"
    )
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument(
        "--table", type=Path, help="print the table of this JSON for the user guide"
    )
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    if arguments.table:
        print(rst_table(json.loads(arguments.table.read_text())))
        return
    warnings.simplefilter("ignore", ConvergenceWarning)
    if arguments.rates:
        case = CASES[1]
        print(rates_table(case.shrunk() if arguments.tiny else case))
        return
    machine = describe_machine()
    print(", ".join(f"{key}: {value}" for key, value in machine.items()))
    start, results = time.perf_counter(), []
    for case in CASES:
        if arguments.only in case.name:
            results.append(measure(case.shrunk() if arguments.tiny else case))
            print(f"{case.name}, to a loss of {results[-1]['target']:.4g}")
            for solver in SOLVERS:
                print(f"  {solver:14} {cell(results[-1], solver)}", flush=True)
    print(f"{time.perf_counter() - start:.0f} s")
    if arguments.json:
        report = {"machine": machine, "slack": SLACK, "cases": results}
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
