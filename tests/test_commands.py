"""``python -m skgd``: it compiles all that fits need, says where, and removes."""

import json
import os
import pickle
import subprocess
import sys
import time

import numba
import numpy as np
import pytest

import skgd
from skgd.__main__ import main
from skgd._commands import clean, compile, info
from skgd.kernels.machine import folders
from skgd.kernels.machine.folders import version_folder

compiles = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="nothing is compiled with JIT disabled"
)


def python(*arguments, **environment):
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# Compile ------------------------------------------------------------------------------

# All kernels of the package, each with the versions that a process has loaded of it.
LOADED = """
import importlib, pkgutil, sys, warnings
warnings.simplefilter("ignore")
import skgd.kernels, skgd.network
from skgd.kernels.formulas.moves import compiled_rule
from skgd.kernels.formulas.optimizers import OPTIMIZERS
from skgd.kernels.machine.cache import KernelCache
from skgd.kernels.machine.jit import without_wrapper

def loaded():
    found = {f"moves.{name}": compiled_rule(name) for name in OPTIMIZERS}
    for package in (skgd.kernels, skgd.network):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for each in vars(importlib.import_module(module.name)).values():
                if isinstance(getattr(each, "_cache", None), KernelCache):
                    found[each._cache.name] = each
    return {
        name: set(each.signatures) | set(without_wrapper(each).signatures)
        for name, each in found.items()
    }
"""
FLOWS = f"""
{LOADED}
import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from skgd import *
from skgd._commands.fits import CHOICES, Wanted, jobs_of
from skgd.kernels.machine.target import compilations

wanted = Wanted(**CHOICES)
for dtype in CHOICES["dtypes"]:
    for _, job in jobs_of(wanted, dtype):
        job()
before = loaded()
assert len(before) > 50
print("never used:", *sorted(name for name in before if not before[name]))

rng = np.random.default_rng(0)
X, y = rng.standard_normal((300, 5)), rng.standard_normal(300)
table = pd.DataFrame({{"a": X[:, 0], "b": np.where(y > 0, "x", "y")}})
for dtype in ("float64", "float32"):
    dense = X.astype(dtype)
    for data in (dense, csr_array(dense), np.asfortranarray(dense)):
        for solver in ("minibatch", "batch", "sgd"):
            own = {{"solver": solver, "max_iter": 3}}
            net = GDNeuralRegressor(**own, early_stopping=True).fit(data, y)
            net.fit(data, y, sample_weight=np.arange(300), X_val=data, y_val=y)
            net.set_params(early_stopping=False).partial_fit(data, y).score(data, y)
            own.update(learning_rate="cosine", weight_decay=0.1, momentum=0.5)
            labels = GDNeuralClassifier(**own, class_weight="balanced", dropout=0.1)
            labels.fit(data, np.arange(300) % 3).predict_proba(data[:1])
            labels.fit(data, np.arange(300) % 2).hidden_activations(data[:1])
TabularRegressor(n_members=2).fit(table, y).predict_interval(table)
TabularClassifier(n_members=2).fit(table, table["b"]).predict_set(table)
after = loaded()
print("forgotten:", *sorted(name for name in after if after[name] - before[name]))
"""


@compiles
def test_its_fits_use_every_kernel_and_leave_none_to_those_of_users():
    never_used, forgotten = python("-c", FLOWS).splitlines()
    # `gather` is compiled into the kernels that call it.
    assert never_used in ("never used:", "never used: inputs.gather")
    assert forgotten == "forgotten:"


PREDICT = """
import pickle, sys
from skgd.kernels.machine.target import compilations
with compilations() as events:
    with open(sys.argv[1], "rb") as file:
        model, X, before = pickle.load(file)
    after = model.predict(X)
assert abs(after - before).max() < 1e-12, abs(after - before).max()
print(len(events))
"""


@compiles
def test_what_it_compiles_for_another_cpu_serves_a_saved_model_there(tmp_path):
    """For no features but those of every machine, so it runs here."""
    X = np.random.default_rng(0).standard_normal((50, 3))
    params = {"optimizer": "gd", "learning_rate_init": 0.1, "tol": 0.1}
    model = skgd.GDNeuralRegressor(**params, random_state=0).fit(X, X[:, 0])
    path = tmp_path / "model"
    path.write_bytes(pickle.dumps((model, X, model.predict(X))))
    said = python(
        *("-m", "skgd", "compile", "--cpu", "generic", "--predict-only"),
        *("--estimators", "GDNeuralRegressor", "--dtypes", "float64"),
        *("--activations", "relu", "--features", "threads"),
    )
    assert "CPU generic, with what every one" in said
    assert "done: a new process compiles nothing" in said
    *_, first, second = said.splitlines()
    variables = dict(each.split("=") for each in (first, second))
    assert variables == {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    assert int(python("-c", PREDICT, path, **variables)) == 0


@compiles
def test_it_fails_if_a_new_process_compiles(monkeypatch, capsys):
    def jobs(wanted, dtype):
        yield "a function", lambda: numba.njit(lambda x: x)(1)

    monkeypatch.setattr(compile, "jobs_of", jobs)
    with pytest.raises(SystemExit, match="1"):
        compile._work(None, ["float64"], may_compile=False)
    said = capsys.readouterr().out
    assert "float64  a function" in said
    assert "Set NUMBA_CACHE_DIR" in said


def test_what_it_does_not_know_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["compile", "--solvers", "newton"])
    assert "invalid choice: 'newton'" in capsys.readouterr().err


# Info and clean -----------------------------------------------------------------------

OLD = "0.0.1-cpython-311-0123456789ab"


@pytest.fixture
def place(monkeypatch, tmp_path):
    """A folder with kernels of this version and an old one, and files of others."""
    place = tmp_path / "skgd"
    files = {
        f"{version_folder()}/znver4-01234567/epoch.steps.{'a' * 24}.kernel": 1000,
        f"{OLD}/znver4-01234567/epoch.steps.{'b' * 24}.kernel": 2000,
        f"{OLD}/generic-01234567/epoch.steps.{'c' * 24}.kernel": 3000,
        f"{OLD}/generic-01234567/notes.txt": 10,
        "notes.kernel": 10,
        f"mine/znver4-01234567/epoch.steps.{'d' * 24}.kernel": 10,
    }
    for name, size in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(bytes(size))
    for module in (folders, clean, info):
        monkeypatch.setattr(module, "places", lambda: {"the only one": place})
    return place


def files_in(place):
    return {path for path in place.rglob("*") if path.is_file()}


def test_clean_removes_old_kernels_and_nothing_else(place, capsys):
    before = files_in(place)
    assert main(["clean", "--dry-run"]) == 0
    assert "would remove 2 kernels, 0.0 MB" in capsys.readouterr().out
    assert files_in(place) == before
    assert main(["clean"]) == 0
    assert "removed 2 kernels" in capsys.readouterr().out
    removed = before - files_in(place)
    assert {path.name[12] for path in removed} == {"b", "c"}
    assert not (place / OLD / "znver4-01234567").exists()
    assert (place / OLD / "generic-01234567" / "notes.txt").exists()
    assert main(["clean", "--all"]) == 0
    removed = before - files_in(place)
    assert {path.name[12] for path in removed} == {"a", "b", "c"}
    assert not (place / version_folder()).exists()


def test_clean_removes_what_a_process_left_unfinished_long_ago(place):
    folder = place / version_folder() / "znver4-01234567"
    for number, age in enumerate([0, 7200]):
        path = folder / f"epoch.steps.{'a' * 24}.kernel.{str(number) * 16}.part"
        path.write_bytes(b"")
        os.utime(path, (time.time() - age,) * 2)
    assert main(["clean"]) == 0
    assert [path.name[-6] for path in folder.glob("*.part")] == ["0"]


def test_clean_follows_no_links(place, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    os.rename(place / OLD, elsewhere)
    os.symlink(elsewhere, place / OLD, target_is_directory=True)
    before = files_in(elsewhere)
    assert main(["clean", "--all"]) == 0
    assert files_in(elsewhere) == before


@pytest.mark.faults
def test_clean_says_what_it_could_not_remove(place, monkeypatch, capsys):
    def refuse(path, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    assert main(["clean"]) == 1
    said = capsys.readouterr().out
    assert said.count("Permission denied") == 2
    assert "removed 0 kernels, 0.0 MB" in said


def test_info_says_what_is_where(place, capsys):
    assert main(["info", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["versions"]["skgd"] == skgd.__version__
    assert found["versions"]["numba"] == numba.__version__
    assert found["machine"]["cores"] >= 1
    assert found["BLAS"]
    assert found["kernels"]["version"] == version_folder()
    (folder,) = found["kernels"]["folders"]
    assert folder == {
        "folder": str(place),
        "is": "the only one",
        "can be written": True,
        "kernels": 3,
        "MB": 0.0,
        "of this version and CPU": 0,
    }
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    assert f"  numba: {numba.__version__}\n" in text
    assert f"  folder: {place}\n" in text
