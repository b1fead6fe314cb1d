"""A kernel that would leave its arrays raises an IndexError, if Numba is told to check.

With ``NUMBA_BOUNDSCHECK=1`` `.ci/run` runs tests of random fits and of the kernels, to
see that none does. Here it is tested that the checks reach all that kernels call. Each
test has a process of its own, as kernels are compiled with checks or without.
"""

import os
import subprocess
import sys

import numba
import pytest

pytestmark = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="nothing is compiled with JIT disabled"
)

# A kernel that leaves its array, called as the epochs' kernels call theirs.
LEAVES = """
import numpy as np
from skgd.kernels._call import address, call
from skgd.kernels._jit import jit

@jit
def write(x, i):
    x[i] = 1.0

@jit
def call_it(function, x, i):
    call(function, (x, i))

x = np.zeros(3)
call_it(address(write, x, 0), x, 2)
try:
    call_it(address(write, x, 0), x, 3)
except IndexError:
    print("checked", x)
"""


# BLAS is given two rows of a matrix that has one.
PRODUCT = """
import numpy as np
from skgd.kernels._gemm import gemm
from skgd.kernels._jit import jit

@jit
def product(a, b, c, m):
    gemm(False, False, m, 2, 2, a, 2, b, 2, 0.0, c, 2)

a, b, c = np.ones(4), np.ones(4), np.zeros(8)
product(a, b, c, 2)
for short in (dict(a=a[:3]), dict(b=b[:3]), dict(c=c[:3])):
    try:
        product(**{"a": a, "b": b, "c": c, "m": 2, **short})
    except IndexError:
        print(*short)
"""


def run(*command, **environment):
    return subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "NUMBA_BOUNDSCHECK": "1", **environment},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Of kernels with checks; the others would be found otherwise."""
    return str(tmp_path_factory.mktemp("kernels"))


def test_indices_are_checked_also_in_calls_by_address(folder, tmp_path):
    script = tmp_path / "leaves.py"
    script.write_text(LEAVES)
    result = run(str(script), NUMBA_CACHE_DIR=folder, PYTHONPATH=os.getcwd())
    assert result.stdout.startswith("checked [0. 0. 1.]"), result.stderr


def test_what_blas_is_given_is_checked(folder, tmp_path):
    script = tmp_path / "product.py"
    script.write_text(PRODUCT)
    result = run(str(script), NUMBA_CACHE_DIR=folder, PYTHONPATH=os.getcwd())
    assert result.stdout.split() == ["a", "b", "c"], result.stderr
