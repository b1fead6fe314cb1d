"""Networks as ONNX graphs."""

import numpy as np
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
    calculate_linear_regressor_output_shapes,
)
from sklearn.utils.validation import check_is_fitted

from skgd._onnx.nodes import LINKS, Nodes
from skgd._onnx.outputs import (
    check_zipmap,
    declare_classes,
    declare_predictions,
    write,
    write_classes,
)
from skgd.network.views import arrays_of_layers

# What a network is made of ------------------------------------------------------------


def raw_outputs(add, estimator, x):
    """Add the layers; return the name of the outputs before the link.

    Parameters
    ----------
    add : Nodes
    estimator : fitted GDNeuralRegressor or GDNeuralClassifier
    x : str
        Name of the inputs, which are of the dtype of `add`.

    Returns
    -------
    str
    """
    # The fitted network counts, as parameters may have been set since.
    network, theta = estimator._network.for_prediction, estimator._state.theta
    arrays = arrays_of_layers(network, theta)
    for layer, parameters in zip(network.layers, arrays, strict=True):
        x = layer.to_onnx(add, x, parameters)
    return x


def link(add, estimator, raw):
    """Add the link; return the name of a regressor's predictions.

    Parameters
    ----------
    add : Nodes
    estimator : fitted GDNeuralRegressor or GDNeuralClassifier
    raw : str
        Name of the outputs before the link, which are of the dtype of `add`.

    Returns
    -------
    str
    """
    return LINKS[estimator.out_activation_](add, raw)


def probabilities(add, classifier, raw):
    """Add the link; return the name of the probabilities of all classes.

    Parameters
    ----------
    add : Nodes
    classifier : fitted GDNeuralClassifier
    raw : str
        Name of the outputs before the link, which are of the dtype of `add`.

    Returns
    -------
    str
    """
    of_outputs = link(add, classifier, raw)
    if classifier.out_activation_ == "softmax" or is_multilabel(classifier):
        return of_outputs
    # One output stands for two classes.
    return add("Concat", link(add, classifier, add("Neg", raw)), of_outputs, axis=1)


def is_multilabel(classifier):
    """Return whether a sample may have several labels."""
    return classifier._label_binarizer.y_type_.startswith("multilabel")


# Converters ---------------------------------------------------------------------------


def _nodes_and_raw_outputs(scope, operator, container):
    """Return what adds nodes, after the layers were added, and the outputs' name."""
    values = operator.inputs[0]
    is_double = isinstance(values.type, DoubleTensorType)
    add = Nodes(scope, container, np.float64 if is_double else np.float32)
    x = values.full_name
    if not isinstance(values.type, DoubleTensorType | FloatTensorType):
        x = add.cast(x)
    return add, raw_outputs(add, operator.raw_operator, x)


def regressor_shapes(operator):
    """Declare the output: predictions of shape (n_samples, n_outputs)."""
    check_is_fitted(operator.raw_operator)
    calculate_linear_regressor_output_shapes(operator)  # it also checks the input
    declare_predictions(operator, operator.raw_operator.n_outputs_)


def convert_regressor(scope, operator, container):
    """Add the nodes of a `GDNeuralRegressor`."""
    add, raw = _nodes_and_raw_outputs(scope, operator, container)
    write(add, link(add, operator.raw_operator, raw), operator.outputs[0])


def classifier_shapes(operator):
    """Declare the outputs: labels, and probabilities of all classes."""
    check_is_fitted(operator.raw_operator)
    check_zipmap(operator)
    calculate_linear_classifier_output_shapes(operator)  # it also checks the input
    declare_classes(operator, is_multilabel(operator.raw_operator))


def convert_classifier(scope, operator, container):
    """Add the nodes of a `GDNeuralClassifier`."""
    add, raw = _nodes_and_raw_outputs(scope, operator, container)
    classifier = operator.raw_operator
    found = probabilities(add, classifier, raw)
    write_classes(add, found, is_multilabel(classifier), scope, operator)
