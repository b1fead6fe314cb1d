"""A user's collections as blocks of rows; blocks of one number belong together."""

from contextlib import contextmanager
from itertools import pairwise

import numpy as np
from dask import delayed
from dask.base import is_dask_collection

from skgd._sklearn_private import num_samples, safe_indexing


@contextmanager
def naming_partition(number):
    """Let the message of an error in the data begin with the partition."""
    try:
        yield
    except (ValueError, TypeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"Partition {number}: {error}") from error


class Blocks:
    """X, y and weights, in blocks of the same rows.

    The blocks are those of the first collection. All other data are divided like it if
    their blocks differ. That needs the blocks' numbers of rows; where a collection does
    not know them, they are counted.

    Parameters
    ----------
    cluster : Cluster
    **given : collection, array-like or None
        X, y and weights, by their names in `fit`.

    Attributes
    ----------
    rows : list of tuple
        For each block, a tuple with the block of X, that of y, and so on, and None for
        None. Blocks of collections are delayed objects.

    Raises
    ------
    ValueError
        If the collections differ in their numbers of samples.
    TypeError
        If one is neither an array nor a dataframe.
    """

    def __init__(self, cluster, **given):
        columns = {n: _Column(n, data) for n, data in given.items() if data is not None}
        leader = next(c for c in columns.values() if c.blocks is not None)
        for column in columns.values():
            if not column.fits(leader, cluster):
                sizes = leader.counted(cluster)
                column.divide(sizes, cluster, leader)
        n_blocks = len(leader.blocks)
        blocks = [
            columns[n].blocks if n in columns else [None] * n_blocks for n in given
        ]
        self.rows = list(zip(*blocks, strict=True))


class _Column:
    """One of the data, as blocks; local data have none until they are divided."""

    def __init__(self, name, data):
        self.name, self.data, self.blocks, self.sizes = name, data, None, None
        if not is_dask_collection(data):
            if isinstance(data, (list, tuple)):
                self.data = np.asarray(data)
            return
        if hasattr(data, "chunks"):
            if data.ndim == 2 and len(data.chunks[1]) > 1:
                data = data.rechunk({1: -1})
            self.blocks = list(data.to_delayed().ravel())
            if not np.isnan(data.chunks[0]).any():
                self.sizes = list(data.chunks[0])
        elif hasattr(data, "divisions"):
            self.blocks = data.to_delayed()
        else:
            raise TypeError(
                f"{name} must be a dask array or dataframe, or local data, got a "
                f"{type(data).__name__}."
            )

    def fits(self, leader, cluster):
        """Return whether the blocks have the same rows as those of `leader`.

        If neither collection knows its numbers of rows, they are taken to have the same
        rows if they have as many blocks: such collections mostly come from one source,
        and counting would compute both. If that is wrong, the blocks' validation raises
        an error.
        """
        if self.blocks is None or len(self.blocks) != len(leader.blocks):
            return False
        if self.sizes is None and leader.sizes is None:
            return True
        return self.counted(cluster) == leader.counted(cluster)

    def counted(self, cluster):
        """Return the numbers of rows, counted on the workers if they are unknown."""
        if self.sizes is None:
            counts = [delayed(num_samples)(block) for block in self.blocks]
            self.sizes = cluster.run(lambda: cluster.client.compute(counts))
        return self.sizes

    def divide(self, sizes, cluster, leader):
        """Divide into blocks of these numbers of rows."""
        local = self.blocks is None
        n_samples = num_samples(self.data) if local else sum(self.counted(cluster))
        if n_samples != sum(sizes):
            raise ValueError(
                f"{leader.name} and {self.name} have different numbers of samples: "
                f"{sum(sizes)} and {n_samples}."
            )
        ends = np.cumsum([0, *sizes])
        spans = list(pairwise(ends))
        if local:
            self.blocks = [safe_indexing(self.data, slice(*span)) for span in spans]
        else:
            starts = np.cumsum([0, *self.sizes])
            self.blocks = [self._between(*span, starts) for span in spans]
        self.sizes = list(sizes)

    def _between(self, low, high, starts):
        """Return the rows from `low` to `high`, out of one block or several."""
        first = np.searchsorted(starts, low, side="right") - 1
        first = min(first, len(self.blocks) - 1)  # an empty block may begin at the end
        last = max(np.searchsorted(starts, high, side="left"), first + 1)
        blocks = self.blocks[first:last]
        return delayed(_slice_of)(blocks, int(low - starts[first]), int(high - low))


def _slice_of(blocks, start, n):
    """Return `n` rows from `start` on of blocks that follow one another."""
    rows = np.concatenate([np.asarray(block) for block in blocks])
    return rows[start : start + n]
