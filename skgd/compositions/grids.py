"""The grids of a search, in the spelling of the other side.

Candidates are translated, and then written as grids again, which give the same
candidates in the same order.
"""

from itertools import product

import numpy as np
from sklearn.model_selection import ParameterGrid

from skgd.compositions.candidates import is_same

# More candidates than these are not written down one by one.
_MOST_CANDIDATES = 100_000


def translated_grids(grid, translation):
    """Return grids that give the same candidates as this one, in the same order."""
    bound = {n: values for n, values in grid.items() if translation.is_bound(n, grid)}
    if any(map(_holds_estimators, grid.values())):
        bound = grid  # it may say what estimator another name is of
    if bound.keys() != grid.keys():
        merged = _merged(
            grid, bound, translated_grids(bound, translation) if bound else [{}]
        )
        if merged is not None:
            return [merged]
    n_candidates = len(ParameterGrid(grid))
    if n_candidates > _MOST_CANDIDATES:
        raise ValueError(
            f"it has {n_candidates} candidates, each of which would be written down in "
            f"another spelling; at most {_MOST_CANDIDATES} are. Make lists shorter, or "
            "give a distribution in place of one of them."
        )
    before = list(ParameterGrid(grid))
    after = _translated_candidates(grid, bound, translation)
    is_as_it_was = all(
        old.keys() == new.keys() and all(is_same(new[k], old[k]) for k in old)
        for old, new in zip(before, after, strict=True)
    )
    return [grid] if is_as_it_was else _as_grids(after)


def _translated_candidates(grid, bound, translation):
    """Return the candidates of a grid, translated, in their order.

    The parameters that are not bound stay as they are, so each combination of the
    others is translated once.
    """
    names = sorted(bound)
    of_bound = dict(
        zip(
            product(*(range(len(bound[name])) for name in names)),
            translation(list(ParameterGrid(bound))),
            strict=True,
        )
    )
    indices = ParameterGrid({name: range(len(grid[name])) for name in grid})
    return [
        {name: grid[name][i] for name, i in each.items() if name not in bound}
        | of_bound[tuple(each[name] for name in names)]
        for each in indices
    ]


def _holds_estimators(values):
    """Return whether any is a list of estimators, such as those of an ensemble."""
    lists = [each for each in values if isinstance(each, (list, tuple))]
    return any(
        hasattr(part, "get_params")
        for each in lists
        for item in each
        for part in (item if isinstance(item, (list, tuple)) else [item])
    )


def _merged(grid, bound, translated):
    """Return the grid with some of its lists translated; None if the order changes."""
    if len(translated) != 1:
        return None
    (after,) = translated
    if [len(bound[n]) for n in sorted(bound)] != [len(after[n]) for n in sorted(after)]:
        return None
    merged = {n: values for n, values in grid.items() if n not in bound} | after
    if [n in bound for n in sorted(grid)] != [n in after for n in sorted(merged)]:
        return None
    if merged.keys() == grid.keys() and all(merged[n] is grid[n] for n in grid):
        return grid
    return {n: merged[n] for n in grid if n in merged} | merged


def _as_grids(candidates):
    """Write candidates as few grids: as one, or runs in which one parameter varies."""
    whole = _as_one_grid(candidates)
    if whole is not None:
        return [whole]
    grids, run = [], []
    for candidate in candidates:
        if run and _as_one_run([*run, candidate]) is None:
            grids.append(_as_one_run(run))
            run = []
        run.append(candidate)
    return [*grids, _as_one_run(run)]


def _as_one_grid(candidates):
    """Return the grid that gives these candidates in this order, or None."""
    first = candidates[0]
    if any(candidate.keys() != first.keys() for candidate in candidates):
        return None
    grid = {name: [] for name in first}
    for candidate in candidates:
        for name, value in candidate.items():
            if not any(is_same(value, known) for known in grid[name]):
                grid[name].append(value)
    names = sorted(grid)
    if np.prod([len(values) for values in grid.values()]) != len(candidates):
        return None
    for values, candidate in zip(
        product(*(grid[name] for name in names)), candidates, strict=True
    ):
        if not all(map(is_same, values, (candidate[name] for name in names))):
            return None
    return grid


def _as_one_run(candidates):
    """Return the grid of candidates that differ in one parameter, or None."""
    first = candidates[0]
    if any(candidate.keys() != first.keys() for candidate in candidates):
        return None
    varying = {
        name
        for name in first
        if not all(is_same(each[name], first[name]) for each in candidates)
    }
    if len(varying) > 1 or (not varying and len(candidates) > 1):
        return None
    return {
        name: [each[name] for each in candidates] if name in varying else [value]
        for name, value in first.items()
    }
