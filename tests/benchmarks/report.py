"""Turn the JSON of `run.py` into README's table and a picture.

    python tests/benchmarks/report.py docs/guide/benchmark.json

It rewrites the table between the markers in README.md, and draws
docs/guide/benchmark.png.
"""

import argparse
import json
from pathlib import Path
from statistics import median

from run import peak_share, ratios

ROOT = Path(__file__).parents[2]
PEERS = ("scikit-learn", "PyTorch", "JAX")
BEGIN, END = "<!-- benchmark table -->", "<!-- end of benchmark table -->"


def table(report):
    """Return README's rows: medians of the ratios, and the share of the peak."""
    machine = report["machine"]
    packages = ("numpy", "scipy", "numba", "scikit-learn", "torch", "jax")
    named = [f"{name} {machine[name]}" for name in packages if name in machine]
    lines = [
        f"Measured on {machine['cores']} cores of an {machine['cpu']}, Python "
        f"{machine['python']}, {', '.join(named)}.",
        "",
        f"| workload | skgd, ms | {' | '.join(PEERS)} | peak |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for result in report["workloads"]:
        milliseconds = 1e3 * median(result["seconds"]["skgd"]) / result["epochs"]
        digits = ".3g" if milliseconds < 1000 else ".0f"
        cells = [result["name"], f"{milliseconds:{digits}}"]
        for peer in PEERS:
            known = peer in result["seconds"]
            cells.append(f"{median(ratios(result, peer)):.3g}x" if known else "")
        is_dense = "CSR" not in result["name"] and result["kind"] != "search"
        cells.append(f"{100 * median(peak_share(result)):.0f}%" if is_dense else "")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def write_table(report, readme):
    """Replace what stands between the markers."""
    before, rest = readme.read_text().split(BEGIN)
    _, after = rest.split(END)
    readme.write_text(f"{before}{BEGIN}\n{table(report)}\n{END}{after}")


def draw(report, path):
    """Draw each peer's ratios, with their range over the rounds."""
    from matplotlib import pyplot as plt

    results = report["workloads"]
    fig, ax = plt.subplots(figsize=(8, 0.36 * len(results) + 1.2), layout="constrained")
    for k, peer in enumerate(PEERS):
        known = [i for i, r in enumerate(results) if peer in r["seconds"]]
        found = [ratios(results[i], peer) for i in known]
        middle = [median(each) for each in found]
        spread = [
            [m - min(each) for m, each in zip(middle, found, strict=True)],
            [max(each) - m for m, each in zip(middle, found, strict=True)],
        ]
        heights = [i + 0.2 * (k - 1) for i in known]
        ax.errorbar(middle, heights, xerr=spread, fmt="o", ms=5, label=peer)
    ax.axvline(1, color="0.5", lw=1)
    ax.set_xscale("log")
    ax.set_yticks(range(len(results)), [result["name"] for result in results])
    ax.invert_yaxis()
    ax.grid(axis="x", alpha=0.4)
    ax.set_xlabel("time of the peer over that of skgd")
    ax.legend(loc="lower right")
    fig.savefig(path, dpi=130)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("json", type=Path)
    report = json.loads(parser.parse_args().json.read_text())
    write_table(report, ROOT / "README.md")
    draw(report, ROOT / "docs" / "guide" / "benchmark.png")


if __name__ == "__main__":
    main()
