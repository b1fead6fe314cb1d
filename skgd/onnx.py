"""Conversion to ONNX: importing this module teaches skl2onnx the estimators.

After ``import skgd.onnx``, ``skl2onnx.to_onnx`` and ``skl2onnx.convert_sklearn`` take
`GDNeuralRegressor` and `GDNeuralClassifier`, alone or within pipelines. There is
nothing to call here.

The type of a network's input decides the arithmetic: float64 for a float64 input, and
float32 for any other, whatever the network was trained in. On a CPU, onnxruntime has no
float64 kernels for some operators (Elu, Erf, LeakyRelu, Selu, Softplus); in float64
they are replaced by other operators.
"""

from skgd.estimators.classifier import GDNeuralClassifier
from skgd.estimators.regressor import GDNeuralRegressor

try:
    from skl2onnx import update_registered_converter

    from skgd._onnx import networks
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

update_registered_converter(
    GDNeuralRegressor,
    "SkgdGDNeuralRegressor",
    networks.regressor_shapes,
    networks.convert_regressor,
)
update_registered_converter(
    GDNeuralClassifier,
    "SkgdGDNeuralClassifier",
    networks.classifier_shapes,
    networks.convert_classifier,
    options=_OPTIONS,
)
