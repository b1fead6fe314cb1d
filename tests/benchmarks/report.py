"""Turn the JSON of `run.py` into tables, numbers and a picture.

    python tests/benchmarks/report.py docs/guide/benchmark.json

It rewrites what is between the markers in README.md: a table with some of the rows, and
a sentence with three of them. It writes docs/guide/benchmark_*.inc, tables of all rows
and the three numbers once more, for the landing pages, and draws
docs/guide/benchmark.svg.
"""

import argparse
import json
from pathlib import Path
from statistics import median
from textwrap import fill

from run import BEFORE, peak_share, ratios

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guide"
PEERS = ("scikit-learn", "PyTorch", "JAX")
# The rows of README's table.
README = (
    "sgd, 20-100-1, Nesterov",
    "minibatch 32, 20-50-1",
    "minibatch 32, digits, 64-64-64-10",
    "minibatch 200, 50-100-1 (defaults)",
    "minibatch 200, 50-100-1, float32",
    "minibatch 128, 784-256-256-10",
    "batch, 20-100-1, 2000 rows",
    "L-BFGS, 50-100-1, 10000 rows",
    "predict, 1 rows, 50-100-100-1",
    "grid search on digits, minibatch 32, loky",
)
# The rows that README and the landing pages name.
NAMED = {
    "default": "minibatch 200, 50-100-1 (defaults)",
    "small": "minibatch 32, 20-50-1",
    "search": "grid search on digits, minibatch 32, loky",
}
NUMBERS = (
    "scikit-learn takes **{default} times** as long for an epoch with the defaults; in "
    "batches of 32, **{small} times** for an epoch of 50 units, and **{search} times** "
    "for a grid search on digits, on {cores} cores of an {cpu}. Over all "
    "[workloads](#how-fast-it-is) it is {least} to {most} times."
)


def machine_line(report):
    """Return a sentence on where and when it was measured."""
    machine = report["machine"]
    packages = ("numpy", "scipy", "numba", "scikit-learn", "torch", "jax")
    named = [f"{name} {machine[name]}" for name in packages if name in machine]
    return (
        f"Measured in {machine['month']} on {machine['cores']} cores of an "
        f"{machine['cpu']}, Python {machine['python']}, {', '.join(named)}."
    )


def spread(values, form):
    """Return the median, and the least and the largest."""
    return form.format(median(values)), f"{min(values):.3g} to {max(values):.3g}"


def cells(result):
    """Return a row: milliseconds, the peers' ratios, and the share of the peak."""
    milliseconds = 1e3 * median(result["seconds"]["skgd"]) / result["epochs"]
    row = [result["name"], f"{milliseconds:{'.3g' if milliseconds < 1000 else '.0f'}}"]
    for peer in PEERS:
        known = peer in result["seconds"]
        row.append(f"{median(ratios(result, peer)):.3g}x" if known else "")
    is_dense = "CSR" not in result["name"] and result["kind"] != "search"
    return [*row, f"{100 * median(peak_share(result)):.0f}%" if is_dense else ""]


def numbers(report):
    """Return how many times as long scikit-learn takes, and on which machine."""
    times = {
        result["name"]: median(ratios(result, "scikit-learn"))
        for result in report["workloads"]
    }
    chosen = {name: times[row] for name, row in NAMED.items()}
    chosen |= {"least": min(times.values()), "most": max(times.values())}
    written = {
        name: f"{value:{'.1f' if value < 10 else '.0f'}}"
        for name, value in chosen.items()
    }
    return written | {name: report["machine"][name] for name in ("cores", "cpu")}


def replace(text, name, new):
    """Return a text with something else between the markers of this name."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, rest = text.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}\n{new}\n{end}{after}"


def write_readme(report, readme):
    """Replace the table, and the sentence with numbers."""
    rows = [cells(each) for each in report["workloads"] if each["name"] in README]
    lines = [
        *(machine_line(report), ""),
        f"| workload | skgd, ms | {' | '.join(PEERS)} | peak |",
        "|---|--:|--:|--:|--:|--:|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    text = replace(readme.read_text(), "benchmark table", "\n".join(lines))
    sentence = NUMBERS.format(**numbers(report))
    text = replace(text, "benchmark numbers", fill(sentence, 88))
    readme.write_text(text)


def write_list_table(path, note, headings, rows):
    """Write a table of reStructuredText, after a sentence."""
    lines = [note, "", ".. list-table::", "   :header-rows: 1", ""]
    for row in [headings, *rows]:
        marks = ["   * -", *["     -"] * (len(row) - 1)]
        lines += [f"{m} {cell}".rstrip() for m, cell in zip(marks, row, strict=True)]
    path.write_text("\n".join(lines) + "\n")


def write_guide(report):
    """Write all rows, and how much faster they are than another checkout's."""
    note, results = machine_line(report), report["workloads"]
    headings = ["workload", "skgd, ms", *PEERS, "peak"]
    rows = [cells(result) for result in results]
    write_list_table(GUIDE / "benchmark_table.inc", note, headings, rows)
    headings = ["workload", "before, over now", "range over the rounds"]
    rows = [
        [result["name"], *spread(ratios(result, BEFORE), "{:.2f}")]
        for result in results
        if BEFORE in result["seconds"]
    ]
    if rows:
        write_list_table(GUIDE / "benchmark_before.inc", note, headings, rows)


def write_numbers(report):
    """Write the numbers of the landing pages, as substitutions."""
    lines = [f".. |sklearn| replace:: {report['machine']['scikit-learn']}"]
    for name, value in numbers(report).items():
        text = f"**{value}x**" if name in NAMED else value
        lines.append(f".. |{name}| replace:: {text}")
    (GUIDE / "benchmark_numbers.inc").write_text("\n".join(lines) + "\n")


def draw(results, path):
    """Draw each peer's ratios, with their range over the rounds."""
    from matplotlib import pyplot as plt

    plt.style.use(ROOT / "docs" / "matplotlibrc")
    fig, ax = plt.subplots(figsize=(4.5, 0.42 * len(results) + 0.8))
    for k, peer in enumerate(PEERS):
        known = [i for i, r in enumerate(results) if peer in r["seconds"]]
        found = [ratios(results[i], peer) for i in known]
        middle = [median(each) for each in found]
        spread = [
            [m - min(each) for m, each in zip(middle, found, strict=True)],
            [max(each) - m for m, each in zip(middle, found, strict=True)],
        ]
        heights = [i + 0.05 + 0.13 * (k - 1) for i in known]
        ax.errorbar(middle, heights, xerr=spread, fmt="o", ms=4, label=peer)
    for i, result in enumerate(results):
        ax.text(0, i - 0.34, result["name"], transform=ax.get_yaxis_transform())
    ax.axvline(1, color="0.5", lw=1)
    ax.set(xscale="log", xlabel="time of the peer over that of skgd")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set(yticks=[], ylim=(len(results) - 0.5, -1))
    ax.spines.left.set_visible(False)
    ax.grid(axis="x", color="0.9")
    fig.legend(loc="outside upper center", ncols=3)
    fig.savefig(path, dpi=130, facecolor="white")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("json", type=Path)
    report = json.loads(parser.parse_args().json.read_text())
    write_readme(report, ROOT / "README.md")
    write_guide(report)
    write_numbers(report)
    draw(report["workloads"], GUIDE / "benchmark.svg")


if __name__ == "__main__":
    main()
