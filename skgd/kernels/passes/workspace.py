"""What a network is to the kernels, and the scratch memory of its passes.

Parameters are one flat vector: layer by layer the coefs, shape (fan_in, fan_out) in C
order, then the intercepts. So each layer is one matrix of fan_in + 1 rows.

Values and deltas of a batch are in rows, one row a sample, one block a layer. Each row
of values ends with a 1: it meets the intercepts in the forward product, and makes their
gradient in the backward one. Rows of deltas are as long, their last element unused.
"""

from functools import cache
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np

from skgd.kernels.formulas.activations import (
    DERIVATIVE,
    DERIVATIVES,
    DROP,
    HAS_SLOPES,
    SLOPE,
    SLOPES,
    VALUE,
    VALUES,
)
from skgd.kernels.formulas.losses import JOINT_LOSSES, LOSSES
from skgd.kernels.layers.dropout import NUMBERS, activate_and_drop
from skgd.kernels.machine.call import address
from skgd.kernels.machine.gemm import multiply

# Products of up to so many multiplications run without packing in OpenBLAS: measured at
# 55 instead of 45 GFLOP/s, of a peak of 55.
SMALL_PRODUCT = 10**6
# Bytes of values and deltas that stay in the second cache.
CHUNK_BYTES = 2**18
# Where that leaves fewer rows than the first, long products are the faster ones.
FEW_ROWS, MANY_ROWS = 32, 256


class Network(NamedTuple):
    """The shape of a network: all that the kernels need besides its parameters."""

    layer_units: np.ndarray  # int64, (n_layers,): features, hidden units, outputs
    # int64, (n_layers,): where each layer's parameters begin, and the last one's end
    offsets: np.ndarray
    activations: np.ndarray  # int64, (n_layers - 2,): `Activation` of each hidden layer
    loss: int  # `Loss`, which fixes the output link
    loss_parameter: float  # the number that some losses have, such as a quantile
    dropout: np.ndarray  # float64, (n_layers - 2,): each hidden layer's rate


def make_network(layer_units, activations, loss, loss_parameter=0.0, dropout=0.0):
    """Lay out the parameters of a network; `dropout` is one rate, or one a layer."""
    units = np.asarray(layer_units, np.int64)
    sizes = (units[:-1] + 1) * units[1:]
    offsets = np.concatenate([[0], sizes.cumsum()]).astype(np.int64)
    activations = np.asarray(activations, np.int64)
    dropout = np.full(activations.shape, dropout, float)
    loss, parameter = int(loss), float(loss_parameter)
    return Network(units, offsets, activations, loss, parameter, dropout)


class Functions(NamedTuple):
    """Addresses of the functions that a network's passes call, for one dtype."""

    multiply: int
    hidden: np.ndarray  # int64, (5, n_layers - 2): see `formulas.activations`
    loss: int  # in `LOSSES`, or 0
    joint_loss: int  # in `JOINT_LOSSES`, or 0


def _addresses(functions, activations, n_vectors, dtype):
    """Of each layer's function; 0 where there is none."""
    vectors = [np.empty(0, dtype)] * n_vectors
    found = [functions.get(code) for code in activations]
    addresses = [0 if f is None else address(f, *vectors) for f in found]
    return np.array(addresses, np.int64)


@cache
def make_functions(activations, drops, loss, dtype, training):
    """Compile the functions that a network needs, or load them; a prediction: values.

    Parameters
    ----------
    activations : tuple of int
    drops : tuple of bool
        Whether each hidden layer has dropout.
    loss : int
    dtype : dtype
    training : bool
    """
    hidden = np.zeros((5, len(activations)), np.int64)
    hidden[VALUE] = _addresses(VALUES, activations, 1, dtype)
    vector, matrix = np.empty(0, dtype), np.empty((0, 0), dtype)
    matrices = vector, 0, vector, 0, dtype.type(0), vector, 0
    functions = Functions(
        address(multiply, False, False, 0, 0, 0, *matrices), hidden, 0, 0
    )
    if not training:
        return functions
    hidden[DERIVATIVE] = _addresses(DERIVATIVES, activations, 2, dtype)
    hidden[SLOPE] = _addresses(SLOPES, activations, 2, dtype)
    if any(drops):
        random = np.empty(0, np.uint64)
        arguments = vector, vector, random, 0, 0.0, 0, 0, functions
        hidden[DROP] = address(activate_and_drop, *arguments) * np.array(drops)
    hidden[HAS_SLOPES] = (hidden[SLOPE] != 0) | (hidden[DROP] != 0)
    if loss in JOINT_LOSSES:
        joint_loss = address(JOINT_LOSSES[loss], matrix, matrix, vector)
        return functions._replace(joint_loss=joint_loss)
    return functions._replace(loss=address(LOSSES[loss], vector, vector, vector, 0.0))


class Passes(NamedTuple):
    """Addresses of the passes of training; all 0 where they are not called by them."""

    add_sparse_gradient: int  # 0 for dense input
    forward: int
    loss_and_gradient: int


class Workspace(NamedTuple):
    """Scratch memory of one thread, for up to `size` samples at once."""

    functions: Functions
    passes: Passes
    size: int
    blocks: np.ndarray  # int64, (n_layers,): where each layer's values begin
    values: np.ndarray  # blocks of (size, units + 1); of the features only when dense
    deltas: np.ndarray  # the same, without the features
    slopes: np.ndarray  # the same as deltas, or empty if no layer needs them
    random: np.ndarray  # uint64: dropout's numbers, and what they follow from
    raw: np.ndarray  # (n_outputs * size,)
    targets: np.ndarray  # the same
    weights: np.ndarray  # (size,)


def make_workspace(network, size, dtype, sparse, *, training=True):
    """Allocate scratch memory; a prediction needs values only."""
    units = network.layer_units.tolist()
    lengths = [size * (n + 1) for n in units]
    if sparse:
        lengths[0] = 0
    n_training = size if training else 0
    activations = tuple(network.activations.tolist())
    drops = tuple(rate > 0 for rate in network.dropout.tolist())
    functions = make_functions(
        activations, drops, network.loss, np.dtype(dtype), training
    )
    n_deltas = sum(lengths[1:]) if training else 0
    has_slopes = training and functions.hidden[HAS_SLOPES].any()
    n_random = NUMBERS + (max(units) + 3 if training and any(drops) else 0)
    return Workspace(
        functions=functions,
        passes=Passes(0, 0, 0),
        size=size,
        blocks=np.array([0, *accumulate(lengths[:-1])]),
        values=np.ones(sum(lengths), dtype),
        deltas=np.zeros(n_deltas, dtype),
        slopes=np.zeros(n_deltas if has_slopes else 0, dtype),
        random=np.zeros(n_random, np.uint64),
        raw=np.empty(units[-1] * n_training, dtype),
        targets=np.empty(units[-1] * n_training, dtype),
        weights=np.empty(n_training, dtype),
    )


def chunk_size(network, n, dtype, sparse):
    """Samples of a batch, or part of one, of `n` to pass through at once."""
    units = network.layer_units.tolist()
    matrices = [(a + 1) * b for a, b in pairwise(units)]
    first = 1 if sparse else 0
    largest = max(matrices[first:], default=1)
    row = 2 * np.dtype(dtype).itemsize * (sum(units[first:]) + len(units))
    rows = min(SMALL_PRODUCT // largest, CHUNK_BYTES // row)
    if rows < FEW_ROWS:
        rows = MANY_ROWS
    n_chunks = max(1, -(-n // rows))
    return max(1, -(-n // n_chunks))
