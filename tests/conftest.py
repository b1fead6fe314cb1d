"""Shared set-up: a kernel cache of its own for each state of the sources."""

import getpass
import hashlib
import os
import tempfile
from pathlib import Path

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
