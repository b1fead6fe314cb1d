"""`examples/service.py`: faults are named, and answers are the model's, come what may.

It needs the extra `serve`, and is skipped without.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skgd import GDNeuralClassifier, GDNeuralRegressor
from tests.tables import classifier, may_learn_nothing

for package in ["fastapi", "prometheus_client", "uvicorn"]:
    pytest.importorskip(package)
httpx = pytest.importorskip("httpx")

EXAMPLES = Path(__file__).parents[1] / "examples"
N_REQUESTS, N_CLIENTS, N_BEFORE_THE_KILL = 2_000, 16, 700

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    may_learn_nothing,
    # Newer versions of Starlette would rather have a package httpx2.
    pytest.mark.filterwarnings("ignore:Using `httpx` with"),
]

rng = np.random.default_rng(0)
N = 300
X = pd.DataFrame(
    {
        "area": rng.gamma(6, 12, N).round(1).astype(np.float32),
        "floor": rng.integers(0, 8, N, dtype=np.int16),
        "has lift": rng.random(N) < 0.4,
        "district": rng.choice(["centre", "harbour", "north"], N),
    }
)
GAPS = X.assign(
    area=X["area"].mask(rng.random(N) < 0.1),
    district=X["district"].mask(rng.random(N) < 0.1),
)
y = X["area"] * np.where(X["has lift"], 1.5, 1)
LABELS = np.where(y > y.median(), "dear", "cheap")


def with_columns(net):
    """A Pipeline that scales and encodes the table for a network."""
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["district"]),
        (StandardScaler(), ["area", "floor", "has lift"]),
    )
    return make_pipeline(columns, net)


PARAMS = {"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0}
MODELS = {
    "regressor": lambda: (with_columns(GDNeuralRegressor(**PARAMS)).fit(X, y), X),
    "classifier": lambda: (
        with_columns(GDNeuralClassifier(**PARAMS)).fit(X, LABELS),
        X,
    ),
    "tables": lambda: (classifier().fit(GAPS, LABELS), GAPS),
}


@pytest.fixture(scope="module")
def service():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLES))
        import service

        yield service


@pytest.fixture(scope="module", params=["skops", "onnx"])
def suffix(request):
    if request.param == "onnx":
        pytest.importorskip("onnxruntime")
    return request.param


@pytest.fixture(scope="module", params=MODELS)
def served(request, suffix, service, tmp_path_factory):
    """A model, its table, and a client of the service in this process."""
    from fastapi.testclient import TestClient

    model, table = MODELS[request.param]()
    path = tmp_path_factory.mktemp("served") / f"model.{suffix}"
    service.save(model, table, path)
    return model, table, TestClient(service.create_app(path))


def rows_of(table):
    """Rows of a table as a client sends them: None where a value is missing."""
    rows = table.to_dict("records")
    return [
        {name: None if pd.isna(v) else v for name, v in row.items()} for row in rows
    ]


# Answers ------------------------------------------------------------------------------


def test_answers_are_those_of_the_model(served):
    model, table, client = served
    answer = client.post("/predict", json={"rows": rows_of(table)}).json()
    expected = model.predict(table)
    if expected.dtype.kind == "f":
        assert_allclose(answer["predict"], expected, rtol=1e-5)
        return
    assert_array_equal(answer["predict"], expected)
    answer = client.post("/predict_proba", json={"rows": rows_of(table)}).json()
    assert_allclose(answer["predict_proba"], model.predict_proba(table), atol=1e-5)
    assert_array_equal(answer["classes"], model.classes_)


def test_health_says_which_model_and_versions_answer(served, suffix):
    answer = served[2].get("/health")
    assert answer.status_code == 200
    assert answer.json().items() >= {"status": "ok", "model": f"model.{suffix}"}.items()
    assert {"skgd", "scikit-learn"} < answer.json().keys()


def test_metrics_count_what_was_asked(service, tmp_path):
    from fastapi.testclient import TestClient
    from prometheus_client.parser import text_string_to_metric_families

    path = tmp_path / "model.skops"
    service.save(*MODELS["regressor"](), path)
    client = TestClient(service.create_app(path))
    for n_rows in [1, 3]:
        client.post("/predict", json={"rows": rows_of(X[:n_rows])})
    client.post("/predict", json={"rows": []})
    client.get("/nowhere")
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
    }
    assert values["skgd_requests_total", "/predict", "200"] == 2
    assert values["skgd_requests_total", "/predict", "422"] == 1
    assert values["skgd_requests_total", "other", "404"] == 1
    assert values["skgd_rows_total", "/predict"] == 4
    assert values["skgd_prediction_seconds_count", "/predict"] == 2
    assert values["skgd_predictions_in_progress",] == 0


# Faults -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("area", "62", "valid number"),
        ("area", None, "valid number"),
        ("area", float("nan"), "finite"),
        ("area", 1e39, "less than or equal"),
        ("floor", 2.5, "valid integer"),
        ("floor", 2**15, "less than or equal to 32767"),
        ("has lift", 1, "valid boolean"),
        ("district", 7, "valid string"),
        ("garden", True, "not permitted"),
    ],
)
def test_a_fault_in_a_row_is_refused_with_row_and_column(
    served, column, value, message
):
    _, table, client = served
    missing_is_known = table is GAPS and value is None
    rows = rows_of(X[:3])
    rows[1][column] = value
    # As clients do that write nan, which JSON does not have.
    header = {"content-type": "application/json"}
    answer = client.post("/predict", content=json.dumps({"rows": rows}), headers=header)
    if missing_is_known:
        assert answer.status_code == 200
        return
    assert answer.status_code == 422
    [fault] = answer.json()["detail"]
    assert fault["loc"] == ["body", "rows", 1, column]
    assert message in fault["msg"]


def test_a_row_without_a_column_is_refused_with_its_name(served):
    rows = rows_of(X[:3])
    del rows[2]["district"]
    answer = served[2].post("/predict", json={"rows": rows})
    assert answer.status_code == 422
    [fault] = answer.json()["detail"]
    assert fault == {"loc": ["body", "rows", 2, "district"], "msg": "Field required"}


@pytest.mark.parametrize("n_rows", [0, 10_001])
def test_no_rows_and_too_many_are_refused(served, n_rows):
    rows = rows_of(X[:1]) * n_rows
    answer = served[2].post("/predict", json={"rows": rows})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "rows"]


def test_what_a_model_refuses_is_said(service, tmp_path):
    from fastapi.testclient import TestClient

    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["district"])),
        GDNeuralRegressor(**PARAMS),
    ).fit(X[["district"]], y)
    service.save(model, X[["district"]], tmp_path / "model.skops")
    client = TestClient(service.create_app(tmp_path / "model.skops"))
    answer = client.post("/predict", json={"rows": [{"district": "moon"}]})
    assert answer.status_code == 422
    assert "moon" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("column", "error", "message"),
    [
        (pd.Series(pd.to_datetime(["2026-01-01"])), TypeError, "datetime64"),
        (pd.Series([None], dtype=object), ValueError, "no values"),
        (pd.Series([1, "one"], dtype=object), TypeError, "of type int"),
        (pd.Series([1, None], dtype="Int64"), TypeError, "Int64"),
    ],
)
def test_columns_that_cannot_be_served_are_refused_by_name(
    service, column, error, message
):
    with pytest.raises(error, match=f"Column 'when'.*{message}"):
        service.describe(column.rename("when"))


def test_a_file_of_another_kind_is_refused(service):
    with pytest.raises(ValueError, match=r"model\.pkl has to end with \.skops or"):
        service.create_app("model.pkl")


def test_without_a_file_the_variable_is_named(service, monkeypatch):
    monkeypatch.delenv("SKGD_MODEL", raising=False)
    with pytest.raises(ValueError, match="Set SKGD_MODEL"):
        service.create_app()


# A server that is killed --------------------------------------------------------------

# Encoders of strings would take most of the time.
MEASURES = X[["area", "floor"]]


class Server:
    """uvicorn in a process of its own, on a free port of the loopback."""

    def __init__(self, path, log):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._path, self._log = path, log
        self._process = None

    def start(self):
        uvicorn = "-m", "uvicorn", "--factory", "service:create_app"
        where = "--app-dir", str(EXAMPLES), "--port", str(self._port)
        self._process = subprocess.Popen(
            [sys.executable, *uvicorn, *where, "--log-level", "warning"],
            env=os.environ | {"SKGD_MODEL": str(self._path)},
            stdout=self._log,
            stderr=self._log,
        )

    def kill(self):
        self._process.kill()
        self._process.wait()


class Clients:
    """Threads that ask, again where no answer comes, and keep what they were told."""

    def __init__(self, server):
        self._server, self._rows = server, rows_of(MEASURES)
        self._lock = threading.Lock()
        self.answers, self.n_retries = {}, 0
        self.enough = threading.Event()

    def ask(self, first):
        """Ask for every `N_CLIENTS`-th request from `first` on."""
        with httpx.Client(base_url=self._server.url, trust_env=False) as client:
            for number in range(first, N_REQUESTS, N_CLIENTS):
                answer = self._insist(client, {"rows": self._rows[rows_asked(number)]})
                with self._lock:
                    self.answers[number] = answer["predict"]
                    if len(self.answers) == N_BEFORE_THE_KILL:
                        self.enough.set()

    def _insist(self, client, content):
        for _ in range(600):
            try:
                answer = client.post("/predict", json=content)
            except httpx.TransportError:
                with self._lock:
                    self.n_retries += 1
                time.sleep(0.05)
            else:
                return answer.raise_for_status().json()
        raise AssertionError("The service did not come back.")


def rows_asked(number):
    """The rows of the table that a request asks for: one to five."""
    start = number % (N - 5)
    return slice(start, start + 1 + number % 5)


@pytest.mark.faults
def test_2000_requests_from_16_threads_survive_a_killed_server(
    service, suffix, tmp_path
):
    model = make_pipeline(StandardScaler(), GDNeuralRegressor(**PARAMS))
    model = model.fit(MEASURES, y)
    path = tmp_path / f"model.{suffix}"
    service.save(model, MEASURES, path)
    with open(tmp_path / "log", "w+") as log, ThreadPoolExecutor(N_CLIENTS) as pool:
        server = Server(path, log)
        clients = Clients(server)
        server.start()
        try:
            done = [pool.submit(clients.ask, i) for i in range(N_CLIENTS)]
            assert clients.enough.wait(60)
            retries_before = clients.n_retries
            server.kill()
            server.start()
            for each in done:
                each.result()
        finally:
            server.kill()
    assert clients.n_retries > retries_before
    assert len(clients.answers) == N_REQUESTS
    for number, answer in clients.answers.items():
        expected = model.predict(MEASURES[rows_asked(number)])
        if suffix == "skops":
            assert_array_equal(answer, expected)
        else:
            assert_allclose(answer, expected, rtol=1e-5, atol=1e-6)
