"""Random draws of a descent: the order of samples, and a generator's position."""

import ctypes

from skgd.kernels.shuffle import shuffle_rows


def shuffle(order, random_state):
    """Shuffle `order` in place, as `sklearn.utils.shuffle` does and with its draws."""
    # RandomState has no public name for its bit generator, whose interface is public.
    bit_generator = random_state._bit_generator
    interface = bit_generator.ctypes
    draw = ctypes.cast(interface.next_uint32, ctypes.c_void_p).value
    with bit_generator.lock:
        shuffle_rows(order, draw, interface.state_address)


# The state of NumPy's MT19937: 624 words and a position.
_GENERATOR_BYTES = 625 * 4


def generator_position(random_state):
    """Return the state of a generator that a seed has made, as bytes.

    `get_state` takes 32 us for it, a tenth of a partial_fit of a few rows (measured;
    `tests/benchmarks/streams.py` times such calls).
    """
    address = random_state._bit_generator.ctypes.state_address
    return ctypes.string_at(address, _GENERATOR_BYTES)


def move_generator(random_state, position):
    """Put a generator back to where it was at a former `generator_position`."""
    address = random_state._bit_generator.ctypes.state_address
    ctypes.memmove(address, position, _GENERATOR_BYTES)
