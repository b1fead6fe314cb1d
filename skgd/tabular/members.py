"""Members of an average: networks, each of which holds out another part of the data."""

import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import KFold, StratifiedKFold, check_cv

from skgd.descent.interrupts import Interrupts, ended_by

# A network is judged by at least so many samples, or else trained to the end.
LEAST_JUDGES = 2
# Seconds after which the primary thread looks for Ctrl-C, which does not end a wait for
# a lock on every system.
POLL = 0.1


class Member(NamedTuple):
    """A network and the samples that it has not been trained on."""

    network: object
    held_out: np.ndarray  # int (n_held_out,)
    # Which of them have chosen the epoch whose parameters the network keeps.
    is_judge: np.ndarray  # bool (n_held_out,)


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
        If there are too few samples, if `cv` cannot use the groups, or if it yields
        no splits, more than there are members, or others than parts of the samples
        that have none in common.
    """
    n = X.shape[0]
    if n < 2:
        raise ValueError(f"n_samples=1 is too few: a member holds out {n} of {n}.")
    if cv is None or isinstance(cv, (int, np.integer)):
        if groups is not None:
            raise ValueError(
                f"groups are not read with cv={cv}. Set a cv that keeps them together, "
                "such as sklearn.model_selection.GroupKFold."
            )
        if cv is not None:
            if not 2 <= cv <= n:
                raise ValueError(
                    f"cv must be between 2 and the number of samples, {n}, got cv={cv}."
                )
            _check_number(cv, n_members)
        n_parts = cv or max(2, min(n_members // 2, n // LEAST_JUDGES))
        if labels is not None:
            n_parts = _at_most_as_rare(n_parts, labels)
        kind = KFold if labels is None or n_parts < 2 else StratifiedKFold
        n_parts, folds = max(n_parts, 2), []
        while len(folds) < n_members:
            splitter = kind(n_parts, shuffle=True, random_state=random_state)
            folds += splitter.split(np.empty((n, 0)), labels)
    else:
        folds = [_checked(fold, n) for fold in check_cv(cv).split(X, y, groups)]
        if not folds:
            raise ValueError(
                f"cv={cv!r} yields no splits. A generator is used up after one fit: "
                "pass list(...) of it."
            )
        _check_number(len(folds), n_members)
        folds *= -(-n_members // len(folds))
    return folds[:n_members]


def _check_number(n_parts, n_members):
    if n_parts > n_members:
        raise ValueError(
            f"cv has {n_parts} parts, and n_members={n_members} members would hold "
            f"out {n_members} only. Set n_members to {n_parts} or more, or another cv."
        )


def _checked(fold, n):
    """Return the rows of a fold as arrays of int, or raise."""
    train, held_out = (_rows(given, n) for given in fold)
    common = np.intersect1d(train, held_out)
    if common.size:
        raise ValueError(
            f"cv yields a split whose member would be trained on {common.size} of the "
            f"samples that it holds out, such as sample {common[0]}."
        )
    return train, np.unique(held_out)


def _rows(given, n):
    """Return rows, given as numbers or as a mask, as an array of int from 0 on."""
    rows = np.asarray(given)
    if rows.dtype == bool and rows.shape == (n,):
        rows = np.flatnonzero(rows)
    is_right = rows.ndim == 1 and rows.size and rows.dtype.kind in "iu"
    if not (is_right and -n <= rows.min() and rows.max() < n):
        raise ValueError(
            f"cv must yield pairs of row numbers, to train on and to hold out, of the "
            f"{n} samples, at least one each, got {given!r}."
        )
    return rows % n


def _at_most_as_rare(n_parts, labels):
    """Return a number of parts that the rarest class can be divided among."""
    return min(n_parts, int(np.unique_counts(labels).counts.min()))


def choose_judges(folds, labels, random_state):
    """Return by which held-out samples each member's epoch is chosen.

    A score of samples by which something was chosen is too good. So a sample that
    several members hold out is a judge of every other one of them, and the rest predict
    it without having seen it at all. The judges are about half of each part.

    Parameters
    ----------
    folds : list of (ndarray, ndarray)
    labels : ndarray of shape (n_samples,) or None
        By which the judges are stratified.
    random_state : RandomState

    Returns
    -------
    judges : list of ndarray of shape (n_held_out,), bool
    """
    n = max(max(train.max(), held_out.max()) for train, held_out in folds) + 1
    times = np.bincount(np.concatenate([b for _, b in folds]), minlength=n)
    is_next, judges = np.zeros(n, bool), []
    is_new = times > 0
    for _, held_out in folds:
        new = random_state.permutation(held_out[is_new[held_out]])
        if labels is not None:
            new = new[np.argsort(labels[new], kind="stable")]
        is_next[new[::2]], is_new[held_out] = True, False
        judges.append(is_next[held_out] | (times[held_out] == 1))
        is_next[held_out] ^= True
    return judges


def fit_members(
    network, folds, judges, X, y, sample_weight, random_state, n_jobs, task
):
    """Fit a clone of the network for each fold.

    Parameters
    ----------
    network : GDNeuralRegressor or GDNeuralClassifier
    folds : list of (ndarray, ndarray)
    judges : list of ndarray
        As `choose_judges` returns them.
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
    end = threading.Event()

    def fit(number):
        own = clone(network).set_params(random_state=int(seeds[number]), n_jobs=1)
        with ended_by(end), task.of_member(number, own):
            return _fit(own, X, y, sample_weight, *folds[number], judges[number])

    # The primary thread fits nothing, so Ctrl-C and SIGTERM are raised in it, and are
    # not taken by a member as a wish to end its own fit. All members then end with
    # their epoch, as they do when one of them fails.
    threads = ThreadPoolExecutor(n_jobs)
    with Interrupts():
        try:
            fits = [threads.submit(fit, number) for number in range(len(folds))]
            pending = set(fits)
            while pending:
                done, pending = wait(pending, POLL, return_when=FIRST_EXCEPTION)
                for one in done:
                    one.result()  # raises what has ended it
            return [one.result() for one in fits]
        except BaseException:
            end.set()
            raise
        finally:
            threads.shutdown(cancel_futures=True)


def _fit(network, X, y, sample_weight, train, held_out, is_judge):
    if network.batch_size != "auto":
        network.set_params(batch_size=min(network.batch_size, train.size))
    weights, validation, can_judge = None, {}, np.ones(held_out.size, bool)
    if sample_weight is not None:
        weights = sample_weight[train]
        if not weights.any():
            raise ValueError(
                "cv leaves a member samples to train on whose sample_weight is 0 for "
                f"all {train.size}. Leave samples without weight out, or set another "
                "cv."
            )
        can_judge &= sample_weight[held_out] > 0
    if y.dtype.kind not in "fc" and y.ndim == 1:  # labels that the member learns
        can_judge &= np.isin(y[held_out], y[train])
    if np.count_nonzero(can_judge & is_judge) < LEAST_JUDGES:
        is_judge = np.ones(held_out.size, bool)
    judges = held_out[can_judge & is_judge]
    if network.early_stopping and judges.size >= LEAST_JUDGES:
        validation = {"X_val": X[judges], "y_val": y[judges]}
        if sample_weight is not None:
            validation["sample_weight_val"] = sample_weight[judges]
    else:
        network.set_params(early_stopping=False)
        is_judge = np.zeros(held_out.size, bool)
    network.fit(X[train], y[train], weights, **validation)
    return Member(network, held_out, is_judge)


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
    every = [np.ones(member.held_out.size, bool) for member in members]
    return _mean_of(members, values, shape, every)


def unseen_values(members, values, shape):
    """Return the mean of what members say of the samples that did not judge them.

    Samples that have judged all members that have held them out get the mean of these.
    The rest is as in `mean_values`.
    """
    unseen = _mean_of(members, values, shape, [~m.is_judge for m in members])
    is_known = ~np.isnan(unseen)
    return np.where(is_known, unseen, mean_values(members, values, shape))


def _mean_of(members, values, shape, counted):
    sums, counts = np.zeros(shape), np.zeros(shape[0], int)
    for member, own, counts_here in zip(members, values, counted, strict=True):
        rows = member.held_out[counts_here]
        sums[rows] += own[counts_here]
        counts[rows] += 1
    counts = counts.reshape(-1, *[1] * (len(shape) - 1))
    with np.errstate(invalid="ignore"):
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
