"""Layout of the flat parameter vector: initialisation, and views as layers."""

from itertools import pairwise

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax

from skgd.kernels.activations import Activation

# From the raw outputs to the predictions, by the name that `out_activation_` shows.
OUTPUT_LINKS = {
    "identity": lambda raw: raw,
    "exp": np.exp,
    "logistic": expit,
    "softmax": lambda raw: softmax(raw, axis=1),
}

# The logarithm of a probability, without going through the probability.
LOG_OUTPUT_LINKS = {
    "logistic": log_expit,
    "softmax": lambda raw: log_softmax(raw, axis=1),
}


class LayerArrays(list):
    """Arrays of each layer, views on one parameter vector.

    A list whose item assignment writes through: ``coefs_[0] = W`` copies `W` into the
    network instead of leaving the network with its old weights.
    """

    def __setitem__(self, layer, value):
        if isinstance(layer, slice):
            assign_layers(self[layer], value)
        else:
            assign_layers([self[layer]], [value])


def split_parameters(theta, layer_units):
    """Split `theta` into views: coefs (fan_in, fan_out) and intercepts (fan_out,)."""
    coefs, intercepts = LayerArrays(), LayerArrays()
    start = 0
    for fan_in, fan_out in pairwise(layer_units):
        stop = start + fan_in * fan_out
        coefs.append(theta[start:stop].reshape(fan_in, fan_out))
        intercepts.append(theta[stop : stop + fan_out])
        start = stop + fan_out
    return coefs, intercepts


def assign_layers(layers, arrays):
    """Copy `arrays`, one per layer, into the views `layers`; all or none of them."""
    arrays = [np.array(array) for array in arrays]  # copies: they may be views too
    shapes, expected = [a.shape for a in arrays], [a.shape for a in layers]
    if shapes != expected:
        raise ValueError(f"Expected arrays of the shapes {expected}, got {shapes}.")
    for layer, array in zip(layers, arrays, strict=True):
        layer[...] = array


def glorot_uniform(layer_units, activation, random_state, dtype):
    """Draw the initial parameters (Glorot & Bengio, 2010), as scikit-learn draws them.

    Layer by layer, coefs then intercepts, uniform within sqrt(6 / (fan_in + fan_out)),
    or sqrt(2 / ...) for logistic hidden layers, whose slope at 0 is a quarter.
    """
    factor = 2.0 if activation == Activation.LOGISTIC else 6.0
    layers = []
    for fan_in, fan_out in pairwise(layer_units):
        bound = np.sqrt(factor / (fan_in + fan_out))
        layers.append(random_state.uniform(-bound, bound, (fan_in + 1) * fan_out))
    return np.concatenate(layers).astype(dtype, copy=False)
