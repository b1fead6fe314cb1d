"""Members of an average: networks, each of which holds out another part of the data."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import KFold, StratifiedKFold, check_cv

# A network is judged by at least so many samples, or else trained to the end.
LEAST_HELD_OUT = 2


class Member(NamedTuple):
    """A network and the samples that it has not been trained on."""

    network: object
    held_out: np.ndarray  # int (n_held_out,)


def make_folds(cv, n_members, X, y, groups, labels, random_state):
    """Return the samples to train on and those to hold out, for each member.

    Parameters
    ----------
    cv : int, splitter, iterable or None
        An int is the number of parts; the data are divided anew when each part has
        been held out once. None is half as many parts as members.
    n_members : int
    X, y, groups : array-like
        As splitters take them.
    labels : ndarray of shape (n_samples,) or None
        By which parts are stratified.
    random_state : RandomState
        Divides the data, unless `cv` is a splitter.

    Returns
    -------
    folds : list of (ndarray, ndarray)

    Raises
    ------
    ValueError
        If there are too few samples.
    """
    n = X.shape[0]
    if n < 2:
        raise ValueError(f"n_samples=1 is too few: a member holds out {n} of {n}.")
    if cv is None or isinstance(cv, (int, np.integer)):
        if cv is not None and not 2 <= cv <= n:
            raise ValueError(
                f"cv must be between 2 and the number of samples, {n}, got cv={cv}."
            )
        n_parts = cv or max(2, min(n_members // 2, n // LEAST_HELD_OUT))
        if labels is not None:
            n_parts = _at_most_as_rare(n_parts, labels)
        kind = KFold if labels is None or n_parts < 2 else StratifiedKFold
        n_parts, folds = max(n_parts, 2), []
        while len(folds) < n_members:
            splitter = kind(n_parts, shuffle=True, random_state=random_state)
            folds += splitter.split(np.empty((n, 0)), labels)
    else:
        folds = list(check_cv(cv).split(X, y, groups))
        folds *= -(-n_members // len(folds))
    return folds[:n_members]


def _at_most_as_rare(n_parts, labels):
    """Return a number of parts that the rarest class can be divided among."""
    return min(n_parts, int(np.unique_counts(labels).counts.min()))


def fit_members(network, folds, X, y, sample_weight, random_state, n_jobs, task):
    """Fit a clone of the network for each fold.

    Parameters
    ----------
    network : GDNeuralRegressor or GDNeuralClassifier
    folds : list of (ndarray, ndarray)
    X : ndarray or CSR array of shape (n_samples, n_columns), float32
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,) or None
    random_state : RandomState
        Gives each member a seed.
    n_jobs : int
        Threads; each fits one member at a time.
    task : MembersTask
        Tells the callbacks.

    Returns
    -------
    members : list of Member
    """
    seeds = random_state.randint(2**31 - 1, size=len(folds))

    def fit(number):
        own = clone(network).set_params(random_state=int(seeds[number]), n_jobs=1)
        with task.of_member(number, own):
            return _fit(own, X, y, sample_weight, *folds[number])

    # The primary thread fits nothing, so Ctrl-C is raised in it, and is not taken by a
    # member as a wish to end its own fit.
    threads = ThreadPoolExecutor(n_jobs)
    try:
        return list(threads.map(fit, range(len(folds))))
    finally:
        threads.shutdown(cancel_futures=True)


def _fit(network, X, y, sample_weight, train, held_out):
    if network.batch_size != "auto":
        network.set_params(batch_size=min(network.batch_size, train.size))
    weights, validation, judged = None, {}, held_out
    if sample_weight is not None:
        weights = sample_weight[train]
        judged = judged[sample_weight[judged] > 0]
    if y.dtype.kind not in "fc" and y.ndim == 1:  # labels that the member learns
        judged = judged[np.isin(y[judged], y[train])]
    if judged.size >= LEAST_HELD_OUT:
        validation = {"X_val": X[judged], "y_val": y[judged]}
        if sample_weight is not None:
            validation["sample_weight_val"] = sample_weight[judged]
    else:
        network.set_params(early_stopping=False)
    network.fit(X[train], y[train], weights, **validation)
    return Member(network, held_out)


def first_values(members, values, shape):
    """Return what the first member that held a sample out says of it.

    Parameters
    ----------
    members, values, shape
        As in `mean_values`.

    Returns
    -------
    values : ndarray of that shape
        nan for samples that no member has held out.
    """
    first = np.full(shape, np.nan)
    for member, own in reversed(list(zip(members, values, strict=True))):
        first[member.held_out] = own
    return first


def mean_values(members, values, shape):
    """Return the mean of what members say of the samples that each has held out.

    Parameters
    ----------
    members : list of Member
    values : list of ndarray of shape (n_held_out, ...)
    shape : tuple of int
        Of the result, whose first axis is that of the samples.

    Returns
    -------
    means : ndarray of that shape
        nan for samples that no member has held out.
    """
    sums, counts = np.zeros(shape), np.zeros(shape[0], int)
    for member, own in zip(members, values, strict=True):
        sums[member.held_out] += own
        counts[member.held_out] += 1
    counts = counts.reshape(-1, *[1] * (len(shape) - 1))
    with np.errstate(invalid="ignore"):
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
