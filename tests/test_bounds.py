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

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(numba.config.DISABLE_JIT), reason="nothing is compiled with JIT disabled"
    ),
]

# A kernel that leaves its array, called as the epochs' kernels call theirs.
LEAVES = """
import numpy as np
from skgd.kernels.machine.call import address, call
from skgd.kernels.machine.jit import jit

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
from skgd.kernels.machine.gemm import gemm
from skgd.kernels.machine.jit import jit

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


# A function that was compiled for one type is called with another.
OTHER_TYPES = """
import numpy as np
from skgd.kernels.machine.call import address, call
from skgd.kernels.machine.jit import jit

@jit
def write(x, i):
    x[i] = 1.0

@jit
def call_it(function, x, i):
    call(function, (x, i))

double, single = np.zeros(3), np.zeros(3, np.float32)
call_it(address(write, double, 0), double, 2)
try:
    call_it(address(write, single, 0), double, 1)
except TypeError as error:
    print("with other types" in str(error), double)
"""


SPAN = """
import numpy as np
from skgd.kernels.machine.jit import jit
from skgd.kernels.machine.span import span

@jit
def write(x, start, size):
    y = span(x, start, size)
    for i in range(y.size):
        y[i] = i

x = np.zeros(4)
write(x, 1, 3)
print(x)
for outside in ((-1, 2), (2, 3), (5, 0), (1, -1)):
    try:
        write(x, *outside)
    except IndexError:
        print(*outside)
"""


def output_of(script):
    environment = {"NUMBA_BOUNDSCHECK": "1", "PYTHONPATH": os.getcwd()}
    return subprocess.run(
        [sys.executable, script],
        env={**os.environ, **environment},
        capture_output=True,
        check=True,
        text=True,
    ).stdout


def test_indices_are_checked_also_in_calls_by_address(tmp_path):
    script = tmp_path / "leaves.py"
    script.write_text(LEAVES)
    assert output_of(script) == "checked [0. 0. 1.]\n"


def test_what_blas_is_given_is_checked(tmp_path):
    script = tmp_path / "product.py"
    script.write_text(PRODUCT)
    assert output_of(script).split() == ["a", "b", "c"]


def test_a_call_by_address_is_of_the_types_that_were_compiled(tmp_path):
    script = tmp_path / "other_types.py"
    script.write_text(OTHER_TYPES)
    assert output_of(script) == "True [0. 0. 1.]\n"


def test_a_span_stays_in_its_array(tmp_path):
    script = tmp_path / "span.py"
    script.write_text(SPAN)
    expected = ["[0. 0. 1. 2.]", "-1 2", "2 3", "5 0", "1 -1"]
    assert output_of(script).splitlines() == expected
