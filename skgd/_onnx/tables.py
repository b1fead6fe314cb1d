"""Averages of networks on tables as ONNX graphs."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skgd._onnx import networks
from skgd._onnx.encoding import columns_of, encode
from skgd._onnx.nodes import LINKS, Nodes
from skgd._onnx.outputs import (
    declare_classes,
    declare_predictions,
    write,
    write_classes,
)
from skgd.tabular.temperature import MARGIN, TINY

# What is read of the estimators -------------------------------------------------------


def _networks(model):
    return [member.network for member in model.members_]


def _centre_and_scale(regressor):
    return regressor._center, regressor._scale


def _is_multilabel(classifier):
    return classifier._is_multilabel


# Regressor ----------------------------------------------------------------------------


def regressor_shapes(operator):
    """Declare the output: predictions of shape (n_samples, n_outputs)."""
    _check(operator)
    declare_predictions(operator, _networks(operator.raw_operator)[0].n_outputs_)


def convert_regressor(scope, operator, container):
    """Add the nodes of a `TabularRegressor`."""
    regressor = operator.raw_operator
    add, raw = _nodes_and_raw_outputs(scope, operator, container)
    pairs = zip(_networks(regressor), raw, strict=True)
    mean = _mean(add, [networks.link(add, *pair) for pair in pairs])
    centre, scale = _centre_and_scale(regressor)
    predictions = add("Add", add("Mul", mean, scale), centre)
    write(add, predictions, operator.outputs[0])


# Classifier ---------------------------------------------------------------------------


def classifier_shapes(operator):
    """Declare the outputs: labels, and probabilities of all classes."""
    _check(operator)
    declare_classes(operator, _is_multilabel(operator.raw_operator))


def convert_classifier(scope, operator, container):
    """Add the nodes of a `TabularClassifier`."""
    classifier = operator.raw_operator
    add, raw = _nodes_and_raw_outputs(scope, operator, container)
    is_multilabel, n_classes = _is_multilabel(classifier), classifier.classes_.size
    pairs = zip(_networks(classifier), raw, strict=True)
    mean = _mean(add, [_of_all_classes(add, *pair, n_classes) for pair in pairs])
    calibrated = _with_temperature(add, mean, classifier.temperature_, is_multilabel)
    write_classes(add, calibrated, is_multilabel, scope, operator)


def _of_all_classes(add, network, raw, n_classes):
    """Add a member's probabilities; return the name.

    The link is in float64, which keeps the digits of small probabilities.
    """
    own, known = networks.probabilities(add, network, raw), network.classes_
    if networks.is_multilabel(network) or known.size == n_classes:
        return own
    # The member has not seen some classes, which get 0. If it knows one class only,
    # that is the class of both of its columns.
    of_columns = np.resize(known, max(2, known.size))
    return add("MatMul", own, np.eye(n_classes)[of_columns])


def _with_temperature(add, probabilities, temperature, is_multilabel):
    """Add what `skgd.tabular.temperature.with_temperature` does; return the name."""
    if temperature == 1.0:
        return probabilities
    if is_multilabel:
        p = add("Min", add("Max", probabilities, MARGIN), 1 - MARGIN)
        log_odds = add("Sub", add("Log", p), add("Log", add("Sub", 1.0, p)))
        return LINKS["logistic"](add, add("Div", log_odds, temperature))
    logs = add("Log", add("Max", probabilities, TINY))
    return LINKS["softmax"](add, add("Div", logs, temperature))


# What both share ----------------------------------------------------------------------


def _check(operator):
    check_is_fitted(operator.raw_operator)
    columns_of(operator.raw_operator.encoder_, operator.inputs)


def _nodes_and_raw_outputs(scope, operator, container):
    """Return what adds nodes in float64, and the raw outputs' name for each member."""
    add, model = Nodes(scope, container, np.float64), operator.raw_operator
    x, single = encode(add, model.encoder_, operator.inputs), add.in_dtype(np.float32)
    raw = [networks.raw_outputs(single, network, x) for network in _networks(model)]
    return add, [add.cast(name) for name in raw]


def _mean(add, members):
    return add("Div", add("Sum", *members), float(len(members)))
