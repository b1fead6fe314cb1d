"""Dropout: which activations of a training batch are set to 0.

The numbers are drawn by a generator without a state: each follows from the epoch's
seed, the step, the layer, the sample's place in the batch, and the unit. So it does not
matter which thread draws it, in which chunk of the batch.

References: N. Srivastava et al., "Dropout: a simple way to prevent neural networks from
overfitting", JMLR 2014; J. Salmon et al., "Parallel random numbers: as easy as 1, 2,
3", SC 2011, for the generator, Philox-4x32 with 10 rounds.
"""

import numpy as np

from skgd.kernels.formulas.activations import DERIVATIVE, SLOPE, VALUE
from skgd.kernels.machine.call import call
from skgd.kernels.machine.jit import inline, jit

# Places in `Workspace.random`: the epoch's seed in two words, the step, the chunk's
# first sample in the batch, and the numbers of one sample in one layer.
KEY, STEP, FIRST, NUMBERS = 0, 2, 3, 4

LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
INCREMENTS = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)


@inline
def philox(a, b, c, d, key_a, key_b):
    """Four random numbers of 32 bits from a counter of four and a key of two words."""
    for _ in range(10):
        first, second = MULTIPLIERS[0] * a, MULTIPLIERS[1] * c
        a, b = (second >> HALF) ^ b ^ key_a, second & LOW
        c, d = (first >> HALF) ^ d ^ key_b, first & LOW
        key_a = (key_a + INCREMENTS[0]) & LOW
        key_b = (key_b + INCREMENTS[1]) & LOW
    return a, b, c, d


@inline
def drop(a, slopes, random, layer, rate, n, n_units):
    """Set each activation to 0 with probability `rate`, and scale the others up.

    By 1 / (1 - rate), which keeps the mean ("inverted" dropout).

    Parameters
    ----------
    a, slopes : ndarray of shape (n * stride,)
        Activations and their derivatives, of `n` samples in rows; overwritten. Further
        columns than the units' may follow.
    random : ndarray of shape (>= n_units + 7,), uint64
        See `KEY` and what follows; the numbers are overwritten.
    layer : int
    rate : float
    n, n_units : int
    """
    stride = a.size // n
    n_quarter = (n_units + 3) // 4
    scale = a.dtype.type(1.0 / (1.0 - rate))
    zero = a.dtype.type(0)
    threshold = np.uint64(rate * 4294967296.0)
    key_a, key_b, step = random[KEY], random[KEY + 1], random[STEP]
    deep, numbers = np.uint64(layer), random[NUMBERS:]
    # Each of the four numbers in a run of its own, for contiguous writing.
    first, second = numbers[:n_quarter], numbers[n_quarter : 2 * n_quarter]
    third = numbers[2 * n_quarter : 3 * n_quarter]
    fourth = numbers[3 * n_quarter : 4 * n_quarter]
    for i in range(n):
        place = random[FIRST] + np.uint64(i)
        for j in range(n_quarter):
            drawn = philox(np.uint64(j), place, deep, step, key_a, key_b)
            first[j], second[j], third[j], fourth[j] = drawn
        values = a[i * stride : i * stride + n_units]
        slope = slopes[i * stride : i * stride + n_units]
        for j in range(n_units):
            factor = zero if numbers[j] < threshold else scale
            values[j] *= factor
            slope[j] *= factor


@jit
def activate_and_drop(z, slopes, random, layer, rate, n, n_units, functions):
    """Replace pre-activations by activations, their derivatives, and drop of both.

    Parameters
    ----------
    z, slopes : ndarray of shape (n * stride,)
        See `drop`, as for what follows.
    functions : Functions
    """
    if functions.hidden[SLOPE, layer] != 0:
        call(functions.hidden[SLOPE, layer], (z, slopes))
    else:
        # The derivative follows from the activation, while that is still there.
        call(functions.hidden[VALUE, layer], (z,))
        for i in range(slopes.size):
            slopes[i] = 1
        call(functions.hidden[DERIVATIVE, layer], (z, slopes))
    drop(z, slopes, random, layer, rate, n, n_units)
