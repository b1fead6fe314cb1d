"""From a network to the plan that its passes read."""

from functools import lru_cache
from itertools import accumulate

import numpy as np

from skgd.kernels.formulas.losses import loss_addresses
from skgd.kernels.passes.inputs import Inputs, read_only
from skgd.kernels.passes.plan import (
    BACKWARD,
    DX,
    DY,
    FAN_IN,
    FAN_OUT,
    FORWARD,
    KEPT,
    KIND,
    N_COLUMNS,
    N_DX,
    N_KEPT,
    NUMBERS,
    OWN,
    START,
    STOP,
    SUMS,
    SUMS_BACK,
    SUMS_END,
    Plan,
    X,
    Y,
)

# Numbers of a cache line, in float32; half of it are one in float64.
LINE = 16


def make_plan(network, inputs, rows, *, training, gathers=False):
    """Compile or load what a network's passes need, and lay out its rows.

    Parameters
    ----------
    network : Network
    inputs : Inputs
    rows : ndarray of shape (n,)
        Of both only the types count.
    training : bool
        Whether for training, or for predictions, which need no gradients.
    gathers : bool, default=False
        Whether samples are copied to be dense, however they are stored: a pass of one
        sample does.

    Returns
    -------
    plan : Plan
    """
    types = inputs.data.dtype, rows.dtype, inputs.indptr.dtype
    reads_csr = inputs.indptr.size > 0 and not gathers
    return _make_plan(network, *types, reads_csr, training)


class _Blocks:
    """Gives out blocks of numbers for each sample, which begin with a cache line."""

    def __init__(self):
        self.width = 0

    def __call__(self, width):
        start = self.width
        self.width += -(-width // LINE) * LINE
        return start


@lru_cache(maxsize=1024)  # of searches, which make the same networks again
def _make_plan(network, dtype, row_dtype, index_dtype, reads_csr, training):
    layers = [
        (number, layer)
        for number, layer in enumerate(network.layers)
        if training or not layer.is_for_training
    ]
    table = np.zeros((len(layers), N_COLUMNS), np.int64)
    starts = {number: start for number, _, start, _ in reversed(network.segments)}
    stops = {number: stop for number, _, _, stop in network.segments}
    examples = _examples(dtype, row_dtype, index_dtype, reads_csr)
    first = layers[0][1].first_functions(*examples, training)
    blocks = _Blocks()
    values = blocks(0 if first[0] else layers[0][1].fan_in + 1)
    for row, (number, layer) in zip(table, layers, strict=True):
        row[KIND] = layer.code
        row[FORWARD], row[BACKWARD] = layer.functions(dtype, training)
        row[FAN_IN], row[FAN_OUT] = layer.fan_in, layer.fan_out
        row[START], row[STOP] = starts.get(number, 0), stops.get(number, 0)
        own = layer.own(dtype, training)
        row[OWN : OWN + len(own)] = own
        row[X] = values
        values = row[Y] = values if layer.in_place else blocks(layer.fan_out + 1)
        row[N_KEPT] = layer.n_kept(training)
        row[KEPT] = blocks(row[N_KEPT])
    barriers, n_sums = [], 0
    if training:
        for number, (row, (_, layer)) in enumerate(zip(table, layers, strict=True)):
            if layer.is_barrier:
                barriers.append(number)
                ends = accumulate((n_sums, *layer.n_sums()))
                row[SUMS], row[SUMS_BACK], row[SUMS_END] = ends
                n_sums = row[SUMS_END]
        gradients = 0  # nobody wants those at the samples
        n_gradients = 0
        for row, (_, layer) in zip(table, layers, strict=True):
            row[DX], row[N_DX] = gradients, n_gradients
            if not layer.in_place:
                n_gradients = layer.fan_out + 1
                gradients = blocks(n_gradients)
            row[DY] = gradients
    n_outputs = network.n_outputs
    n_random = max(layer.n_random() for _, layer in layers)
    scratch = [blocks(n * training) for n in (n_outputs, n_outputs, 1)]
    addresses = loss_addresses(network.formula, dtype) if training else (0, 0)
    return Plan(
        layers=table,
        numbers=np.array([layer.number() for _, layer in layers]),
        first_forward=first[0],
        first_backward=first[1],
        loss=addresses[0],
        joint_loss=addresses[1],
        loss_parameter=network.loss_parameter,
        n_outputs=n_outputs,
        raw=scratch[0],
        targets=scratch[1],
        weights=scratch[2],
        width=blocks.width,
        barriers=np.array(barriers, np.int64),
        n_sums=int(n_sums),
        n_random=NUMBERS + n_random,
    )


def _examples(dtype, row_dtype, index_dtype, sparse):
    """Inputs and rows of these types."""
    indices = np.zeros(2 if sparse else 0, index_dtype)
    arrays = np.empty((0, 0), dtype), np.empty(0, dtype), indices, indices
    return Inputs(*map(read_only, arrays)), np.empty(0, row_dtype)
