"""The parameters of a network as layers: first values, and views."""

import numpy as np


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


def layer_arrays(network, theta, attribute):
    """Return views on the parameters of one name, such as 'coefs_', layer by layer."""
    return LayerArrays(
        theta[start:stop].reshape(segment.shape)
        for _, segment, start, stop in network.segments
        if segment.attribute == attribute
    )


def arrays_of_layers(network, theta):
    """Return for each layer the list of its parameters, as views."""
    arrays = [[] for _ in network.layers]
    for number, segment, start, stop in network.segments:
        arrays[number].append(theta[start:stop].reshape(segment.shape))
    return arrays


def first_values(network, random_state, dtype):
    """Draw the first parameters, layer by layer, in the order in which they lie.

    For scikit-learn's activations they are what scikit-learn draws.
    """
    values = [
        np.ravel(segment.draw(random_state, segment.shape))
        for _, segment, *_ in network.segments
    ]
    return np.concatenate(values).astype(dtype, copy=False)


def values_of(network, given, dtype):
    """Return the parameters of a network whose arrays of some names are given.

    Parameters
    ----------
    network : Network
    given : dict of list
        By such names as 'coefs_', the arrays layer by layer. All others are at their
        first values, which are not drawn at random.
    dtype : dtype

    Returns
    -------
    theta : ndarray of shape (n_parameters,)
    """
    given = {name: iter(arrays) for name, arrays in given.items()}
    values = [
        next(given[segment.attribute])
        if segment.attribute in given
        else segment.draw(None, segment.shape)
        for _, segment, *_ in network.segments
    ]
    return np.concatenate([np.ravel(each) for each in values], dtype=dtype)


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
