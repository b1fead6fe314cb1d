"""How a batch is divided: into parts for threads, and chunks for the cache."""

import numpy as np

from skgd.kernels.team.protocol import MAX_TASKS

# Products of up to so many multiplications run without packing in OpenBLAS: measured at
# 55 instead of 45 GFLOP/s, of a peak of 55.
SMALL_PRODUCT = 10**6
# Bytes of values and gradients that stay in the second cache.
CHUNK_BYTES = 2**18
# Where that leaves fewer rows than the first, long products are the faster ones.
FEW_ROWS, MANY_ROWS = 32, 256

# Turns of a waiting loop, some 20 ns each: how long the primary thread waits for others
# before it calls them late, and how much longer for each operation of their tasks,
# which is ten times as long as they should take.
LATE_TURNS = 10_000
LATE_TURNS_PER_FLOP = 1e-2

# A part of a batch has to pay for a handing over of about a microsecond, and for a
# gradient of its own, which is written and added up: in the second cache, or beyond it.
# More parts than two have to pay more, as not every machine has a core for each. A step
# of 200 samples on 50-100-1 in four parts, and not eight, took two cores 0.93 times as
# long, in float32 0.91; one of 32 samples on 64-64-64-10 in two, and not one, 0.74.
MIN_PART_FLOPS = 5e5
MIN_FLOPS_PER_PARAMETER = 60
MIN_FLOPS_PER_PARAMETER_OF_MORE_PARTS = 140
FEW_PARAMETERS = 2**15
MIN_FLOPS_PER_PARAMETER_OF_MANY = 200
MAX_PARTS = 8
UPDATE_SIZE = 2048  # parameters of one update task, at least


def divide(network, inputs, batch_size):
    """Number of parts of a batch, and of the parameters: the tasks of a step.

    They follow from the data's shape alone, so that no result depends on the number of
    threads. Third comes how long to wait for a task.
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
    """Samples of a batch, or part of one, of `n` to pass through at once."""
    layers = network.layers[1 if sparse else 0 :]
    blocks = [layer.fan_out + 1 for layer in network.layers if not layer.in_place]
    if not sparse:
        blocks.append(network.layers[0].fan_in + 1)
    # With the intercepts, of those that have any.
    sizes = [
        layer.n_products() and layer.n_products() + layer.fan_out for layer in layers
    ]
    largest = max([1, *sizes])
    row = 2 * np.dtype(dtype).itemsize * sum(blocks)
    rows = min(SMALL_PRODUCT // largest, CHUNK_BYTES // row)
    if rows < FEW_ROWS:
        rows = MANY_ROWS
    n_chunks = max(1, -(-n // rows))
    return max(1, -(-n // n_chunks))
