"""Class weights and label smoothing: what the classifier makes of its targets."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import compute_sample_weight

from skgd import GDNeuralClassifier
from tests.inside import held_out_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def make_targets(kind):
    X, y = load_iris(return_X_y=True)
    X, y = X[:130], y[:130]  # classes of 50, 50 and 30
    if kind == "binary":
        y = np.where(y == 2, "rare", "usual")
    if kind == "multilabel":
        y = np.column_stack([y == 0, y == 2]).astype(int)
    return X, y


def fit(X, y, sample_weight=None, **parameters):
    parameters = {"max_iter": 20, "random_state": 0, **parameters}
    classifier = GDNeuralClassifier((6,), **parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return classifier.fit(X, y, sample_weight)


CLASS_WEIGHTS = {
    "binary": [{"rare": 3.0}, {"rare": 2.0, "usual": 0.5}, "balanced"],
    "multiclass": [{2: 3.0}, {0: 1.0, 1: 0.0, 2: 2.0}, "balanced"],
    "multilabel": [[{0: 1.0, 1: 2.0}, {0: 0.5, 1: 3.0}], "balanced"],
}
CASES = [(kind, weight) for kind, each in CLASS_WEIGHTS.items() for weight in each]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("solver", ["batch", "sgd", "minibatch"])
@pytest.mark.parametrize(("kind", "class_weight"), CASES)
def test_class_weights_are_sample_weights(kind, class_weight, solver, dtype):
    X, y = make_targets(kind)
    X = X.astype(dtype)
    own = np.random.default_rng(0).uniform(0.5, 2, len(X))
    weights = compute_sample_weight(class_weight, y)
    for sample_weight, product in ((None, weights), (own, weights * own)):
        found = fit(X, y, sample_weight, class_weight=class_weight, solver=solver)
        expected = fit(X, y, product, solver=solver)
        # The product is rounded to float32 before or after the class's weight.
        tolerance = 1e-10 if dtype == np.float64 else 1e-6
        assert_allclose(found.coefs_[0], expected.coefs_[0], rtol=0, atol=tolerance)
        assert_allclose(found.loss_curve_, expected.loss_curve_, rtol=tolerance)


def test_class_weights_are_not_in_the_validation_score():
    X, y = make_targets("binary")
    options = {"early_stopping": True, "class_weight": {"rare": 20.0}}
    classifier = fit(X, y, **options)
    rows = held_out_of(classifier)
    score = classifier.score(X[rows], y[rows])
    assert_allclose(classifier.best_validation_score_, score)


def test_balanced_weights_raise_the_rare_classs_recall():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((600, 3))
    y = X[:, 0] + rng.standard_normal(600) > 2
    plain, balanced = (
        GDNeuralClassifier(
            (10,), max_iter=200, random_state=0, class_weight=class_weight
        ).fit(X, y)
        for class_weight in (None, "balanced")
    )
    recall = [classifier.predict(X[y]).mean() for classifier in (plain, balanced)]
    assert recall[1] > recall[0] + 0.2


def test_partial_fit_takes_weights_but_does_not_balance():
    X, y = make_targets("binary")
    classifier = GDNeuralClassifier((6,), class_weight={"rare": 3.0}, random_state=0)
    reference = GDNeuralClassifier((6,), random_state=0)
    weights = compute_sample_weight({"rare": 3.0}, y)
    classes = ["rare", "usual"]
    for _ in range(3):
        classifier.partial_fit(X, y, classes=classes)
        reference.partial_fit(X, y, weights, classes=classes)
    assert_allclose(classifier.coefs_[0], reference.coefs_[0], rtol=1e-9)
    balanced = GDNeuralClassifier(class_weight="balanced")
    with pytest.raises(ValueError, match="'balanced' is not supported for partial_fit"):
        balanced.partial_fit(X, y, classes=classes)
    assert not hasattr(balanced, "classes_")


def test_weights_of_zero_for_every_class_are_refused():
    X, y = make_targets("binary")
    with pytest.raises(ValueError, match="at least one non-zero"):
        fit(X, y, class_weight={"rare": 0.0, "usual": 0.0})


# Label smoothing ---------------------------------------------------------------------


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_smoothing_spreads_a_share_of_the_target_over_the_classes(kind, smoothing):
    X, y = make_targets(kind)
    # Steps too small to change a weight: the loss is that of the first parameters.
    options = {"solver": "batch", "optimizer": "gd", "alpha": 0.0, "tol": 0.0}
    classifier = fit(
        X, y, learning_rate_init=1e-300, label_smoothing=smoothing, **options
    )
    indicators = (y[:, None] == classifier.classes_).astype(float)
    n_classes = classifier.classes_.size
    targets = (1 - smoothing) * indicators + smoothing / n_classes
    log_p = classifier.predict_log_proba(X)
    expected = -(targets * log_p).sum(axis=1).mean()
    assert_allclose(classifier.loss_curve_[0], expected, rtol=1e-10)


def test_smoothing_keeps_probabilities_from_the_ends():
    X, y = make_targets("multiclass")
    options = {"learning_rate_init": 0.05, "alpha": 0.0, "max_iter": 300}
    sharp = fit(X, y, **options).predict_proba(X).max(axis=1)
    smooth = fit(X, y, label_smoothing=0.3, **options).predict_proba(X).max(axis=1)
    assert np.median(smooth) < 0.85 < np.median(sharp)


def test_scores_of_early_stopping_are_of_unsmoothed_labels():
    X, y = make_targets("multiclass")
    classifier = fit(X, y, early_stopping=True, label_smoothing=0.2)
    rows = held_out_of(classifier)
    assert_allclose(
        classifier.best_validation_score_, classifier.score(X[rows], y[rows])
    )
    assert_array_equal(classifier.classes_, [0, 1, 2])


@pytest.mark.parametrize("kind", ["multilabel", "one-class"])
def test_smoothing_without_meaning_is_refused(kind):
    X, y = make_targets("multilabel")
    if kind == "one-class":
        y = np.ones(len(X))
    with pytest.raises(ValueError, match=f"label_smoothing=0.1 for a {kind} target"):
        fit(X, y, label_smoothing=0.1)
