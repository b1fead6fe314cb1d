"""Compiled kernels on disk, with files that cannot go wrong.

Numba's own cache keeps an index file for each function. Processes that compile at the
same time overwrite it, so that an entry may be lost, or name the machine code of
another version. It looks only at the file in which a function is defined, so that after
an upgrade an old kernel is loaded although a function that it calls, in another file,
has changed. Its folders are named by the package's path, and it reads only where it can
write. Here each version of a kernel has a file of its own, whose name follows from the
sources of all kernels, the types of the version and the CPU; it is looked for in all
places (`skgd.kernels.machine.folders`), and written into the first that can be written
to.
"""

import hashlib
import pickle
import warnings

from skgd._files import read_whole, write_whole
from skgd.kernels.machine.folders import SUFFIX, cpu_folder, places, version_folder
from skgd.kernels.machine.numba_private import CompileResult, dumps


class KernelCache:
    """The cache of one kernel; Numba asks it before it compiles.

    Its methods are those that a dispatcher of Numba calls.

    Parameters
    ----------
    function : callable
    variant : str, default=""
        What the names of files say besides the function's name.
    """

    cache_path = None  # there are several; Numba asks for its statistics only

    def __init__(self, function, variant=""):
        module, code = function.__module__, function.__code__
        name = function.__name__.strip("<>")
        self.name = f"{module.rpartition('.')[2]}.{name}{variant}"
        # The bytecode is for functions of tests; a version has the sources of kernels.
        code = code.co_firstlineno, code.co_code.hex()
        self._identity = module, function.__qualname__, variant, *code
        # Sources are read now, as what is compiled later is what was imported now.
        version_folder()

    def load_overload(self, sig, target_context):
        """Load a compiled version, or return None.

        Numba's own cache first prepares the compiler, with all functions that it knows;
        this one does not. If every kernel is on disk, nothing is compiled, and the
        first fit of a process took 0.2 s instead of 0.65 (measured).
        """
        path = self._path(sig, target_context.codegen())
        for place in places().values():
            try:
                payload = read_whole(place / path)
            except OSError:
                continue
            if payload is not None:
                return CompileResult._rebuild(target_context, *pickle.loads(payload))
        return None

    def save_overload(self, sig, compiled):
        """Save a compiled version; if no place takes it, warn instead of failing.

        Raises
        ------
        RuntimeError
            If it holds addresses, which another process would follow to nowhere.
        """
        if compiled.library.has_dynamic_globals:
            raise RuntimeError(
                f"{self.name} cannot be kept on disk: it holds addresses."
            )
        path, payload = self._path(sig, compiled.codegen), dumps(compiled._reduce())
        refusals = []
        for place in places().values():
            try:
                (place / path).parent.mkdir(parents=True, exist_ok=True)
                # No process can read half of it.
                return write_whole(place / path, payload, durable=False)
            except OSError as error:
                refusals.append(f"{place}: {error.strerror}")
        return _warn_once(refusals)

    def flush(self):
        """Do nothing: no file is ever out of date, as its name follows from sources."""

    def _path(self, sig, codegen):
        """Return the path of a version's file within a place."""
        cpu = codegen.magic_tuple()
        key = str((self._identity, sig, cpu)).encode()
        file = f"{self.name}.{hashlib.sha256(key).hexdigest()[:24]}{SUFFIX}"
        return f"{version_folder()}/{cpu_folder(cpu)}/{file}"


_warned = []


def _warn_once(refusals):
    """Warn the first time that a kernel of this process cannot be kept."""
    if not _warned:
        _warned.append(True)
        warnings.warn(
            f"Compiled kernels could not be saved ({'; '.join(refusals)}). Each "
            "process will compile its own, for about ten seconds. Set NUMBA_CACHE_DIR "
            "to a folder that can be written to, or that `python -m skgd compile` has "
            "filled.",
            stacklevel=2,
        )
