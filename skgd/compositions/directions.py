"""The two directions of a conversion: what is converted, and how it is spelled."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from sklearn.neural_network import MLPClassifier, MLPRegressor

from skgd.estimators.base import BaseGDNeural
from skgd.estimators.classifier import GDNeuralClassifier
from skgd.estimators.regressor import GDNeuralRegressor

_OURS = {MLPClassifier: GDNeuralClassifier, MLPRegressor: GDNeuralRegressor}


class Direction(NamedTuple):
    """A direction of conversion.

    Attributes
    ----------
    wanted : str
        The classes that are converted, as a message names them.
    is_network : callable
        Returns whether an object is of these classes.
    is_result : callable
        Returns whether an object is of the classes of the other side.
    convert : callable
        Returns the converted network, given one.
    respelled : dict of str to str
        The parameters that are spelled otherwise on the other side, and the one there
        that says the same in most cases.
    entangled : tuple of str
        The parameters of the other side whose values follow from those and others.
    """

    wanted: str
    is_network: Callable
    is_result: Callable
    convert: Callable
    respelled: dict
    entangled: tuple

    def parameters(self, network):
        """Return the parameters of the converted network, unfitted.

        Parameters
        ----------
        network : estimator
            It is not fitted.
        """
        return self.convert(network).get_params(deep=False)


def _is_mlp(value):
    return isinstance(value, (MLPClassifier, MLPRegressor))


def _is_ours(value):
    return isinstance(value, BaseGDNeural)


def _from_mlp(mlp):
    if type(mlp) not in _OURS:
        raise _of_subclass(mlp)
    return _OURS[type(mlp)].from_sklearn(mlp)


def _of_subclass(network):
    return ValueError(
        f"{type(network).__name__} is a subclass, and what it does in another way "
        "would be lost. Convert an estimator of its base class."
    )


FROM_SKLEARN = Direction(
    "MLPRegressor or MLPClassifier",
    _is_mlp,
    _is_ours,
    _from_mlp,
    {"solver": "optimizer", "nesterovs_momentum": "optimizer"},
    ("optimizer", "solver", "learning_rate", "early_stopping"),
)


def _to_mlp(network, predict_only=False):
    if network._trains_here and type(network) not in _OURS.values():
        raise _of_subclass(network)
    # Parts of a composition need not be fitted, such as the estimator of a search.
    is_fitted = hasattr(network, "_state")
    return network.to_sklearn(predict_only=predict_only and is_fitted)


def to_sklearn_direction(predict_only):
    """Return the direction to scikit-learn."""
    return Direction(
        "GDNeuralRegressor or GDNeuralClassifier",
        _is_ours,
        _is_mlp,
        partial(_to_mlp, predict_only=predict_only),
        {"solver": "solver", "optimizer": "solver"},
        (
            *("solver", "nesterovs_momentum", "momentum", "learning_rate"),
            *("batch_size", "shuffle", "activation", "hidden_layer_sizes", "loss"),
            "early_stopping",
        ),
    )
