"""Predictions for collections, block by block when they are computed, and scores."""

import dask.array as da
import numpy as np
from dask import delayed
from sklearn.base import is_classifier
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_array

from skgd._sklearn_private import num_samples
from skgd.dask._blocks import Blocks, naming_partition
from skgd.dask._judge import r2_of_groups, squares
from skgd.dask._part import validate_weight
from skgd.estimators.checks import check_total_weight


def predict_blocks(estimator, method, X, shape, dtype, *arguments):
    """Call a method of an estimator on each block of X, when the result is computed.

    Parameters
    ----------
    estimator : estimator
        An estimator of one process. It is a task of its own, so that it is sent once,
        and not with each block.
    method : str
    X : dask array or dataframe
    shape : tuple of int
        Shape of the result for one sample.
    dtype : dtype
        That of the result.
    *arguments : tuple
        Further arguments of the method.

    Returns
    -------
    result : dask array of shape (n_samples, *shape)
        It has the blocks of X, without empty ones. If X is a dataframe, their sizes are
        unknown.
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
                call(estimator, method, block, empty, *arguments),
                (n, *shape),
                meta=empty,
            )
            for block, n in zip(blocks, sizes, strict=True)
        ],
        allow_unknown_chunksizes=True,
    )


def _call(estimator, method, X, empty, *arguments):
    """Return the result for a block, which may be empty."""
    return getattr(estimator, method)(X, *arguments) if X.shape[0] else empty


def score_blocks(cluster, estimator, X, y, sample_weight):
    """Return what the estimator's `score` would return, from sums over the blocks.

    Parameters
    ----------
    cluster : Cluster
    estimator : estimator
        An estimator of one process.
    X, y, sample_weight : collection, array-like or None

    Returns
    -------
    score : float
    """
    rows = Blocks(cluster, X=X, y=y, sample_weight=sample_weight).rows
    task = delayed(_part_of_score, pure=False)
    shared = delayed(estimator, pure=False)
    tasks = [task(shared, number, *row) for number, row in enumerate(rows)]
    results = cluster.run(lambda: cluster.client.compute(tasks))
    results = [result for result in results if result is not None]
    if not results:
        raise ValueError("Found array with 0 sample(s): every partition is empty.")
    weights, parts = zip(*results, strict=True)
    check_total_weight(np.array(weights))
    if is_classifier(estimator):
        return float(sum(parts) / sum(weights))
    return r2_of_groups(weights, parts)


def _part_of_score(estimator, number, X, y, weight):
    """Return the weight of a block, and that of its hits, or its `squares`."""
    if num_samples(X) == 0:
        return None
    with naming_partition(number):
        predicted = estimator.predict(X)
        n_samples = predicted.shape[0]
        if weight is None:
            weight = np.ones(n_samples)
        weight = validate_weight(weight, np.empty((n_samples, 0)))
        if is_classifier(estimator):
            hits = 0.0
            if weight.any():
                how = {"normalize": False, "sample_weight": weight}
                hits = accuracy_score(y, predicted, **how)
            return weight.sum(), hits
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        y = y.reshape(weight.size, -1)
        return weight.sum(), squares(y, predicted.reshape(y.shape), weight)
