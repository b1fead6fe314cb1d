"""Compare two versions of skgd on a machine whose cores other processes want too.

    python busy.py A_DIR B_DIR
    python busy.py A_DIR B_DIR --rounds 21 --competitors 1 2 --only batch
    python busy.py A_DIR B_DIR --nice 19

A_DIR and B_DIR each hold a package skgd. In every round, beside each number of
processes that compute without end, each workload is trained by three processes in
turns: by A and by B with `--threads` threads, and by A with one thread. A ratio is of
two runs of the same round, so that what else the machine does weighs on both. The
tables show the medians of the ratios, and their quartiles. Ctrl-C, or SIGTERM, ends the
rounds early: what has been measured by then is reported.
"""

import argparse
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

# Seconds that competing processes get to start, before the runs beside them.
SETTLING = 0.3
# What is timed: units of the layers, samples, classes, data type, and parameters.
WORKLOADS = {
    "default, 50-100-1, 200": ([50, 100, 1], 10_000, "float64", {}),
    "minibatch, 100-100-100-1, 200": ([100, 100, 100, 1], 10_000, "float64", {}),
    "minibatch, 784-256-256-10, 32": (
        *([784, 256, 256, 10], 2_000, "float64"),
        {"batch_size": 32},
    ),
    "minibatch, 784-256-256-10, 200": ([784, 256, 256, 10], 2_000, "float64", {}),
    "batch, 20-100-1, 2000": ([20, 100, 1], 2_000, "float64", {"solver": "batch"}),
}
COMPETITOR = "while True: pass"


# In a process of a version -----------------------------------------------------------


def make_estimator(name, n_jobs):
    """Return an estimator and data to fit it to."""
    from skgd import GDNeuralClassifier, GDNeuralRegressor

    units, n, dtype, parameters = WORKLOADS[name]
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, units[0])).astype(dtype)
    signal = np.sin(X[:, 0]) + X[:, 1] * X[:, 2]
    is_classification = units[-1] > 1
    estimator = (GDNeuralClassifier if is_classification else GDNeuralRegressor)(
        tuple(units[1:-1]), n_jobs=n_jobs, random_state=0, **parameters
    )
    # No rule ends a fit, so that all of them do the same work.
    estimator.set_params(tol=0.0, n_iter_no_change=np.inf)
    if is_classification:
        limits = np.quantile(signal, np.linspace(0, 1, units[-1] + 1)[1:-1])
        return estimator, X, np.searchsorted(limits, signal)
    return estimator, X, signal


def serve(folder, n_jobs, nice, connection):
    """Fit what the connection asks for, and answer with the seconds and the loss."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends when the other process does
    os.nice(nice)
    sys.path.insert(0, str(folder))
    import skgd

    if Path(skgd.__file__).parents[1] != folder:
        raise RuntimeError(f"Imported {skgd.__file__}, and not what is in {folder}.")
    warnings.simplefilter("ignore")
    prepared = {}
    while True:
        try:
            name, epochs = connection.recv()
        except EOFError:  # the process that measures has closed it, or has ended
            return
        if name not in prepared:
            prepared[name] = make_estimator(name, n_jobs)
        estimator, X, y = prepared[name]
        estimator.set_params(max_iter=epochs)
        started, busy = time.perf_counter(), time.process_time()
        estimator.fit(X, y)
        seconds = time.perf_counter() - started
        with suppress(BrokenPipeError):
            connection.send((seconds, time.process_time() - busy, estimator.loss_))


# In the process that measures --------------------------------------------------------


class Version:
    """A process that fits with one version and one number of threads."""

    def __init__(self, folder, n_jobs, nice):
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        arguments = Path(folder).resolve(), n_jobs, nice, theirs
        # Not a daemon, in which joblib allows one thread only.
        self._process = context.Process(target=serve, args=arguments)
        self._process.start()
        theirs.close()  # so that the end of the process is seen as an EOFError

    def fit(self, name, epochs):
        """Fit a workload; return the seconds, those of its cores, and the loss."""
        self._connection.send((name, epochs))
        return self._connection.recv()

    def end(self):
        self._connection.close()
        self._process.join()


@contextmanager
def competitors(n):
    """Keep `n` processes computing without end for the length of a block."""
    command = [sys.executable, "-c", COMPETITOR]
    processes = [subprocess.Popen(command) for _ in range(n)]
    try:
        time.sleep(SETTLING)
        yield
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


def epochs_for(version, name, seconds):
    """Number of epochs that take about so many seconds, once all is compiled."""
    version.fit(name, 1)
    few = 4
    while True:
        needed = version.fit(name, few)[0]
        if needed > 0.2 * seconds:
            return max(1, round(few * seconds / needed))
        few *= 4


def measure(versions, names, numbers, rounds, seconds, results):
    """Add the runs of all rounds to `results`, by workload and competitors."""
    epochs = {name: epochs_for(versions["A"], name, seconds) for name in names}
    for version in versions.values():
        for name in names:  # compiles, or loads, and warms up
            version.fit(name, 1)
    for number in range(rounds):
        for n in numbers:
            with competitors(n):
                for name in names:
                    # Each version comes first, second and last in turns.
                    order = list(np.roll(list(versions), number))
                    if number // len(order) % 2:
                        order.reverse()
                    runs = {key: versions[key].fit(name, epochs[name]) for key in order}
                    losses = {key: loss for key, (*_, loss) in runs.items()}
                    if len(set(losses.values())) > 1:
                        print(f"{name}: the losses differ: {losses}", file=sys.stderr)
                    results.setdefault((name, n), []).append(runs)
        print(f"round {number + 1} of {rounds}", file=sys.stderr)


def cell(values):
    """Median and quartiles."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def report(results):
    """Print a table: for each setting the ratios of times, and of the cores' time."""
    print("| workload | busy | ms, A | B / A | A / one | B / one | cores' B / A | n |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for (name, n), rounds in results.items():
        seconds, cores = (
            {key: np.array([runs[key][i] for runs in rounds]) for key in rounds[0]}
            for i in (0, 1)
        )
        ratios = [
            seconds["B"] / seconds["A"],
            seconds["A"] / seconds["one"],
            seconds["B"] / seconds["one"],
            cores["B"] / cores["A"],
        ]
        cells = [name, n, f"{1e3 * np.median(seconds['A']):.0f}", *map(cell, ratios)]
        print("|", " | ".join(map(str, [*cells, len(rounds)])), "|")
    ratios = [
        runs["B"][0] / runs["A"][0]
        for (_, n), rounds in results.items()
        for runs in rounds
        if n > 0
    ]
    if ratios:
        print(f"\nB / A in all runs beside others: {cell(ratios)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs=2, metavar="DIR")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--competitors", type=int, nargs="+", default=[0, 1, 2, 4])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=0.6, help="of an idle run")
    parser.add_argument("--only", default="", help="workloads with this in the name")
    parser.add_argument("--nice", type=int, default=0, help="of the fits")
    parser.add_argument("--json", help="a file for all figures")
    options = parser.parse_args()
    names = [name for name in WORKLOADS if options.only in name]
    a, b = options.folders
    versions = {
        "A": Version(a, options.threads, options.nice),
        "B": Version(b, options.threads, options.nice),
        "one": Version(a, 1, options.nice),
    }
    # Other processes are ended on the way out, so SIGTERM is made an exception too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    numbers, rounds, results = options.competitors, options.rounds, {}
    try:
        measure(versions, names, numbers, rounds, options.seconds, results)
    except KeyboardInterrupt:
        print("ended early", file=sys.stderr)
    finally:
        for version in versions.values():
            version.end()
    report(results)
    if options.json:
        rows = [[*key, rounds] for key, rounds in results.items()]
        Path(options.json).write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
