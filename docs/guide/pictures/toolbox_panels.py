"""The panels of examples/toolbox.py, each as a picture of its own.

    python docs/guide/pictures/toolbox_panels.py docs/guide

It takes as long as the example, so the pictures are drawn beforehand.
"""

import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.exceptions import ConvergenceWarning

DOCS = Path(__file__).parents[2]
sys.path.append(str(DOCS.parent / "examples"))
from toolbox import PANELS  # noqa: E402


def main(folder):
    """Draw all of them."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    plt.style.use(DOCS / "matplotlibrc")
    for name, (compare, draw_panel) in PANELS.items():
        fig, ax = plt.subplots(figsize=(3.6, 3.2))
        draw_panel(ax, compare())
        fig.savefig(folder / f"toolbox_{name.replace(' ', '_')}.svg")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
