"""Remove old kernels, and nothing else."""

import time
from contextlib import suppress

from skgd._commands.text import amount
from skgd.kernels.machine.folders import kernels_in, places, version_folder

# Seconds after which a file that is still unfinished will never be.
ABANDONED = 3600


SUMMARY = "Remove compiled kernels that this version of skgd will not load any more."
DETAILS = """
These are the kernels of other states of its sources, and of other versions of Python,
Numba and llvmlite. Those for other types of CPU are kept. An environment with another
version that shares the folder will compile its kernels again. Nothing but files of
kernels is removed, and the folders that are empty then.
"""


def add_options(parser):
    """Declare the options."""
    parser.add_argument("--all", action="store_true", help="remove this version's too")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be removed, no more"
    )


def run(options):
    """Remove kernels from all places; return 1 if some could not be removed."""
    refusals = []
    for place in places().values():
        kernels = kernels_in(place)
        removed = []
        for (version, _), files in kernels.items():
            for path in files:
                if not options.all and not _is_old(version, path):
                    continue
                try:
                    size = path.stat().st_size
                    if not options.dry_run:
                        path.unlink()
                    removed.append(size)
                except OSError as error:
                    refusals.append(f"{path}: {error.strerror}")
        if not options.dry_run:
            _remove_empty(place, kernels)
        verb = "would remove" if options.dry_run else "removed"
        print(f"{place}: {verb} {amount(removed)}")
    for refusal in refusals:
        print(f"could not be removed: {refusal}")
    return 1 if refusals else 0


def _is_old(version, path):
    if version != version_folder():
        return True
    return path.suffix == ".part" and time.time() - path.stat().st_mtime > ABANDONED


def _remove_empty(place, kernels):
    """Remove the folders of kernels in which there is nothing."""
    inner = [place / version / cpu for version, cpu in kernels]
    outer = {folder.parent for folder in inner}
    for folder in [*inner, *outer, place]:
        with suppress(OSError):  # there is something, or no right to remove it
            folder.rmdir()
