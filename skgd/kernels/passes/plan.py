"""A network as its passes read it: a row of numbers for each layer.

The plan says where each layer's parameters, inputs and outputs are, and at which
addresses its functions. So the passes are loops over the rows, which know no kind of
layer; a kind of layer is described in `skgd.network.layers`, and `skgd.network.plan`
makes the rows.

Values of a batch are in rows, one a sample, and each layer's in a block of their own.
The rows of a layer of `n` outputs have n + 1 elements: the last is a 1 where a product
wants one, to meet the intercepts. Gradients at them are in rows as long, whose last
element is not used.
"""

from typing import NamedTuple

import numpy as np

from skgd.kernels.machine.call import address

# Columns of `Plan.layers`. START and STOP are those of the layer's parameters. X, Y,
# DX, DY and KEPT are where the blocks of its inputs, its outputs, the gradients at
# both, and what it keeps for the backward pass begin: numbers for one sample, so they
# are multiplied by a workspace's size. N_KEPT numbers are kept for a sample, and N_DX
# is 0 where nobody wants the gradient at the inputs. What OWN and the two after it are
# is the layer's business.
KIND, FORWARD, BACKWARD, FAN_IN, FAN_OUT, START, STOP = range(7)
X, Y, DX, DY, KEPT, N_DX, N_KEPT, OWN = range(7, 15)
# Of a barrier (see `skgd.kernels.passes.stages`): the addresses that it has of its own,
# and where its sums begin, those of the backward pass, and where they end.
MEASURE, COMBINE, MEASURE_BACK = range(OWN, OWN + 3)
SUMS, SUMS_BACK, SUMS_END = range(OWN + 3, OWN + 6)
N_COLUMNS = SUMS_END + 1

# Places in `Workspace.random`: the epoch's seed in two words, the step, the number of
# the pass's first sample in the batch, and what a layer draws for one sample.
KEY, STEP, FIRST, NUMBERS = 0, 2, 3, 4

# Kinds that a pass of one sample has inside; all others are called.
CALLED, DENSE, ACTIVATION = range(3)


class Plan(NamedTuple):
    """All that the passes need besides parameters, samples and scratch memory."""

    layers: np.ndarray  # int64 (n_layers, N_COLUMNS)
    numbers: np.ndarray  # float64 (n_layers,): a number of the layer's own, or 0
    # Of a first layer that reads the samples where they are; 0 where they are gathered.
    first_forward: int
    first_backward: int
    loss: int  # address of the loss of one output, or 0
    joint_loss: int  # of that of all outputs at once, or 0
    loss_parameter: float  # the number that some losses have, such as a quantile
    n_outputs: int
    # Where the loss's scratch begins, as the blocks of the layers.
    raw: int
    targets: int
    weights: int
    width: int  # numbers that a workspace has for one sample
    barriers: np.ndarray  # int64: the layers that need sums over the whole batch
    n_sums: int  # numbers that these sums are
    n_random: int  # numbers that it has for random draws


class Workspace(NamedTuple):
    """Scratch memory of one thread, for up to `size` samples at once."""

    size: int
    memory: np.ndarray  # (size * plan.width,): the blocks
    random: np.ndarray  # uint64, (plan.n_random,): from KEY on


# Bytes of a cache line.
LINE = 64


def aligned_zeros(n, dtype):
    """Return `n` zeros that begin with a cache line: loads that cross one are slow."""
    dtype = np.dtype(dtype)
    memory = np.zeros(n * dtype.itemsize + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + n * dtype.itemsize].view(dtype)


def make_workspace(plan, size, dtype):
    """Allocate scratch memory for passes of up to `size` samples."""
    return Workspace(
        size=size,
        memory=aligned_zeros(size * plan.width, dtype),
        random=np.zeros(plan.n_random, np.uint64),
    )


# What a layer's functions are called with: the number n of samples, its row and number
# of the plan, its parameters w, its inputs x and outputs y, and what it keeps. Those of
# the backward pass also with the gradients dx and dy at x and y, of which dx is to be
# written, and the gradient at w: the sum over the samples is to be added to ``beta``
# (0 or 1) times what it was. A layer in place has its outputs where its inputs were,
# and dx is dy.


def _common(dtype):
    vector = np.empty(0, dtype)
    row = np.empty(0, np.int64)
    return (0, row, 0.0, *[vector] * 4), Workspace(0, vector, np.empty(0, np.uint64))


def forward_address(function, dtype):
    """Compile a layer's forward function; return where it is.

    It is called with (n, row, number, w, x, y, kept, workspace).
    """
    common, workspace = _common(dtype)
    return address(function, *common, workspace)


def backward_address(function, dtype):
    """Compile its backward one; return where it is.

    It is called with (n, row, number, w, x, y, kept, dx, dy, gradient, beta,
    workspace).
    """
    common, workspace = _common(dtype)
    vector = np.empty(0, dtype)
    gradients = vector, vector, vector, np.dtype(dtype).type(0)
    return address(function, *common, *gradients, workspace)
