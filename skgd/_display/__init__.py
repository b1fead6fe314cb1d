"""Plots, by scikit-learn's convention for displays."""

from skgd._display._descent_path import GradientDescentPathDisplay
from skgd._display._loss_curve import LossCurveDisplay

__all__ = ["GradientDescentPathDisplay", "LossCurveDisplay"]
