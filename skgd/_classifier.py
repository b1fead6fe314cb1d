"""The place where estimators that were saved in forms 1 and 2 look for their class."""

from skgd.estimators.classifier import GDNeuralClassifier  # noqa: F401
