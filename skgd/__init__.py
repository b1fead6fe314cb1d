"""Feed-forward neural networks for scikit-learn, trained by gradient descent."""

from skgd._display import GradientDescentPathDisplay, LossCurveDisplay
from skgd._version import __version__
from skgd.estimators.classifier import GDNeuralClassifier
from skgd.estimators.regressor import GDNeuralRegressor
from skgd.kernels.formulas.custom import Activation, Loss

__all__ = [
    "Activation",
    "GDNeuralClassifier",
    "GDNeuralRegressor",
    "GradientDescentPathDisplay",
    "Loss",
    "LossCurveDisplay",
    "__version__",
]

# Saved estimators refer to their classes by this module, so that files can be moved.
for _class in (
    Activation,
    GDNeuralClassifier,
    GDNeuralRegressor,
    GradientDescentPathDisplay,
    Loss,
    LossCurveDisplay,
):
    _class.__module__ = __name__
