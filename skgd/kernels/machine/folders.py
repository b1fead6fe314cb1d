"""Where compiled kernels are kept: folders, what their names say, and which are ours.

A place is a folder of the user's or of the package. In it, kernels of one state of the
sources, of one Python and of one Numba share a folder, and in that, kernels for one
type of CPU. So machines of several types can share a place, and so can versions.
"""

import hashlib
import os
import re
import sys
from functools import cache
from pathlib import Path

import llvmlite
import numba

from skgd._version import __version__
from skgd.kernels.machine.numba_private import AppDirs

SUFFIX = ".kernel"
PACKAGE = Path(__file__).parents[2]
# What the names of a version's folder and of a file are made of; nothing else is ours.
OF_A_VERSION = re.compile(r".+-.+-[0-9a-f]{12}")
OF_A_KERNEL = re.compile(r".+\.[0-9a-f]{24}\.kernel(\.[0-9a-f]{16}\.part)?")


def places():
    """Return the folders in which kernels are looked for, in this order.

    A kernel is written into the first of them that can be written to.

    Returns
    -------
    places : dict
        What each is, and where.
    """
    of_user = AppDirs(appname="numba", appauthor=False).user_cache_dir
    found = {
        "the package's folder": PACKAGE / "__pycache__" / "kernels",
        "the user's cache folder": Path(of_user) / "skgd",
    }
    if numba.config.CACHE_DIR:
        own = Path(numba.config.CACHE_DIR).absolute() / "skgd"
        return {"NUMBA_CACHE_DIR": own, **found}
    return found


@cache
def version_folder():
    """Return the name of the folder of all that is compiled from these sources.

    It ends with a hash of all that a kernel may be compiled from, and of the settings
    and versions of what compiles it.
    """
    folders = PACKAGE / "kernels", PACKAGE / "network" / "layers"
    paths = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    config = numba.config
    settings = config.BOUNDSCHECK, config.OPT, config.DEBUGINFO_DEFAULT
    without_small_products = os.environ.get("SKGD_SMALL_PRODUCTS") == "0"
    settings = *settings, config.USING_SVML, without_small_products
    python = sys.implementation.cache_tag + getattr(sys, "abiflags", "")
    versions = __version__, python, numba.__version__, llvmlite.__version__
    parts = str((versions, settings)).encode(), *(path.read_bytes() for path in paths)
    digest = hashlib.sha256(b"\0".join(parts)).hexdigest()
    return f"{__version__}-{python}-{digest[:12]}"


def cpu_folder(cpu):
    """Return the name of the folder of kernels for a CPU.

    Parameters
    ----------
    cpu : tuple of str
        The system, the CPU's name and its features, as LLVM calls them.
    """
    digest = hashlib.sha256(str(cpu).encode()).hexdigest()
    return f"{cpu[1] or 'generic'}-{digest[:8]}"


def kernels_in(place):
    """Return the files of kernels in a place, by the folders that they are in.

    Returns
    -------
    kernels : dict
        For each pair of a version's and a CPU's folder, the files, of which some may be
        those that a process has not finished, or was stopped at.
    """
    found = {}
    for version in _folders_in(place):
        for cpu in _folders_in(version) if OF_A_VERSION.fullmatch(version.name) else ():
            found[version.name, cpu.name] = [
                path for path in _entries_of(cpu) if OF_A_KERNEL.fullmatch(path.name)
            ]
    return found


def _folders_in(folder):
    """Return the folders in a folder; links to folders are none."""
    return [p for p in _entries_of(folder) if p.is_dir() and not p.is_symlink()]


def _entries_of(folder):
    """Return what is in a folder: nothing if it is not there or cannot be read."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
