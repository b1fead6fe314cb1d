"""A network as its passes read it: a row of numbers for each layer.

The plan says where each layer's parameters, inputs and outputs are, and at which
addresses its functions are. So the passes are loops over the rows, and need not know
the kinds of layers: these are described in `skgd.network.layers`, and
`skgd.network.plan` makes the rows.

The values that a layer computes for a batch are in a block of memory, with a row for
each sample. The rows of a layer with n outputs have n + 1 elements. A dense layer that
comes next writes a 1 into the last element, which its product multiplies by the
intercepts. The gradients at the outputs are in rows of the same length, whose last
element is not used.
"""

from typing import NamedTuple

import numpy as np

from skgd.kernels.machine.call import address
from skgd.kernels.machine.memory import aligned_zeros

# Columns of `Plan.layers`. START and STOP say where the layer's parameters begin and
# end. X, Y, DX, DY and KEPT say where the blocks begin that hold its inputs, its
# outputs, the gradients at both, and what it keeps for the backward pass. They count
# numbers of one sample, so a workspace multiplies them by its size. N_KEPT numbers are
# kept for each sample. N_DX is the length of a row of DX, and 0 where the gradient at
# the inputs is not needed. OWN and the two columns after it mean what the kind of layer
# wants them to mean.
KIND, FORWARD, BACKWARD, FAN_IN, FAN_OUT, START, STOP = range(7)
X, Y, DX, DY, KEPT, N_DX, N_KEPT, OWN = range(7, 15)
# Columns that only a barrier has (see `skgd.kernels.passes.stages`): the addresses of
# three more functions; where the sums of its forward pass begin, where those of its
# backward pass begin, and where these end.
MEASURE, COMBINE, MEASURE_BACK = range(OWN, OWN + 3)
SUMS, SUMS_BACK, SUMS_END = range(OWN + 3, OWN + 6)
N_COLUMNS = SUMS_END + 1

# Places in `Workspace.random`: the epoch's seed in two words, the number of the step,
# the place of the pass's first sample in the batch, and, from NUMBERS on, what a layer
# draws for one sample.
KEY, STEP, FIRST, NUMBERS = 0, 2, 3, 4

# Kinds of layers. The pass of one sample contains the code of DENSE and ACTIVATION; it
# calls the functions of all others.
CALLED, DENSE, ACTIVATION = range(3)


class Plan(NamedTuple):
    """All that the passes need besides parameters, samples and scratch memory."""

    layers: np.ndarray  # int64 (n_layers, N_COLUMNS)
    numbers: np.ndarray  # float64 (n_layers,): a number of the layer's own, or 0
    # Addresses of the functions of a first layer that reads the samples where they are;
    # both are 0 where the samples are copied into a block first.
    first_forward: int
    first_backward: int
    loss: int  # address of the loss of one output, or 0
    joint_loss: int  # address of the loss of all outputs at once, or 0
    loss_parameter: float  # the number that some losses have, such as a quantile
    n_outputs: int
    # Where the blocks of the loss begin: raw outputs, targets and weights.
    raw: int
    targets: int
    weights: int
    width: int  # numbers that a workspace has for one sample
    barriers: np.ndarray  # int64: the layers that need sums over the whole batch
    n_sums: int  # how many numbers these sums are
    n_random: int  # length of a workspace's `random`


class Workspace(NamedTuple):
    """Scratch memory of one thread, for up to `size` samples at once."""

    size: int
    memory: np.ndarray  # (size * plan.width,): the blocks
    random: np.ndarray  # uint64 (plan.n_random,): see KEY, STEP, FIRST and NUMBERS


def make_workspace(plan, size, dtype):
    """Allocate scratch memory for passes of up to `size` samples.

    Parameters
    ----------
    plan : Plan
    size : int
    dtype : dtype
        That of the parameters.

    Returns
    -------
    workspace : Workspace
    """
    return Workspace(
        size=size,
        memory=aligned_zeros(size * plan.width, dtype),
        random=np.zeros(plan.n_random, np.uint64),
    )


# A layer's functions are called with the number n of samples, the layer's row and
# number in the plan, its parameters w, its inputs x and outputs y, what it keeps, and
# the workspace. The backward function also gets the gradients dx and dy at x and y, and
# the gradient at w. It has to write dx, and to make the gradient at w ``beta`` (0 or 1)
# times what it was plus the sum over the samples. A layer in place writes its outputs
# where its inputs were; then y is x, and dx is dy.


def _common(dtype):
    vector = np.empty(0, dtype)
    row = np.empty(0, np.int64)
    return (0, row, 0.0, *[vector] * 4), Workspace(0, vector, np.empty(0, np.uint64))


def forward_address(function, dtype):
    """Compile a layer's forward function; return its address.

    It is called with (n, row, number, w, x, y, kept, workspace).
    """
    common, workspace = _common(dtype)
    return address(function, *common, workspace)


def backward_address(function, dtype):
    """Compile a layer's backward function; return its address.

    It is called with (n, row, number, w, x, y, kept, dx, dy, gradient, beta,
    workspace).
    """
    common, workspace = _common(dtype)
    vector = np.empty(0, dtype)
    gradients = vector, vector, vector, np.dtype(dtype).type(0)
    return address(function, *common, *gradients, workspace)
