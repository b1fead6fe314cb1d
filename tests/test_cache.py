"""Kernels on disk: never a wrong one, whoever writes, stops or edits meanwhile."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import llvmlite
import numba
import numpy as np
import pytest

import skgd
from skgd.kernels import _cache
from skgd.kernels._cache import KernelCache, _CacheFiles
from skgd.kernels._jit import jit

pytestmark = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="nothing is compiled with JIT disabled"
)

# Kernels that contain functions of another file, _math.py.
KERNELS = ("_tanh", "_logistic", "_elu", "_softplus", "_gelu", "_silu", "_mish")
RUN = f"""
import sys
import numpy as np
import numba.core.event as event
with event.install_recorder("numba:compile") as recorder:
    from skgd.kernels import activations
    total = 0.0
    for name in {KERNELS}:
        z = np.linspace(-3, 3, 50).astype(sys.argv[1])
        getattr(activations, name)(z)
        total += float(z.sum())
print(len(recorder.buffer), total.hex())
"""


def start(folder, dtype="float64", *, environment=None, **options):
    return subprocess.Popen(
        [sys.executable, "-c", RUN, dtype],
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def result(process):
    """Number of compilations, and the sum of what the kernels have computed."""
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_process_stopped_while_it_compiles_leaves_no_wrong_kernel(
    tmp_path, expected, number
):
    """Stopped a moment after its first, and then its third kernel was written."""
    for n_kernels in (1, 3):
        process = start(tmp_path)
        while len(list(tmp_path.rglob("*.kernel"))) < n_kernels:
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(random.Random(n_kernels).uniform(0, 0.5))
        process.send_signal(number)
        process.communicate()
        assert process.returncode == -number
    assert result(start(tmp_path))[1] == expected["float64"]
    assert result(start(tmp_path)) == (0, expected["float64"])


def limit_files():
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


@pytest.mark.skipif(sys.platform == "win32", reason="it limits a process's files")
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


def test_without_any_folder_each_process_compiles(tmp_path, expected):
    """The package's own folder is read-only here, and there is no other."""
    package = shutil.copytree(
        Path(skgd.__file__).parent,
        tmp_path / "package" / "skgd",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    # A file where the folder should be made: to root, no folder is read-only.
    (package / "kernels" / "__pycache__").write_text("")
    environment = {
        "PYTHONPATH": str(package.parent),
        "HOME": "/dev/null",
        "XDG_CACHE_HOME": "/dev/null",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for _ in range(2):
        process = start("/dev/null/kernels", environment=environment, cwd=tmp_path)
        n_compiled, outputs = result(process)
        assert n_compiled > 0
        assert outputs == expected["float64"]


def test_an_edit_of_any_kernel_leaves_all_former_ones_behind(tmp_path, expected):
    """Machine code holds that of the functions below it, which stand elsewhere."""
    package = shutil.copytree(
        Path(skgd.__file__).parent,
        tmp_path / "package" / "skgd",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    environment = {"PYTHONPATH": str(package.parent)}

    def run():
        folder = tmp_path / "kernels"
        return result(start(folder, environment=environment, cwd=tmp_path))

    n_compiled, outputs = run()
    assert n_compiled > 0
    assert outputs == expected["float64"]
    assert run() == (0, outputs)
    # The kernels on disk stand in activations.py, and have copies of what is here.
    called = package / "kernels" / "_math.py"
    text = called.read_text()
    edited = text.replace("return math.copysign(m / (m + 2.0), x)", "return m")
    assert edited != text
    called.write_text(edited)
    n_compiled, outputs = run()
    assert n_compiled > 0
    assert outputs != expected["float64"]


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


@pytest.mark.parametrize("package", [numba, llvmlite, _cache])
def test_an_upgrade_leaves_all_former_ones_behind(files, monkeypatch, package):
    files.save("float64", [1, 2])
    monkeypatch.setattr(package, "__version__", "99.0")
    _cache._fingerprint.cache_clear()
    assert files.load("float64") is None
    monkeypatch.undo()
    _cache._fingerprint.cache_clear()
    assert files.load("float64") == [1, 2]


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
