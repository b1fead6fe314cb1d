"""Shared set-up: a folder for compiled kernels that lasts from run to run."""

import getpass
import os
import tempfile
from pathlib import Path


def pytest_configure():
    """Name the folder before the first import of skgd; see `skgd.kernels._cache`."""
    folder = Path(tempfile.gettempdir()) / f"skgd-kernels-{getpass.getuser()}"
    os.environ.setdefault("NUMBA_CACHE_DIR", str(folder))
