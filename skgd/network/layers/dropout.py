"""Dropout: in training, activations are set to 0 at random.

The random numbers come from a generator without a state: each follows from the epoch's
seed, the step, the layer, the sample's place in the batch, and the unit. So it does not
matter which thread draws a number, nor in which chunk of the batch.

References: N. Srivastava et al., "Dropout: a simple way to prevent neural networks from
overfitting", JMLR 2014; J. Salmon et al., "Parallel random numbers: as easy as 1, 2,
3", SC 2011, for the generator, Philox-4x32 with 10 rounds.
"""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from skgd.kernels.machine.jit import inline, jit
from skgd.kernels.passes.plan import (
    FAN_OUT,
    FIRST,
    KEY,
    NUMBERS,
    OWN,
    STEP,
    backward_address,
    forward_address,
)
from skgd.network.layers.layer import Layer

# The layer's own column of the plan: the number of the hidden layer, so that each draws
# other random numbers.
HIDDEN = OWN

LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
INCREMENTS = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)


@inline
def philox(a, b, c, d, key_a, key_b):
    """Return four random numbers of 32 bits, given a counter and a key.

    The counter is four words of 32 bits, and the key is two.
    """
    for _ in range(10):
        first, second = MULTIPLIERS[0] * a, MULTIPLIERS[1] * c
        a, b = (second >> HALF) ^ b ^ key_a, second & LOW
        c, d = (first >> HALF) ^ d ^ key_b, first & LOW
        key_a = (key_a + INCREMENTS[0]) & LOW
        key_b = (key_b + INCREMENTS[1]) & LOW
    return a, b, c, d


@jit
def _forward(n, row, rate, w, x, y, kept, workspace):
    """Set each input to 0 with probability `rate`, and scale all that remain up.

    They are scaled by 1 / (1 - rate), which keeps the mean ("inverted" dropout). The
    factors are kept for the backward pass.
    """
    random, n_units = workspace.random, row[FAN_OUT]
    stride = y.size // n
    n_quarter = (n_units + 3) // 4
    scale = x.dtype.type(1.0 / (1.0 - rate))
    zero = x.dtype.type(0)
    threshold = np.uint64(rate * 4294967296.0)
    key_a, key_b, step = random[KEY], random[KEY + 1], random[STEP]
    deep, numbers = np.uint64(row[HIDDEN]), random[NUMBERS:]
    # The first numbers of all draws come first, then all second ones, and so on: so
    # each of the four is written contiguously.
    first, second = numbers[:n_quarter], numbers[n_quarter : 2 * n_quarter]
    third = numbers[2 * n_quarter : 3 * n_quarter]
    fourth = numbers[3 * n_quarter : 4 * n_quarter]
    for i in range(n):
        place = random[FIRST] + np.uint64(i)
        for j in range(n_quarter):
            drawn = philox(np.uint64(j), place, deep, step, key_a, key_b)
            first[j], second[j], third[j], fourth[j] = drawn
        start, stop = i * stride, i * stride + n_units
        values, factors, out = x[start:stop], kept[start:stop], y[start:stop]
        for j in range(n_units):
            factor = zero if numbers[j] < threshold else scale
            factors[j] = factor
            out[j] = values[j] * factor


@jit
def _backward(n, row, rate, w, x, y, kept, dx, dy, gradient, beta, workspace):
    for i in range(dy.size):
        dx[i] = dy[i] * kept[i]


@cache
def _functions(dtype):
    return forward_address(_forward, dtype), backward_address(_backward, dtype)


@dataclass(frozen=True)
class Dropout(Layer):
    """Dropout: some inputs become 0, and all that remain are scaled up.

    Parameters
    ----------
    fan_in, fan_out : int
        Its width, twice.
    rate : float
        Probability with which an input becomes 0.
    hidden : int
        Number of the hidden layer, from 0 on.
    """

    kind: ClassVar = "dropout"
    is_for_training: ClassVar = True

    rate: float
    hidden: int

    @classmethod
    def of_hidden(cls, n_units, hidden, settings):
        """Return the layer for a hidden layer of the settings, None for a rate of 0."""
        rates = settings.get("dropout")
        rate = 0.0 if rates is None else float(rates[hidden])
        return cls(n_units, n_units, rate, hidden) if rate > 0 else None

    def n_kept(self, training):
        """Return the memory for the factors."""
        return self.fan_out + 1

    def n_random(self):
        """Return enough for a number a unit, as numbers are drawn in fours."""
        return self.fan_out + 3

    def number(self):
        """Return the rate."""
        return self.rate

    def own(self, dtype, training):
        """Return the number of the hidden layer."""
        return (self.hidden,)

    def functions(self, dtype, training):
        """Return functions that draw factors, and that multiply by them."""
        return _functions(dtype)
