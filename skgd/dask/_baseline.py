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

# How many targets the client gets from all partitions together, to find a constant that
# does not follow from the mean.
MOST = 10_000


def warn_if_nothing_was_learned(estimator, parts):
    """Warn as `skgd.descent.baseline` does, by sums over the parts.

    Constants such as quantiles are found from some targets of each partition; their
    loss is that over all targets.

    Parameters
    ----------
    estimator : BaseDask
    parts : Parts
        The data that were trained on.
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
    """Return the moments of a part's targets."""
    return _targets(part, network).moments()


def sample_of(part, network, most):
    """Return at most `most` of a part's targets, and their weights."""
    return _targets(part, network).sample(most)


def loss_of_constants(part, network, constants):
    """Return the weighted loss of a constant prediction on a part."""
    return _targets(part, network).loss_of_constants(constants)


def loss_of_network(part, network, theta):
    """Return the weighted loss of a network's predictions on a part."""
    theta = np.array(theta)
    outputs = _targets(part, network).sum_of_losses
    return outputs(lambda rows: RawOutputs(network, part.X, rows, 1)(theta))
