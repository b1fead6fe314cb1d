"""Whether a fit to partitions has learned more than the best constant prediction."""

from functools import partial

import numpy as np

from skgd.descent.baseline import (
    Targets,
    is_lower,
    least_loss,
    moments_of_all,
    warn_of,
)
from skgd.kernels.passes.inputs import row_numbers
from skgd.network.outputs import RawOutputs

# Targets that come here from all partitions, where the constant is not a mean.
MOST = 10_000


def warn_if_nothing_was_learned(estimator, parts):
    """Warn as `skgd.descent.baseline` does, of sums over the parts.

    Quantiles are those of some targets of each partition; their loss is of all.

    Parameters
    ----------
    estimator : BaseDask
    parts : Parts
        That were trained on.
    """
    network, theta = estimator._network, estimator._state.theta
    n = len(parts.futures)

    def total(function, argument):
        return sum(parts.map(function, [network] * n, [argument] * n))

    with np.errstate(over="ignore", invalid="ignore"):
        moments = moments_of_all(parts.map(moments_of, [network] * n))
        some = (None, None)
        if network.formula.constant is not None:
            samples = parts.map(sample_of, [network] * n, [-(-MOST // n)] * n)
            some = tuple(map(np.concatenate, zip(*samples, strict=True)))
        of_constants = partial(total, loss_of_constants)
        least = least_loss(network, moments, some, of_constants)
        last = total(loss_of_network, theta)
    if not is_lower(last, least, moments):
        warn_of(estimator, last, least, moments)


# On the workers -----------------------------------------------------------------------


def _targets(part, network):
    return Targets(network, part.samples, row_numbers(part.X.shape[0]))


def moments_of(part, network):
    """Return sums over a part."""
    return _targets(part, network).moments()


def sample_of(part, network, most):
    """Return some of its targets, and their weights."""
    return _targets(part, network).sample(most)


def loss_of_constants(part, network, constants):
    """Return its loss of a constant prediction."""
    return _targets(part, network).loss_of_constants(constants)


def loss_of_network(part, network, theta):
    """Return its loss of a network's predictions."""
    theta = np.array(theta)
    outputs = _targets(part, network).sum_of_losses
    return outputs(lambda rows: RawOutputs(network, part.X, rows, 1)(theta))
