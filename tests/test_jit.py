"""Compilation: one version serves alike inputs, and a cache is used but not needed."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest
from scipy.sparse import csr_array

from skgd import GDNeuralClassifier, GDNeuralRegressor
from skgd.kernels.epoch import minibatch_steps
from skgd.kernels.predict import raw_outputs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.skipif(
        bool(numba.config.DISABLE_JIT), reason="nothing is compiled with JIT disabled"
    ),
]


def test_one_version_serves_alike_inputs(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 3)), rng.standard_normal(60)
    memory_mapped = np.memmap(tmp_path / "X", X.dtype, "w+", shape=X.shape)
    memory_mapped[:] = X
    read_only = X.copy()
    read_only.flags.writeable = False
    regressor = GDNeuralRegressor(max_iter=1, random_state=0)
    regressor.fit(X, y).predict(X)
    before = len(minibatch_steps.signatures), len(raw_outputs.signatures)
    wide = csr_array(X)
    wide.indices, wide.indptr = wide.indices.astype(int), wide.indptr.astype(int)
    for other in (memory_mapped, read_only, np.asfortranarray(X), csr_array(X), wide):
        regressor.set_params(hidden_layer_sizes=(5, 4)).fit(other, y).predict(other)
        regressor.set_params(hidden_layer_sizes=()).fit(other, y, np.ones(60))
    assert (len(minibatch_steps.signatures), len(raw_outputs.signatures)) == before


FITS = """
import numpy as np
import numba.core.event as event
with event.install_recorder("numba:compile") as recorder:
    from skgd import GDNeuralRegressor
    from skgd.estimators.regressor import LOSS_NAMES
    from skgd.kernels.formulas.activations import ACTIVATIONS
    from skgd.kernels.formulas.optimizers import FIRST_ORDER
    def fit(y, **parameters):
        regressor = GDNeuralRegressor(
            (30, 20), solver=solver, batch_size=20, n_iter_no_change=3, random_state=0,
            **parameters,
        )
        outputs.append(regressor.fit(X, y).predict(X))
    X = np.random.default_rng(0).standard_normal((60, 20))
    y, outputs = 0.1 * X[:, 0], []
    for solver in ("batch", "sgd", "minibatch"):
        for optimizer in FIRST_ORDER:
            fit(y, activation="tanh", optimizer=optimizer)
        for activation in ACTIVATIONS:
            fit(y, activation=activation)
        for loss in sorted(LOSS_NAMES):
            fit(np.exp(y), loss=loss, activation=["gelu", "tanh"], weight_decay=0.1)
print(len(recorder.buffer))
print(np.array(outputs).tobytes().hex())
"""


def test_a_second_process_compiles_nothing_and_computes_the_same(tmp_path):
    # The same bits: what is loaded must not differ from what is compiled, see `_jit`.
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    environment["PYTHONWARNINGS"] = "ignore"  # so few epochs do not converge
    (compiled, ours), (loaded, theirs) = [
        subprocess.run(
            [sys.executable, "-c", FITS],
            env=environment,
            capture_output=True,
            text=True,
        ).stdout.split()
        for _ in range(2)
    ]
    assert int(compiled) > 0
    assert int(loaded) == 0
    assert theirs == ours


def fit_each():
    """Outputs of both estimators by each solver, of dense and of sparse data."""
    X = np.random.default_rng(0).standard_normal((30, 4))
    outputs = []
    for solver in ("batch", "sgd", "minibatch"):
        options = {"solver": solver, "max_iter": 3, "random_state": 0}
        for data in (X, csr_array(X)):
            regressor = GDNeuralRegressor((5,), **options).fit(data, X[:, 0])
            classifier = GDNeuralClassifier((5,), **options).fit(data, X[:, 0] > 0)
            outputs += [*regressor.predict(data), *classifier.predict_proba(data)[:, 1]]
    return outputs


def test_estimators_work_as_plain_python_which_debuggers_follow():
    plain = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-c"),
            "from tests.test_jit import fit_each; print(*map(float, fit_each()))",
        ],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    compiled = np.array(fit_each())
    assert compiled.shape == (3 * 2 * 2 * 30,)
    np.testing.assert_allclose(np.array(plain, float), compiled, rtol=1e-11)
