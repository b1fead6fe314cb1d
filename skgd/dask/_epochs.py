"""Epochs whose partitions are on workers, in place of those of one process.

The state changes only when an epoch is complete. So when the cluster fails, or when
Ctrl-C ends the waiting for it, the state is that of the last complete epoch.
"""

from copy import deepcopy
from dataclasses import replace
from functools import partial
from itertools import count
from uuid import uuid4

import numpy as np

from skgd.dask._part import Descent, Draws, Leg, Point, descend, gradient_at, sums_at
from skgd.descent.lbfgs import search
from skgd.descent.loop import end_epoch
from skgd.descent.steps import apply, combine_sums, draw_seed, make_update


def batch_epochs(fit):
    """Take one step an epoch, from the sum of the partitions' gradients."""
    params, network, state = fit.params, fit.network, fit.state
    goes_on = True
    while goes_on:
        fit.interrupts.interruptible(fit.task.begin_epoch)
        fit.interrupts.check()
        seed, draws = None, deepcopy(state.random_state)
        if network.draws:
            seed = draw_seed(draws)
        theta = state.theta.copy()
        loss, weight, gradient = _sum_over_parts(fit, theta, seed)
        if network.draws:
            state.random_state.set_state(draws.get_state())
        state.theta[:] = theta
        (rate,) = fit.schedule.rates(state, params.max_iter, 1).tolist()
        if weight != 0:
            update = make_update(params, network, state)
            loss = apply(update, gradient, loss, weight, rate)
            state.n_steps += 1
        state.scheduled_epochs += 1
        goes_on = end_epoch(fit, loss, rate)


def lbfgs_epochs(fit):
    """Run the iterations of L-BFGS on the sum of the partitions' gradients."""
    params, network, state = fit.params, fit.network, fit.state

    def loss_and_gradient(point):
        with np.errstate(over="ignore"):  # a point that is tried may not be a float32
            theta = point.astype(state.theta.dtype)
        loss, weight, gradient = _sum_over_parts(fit, theta, None)
        # The rule of L-BFGS adds the penalty, and moves nothing.
        update = make_update(params, network, replace(state, theta=theta))
        loss = apply(update, gradient, loss, weight, rate=0.0)
        return loss, state.remembered("gradient").astype(np.float64)

    search(fit, loss_and_gradient)


def _sum_over_parts(fit, theta, seed):
    """Return the loss, the weight and the gradient of the batch of all partitions.

    They are added up in the order of the partitions, so that the result does not depend
    on which worker was the first.
    """
    parts = fit.samples
    # Where each part begins in the batch. Dropout needs it.
    firsts = np.cumsum([0, *parts.sizes[:-1]]).tolist()
    batch = partial(_gradients, fit.network, theta, parts, firsts, seed)
    results = fit.interrupts.interruptible(batch)
    if results is None:
        fit.interrupts.check()
    losses, weights, gradients = zip(*results, strict=True)
    gradient = np.array(gradients[0])
    for other in gradients[1:]:
        gradient += other
    return sum(losses), sum(weights), gradient


def _gradients(network, theta, parts, firsts, seed):
    """Return losses, weights and gradients of the parts of a batch.

    In a network with barriers there is a round of tasks for each stage. In each round
    the parts do all former stages again, so that tasks do not depend on anything that a
    worker has kept.
    """
    n = len(firsts)
    totals = np.zeros(network.n_sums) if network.n_barriers else None
    for stage in range(2 * network.n_barriers):
        points = [Point(network, theta, seed, totals)] * n
        sums = parts.map(sums_at, firsts, points, [stage] * n)
        combine_sums(network, theta, stage, np.array(sums), totals)
    points = [Point(network, theta, seed, totals)] * n
    return parts.map(gradient_at, firsts, points)


def averaged_epochs(fit):
    """Run copies of the parameters through the partitions side by side, and average.

    Each copy has partitions of its own and goes through them one by one, in a new order
    in each epoch. `fit.samples.chains` lists the partitions' numbers, copy by copy.

    References: R. McDonald, K. Hall, G. Mann, "Distributed training strategies for the
    structured perceptron", NAACL 2010; S. U. Stich, "Local SGD converges fast and
    communicates little", ICLR 2019.
    """
    params, network, state, parts = fit.params, fit.network, fit.state, fit.samples
    interrupts = fit.interrupts
    if network.n_barriers and max(parts.sizes) == 1:
        (name, *_) = network.barrier_kinds
        raise ValueError(
            f"{name} takes sums over the samples of a batch, and each partition has "
            f"one sample. Give larger ones, set solver='batch', or leave {name} out."
        )
    call, n_parts = uuid4().hex, len(parts.sizes)
    # The first partition draws from the estimator's own generator; the seeds of all
    # other partitions are drawn from a copy of it.
    own = deepcopy(state.random_state)
    seeds = [deepcopy(own)]
    others = deepcopy(own)
    if n_parts > 1:
        numbers = others.randint(2**32, size=n_parts - 1, dtype=np.uint64)
        seeds += [int(number) for number in numbers]
    plain = params._template()
    for epoch in count():
        interrupts.interruptible(fit.task.begin_epoch)
        interrupts.check()
        chains = parts.chains
        if params.shuffle:
            chains = [[c[i] for i in _order(len(c), others)] for c in chains]

        def leg(number, place, chain, epoch=epoch):
            draws = Draws(call, epoch, seeds[number], network.draws, params.shuffle)
            return Leg(draws, place, len(chain), number == 0)

        light = replace(
            state,
            **{"random_state": None, "seed": None, "best_theta": None},
            **{"held_out": None, "loss_curve": [], "learning_rate_curve": []},
            **{"validation_losses": [], "validation_scores": []},
        )
        start = Descent(plain, network, light)
        submit = partial(_submit, parts, chains, start, leg)
        ends = interrupts.interruptible(parts.run, submit)
        if ends is None:
            interrupts.check()
        for end in ends:
            if end.random_state is not None:
                state.random_state.set_state(end.random_state.get_state())
        _average(state, ends)
        state.scheduled_epochs += 1
        n_samples = sum(end.n_samples for end in ends)
        loss = sum(end.loss for end in ends)
        if not end_epoch(fit, loss / max(n_samples, 1), ends[0].first_rate):
            return


def _order(n, generator):
    return generator.permutation(n) if n > 1 else range(n)


def _submit(parts, chains, start, leg):
    """Submit an epoch: first the first partitions of all chains, then the second ones.

    Returns the futures of the chains' ends.
    """
    at = [start] * len(chains)
    for place in range(max(map(len, chains))):
        on = [i for i, chain in enumerate(chains) if place < len(chain)]
        numbers = [chains[i][place] for i in on]
        futures = parts.cluster.client.map(
            descend,
            [parts.futures[number] for number in numbers],
            [at[i] for i in on],
            [
                leg(number, place, chains[i])
                for number, i in zip(numbers, on, strict=True)
            ],
            key="skgd-descend",
            pure=False,
        )
        for i, future in zip(on, futures, strict=True):
            at[i] = future
    return at


def _average(state, ends):
    """Average parameters and optimizer's memory, weighted by numbers of samples."""
    ends = [end for end in ends if end.n_samples > 0]
    if len(ends) == 1:
        of = ends[0].state
        state.theta[:] = of.theta
        state.memory[:] = of.memory
        state.n_steps = of.n_steps
        return
    if not ends:
        return
    shares = np.array([end.n_samples for end in ends])
    shares = shares / shares.sum()
    pairs = list(zip(shares, (end.state for end in ends), strict=True))
    with np.errstate(over="ignore", invalid="ignore"):
        # The sums are in float64, as sums of many numbers in float32 lose digits.
        state.theta[:] = sum(share * of.theta.astype(np.float64) for share, of in pairs)
        state.memory[:] = sum(
            share * of.memory.astype(np.float64) for share, of in pairs
        )
    state.n_steps = round(sum(share * of.n_steps for share, of in pairs))


def make_chains(sizes, n_chains):
    """Divide the partitions among copies of the parameters, by numbers of samples.

    Parameters
    ----------
    sizes : list of int
    n_chains : int
        Number of copies. At most one for each partition is made.

    Returns
    -------
    chains : list of list of int
        Numbers of neighbouring partitions, with about as many samples in each list.
    """
    n_chains = min(n_chains, len(sizes))
    ends = np.cumsum(sizes)
    middles = (ends - np.array(sizes) / 2) * n_chains / ends[-1]
    owners = np.minimum(middles.astype(int), n_chains - 1)
    # Each chain gets at least one partition, however uneven the partitions are.
    low = np.arange(len(sizes)) - (len(sizes) - n_chains)
    for i in range(len(sizes)):
        least = max(low[i], owners[i - 1] if i else 0)
        most = owners[i - 1] + 1 if i else 0
        owners[i] = min(max(owners[i], least), most)
    return [np.flatnonzero(owners == c).tolist() for c in range(n_chains)]
