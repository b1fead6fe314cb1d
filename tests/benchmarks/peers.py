"""The peers, each written as its own users would write it well.

A peer has a method for each kind of workload that it can do. The method prepares what
is not timed, and returns the function that is: one whole training, prediction or
search.
A training returns its last epoch's mean loss, by which the work is seen to be equal.
"""

import warnings
from functools import partial
from importlib.metadata import version

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

ALPHA = 1e-4
RATE = 1e-3
MOMENTUM = 0.9
LEARNING_RATES = np.logspace(-4, -2, 8)


class NotOffered(Exception):
    """A peer cannot do the workload; the message says why."""


class ScikitLearn:
    """scikit-learn's MLPRegressor and MLPClassifier."""

    packages = ("scikit-learn",)

    def __init__(self):
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        self.regressor, self.classifier = MLPRegressor, MLPClassifier
        # So few epochs end before convergence, as meant.
        warnings.simplefilter("ignore", ConvergenceWarning)

    def spelling(self, workload):
        """Return the parameters that name the descent."""
        is_solver = workload.optimizer in ("adam", "lbfgs")
        solver = workload.optimizer if is_solver else "sgd"
        return {"solver": solver, "batch_size": workload.batch_size}

    def estimator(self, workload):
        kind = self.classifier if workload.classes else self.regressor
        return kind(
            hidden_layer_sizes=workload.units[1:-1],
            activation=workload.activation,
            max_iter=workload.epochs,
            # None stops before its last epoch, except in a search.
            n_iter_no_change=10 if workload.kind == "search" else np.inf,
            random_state=0,
            **self.spelling(workload),
        )

    def training(self, workload, X, y):
        estimator = self.estimator(workload)
        return lambda: estimator.fit(X, y).loss_

    def prediction(self, workload, X, y):
        estimator = self.estimator(workload).fit(X[:200], y[:200])
        return lambda: estimator.predict(X)

    def search(self, workload, X, y):
        from joblib import parallel_config
        from joblib.externals.loky import get_reusable_executor

        search = GridSearchCV(
            self.estimator(workload),
            {"learning_rate_init": LEARNING_RATES},
            cv=5,
            n_jobs=2,
            refit=False,
        )

        def run(search=search, n_rows=None):
            # Warnings of the epochs' end come from other processes too.
            with parallel_config(backend=workload.backend):
                search.fit(X[:n_rows], y[:n_rows])
            return search.cv_results_["mean_test_score"].max()

        def stop_workers():
            if workload.backend == "loky":
                get_reusable_executor().shutdown(wait=True)

        def prepare_workers():
            stop_workers()
            if workload.workers_started:
                run(clone(search).set_params(estimator__max_iter=1), n_rows=400)

        run.before, run.after = prepare_workers, stop_workers
        return run


class Skgd(ScikitLearn):
    """skgd's estimators, with the same parameters."""

    packages = ("numba",)

    def __init__(self):
        super().__init__()
        from skgd import GDNeuralClassifier, GDNeuralRegressor

        self.regressor, self.classifier = GDNeuralRegressor, GDNeuralClassifier

    def spelling(self, workload):
        return {
            "solver": workload.solver,
            "optimizer": workload.optimizer,
            "batch_size": min(workload.batch_size, 200),
        }


def refuse_lbfgs(workload):
    """Raise if the workload is L-BFGS, whose work is equal with SciPy's only."""
    if workload.optimizer == "lbfgs":
        raise NotOffered("its L-BFGS has another line search")


class PyTorch:
    """An eager loop over batches, with the fused optimizers."""

    packages = ("torch",)

    def __init__(self):
        import torch

        self.torch = torch

    def model(self, workload):
        torch = self.torch
        torch.manual_seed(0)
        dtype = getattr(torch, workload.dtype)
        layers = []
        for fan_in, fan_out in zip(workload.units, workload.units[1:], strict=False):
            layers += [torch.nn.Linear(fan_in, fan_out, dtype=dtype), None]
        activation = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[workload.activation]
        layers = [activation() if layer is None else layer for layer in layers[:-1]]
        for layer in layers[::2]:
            torch.nn.init.xavier_uniform_(layer.weight)
        return torch.nn.Sequential(*layers)

    def training(self, workload, X, y):
        refuse_lbfgs(workload)
        if workload.density < 1:
            raise NotOffered("rows of CSR tensors cannot be picked")
        torch, n = self.torch, workload.n_samples
        X = torch.from_numpy(X)
        y = torch.from_numpy(y) if workload.classes else torch.from_numpy(y)[:, None]
        mean_loss = torch.nn.functional.cross_entropy
        if not workload.classes:
            mean_loss = torch.nn.functional.mse_loss
        scale = 1.0 if workload.classes else 0.5

        def run():
            model = self.model(workload)
            coefs = [p for p in model.parameters() if p.ndim == 2]
            intercepts = [p for p in model.parameters() if p.ndim == 1]
            groups = [
                {"params": coefs, "weight_decay": ALPHA / workload.batch_size},
                {"params": intercepts, "weight_decay": 0.0},
            ]
            if workload.optimizer == "adam":
                optimizer = torch.optim.Adam(groups, lr=RATE, fused=True)
            else:
                optimizer = torch.optim.SGD(
                    groups, lr=RATE, momentum=MOMENTUM, nesterov=True, fused=True
                )
            for _ in range(workload.epochs):
                total = torch.zeros((), dtype=X.dtype)
                for rows in torch.randperm(n).split(workload.batch_size):
                    optimizer.zero_grad(set_to_none=True)
                    loss = scale * mean_loss(model(X[rows]), y[rows])
                    loss.backward()
                    optimizer.step()
                    total += loss.detach() * len(rows)
                mean = total.item() / n
            return mean

        return run

    def prediction(self, workload, X, y):
        torch, model = self.torch, self.model(workload)

        def run():
            with torch.inference_mode():
                return model(torch.from_numpy(X)).numpy()

        return run


class Jax:
    """An epoch compiled as one `lax.scan` over its batches."""

    packages = ("jax",)

    def __init__(self):
        import jax

        jax.config.update("jax_enable_x64", True)
        self.jax = jax

    def first_parameters(self, workload):
        rng = np.random.default_rng(0)
        layers = []
        for fan_in, fan_out in zip(workload.units, workload.units[1:], strict=False):
            bound = np.sqrt(6 / (fan_in + fan_out))
            W = rng.uniform(-bound, bound, (fan_in, fan_out)).astype(workload.dtype)
            layers.append((W, np.zeros(fan_out, workload.dtype)))
        return layers

    def forward(self, workload):
        jax = self.jax
        activate = {"relu": jax.nn.relu, "tanh": jax.numpy.tanh}[workload.activation]

        def forward(layers, X):
            for W, b in layers[:-1]:
                X = activate(X @ W + b)
            W, b = layers[-1]
            return X @ W + b

        return forward

    def training(self, workload, X, y):
        refuse_lbfgs(workload)
        if workload.density < 1:
            raise NotOffered("rows of sparse arrays cannot be picked")
        jax, jnp = self.jax, self.jax.numpy
        forward = self.forward(workload)
        n, batch_size = workload.n_samples, workload.batch_size
        decay = ALPHA / batch_size

        def mean_loss(layers, X, y):
            raw = forward(layers, X)
            if workload.classes:
                log_p = jax.nn.log_softmax(raw)
                return -jnp.take_along_axis(log_p, y[:, None], axis=1).mean()
            return 0.5 * jnp.mean((raw[:, 0] - y) ** 2)

        def adam(layers, gradient, memory, step):
            first, second = memory
            first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
            second = jax.tree.map(
                lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient
            )
            correction = jnp.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            rate = (RATE * correction).astype(workload.dtype)
            layers = jax.tree.map(
                lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-8),
                *(layers, first, second),
            )
            return layers, (first, second)

        def nesterov(layers, gradient, memory, step):
            velocity = jax.tree.map(
                lambda v, g: MOMENTUM * v - RATE * g, memory[0], gradient
            )
            layers = jax.tree.map(
                lambda w, v, g: w + MOMENTUM * v - RATE * g,
                *(layers, velocity, gradient),
            )
            return layers, (velocity, memory[1])

        update = adam if workload.optimizer == "adam" else nesterov

        @partial(jax.jit, donate_argnums=0)
        def epoch(carry, key, X, y):
            order = jnp.arange(n)
            if workload.solver != "batch":
                order = jax.random.permutation(key, n)

            def one_step(carry, rows):
                layers, memory, step = carry
                loss, gradient = jax.value_and_grad(mean_loss)(layers, X[rows], y[rows])
                gradient = [
                    (gW + decay * W, gb)
                    for (gW, gb), (W, _) in zip(gradient, layers, strict=True)
                ]
                layers, memory = update(layers, gradient, memory, step)
                return (layers, memory, step + 1), loss

            carry, losses = jax.lax.scan(one_step, carry, order.reshape(-1, batch_size))
            return carry, losses.mean()

        first = self.first_parameters(workload)
        device_X, device_y = jnp.asarray(X), jnp.asarray(y)

        def run():
            layers = jax.tree.map(jnp.asarray, first)
            zeros = [jax.tree.map(jnp.zeros_like, layers) for _ in range(2)]
            carry = layers, tuple(zeros), jnp.asarray(1)
            key = jax.random.key(0)
            for _ in range(workload.epochs):
                key, used = jax.random.split(key)
                carry, loss = epoch(carry, used, device_X, device_y)
                mean = float(loss)
            return mean

        return run

    def prediction(self, workload, X, y):
        forward = self.jax.jit(self.forward(workload))
        layers = self.first_parameters(workload)
        return lambda: np.asarray(forward(layers, X))


PEERS = {
    "skgd": Skgd,
    "scikit-learn": ScikitLearn,
    "PyTorch": PyTorch,
    "JAX": Jax,
}


def versions():
    """Versions of everything that is installed and timed."""
    found = {}
    for package in ("numpy", "scipy", "numba", "scikit-learn", "torch", "jax"):
        try:
            found[package] = version(package)
        except ModuleNotFoundError:
            continue
    return found
