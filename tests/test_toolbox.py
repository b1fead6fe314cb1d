"""Every option with every solver: dense and sparse, both dtypes, from call to call."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csc_array, csr_array
from sklearn.exceptions import ConvergenceWarning

from skgd import GDNeuralClassifier, GDNeuralRegressor
from skgd.descent.schedules import CURVES, SCHEDULES
from skgd.estimators.regressor import LOSS_NAMES
from skgd.kernels.formulas.activations import ACTIVATIONS
from skgd.kernels.formulas.optimizers import FIRST_ORDER
from tests.inside import theta_of

SOLVERS = ["batch", "sgd", "minibatch"]
BOTH = [
    *({"activation": each} for each in ACTIVATIONS),
    {"activation": ["gelu", "relu"]},
    *({"optimizer": each} for each in FIRST_ORDER),
    *({"learning_rate": each} for each in [*SCHEDULES, *CURVES, np.sqrt]),
    {"weight_decay": 0.5},
    {"dropout": 0.3},
    {"dropout": [0.0, 0.5]},
    {"max_grad_norm": 0.1},
    {"scoring": "loss", "early_stopping": True},
    {"scoring": "neg_log_loss"},
]
REGRESSOR = [{"loss": each} for each in sorted(LOSS_NAMES)]
CLASSIFIER = [
    {"class_weight": {1: 3.0}},
    {"class_weight": "balanced"},
    {"label_smoothing": 0.2},
]
CASES = [
    *((GDNeuralRegressor, options) for options in [*BOTH[:-1], *REGRESSOR]),
    *((GDNeuralClassifier, options) for options in [*BOTH, *CLASSIFIER]),
]


def name_of(case):
    Estimator, options = case
    return f"{Estimator.__name__[8:]}-{options}"


def make_data(dtype):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 5)) * (rng.random((60, 5)) < 0.7)
    y = 1.0 + (X[:, 0] > 0) + (X[:, 1] > 0.5)  # three classes, and positive
    return X.astype(dtype), y


def train(Estimator, options, solver, X, y):
    """A fit, two calls of partial_fit where that is offered, and a warm start."""
    estimator = Estimator(
        *((6, 4),),
        **{"solver": solver, "max_iter": 3, "batch_size": 16, "random_state": 0},
        **{"warm_start": True, **options},
    )
    thetas = []
    validation = {"X_val": X[:20], "y_val": y[:20]}
    calls = ["fit", "partial_fit", "partial_fit", "fit"]
    if options.get("class_weight") == "balanced":
        calls = ["fit", "fit"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "class_weight has no effect")
        for call in calls:
            getattr(estimator, call)(X, y, **validation)
            thetas.append(theta_of(estimator))
    return estimator, thetas


# Each option with each solver, in both dtypes and of both kinds of sparse data, and
# each solver with all of them.
WITH_SOLVERS = [
    (
        *(case, solver, [np.float64, np.float32][(i + j) % 2]),
        [csr_array, csc_array][(i // 2 + j // 2) % 2],
    )
    for i, case in enumerate(CASES)
    for j, solver in enumerate(SOLVERS)
]


@pytest.mark.parametrize(
    ("case", "solver", "dtype", "as_sparse"),
    WITH_SOLVERS,
    ids=[f"{name_of(c)}-{s}-{d.__name__}" for c, s, d, _ in WITH_SOLVERS],
)
def test_every_option_trains_with_every_solver(case, solver, dtype, as_sparse):
    Estimator, options = case
    X, y = make_data(dtype)
    estimator, thetas = train(Estimator, options, solver, X, y)
    _, again = train(Estimator, options, solver, X, y)
    for theta, same in zip(thetas, again, strict=True):
        assert theta.dtype == dtype
        assert np.isfinite(theta).all()
        assert_array_equal(theta, same)
    # Each call learns, but for those after a curve's end, or from the best weights.
    if min(estimator.learning_rate_curve_) > 0 and not estimator.early_stopping:
        for before, after in pairwise(thetas):
            assert not np.array_equal(before, after)
    assert np.isfinite(estimator.loss_curve_).all()
    assert len(estimator.validation_loss_curve_) == len(estimator.loss_curve_)
    assert estimator.predict(X).shape == (60,)

    sparse, sparse_thetas = train(Estimator, options, solver, as_sparse(X), y)
    tolerance = {"rtol": 1e-8, "atol": 1e-10}
    if dtype == np.float32:
        tolerance = {"rtol": 1e-4, "atol": 1e-5}
    assert_allclose(sparse_thetas[-1], thetas[-1], **tolerance)
    assert sparse.predict(as_sparse(X)).shape == (60,)


def may_change_a_fit(case):
    # Scores change no weights, and 'adaptive' waits for a plateau.
    _, options = case
    return "scoring" not in options and options != {"learning_rate": "adaptive"}


@pytest.mark.parametrize("case", list(filter(may_change_a_fit, CASES)), ids=name_of)
def test_every_option_but_the_defaults_makes_another_fit(case):
    Estimator, options = case
    X, y = make_data(np.float64)
    _, (theta, *_) = train(Estimator, options, "minibatch", X, y)
    _, (plain, *_) = train(Estimator, {}, "minibatch", X, y)
    default = Estimator().get_params()
    is_default = all(default[name] == value for name, value in options.items())
    assert np.array_equal(theta, plain) == is_default
