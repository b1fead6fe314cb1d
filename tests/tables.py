"""Estimators of tables that are small enough for tests."""

import pytest

from skgd import GDNeuralClassifier, GDNeuralRegressor
from skgd.tabular import TabularClassifier, TabularRegressor

FEW = {"hidden_layer_sizes": (8,), "max_iter": 3}
# Few samples and epochs are enough for most tests, and too few to learn much.
may_learn_nothing = pytest.mark.filterwarnings(
    r"ignore:Tabular\w+ has learned nothing from X"
)


def _make(kind, of_members, net=None, **params):
    few = {"n_members": 2, "n_jobs": 1, "random_state": 0}
    estimator = of_members(**FEW | (net or {}))
    return kind(**{"estimator": estimator} | few | params)


def regressor(**params):
    """A regressor whose members have the parameters `net`."""
    return _make(TabularRegressor, GDNeuralRegressor, **params)


def classifier(**params):
    """A classifier whose members have the parameters `net`."""
    return _make(TabularClassifier, GDNeuralClassifier, **params)
