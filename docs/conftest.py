"""Doctests of these pages are in their .rst files; nothing here is a test module."""

import pytest
import sklearn.ensemble  # noqa: F401 - loads OpenMP, which could not be limited before
from threadpoolctl import threadpool_limits

collect_ignore_glob = ["*.py", "_build/*", "gallery/*", "generated/*"]


@pytest.fixture(autouse=True)
def one_thread():
    """Leave OpenMP and BLAS one thread.

    Where another process has one of the cores, their threads wait for one another, and
    scikit-learn's trees take a hundred times as long.
    """
    with threadpool_limits(1):
        yield
