"""The parameters of a network as layers: first values, and views."""

import numpy as np

from skgd.kernels.machine.memory import aligned_zeros


class LayerArrays(list):
    """List of arrays, one for each layer: views on one parameter vector.

    Assigning an item writes into the network: ``coefs_[0] = W`` copies `W` into its
    parameters. In a plain list it would leave the network with its old weights.
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
    """Draw the first parameters, layer by layer, in their order in theta.

    For activations that scikit-learn has, they are what scikit-learn draws.

    Parameters
    ----------
    network : Network
    random_state : RandomState
    dtype : dtype

    Returns
    -------
    theta : ndarray of shape (n_parameters,)
    """
    values = [
        np.ravel(segment.draw(random_state, segment.shape))
        for _, segment, *_ in network.segments
    ]
    theta = aligned_zeros(network.n_parameters, dtype)
    return np.concatenate(values, out=theta, casting="same_kind")


def values_of(network, given, dtype):
    """Return a vector of parameters, given some of its arrays.

    Parameters
    ----------
    network : Network
    given : dict of list
        Lists of arrays, layer by layer, by such names as 'coefs_'. Arrays of names that
        are not given get their first values, which must not be drawn at random.
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
    """Return a copy as an array; raise a ValueError if its numbers are complex."""
    array = np.array(array)
    if np.iscomplexobj(array):
        raise ValueError("Complex weights are not supported.")
    return array


def assign_layers(layers, arrays):
    """Copy `arrays`, one per layer, into the views `layers`; all or none of them.

    Raises
    ------
    ValueError
        If the arrays do not have the shapes of the views, or are complex.
    """
    # They are copied first, as they may be views on the same parameters.
    arrays = [as_real(array) for array in arrays]
    shapes, expected = [a.shape for a in arrays], [a.shape for a in layers]
    if shapes != expected:
        raise ValueError(f"Expected arrays of the shapes {expected}, got {shapes}.")
    with np.errstate(over="ignore"):  # callers look for infinity where it matters
        for layer, array in zip(layers, arrays, strict=True):
            layer[...] = array
