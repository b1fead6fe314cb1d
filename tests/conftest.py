"""Shared set-up: a folder for compiled kernels that lasts from run to run; Ctrl-C."""

import getpass
import importlib.util
import os
import signal
import tempfile
from pathlib import Path

import pytest


def pytest_configure():
    """Name the folder before skgd is imported, which looks for it; hear Ctrl-C."""
    folder = Path(tempfile.gettempdir()) / f"skgd-kernels-{getpass.getuser()}"
    os.environ.setdefault("NUMBA_CACHE_DIR", str(folder))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config, items):
    """Leave out the examples of callbacks where scikit-learn has none, before 1.9.

    pytest cannot skip an example of which it does not know the line.
    """
    if importlib.util.find_spec("sklearn.callback") is None:
        left_out = [
            item for item in items if item.path.parts[-3:-1] == ("skgd", "callbacks")
        ]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


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
