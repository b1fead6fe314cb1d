"""What the first fit and the first prediction of a process take, by where kernels are.

    python tests/benchmarks/first_fits.py
    python tests/benchmarks/first_fits.py --package path/to/another/skgd

Each line is a new process: an empty folder of kernels, a warm one, one that can only be
read, one that another user has filled, one of a package in another folder, another type
of CPU; a saved model. Run by root, the other user is `nobody`, without a home, who has
to be able to read Python and its packages; otherwise it is the same user, who can only
read the folders.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import skgd

FIT = """
import json, pickle, sys, time, warnings
started = time.perf_counter()
import numpy as np
from numba.core.event import install_recorder
import skgd
found = {"import": time.perf_counter() - started}
X = np.random.default_rng(0).standard_normal((300, 5))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    with install_recorder("numba:compile") as recorder:
        started = time.perf_counter()
        if sys.argv[1] == "fit":
            model = skgd.GDNeuralRegressor(max_iter=3, random_state=0).fit(X, X[:, 0])
            found["fit"] = time.perf_counter() - started
        else:
            with open(sys.argv[2], "rb") as file:
                model = pickle.load(file)
        started = time.perf_counter()
        model.predict(X)
        found["predict"] = time.perf_counter() - started
if len(sys.argv) > 2 and sys.argv[1] == "fit":
    with open(sys.argv[2], "wb") as file:
        pickle.dump(model, file)
found["compiled"] = len(recorder.buffer) // 2
found["warned"] = sum("NUMBA_CACHE_DIR" in str(each.message) for each in caught)
print(json.dumps(found))
"""


class Machine:
    """A folder with a package, which is run as one user or another."""

    def __init__(self, root, package):
        self.root, self.package = root, root / "here"
        for name in ("here", "there"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(package, root / name / "skgd", ignore=ignored)
        (root / "home").mkdir()

    def run(self, *arguments, nobody=False, package="here", **environment):
        """Fit or predict in a new process; return what it found."""
        names = ("PATH", "LANG", "LD_LIBRARY_PATH")
        own = {name: os.environ[name] for name in names if name in os.environ}
        own |= {"HOME": str(self.root / "home"), "PYTHONDONTWRITEBYTECODE": "1"}
        path = [str(self.root / package), *os.environ.get("PYTHONPATH", "").split(":")]
        own |= {"PYTHONPATH": ":".join(path), **environment}
        options = {}
        if nobody:
            own["HOME"] = "/nonexistent"
            if os.geteuid() == 0:
                options = {"user": 65534, "group": 65534, "extra_groups": []}
        done = subprocess.run(
            [sys.executable, "-c", FIT, *map(str, arguments)],
            env=own,
            stdout=subprocess.PIPE,
            check=True,
            cwd="/",
            **options,
        )
        return json.loads(done.stdout)

    def let_read_only(self):
        """Take all rights to write away, which binds all users but root."""
        for path in self.root.rglob("*"):
            os.chmod(path, 0o555 if path.is_dir() else 0o444)


def situations(machine):
    """Yield a name and what the process of this situation found."""
    model, cache = machine.root / "model", str(machine.root / "cache")
    warm = {"NUMBA_CACHE_DIR": cache}
    yield "empty folder", machine.run("fit", model, **warm)
    yield "warm", machine.run("fit", **warm)
    yield "package in another folder", machine.run("fit", package="there", **warm)
    other = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", **warm}
    yield "other CPU, first", machine.run("fit", **other)
    yield "other CPU, second", machine.run("fit", **other)
    empty = {"NUMBA_CACHE_DIR": str(machine.root / "empty")}
    yield "saved model, empty folder", machine.run("predict", model, **empty)
    yield "saved model, warm", machine.run("predict", model, **warm)
    machine.run("fit")
    machine.let_read_only()
    for number in ("first", "second"):
        yield f"other user, {number} process", machine.run("fit", nobody=True)
    yield "folder to read only", machine.run("fit", nobody=True, **warm)
    yield "the same, saved model", machine.run("predict", model, nobody=True, **warm)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = Path(skgd.__file__).parent
    parser.add_argument("--package", type=Path, default=here, help="the folder skgd")
    options = parser.parse_args()
    columns = ("import", "fit", "predict", "compiled", "warned")
    print(f"{'':28}" + "".join(f"{name:>10}" for name in columns))
    with tempfile.TemporaryDirectory() as root:
        os.chmod(root, 0o755)
        for name, found in situations(Machine(Path(root), options.package)):
            cells = [found.get(column, "") for column in columns]
            shown = [f"{x:.3f}" if isinstance(x, float) else str(x) for x in cells]
            print(f"{name:28}" + "".join(f"{x:>10}" for x in shown), flush=True)


if __name__ == "__main__":
    main()
