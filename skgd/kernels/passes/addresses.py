"""The addresses of the compiled passes of training, for each type of data."""

from functools import cache
from typing import NamedTuple

import numpy as np

from skgd.kernels.machine.call import address
from skgd.kernels.passes.batch import forward, in_chunks
from skgd.kernels.passes.inputs import Samples, empty_inputs, read_only
from skgd.kernels.passes.plan import Plan, Workspace
from skgd.kernels.passes.stages import run_stage


class Passes(NamedTuple):
    """Addresses of the passes of training."""

    forward: int
    in_chunks: int
    stage: int  # 0 in networks without barriers; the two above are 0 in those with them


# A plan without layers: functions are compiled for its types.
_NO_PLAN = Plan(
    layers=np.empty((0, 0), np.int64),
    numbers=np.empty(0),
    **dict.fromkeys(("first_forward", "first_backward", "loss", "joint_loss"), 0),
    loss_parameter=0.0,
    **dict.fromkeys(("n_outputs", "raw", "targets", "weights", "width"), 0),
    barriers=np.empty(0, np.int64),
    n_sums=0,
    n_random=0,
)


@cache
def _passes(dtype, row_dtype, index_dtype, has_barriers):
    """Compile the passes for arrays of these types, or load them.

    The examples have exactly the types of what an epoch hands on: `as_samples` makes
    read-only views, and all arrays are C-contiguous.
    """
    vector, matrix = np.empty(0, dtype), np.empty((0, 0), dtype)
    rows, inputs = np.empty(0, row_dtype), empty_inputs(dtype, index_dtype)
    samples = Samples(inputs, read_only(matrix), read_only(vector))
    workspace, double = Workspace(0, vector, np.empty(0, np.uint64)), np.empty(0)
    if has_barriers:
        common = samples, rows, 0, workspace, vector, double, double
        return Passes(0, 0, address(run_stage, _NO_PLAN, vector, *common))
    return Passes(
        address(forward, _NO_PLAN, vector, inputs, rows, workspace),
        address(in_chunks, _NO_PLAN, 0, vector, samples, rows, 0, workspace, vector),
        0,
    )


def passes_for(plan, inputs, rows):
    """Return the addresses of the passes of training on these samples.

    Parameters
    ----------
    plan : Plan
    inputs : Inputs
    rows : ndarray of shape (n,)
        Only the types of inputs and rows count.

    Returns
    -------
    passes : Passes
    """
    types = inputs.data.dtype, rows.dtype, inputs.indptr.dtype
    return _passes(*types, plan.barriers.size > 0)
