"""Shared set-up: a folder for compiled kernels that lasts from run to run."""

import getpass
import os
import tempfile
from pathlib import Path

import pytest


def pytest_configure():
    """Name the folder before the first import of skgd; see `skgd.kernels._cache`."""
    folder = Path(tempfile.gettempdir()) / f"skgd-kernels-{getpass.getuser()}"
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
