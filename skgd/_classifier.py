"""Where saved estimators of forms 1 and 2 look for the class."""

from skgd.estimators.classifier import GDNeuralClassifier  # noqa: F401
