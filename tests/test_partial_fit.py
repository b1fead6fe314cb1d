"""A stream of small parts: calls are quick, of constant length, and fail as a whole."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skgd import GDNeuralClassifier, GDNeuralRegressor
from skgd.descent.draws import generator_position, move_generator

X = np.random.default_rng(0).standard_normal((40, 3))
Y = {GDNeuralRegressor: X[:, 0], GDNeuralClassifier: (X[:, 0] > 0).astype(int)}
each_estimator = pytest.mark.parametrize("Estimator", Y)
each_solver = pytest.mark.parametrize("solver", ["batch", "sgd", "minibatch"])


def streaming(Estimator, **params):
    estimator = Estimator((4,), random_state=0, **params)
    classes = {"classes": [0, 1]} if Estimator is GDNeuralClassifier else {}
    return estimator.partial_fit(X, Y[Estimator], **classes)


def test_a_generator_is_put_back_to_where_it_was():
    generator = np.random.RandomState(3)
    generator.permutation(700)  # beyond one refill of its words
    position = generator_position(generator)
    expected = generator.randint(2**32, size=2000, dtype=np.uint64)
    move_generator(generator, position)
    actual = generator.randint(2**32, size=2000, dtype=np.uint64)
    assert_array_equal(actual, expected)
    move_generator(generator, position)
    assert_array_equal(
        generator.get_state()[1], np.frombuffer(position, np.uint32)[:-1]
    )


@each_estimator
@each_solver
def test_the_histories_are_not_copied_by_a_call(Estimator, solver):
    estimator = streaming(Estimator, solver=solver)
    curve = estimator.loss_curve_
    estimator.partial_fit(X, Y[Estimator])
    assert estimator.loss_curve_ is curve
    assert len(curve) == 2


@each_estimator
@each_solver
def test_a_failed_call_leaves_the_histories_as_they_were(Estimator, solver):
    estimator = streaming(Estimator, solver=solver)
    curve = list(estimator.loss_curve_)
    estimator.set_params(learning_rate_init=1e308, optimizer="gd")
    with pytest.raises(ValueError, match="non-finite"):
        estimator.partial_fit(1e3 * X, Y[Estimator])
    assert estimator.loss_curve_ == curve


@each_estimator
@pytest.mark.parametrize("convert", [list, np.asfortranarray, lambda X: X.astype("f4")])
def test_what_needs_no_validation_is_trained_on_as_what_does(Estimator, convert):
    exact = X.astype("f4").astype(float)  # the same numbers in either dtype
    plain, converted = streaming(Estimator), streaming(Estimator)
    for _ in range(3):
        plain.partial_fit(exact, Y[Estimator])
        converted.partial_fit(convert(exact), list(Y[Estimator]))
    assert_array_equal(plain.coefs_[0], converted.coefs_[0])


@each_estimator
@pytest.mark.parametrize(
    ("name", "value"), [("alpha", -1.0), ("tol", "small"), ("solver", "online")]
)
def test_parameters_are_validated_whenever_they_are_set(Estimator, name, value):
    estimator = streaming(Estimator)
    good = getattr(estimator, name)
    for _ in range(2):
        estimator.partial_fit(X, Y[Estimator])
        estimator.set_params(**{name: value})
        with pytest.raises(ValueError, match=f"The {name!r} parameter"):
            estimator.partial_fit(X, Y[Estimator])
        estimator.set_params(**{name: good})


@each_estimator
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_numbers_are_found_in_every_call(Estimator, bad):
    estimator = streaming(Estimator)
    spoiled = X.copy()
    spoiled[3, 1] = bad
    with pytest.raises(ValueError, match="Input X contains"):
        estimator.partial_fit(spoiled, Y[Estimator])
    with pytest.raises(ValueError, match="Input y contains"):
        estimator.partial_fit(X, np.where(np.arange(40) == 3, bad, Y[Estimator]))
