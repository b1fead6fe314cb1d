"""What is timed: networks, data and the ratios that skgd aims for."""

from dataclasses import dataclass, field, replace

import numpy as np
import scipy.sparse as sp
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler


@dataclass(frozen=True)
class Workload:
    """One comparison. `bars` are the ratios aimed for: a peer's time over skgd's."""

    name: str
    units: tuple  # features, hidden units, outputs
    n_samples: int
    batch_size: int
    epochs: int
    kind: str = "training"  # or "prediction", "search"
    classes: bool = False  # log loss over units[-1] classes, else squared error
    optimizer: str = "adam"  # or "nesterov", "lbfgs", whose iterations are the epochs
    activation: str = "relu"
    dtype: str = "float64"
    density: float = 1.0  # of X; below 1 it is a CSR matrix
    backend: str | None = None  # of joblib, in a search
    workers_started: bool = False  # before the search, by an earlier one
    data: str | None = None  # a file of a user's own
    bars: dict = field(default_factory=dict)
    share_bar: float | None = None  # of the peak of matrix products

    @property
    def solver(self):
        if self.batch_size == self.n_samples:
            return "batch"
        return "sgd" if self.batch_size == 1 else "minibatch"

    @property
    def flops(self):
        """Floating-point operations of the matrix products, in all epochs."""
        pairs = list(zip(self.units, self.units[1:], strict=False))
        products = [a * b for a, b in pairs]
        if self.kind == "prediction":
            return 2 * self.n_samples * sum(products)
        # Forward, gradient, and the delta of every layer but the first.
        total = 2 * sum(products) + sum(products[1:])
        first = 2 * products[0]
        total = total - first + first * self.density
        return 2 * self.n_samples * self.epochs * total

    def shrunk(self):
        """Return a tiny version, to see that everything works."""
        n_samples = min(self.n_samples, 4 * self.batch_size, 600)
        n_samples -= n_samples % min(self.batch_size, n_samples)
        batch = n_samples if self.solver == "batch" else self.batch_size
        return replace(
            self,
            n_samples=n_samples,
            batch_size=min(batch, n_samples),
            epochs=min(self.epochs, 2),
            units=(min(self.units[0], 200), *self.units[1:]),
        )


def _regression(name, units, batch_size, **options):
    return Workload(name, (*units, 1), batch_size=batch_size, **options)


def _lbfgs(name, units, n_samples, epochs, bar=1.0, **options):
    return Workload(
        f"L-BFGS, {name}, {n_samples} rows",
        *(units, n_samples, n_samples, epochs),
        optimizer="lbfgs",
        bars={"scikit-learn": bar},
        **options,
    )


def _prediction(n_samples, **options):
    name = f"predict, {n_samples} rows, 50-100-100-1"
    units = (50, 100, 100, 1)
    return Workload(name, units, n_samples, n_samples, 1, kind="prediction", **options)


def _search(name, batch_size, epochs, backend, bar, workers_started=False):
    return Workload(
        f"grid search on digits, {name}, {backend}{' started' * workers_started}",
        (64, 100, 10),
        n_samples=1797,
        batch_size=batch_size,
        epochs=epochs,
        kind="search",
        classes=True,
        backend=backend,
        workers_started=workers_started,
        bars={"scikit-learn": bar},
    )


def _vs(sklearn, jax=None, torch=None):
    bars = {"scikit-learn": sklearn, "JAX": jax, "PyTorch": torch}
    return {peer: bar for peer, bar in bars.items() if bar is not None}


_WIDE = {
    "n_samples": 6400,
    "epochs": 2,
    "classes": True,
    "bars": _vs(2.2, 1.3),
}

WORKLOADS = [
    _regression(
        *("sgd, 20-100-1, Nesterov", (20, 100), 1),
        **{"n_samples": 2000, "epochs": 8, "optimizer": "nesterov"},
        bars=_vs(120, 1.8),
    ),
    _regression(
        *("sgd, 10-10-1, Adam", (10, 10), 1),
        **{"n_samples": 2000, "epochs": 8},
        bars=_vs(250, 2.5),
    ),
    _regression(
        *("minibatch 32, 20-50-1", (20, 50), 32),
        **{"n_samples": 9600, "epochs": 5},
        bars=_vs(28, 1.8),
    ),
    Workload(
        *("minibatch 32, digits, 64-64-64-10", (64, 64, 64, 10)),
        **{"n_samples": 1792, "batch_size": 32, "epochs": 20, "classes": True},
        data="digits",
        bars=_vs(12, 1.8),
    ),
    _regression(
        *("minibatch 200, 10-10-1", (10, 10), 200),
        **{"n_samples": 20_000, "epochs": 10},
        bars=_vs(22, 2),
    ),
    _regression(
        *("minibatch 200, 50-100-1 (defaults)", (50, 100), 200),
        **{"n_samples": 10_000, "epochs": 10},
        bars=_vs(6, 1.7, 8),
    ),
    _regression(
        *("minibatch 200, 50-100-1, float32", (50, 100), 200),
        **{"n_samples": 10_000, "epochs": 10, "dtype": "float32"},
        bars=_vs(8, 1.7, 8),
    ),
    _regression(
        *("minibatch 200, 50-100-1, tanh", (50, 100), 200),
        **{"n_samples": 10_000, "epochs": 10, "activation": "tanh"},
        bars=_vs(6, 1.7),
    ),
    _regression(
        *("minibatch 200, 100-100-100-1", (100, 100, 100), 200),
        **{"n_samples": 10_000, "epochs": 5},
        bars=_vs(3.5, 1.5),
        share_bar=0.6,
    ),
    Workload(
        *("minibatch 128, 784-256-256-10", (784, 256, 256, 10)),
        batch_size=128,
        **_WIDE,
        share_bar=0.7,
    ),
    Workload(
        *("minibatch 128, 784-256-256-10, float32", (784, 256, 256, 10)),
        batch_size=128,
        dtype="float32",
        **_WIDE,
    ),
    _regression(
        *("batch, 20-100-1, 2000 rows", (20, 100), 2000),
        **{"n_samples": 2000, "epochs": 100},
        bars=_vs(4, 1.5),
    ),
    _regression(
        *("minibatch 200, CSR 5000 x 20000, 64 hidden", (20_000, 64), 200),
        **{"n_samples": 5000, "epochs": 1, "density": 0.005},
        bars=_vs(4),
    ),
    _regression(
        *("fit of one epoch, 100 rows, 10-10-1", (10, 10), 50),
        **{"n_samples": 100, "epochs": 1},
    ),
    _lbfgs("10-10-1", (10, 10, 1), 2000, 100, bar=3),
    _lbfgs("20-50-1", (20, 50, 1), 2000, 100, bar=3),
    _lbfgs("20-100-1", (20, 100, 1), 2000, 100, bar=3),
    _lbfgs(
        *("digits, 64-64-64-10", (64, 64, 64, 10), 1792, 50),
        classes=True,
        data="digits",
    ),
    _lbfgs("50-100-1", (50, 100, 1), 10_000, 20),
    _lbfgs("50-100-1, float32", (50, 100, 1), 10_000, 20, dtype="float32"),
    _lbfgs("50-100-1, tanh", (50, 100, 1), 10_000, 20, activation="tanh"),
    _lbfgs("100-100-100-1", (100, 100, 100, 1), 10_000, 10),
    _lbfgs("784-256-256-10", (784, 256, 256, 10), 6400, 3, classes=True),
    _lbfgs(
        *("784-256-256-10, float32", (784, 256, 256, 10), 6400, 3),
        classes=True,
        dtype="float32",
    ),
    _lbfgs("CSR, 64 hidden", (20_000, 64, 1), 5000, 3, density=0.005),
    _prediction(1, bars=_vs(3, torch=1)),
    _prediction(100, bars=_vs(2, torch=1)),
    _prediction(1000, bars=_vs(2, torch=1)),
    _prediction(100_000, bars=_vs(1.5)),
    *(
        _search(*search, backend, bar, workers_started)
        for *search, bar in [
            ("minibatch 32", 32, 50, 6),
            ("minibatch 200", 200, 100, 3.5),
            ("sgd", 1, 5, 60),
        ]
        for backend, workers_started in [
            ("loky", False),
            ("loky", True),
            ("threading", False),
        ]
    ),
]


def own_workload(path, *, hidden, batch_size, epochs, optimizer, activation, classes):
    """Describe a workload on a user's own X and y, in an .npz file."""
    with np.load(path) as arrays:
        X, y = arrays["X"], arrays["y"]
    n_samples = len(X) - len(X) % min(batch_size, len(X))  # JAX needs equal batches
    outputs = len(np.unique(y)) if classes else 1
    return Workload(
        f"{path}, {'-'.join(map(str, hidden))}",
        (X.shape[1], *hidden, outputs),
        n_samples=n_samples,
        batch_size=min(batch_size, n_samples),
        epochs=epochs,
        optimizer=optimizer,
        activation=activation,
        classes=classes,
        dtype="float32" if X.dtype == np.float32 else "float64",
        data=str(path),
    )


def make_data(workload):
    """Return X and y; the same in every process."""
    rng = np.random.default_rng(0)
    n, n_features = workload.n_samples, workload.units[0]
    if workload.data == "digits" or workload.kind == "search":
        X, y = load_digits(return_X_y=True)
        X = StandardScaler().fit_transform(X)
        X, y = X[:n], y[:n]
    elif workload.data:
        with np.load(workload.data) as arrays:
            X, y = arrays["X"][:n], arrays["y"][:n]
        y = np.unique(y, return_inverse=True)[1] if workload.classes else y
    elif workload.density < 1:
        X = sp.random(
            n, n_features, density=workload.density, format="csr", random_state=0
        )
        y = X @ rng.standard_normal(n_features)
    else:
        X = rng.standard_normal((n, n_features))
        if workload.classes:
            y = (X @ rng.standard_normal((n_features, workload.units[-1]))).argmax(1)
        else:
            y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * rng.standard_normal(n)
    X = X.astype(workload.dtype)
    return X, y if workload.classes else y.astype(workload.dtype)
