"""Kernels on disk: never a wrong one, whoever writes, stops or edits meanwhile."""

import json
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

from skgd.kernels.machine import cache as _cache
from skgd.kernels.machine.cache import KernelCache, _CacheFiles
from skgd.kernels.machine.jit import jit

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(numba.config.DISABLE_JIT), reason="nothing is compiled with JIT disabled"
    ),
]

PACKAGE = Path(_cache.__file__).parents[2]
# It loads the kernels of the package argv[1] and no more: scikit-learn, which the rest
# needs, would take most of the time.
KERNELS_ONLY = """
import sys, types
sys.modules["skgd"] = types.ModuleType("skgd")
sys.modules["skgd"].__path__ = [sys.argv[1]]
"""
# Kernels that contain functions of another file, elementary.py.
KERNELS = ("_tanh", "_logistic", "_elu", "_softplus", "_gelu", "_silu", "_mish")
RUN = f"""
{KERNELS_ONLY}
import json
import numpy as np
import numba.core.event as event
with event.install_recorder("numba:compile") as recorder:
    from skgd.kernels.formulas import activations
    outputs = {{}}
    for dtype in sys.argv[2].split():
        outputs[dtype] = {{}}
        for name in sys.argv[3].split():
            z = np.linspace(-3, 3, 50).astype(dtype)
            getattr(activations, name)(z)
            outputs[dtype][name] = float(z.sum()).hex()
print(json.dumps([len(recorder.buffer), outputs]))
"""


def start(
    folder, dtypes="float64", kernels=KERNELS, *, package=PACKAGE, env=None, **options
):
    return subprocess.Popen(
        [sys.executable, "-c", RUN, package, dtypes, " ".join(kernels)],
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder), **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def result(process):
    """Number of compilations, and the sums of what the kernels have computed."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    n_compiled, outputs = json.loads(out)
    return n_compiled, outputs


@pytest.fixture(scope="module")
def expected():
    return result(start(os.environ["NUMBA_CACHE_DIR"], "float64 float32"))[1]


def of(expected, dtype="float64", kernels=KERNELS):
    return {dtype: {name: expected[dtype][name] for name in kernels}}


def test_processes_that_compile_at_once_leave_every_kernel(tmp_path, expected):
    """Both dtypes twice: each of the four writes what another one writes too."""
    kernels, dtypes = KERNELS[:4], ["float64", "float32"]
    for process, dtype in [(start(tmp_path, d, kernels), d) for d in dtypes * 2]:
        assert result(process)[1] == of(expected, dtype, kernels)
    n_compiled, outputs = result(start(tmp_path, " ".join(dtypes), kernels))
    assert n_compiled == 0
    assert outputs == {d: of(expected, d, kernels)[d] for d in dtypes}


@pytest.mark.faults
def test_processes_stopped_while_they_compile_leave_no_wrong_kernel(tmp_path, expected):
    """Stopped a moment after the first, and then the third kernel was written."""
    for number, n_kernels in [(signal.SIGTERM, 1), (signal.SIGKILL, 3)]:
        process = start(tmp_path)
        while len(list(tmp_path.rglob("*.kernel"))) < n_kernels:
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(random.Random(n_kernels).uniform(0, 0.5))
        process.send_signal(number)
        process.communicate()
        assert process.returncode == -number
    assert result(start(tmp_path))[1] == of(expected)
    assert result(start(tmp_path)) == (0, of(expected))


def limit_files():
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


@pytest.mark.faults
@pytest.mark.skipif(sys.platform == "win32", reason="it limits a process's files")
def test_a_full_disk_costs_time_but_no_fit(tmp_path, expected):
    """The limit is on the size of each file, which to a write is the same."""
    kernels = KERNELS[:3]
    process = start(tmp_path, kernels=kernels, preexec_fn=limit_files)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    n_compiled, outputs = json.loads(out)
    assert n_compiled > 0
    assert outputs == of(expected, kernels=kernels)
    assert err.count("Compiled kernels could not be saved in") == 1
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def copy_package(tmp_path):
    return shutil.copytree(
        PACKAGE, tmp_path / "skgd", ignore=shutil.ignore_patterns("__pycache__")
    )


def test_without_any_folder_each_process_compiles(tmp_path, expected):
    """The package's own folder is read-only here, and there is no other."""
    package = copy_package(tmp_path)
    # A file where the folder should be made: to root, no folder is read-only.
    (package / "kernels" / "formulas" / "__pycache__").write_text("")
    env = {
        "HOME": "/dev/null",
        "XDG_CACHE_HOME": "/dev/null",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    options = {"kernels": KERNELS[:1], "package": package, "env": env}
    for _ in range(2):
        n_compiled, outputs = result(start("/dev/null/kernels", **options))
        assert n_compiled > 0
        assert outputs == of(expected, kernels=KERNELS[:1])


def test_an_edit_of_any_kernel_leaves_all_former_ones_behind(tmp_path, expected):
    """Machine code holds that of the functions below it, which stand elsewhere."""
    package, kernels = copy_package(tmp_path), ("_tanh", "_elu")

    def run():
        return result(start(tmp_path / "cache", kernels=kernels, package=package))

    n_compiled, outputs = run()
    assert n_compiled > 0
    assert outputs == of(expected, kernels=kernels)
    assert run() == (0, outputs)
    # The kernels on disk stand in activations.py, and have copies of what is here.
    called = package / "kernels" / "formulas" / "elementary.py"
    text = called.read_text()
    edited = text.replace("return math.copysign(m / (m + 2.0), x)", "return m")
    assert edited != text
    called.write_text(edited)
    n_compiled_anew, outputs_anew = run()
    assert n_compiled_anew == n_compiled
    assert outputs_anew["float64"]["_tanh"] != outputs["float64"]["_tanh"]
    assert outputs_anew["float64"]["_elu"] == outputs["float64"]["_elu"]


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


@pytest.mark.faults
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
    def no_folder(function, variant):
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr("skgd.kernels.machine.jit.KernelCache", no_folder)
    assert jit(double)(3) == 6
