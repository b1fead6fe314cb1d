"""Division of a batch: into parts for threads, and into chunks for the cache."""

from functools import lru_cache

import numpy as np

from skgd.kernels.machine.gemm import SMALL
from skgd.kernels.team.protocol import MAX_TASKS

# OpenBLAS computes products of up to this many multiplications without copying blocks
# of the matrices: at 55 instead of 45 GFLOP/s, with a peak of 55 (measured).
SMALL_PRODUCT = 10**6
# Bytes of a chunk's values and gradients, so that they stay in the second cache.
CHUNK_BYTES = 2**18
# If these limits allow fewer than FEW_ROWS rows, a chunk has MANY_ROWS instead, as long
# products are faster then.
FEW_ROWS, MANY_ROWS = 32, 256

# How long the primary thread waits for helpers before it calls them late, and how much
# longer for each floating-point operation of a task, in turns of a waiting loop, which
# take some 20 ns each. It is ten times as long as a task should take.
LATE_TURNS = 10_000
LATE_TURNS_PER_FLOP = 1e-2

# A part of a batch has costs of its own: it takes about a microsecond to hand it to a
# thread, and it has a gradient, which is written and added up, in the second cache or
# beyond it. So a batch is divided only as far as its parts have this much work. More
# than two parts need more work each, as not every machine has a core for each part. On
# two cores, a step of 200 samples on 50-100-1 took 0.93 times as long in four parts as
# in eight, and in float32 0.91 times; a step of 32 samples on 64-64-64-10 took 0.74
# times as long in two parts as in one (measured; `tests/benchmarks/run.py` times both).
MIN_PART_FLOPS = 5e5
MIN_FLOPS_PER_PARAMETER = 60
MIN_FLOPS_PER_PARAMETER_OF_MORE_PARTS = 140
FEW_PARAMETERS = 2**15
MIN_FLOPS_PER_PARAMETER_OF_MANY = 200
MAX_PARTS = 8
UPDATE_SIZE = 2048  # parameters of one update task, at least


def divide(network, inputs, batch_size):
    """Return how many tasks a step has, and how long to wait for a task.

    The numbers follow from the network and the data's shape alone, so that no result
    depends on the number of threads.

    Parameters
    ----------
    network : Network
    inputs : Inputs
    batch_size : int

    Returns
    -------
    n_parts : int
        Parts of a batch.
    n_updates : int
        Parts of the parameters, which are updated one by one.
    late_turns : int
        Turns of a waiting loop after which a task is late.
    """
    n_parameters, first = network.n_parameters, network.layers[0]
    products = sum(layer.n_products() for layer in network.layers)
    flops = 2 * (3 * products - first.n_products())  # a sample's, in both passes
    if inputs.indptr.size > 0:
        stored = inputs.data.size / (inputs.indptr.size - 1)
        flops -= 4 * (first.n_products() - stored * first.fan_out)
    first, more = MIN_FLOPS_PER_PARAMETER, MIN_FLOPS_PER_PARAMETER_OF_MORE_PARTS
    if n_parameters > FEW_PARAMETERS:
        first = more = MIN_FLOPS_PER_PARAMETER_OF_MANY
    n_parts = 1
    while n_parts < MAX_PARTS:
        per_parameter = first if n_parts == 1 else more
        least = max(MIN_PART_FLOPS, per_parameter * n_parameters)
        if batch_size * flops < 2 * n_parts * least:
            break
        n_parts *= 2
    n_updates = int(min(max(n_parameters // UPDATE_SIZE, 1), MAX_TASKS))
    part_flops = batch_size * flops / n_parts
    return n_parts, n_updates, LATE_TURNS + int(LATE_TURNS_PER_FLOP * part_flops)


def chunk_size(network, n, dtype, sparse):
    """Return how many of `n` samples, a batch or a part of one, make a chunk.

    Parameters
    ----------
    network : Network
    n : int
    dtype : dtype
    sparse : bool
        Whether the samples are read from a CSR matrix.

    Returns
    -------
    size : int
    """
    rows = _largest_chunk(network, np.dtype(dtype), sparse)
    n_chunks = max(1, -(-n // rows))
    return max(1, -(-n // n_chunks))


@lru_cache(maxsize=1024)
def _largest_chunk(network, dtype, sparse):
    layers = network.layers[1 if sparse else 0 :]
    blocks = [layer.fan_out + 1 for layer in network.layers if not layer.in_place]
    if not sparse:
        blocks.append(network.layers[0].fan_in + 1)
    row = 2 * dtype.itemsize * sum(blocks)
    rows = min(SMALL_PRODUCT // _largest_product(layers), CHUNK_BYTES // row)
    return MANY_ROWS if rows < FEW_ROWS else rows


def _largest_product(layers):
    """Return the multiplications that one sample takes in a layer, at most."""
    # A product counts the intercepts too; layers without products have 0.
    sizes = [
        layer.n_products() and layer.n_products() + layer.fan_out for layer in layers
    ]
    return max([1, *sizes])


@lru_cache(maxsize=1024)
def calls_blas(network, n, dtype):
    """Return whether BLAS computes products when `n` samples go forward at once."""
    return n * _largest_product(network.layers) * np.dtype(dtype).itemsize > SMALL
