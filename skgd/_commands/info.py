"""What a bug report needs."""

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version

from joblib import cpu_count
from threadpoolctl import threadpool_info

from skgd._commands.text import names_of
from skgd._version import __version__
from skgd.kernels.machine.folders import (
    cpu_folder,
    kernels_in,
    places,
    version_folder,
)
from skgd.kernels.machine.target import cpu
from skgd.kernels.team.threads import n_threads

NEEDED = ("numpy", "scipy", "scikit-learn", "numba", "llvmlite", "joblib")
OPTIONAL = (
    *("matplotlib", "onnx", "skl2onnx", "onnxruntime", "dask", "distributed"),
    *("pandas", "polars", "pyarrow", "skops", "rich"),
)
# Variables of the environment whose names begin so have a say in kernels and threads.
PREFIXES = ("NUMBA_", "SKGD_", "OMP_", "OPENBLAS_", "MKL_", "BLIS_", "LOKY_")


SUMMARY = (
    "Print what a bug report needs: versions, machine, and where kernels are kept."
)
DETAILS = ""


def add_options(parser):
    """Declare the options."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options):
    """Print all of it."""
    found = collect()
    print(json.dumps(found, indent=2) if options.json else _as_text(found))
    return 0


def collect():
    """Return what is known of this process, its machine and its kernels.

    Returns
    -------
    found : dict
        It can be written as JSON.
    """
    system, name, features = cpu()
    return {
        "versions": {
            "skgd": __version__,
            "python": platform.python_version(),
            **{each: _version_of(each) for each in NEEDED},
        },
        "optional": {each: _version_of(each) for each in OPTIONAL},
        "machine": {
            "system": platform.platform(),
            "kernels are compiled for": system,
            "CPU": name,
            "features": names_of(features),
            "cores": cpu_count(),
            "threads of a fit": n_threads(None),
        },
        "BLAS": [_of_blas(each) for each in threadpool_info()],
        "environment": {
            name: value
            for name, value in sorted(os.environ.items())
            if name.startswith(PREFIXES)
        },
        "kernels": {
            "version": version_folder(),
            "CPU": cpu_folder((system, name, features)),
            "folders": [_of_place(*each) for each in places().items()],
        },
    }


def _version_of(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _of_blas(library):
    names = ("user_api", "internal_api", "version", "architecture", "num_threads")
    return {name: library.get(name) for name in (*names, "filepath")}


def _of_place(name, place):
    """Return what is in a folder of kernels, and how much of it this process loads."""
    kernels = kernels_in(place)
    files = [path for found in kernels.values() for path in found]
    own = kernels.get((version_folder(), cpu_folder(cpu())), [])
    # What is not there is made in the folder above it, or above that.
    there = next(each for each in (place, *place.parents) if each.exists())
    return {
        "folder": str(place),
        "is": name,
        "can be written": os.access(there, os.W_OK | os.X_OK),
        "kernels": len(files),
        "MB": round(sum(path.stat().st_size for path in files) / 1e6, 1),
        "of this version and CPU": len(own),
    }


def _as_text(found):
    """Return it as lines, a name and a value each, below the name of their part."""
    lines = []
    for part, content in found.items():
        lines.append(part)
        lines += _lines(content, "  ")
    return "\n".join(lines)


def _lines(content, margin):
    for entry in content if isinstance(content, list) else [content]:
        for name, value in entry.items():
            if isinstance(value, list) and value and isinstance(value[0], dict):
                yield from _lines(value, margin)
            else:
                yield f"{margin}{name}: {_shown(value)}"


def _shown(value):
    """Return a value as users read it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(value) if isinstance(value, list) else value
