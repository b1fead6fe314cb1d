"""Calls by address give what the functions give: compiled, loaded, and in Python."""

import os
import subprocess
import sys
from typing import NamedTuple

import numba
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgd.kernels.machine.call import address, call, call_for_float
from skgd.kernels.machine.jit import jit
from tests.test_cache import KERNELS_ONLY, PACKAGE


class Inner(NamedTuple):
    count: int
    values: np.ndarray


class Outer(NamedTuple):
    inner: Inner
    scale: float
    table: np.ndarray  # 2-D
    is_shifted: bool


# Of multiples of a quarter, these are exact in both dtypes.


@jit
def combine(x, table, start, factor, number, out):
    """An array of each kind, and scalars of three."""
    for i in range(out.size):
        out[i] = factor * x[start + i] + table[1, i] + table.dtype.type(number)


@jit
def total_of(x, weight):
    """A float64 from arrays of whatever dtype."""
    total = 0.0
    for i in range(x.size):
        total += weight * x[i]
    return total


@jit
def write(outer, out):
    """All that is in the tuples; the arrays in there are written too."""
    inner = outer.inner
    for i in range(inner.values.size):
        out[i] = outer.table[1, i] + inner.values[i] + out.dtype.type(inner.count)
        if outer.is_shifted:
            out[i] += out.dtype.type(outer.scale)
        inner.values[i] = out.dtype.type(inner.count)


@jit
def total_in(outer, number):
    total = outer.scale + number
    for i in range(outer.inner.values.size):
        total += outer.inner.values[i] + outer.table[0, i]
    return total


@jit
def count_to(n):
    return float(n)


@jit
def call_it(function, arguments):
    call(function, arguments)


@jit
def call_it_for_float(function, arguments):
    return call_for_float(function, arguments)


@jit
def call_on_parts(function, x, length):
    """Call for one slice after another, as the kernels do, and add up the results."""
    total = 0.0
    for start in range(0, x.size, length):
        total += call_for_float(function, (x[start : start + length], 0.5))
    return total


@jit
def call_two(first, second, x):
    return call_for_float(first, (x, 1.0)) - call_for_float(second, (x.size,))


def quarters(shape, dtype, start=0):
    return (np.arange(start, start + np.prod(shape)) / 4).reshape(shape).astype(dtype)


def scalar_arguments(dtype):
    scalars = 1, dtype(0.25), 3.5
    return quarters(9, dtype), quarters((3, 9), dtype, 20), *scalars, np.zeros(7, dtype)


def tuple_arguments(dtype):
    inner = Inner(5, quarters(4, dtype))
    return Outer(inner, 0.75, quarters((2, 4), dtype, 9), True), np.zeros(4, dtype)


CASES = {
    "scalars": (combine, call_it, scalar_arguments),
    "tuples": (write, call_it, tuple_arguments),
    "float": (
        total_of,
        call_it_for_float,
        lambda dtype: (quarters(9, dtype, 3), 0.5),
    ),
    "float of tuples": (
        total_in,
        call_it_for_float,
        lambda dtype: (tuple_arguments(dtype)[0], 2),
    ),
    "no array": (count_to, call_it_for_float, lambda dtype: (12,)),
    "empty array": (
        total_of,
        call_it_for_float,
        lambda dtype: (np.empty(0, dtype), 0.5),
    ),
}


def flatten(values):
    """All numbers in there, in float64."""
    if isinstance(values, tuple):
        return np.concatenate([flatten(each) for each in values])
    return np.atleast_1d(np.asarray(values, np.float64)).ravel()


def results(name, dtype):
    """The result and what has become of the arguments: by address, and directly."""
    function, caller, make_arguments = CASES[name]
    by_address, direct = make_arguments(dtype), make_arguments(dtype)
    found = caller(address(function, *make_arguments(dtype)), by_address)
    expected = function(*direct)
    assert found is None if expected is None else isinstance(found, float)
    parts = (by_address, () if found is None else (found,))
    others = (direct, () if expected is None else (expected,))
    pair = [flatten(sum(each, ())) for each in (parts, others)]
    return pair, flatten(make_arguments(dtype))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", CASES)
def test_call_gives_what_the_function_gives(name, dtype):
    (found, expected), before = results(name, dtype)
    assert_array_equal(found, expected)
    assert found.tolist() != before.tolist()  # something has been written or returned


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_slices_are_arrays_like_the_example(dtype):
    x = quarters(14, dtype)
    function = address(total_of, np.empty(0, dtype), 0.0)
    assert call_on_parts(function, x, 4) == 0.5 * x.sum(dtype=np.float64)


def test_functions_do_not_get_mixed_up():
    x = quarters(6, np.float32)
    first, second = address(total_of, x, 1.0), address(count_to, 6)
    assert first != second
    assert call_two(first, second, x) == x.sum() - 6


def test_an_address_stays_what_it_is():
    x = np.empty(0)
    first = address(total_of, x, 1.0)
    assert isinstance(first, int)
    assert first != 0  # which stands for no function
    assert address(total_of, np.ones(3), 2.0) == first


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="plain Python has no types")
def test_each_dtype_has_an_address_of_its_own():
    single, double = (address(total_of, np.empty(0, d), 1.0) for d in "fd")
    assert single != double


@jit
def first_of(x):
    return x[0]


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="plain Python has no types")
def test_a_result_that_the_caller_would_misread_is_refused():
    address(first_of, np.empty(0))
    with pytest.raises(TypeError, match="first_of returns float32"):
        address(first_of, np.empty(0, np.float32))


# Other processes ----------------------------------------------------------------------

# Each case in one dtype, in turn: the tests above have each in both.
IN_ANOTHER_PROCESS = f"""
{KERNELS_ONLY}
import numba.core.event as event
with event.install_recorder("numba:compile") as recorder:
    from itertools import cycle
    import numpy as np
    from skgd.kernels.formulas.activations import ACTIVATIONS
    from skgd.kernels.machine.call import address
    from tests.test_call import CASES, call_it, results
    found = [
        results(name, dtype)[0]
        for name, dtype in zip(CASES, cycle([np.float64, np.float32]))
    ]
    z = np.linspace(-3, 3, 11)
    expected = np.where(z < 0, 0.01, 1) * z
    call_it(address(ACTIVATIONS["leaky_relu"].value, z), (z,))
    found.append((z, expected))
for ours, direct in found:
    np.testing.assert_array_equal(ours, direct)
print(len(recorder.buffer))
print(np.concatenate([ours for ours, _ in found]).tobytes().hex())
"""


def run(folder, **environment):
    """Compile events of a process, and all that it found."""
    compiled, bits = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS, PACKAGE],
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return int(compiled), bits


@pytest.mark.slow
def test_calls_work_loaded_from_the_disk_cache_and_as_plain_python(tmp_path):
    compiled, ours = run(tmp_path, NUMBA_DISABLE_JIT="0")
    loaded, theirs = run(tmp_path, NUMBA_DISABLE_JIT="0")
    assert compiled > 0
    assert loaded == 0
    assert theirs == ours
    in_python, plain = run(tmp_path, NUMBA_DISABLE_JIT="1")
    assert in_python == 0
    assert plain == ours
