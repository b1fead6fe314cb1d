"""Data-parallel training on Dask, for data that are too large for one machine.

It needs ``pip install 'skgd[dask]'``. ``import skgd`` does not import it.
"""

try:
    import dask.array
    import dask.dataframe  # noqa: F401
    import distributed  # noqa: F401
except ImportError as error:
    raise ImportError(
        "skgd.dask needs Dask with its arrays, dataframes and distributed scheduler: "
        "pip install 'skgd[dask]'"
    ) from error

from skgd.dask._classifier import DaskGDNeuralClassifier
from skgd.dask._regressor import DaskGDNeuralRegressor

__all__ = ["DaskGDNeuralClassifier", "DaskGDNeuralRegressor"]

# Saved estimators refer to their classes by this module, so that files can be moved.
for _class in (DaskGDNeuralClassifier, DaskGDNeuralRegressor):
    _class.__module__ = __name__
