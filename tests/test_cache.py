"""Kernels on disk: never a wrong one, whoever writes, stops or edits meanwhile."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import llvmlite
import numba
import numpy as np
import pytest

from skgd.kernels.machine import cache as _cache
from skgd.kernels.machine import folders
from skgd.kernels.machine.cache import KernelCache
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
# The process becomes another user when all is imported, as it may not be able to read
# the folders of Python's own files.
RUN = f"""
{KERNELS_ONLY}
import json, os
import numba
import numpy as np
import numba.core.event as event
from numba.core.registry import cpu_target
from skgd.kernels.formulas import activations
if sys.argv[4] == "nobody":
    cpu_target.target_context.refresh()
    numba.njit(lambda z: z + 1)(np.ones(2))  # imports what compiling needs
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
with event.install_recorder("numba:compile") as recorder:
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
    folder,
    dtypes="float64",
    kernels=KERNELS,
    *,
    package=PACKAGE,
    user="",
    env=None,
    **options,
):
    return subprocess.Popen(
        [sys.executable, "-c", RUN, package, dtypes, " ".join(kernels), user],
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
    assert err.count("Compiled kernels could not be saved") == 1
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def copy_package(tmp_path):
    return shutil.copytree(
        PACKAGE, tmp_path / "skgd", ignore=shutil.ignore_patterns("__pycache__")
    )


# A user who has nothing of its own, not even a home.
NOTHING = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null"}


def test_without_any_folder_each_process_compiles_and_warns_once(tmp_path, expected):
    """The package's own folder is read-only here, and there is no other."""
    package, kernels = copy_package(tmp_path), KERNELS[:2]
    # A file where the folder should be made: to root, no folder is read-only.
    (package / "__pycache__").write_text("")
    options = {"kernels": kernels, "package": package}
    env = {**NOTHING, "PYTHONDONTWRITEBYTECODE": "1"}
    for _ in range(2):
        process = start("/dev/null/kernels", env=env, **options)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        n_compiled, outputs = json.loads(out)
        assert n_compiled > 1
        assert outputs == of(expected, kernels=kernels)
        assert err.count("UserWarning") == err.count("Set NUMBA_CACHE_DIR") == 1


@pytest.fixture
def public():
    """A folder that every user can read."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture
def read_only(public):
    """What lets all users only read a folder; it returns one who is not root."""

    def read_only():
        for path in public.rglob("*"):
            os.chmod(path, 0o555 if path.is_dir() else 0o444)
        return "nobody" if os.geteuid() == 0 else ""

    yield read_only
    for path in [path for path in public.rglob("*") if path.is_dir()]:
        os.chmod(path, 0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="its folders have no such rights")
@pytest.mark.parametrize("warmed", ["NUMBA_CACHE_DIR", "the package's folder"])
def test_kernels_that_can_only_be_read_are_used_by_a_user_without_a_home(
    public, read_only, warmed, expected
):
    package, kernels = copy_package(public), KERNELS[:1]
    options = {"kernels": kernels, "package": package}
    folder = public / "cache" if warmed == "NUMBA_CACHE_DIR" else ""
    n_compiled, _ = result(start(folder, **options))
    assert n_compiled > 0
    user, before = read_only(), sorted(public.rglob("*"))
    of_other = result(start(folder, env=NOTHING, user=user, **options))
    assert of_other == (0, of(expected, kernels=kernels))
    assert sorted(public.rglob("*.kernel*")) == [
        path for path in before if path.suffix == ".kernel"
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="its folders have no such rights")
def test_what_is_missing_in_a_folder_that_can_only_be_read_is_kept_elsewhere(
    public, read_only, expected
):
    package = copy_package(public)
    env = {**NOTHING, "XDG_CACHE_HOME": str(public / "of_user")}
    result(start(public / "cache", kernels=KERNELS[:1], package=package))
    user = read_only()
    (public / "of_user").mkdir()
    os.chmod(public / "of_user", 0o777)
    runs = [
        result(start(public / "cache", package=package, env=env, user=user, kernels=k))
        for k in (KERNELS[:2], KERNELS[:2])
    ]
    assert runs[0][0] > 0
    assert runs[1] == (0, of(expected, kernels=KERNELS[:2]))
    names = [path.name for path in (public / "of_user").rglob("*.kernel")]
    assert names
    assert not any("_tanh" in name for name in names)


def test_a_package_in_another_folder_uses_the_same_kernels(tmp_path, expected):
    result(start(tmp_path / "cache", kernels=KERNELS[:1]))
    found = result(
        start(tmp_path / "cache", kernels=KERNELS[:1], package=copy_package(tmp_path))
    )
    assert found == (0, of(expected, kernels=KERNELS[:1]))


def test_types_of_cpu_share_a_folder(tmp_path):
    """What is compiled for one is not loaded for another."""
    generic = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    options = {"folder": tmp_path, "kernels": KERNELS[:1]}
    runs = [result(start(env=env, **options))[0] for env in ({}, generic) * 2]
    assert min(runs[:2]) > 0
    assert runs[2:] == [0, 0]
    (place,) = tmp_path.iterdir()
    (_, generic), (_, host) = sorted(folders.kernels_in(place))
    assert generic.startswith("generic-")
    assert host != generic


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


def double(x):
    return 2 * x


@pytest.fixture
def kernel(monkeypatch, tmp_path):
    """A function, as each process compiles it, and its only folder."""
    monkeypatch.setattr(folders, "places", lambda: {"here": tmp_path})
    monkeypatch.setattr(_cache, "places", folders.places)
    monkeypatch.setattr(_cache, "_warned", [])
    return lambda: jit(double)


def is_compiled(kernel, number=3.0):
    """Whether a call compiles; that its result is right."""
    function = kernel()
    assert isinstance(function._cache, KernelCache)
    assert function(number) == 2 * number
    (signature,) = function.signatures
    return function.stats.cache_misses[signature] == 1


def test_a_saved_version_is_found_for_its_types_only(kernel):
    assert [is_compiled(kernel) for _ in range(2)] == [True, False]
    assert [is_compiled(kernel, np.float32(3)) for _ in range(2)] == [True, False]
    assert [is_compiled(kernel, 3) for _ in range(2)] == [True, False]


@pytest.mark.parametrize("damage", [lambda text: b"", lambda text: text[:-1]])
def test_a_damaged_file_is_as_good_as_none(kernel, tmp_path, damage):
    assert is_compiled(kernel)
    (path,) = tmp_path.rglob("*.kernel")
    path.write_bytes(damage(path.read_bytes()))
    assert [is_compiled(kernel) for _ in range(2)] == [True, False]


@pytest.mark.parametrize("package", [numba, llvmlite, folders])
def test_an_upgrade_leaves_all_former_ones_behind(kernel, monkeypatch, package):
    assert is_compiled(kernel)
    with monkeypatch.context() as context:
        context.setattr(package, "__version__", "99.0")
        folders.version_folder.cache_clear()
        assert is_compiled(kernel)
    folders.version_folder.cache_clear()
    assert not is_compiled(kernel)


@pytest.mark.faults
def test_a_failed_save_leaves_nothing(kernel, monkeypatch, tmp_path):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.warns(UserWarning, match="No space left on device.*NUMBA_CACHE_DIR"):
        assert is_compiled(kernel)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


LARGE = np.ones(200_000)


def first_of_large(x):
    return LARGE[0] * x


def test_a_kernel_that_holds_addresses_is_refused(kernel):
    """Numba copies small global arrays into the code, and large ones it points to."""
    with pytest.raises(RuntimeError, match="first_of_large cannot be kept on disk"):
        jit(first_of_large)(3.0)
