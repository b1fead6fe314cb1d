"""Compiled kernels on disk: Numba's cache, with files that cannot go wrong.

Numba itself keeps an index file for each function. Processes that compile at the same
time overwrite it, so that an entry may be lost, or name the machine code of another
version. Numba also looks only at the file in which a function is defined, so that after
an upgrade an old kernel is loaded although a function that it calls, in another file,
has changed. Here each version of a kernel has a file of its own, whose name follows
from the sources of all kernels and from the types of the version.
"""

import hashlib
import os
import pickle
import warnings
from functools import cache
from pathlib import Path

import llvmlite
import numba

from skgd._files import read_whole, write_whole
from skgd._version import __version__
from skgd.kernels.machine.numba_private import FunctionCache, dumps


@cache
def _fingerprint():
    """Return a hash of all that a kernel may be compiled from, and of the settings."""
    package = Path(__file__).parents[2]
    folders = package / "kernels", package / "network" / "layers"
    paths = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    config = numba.config
    settings = config.BOUNDSCHECK, config.OPT, config.DEBUGINFO_DEFAULT
    settings = *settings, os.environ.get("SKGD_SMALL_PRODUCTS") == "0"
    versions = __version__, numba.__version__, llvmlite.__version__
    parts = str((versions, settings)).encode(), *(path.read_bytes() for path in paths)
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


class _CacheFiles:
    """A kernel's files in `folder`: one for each key, which names types."""

    def __init__(self, folder, name):
        self.folder, self.name = Path(folder), name

    def _path(self, key):
        digest = hashlib.sha256(f"{_fingerprint()} {key}".encode()).hexdigest()
        return self.folder / f"{self.name}.{digest[:24]}.kernel"

    def load(self, key):
        """Return what was saved under this key; None if there is no whole file."""
        try:
            payload = read_whole(self._path(key))
        except OSError:
            return None
        return None if payload is None else pickle.loads(payload)

    def save(self, key, data):
        """Write a file; no process can read half of it."""
        write_whole(self._path(key), dumps(data), durable=False)

    def flush(self):
        """Do nothing: no file is ever out of date, as its name follows from sources."""


class KernelCache(FunctionCache):
    """The cache of one kernel; Numba asks it before it compiles.

    Parameters
    ----------
    function : callable
    variant : str, default=""
        What the names of files say besides the function's name.

    Raises
    ------
    RuntimeError
        If there is no folder to write to.
    """

    def __init__(self, function, variant=""):
        super().__init__(function)
        name = self._impl.filename_base + variant
        self._cache_file = _CacheFiles(self._cache_path, name)
        # Sources are read now, as what is compiled later is what was imported now.
        _fingerprint()

    def load_overload(self, sig, target_context):
        """Load a compiled version, or return None.

        Numba's own method first prepares its compiler, with all functions that it
        knows; this one does not. If every kernel is on disk, nothing is compiled, and
        the first fit of a process took 0.2 s instead of 0.65 (measured).
        """
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)

    def save_overload(self, sig, data):
        """Save a compiled version; if the disk is full, warn instead of failing."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _warn_once(self._cache_path, error.strerror)


_warned = set()


def _warn_once(folder, why):
    if folder not in _warned:
        _warned.add(folder)
        warnings.warn(
            f"Compiled kernels could not be saved in {folder}: {why}. Each process "
            "will compile its own. Set NUMBA_CACHE_DIR to a folder with room.",
            stacklevel=2,
        )
