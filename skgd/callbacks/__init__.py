"""Callbacks that skgd adds to those of scikit-learn 1.9, in `sklearn.callback`."""

from skgd.callbacks.checkpoint import Checkpoint
from skgd.callbacks.epoch_logger import EpochLogger, epoch_metrics
from skgd.callbacks.files import load_checkpoint, save_checkpoint

__all__ = [
    "Checkpoint",
    "EpochLogger",
    "epoch_metrics",
    "load_checkpoint",
    "save_checkpoint",
]

# Saved estimators refer to their callbacks by this module.
for _public in __all__:
    globals()[_public].__module__ = __name__
