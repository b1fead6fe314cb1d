"""The plan of a network, which its passes read; it is made here."""

from functools import lru_cache
from itertools import accumulate

import numpy as np

from skgd.kernels.formulas.losses import loss_addresses
from skgd.kernels.passes.inputs import empty_inputs
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

# Blocks begin at multiples of this: a cache line in float32, and two in float64.
PADDING = 16


def make_plan(network, inputs, rows, *, training, gathers=False):
    """Compile or load the functions of a network, and make its plan.

    Parameters
    ----------
    network : Network
    inputs : Inputs
    rows : ndarray of shape (n,)
        Only the types of inputs and rows count, and whether there is a CSR matrix.
    training : bool
        Whether it is for training, or for predictions, which need no gradients.
    gathers : bool, default=False
        Whether samples are copied into a dense block even from a CSR matrix, as the
        pass of one sample does.

    Returns
    -------
    plan : Plan
    """
    types = inputs.data.dtype, rows.dtype, inputs.indptr.dtype
    reads_csr = inputs.indptr.size > 0 and not gathers
    return _make_plan(network, *types, reads_csr, training)


class _Blocks:
    """Lays out blocks, which begin with a cache line; numbers are for one sample."""

    def __init__(self):
        self.width = 0

    def __call__(self, width):
        start = self.width
        self.width += -(-width // PADDING) * PADDING
        return start


@lru_cache(maxsize=1024)  # for searches, which make the same networks again and again
def _make_plan(network, dtype, row_dtype, index_dtype, reads_csr, training):
    layers = [
        (number, layer)
        for number, layer in enumerate(network.layers)
        if training or not layer.is_for_training
    ]
    table = np.zeros((len(layers), N_COLUMNS), np.int64)
    starts = {number: start for number, _, start, _ in reversed(network.segments)}
    stops = {number: stop for number, _, _, stop in network.segments}
    inputs = empty_inputs(dtype, index_dtype, sparse=reads_csr)
    rows = np.empty(0, row_dtype)
    first = layers[0][1].first_functions(inputs, rows, training)
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
        gradients = 0  # the gradient at the samples is not needed
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
