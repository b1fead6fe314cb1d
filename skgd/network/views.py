"""Layout of the flat parameter vector: initialisation, and views as layers."""

from itertools import pairwise

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax

from skgd.kernels.formulas.activations import Activation

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

# Of the bound that scikit-learn's activations are drawn within.
GLOROT_FACTORS = {
    Activation.IDENTITY: 6.0,
    Activation.LOGISTIC: 2.0,
    Activation.TANH: 6.0,
    Activation.RELU: 6.0,
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


def as_real(array):
    """Return an array that is a copy; raise if its numbers are complex."""
    array = np.array(array)
    if np.iscomplexobj(array):
        raise ValueError("Complex weights are not supported.")
    return array


def assign_layers(layers, arrays):
    """Copy `arrays`, one per layer, into the views `layers`; all or none of them."""
    arrays = [as_real(array) for array in arrays]  # copies: they may be views too
    shapes, expected = [a.shape for a in arrays], [a.shape for a in layers]
    if shapes != expected:
        raise ValueError(f"Expected arrays of the shapes {expected}, got {shapes}.")
    with np.errstate(over="ignore"):  # infinity is looked for where it matters
        for layer, array in zip(layers, arrays, strict=True):
            layer[...] = array


def _bound(activation, fan_in, fan_out):
    """Bound of the uniform distribution of a layer with this activation."""
    if activation in GLOROT_FACTORS:
        return np.sqrt(GLOROT_FACTORS[activation] / (fan_in + fan_out))
    if activation == Activation.SELU:
        return np.sqrt(3.0 / fan_in)
    return np.sqrt(6.0 / fan_in)


def initial_parameters(layer_units, activations, random_state, dtype):
    """Draw the initial parameters, layer by layer, coefs then intercepts.

    The bound of a layer follows from its activation. Those of scikit-learn are drawn as
    it draws them (Glorot & Bengio, 2010): within sqrt(6 / (fan_in + fan_out)), or
    sqrt(2 / ...) for logistic, whose slope at 0 is a quarter. For selu the variance is
    1 / fan_in (Klambauer et al., 2017), for all others 2 / fan_in (He et al., 2015),
    which is meant for relu: standard normal pre-activations then have a mean square
    between 0.7 (silu) and 1.8 (softplus) in the next layer.

    `activations` has one for each hidden layer. The output layer has none, and is drawn
    as scikit-learn does it, by the factor of the last of them.
    """
    last = GLOROT_FACTORS.get(activations[-1], 6.0) if activations else 6.0
    layers = []
    for layer, (fan_in, fan_out) in enumerate(pairwise(layer_units)):
        if layer == len(layer_units) - 2:
            bound = np.sqrt(last / (fan_in + fan_out))
        else:
            bound = _bound(activations[layer], fan_in, fan_out)
        layers.append(random_state.uniform(-bound, bound, (fan_in + 1) * fan_out))
    return np.concatenate(layers).astype(dtype, copy=False)
