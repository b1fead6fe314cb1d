"""Feed-forward neural networks for scikit-learn, trained by gradient descent."""

from skgd._display import GradientDescentPathDisplay, LossCurveDisplay
from skgd._version import __version__
from skgd.compositions import from_sklearn, to_sklearn
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
    "from_sklearn",
    "to_sklearn",
]

# Saved estimators refer to their classes by this module, so that files can be moved.
for _public in (
    Activation,
    GDNeuralClassifier,
    GDNeuralRegressor,
    GradientDescentPathDisplay,
    Loss,
    LossCurveDisplay,
    from_sklearn,
    to_sklearn,
):
    _public.__module__ = __name__
