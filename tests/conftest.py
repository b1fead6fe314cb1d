"""Shared set-up: a folder for compiled kernels that lasts from run to run; Ctrl-C.

And what several tests use: figures, and a browser.
"""

import getpass
import importlib.util
import os
import signal
import tempfile
from pathlib import Path

import pytest

from tests.browser import start_chromium


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


@pytest.fixture(scope="module")
def chromium():
    driver = start_chromium()
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium):
    """Return Chromium as on a first visit; its console must be silent in the end.

    Left out is the theme's note on the mode that it has set.
    """
    yield chromium
    messages = [entry["message"] for entry in chromium.get_log("browser")]
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    chromium.execute_script("localStorage.clear()")
    assert [message for message in messages if "[PST]" not in message] == []
