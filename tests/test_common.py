"""scikit-learn's own checks, over both classes, all three solvers, and L-BFGS."""

from itertools import product

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgd import GDNeuralClassifier, GDNeuralRegressor

SETTINGS = [
    *({"solver": solver} for solver in ("batch", "sgd", "minibatch")),
    # With less of a penalty some probabilities are rounded to 1, and in 200 iterations
    # rounding grows so much that two samples are not one of weight two.
    {"solver": "batch", "optimizer": "lbfgs", "alpha": 0.1, "max_iter": 20},
]
ESTIMATORS = [
    estimator(**setting)
    for estimator, setting in product((GDNeuralRegressor, GDNeuralClassifier), SETTINGS)
]

# scikit-learn only asks for outputs of any kind here, not for a converged fit.
pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::sklearn.exceptions.SkipTestWarning",
)


def expected_failed_checks(estimator):
    """What steps from single samples cannot do.

    A sample of weight two draws its place in the order once, two samples twice.
    """
    if estimator.solver != "sgd":
        return {}  # of the check's data, one batch holds all
    reason = "steps from single samples, in a random order"
    return {
        "check_sample_weight_equivalence_on_dense_data": reason,
        "check_sample_weight_equivalence_on_sparse_data": reason,
    }


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failed_checks)
def test_scikit_learn_check(estimator, check):
    check(estimator)
