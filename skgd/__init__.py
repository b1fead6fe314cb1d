"""Feed-forward neural networks for scikit-learn, trained by gradient descent."""

from skgd._classifier import GDNeuralClassifier
from skgd._display import GradientDescentPathDisplay, LossCurveDisplay
from skgd._regressor import GDNeuralRegressor
from skgd._version import __version__

__all__ = [
    "GDNeuralClassifier",
    "GDNeuralRegressor",
    "GradientDescentPathDisplay",
    "LossCurveDisplay",
    "__version__",
]

# Saved estimators name this place, so their files may move.
for _class in (
    GDNeuralClassifier,
    GDNeuralRegressor,
    GradientDescentPathDisplay,
    LossCurveDisplay,
):
    _class.__module__ = __name__
