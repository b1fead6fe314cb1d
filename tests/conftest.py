"""Shared set-up: a kernel cache of its own for each state of the sources."""

import getpass
import hashlib
import os
import tempfile
from pathlib import Path

import pytest

KERNELS = Path(__file__).parents[1] / "skgd" / "kernels"


def pytest_configure():
    """Key Numba's cache by the kernels' text, before the first import of skgd.

    Numba looks at the time stamp of the file that a cached function stands in, and so
    misses an edit in a file that this function calls.
    """
    texts = b"".join(path.read_bytes() for path in sorted(KERNELS.glob("*.py")))
    key = hashlib.sha256(texts).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"skgd-numba-cache-{getpass.getuser()}-{key}"
    os.environ.setdefault("NUMBA_CACHE_DIR", str(folder))


@pytest.fixture
def figures_that_draw():
    """Draw what a test has plotted, as artists may fail or warn only then."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    yield
    for number in plt.get_fignums():
        plt.figure(number).canvas.draw()
    plt.close("all")
