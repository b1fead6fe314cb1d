"""The activation of a hidden layer, in place."""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from skgd.kernels.formulas.activations import find_activation
from skgd.kernels.machine.call import address
from skgd.kernels.machine.jit import jit
from skgd.kernels.passes.activate import activate, multiply_by_derivative
from skgd.kernels.passes.plan import ACTIVATION, backward_address, forward_address
from skgd.network.layers.layer import Layer


@jit
def _forward(n, row, number, w, x, y, kept, workspace):
    activate(row, y, kept)


@jit
def _backward(n, row, number, w, x, y, kept, dx, dy, gradient, beta, workspace):
    multiply_by_derivative(row, y, kept, dy)


@cache
def _functions(dtype, training):
    forward = forward_address(_forward, dtype)
    return forward, backward_address(_backward, dtype) if training else 0


@cache
def _addresses(formula, dtype, training):
    """Compile the activation, and for training its derivative or slope."""
    vector = np.empty(0, dtype)
    derivative = slope = 0
    if training and formula.slope is not None:
        slope = address(formula.slope, vector, vector)
    elif training:
        derivative = address(formula.derivative, vector, vector)
    return address(formula.value, vector), derivative, slope


@dataclass(frozen=True)
class ActivationLayer(Layer):
    """Activation of a hidden layer, ``y = f(x)``, element by element.

    Parameters
    ----------
    fan_in, fan_out : int
        Its width, twice.
    activation : str or `skgd.Activation`
        A name in `skgd.kernels.formulas.activations`, or a user's own.
    """

    kind: ClassVar = "activation"
    code: ClassVar = ACTIVATION
    in_place: ClassVar = True

    activation: str

    @classmethod
    def of_hidden(cls, n_units, hidden, settings):
        """Return the layer for a hidden layer of the settings."""
        return cls(n_units, n_units, settings["activation"][hidden])

    def check(self):
        """Raise also if there is no activation of this name: a KeyError."""
        super().check()
        find_activation(self.activation)

    def n_kept(self, training):
        """Return the memory for slopes, if they do not follow from activations."""
        has_slopes = find_activation(self.activation).slope is not None
        return self.fan_out + 1 if has_slopes and training else 0

    def own(self, dtype, training):
        """Return the addresses of the activation, its derivative and its slope."""
        return _addresses(find_activation(self.activation), dtype, training)

    def functions(self, dtype, training):
        """Return functions that apply the activation and multiply by its derivative."""
        return _functions(dtype, training)

    def to_onnx(self, add, x, arrays):
        """Add the operators that make this activation; return its outputs' name."""
        return add.activation(self.activation, x)
