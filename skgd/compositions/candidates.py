"""Candidates of a search, in the spelling of the other side.

A candidate sets parameters of a network in the spelling of one library. Several of them
together say what one parameter of the other library says: scikit-learn's `solver` and
`nesterovs_momentum` are skgd's `optimizer`. So candidates are translated as a whole.
"""

import numpy as np
from sklearn.base import clone

# The attributes in which searches keep what their candidates are made of.
GRIDS = ("param_grid", "param_distributions")


def is_search(obj):
    """Return whether an object searches over the parameters of an estimator."""
    return (
        not isinstance(obj, type)
        and hasattr(obj, "get_params")
        and hasattr(getattr(obj, "estimator", None), "get_params")
        and any(name in vars(obj) for name in GRIDS)
    )


class Translation:
    """Translates the candidates of an estimator's search.

    Parameters
    ----------
    estimator : estimator
        What the candidates are candidates of; it is not changed.
    direction : Direction
    """

    def __init__(self, estimator, direction):
        self.direction = direction
        self._special = {*direction.respelled, *direction.entangled}
        self._estimator = clone(estimator)
        self._params = self._estimator.get_params(deep=True)

    def networks_of(self, names):
        """Return the places of the networks that parameters of these names belong to.

        Parameters
        ----------
        names : iterable of str

        Returns
        -------
        places : dict of str to str
            By the name of the parameter the name of the network, '' for the estimator
            itself.
        """
        places = {name: name.rpartition("__")[0] for name in names}
        return {
            name: place
            for name, place in places.items()
            if self.direction.is_network(self.part(place))
        }

    def is_bound(self, name, grid):
        """Return whether a parameter has to be translated along with others of a grid.

        It need not if it means the same on both sides whatever the others are.
        """
        place, _, last = name.rpartition("__")
        is_within_drawn = any(name.startswith(f"{other}__") for other in grid)
        if is_within_drawn or self.is_around(name, grid):
            return True
        part = self.part(place)
        if not self.direction.is_network(part):
            return False
        return last in self._special or last not in self.direction.parameters(part)

    def is_around(self, name, grid):
        """Return whether other parameters of a grid belong to a value of this one."""
        return any(other.startswith(f"{name}__") for other in grid)

    def holds_network(self, name, values):
        """Return whether a step, or a value that is put in its place, has a network."""
        each = [self.part(name), *([] if hasattr(values, "rvs") else values)]
        parts = [
            part
            for value in each
            if hasattr(value, "get_params") and not isinstance(value, type)
            for part in (value, *value.get_params(deep=True).values())
        ]
        return any(map(self.direction.is_network, parts))

    def refuse_inner_searches(self, grid):
        """Raise a ValueError if a grid and that of a search inside act on one network.

        Parameters
        ----------
        grid : dict
        """
        for name in grid:
            place, _, last = name.rpartition("__")
            steps = place.split("__") if place else []
            around = ["__".join(steps[:i]) for i in range(len(steps) + 1)]
            if not any(is_search(self.part(each)) for each in around):
                continue
            is_of_network = self.direction.is_network(self.part(place))
            if last in GRIDS or (is_of_network and last in self._special):
                raise ValueError(
                    f"{name!r} belongs to another search, inside of this one, and the "
                    "two together cannot be expressed. Put it into the inner grid."
                )

    def part(self, place):
        """Return the estimator of this name, or None; '' is the whole."""
        return self._params.get(place) if place else self._estimator

    def __call__(self, candidates):
        """Translate candidates, all of one grid.

        Parameters
        ----------
        candidates : list of dict

        Returns
        -------
        translated : list of dict
            A parameter that is at the value of the estimator in all of them is left out
            if it was not named.
        """
        parts = [self._divide(candidate) for candidate in candidates]
        # Results have candidates of several grids, which are told apart by their names.
        moved = {}
        for candidate, (_, networks) in zip(candidates, parts, strict=True):
            known = moved.setdefault(frozenset(candidate), set())
            for place, (_, base, params) in networks.items():
                known |= {
                    (place, name)
                    for name in self.direction.entangled
                    if name in params and not is_same(params[name], base.get(name))
                }
        return [
            _joined(*part, moved[frozenset(candidate)], self.direction.respelled)
            for candidate, part in zip(candidates, parts, strict=True)
        ]

    def _divide(self, candidate):
        """Divide a candidate into the networks' parameters, and all others.

        Those of a network are a tuple: names, the parameters before, and after.
        """
        if not candidate:
            return {}, {}
        estimator = clone(self._estimator).set_params(
            **{name: clone(value, safe=False) for name, value in candidate.items()}
        )
        is_network = self.direction.is_network
        reached = {"": estimator, **estimator.get_params(deep=True)}
        others, names = {}, {}
        for name, value in candidate.items():
            place, _, last = name.rpartition("__")
            if is_network(reached.get(place)):
                names.setdefault(place, []).append(last)
            else:
                others[name] = value
        networks, around = {}, self._estimator
        if names and others:  # they may put other networks in
            around = clone(around).set_params(
                **{name: clone(value, safe=False) for name, value in others.items()}
            )
        around = {"": around, **around.get_params(deep=True)}
        for place, lasts in names.items():
            before = around[place]
            try:
                base = self.direction.parameters(clone(before))
                after = self.direction.parameters(reached[place])
            except ValueError as error:
                at = f" at {place!r}" if place else ""
                raise ValueError(f"the candidate {candidate}{at}: {error}") from error
            # The values of the candidate itself are kept, and not copies of them.
            for last in after.keys() & set(lasts):
                value = candidate[f"{place}__{last}" if place else last]
                if last not in self._special or is_same(value, after[last]):
                    after[last] = value
            networks[place] = lasts, base, after
        return others, networks


def _joined(others, networks, moved, respelled):
    """Return the candidate that has been divided, in the other spelling."""
    candidate = dict(others)
    for place, (names, _, params) in networks.items():
        wanted = {respelled.get(name, name) for name in names}
        wanted |= {name for where, name in moved if where == place}
        for name in sorted(wanted & params.keys()):
            candidate[f"{place}__{name}" if place else name] = params[name]
    return candidate


def is_same(a, b):
    """Return whether two values of a parameter are the same, of the same type."""
    if a is b:
        return True
    if callable(a) or callable(b):
        return False
    try:
        shapes = getattr(a, "shape", None), getattr(b, "shape", None)
        if type(a) is not type(b) or shapes[0] != shapes[1]:
            return False  # arrays of other shapes could be broadcast
        return bool(np.all(np.asarray(a == b)))
    except (TypeError, ValueError):
        return False
