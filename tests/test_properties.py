"""For any parameters and any data: a documented error, or a sound model.

Short by default. `SKGD_EXAMPLES=2000 pytest tests/test_properties.py` is the long run.
"""

import os
import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone

from skgd import GDNeuralClassifier, GDNeuralRegressor
from skgd.descent.loop import NON_FINITE
from skgd.descent.schedules import CURVES, SCHEDULES
from skgd.estimators.parameters import ALLOWED_BY_LBFGS, COMMON_CONSTRAINTS
from skgd.estimators.regressor import LOSS_NAMES
from skgd.kernels.formulas.activations import ACTIVATIONS
from skgd.kernels.formulas.optimizers import OPTIMIZERS
from tests.inside import theta_of

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies

pytestmark = pytest.mark.slow

N_EXAMPLES = int(os.environ.get("SKGD_EXAMPLES", 60))
settings = hypothesis.settings(
    max_examples=N_EXAMPLES,
    deadline=None,  # the first example compiles
    derandomize="SKGD_EXAMPLES" not in os.environ,
    suppress_health_check=list(hypothesis.HealthCheck),
)

SIZES = st.lists(st.integers(1, 9), max_size=3)


def rates(largest):
    return st.floats(1e-6, largest, allow_nan=False)


def per_layer(values):
    """One value, or one for each of a number of layers that may be the wrong one."""
    return values | st.lists(values, max_size=3)


PARAMETERS = {
    "hidden_layer_sizes": SIZES | SIZES.map(tuple) | st.integers(1, 9),
    "activation": per_layer(st.sampled_from(list(ACTIVATIONS))),
    "solver": st.sampled_from(["batch", "sgd", "minibatch"]),
    "optimizer": st.sampled_from(list(OPTIMIZERS)),
    "alpha": st.just(0) | rates(10),
    "weight_decay": st.just(0) | rates(0.5),
    "batch_norm": per_layer(st.booleans()),
    "dropout": per_layer(st.just(0) | st.floats(0, 0.9)),
    "max_grad_norm": st.none() | rates(10),
    "batch_size": st.just("auto") | st.integers(1, 50),
    "learning_rate": st.sampled_from([*SCHEDULES, *CURVES]),
    "learning_rate_init": rates(1e3),
    "power_t": st.floats(0, 2),
    "max_iter": st.integers(1, 6),
    "max_fun": st.integers(1, 50),
    "shuffle": st.booleans(),
    "random_state": st.integers(0, 2**32 - 1),
    "tol": st.floats(0, 1),
    "verbose": st.just(False),
    "n_jobs": st.sampled_from([None, 1, 2, -1]),
    "warm_start": st.booleans(),
    "momentum": st.floats(0, 1),
    "early_stopping": st.booleans(),
    "scoring": st.sampled_from([None, "loss"]),
    "validation_fraction": st.floats(0, 0.9),
    "beta_1": st.floats(0, 0.999),
    "beta_2": st.floats(0, 0.9999),
    "epsilon": st.floats(1e-12, 1),
    "n_iter_no_change": st.integers(1, 5) | st.just(np.inf),
}
OF_ONE_CLASS = {
    GDNeuralRegressor: {
        "loss": st.sampled_from(sorted(LOSS_NAMES)),
        "huber_delta": rates(10),
        "quantile": st.floats(0.01, 0.99),
    },
    GDNeuralClassifier: {
        "class_weight": st.sampled_from([None, "balanced"]),
        "label_smoothing": st.just(0) | st.floats(0, 0.9),
    },
}

# The beginnings of the errors that are documented, each about what a user passed in.
ERRORS = (
    NON_FINITE,
    "activation must be one name",
    "dropout must be one rate",
    "batch_norm must be one flag",
    "batch_norm=",
    "batch_norm takes sums",
    "optimizer='lbfgs' and",
    "The validation set is too small",
    "validation_fraction=",
    "label_smoothing needs",
    "Some value(s) of y are out of the valid range",
    # scikit-learn's words for a split that cannot be made
    "The least populated class",
    "The least populated classes",
    "The test_size =",
    "The train_size =",
    "With n_samples=",
    "test_size=0.0",
    "The 'validation_fraction' parameter",
)


@st.composite
def estimators(draw, Estimator):
    """The defaults, with some parameters drawn anew."""
    space = PARAMETERS | OF_ONE_CLASS[Estimator]
    always = ("hidden_layer_sizes", "solver", "optimizer", "max_iter", "random_state")
    others = sorted(space.keys() - set(always))
    chosen = [*always, *draw(st.lists(st.sampled_from(others), unique=True))]
    params = {name: draw(space[name]) for name in chosen}
    if OPTIMIZERS[params["optimizer"]].is_searched and draw(st.booleans()):
        # It could do with few of them; half of them are tried as they are.
        params |= {name: allowed[0] for name, (allowed, _) in ALLOWED_BY_LBFGS.items()}
    return Estimator(**params)


@st.composite
def data(draw, Estimator):
    """X of any scale and storage, and y of any kind that the estimator takes."""
    n_samples, n_features = draw(st.integers(1, 40)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.sampled_from([1, 1, 1, 1e-200, 1e3, 1e30]))
    dtype = draw(st.sampled_from([np.float64, np.float64, np.float32, int]))
    X = np.clip(scale * rng.standard_normal((n_samples, n_features)), -1e30, 1e30)
    X = (X.clip(-1e9, 1e9) if dtype is int else X).astype(dtype)
    if draw(st.booleans()):
        X[rng.random(X.shape) < 0.7] = 0
        X = csr_array(X)
    if Estimator is GDNeuralRegressor:
        n_outputs = draw(st.sampled_from([0, 0, 1, 3]))
        shape = (n_samples, n_outputs) if n_outputs else (n_samples,)
        y = draw(st.sampled_from([1, 1, 100])) * rng.exponential(size=shape)
        return X, y - draw(st.sampled_from([0, 0, 1]))
    kind = draw(st.sampled_from(["int", "str", "bool", "multilabel"]))
    n_classes = draw(st.integers(1, 5))
    codes = rng.integers(0, n_classes, n_samples)
    y = {
        "int": lambda: 10 * codes - 7,
        "str": lambda: np.array(["a", "bb", "c c", "d", "e"])[codes],
        "bool": lambda: codes % 2 == 0,
        "multilabel": lambda: rng.integers(0, 2, (n_samples, n_classes + 1)),
    }[kind]()
    return X, y


def fit(estimator, X, y):
    """Fit; None if it raised a documented error and is as it was before."""
    before = vars(estimator).copy()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            return estimator.fit(X, y)
    except ValueError as error:
        if not str(error).startswith(ERRORS):
            raise
        assert vars(estimator) == before
        return None


def outputs(estimator, X):
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(X)
    return estimator.predict(X)


def predicts(estimator, X):
    """Whether the outputs are numbers, after what may be the last step before a fit
    diverges; else there is a documented warning.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            assert np.isfinite(outputs(estimator, X)).all()
            return True
        except RuntimeWarning as warning:
            if "The network's outputs for row" not in str(warning):
                raise
            return False


def check_sound(estimator, X, y):
    losses = estimator.loss_curve_
    # A search that begins in a minimum has its loss, after no iteration.
    least = int(not OPTIMIZERS[estimator.optimizer].is_searched)
    assert least <= estimator.n_iter_ <= estimator.max_iter
    assert len(losses) == max(estimator.n_iter_, 1)
    # Only the last epoch of a fit that gives up with its best weights is not finite.
    assert np.isfinite(losses[:-1]).all()
    assert np.isfinite(losses[-1]) or estimator.early_stopping
    assert np.isfinite(theta_of(estimator)).all()
    dtype = np.float32 if X.dtype == np.float32 else np.float64
    values, predicted = outputs(estimator, X), estimator.predict(X)
    assert values.dtype == estimator.coefs_[0].dtype == dtype
    assert predicted.shape == (y.ravel().shape if y.shape[1:] == (1,) else y.shape)
    if hasattr(estimator, "predict_proba"):
        assert ((values >= 0) & (values <= 1)).all()
        assert set(predicted.ravel()) <= set(estimator.classes_) | {0, 1}
        if y.ndim == 1:
            assert set(predicted) <= set(estimator.classes_)
            np.testing.assert_allclose(values.sum(axis=1), 1, rtol=1e-4)


def check_reproducible(estimator, X, y):
    """Fits anew, copies and threads come to the same bits."""
    theta = theta_of(estimator)
    for twin in (clone(estimator), clone(estimator).set_params(n_jobs=2)):
        assert_array_equal(theta_of(fit(twin, X, y)), theta, strict=True)
    loaded = pickle.loads(pickle.dumps(estimator))
    assert_array_equal(outputs(loaded, X), outputs(estimator, X), strict=True)


@pytest.mark.parametrize("Estimator", [GDNeuralRegressor, GDNeuralClassifier])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1")
@pytest.mark.filterwarnings("ignore:class_weight has no effect with solver='sgd'")
@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
@pytest.mark.filterwarnings("ignore:The number of unique classes is greater than 50%")
def test_any_fit_is_refused_or_sound(Estimator):
    claimed = []

    @settings
    @hypothesis.given(estimators(Estimator), data(Estimator))
    def check(estimator, X_y):
        X, y = X_y
        fitted = fit(estimator, X, y)
        claimed.append(fitted is not None)
        if fitted is not None and predicts(fitted, X):
            check_sound(fitted, X, y)
            check_reproducible(fitted, X, y)

    check()
    # Not all may be refused, or nothing would have been tested.
    assert np.mean(claimed) > 0.3


def test_every_parameter_is_drawn():
    assert PARAMETERS.keys() == COMMON_CONSTRAINTS.keys()
    for Estimator, own in OF_ONE_CLASS.items():
        assert PARAMETERS.keys() | own.keys() == Estimator().get_params().keys()
