"""Time predictions as a service makes them: the tables in docs/guide/serving.rst.

    python tests/benchmarks/serving.py

Latencies of each model with 1, 100 and 1,000 rows, throughput of single rows from
several threads, threads within a prediction, memory and size of files, and
examples/service.py over HTTP. It needs the extras `serve` and `onnx`. Nothing else
should run meanwhile.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import onnxruntime
import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import skgd.onnx  # noqa: F401  (teaches skl2onnx the estimators)
from skgd import GDNeuralClassifier, TabularClassifier

EXAMPLES = Path(__file__).parents[2] / "examples"
BATCHES = 1, 100, 1_000
THREADS = 1, 4, 16
PARAMS = {"hidden_layer_sizes": (50, 50), "max_iter": 5, "random_state": 0}
NUMBERS = [f"number_{i}" for i in range(8)]
LEVELS = ["district", "heating"]


# Models -------------------------------------------------------------------------------


def make_table(n=4_000):
    """A table of eight columns of numbers and two of strings, and labels."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.standard_normal((n, 8)).astype(np.float32), columns=NUMBERS)
    X["district"] = rng.choice(["centre", "harbour", "hill", "north"], n)
    X["heating"] = rng.choice(["gas", "oil", "heat pump"], n)
    return X, (X["number_0"] * X["number_1"] > 0).to_numpy().astype(int)


X, y = make_table()
ARRAY = np.ascontiguousarray(X[NUMBERS])


def make_models():
    """The fitted models by name, each with the table or array that it was fitted to."""
    columns = make_column_transformer(
        (StandardScaler(), NUMBERS), (OneHotEncoder(), LEVELS)
    )
    net = GDNeuralClassifier(**PARAMS)
    models = {
        "network": (net, ARRAY),
        "Pipeline": (make_pipeline(StandardScaler(), clone(net)), ARRAY),
        "Pipeline on a frame": (make_pipeline(columns, clone(net)), X),
        "TabularClassifier on a frame": (TabularClassifier(random_state=0), X),
    }
    return {name: (model.fit(data, y), data) for name, (model, data) in models.items()}


def graph_of(model, data):
    """The content of a model's ONNX file, which computes in float32."""
    if data is ARRAY:
        types = [("X", FloatTensorType([None, ARRAY.shape[1]]))]
    else:
        kinds = dict.fromkeys(LEVELS, StringTensorType)
        types = [(name, kinds.get(name, FloatTensorType)([None, 1])) for name in data]
    graph = to_onnx(model, initial_types=types, options={"zipmap": False})
    return graph.SerializeToString()


def session_of(content):
    """A session of one thread, as other requests have the other cores."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])


def as_inputs(rows):
    """Rows as onnxruntime takes them."""
    if isinstance(rows, np.ndarray):
        return {"X": rows}
    return {
        name: rows[[name]].to_numpy(object if name in LEVELS else np.float32)
        for name in rows
    }


def make_calls(models):
    """By name, a function of a number of rows, which returns one that predicts them."""

    def by_itself(model, data):
        return lambda n: partial(model.predict_proba, data[:n].copy())

    def by_onnx(session, data):
        return lambda n: partial(
            session.run, ["probabilities"], as_inputs(data[:n].copy())
        )

    calls = {name: by_itself(*pair) for name, pair in models.items()}
    for name, pair in models.items():
        calls[f"ONNX: {name}"] = by_onnx(session_of(graph_of(*pair)), pair[1])
    return calls


# Times --------------------------------------------------------------------------------


def show(name, *values):
    print(f"{name:36}", *(f"{value:>13}" for value in values), flush=True)


def latencies(call, seconds):
    """Microseconds of a call: the median, and what one in a hundred exceeds."""
    for _ in range(5):
        call()
    times, end = [], time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        call()
        times.append(time.perf_counter() - start)
    return np.quantile(times, [0.5, 0.99]) * 1e6


def throughput(call, n_threads, seconds):
    """Calls a second from several threads."""
    ends = []
    ready = threading.Barrier(
        n_threads, action=lambda: ends.append(time.perf_counter() + seconds)
    )

    def work(_):
        ready.wait()
        n = 0
        while time.perf_counter() < ends[0]:
            call()
            n += 1
        return n

    with ThreadPoolExecutor(n_threads) as pool:
        return sum(pool.map(work, range(n_threads))) / seconds


def in_a_thread(function, *arguments):
    """Call a function in a thread other than the main one, as servers do."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result()


def show_latencies(calls, seconds):
    print("\nLatency in microseconds, median / 99th percentile, by rows")
    show("", *BATCHES)
    for name, of_rows in calls.items():
        times = [in_a_thread(latencies, of_rows(n), seconds) for n in BATCHES]
        show(name, *(f"{median:.0f} / {high:.0f}" for median, high in times))


def show_throughput(calls, seconds):
    print("\nPredictions of one row a second, by threads")
    show("", *THREADS)
    for name, of_rows in calls.items():
        rates = [throughput(of_rows(1), n, seconds) for n in THREADS]
        show(name, *(f"{rate:.0f}" for rate in rates))


def show_n_jobs(seconds):
    """What threads within a prediction gain where a network is large enough."""
    rng = np.random.default_rng(0)
    data = rng.standard_normal((10_000, 50)).astype(np.float32)
    net = GDNeuralClassifier((200, 200), max_iter=1, random_state=0)
    net.fit(data, data[:, 0] > 0)
    print(
        "\n10,000 rows through 50-200-200-1: median ms; calls a second from 4 threads"
    )
    for n_jobs in (None, 1, 2):
        call = partial(net.set_params(n_jobs=n_jobs).predict_proba, data)
        alone, _ = in_a_thread(latencies, call, seconds)
        show(
            f"n_jobs={n_jobs}",
            f"{alone / 1e3:.1f}",
            f"{throughput(call, 4, seconds):.0f}",
        )


# Memory -------------------------------------------------------------------------------

RESIDENT = """
with open("/proc/self/status") as file:
    [line] = [line for line in file if line.startswith("VmRSS")]
print(int(line.split()[1]) / 1024)
"""


def resident(code, **environment):
    """Megabytes that are resident in a new process after some code, as text."""
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code + RESIDENT],
        env=os.environ | environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return f"{float(process.stdout):.0f}"


def show_memory(models):
    print("\nResident memory in MB, also with one BLAS thread; files in KB")
    one = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    for code in ["import numpy", "import pandas, sklearn.pipeline", "import skgd"]:
        show(code, resident(code), resident(code, **one))
    with tempfile.TemporaryDirectory() as folder:
        for name, (model, data) in models.items():
            path, graph = Path(folder, "model"), Path(folder, "model.onnx")
            joblib.dump((model, data[:1]), path)
            code = (
                f"import joblib; m, x = joblib.load({str(path)!r}); m.predict_proba(x)"
            )
            size = f"{path.stat().st_size / 1024:.0f}"
            show(name, resident(code), resident(code, **one), size)
            graph.write_bytes(graph_of(model, data))
            code = f"import onnxruntime as o; s = o.InferenceSession({str(graph)!r})"
            size = f"{graph.stat().st_size / 1024:.0f}"
            show(f"ONNX: {name}", resident(code), "", size)


# Over HTTP ----------------------------------------------------------------------------


@contextmanager
def serving(path):
    """The service in a process of its own, and a client of it."""
    import httpx  # with the extra `serve` only

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    uvicorn = "-m", "uvicorn", "--factory", "service:create_app"
    where = "--app-dir", str(EXAMPLES), "--port", port, "--log-level", "warning"
    environment = os.environ | {"SKGD_MODEL": str(path)}
    server = subprocess.Popen([sys.executable, *uvicorn, *where], env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, trust_env=False) as client:
            while True:
                try:
                    client.get("/health")
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            yield client
    finally:
        server.kill()
        server.wait()


def show_service(models, seconds):
    sys.path.insert(0, str(EXAMPLES))
    import service

    print("\nOver HTTP: latency in microseconds by rows; requests a second of one row")
    show("", *BATCHES, *(f"{n} threads" for n in THREADS))
    for name, (model, data) in models.items():
        if data is ARRAY:
            continue
        for suffix in service.FORMATS:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, f"model{suffix}")
                service.save(model, data, path)
                with serving(path) as client:
                    show_client(f"{name}, {suffix}", client, seconds)


def show_client(name, client, seconds):
    def asks(n):
        content = {"rows": X[:n].to_dict("records")}
        return lambda: client.post("/predict_proba", json=content).raise_for_status()

    times = [latencies(asks(n), seconds) for n in BATCHES]
    rates = [throughput(asks(1), n, seconds) for n in THREADS]
    cells = [f"{median:.0f} / {high:.0f}" for median, high in times]
    show(name, *cells, *(f"{rate:.0f}" for rate in rates))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.5, help="of a measurement")
    seconds = parser.parse_args().seconds
    warnings.simplefilter("ignore")
    models = make_models()
    calls = make_calls(models)
    show_latencies(calls, seconds)
    show_throughput(calls, seconds)
    show_n_jobs(seconds)
    show_memory(models)
    show_service(models, seconds)


if __name__ == "__main__":
    main()
