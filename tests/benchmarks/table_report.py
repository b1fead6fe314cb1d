"""Tables for the documentation, from what `tables.py` has written down.

    python tests/benchmarks/table_report.py docs/guide tables.jsonl ablation.jsonl \
        intervals.jsonl growth.jsonl

They are written to files tables_*.inc in the folder, which the page 'Tables' includes.
Scores are means over the folds. A rank is a peer's place among those that have been run
on the same sets, 1 for the best; its interval holds 95% of the mean ranks of sets drawn
anew.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import rankdata

# The measures, and whether a larger one is better.
MEASURES = {"score": True, "log loss": False, "AUC": True}
N_BOOTSTRAPS = 2000
# Share of the sets that a peer has to be run on to be ranked.
MOSTLY = 0.8


def read(path):
    """Return the lines of a file as a frame."""
    return pd.DataFrame(map(json.loads, Path(path).open()))


def means(lines, measure):
    """Return the mean over the folds: a row for each set, a column for each peer.

    The order of sets and peers is that of the lines. A set whose folds a peer has not
    all been run on has no mean.
    """
    table = lines.pivot_table(measure, "set", "peer", "mean", sort=False)
    counts = lines.pivot_table(measure, "set", "peer", "count", sort=False)
    table = table.where(counts == counts.max(axis=1).to_numpy()[:, None])
    return table.loc[lines["set"][lines[measure].notna()].unique()]


def mean_ranks(table, is_larger_better):
    """Return each peer's mean rank, and the ends of its bootstrap interval."""
    complete = table.dropna()
    sign = -1 if is_larger_better else 1
    ranks = rankdata(sign * complete.to_numpy(), axis=1)
    rng, n = np.random.default_rng(0), len(complete)
    drawn = ranks[rng.integers(0, n, (N_BOOTSTRAPS, n))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    columns = {"mean": ranks.mean(axis=0), "low": low, "high": high}
    return pd.DataFrame(columns, index=complete.columns), n


def ratios(table, reference):
    """Return the geometric mean of each peer's ratio to one of them."""
    return np.exp(np.log(table.div(table[reference], axis=0)).mean())


def csv_table(rows, header, title):
    """Return a table in reStructuredText."""
    lines = [f".. csv-table:: {title}", f"   :header: {', '.join(header)}", ""]
    return "\n".join(lines + ["   " + ", ".join(row) for row in rows]) + "\n"


def rank_table(lines):
    """Return mean ranks by each measure, and how long fits take."""
    seconds = means(lines, "fit")
    compared = [p for p in seconds if seconds[p].notna().mean() > MOSTLY]
    lines = lines[lines["peer"].isin(compared)]
    cells, header = {peer: [peer] for peer in compared}, ["peer"]
    for measure, is_larger_better in MEASURES.items():
        ranks, n = mean_ranks(means(lines, measure), is_larger_better)
        header.append(f"{measure} ({n} sets)")
        for peer, row in ranks.iterrows():
            text = f"{row['mean']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
            cells[peer].append(text)
    for peer, ratio in ratios(means(lines, "fit"), "skgd").items():
        cells[peer].append(f"{ratio:.2g}")
    header.append("seconds of a fit over skgd's")
    title = "Mean ranks, with 95% intervals, and geometric means of the ratios of times"
    return csv_table(cells.values(), header, title)


def duel_table(lines):
    """Return on how many sets skgd is better than each peer."""
    rows = []
    for peer in means(lines, "fit").columns.drop("skgd"):
        cells = [peer]
        for measure, is_larger_better in MEASURES.items():
            pair = means(lines, measure).reindex(columns=["skgd", peer]).dropna()
            gain = pair["skgd"] - pair[peer]
            won = (gain > 0).sum() if is_larger_better else (gain < 0).sum()
            cells.append(f"{won} of {len(pair)}")
        rows.append(cells)
    return csv_table(rows, ["peer", *MEASURES], "Sets on which skgd is better")


def score_table(lines, measure, digits):
    """Return a measure of all peers on all sets."""
    is_of_regression = lines["mae"].notna().all()
    table = means(lines, measure)
    rows_of = lines.groupby("set")["rows"].first()
    best = table.max(axis=1) if MEASURES[measure] else table.min(axis=1)
    rows = []
    for name, row in table.iterrows():
        cells = ["" if np.isnan(x) else f"{x:.{digits}f}" for x in row]
        bold = [
            f"**{c}**" if x == best[name] else c
            for c, x in zip(cells, row, strict=True)
        ]
        rows.append([name, str(rows_of[name]), *bold])
    titles = {"score": "R2" if is_of_regression else "Accuracy", "log loss": "Log loss"}
    title = titles.get(measure, measure)
    return csv_table(rows, ["set", "rows", *table.columns], title)


def change_table(lines):
    """Return what a changed default costs: in errors, log loss and time."""
    names = [peer for peer in lines["peer"].unique() if peer != "skgd"]
    squares = 1 - means(lines[lines["mae"].notna()], "score")
    tables = squares, means(lines, "log loss"), means(lines, "fit")
    changes = [ratios(table, "skgd") for table in tables]
    worse = [(table.div(table["skgd"], axis=0) > 1).sum() for table in tables[:2]]
    counts = [len(table) for table in tables[:2]]
    rows = [
        [
            name,
            f"{changes[0][name]:.3f} ({worse[0][name]} of {counts[0]})",
            f"{changes[1][name]:.3f} ({worse[1][name]} of {counts[1]})",
            f"{changes[2][name]:.2f}",
        ]
        for name in names
    ]
    header = ["instead", "squared error (worse on)", "log loss (worse on)", "time"]
    return csv_table(rows, header, "Geometric means of ratios to the defaults")


def interval_table(lines):
    """Return coverage and width of intervals, over all sets."""
    coverage, width = means(lines, "coverage"), means(lines, "width")
    rows = [
        [
            peer,
            f"{coverage[peer].mean():.3f}",
            f"{coverage[peer].min():.3f} to {coverage[peer].max():.3f}",
            f"{ratios(width, 'skgd')[peer]:.3f}",
        ]
        for peer in coverage
    ]
    header = ["peer", "mean coverage", "over the sets", "width over skgd's"]
    return csv_table(rows, header, "Intervals that are to hold 90%")


def growth_table(lines):
    """Return seconds of a fit for each number of rows."""
    table = lines.pivot_table("fit", "peer", "rows", "median", sort=False)
    rows = [[peer, *(f"{x:.3g}" for x in row)] for peer, row in table.iterrows()]
    return csv_table(rows, ["peer", *map(str, table.columns)], "CPU seconds of a fit")


def main():
    """Write all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    for name in ("tables", "ablation", "intervals", "growth"):
        parser.add_argument(name)
    args = parser.parse_args()
    lines = read(args.tables)
    of_classes = lines[lines["mae"].isna()]
    scores = [score_table(lines[lines["mae"].notna()], "score", 3)]
    scores += [score_table(of_classes, measure, 3) for measure in MEASURES]
    written = {
        "ranks": rank_table(lines),
        "duels": duel_table(lines),
        "scores": "\n".join(scores),
        "changes": change_table(read(args.ablation)),
        "intervals": interval_table(read(args.intervals)),
        "growth": growth_table(read(args.growth)),
    }
    for name, table in written.items():
        (args.folder / f"tables_{name}.inc").write_text(table)


if __name__ == "__main__":
    main()
