"""A web service that predicts with a fitted model of a table: FastAPI and Prometheus.

Save the model with some rows of its table, from which the service learns the columns::

    from service import save

    save(model, X, "model.skops")  # or "model.onnx"

Then run it::

    pip install 'skgd[serve]'
    SKGD_MODEL=model.skops uvicorn --app-dir examples --factory service:create_app

The model is a Pipeline or an estimator of tables that was fitted to a DataFrame. A file
of skops is served by the model itself, and one of ONNX by onnxruntime. The service has

- ``POST /predict``, and ``POST /predict_proba`` for a classifier. They take ``{"rows":
  [{"area": 62.5, "district": "north"}]}``; a fault is answered by 422 and names the row
  and the column;
- ``GET /health``, which answers once the model has made a prediction;
- ``GET /metrics``, in Prometheus's text format;
- ``GET /docs``, where the columns are described.
"""

import json
import os
import time
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import pandas as pd
import sklearn
from fastapi import FastAPI, HTTPException, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from pydantic import ConfigDict, Field, create_model

import skgd

MAX_ROWS = 10_000  # of a request
METHODS = ["predict", "predict_proba"]
# What a file of skops may make, besides what skops trusts by itself.
TRUSTED = [
    "numpy.dtype",  # in scikit-learn's imputers and encoders
    "skgd.GDNeuralClassifier",
    "skgd.GDNeuralRegressor",
    "skgd.TabularClassifier",
    "skgd.TabularRegressor",
]


# Columns of a table -------------------------------------------------------------------


def describe(column):
    """What the service has to know of a column, as plain values for a file.

    Parameters
    ----------
    column : pandas.Series
        Some values of the column.

    Returns
    -------
    description : dict
        Its dtype, whether values may be missing, which they are if one is missing
        here, and an example.

    Raises
    ------
    TypeError
        If the values are neither numbers, booleans nor strings.
    ValueError
        If there are none.
    """
    present = column[column.notna()].tolist()
    if not present:
        raise ValueError(f"Column {column.name!r} has no values.")
    kind, dtype = type(present[0]), column.dtype
    is_number = isinstance(dtype, np.dtype) and dtype.kind in "iuf"
    is_known = is_number or kind in (bool, str)
    if not is_known or any(type(value) is not kind for value in present):
        raise TypeError(
            f"Column {column.name!r}, of dtype {dtype} with values of type "
            f"{kind.__name__}, has to be of NumPy's numbers, or booleans or strings."
        )
    missing = len(present) < len(column)
    return {"dtype": str(dtype), "missing": missing, "example": present[0]}


def field_of(column):
    """The type of a column's values in JSON, and their bounds, for pydantic."""
    dtype, missing = column["dtype"], column["missing"]
    kind, bounds = type(column["example"]), {}
    if kind in (int, float):
        limits = (np.iinfo if kind is int else np.finfo)(dtype)
        bounds = {"ge": kind(limits.min), "le": kind(limits.max)}
    field = Field(strict=True, examples=[column["example"]], **bounds)
    return Annotated[kind | None if missing else kind, field]


def request_of(columns):
    """The class of a request's body: rows, each with a value for each column."""
    strict = ConfigDict(extra="forbid", allow_inf_nan=False)
    # Names of columns are aliases, as they may be no names of Python's.
    fields = {
        f"column_{i}": (field_of(column), Field(alias=name))
        for i, (name, column) in enumerate(columns.items())
    }
    Row = create_model("Row", __config__=strict, **fields)
    rows = Annotated[list[Row], Field(min_length=1, max_length=MAX_ROWS)]
    return create_model("Request", __config__=strict, rows=(rows, ...))


def values_of(request, columns):
    """The values of each column of a request, by name."""
    return {
        name: [getattr(row, f"column_{i}") for row in request.rows]
        for i, name in enumerate(columns)
    }


# Models -------------------------------------------------------------------------------


class NativeModel:
    """A model of a file of skops, which predicts by itself."""

    def __init__(self, path):
        import skops.io

        content = skops.io.load(path, trusted=TRUSTED)
        self._model, self.columns = content["model"], content["columns"]
        self.methods = [name for name in METHODS if hasattr(self._model, name)]
        self.classes = getattr(self._model, "classes_", None)

    def run(self, method, values):
        """Return the array that a method of the model returns."""
        table = {
            name: pd.array(values[name], dtype=column["dtype"])
            for name, column in self.columns.items()
        }
        return getattr(self._model, method)(pd.DataFrame(table))

    @staticmethod
    def write(model, columns, path):
        import skops.io

        skops.io.dump({"model": model, "columns": columns}, path)


class OnnxModel:
    """A model of a file of ONNX, which onnxruntime predicts with.

    Numbers and booleans are one type there: float32 if it holds the numbers of all
    columns, otherwise float64. A missing number is nan, and a missing string the empty
    string, as ONNX has no other.
    """

    _DTYPES: ClassVar = {
        "tensor(float)": np.float32,
        "tensor(double)": np.float64,
        "tensor(string)": object,
    }

    def __init__(self, path):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # requests come in threads of their own
        providers = ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(path, options, providers)
        about = json.loads(self._session.get_modelmeta().custom_metadata_map["skgd"])
        self.columns, self.classes = about["columns"], about["classes"]
        outputs = [output.name for output in self._session.get_outputs()]
        self._outputs = dict(zip(METHODS, outputs, strict=False))
        self.methods = list(self._outputs)
        self._inputs = self._session.get_inputs()  # a column each, in their order

    def run(self, method, values):
        """Return the array that a method of the model returns."""
        inputs = {}
        for each, column in zip(self._inputs, values.values(), strict=True):
            dtype = self._DTYPES[each.type]
            if dtype is object:
                column = ["" if value is None else value for value in column]
            inputs[each.name] = np.array(column, dtype).reshape(-1, 1)
        [output] = self._session.run([self._outputs[method]], inputs)
        # A regressor has a column for each target, also where there is one.
        return output.ravel() if output.shape[1:] == (1,) else output

    @staticmethod
    def write(model, columns, path):
        import onnx
        from skl2onnx import to_onnx

        import skgd.onnx  # noqa: F401  (teaches skl2onnx the estimators)

        classes = getattr(model, "classes_", None)
        graph = to_onnx(
            model,
            initial_types=initial_types(columns),
            options={} if classes is None else {"zipmap": False},
        )
        classes = None if classes is None else classes.tolist()
        about = json.dumps({"columns": columns, "classes": classes})
        onnx.helper.set_model_props(graph, {"skgd": about})
        onnx.save(graph, path)


def initial_types(columns):
    """The inputs of a graph, for skl2onnx: one for each column."""
    from skl2onnx.common import data_types

    kinds = {name: type(column["example"]) for name, column in columns.items()}
    dtypes = [columns[name]["dtype"] for name in kinds if kinds[name] in (int, float)]
    single = np.result_type(np.float32, *dtypes) == np.float32
    number = data_types.FloatTensorType if single else data_types.DoubleTensorType
    return [
        (name, (data_types.StringTensorType if kind is str else number)([None, 1]))
        for name, kind in kinds.items()
    ]


FORMATS = {".skops": NativeModel, ".onnx": OnnxModel}


def load(path):
    """Load the model of a file."""
    path = Path(path)
    if path.suffix not in FORMATS:
        raise ValueError(f"{path} has to end with {' or '.join(FORMATS)}.")
    return FORMATS[path.suffix](path)


def save(model, X, path):
    """Save a fitted model, and make sure that what is loaded predicts the same.

    Parameters
    ----------
    model : Pipeline or estimator of tables
        Fitted to a DataFrame.
    X : pandas.DataFrame
        Rows of such a table. A column may have missing values in requests if one is
        missing here.
    path : str or Path
        Ends with ``.skops`` or ``.onnx``.

    Raises
    ------
    ValueError
        If the loaded model predicts other numbers than the model for these rows.
    """
    path = Path(path)
    columns = {name: describe(X[name]) for name in X}
    FORMATS[path.suffix].write(model, columns, path)
    loaded = load(path)
    values = {name: [None if pd.isna(v) else v for v in X[name].tolist()] for name in X}
    method = loaded.methods[-1]
    expected, actual = getattr(model, method)(X), loaded.run(method, values)
    if not np.allclose(actual, expected, rtol=1e-4, atol=1e-5):
        raise ValueError(f"{path} does not predict what the model does.")
    return loaded


# Service ------------------------------------------------------------------------------


class Metrics:
    """What the service counts, for Prometheus."""

    def __init__(self):
        self.registry = CollectorRegistry()
        ours = {"registry": self.registry}
        self.requests = Counter(
            "skgd_requests", "Answered requests.", ["path", "status"], **ours
        )
        self.rows = Counter("skgd_rows", "Rows predicted.", ["path"], **ours)
        self.seconds = Histogram(
            "skgd_prediction_seconds",
            "Time of a prediction, without HTTP.",
            ["path"],
            buckets=[1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1],
            **ours,
        )
        self.in_progress = Gauge(
            "skgd_predictions_in_progress", "Predictions in progress.", **ours
        )


def add_method(app, model, method, metrics):
    """Add a method of the model to the service, as a path of its name."""
    path, Request = f"/{method}", request_of(model.columns)
    constant = {}
    if method == "predict_proba":
        constant["classes"] = np.asarray(model.classes).tolist()

    # Not async: so FastAPI calls it in a thread, and /health answers meanwhile.
    @app.post(path)
    def predict(request: Request):
        values, start = values_of(request, model.columns), time.perf_counter()
        try:
            with metrics.in_progress.track_inprogress():
                result = model.run(method, values)
        except ValueError as error:  # what the model has against the data
            raise HTTPException(422, str(error)) from error
        metrics.seconds.labels(path).observe(time.perf_counter() - start)
        metrics.rows.labels(path).inc(len(request.rows))
        return constant | {method: result.tolist()}


def create_app(path=None):
    """Make the service of a model's file, by default that of ``SKGD_MODEL``."""
    path = os.environ.get("SKGD_MODEL") if path is None else path
    if not path:
        raise ValueError("Set SKGD_MODEL to the file of a model, .skops or .onnx.")
    model, metrics = load(path), Metrics()
    app = FastAPI(title="skgd", version=skgd.__version__)

    # The first prediction of a process loads compiled kernels, or compiles them.
    example = {name: [column["example"]] for name, column in model.columns.items()}
    for method in model.methods:
        model.run(method, example)
        add_method(app, model, method, metrics)

    @app.exception_handler(RequestValidationError)
    async def refuse(request, error):
        # Without the input, which may be nan: JSON cannot hold it.
        faults = [{key: each[key] for key in ("loc", "msg")} for each in error.errors()]
        return JSONResponse({"detail": faults}, 422)

    @app.middleware("http")
    async def count(request, call_next):
        response = await call_next(request)
        route = request.scope.get("route")  # not the URL: anyone can make up many
        known = "other" if route is None else route.path
        metrics.requests.labels(known, response.status_code).inc()
        return response

    @app.get("/health")
    async def health():
        versions = {"skgd": skgd.__version__, "scikit-learn": sklearn.__version__}
        return {"status": "ok", "model": Path(path).name} | versions

    @app.get("/metrics")
    async def show_metrics():
        text = generate_latest(metrics.registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return app
