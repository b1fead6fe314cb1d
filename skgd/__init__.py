"""Feed-forward neural networks for scikit-learn, trained by gradient descent."""

from typing import TYPE_CHECKING

from skgd._display import GradientDescentPathDisplay, LossCurveDisplay
from skgd._version import __version__
from skgd.compositions import from_sklearn, to_sklearn
from skgd.estimators.classifier import GDNeuralClassifier
from skgd.estimators.regressor import GDNeuralRegressor
from skgd.kernels.formulas.custom import Activation, Loss

if TYPE_CHECKING:
    from skgd.tabular import TabularClassifier, TabularRegressor

__all__ = [
    "Activation",
    "GDNeuralClassifier",
    "GDNeuralRegressor",
    "GradientDescentPathDisplay",
    "Loss",
    "LossCurveDisplay",
    "TabularClassifier",
    "TabularRegressor",
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


def __getattr__(name):
    """Import the estimators of tables when they are asked for.

    They need scikit-learn's imputers, which bring half of scikit-learn along.
    """
    if name in ("TabularClassifier", "TabularRegressor"):
        from skgd import tabular

        globals()[name] = getattr(tabular, name)
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
