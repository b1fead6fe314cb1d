"""GridSearchCV's workers: they compile nothing, and do not compete for the cores."""

import joblib
import numba
import numba.core.event as event
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from skgd import GDNeuralRegressor
from skgd.kernels.team.threads import n_threads

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


class Watched(GDNeuralRegressor):
    """Its score tells what happened in the fit."""

    def fit(self, X, y):
        with event.install_recorder("numba:compile") as recorder:
            super().fit(X, y)
            self.predict(X)
        self.n_compiled_ = len(recorder.buffer)
        self.n_threads_ = n_threads(self.n_jobs)
        return self


def compilations(estimator, X, y):
    return estimator.n_compiled_


def threads(estimator, X, y):
    return estimator.n_threads_


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")
@pytest.mark.skipif(joblib.cpu_count() < 2, reason="one core: no workers are started")
@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
@pytest.mark.parametrize("solver", ["minibatch", "sgd"])
def test_workers_load_what_is_compiled_and_take_one_thread_each(solver, backend):
    X = np.random.default_rng(0).standard_normal((60, 5))
    y = X[:, 0]
    estimator = Watched((4,), solver=solver, max_iter=2, random_state=0)
    estimator.fit(X, y)  # compiles, if no former process did
    search = GridSearchCV(
        estimator,
        {"learning_rate_init": [1e-3, 1e-2, 1e-1]},
        scoring={"compilations": compilations, "threads": threads},
        refit=False,
        cv=3,
        n_jobs=joblib.cpu_count(),
    )
    with joblib.parallel_config(backend=backend):
        results = search.fit(X, y).cv_results_
    assert (results["mean_test_compilations"] == 0).all()
    assert (results["mean_test_threads"] == 1).all()
