"""Time skgd against its peers: equal work, side by side, each in a process of its own.

    python tests/benchmarks/run.py --json docs/guide/benchmark.json
    python tests/benchmarks/run.py --only "sgd" --repeats 9
    python tests/benchmarks/run.py --data mine.npz --hidden 100 50 --batch-size 200
    python tests/benchmarks/run.py --before ../another-checkout --peers scikit-learn

What is in the JSON file already is not measured again, so that a run can be cut off and
gone on with. Every round runs each peer once, one after the other; a ratio is a peer's
time over skgd's in the same round, so that what else the machine does weighs on both.
The table shows the medians of the ratios. Compilation happens before the rounds and is
reported apart. The peak of matrix products is measured in the same rounds. `report.py`
turns the JSON into tables and a picture.
"""

import argparse
import json
import multiprocessing
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np
from peers import PEERS, NotOffered, versions
from workloads import WORKLOADS, make_data, own_workload

# Seconds between runs: threads of OpenBLAS go on spinning for 0.1 s after their work.
PAUSE = 0.25
# Shorter runs are repeated within one measurement: a core that wakes up is slow first.
SHORTEST = 0.2
# So long a first run tells how long the others take: compilation is a small part.
LONG = 10
PEAK_ORDER = 1024
# The name of the peer that is another checkout of skgd.
BEFORE = "skgd before"


# In a peer's process -----------------------------------------------------------------


def serve(connection, peer, workload, before=None):
    """Prepare, and then run when told to; answer with seconds a run."""
    if peer == BEFORE:
        peer, path = "skgd", str(before.resolve())
        sys.path.insert(0, path)
        os.environ["PYTHONPATH"] = path  # for the workers of a search
    try:
        start = time.perf_counter()
        prepare = getattr(PEERS[peer](), workload.kind, None)
        if prepare is None:
            raise NotOffered(f"no {workload.kind} is written for it")
        run = prepare(workload, *make_data(workload))
        result = _prepared(run)()
        first = time.perf_counter() - start
    except (ImportError, NotOffered) as reason:
        connection.send({"left_out": f"{peer}: {reason}"})
        return
    seconds = first if first > LONG else _seconds(run, 1)
    runs = max(1, int(SHORTEST / seconds))
    value = float(result) if np.ndim(result) == 0 else None
    connection.send({"first": first, "runs": runs, "value": value})
    while connection.recv():
        connection.send(_seconds(run, runs))
    # Stops the workers of a search, which would outlive this process.
    getattr(run, "after", lambda: None)()


def serve_peak(connection, dtype):
    """Answer with the flops a second of a large matrix product on all cores."""
    A = np.random.default_rng(0).random((PEAK_ORDER, PEAK_ORDER)).astype(dtype)
    out = np.empty_like(A)

    def product():
        np.dot(A, A, out)

    _seconds(product, 3)
    connection.send({})
    while connection.recv():
        connection.send(2 * PEAK_ORDER**3 / min(_seconds(product, 1) for _ in "12345"))


def _prepared(run):
    getattr(run, "before", lambda: None)()
    return run


def _seconds(run, runs):
    _prepared(run)
    start = time.perf_counter()
    for _ in range(runs):
        run()
    return (time.perf_counter() - start) / runs


# In the driver's process -------------------------------------------------------------


class Process:
    """A peer's process, idle except while it is asked."""

    def __init__(self, target, *arguments):
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=target, args=(theirs, *arguments))
        self.process.start()
        theirs.close()
        try:
            self.facts = self.connection.recv()
        except EOFError:
            # Not by sys.exit, which would wait for the other processes.
            print(f"the process of {arguments} has failed", flush=True)
            os._exit(1)

    def ask(self):
        time.sleep(PAUSE)
        self.connection.send(True)
        return self.connection.recv()

    def stop(self):
        if "left_out" not in self.facts:
            self.connection.send(False)
        self.process.join()


def measure(workload, peers, repeats, busy_repeats, before=None):
    """Time one workload, in rounds."""
    processes = {peer: Process(serve, peer, workload, before) for peer in peers}
    left_out = [
        processes.pop(peer).facts["left_out"]
        for peer in peers
        if "left_out" in processes[peer].facts
    ]
    peak = Process(serve_peak, workload.dtype)
    values = {peer: process.facts["value"] for peer, process in processes.items()}
    _check_equal_work(workload, values)

    seconds = {peer: [] for peer in processes}
    peaks = []
    for _ in range(repeats):
        for peer, process in processes.items():
            seconds[peer].append(process.ask())
        peaks.append(peak.ask())
    busy = _measure_busy(processes, busy_repeats)
    first = {peer: process.facts["first"] for peer, process in processes.items()}
    for process in [*processes.values(), peak]:
        process.stop()
    return {
        "name": workload.name,
        "kind": workload.kind,
        "dtype": workload.dtype,
        "epochs": workload.epochs if workload.kind == "training" else 1,
        "flops": workload.flops,
        "bars": workload.bars,
        "share_bar": workload.share_bar,
        "left_out": left_out,
        "first_seconds": first,
        "values": values,
        "seconds": seconds,
        "peak_flops": peaks,
        "busy": busy,
    }


def _measure_busy(processes, repeats):
    """Time skgd and scikit-learn quiet and busy: with one core taken by another."""
    times = {peer: [] for peer in ("skgd", "scikit-learn") if peer in processes}
    for _ in range(repeats):
        for peer, pairs in times.items():
            quiet = processes[peer].ask()
            burner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            time.sleep(0.2)
            pairs.append((quiet, processes[peer].ask()))
            burner.kill()
            burner.wait()
    return times


def _check_equal_work(workload, values):
    """Raise unless all peers have come to about the same loss."""
    if workload.kind != "training":
        return
    ours = values["skgd"]
    for peer, value in values.items():
        exact = peer in ("scikit-learn", BEFORE)  # the same draws
        rtol = 0.5 if not exact else 1e-3 if workload.dtype == "float32" else 1e-6
        if workload.optimizer == "lbfgs":  # line searches multiply rounding errors
            rtol = 0.05
        if not np.isclose(value, ours, rtol=rtol):
            print(f"  {peer} comes to a loss of {value:.6g}, skgd to {ours:.6g}")
            if exact:
                raise AssertionError(f"skgd and {peer} did different work")


def ratios(result, peer):
    """Return the peer's time over skgd's, round by round."""
    return np.divide(result["seconds"][peer], result["seconds"]["skgd"])


def peak_share(result):
    """Return the share of all cores' peak of matrix products, round by round."""
    speed = result["flops"] / np.array(result["seconds"]["skgd"])
    return speed / np.array(result["peak_flops"])


def print_row(result):
    ours = median(result["seconds"]["skgd"])
    cells = [f"{result['name']:44}", f"{1e3 * ours / result['epochs']:9.3f} ms"]
    for peer in [*PEERS, BEFORE]:
        if peer == "skgd" or (peer == BEFORE and peer not in result["seconds"]):
            continue
        if peer not in result["seconds"]:
            cells.append(f"{'-':>20}")
            continue
        found, bar = median(ratios(result, peer)), result["bars"].get(peer)
        verdict = "" if bar is None else f"({'>=' if found >= bar else '<'} {bar}x)"
        cells.append(f"{found:7.2f}x {verdict:11}")
    cells.append(f"{100 * median(peak_share(result)):5.1f}%")
    for pairs in result["busy"].values():
        if pairs:
            cells.append(f"{median(busy / quiet for quiet, busy in pairs):6.2f}")
    print(" ".join(cells), flush=True)
    for line in result["left_out"]:
        print(f"  left out: {line}")


def describe_machine():
    cpu = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        names = [line.split(":")[1] for line in lines if line.startswith("model name")]
        cpu = names[0].strip() if names else cpu
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "month": time.strftime("%B %Y"),
        **versions(),
    }


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="workloads whose name has this")
    parser.add_argument("--kind", help="training, prediction or search")
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=PEERS)
    parser.add_argument("--before", type=Path, help="another checkout, as a peer")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--busy", type=int, default=0, help="rounds on a busy machine")
    parser.add_argument("--tiny", action="store_true", help="to see that it works")
    parser.add_argument("--json", type=Path, help="write all timings to this file")
    own = parser.add_argument_group("your own data")
    own.add_argument("--data", help="an .npz file with arrays X and y")
    own.add_argument("--classes", action="store_true", help="y holds class labels")
    own.add_argument("--hidden", type=int, nargs="*", default=[100])
    own.add_argument("--batch-size", type=int, default=200)
    own.add_argument("--epochs", type=int, default=10)
    own.add_argument("--optimizer", choices=["adam", "nesterov"], default="adam")
    own.add_argument("--activation", choices=["relu", "tanh"], default="relu")
    return parser.parse_args()


def chosen_workloads(arguments):
    if arguments.data:
        names = ("hidden", "batch_size", "epochs", "optimizer", "activation", "classes")
        settings = {name: getattr(arguments, name) for name in names}
        return [own_workload(arguments.data, **settings)]
    return [
        workload.shrunk() if arguments.tiny else workload
        for workload in WORKLOADS
        if arguments.only in workload.name
        and arguments.kind in (None, workload.kind)
        # Too few rows are left to split.
        and not (arguments.tiny and workload.kind == "search")
    ]


def read_results(path, machine):
    """Return the results that a file has already, by the workloads' names."""
    if path is None or not path.exists():
        return {}
    report = json.loads(path.read_text())
    if report["machine"] != machine:
        sys.exit(f"{path} is of another machine, other versions or another month.")
    return {result["name"]: result for result in report["workloads"]}


def main():
    arguments = parse_arguments()
    peers = ["skgd", *(peer for peer in arguments.peers if peer != "skgd")]
    if arguments.before:
        peers.append(BEFORE)
    machine = describe_machine()
    results = read_results(arguments.json, machine)
    print(", ".join(f"{key}: {value}" for key, value in machine.items()))
    headings = [f"{peer:>20}" for peer in PEERS if peer != "skgd"]
    print(f"{'':44} {'an epoch':>12}", *headings, " peak  busy/quiet")
    rounds = arguments.repeats, arguments.busy
    for workload in chosen_workloads(arguments):
        if workload.name in results:
            continue
        result = measure(workload, peers, *rounds, arguments.before)
        results[workload.name] = result
        print_row(result)
        if arguments.json:
            names = [each.name for each in WORKLOADS if each.name in results]
            names += results.keys() - {*names}  # of data of the user's own
            found = [results[name] for name in names]
            text = json.dumps({"machine": machine, "workloads": found}, indent=1)
            arguments.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
