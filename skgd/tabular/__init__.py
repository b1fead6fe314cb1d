"""Networks for tables: columns are encoded, and an average of networks is fitted."""

from skgd.tabular.classifier import TabularClassifier
from skgd.tabular.regressor import TabularRegressor

__all__ = ["TabularClassifier", "TabularRegressor"]
