"""The nodes of a graph, and the activations and links that are made of them."""

# To add an activation, write a function that adds its nodes, and add it to
# `ACTIVATIONS`. To add an output link, do the same with `LINKS`. Layers add their nodes
# themselves, in `to_onnx`.

from functools import cache

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from onnx import TensorProto
from onnx.helper import np_dtype_to_tensor_dtype
from scipy.special import erfcx

from skgd.kernels.formulas.activations import LEAKY_SLOPE, SELU_FLOOR, SELU_SCALE


class Nodes:
    """Adds nodes to a graph: ``add("Mul", x, 2)`` returns the name of the output.

    Parameters
    ----------
    scope, container : objects of skl2onnx
        The first makes names, and the second is the graph that is being made.
    dtype : dtype
        That of the arithmetic: float32 or float64.
    """

    def __init__(self, scope, container, dtype):
        self._scope, self._container = scope, container
        self.dtype = np.dtype(dtype)
        self.is_double = self.dtype == np.float64

    def __call__(self, operator, *inputs, output=None, **attributes):
        """Add a node.

        Parameters
        ----------
        operator : str
        *inputs : str or array-like
            Names, or numbers, which become constants.
        output : str, default=None
            The name of its output; None makes a new one.
        **attributes : dict
            The node's attributes, and its ``op_domain`` and ``op_version``, if they are
            not those of the graph.

        Returns
        -------
        str
            Name of the output.
        """
        output = output or self._scope.get_unique_variable_name(operator.lower())
        self._container.add_node(
            operator,
            [x if isinstance(x, str) else self.constant(x) for x in inputs],
            output,
            name=self._scope.get_unique_operator_name(operator),
            **attributes,
        )
        return output

    def in_dtype(self, dtype):
        """Return an object that adds nodes of another dtype to the same graph."""
        return Nodes(self._scope, self._container, dtype)

    def cast(self, x, output=None):
        """Add a cast to `dtype`; return the name of the output."""
        to = np_dtype_to_tensor_dtype(self.dtype)
        return self("Cast", x, output=output, to=to)

    def activation(self, name, z):
        """Add the nodes of an activation; return the name of the output.

        Raises
        ------
        ValueError
            If it is not one of the activations that skgd names.
        """
        if name not in ACTIVATIONS:
            raise ValueError(
                f"{name!r} cannot be converted to ONNX: only the activations that skgd "
                "names can."
            )
        return ACTIVATIONS[name](self, z)

    def constant(self, values):
        """Add a constant: floats become `dtype`, integers int64, and texts UTF-8."""
        values = np.asarray(values)
        if values.dtype.kind in "if":
            dtype = self.dtype if values.dtype.kind == "f" else np.dtype(np.int64)
            kind, values = np_dtype_to_tensor_dtype(dtype), values.astype(dtype)
        else:
            kind = TensorProto.STRING
            values = np.array([text.encode() for text in values], object)
        name = self._scope.get_unique_variable_name("constant")
        self._container.add_initializer(name, kind, values.shape, values.ravel())
        return name


# Activations --------------------------------------------------------------------------

# Each function gets the Nodes and the name of the pre-activations, and returns the name
# of the activations. Exponentials are taken of numbers up to 0 only, so that they do
# not overflow. logistic and silu are exceptions: there an infinite one leads to 0,
# which is right.


def _identity(add, z):
    return z


def _logistic(add, z):
    if add.is_double:  # onnxruntime's has 16 decimals, and 0 for what is smaller
        return add("Div", 1.0, add("Add", add("Exp", add("Neg", z)), 1.0))
    return add("Sigmoid", z)


def _tanh(add, z):
    return add("Tanh", z)


def _relu(add, z):
    return add("Relu", z)


def _leaky_relu(add, z):
    if add.is_double:
        return add("Max", z, add("Mul", z, LEAKY_SLOPE))
    return add("LeakyRelu", z, alpha=LEAKY_SLOPE)


def _expm1_below(add, z):
    """Add nodes for ``exp(z) - 1`` below 0, and 0 above."""
    return add("Sub", add("Exp", add("Min", z, 0.0)), 1.0)


def _elu(add, z):
    if add.is_double:
        return add("Add", add("Relu", z), _expm1_below(add, z))
    return add("Elu", z, alpha=1.0)


def _selu(add, z):
    if add.is_double:
        above = add("Mul", add("Relu", z), SELU_SCALE)
        return add("Add", above, add("Mul", _expm1_below(add, z), SELU_FLOOR))
    return add("Selu", z, gamma=SELU_SCALE, alpha=SELU_FLOOR / SELU_SCALE)


def _gelu(add, z):
    if add.is_double:
        a = add("Abs", z)
        return add("Sub", add("Relu", z), add("Mul", a, _normal_tail(add, a)))
    erf = add("Erf", add("Mul", z, np.sqrt(0.5)))
    return add("Mul", add("Mul", z, 0.5), add("Add", erf, 1.0))


def _silu(add, z):
    return add("Div", z, add("Add", add("Exp", add("Neg", z)), 1.0))


def _softplus(add, z):
    if add.is_double:
        e = add("Exp", add("Neg", add("Abs", z)))
        return add("Add", add("Relu", z), add("Log", add("Add", e, 1.0)))
    return add("Softplus", z)


def _mish(add, z):
    return add("Mul", z, add("Tanh", _softplus(add, z)))


ACTIVATIONS = {
    "identity": _identity,
    "logistic": _logistic,
    "tanh": _tanh,
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "selu": _selu,
    "gelu": _gelu,
    "silu": _silu,
    "softplus": _softplus,
    "mish": _mish,
}

# The 5 of ``t = (a - 5) / (a + 5)``, which maps the tail's a >= 0 to [-1, 1).
TAIL_CENTRE = 5.0


@cache
def _tail_coefficients():
    """Return a polynomial of t for ``(a + 5) exp(a^2 / 2)`` times the normal cdf at -a.

    This product is smooth, whereas the cdf itself falls rapidly to 0. With this degree
    the error is 1e-16.
    """

    def scaled_tail(t):
        a = TAIL_CENTRE * (1 + t) / (1 - t)
        return (a + TAIL_CENTRE) * erfcx(a / np.sqrt(2)) / 2

    chebyshev = Chebyshev.interpolate(scaled_tail, 21)
    return chebyshev.convert(kind=Polynomial).coef


def _normal_tail(add, a):
    """Add the standard normal cdf at -a, a >= 0, without Erf.

    `skgd.kernels.formulas.elementary` has the same method.
    """
    a = add("Min", a, 40.0)  # from there on the exponential is 0
    shifted = add("Add", a, TAIL_CENTRE)
    t = add("Div", add("Sub", a, TAIL_CENTRE), shifted)
    *others, polynomial = _tail_coefficients()
    for coefficient in reversed(others):
        polynomial = add("Add", add("Mul", t, polynomial), coefficient)
    exponential = add("Exp", add("Mul", add("Mul", a, a), -0.5))
    return add("Mul", exponential, add("Div", polynomial, shifted))


# Links --------------------------------------------------------------------------------


def _exp(add, raw):
    return add("Exp", raw)


def _softmax(add, raw):
    return add("Softmax", raw, axis=1)


# From the raw outputs to the predictions, by the names of links.
LINKS = {
    "identity": _identity,
    "exp": _exp,
    "logistic": _logistic,
    "softmax": _softmax,
}
