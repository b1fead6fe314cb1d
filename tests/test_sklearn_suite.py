"""scikit-learn's own tests of its MLP, run on the estimators here.

They come with scikit-learn, and are collected from the installed version with their
parameters and fixtures. Each that does not apply is named in `NOT_APPLICABLE`.
"""

from importlib.util import find_spec, module_from_spec
from unittest import mock

import numpy as np
import pytest
import sklearn.neural_network
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.fixes import parse_version

from skgd import GDNeuralClassifier, GDNeuralRegressor

# scikit-learn's tests let it pass unless they expect it.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# A test by its name, or in brackets one value of one of its parameters.
NOT_APPLICABLE = {
    "test_early_stopping_stratified": (
        "It expects the class of one member to be named 'True', as scikit-learn has "
        "encoded it; skgd names it by its label."
    ),
    "test_fit": (
        "It assembles a network from attributes before any fit, where skgd has no "
        "network to assign to."
    ),
    "test_gradient": (
        "It calls the private method _loss_grad_lbfgs, which skgd does not have. Its "
        "gradients are in test_backprop.py, and those of L-BFGS in test_lbfgs.py."
    ),
    "test_predict_proba_multilabel": (
        "It expects the largest log probability where the largest probability is. The "
        "fit is so good that several are rounded to 1, while skgd's logarithms differ."
    ),
}


class AsMLP:
    """An estimator of skgd that is written and read as scikit-learn's MLP.

    Parameters are translated by `from_sklearn`, private attributes by `to_sklearn`.
    """

    __slots__ = ("mlp", "net")  # a test that sets another attribute has to fail

    def __init__(self, *args, **params):
        self.mlp = self.theirs(*args, **params)
        self.net = self.ours.from_sklearn(self.mlp)

    def set_params(self, **params):
        self.mlp.set_params(**params)
        self.net.set_params(**self.ours.from_sklearn(self.mlp).get_params())
        return self

    def fit(self, X, y, sample_weight=None):
        self.net.fit(X, y, sample_weight=sample_weight)
        return self

    @property
    def partial_fit(self):
        method = self.net.partial_fit

        def partial_fit(X, y, **others):
            method(X, y, **others)
            return self

        return partial_fit

    def __getattr__(self, name):
        if name in AsMLP.__slots__:  # while it is unpickled
            raise AttributeError(name)
        of = self.net.to_sklearn() if name.startswith("_") else self.net
        return getattr(of, name)


class ClassifierAsMLP(AsMLP):
    __slots__ = ()
    ours, theirs = GDNeuralClassifier, MLPClassifier


class RegressorAsMLP(AsMLP):
    __slots__ = ()
    ours, theirs = GDNeuralRegressor, MLPRegressor


def load_tests():
    """Load scikit-learn's module once more, with the classes here in place of its MLP.

    So the parameters of its tests have them too, and scikit-learn's copy is left alone.
    """
    spec = find_spec("sklearn.neural_network.tests.test_mlp")
    module = module_from_spec(spec)
    with mock.patch.multiple(
        sklearn.neural_network,
        MLPClassifier=ClassifierAsMLP,
        MLPRegressor=RegressorAsMLP,
    ):
        spec.loader.exec_module(module)
    return {
        name: test for name, test in vars(module).items() if name.startswith("test_")
    }


def case(test, value):
    return f"{test.__name__}[{value}]"


def cases(test):
    """Name it, and it with each value, in the words of `NOT_APPLICABLE`."""
    values = [value for mark in parametrisations(test) for value in mark.args[1]]
    return {test.__name__, *(case(test, value) for value in values)}


def parametrisations(test):
    marks = getattr(test, "pytestmark", [])
    return [mark for mark in marks if mark.name == "parametrize"]


def without_some_values(test):
    """Return it, having taken from its parameters the values that do not apply."""
    for mark in parametrisations(test):
        names, values = mark.args
        kept = [v for v in values if case(test, v) not in NOT_APPLICABLE]
        if len(kept) < len(values):
            less = pytest.mark.parametrize(names, kept, **mark.kwargs).mark
            test.pytestmark[test.pytestmark.index(mark)] = less
    return test


TESTS = load_tests()
CASES = set().union(*map(cases, TESTS.values()))
globals().update(
    (name, without_some_values(test))
    for name, test in TESTS.items()
    if name not in NOT_APPLICABLE
)


@pytest.fixture(autouse=True)
def _same_draws():
    """Have a test that leaves `random_state` at None draw the same in each run."""
    np.random.seed(0)  # noqa: NPY002


@pytest.fixture
def global_random_seed():
    """Stand in for the one of scikit-learn's own conftest.py."""
    return 42


def test_all_tests_are_run_or_named(request):
    names = vars(request.module)
    run = {name for name, test in TESTS.items() if names.get(name) is test}
    gone = NOT_APPLICABLE.keys() - CASES
    assert run
    assert run | (NOT_APPLICABLE.keys() & TESTS.keys()) == TESTS.keys()
    # An older version may not have them all.
    assert not gone or parse_version(sklearn.__version__) < parse_version("1.9")
