"""Compile kernels ahead of time by small fits; again, to see that none is left."""

import multiprocessing
import time
import warnings

from sklearn.exceptions import ConvergenceWarning

from skgd._commands.fits import CHOICES, Wanted, dtypes_of, jobs_of
from skgd._commands.text import amount, names_of
from skgd.kernels.machine.folders import (
    cpu_folder,
    kernels_in,
    places,
    version_folder,
)
from skgd.kernels.machine.target import COMPILES, compilations, compile_for, cpu

SUMMARY = "Compile kernels ahead of time, so that fits and predictions only load them."
DETAILS = """
It makes small fits in two processes, one for each dtype, and then the same fits in a
new process, which must not compile anything. By default, all that skgd can need is
compiled; the options leave some of it out. The dtypes are those of networks; estimators
of tables are always in float32. The feature `parts` is what Dask needs besides. Kernels
are written into the first folder of `python -m skgd info` that can be written to; set
NUMBA_CACHE_DIR to choose it.
"""


def add_options(parser):
    """Declare the options."""
    for name, choices in CHOICES.items():
        parser.add_argument(
            f"--{name}",
            nargs="+",
            choices=choices,
            default=choices,
            metavar="NAME",
            help=f"some of {', '.join(choices)} (default: all)",
        )
    parser.add_argument(
        "--predict-only",
        action="store_true",
        help="only what networks that are already fitted need to predict",
    )
    parser.add_argument(
        "--cpu",
        metavar="NAME",
        help="a type of CPU as LLVM calls it, such as x86-64-v3, instead of this one; "
        "this machine has to be able to run its code",
    )


def run(options):
    """Compile, and see that a new process compiles nothing."""
    if not COMPILES:
        print("NUMBA_DISABLE_JIT is set, so nothing is compiled. Unset it.")
        return 1
    if options.cpu:
        compile_for(options.cpu)
    wanted = Wanted(**{name: getattr(options, name) for name in Wanted._fields})
    system, name, features = cpu()
    known = " ".join(names_of(features)) or "what every one of them has"
    print(f"for {system}, CPU {name}, with {known}", flush=True)
    before, started = _own_kernels(), time.perf_counter()
    dtypes = dtypes_of(wanted)
    if not _in_processes([(wanted, [dtype], True) for dtype in dtypes]):
        return 1
    seconds = time.perf_counter() - started
    made = _own_kernels() - before
    for place in places().values():
        here = [path for path in made if path.is_relative_to(place)]
        if here:
            sizes = [path.stat().st_size for path in here]
            print(f"made {amount(sizes)}, in {here[0].parent}")
    if not made:
        print("made nothing: all kernels had been there")
    print(f"in {seconds:.1f} s; checking in a new process", flush=True)
    if not _in_processes([(wanted, dtypes, False)]):
        return 1
    print("done: a new process compiles nothing")
    if options.cpu:
        print(
            "Set these variables wherever the kernels are to be used:\n"
            f"NUMBA_CPU_NAME={options.cpu}\nNUMBA_CPU_FEATURES="
        )
    return 0


def _own_kernels():
    """Return the kernels of this version for this CPU, wherever they are."""
    own = version_folder(), cpu_folder(cpu())
    found = (kernels_in(place).get(own, []) for place in places().values())
    return {path for files in found for path in files}


def _in_processes(arguments):
    """Work in new processes, side by side; return whether all of them succeeded."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_work, args=each) for each in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    codes = [process.exitcode for process in processes]
    if min(codes) < 0:
        print(
            f"A process was ended by signal {-min(codes)}. If you gave --cpu, this "
            "machine may not be able to run code for that CPU."
        )
    return not any(codes)


def _work(wanted, dtypes, may_compile):
    """Do what is wanted in these dtypes; exit with 1 if it compiles and may not."""
    warnings.simplefilter("ignore", ConvergenceWarning)  # they have one epoch only
    n_compiled = 0
    for dtype in dtypes:
        for name, job in jobs_of(wanted, dtype):
            started = time.perf_counter()
            with compilations() as events:
                job()
            n_compiled += len(events)
            seconds = time.perf_counter() - started
            if may_compile or events:
                print(f"  {dtype}  {name:32} {seconds:5.1f} s", flush=True)
    if n_compiled and not may_compile:
        print(
            "A new process compiles kernels again, as they could not be kept. Set "
            "NUMBA_CACHE_DIR to a folder that can be written to."
        )
        raise SystemExit(1)
