"""Conversion of whatever holds networks, from scikit-learn's to skgd's and back."""

from skgd.compositions.conversion import from_sklearn, to_sklearn

__all__ = ["from_sklearn", "to_sklearn"]
