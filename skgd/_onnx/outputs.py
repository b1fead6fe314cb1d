"""What converted estimators return: predictions, labels and probabilities."""

import numpy as np
from onnx import TensorProto
from skl2onnx.common.data_types import (
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)

# Declarations -------------------------------------------------------------------------


def declare_predictions(operator, n_outputs):
    """Declare the output of a regressor, of shape (n_samples, n_outputs).

    Parameters
    ----------
    operator : Operator of skl2onnx
    n_outputs : int
    """
    n_samples = operator.inputs[0].get_first_dimension()
    operator.outputs[0].type.shape = [n_samples, n_outputs]


def declare_classes(operator, is_multilabel):
    """Declare the outputs of a classifier: labels, and probabilities of all classes.

    Parameters
    ----------
    operator : Operator of skl2onnx
    is_multilabel : bool
    """
    label, probabilities = operator.outputs
    n_samples = operator.inputs[0].get_first_dimension()
    known = _labels(operator.scope_inst, operator.raw_operator)
    kind = Int64TensorType if known.dtype.kind == "i" else StringTensorType
    label.set_type(kind([n_samples, known.size] if is_multilabel else [n_samples]))
    shape = [n_samples, max(2, known.size)]
    if "SklearnZipMap" in _readers(operator):  # its dictionaries are of float32 only
        probabilities.set_type(FloatTensorType(shape))
    else:
        probabilities.type.shape = shape


def check_zipmap(operator):
    """Refuse names for the two columns of a classifier that knows one class."""
    classes = operator.raw_operator.classes_
    if classes.size == 1 and _readers(operator):
        raise ValueError(
            f"The classifier knows one class, {classes.tolist()}, and predict_proba "
            "returns two columns, which zipmap cannot name. Pass "
            "options={'zipmap': False}, or train on two classes."
        )


def _readers(operator):
    """Return which kinds of zipmap read the probabilities."""
    probabilities = operator.outputs[1]
    others = operator.scope_inst.operators.values()
    readers = {other.type for other in others if probabilities in list(other.inputs)}
    return readers & {"SklearnZipMap", "SklearnZipMapColumns"}


def _labels(scope, classifier):
    """Return the labels of the classes as ONNX can hold them: int64 or strings."""
    classes = classifier.classes_
    if scope.get_options(classifier, {"nocl": False})["nocl"]:
        return np.arange(classes.size)
    is_text = all(isinstance(label, str) for label in classes.tolist())
    return classes if is_text else classes.astype(np.int64)


# Nodes --------------------------------------------------------------------------------


def write(add, values, output):
    """Add the node that writes an output of the graph, in the type declared for it.

    Parameters
    ----------
    add : Nodes
        Of the dtype of the values.
    values : str
        Their name.
    output : Variable of skl2onnx
        Declared as float32 or float64.
    """
    if isinstance(output.type, DoubleTensorType) == add.is_double:
        add("Identity", values, output=output.full_name)
    else:
        other = add.in_dtype(np.float32 if add.is_double else np.float64)
        other.cast(values, output=output.full_name)


def write_classes(add, probabilities, is_multilabel, scope, operator):
    """Add the nodes that write labels and probabilities.

    Parameters
    ----------
    add : Nodes
        Of the dtype of the probabilities.
    probabilities : str
        Their name; of all classes, and of two if there is one.
    is_multilabel : bool
    scope, operator : objects of skl2onnx
    """
    label = operator.outputs[0].full_name
    if is_multilabel:
        is_above = add("Greater", probabilities, 0.5)
        add("Cast", is_above, to=TensorProto.INT64, output=label)
    else:
        known = _labels(scope, operator.raw_operator)
        known = np.resize(known, max(2, known.size))  # one class takes both places
        position = add("ArgMax", probabilities, axis=1, keepdims=0)
        add("Gather", known, position, output=label)
    write(add, probabilities, operator.outputs[1])
