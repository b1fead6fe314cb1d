"""Time of an epoch against the number of samples, the width and the depth.

It is drawn from growth.json, which tests/benchmarks/growth.py measures.
"""

import json
from pathlib import Path

import matplotlib.pyplot as plt

report = json.loads(Path("../growth.json").read_text())
titles = {
    "samples": "through 50-100-1",
    "width": "10,000 samples",
    "depth": "10,000 samples",
}
labels = {
    "samples": "samples",
    "width": "units of the hidden layer",
    "depth": "hidden layers of 100 units",
}
for sweep, points in report.items():
    values, seconds = zip(*points, strict=True)
    line = [1e3 * seconds[-1] * value / values[-1] for value in values]
    fig, ax = plt.subplots(figsize=(2.5, 2.6))
    ax.plot(values, line, "--", color="0.5", label="proportional")
    ax.plot(values, [1e3 * s for s in seconds], "o-", label="skgd")
    if sweep == "depth":
        ax.set(xticks=values, xlim=(0, None), ylim=(0, None))
    else:
        ax.set(xscale="log", yscale="log")
    ax.set(title=titles[sweep], xlabel=labels[sweep], ylabel="ms an epoch")
    ax.grid(color="0.93")
    ax.legend()
plt.show()
