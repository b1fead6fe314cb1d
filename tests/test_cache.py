"""Kernels on disk: never a wrong one, whoever writes, stops or edits meanwhile."""

import os
import random
import resource
import signal
import subprocess
import sys
import time

import numba
import numpy as np
import pytest

from skgd.kernels import _cache
from skgd.kernels._cache import KernelCache, _CacheFiles
from skgd.kernels._jit import jit

pytestmark = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="nothing is compiled with JIT disabled"
)

FIT = """
import sys, warnings
import numpy as np
import numba.core.event as event
if "quiet" in sys.argv:
    warnings.simplefilter("ignore")
else:
    warnings.filterwarnings("ignore", "Stochastic Optimizer")
with event.install_recorder("numba:compile") as recorder:
    from skgd import GDNeuralRegressor
    X = np.random.default_rng(0).standard_normal((60, 3)).astype(sys.argv[1])
    regressor = GDNeuralRegressor(
        (4,), solver="sgd", optimizer="gd", max_iter=3, random_state=0
    )
    outputs = regressor.fit(X, X[:, 0]).predict(X)
print(len(recorder.buffer), outputs.astype(float).sum().hex())
"""


def start(folder, dtype="float64", *, script=FIT, **options):
    return subprocess.Popen(
        [sys.executable, "-c", script, dtype],
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def result(process):
    """Number of compilations, and what was predicted."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    n_compiled, outputs = out.split()
    return int(n_compiled), float.fromhex(outputs)


@pytest.fixture(scope="module")
def expected():
    folder = os.environ["NUMBA_CACHE_DIR"]
    return {dtype: result(start(folder, dtype))[1] for dtype in ("float64", "float32")}


def test_processes_that_compile_at_once_leave_every_kernel(tmp_path, expected):
    """Both dtypes twice: each of the four writes what another one writes too."""
    dtypes = ["float64", "float32"] * 2
    for process, dtype in [(start(tmp_path, d), d) for d in dtypes]:
        assert result(process)[1] == expected[dtype]
    for dtype in expected:
        assert result(start(tmp_path, dtype)) == (0, expected[dtype])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_process_stopped_while_it_compiles_leaves_no_wrong_kernel(
    tmp_path, expected, number
):
    for delay in random.Random(0).sample(range(15, 60), 2):
        process = start(tmp_path)
        time.sleep(delay / 10)
        process.send_signal(number)
        process.communicate()
    assert result(start(tmp_path))[1] == expected["float64"]
    assert result(start(tmp_path)) == (0, expected["float64"])


def limit_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


def test_a_full_disk_costs_time_but_no_fit(tmp_path, expected):
    """The limit is on the size of each file, which to a write is the same."""
    process = start(tmp_path, preexec_fn=limit_files)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    n_compiled, outputs = out.split()
    assert int(n_compiled) > 0
    assert float.fromhex(outputs) == expected["float64"]
    assert err.count("Compiled kernels could not be saved in") == 1
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_folder_that_cannot_be_made_is_passed_by(expected):
    process = start("/dev/null/kernels")
    assert result(process)[1] == expected["float64"]


# The files ----------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path):
    return _CacheFiles(tmp_path, "kernel")


def test_a_saved_version_is_found_under_its_key_only(files):
    assert files.load("float64") is None
    files.save("float64", [1, 2])
    files.save("float32", [3])
    assert files.load("float64") == [1, 2]
    assert files.load("float32") == [3]
    assert files.load("int64") is None


@pytest.mark.parametrize("damage", [lambda text: b"", lambda text: text[:-1]])
def test_a_damaged_file_is_as_good_as_none(files, damage):
    files.save("float64", [1, 2])
    path = files._path("float64")
    path.write_bytes(damage(path.read_bytes()))
    assert files.load("float64") is None
    files.save("float64", [1, 2])
    assert files.load("float64") == [1, 2]


def test_an_edit_of_any_kernel_leaves_all_former_ones_behind(files, monkeypatch):
    """Machine code holds that of the functions below it, which stand elsewhere."""
    files.save("float64", [1, 2])
    monkeypatch.setattr(_cache, "_sources", lambda: "of another version")
    assert files.load("float64") is None


def test_a_failed_save_leaves_nothing(files, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        files.save("float64", [1, 2])
    assert list(files.folder.iterdir()) == []


def double(x):
    return 2 * x


def test_numba_uses_the_cache(monkeypatch, tmp_path):
    """Its interface is not public, so that it is used has to be seen."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    first, second = jit(double), jit(double)
    assert isinstance(first._cache, KernelCache)
    assert first(np.float64(3)) == second(np.float64(3)) == 6
    assert (sum(first.stats.cache_misses.values()), len(second.stats.cache_misses)) == (
        1,
        0,
    )
    assert sum(second.stats.cache_hits.values()) == 1


def test_kernels_compile_where_no_cache_can_be_written(monkeypatch):
    def no_folder(function):
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr("skgd.kernels._jit.KernelCache", no_folder)
    assert jit(double)(3) == 6
