"""Time the parts of a step one by one: the profiles in docs/guide/performance.rst.

    python tests/benchmarks/step.py

Each part runs in a compiled loop, on one thread, so it comes from a warm cache, and the
parts need not add up to the whole. Nothing else should run meanwhile.
"""

import time
import warnings
from statistics import median

import numba
import numpy as np

from skgd import GDNeuralRegressor
from skgd.descent.draws import shuffle
from skgd.descent.steps import make_update
from skgd.kernels.epoch import take_step
from skgd.kernels.formulas.activations import ACTIVATIONS
from skgd.kernels.machine.gemm import multiply
from skgd.kernels.passes.addresses import passes_for
from skgd.kernels.passes.batch import forward, in_chunks
from skgd.kernels.passes.inputs import as_samples, gather, row_numbers
from skgd.kernels.passes.plan import make_workspace
from skgd.kernels.team.threads import one_blas_thread
from skgd.network.division import chunk_size, divide
from skgd.network.plan import make_plan

N, ROUNDS, SECONDS, EPOCHS = 10_000, 15, 0.02, 10
NETWORKS = {  # layers but for the output, and samples of a batch
    "20-50-1, 32": ([20, 50], 32),
    "10-10-1, 200": ([10, 10], 200),
    "50-100-1, 200": ([50, 100], 200),
    "100-100-100-1, 200": ([100, 100, 100], 200),
}


def looped(kernel):
    """A compiled loop over a kernel, whose arguments come as a tuple."""

    @numba.njit(nogil=True)
    def loop(n, arguments):
        for _ in range(n):
            kernel(*arguments)

    return loop


def timer(kernel, *arguments):
    """A function that returns the microseconds of a call, in a loop of `SECONDS`."""
    loop, n = looped(kernel), 1
    loop(1, arguments)  # compiles

    def seconds():
        start = time.perf_counter()
        loop(n, arguments)
        return time.perf_counter() - start

    while seconds() < SECONDS:
        n *= 2
    return lambda: seconds() / n * 1e6


def product(m, n, k, dtype, transpose_a=False):
    """The timer of a product as in a layer, whose rows end with a one."""
    A, B = (np.ones(size, dtype) for size in (m * k, k * (n + 1)))
    C, ldb = np.empty(m * (n + 1), dtype), n + 1 if transpose_a else n
    lda, ldc = (m, n) if transpose_a else (k, n + 1)
    shape = transpose_a, False, m, n, k
    return timer(multiply, *shape, A, lda, B, ldb, dtype.type(0), C, ldc)


def parts(layers, batch, dtype):
    """Timers of the parts of a step by name, and how often each is in a step."""
    n_features, *hidden = layers
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, n_features)).astype(dtype)
    net = GDNeuralRegressor(hidden, batch_size=batch, max_iter=2, n_jobs=1, tol=0)
    net.fit(X, X[:, 0])
    network, state, rows = net._network, net._state, row_numbers(N)
    samples = as_samples(X, np.ascontiguousarray(X[:, :1]), None)
    n_parts = divide(network, samples.inputs, batch)[0]
    size = chunk_size(network, batch // n_parts, dtype, False)
    plan = make_plan(network, samples.inputs, rows, training=True)
    workspace = make_workspace(plan, size, dtype)
    forward_pass = passes_for(plan, samples.inputs, rows).forward
    theta, gradient = state.theta.copy(), np.empty_like(state.theta)
    some, update = rows[:size], make_update(net, network, state)
    passes = plan, theta, samples.inputs, some, workspace
    both = plan, forward_pass, theta, samples, some, 0, workspace, gradient
    step = update, gradient, 1.0, float(batch), 1e-3
    k, n, chunks = n_features + 1, hidden[0], batch / size
    z = rng.standard_normal(size * (n + 1)).astype(dtype)
    out = np.empty(size * k, dtype)
    relu = ACTIVATIONS["relu"]
    n_steps = N / batch
    net.set_params(max_iter=EPOCHS, n_iter_no_change=np.inf)

    def reorder():
        start = time.perf_counter()
        shuffle(rows, state.random_state)
        return (time.perf_counter() - start) * 1e6

    def fit():
        start = time.perf_counter()
        net.fit(X, X[:, 0])
        return (time.perf_counter() - start) / EPOCHS * 1e6

    return {
        "forward pass": (timer(forward, *passes), chunks),
        "both passes": (timer(in_chunks, *both), chunks),
        "first layer's product": (product(size, n, k, dtype), chunks),
        "the same, backward": (product(k, n, size, dtype, transpose_a=True), chunks),
        "relu": (timer(relu.value, z), chunks),
        "derivative of relu": (timer(relu.derivative, z, z.copy()), chunks),
        "gathering": (timer(gather, samples.inputs, some, out), chunks),
        "update": (timer(take_step, *step), 1),
        "shuffling": (reorder, 1 / n_steps),
        "a whole step": (fit, 1 / n_steps),
    }


def main():
    """Print a table, of the medians of rounds in which each part has its turn."""
    for name in ("float64", "float32"):
        columns = [parts(*of, np.dtype(name)) for of in NETWORKS.values()]
        rounds = [
            [{k: f() * n for k, (f, n) in column.items()} for column in columns]
            for _ in range(ROUNDS)
        ]
        print(f"{name + ', us':25}" + "".join(f"{each:>20}" for each in NETWORKS))
        for part in columns[0]:
            times = [[column[part] for column in each] for each in rounds]
            medians = map(median, zip(*times, strict=True))
            print(f"{part:25}" + "".join(f"{each:20.2f}" for each in medians))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with one_blas_thread():
        main()
