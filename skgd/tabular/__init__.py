"""Networks for tables: columns are encoded, and an average of networks is fitted."""

from skgd.tabular.classifier import TabularClassifier
from skgd.tabular.regressor import TabularRegressor

__all__ = ["TabularClassifier", "TabularRegressor"]

# Saved estimators refer to their classes by the package, so that files can be moved.
for _class in (TabularClassifier, TabularRegressor):
    _class.__module__ = "skgd"
