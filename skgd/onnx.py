"""Conversion to ONNX: importing this module teaches skl2onnx the estimators.

After ``import skgd.onnx``, ``skl2onnx.to_onnx`` and ``skl2onnx.convert_sklearn`` take
`GDNeuralRegressor` and `GDNeuralClassifier`, alone or within pipelines. There is
nothing to call here.

The type of the input decides the arithmetic: float64 for a float64 input, and float32
for any other, whatever the network was trained in. On a CPU, onnxruntime has no float64
kernels for some operators (Elu, Erf, LeakyRelu, Selu, Softplus); in float64 they are
replaced by other operators.
"""

# To add an activation, write a function that adds its nodes, and add it to
# `ACTIVATIONS`. To add an output link, do the same with `LINKS`. Layers add their nodes
# themselves, in `to_onnx`.

from functools import cache

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from scipy.special import erfcx
from sklearn.utils.validation import check_is_fitted

from skgd.estimators.classifier import GDNeuralClassifier
from skgd.estimators.regressor import GDNeuralRegressor
from skgd.kernels.formulas.activations import LEAKY_SLOPE, SELU_FLOOR, SELU_SCALE
from skgd.network.views import arrays_of_layers

try:
    from onnx import TensorProto
    from onnx.helper import np_dtype_to_tensor_dtype
    from skl2onnx import update_registered_converter
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )
except ImportError as error:
    raise ImportError(
        "skgd.onnx needs skl2onnx: run pip install 'skgd[onnx]'."
    ) from error

__all__ = []


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
            The node's attributes.

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
# not overflow. silu is an exception: there an infinite one leads to 0, which is right.


def _identity(add, z):
    return z


def _logistic(add, z):
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


# Networks -----------------------------------------------------------------------------


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


def _nodes(scope, operator, container):
    is_double = isinstance(operator.inputs[0].type, DoubleTensorType)
    return Nodes(scope, container, np.float64 if is_double else np.float32)


def _raw_outputs(add, operator):
    """Add the layers; return the name of the outputs before the link."""
    values, estimator = operator.inputs[0], operator.raw_operator
    x = values.full_name
    if not isinstance(values.type, DoubleTensorType | FloatTensorType):
        x = add("Cast", x, to=TensorProto.FLOAT)
    # The fitted network counts, as parameters may have been set since.
    network, theta = estimator._network.for_prediction, estimator._state.theta
    arrays = arrays_of_layers(network, theta)
    for layer, parameters in zip(network.layers, arrays, strict=True):
        x = layer.to_onnx(add, x, parameters)
    return x


def _link(estimator):
    return LINKS[estimator.out_activation_]


# Regressor ----------------------------------------------------------------------------


def regressor_shapes(operator):
    """Declare the output: predictions of shape (n_samples, n_outputs)."""
    check_is_fitted(operator.raw_operator)
    calculate_linear_regressor_output_shapes(operator)  # it also checks the input
    n_samples = operator.inputs[0].get_first_dimension()
    operator.outputs[0].type.shape = [n_samples, operator.raw_operator.n_outputs_]


def convert_regressor(scope, operator, container):
    """Add the nodes of a `GDNeuralRegressor`."""
    add = _nodes(scope, operator, container)
    predictions = _link(operator.raw_operator)(add, _raw_outputs(add, operator))
    add("Identity", predictions, output=operator.outputs[0].full_name)


# Classifier ---------------------------------------------------------------------------


def _is_multilabel(classifier):
    return classifier._label_binarizer.y_type_.startswith("multilabel")


def _readers(operator):
    """Return the types of operators that read the probabilities, as 'SklearnZipMap'."""
    probabilities = operator.outputs[1]
    others = operator.scope_inst.operators.values()
    return {other.type for other in others if probabilities in list(other.inputs)}


def _labels(scope, classifier):
    """Return the labels of the classes, as ONNX can hold them."""
    classes = classifier.classes_
    if scope.get_options(classifier, {"nocl": False})["nocl"]:
        return np.arange(classes.size)
    return classes.astype(np.int64) if classes.dtype.kind in "biuf" else classes


def classifier_shapes(operator):
    """Declare the outputs: labels, and probabilities of all classes."""
    classifier, readers = operator.raw_operator, _readers(operator)
    check_is_fitted(classifier)
    classes = classifier.classes_
    if classes.size == 1 and readers & {"SklearnZipMap", "SklearnZipMapColumns"}:
        raise ValueError(
            f"The classifier knows one class, {classes.tolist()}, and predict_proba "
            "returns two columns, which zipmap cannot name. Pass "
            "options={'zipmap': False}, or train on two classes."
        )
    calculate_linear_classifier_output_shapes(operator)  # it also checks the input
    label, probabilities = operator.outputs
    n_samples = operator.inputs[0].get_first_dimension()
    if _is_multilabel(classifier):
        label.type.shape = [n_samples, classes.size]
    shape = [n_samples, max(2, classes.size)]
    if "SklearnZipMap" in readers:  # its dictionaries are of float32 only
        probabilities.set_type(FloatTensorType(shape))
    else:
        probabilities.type.shape = shape


def convert_classifier(scope, operator, container):
    """Add the nodes of a `GDNeuralClassifier`."""
    add, classifier = _nodes(scope, operator, container), operator.raw_operator
    to_label, to_probabilities = (output.full_name for output in operator.outputs)
    raw, link = _raw_outputs(add, operator), _link(classifier)
    probabilities = link(add, raw)
    if link is _softmax:
        position = add("ArgMax", probabilities, axis=1, keepdims=0)
        add("Gather", _labels(scope, classifier), position, output=to_label)
    elif _is_multilabel(classifier):
        is_above = add("Greater", probabilities, 0.5)
        add("Cast", is_above, to=TensorProto.INT64, output=to_label)
    else:
        # One output stands for two classes. If there is only one, it takes both places.
        is_above = add("Greater", probabilities, 0.5)
        position = add("Reshape", add("Cast", is_above, to=TensorProto.INT64), [-1])
        add(
            "Gather",
            np.resize(_labels(scope, classifier), 2),
            position,
            output=to_label,
        )
        negative = link(add, add("Neg", raw))
        probabilities = add("Concat", negative, probabilities, axis=1)
    if add.is_double and isinstance(operator.outputs[1].type, FloatTensorType):
        add("Cast", probabilities, to=TensorProto.FLOAT, output=to_probabilities)
    else:
        add("Identity", probabilities, output=to_probabilities)


update_registered_converter(
    GDNeuralRegressor, "SkgdGDNeuralRegressor", regressor_shapes, convert_regressor
)
# The option 'raw_scores' is left out. If it were offered, skl2onnx's
# CalibratedClassifierCV would calibrate raw outputs, whereas scikit-learn's calibrates
# probabilities, as the estimator has no decision_function.
update_registered_converter(
    GDNeuralClassifier,
    "SkgdGDNeuralClassifier",
    classifier_shapes,
    convert_classifier,
    options={
        "zipmap": [True, False, "columns"],
        "nocl": [False, True],
        "output_class_labels": [False, True],
    },
)
