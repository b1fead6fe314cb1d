"""All that skgd uses of scikit-learn and that is not public, in one place.

It is there in scikit-learn 1.7 to 1.9.1; differences between versions are settled here.
Besides, `skgd.estimators.conversion` reads private attributes of a fitted MLP.
"""

from sklearn.base import _fit_context as fit_context
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._missing import is_pandas_na
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
)
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call as check_partial_fit_first_call,
)
from sklearn.utils.optimize import _check_optimize_result as check_optimize_result
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import _num_samples as num_samples

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # before 1.9

    class CallbackSupportMixin:
        """Takes the place of scikit-learn's class, where it has no callbacks yet."""


# Whether scikit-learn has callbacks.
HAS_CALLBACKS = hasattr(CallbackSupportMixin, "set_callbacks")

# The attributes of an estimator in which scikit-learn 1.9 keeps, during a fit, what it
# needs to end the callbacks; the one in which a composition leaves its context to a
# part; and the one in which it keeps the callbacks.
CALLBACK_ATTRIBUTES = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")
CALLBACK_PARENT = "_parent_callback_ctx"
CALLBACKS = "_skl_callbacks"

__all__ = [
    "CALLBACKS",
    "CALLBACK_ATTRIBUTES",
    "CALLBACK_PARENT",
    "HAS_CALLBACKS",
    "AdamOptimizer",
    "CallbackSupportMixin",
    "Interval",
    "InvalidParameterError",
    "Options",
    "SGDOptimizer",
    "StrOptions",
    "check_matplotlib_support",
    "check_optimize_result",
    "check_partial_fit_first_call",
    "check_sample_weight",
    "fit_context",
    "is_pandas_na",
    "num_samples",
    "safe_indexing",
]
