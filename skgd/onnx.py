"""Conversion to ONNX: importing this module teaches skl2onnx the estimators.

After ``import skgd.onnx``, ``skl2onnx.to_onnx`` and ``skl2onnx.convert_sklearn`` take
`GDNeuralRegressor` and `GDNeuralClassifier`, alone or within pipelines, and the
estimators of tables, `TabularRegressor` and `TabularClassifier`. There is nothing to
call here.

The type of a network's input decides the arithmetic: float64 for a float64 input, and
float32 for any other, whatever the network was trained in. On a CPU, onnxruntime has no
float64 kernels for some operators (Elu, Erf, LeakyRelu, Selu, Softplus); in float64
they are replaced by other operators.

An estimator of tables is converted whole, from the columns to the predictions. Its
graph takes an input for each column, or inputs of several columns side by side, in the
order of `fit`. Columns of numbers are encoded in float64 and the members compute in
float32, as they do in Python. A missing number is nan, and a missing category the empty
string. Predictions are float64 if the first input is, and float32 otherwise.
"""

from skgd.estimators.classifier import GDNeuralClassifier
from skgd.estimators.regressor import GDNeuralRegressor
from skgd.tabular import TabularClassifier, TabularRegressor

try:
    from skl2onnx import update_registered_converter

    from skgd._onnx import networks, tables
except ImportError as error:
    raise ImportError(
        "skgd.onnx needs skl2onnx: run pip install 'skgd[onnx]'."
    ) from error

__all__ = []

# The option 'raw_scores' is left out. If it were offered, skl2onnx's
# CalibratedClassifierCV would calibrate raw outputs, whereas scikit-learn's calibrates
# probabilities, as the estimators have no decision_function.
_OPTIONS = {
    "zipmap": [True, False, "columns"],
    "nocl": [False, True],
    "output_class_labels": [False, True],
}

for _regressor, _of in [(GDNeuralRegressor, networks), (TabularRegressor, tables)]:
    update_registered_converter(
        _regressor,
        f"Skgd{_regressor.__name__}",
        _of.regressor_shapes,
        _of.convert_regressor,
    )
for _classifier, _of in [(GDNeuralClassifier, networks), (TabularClassifier, tables)]:
    update_registered_converter(
        _classifier,
        f"Skgd{_classifier.__name__}",
        _of.classifier_shapes,
        _of.convert_classifier,
        options=_OPTIONS,
    )
