"""The place where estimators that were saved in forms 1 and 2 look for their class."""

from skgd.estimators.regressor import GDNeuralRegressor  # noqa: F401
