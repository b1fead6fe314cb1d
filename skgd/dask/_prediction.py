"""Predictions of collections: lazy, block by block."""

import dask.array as da
import numpy as np
from dask import delayed


def predict_blocks(estimator, method, X, shape, dtype):
    """Call a method of an estimator on each block of X, when the result is computed.

    Parameters
    ----------
    estimator : estimator
        Of one process. One task holds it, so that it is sent once, and not with each
        block.
    method : str
    X : dask array or dataframe
    shape : tuple of int
        Of the result for one sample.
    dtype : dtype
        Of the result.

    Returns
    -------
    result : dask array of shape (n_samples, *shape)
        In the blocks of X, without empty ones. Of a dataframe their sizes are unknown.
    """
    estimator = delayed(estimator, pure=False)
    if hasattr(X, "chunks"):
        if len(X.chunks[1]) > 1:
            X = X.rechunk({1: -1})
        blocks, sizes = X.to_delayed().ravel(), X.chunks[0]
    else:
        blocks = X.to_delayed()
        sizes = [np.nan] * len(blocks)
    call = delayed(_call, pure=False)
    empty = np.empty((0, *shape), dtype)
    return da.concatenate(
        [
            da.from_delayed(
                call(estimator, method, block, empty), (n, *shape), meta=empty
            )
            for block, n in zip(blocks, sizes, strict=True)
        ],
        allow_unknown_chunksizes=True,
    )


def _call(estimator, method, X, empty):
    """Return the block's result; there may be nothing in it."""
    return getattr(estimator, method)(X) if X.shape[0] else empty
