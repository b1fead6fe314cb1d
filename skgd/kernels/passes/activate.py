"""An activation in place, called by the addresses in its layer's row of the plan."""

from skgd.kernels.machine.call import call
from skgd.kernels.machine.jit import inline
from skgd.kernels.passes.plan import OWN

# The layer's own columns of the plan hold the addresses of the functions that
# `skgd.kernels.formulas.activations` describes.
VALUE, DERIVATIVE, SLOPE = OWN, OWN + 1, OWN + 2


@inline
def activate(row, z, slopes):
    """Replace pre-activations by activations, and keep slopes if there is room."""
    if slopes.size == 0:
        call(row[VALUE], (z,))
    else:
        call(row[SLOPE], (z, slopes))


@inline
def multiply_by_derivative(row, a, slopes, delta):
    """Multiply the gradient at the activations by their derivative."""
    if slopes.size == 0:
        call(row[DERIVATIVE], (a, delta))
    else:
        for i in range(delta.size):
            delta[i] *= slopes[i]
