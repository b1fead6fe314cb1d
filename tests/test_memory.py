"""Memory: X is not copied where it fits, and may be larger than what there is."""

import gc
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from skgd import GDNeuralClassifier, GDNeuralRegressor
from tests.inside import memory_of, theta_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@pytest.fixture(scope="module", params=[np.float32, np.float64])
def data(request):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50_000, 200), dtype=request.param)
    return X, (X[:, 0] > 0).astype(request.param)


# In both dtypes each pair of estimator, solver and early stopping.
@pytest.mark.parametrize(
    ("Estimator", "solver", "early_stopping"),
    [
        (GDNeuralRegressor, "batch", False),
        (GDNeuralRegressor, "minibatch", True),
        (GDNeuralClassifier, "batch", True),
        (GDNeuralClassifier, "minibatch", False),
    ],
)
def test_a_fit_takes_a_fifth_of_the_memory_of_x_at_most(
    Estimator, solver, early_stopping, data
):
    X, y = data
    estimator = Estimator(
        (20,), solver=solver, early_stopping=early_stopping, max_iter=2
    )
    estimator.fit(X[:1000], y[:1000])  # compiles
    tracemalloc.start()
    estimator.fit(X, y).predict(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 0.2 * X.nbytes


@pytest.mark.parametrize("solver", ["batch", "sgd", "minibatch"])
def test_a_fit_leaves_nothing_to_the_garbage_collector(solver):
    """Its scratch memory, several times that of the model, is free when it ends."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((600, 200))
    regressor = GDNeuralRegressor(
        (500,), solver=solver, batch_size=300, max_iter=1, random_state=0, n_jobs=2
    )
    regressor.fit(X, X[:, 0])  # compiles
    gc.collect()
    gc.disable()
    try:
        tracemalloc.start()
        regressor.fit(X, X[:, 0])
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        gc.enable()
    model = theta_of(regressor).nbytes + memory_of(regressor).nbytes
    assert model <= held <= 1.2 * model


FIT_FROM_DISK = """
import resource, sys, warnings
import numpy as np
from skgd import GDNeuralRegressor
warnings.simplefilter("ignore")
X = np.memmap(sys.argv[1], np.float32, "r", shape=(200_000, 1000))  # 800 MB
y = np.zeros(len(X), np.float32)
y[::2] = 1
# Half of that more of anonymous memory, which that of a mapped file is not.
with open("/proc/self/status") as file:
    [kilobytes] = [line.split()[1] for line in file if line.startswith("VmData:")]
limit = 1024 * int(kilobytes) + 400_000_000
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
regressor = GDNeuralRegressor((8,), max_iter=1, early_stopping=True, random_state=0)
print(regressor.fit(X, y).predict(X[:3]).shape)
try:
    np.ones(X.shape, X.dtype)
except MemoryError:
    print("limited")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_file_larger_than_memory_is_trained_on_from_disk(tmp_path):
    path = tmp_path / "X"
    with open(path, "wb") as file:
        file.truncate(200_000 * 1000 * 4)  # zeros, which take no room on the disk
    command = [sys.executable, "-c", FIT_FROM_DISK, str(path)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.stdout.split("\n")[:2] == ["(3,)", "limited"], result.stderr
