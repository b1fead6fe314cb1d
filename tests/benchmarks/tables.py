"""`TabularRegressor` and `TabularClassifier` beside their peers, on real tables.

    pip install -e '.[bench]'
    python tests/benchmarks/tables.py run tables.jsonl
    python tests/benchmarks/tables.py run tables.jsonl --peers skgd LightGBM --sets wine
    python tests/benchmarks/tables.py ablation ablation.jsonl
    python tests/benchmarks/tables.py intervals intervals.jsonl
    python tests/benchmarks/tables.py growth growth.jsonl
    python tests/benchmarks/table_report.py tables.jsonl ablation.jsonl ...

All peers have their defaults, one thread and the same folds. A line of a file is one
fit: its scores on the fold, and the CPU seconds of the fit and of the predictions. What
is in the file already is not done again. With ``ablation`` the peers are skgd with one
default changed; with ``intervals`` they are intervals of a coverage of 0.9.
"""

import argparse
import json
import os
import time
import warnings
from functools import partial
from itertools import product
from pathlib import Path

for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

# One thread is asked for before these are imported.
import numpy as np  # noqa: E402
from sklearn.metrics import (  # noqa: E402
    accuracy_score,
    log_loss,
    r2_score,
    roc_auc_score,
)
from sklearn.model_selection import KFold, StratifiedKFold  # noqa: E402
from table_peers import ABLATIONS, INTERVALS, PEERS  # noqa: E402
from table_sets import REGRESSION, SETS, friedman, load  # noqa: E402

MOST_ROWS = 4000
N_FOLDS = 3
COVERAGE = 0.9
SIZES = (1000, 3000, 10_000, 30_000, 100_000)
GROWING = ("skgd", "HistGradientBoosting", "MLP")
KEY = ("peer", "set", "repeat", "fold", "rows")


def folds(name, y, repeat):
    """Return the rows to fit and the rows to score, for each fold."""
    kind = KFold if name in REGRESSION else StratifiedKFold
    splitter = kind(N_FOLDS, shuffle=True, random_state=repeat)
    return list(splitter.split(np.empty((y.size, 0)), y))


# Scores of a fold ---------------------------------------------------------------------


def of_regression(model, X, y):
    """Return R2, and the mean absolute error in standard deviations of y."""
    prediction = np.asarray(model.predict(X), dtype=float).ravel()
    mae = np.mean(np.abs(y - prediction)) / np.std(y)
    return {"score": r2_score(y, prediction), "mae": float(mae)}


def of_classes(model, X, y):
    """Return accuracy, log loss and area under the ROC curve."""
    probabilities = np.asarray(model.predict_proba(X), dtype=float)
    labels = np.arange(probabilities.shape[1])
    clipped = np.clip(probabilities, 1e-15, 1)
    clipped /= clipped.sum(axis=1, keepdims=True)
    scores = {
        "score": accuracy_score(y, probabilities.argmax(axis=1)),
        "log loss": log_loss(y, clipped, labels=labels),
    }
    if labels.size == 2:
        scores["AUC"] = roc_auc_score(y, probabilities[:, 1])
    elif np.unique(y).size == labels.size:
        scores["AUC"] = roc_auc_score(y, clipped, multi_class="ovr", labels=labels)
    return scores


def of_intervals(model, X, y):
    """Return the share of targets within the intervals, and their mean width."""
    low, high = model.predict_interval(X, COVERAGE).T
    inside = np.mean((low <= y) & (y <= high))
    width = np.mean(high - low) / np.std(y)
    return {"coverage": float(inside), "width": float(width)}


# Runs ---------------------------------------------------------------------------------


def one_fit(model, scores, X, y, rows):
    """Fit a model and score it; return what is written down."""
    train, test = rows
    start = time.process_time()
    model.fit(X.iloc[train], y[train])
    fitted = time.process_time()
    found = scores(model, X.iloc[test], y[test])
    seconds = {"fit": fitted - start, "predict": time.process_time() - fitted}
    return found | seconds


class File:
    """The lines of a file, of which no two are alike in all of `KEY`."""

    def __init__(self, path):
        self._path = Path(path)
        lines = self._path.open() if self._path.exists() else []
        self._known = {tuple(json.loads(line)[k] for k in KEY) for line in lines}

    def add(self, key, function):
        """Call the function for what belongs to the key, unless it is there already."""
        if key in self._known:
            return
        line = dict(zip(KEY, key, strict=True)) | function()
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(line, flush=True)


def run(file, peers, names, repeats, most_rows, scores=None):
    """Fit the peers on the sets."""
    for repeat, name in product(range(repeats), names):
        X, y = load(name, most_rows)
        is_regression = name in REGRESSION
        judge = scores or (of_regression if is_regression else of_classes)
        for (fold, rows), peer in product(enumerate(folds(name, y, repeat)), peers):
            model = peers[peer](is_regression)
            key = peer, name, repeat, fold, y.size
            file.add(key, partial(one_fit, model, judge, X, y, rows))


def grow(file, peers, repeats):
    """Fit the peers on more and more rows of one set."""
    for repeat, size, peer in product(range(repeats), SIZES, GROWING):
        X, y = friedman(size + 1000)
        rows = np.arange(size), np.arange(size, size + 1000)
        key = peer, "friedman", repeat, 0, size
        file.add(key, partial(one_fit, peers[peer](True), of_regression, X, y, rows))


def main():
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("run", "ablation", "intervals", "growth"))
    parser.add_argument("path")
    parser.add_argument("--peers", nargs="+")
    parser.add_argument("--sets", nargs="+", choices=list(SETS))
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--most-rows", type=int, default=MOST_ROWS)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    of_kind = {"ablation": ABLATIONS, "intervals": INTERVALS}
    known = of_kind.get(args.what, PEERS)
    peers = {name: known[name] for name in args.peers or known}
    file = File(args.path)
    if args.what == "growth":
        grow(file, peers, args.repeats)
        return
    is_of_intervals = args.what == "intervals"
    names = args.sets or list(REGRESSION if is_of_intervals else SETS)
    scores = of_intervals if is_of_intervals else None
    run(file, peers, names, args.repeats, args.most_rows, scores)


if __name__ == "__main__":
    main()
