"""What the callbacks of skgd can be set on: its networks, and nothing around them."""

from skgd.estimators.base import BaseGDNeural


def refuse_others(callback, estimator):
    """Raise a TypeError if the estimator that has the callback is not a network."""
    if not isinstance(estimator, BaseGDNeural):
        raise TypeError(
            f"{type(callback).__name__} is for the networks of skgd, and is set on a "
            f"{type(estimator).__name__}. Set it on the network itself, inside a "
            "Pipeline or another estimator."
        )
