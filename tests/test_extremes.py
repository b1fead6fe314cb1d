"""Data at the edge: a right answer or a clear error, and never nan without a word.

Every warning is an error here, so none leaks from NumPy or a kernel.
"""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning

from skgd import GDNeuralClassifier, GDNeuralRegressor
from skgd.descent.loop import NON_FINITE
from tests.inside import count_as_trained

ESTIMATORS = [GDNeuralRegressor, GDNeuralClassifier]
each_estimator = pytest.mark.parametrize("Estimator", ESTIMATORS)
each_solver = pytest.mark.parametrize("solver", ["batch", "sgd", "minibatch"])
each_storage = pytest.mark.parametrize("storage", [np.asarray, csr_array])
each_dtype = pytest.mark.parametrize("dtype", [np.float64, np.float32])

rng = np.random.default_rng(0)
X = rng.standard_normal((60, 4))
Y = {
    GDNeuralRegressor: np.sin(X[:, 0]),
    GDNeuralClassifier: np.array(["blue", "green", "red"])[X[:, :3].argmax(axis=1)],
}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def make(Estimator, **params):
    params = {"hidden_layer_sizes": (6,), "max_iter": 8, "batch_size": 16} | params
    return Estimator(random_state=0, **params)


def outputs(estimator, X):
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(X)
    return estimator.predict(X)


def assert_sound(estimator, X):
    """What a fit that claims success must be."""
    assert np.isfinite(estimator.loss_curve_).all()
    for layer in (*estimator.coefs_, *estimator.intercepts_):
        assert np.isfinite(layer).all()
    values = outputs(estimator, X)
    assert np.isfinite(values).all()
    if hasattr(estimator, "predict_proba"):
        assert ((values >= 0) & (values <= 1)).all()
        assert set(estimator.predict(X)) <= set(estimator.classes_)


def fit_or_give_up(estimator, X, y, **fit_params):
    """Fit; whether it claims success. An error must be the documented one."""
    try:
        estimator.fit(X, y, **fit_params)
    except ValueError as error:
        if str(error) != NON_FINITE:
            raise
        assert not hasattr(estimator, "coefs_")
        return False
    assert_sound(estimator, X)
    return True


# Sizes of numbers ---------------------------------------------------------------------


@each_estimator
@each_solver
@each_storage
@each_dtype
@pytest.mark.parametrize("scale", [1e300, 1e30, 1e-30, 1e-300, 5e-324])
def test_features_of_any_scale(Estimator, solver, storage, dtype, scale):
    """Products of huge ones overflow, which ends the fit; tiny ones are like zeros."""
    scaled = (scale * X).astype(dtype) if scale < 1 else scale * X
    estimator = make(Estimator, solver=solver)
    if dtype is np.float32 and scale == 1e300:
        with np.errstate(over="ignore"):
            scaled = scaled.astype(dtype)
        with pytest.raises(ValueError, match="infinity"):
            estimator.fit(storage(scaled), Y[Estimator])
        return
    succeeds = fit_or_give_up(estimator, storage(scaled.astype(dtype)), Y[Estimator])
    if scale < 1:
        assert succeeds
    if scale < 1e-100 and storage is np.asarray:
        nothing = make(Estimator, solver=solver).fit(0 * X, Y[Estimator])
        assert_allclose(
            outputs(estimator, scaled.astype(dtype)), outputs(nothing, 0 * X), rtol=1e-3
        )


@each_solver
@each_dtype
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
@pytest.mark.parametrize("scale", [1e300, 1e20, 1e-30, 5e-324])
def test_targets_of_any_scale(solver, dtype, loss, scale):
    y = scale * np.sin(X[:, 0])
    regressor = make(GDNeuralRegressor, solver=solver, loss=loss)
    if dtype is np.float32 and scale == 1e300:
        with pytest.raises(ValueError, match="y contains a value too large"):
            regressor.fit(X.astype(dtype), y)
        return
    succeeds = fit_or_give_up(regressor, X.astype(dtype), y)
    assert succeeds or scale > 1


@each_estimator
@each_solver
@pytest.mark.parametrize("activation", ["relu", "tanh", "elu", "softplus", "mish"])
@pytest.mark.parametrize("rate", [1e3, 1e100, 1e308])
def test_exploding_steps(Estimator, solver, activation, rate):
    estimator = make(
        Estimator,
        solver=solver,
        activation=activation,
        optimizer="gd",
        learning_rate_init=rate,
    )
    fit_or_give_up(estimator, X, Y[Estimator])


@each_estimator
@each_solver
def test_exploding_steps_with_early_stopping_end_with_the_best_weights(
    Estimator, solver
):
    estimator = make(
        Estimator,
        solver=solver,
        optimizer="gd",
        activation="identity",
        learning_rate_init=1e200,
        early_stopping=True,
        validation_fraction=0.2,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            estimator.fit(X, Y[Estimator])
        except ValueError as error:
            if str(error) != NON_FINITE:
                raise
            return
    assert np.isfinite(outputs(estimator, X)).all()


@each_estimator
def test_outputs_that_overflow_are_nan_and_no_labels(Estimator):
    """Neither infinite nor a label, as scores would not show it."""
    estimator = make(Estimator, activation="identity", learning_rate_init=1.0)
    estimator.fit(X, Y[Estimator])
    large = 1e308 * np.sign(X)
    methods = ["predict"]
    if Estimator is GDNeuralClassifier:
        methods = ["predict_proba", "predict_log_proba"]
        with pytest.raises(ValueError, match="for row 0 of X"):
            estimator.predict(large)
    for method in methods:
        with pytest.warns(RuntimeWarning, match="for row 0 of X"):
            assert np.isnan(getattr(estimator, method)(large)).any()


def test_means_that_overflow_are_nan():
    regressor = make(GDNeuralRegressor, loss="poisson").fit(X, X[:, 0] ** 2)
    with pytest.warns(RuntimeWarning, match=r"of X \(.* rows of 60\) overflow"):
        predicted = regressor.predict(1e6 * X)
    assert not np.isinf(predicted).any()
    assert np.isfinite(regressor.predict(X)).all()


# Kinds of numbers ---------------------------------------------------------------------


@each_estimator
@each_solver
@pytest.mark.parametrize("kind", [np.float16, np.int8, np.uint64, bool, object])
def test_other_numbers_are_trained_on_in_float64(Estimator, solver, kind):
    other = (10 * X).round().clip(0).astype(kind)
    estimator = make(Estimator, solver=solver).fit(other, Y[Estimator])
    expected = make(Estimator, solver=solver).fit(
        other.astype(np.float64), Y[Estimator]
    )
    assert estimator.coefs_[0].dtype == np.float64
    assert_array_equal(outputs(estimator, other), outputs(expected, other), strict=True)


@each_estimator
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_named(Estimator, bad):
    holed = X.copy()
    holed[3, 2] = bad
    word = "NaN" if np.isnan(bad) else "infinity"
    with pytest.raises(ValueError, match=f"Input X contains {word}"):
        make(Estimator).fit(holed, Y[Estimator])


def test_text_and_complex_numbers_are_refused():
    with pytest.raises(ValueError, match="could not convert string"):
        make(GDNeuralRegressor).fit(np.full((60, 4), "text"), Y[GDNeuralRegressor])
    with pytest.raises(ValueError, match="Complex data not supported"):
        make(GDNeuralRegressor).fit(X * 1j, Y[GDNeuralRegressor])


# Shapes -------------------------------------------------------------------------------


@each_estimator
@each_solver
@each_storage
def test_one_sample(Estimator, solver, storage):
    y = Y[Estimator][:1]
    estimator = make(Estimator, solver=solver, batch_size="auto")
    estimator.set_params(max_iter=400, learning_rate_init=0.05, alpha=0)
    estimator.set_params(tol=0, n_iter_no_change=np.inf)
    estimator.fit(storage(X[:1]), y)
    assert_sound(estimator, storage(X[:1]))
    if Estimator is GDNeuralRegressor:
        assert_allclose(estimator.predict(storage(X[:1])), y, atol=0.01)
    else:
        assert_array_equal(estimator.predict(storage(X[:1])), y)


@each_estimator
@each_solver
@each_storage
def test_one_feature(Estimator, solver, storage):
    estimator = make(Estimator, solver=solver).fit(storage(X[:, :1]), Y[Estimator])
    assert_sound(estimator, storage(X[:, :1]))


@each_solver
def test_one_class(solver):
    y = np.full(60, "only")
    classifier = make(GDNeuralClassifier, solver=solver).fit(X, y)
    assert_sound(classifier, X)
    assert set(classifier.predict(X)) == {"only"}


# Some versions of scikit-learn take labels that are all different for numbers.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The number of unique classes:UserWarning")
def test_ten_thousand_classes():
    y = np.arange(10_000)
    X = np.stack([np.cos(y), np.sin(y)], axis=1)
    classifier = make(
        GDNeuralClassifier, hidden_layer_sizes=(3,), batch_size=500, max_iter=1
    ).fit(X, y)
    classifier.set_params(solver="batch").partial_fit(X[:1000], y[:1000])
    assert_sound(classifier, X[:200])
    assert_allclose(classifier.predict_proba(X[:200]).sum(axis=1), 1, rtol=1e-9)
    # At the start each class is about as likely as any other.
    assert_allclose(classifier.loss_curve_, [np.log(10_000)] * 2, rtol=0.1)


@each_estimator
@each_solver
def test_constant_columns_change_nothing_but_an_intercept(Estimator, solver):
    """A column of zeros has no gradient, so all else is as without it."""
    padded = np.insert(X, 2, 0.0, axis=1)
    estimator = make(Estimator, solver=solver, alpha=0)
    estimator.fit(padded, Y[Estimator])
    first = make(Estimator, solver=solver, alpha=0, max_iter=1).fit(
        padded, Y[Estimator]
    )
    assert_array_equal(estimator.coefs_[0][2], first.coefs_[0][2])
    constant = make(Estimator, solver=solver).fit(padded + 3.0, Y[Estimator])
    assert_sound(constant, padded + 3.0)


@each_solver
@pytest.mark.parametrize("value", [0.0, 7.0, -1e6])
def test_constant_targets(solver, value):
    y = np.full(60, value)
    regressor = make(
        GDNeuralRegressor,
        solver=solver,
        hidden_layer_sizes=(),
        alpha=0,
        learning_rate_init=max(1.0, abs(value)) / 20,
        learning_rate="cosine",
        max_iter=400,
        n_iter_no_change=np.inf,
    ).fit(X, y)
    assert_sound(regressor, X)
    assert_allclose(regressor.predict(X), y, atol=max(1.0, abs(value)) / 50)
    # R2 of a constant is 0 or 1 by definition, never nan.
    early = make(GDNeuralRegressor, solver=solver, early_stopping=True).fit(X, y)
    assert np.isfinite(early.validation_scores_).all()


@each_estimator
@pytest.mark.parametrize("batch_size", [1, 7, 59, 60])
def test_samples_that_do_not_fill_the_last_batch(Estimator, batch_size):
    """Each sample is seen once an epoch, whatever is left for the last batch."""
    estimator = make(Estimator, batch_size=batch_size, optimizer="gd", shuffle=False)
    estimator.fit(X, Y[Estimator])
    assert estimator.t_ == 60 * estimator.n_iter_
    assert_sound(estimator, X)


@each_estimator
def test_a_batch_larger_than_the_data_is_all_of_them_with_a_warning(Estimator):
    with pytest.warns(UserWarning, match="going to be clipped"):
        large = make(Estimator, batch_size=1000).fit(X, Y[Estimator])
    exact = make(Estimator, batch_size=60).fit(X, Y[Estimator])
    assert_array_equal(outputs(large, X), outputs(exact, X))


@pytest.mark.parametrize("solver", ["batch", "minibatch"])
@each_estimator
def test_weights_of_zero_leave_samples_out(Estimator, solver):
    """Whole batches of them too; what has no weight may be anything."""
    weight = np.ones(60)
    weight[:32] = 0  # two batches of 16
    spoiled = X.copy()
    spoiled[:32] = 1e6
    params = {"solver": solver, "shuffle": False}
    estimator = make(Estimator, **params)
    estimator.fit(spoiled, Y[Estimator], sample_weight=weight)
    expected = make(Estimator, **params).fit(X, Y[Estimator], sample_weight=weight)
    assert_array_equal(outputs(estimator, X), outputs(expected, X))


@each_estimator
@each_solver
@pytest.mark.parametrize("sizes", [(1,), (1, 1, 1), (5000,)])
@each_dtype
def test_narrow_and_wide_layers(Estimator, solver, sizes, dtype):
    n = 20 if sizes == (5000,) else 60
    estimator = make(Estimator, hidden_layer_sizes=sizes, solver=solver, max_iter=2)
    estimator.fit(X[:n].astype(dtype), Y[Estimator][:n])
    assert_sound(estimator, X[:n].astype(dtype))


def test_thirty_layers():
    regressor = make(GDNeuralRegressor, hidden_layer_sizes=(3,) * 30, activation="selu")
    regressor.fit(X, Y[GDNeuralRegressor])
    assert_sound(regressor, X)


@each_estimator
def test_no_samples_and_no_features_are_refused(Estimator):
    with pytest.raises(ValueError, match="0 sample"):
        make(Estimator).fit(X[:0], Y[Estimator][:0])
    with pytest.raises(ValueError, match="0 feature"):
        make(Estimator).fit(X[:, :0], Y[Estimator])


@each_storage
def test_an_empty_sparse_matrix_is_zeros(storage):
    zeros = storage(np.zeros((60, 4)))
    regressor = make(GDNeuralRegressor).fit(zeros, Y[GDNeuralRegressor])
    dense = make(GDNeuralRegressor).fit(np.zeros((60, 4)), Y[GDNeuralRegressor])
    assert_array_equal(regressor.predict(zeros), dense.predict(np.zeros((60, 4))))


# Bookkeeping over long runs -----------------------------------------------------------


@each_dtype
@each_solver
def test_the_loss_of_an_epoch_is_added_up_in_float64(dtype, solver):
    """A float32 sum of so many equal losses would be off by 1e-5 and more."""
    n = 300_000
    X, y = np.zeros((n, 1), dtype), np.ones(n, dtype)
    regressor = GDNeuralRegressor(
        (),
        solver=solver,
        optimizer="gd",
        learning_rate_init=1e-30,
        alpha=0,
        max_iter=1,
        random_state=0,
    ).fit(X, y)
    error = float(regressor.predict(X[:1])[0]) - 1
    assert_allclose(regressor.loss_, 0.5 * error**2, rtol=1e-6)


@pytest.mark.parametrize("optimizer", ["adam", "nadam", "amsgrad"])
def test_step_counts_do_not_overflow(optimizer):
    """After 2**40 steps the bias corrections are 1, and training goes on."""
    regressor = make(GDNeuralRegressor, optimizer=optimizer).fit(
        X, Y[GDNeuralRegressor]
    )
    count_as_trained(regressor, n_steps=2**40, samples_seen=2**62)
    regressor.partial_fit(X, Y[GDNeuralRegressor])
    assert_sound(regressor, X)
    assert regressor.t_ == 2**62 + 60


def test_invscaling_after_very_many_samples():
    regressor = make(
        GDNeuralRegressor, learning_rate="invscaling", optimizer="nesterov"
    ).fit(X, Y[GDNeuralRegressor])
    count_as_trained(regressor, samples_seen=10**30)
    regressor.partial_fit(X, Y[GDNeuralRegressor]).partial_fit(X, Y[GDNeuralRegressor])
    assert regressor.learning_rate_curve_[-1] == pytest.approx(1e-3 / 1e15)
    assert_sound(regressor, X)
