"""scikit-learn's own checks, over both classes and all three solvers."""

from itertools import product

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgd import GDNeuralClassifier, GDNeuralRegressor

ESTIMATORS = [
    estimator(solver=solver)
    for estimator, solver in product(
        (GDNeuralRegressor, GDNeuralClassifier), ("batch", "sgd", "minibatch")
    )
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
