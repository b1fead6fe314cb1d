"""The data of a fit, on the workers: collections, or local data that are scattered."""

from itertools import pairwise

import numpy as np
from dask import delayed
from scipy.sparse import issparse

from skgd.dask._blocks import Blocks, naming_partition
from skgd.dask._cluster import ClusterError
from skgd.dask._part import (
    Part,
    encode,
    encode_to_judge,
    mean_weight_of,
    summarize,
    total_weight,
    validate,
)
from skgd.estimators.base import as_numbers
from skgd.estimators.checks import check_total_weight
from skgd.estimators.labels import balanced_weights


def placed(workers, number, n):
    """Return a list of the worker on which a partition should be, given its number.

    Neighbours among the `n` partitions are on one worker, as a copy of the parameters
    goes from one to the next.
    """
    return [workers[number * len(workers) // n]]


class Parts:
    """Parts on the workers, as futures.

    Parameters
    ----------
    cluster : Cluster
    futures : list of Future
    sizes : list of int
        Number of samples in each.
    make : callable or None
        Makes a part again from data that the client has, given the part's number, and
        addresses of workers or None. It is None if Dask can compute the parts again.
    """

    def __init__(self, cluster, futures, sizes, make=None):
        self.cluster, self.futures, self.sizes = cluster, futures, sizes
        self._make = make

    @property
    def n_samples(self):
        """Number of samples in all parts."""
        return sum(self.sizes)

    def map(self, function, *arguments):
        """Run a function on each part, with its arguments; return the results."""

        def submit():
            key = f"skgd-{function.__name__}"
            columns = [self.futures, *arguments]
            return self.cluster.client.map(function, *columns, key=key, pure=False)

        return self.run(submit)

    def run(self, submit):
        """Run tasks on the parts; run them again if lost data had to be put back.

        Any failure is raised as a ClusterError, as the data have been validated.
        """
        try:
            return self.cluster.run(submit, self.restore)
        except ClusterError:
            raise
        except Exception as error:
            raise ClusterError(f"A task has failed on a worker: {error!r}.") from error

    def restore(self):
        """Put back what was lost with a worker; return whether that was possible."""
        lost = [
            i for i, f in enumerate(self.futures) if f.status in ("cancelled", "lost")
        ]
        if self._make is None or not lost:
            return False
        for i in lost:  # on any worker that there is
            self.futures[i] = self._make(i, None)
        return True


# Collections --------------------------------------------------------------------------


class Collections:
    """X, y and weights in dask collections, validated on the workers.

    Parameters
    ----------
    cluster : Cluster
    template : estimator
        An estimator of one process, with the number and names of features if known.
    dtype : dtype or None
        That of the network, if there is one.
    X, y, sample_weight
        As `fit` got them.
    weight_name : str, default='sample_weight'
        What messages call the weights.

    Attributes
    ----------
    sizes : list of int
        Number of samples in each partition that is not empty.
    dtype : dtype
        That of the network to train.
    n_features : int
    names : ndarray or None
        Names of the features.
    y : ndarray
        A few targets that show of what kind they are: for a classifier, all labels.

    Raises
    ------
    ValueError
        If the data of a partition are invalid, or partitions do not fit together. The
        message names the partition.
    """

    def __init__(
        self, cluster, template, dtype, X, y, sample_weight, weight_name="sample_weight"
    ):
        if getattr(X, "ndim", 2) != 2:
            raise ValueError(f"Expected 2D array, got {X.ndim}D array instead: {X!r}.")
        self._cluster, client = cluster, cluster.client
        self._has_weights = sample_weight is not None
        self._rows = Blocks(cluster, X=X, y=y, sample_weight=sample_weight).rows
        check = delayed(validate, pure=False)
        tasks = [
            check(template, i, dtype, weight_name, *row)
            for i, row in enumerate(self._rows)
        ]
        self._blocks = client.compute(tasks)

        def submit():
            n = len(self._blocks)
            return client.map(summarize, [template] * n, self._blocks, pure=False)

        summaries = cluster.run(submit)
        self._numbers = [i for i, s in enumerate(summaries) if s is not None]
        self._summaries = [summaries[i] for i in self._numbers]
        if not self._numbers:
            raise ValueError("Found array with 0 sample(s): every partition is empty.")
        self._merge(dtype)

    def _merge(self, dtype):
        """Merge the summaries of all partitions; raise if they do not fit together."""
        self.sizes = [s.n_samples for s in self._summaries]
        first = self._summaries[0]
        self.n_features, self.names = first.n_features, first.names
        for number, summary in zip(self._numbers, self._summaries, strict=True):
            if summary.n_features != self.n_features:
                raise ValueError(
                    f"Partition {number} has {summary.n_features} features, and "
                    f"partition {self._numbers[0]} has {self.n_features}."
                )
            if self.names is not None and not np.array_equal(summary.names, self.names):
                raise ValueError(
                    f"Partition {number} has the features {summary.names}, and "
                    f"partition {self._numbers[0]} has {self.names}."
                )
            if summary.y.shape[1:] != first.y.shape[1:]:
                raise ValueError(
                    f"Partition {number} has targets of the shape (n_samples, "
                    f"*{summary.y.shape[1:]}), and partition {self._numbers[0]} of "
                    f"(n_samples, *{first.y.shape[1:]})."
                )
        self.dtype = dtype or np.result_type(*(s.dtype for s in self._summaries))
        self.y = _union(self._numbers, [s.y for s in self._summaries])
        largest = [s.largest for s in self._summaries]
        for number, value in zip(self._numbers, largest, strict=True):
            with naming_partition(number):
                as_numbers(value, self.dtype)

    def check_targets(self, check):
        """Call `check` with the targets of each partition, for its errors."""
        for number, summary in zip(self._numbers, self._summaries, strict=True):
            with naming_partition(number):
                check(summary.y)

    def balanced_weights(self, classes):
        """Return a weight for each class; for several labels, for 0 and 1 of each.

        Parameters
        ----------
        classes : ndarray of shape (n_classes,)
        """
        if self.y.ndim == 2:
            *ones, n = sum(s.counts for s in self._summaries)
            return np.array([balanced_weights(np.array([n - k, k])) for k in ones])
        counts = np.zeros(classes.size)
        for summary in self._summaries:
            counts[np.searchsorted(classes, summary.y)] += summary.counts
        return balanced_weights(counts)

    def hold_out(self, fraction, random_state):
        """Choose partitions to hold out; return those to train on, and those held out.

        They are chosen one by one until they have `fraction` of the samples: at random
        or, if `random_state` is None, from the last one on.
        """
        n = len(self.sizes)
        if n < 2:
            raise ValueError(
                "early_stopping=True holds out whole partitions, and there is only one "
                "with samples. Pass X_val and y_val, or rechunk X and y by rows."
            )
        order = np.arange(n)[::-1]
        if random_state is not None:
            order = random_state.permutation(n)
        seen = np.cumsum(np.array(self.sizes)[order])
        n_held_out = 1 + np.searchsorted(seen, fraction * seen[-1] * (1 - 1e-12))
        n_held_out = min(int(n_held_out), n - 1)
        return sorted(order[n_held_out:].tolist()), sorted(order[:n_held_out].tolist())

    def to_train(self, template, class_weight, workers, chosen=None):
        """Return `Parts` to train on: all of the partitions, or those chosen.

        Neighbours are moved to one of `workers`; if it is empty, nothing is moved.
        """
        arguments = template, class_weight, self.dtype
        parts = self._encoded(encode, chosen, arguments, workers)
        parts.mean_weights = [(1.0, parts.n_samples)]
        if self._has_weights or class_weight is not None:
            parts.mean_weights = parts.map(mean_weight_of)
            check_total_weight(np.array([n for _, n in parts.mean_weights]))
        return parts

    def to_judge(self, template, chosen=None):
        """Return `Parts` to judge a network by."""
        parts = self._encoded(encode_to_judge, chosen, (template, self.dtype))
        if parts.n_samples < 2:
            raise ValueError("a score needs at least 2 samples, got 1.")
        if self._has_weights:
            check_total_weight(np.array(parts.map(total_weight)))
        return parts

    def _encoded(self, function, chosen, arguments, workers=()):
        chosen = range(len(self.sizes)) if chosen is None else chosen
        futures, client = [], self._cluster.client
        for place, i in enumerate(chosen):
            where = {}
            if workers:
                on = placed(workers, place, len(chosen))
                where = {"workers": on, "allow_other_workers": True}
            block = self._blocks[self._numbers[i]]
            key = f"skgd-{function.__name__}-{block.key}"
            futures.append(
                client.submit(function, *arguments, block, key=key, pure=False, **where)
            )
        return Parts(self._cluster, futures, [self.sizes[i] for i in chosen])

    def release(self):
        """Release the validated blocks, after parts have been made of them."""
        self._blocks = None

    def bring(self, chosen):
        """Compute these partitions here; return X, y and weights as given by the user.

        They are concatenated, and None stands for weights that were not given.
        """
        columns = zip(*(self._rows[self._numbers[i]] for i in chosen), strict=True)
        client = self._cluster.client
        brought = []
        for column in columns:
            blocks = self._cluster.run(lambda column=column: client.compute(column))
            brought.append(None if column[0] is None else _stack(blocks))
        return tuple(brought)


def _union(numbers, targets):
    """Return the union of the partitions' targets, each once."""
    first = targets[0]
    if len(targets) == 1:
        return first
    for number, y in zip(numbers, targets, strict=True):
        if (y.dtype.kind in "biuf") != (first.dtype.kind in "biuf"):
            raise ValueError(
                f"Partition {number} has y of the type {y.dtype}, and partition "
                f"{numbers[0]} of the type {first.dtype}."
            )
    if first.ndim == 1:
        return np.unique(np.concatenate(targets))
    return np.unique(np.concatenate(targets), axis=0)


def _stack(blocks):
    """Return one block of all rows, in the order of the blocks."""
    if hasattr(blocks[0], "iloc"):
        from pandas import concat

        return concat(blocks)
    if issparse(blocks[0]):
        from scipy.sparse import vstack

        return vstack(blocks, format="csr")
    return np.concatenate(blocks)


# Local data ---------------------------------------------------------------------------


def scatter(cluster, ready, n_parts, workers):
    """Scatter validated local data; return `Parts` to train on.

    The client keeps the data, so what is lost with a worker can be scattered again.

    Parameters
    ----------
    cluster : Cluster
    ready : Ready
        The data as a fit in one process would train on them.
    n_parts : int
        Number of parts, if there are as many samples.
    workers : list of str
        Addresses.
    """
    rows = ready.rows
    ends = rows.size * np.arange(n_parts + 1) // n_parts
    spans = [rows[a:b] for a, b in pairwise(ends) if a < b]

    def make(i, where):
        own = spans[i]
        weights = None if ready.weights is None else ready.weights[own]
        part = Part(ready.X[own], ready.targets[own], weights)
        return cluster.client.scatter([part], workers=where, hash=False)[0]

    n = len(spans)
    futures = [make(i, placed(workers, i, n) if workers else None) for i in range(n)]
    return Parts(cluster, futures, [span.size for span in spans], make)
