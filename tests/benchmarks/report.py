"""Turn the JSON of `run.py` into tables and a picture.

    python tests/benchmarks/report.py docs/guide/benchmark.json

It rewrites the table between the markers in README.md, which has some of the rows,
writes all of them into docs/guide/benchmark_*.inc, the numbers of the landing pages too,
and draws docs/guide/benchmark.svg and, of README's rows, docs/guide/benchmark_readme.png.
"""

import argparse
import json
from pathlib import Path
from statistics import median

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
# The rows that the landing pages name.
LANDING = {
    "default": "minibatch 200, 50-100-1 (defaults)",
    "small": "minibatch 32, 20-50-1",
    "search": "grid search on digits, minibatch 32, loky",
}
BEGIN, END = "<!-- benchmark table -->", "<!-- end of benchmark table -->"


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


def write_readme(report, readme):
    """Replace what stands between the markers."""
    rows = [cells(each) for each in report["workloads"] if each["name"] in README]
    lines = [
        *(machine_line(report), ""),
        f"| workload | skgd, ms | {' | '.join(PEERS)} | peak |",
        "|---|--:|--:|--:|--:|--:|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    before, rest = readme.read_text().split(BEGIN)
    _, after = rest.split(END)
    table = "\n".join(lines)
    readme.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


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
    """Write how many times as long scikit-learn takes, for the landing pages."""
    times = {
        result["name"]: median(ratios(result, "scikit-learn"))
        for result in report["workloads"]
    }
    chosen = {name: f"**{times[row]:.2g}×**" for name, row in LANDING.items()}
    chosen |= {"least": f"{min(times.values()):.2g}", "most": f"{max(times.values()):.0f}"}
    machine = report["machine"]
    values = {f"times_{name}": text for name, text in chosen.items()} | {
        "cores": machine["cores"],
        "cpu": machine["cpu"],
        "sklearn": machine["scikit-learn"],
    }
    lines = [f".. |{name}| replace:: {text}\n" for name, text in values.items()]
    (GUIDE / "benchmark_numbers.inc").write_text("".join(lines), encoding="utf-8")


def draw(results, path):
    """Draw each peer's ratios, with their range over the rounds."""
    from matplotlib import pyplot as plt

    plt.style.use(ROOT / "docs" / "matplotlibrc")
    fig, ax = plt.subplots(figsize=(4.5, 0.36 * len(results) + 0.8))
    for k, peer in enumerate(PEERS):
        known = [i for i, r in enumerate(results) if peer in r["seconds"]]
        found = [ratios(results[i], peer) for i in known]
        middle = [median(each) for each in found]
        spread = [
            [m - min(each) for m, each in zip(middle, found, strict=True)],
            [max(each) - m for m, each in zip(middle, found, strict=True)],
        ]
        heights = [i + 0.12 * (k - 1) for i in known]
        ax.errorbar(middle, heights, xerr=spread, fmt="o", ms=4, label=peer)
    for i, result in enumerate(results):
        ax.text(0, i - 0.25, result["name"], transform=ax.get_yaxis_transform())
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
    results = report["workloads"]
    draw(results, GUIDE / "benchmark.svg")
    some = [result for result in results if result["name"] in README]
    draw(some, GUIDE / "benchmark_readme.png")


if __name__ == "__main__":
    main()
