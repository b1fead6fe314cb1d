"""The grids and distributions of a search, in the spelling of the other side.

A candidate sets parameters of a network in the spelling of one library. Several of them
together say what one parameter of the other library says: scikit-learn's `solver` and
`nesterovs_momentum` are skgd's `optimizer`. So candidates are translated as a whole,
and then written as grids again.
"""

from itertools import product
from threading import get_ident

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid
from sklearn.utils import check_random_state

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


def translated_attributes(search, direction):
    """Return the attributes of a search that have to do with candidates, translated.

    Parameters
    ----------
    search : estimator
        Such as GridSearchCV; fitted or not.
    direction : Direction

    Returns
    -------
    attributes : dict

    Raises
    ------
    ValueError
        If a candidate cannot be expressed. The message begins with the attribute.
    """
    translation = Translation(search.estimator, direction)
    attributes = {}
    for name in GRIDS:
        if name in vars(search):
            try:
                attributes[name] = _translated(getattr(search, name), translation)
            except ValueError as error:
                raise ValueError(f".{name}: {error}") from error
    if "cv_results_" in vars(search):
        attributes |= _translated_results(search, translation)
    return attributes


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
        moved = set()
        for _, networks in parts:
            for place, (_, base, params) in networks.items():
                moved |= {
                    (place, name)
                    for name in params
                    if not _is_same(params[name], base.get(name))
                }
        return [_joined(*part, moved, self.direction.respelled) for part in parts]

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
        networks = {}
        for place, lasts in names.items():
            before = candidate.get(place, self.part(place))
            try:
                base = self.direction.parameters(clone(before))
                after = self.direction.parameters(reached[place])
            except ValueError as error:
                at = f" at {place!r}" if place else ""
                raise ValueError(f"the candidate {candidate}{at}: {error}") from error
            # The values of the candidate itself are kept, and not copies of them.
            for last in lasts:
                if last in after and last not in self.direction.respelled:
                    value = candidate[f"{place}__{last}" if place else last]
                    after[last] = value if _is_same(value, after[last]) else after[last]
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


def _is_same(a, b):
    if a is b:
        return True
    if callable(a) or callable(b):
        return False
    try:
        return type(a) is type(b) and bool(np.all(np.asarray(a == b)))
    except (TypeError, ValueError):
        return False


# Grids and distributions --------------------------------------------------------------


def _translated(given, translation):
    """Translate a grid or distributions, or a list of them."""
    if given is None or (isinstance(given, dict) and not given):
        return given
    grids = [given] if isinstance(given, dict) else list(given)
    if all(_is_of_lists(grid) for grid in grids):
        translated = [each for grid in grids for each in _grids(grid, translation)]
    else:
        translated = [_distributions(grid, translation) for grid in grids]
    if len(translated) == 1 and isinstance(given, dict):
        return translated[0]
    return translated


def _is_of_lists(grid):
    return not any(hasattr(values, "rvs") for values in grid.values())


def _grids(grid, translation):
    """Return grids that give the same candidates as this one, in the same order."""
    values = [value for each in grid.values() for value in each]
    replaces = any(hasattr(value, "get_params") for value in values)
    if not (replaces or translation.networks_of(grid)):
        return [grid]  # it is about other parts of the estimator
    before = list(ParameterGrid(grid))
    after = translation(before)
    is_as_it_was = all(
        old.keys() == new.keys() and all(_is_same(new[k], old[k]) for k in old)
        for old, new in zip(before, after, strict=True)
    )
    return [grid] if is_as_it_was else _as_grids(after)


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
            if not any(_is_same(value, known) for known in grid[name]):
                grid[name].append(value)
    names = sorted(grid)
    if np.prod([len(values) for values in grid.values()]) != len(candidates):
        return None
    for values, candidate in zip(
        product(*(grid[name] for name in names)), candidates, strict=True
    ):
        if not all(map(_is_same, values, (candidate[name] for name in names))):
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
        if not all(_is_same(each[name], first[name]) for each in candidates)
    }
    if len(varying) > 1 or (not varying and len(candidates) > 1):
        return None
    return {
        name: [each[name] for each in candidates] if name in varying else [value]
        for name, value in first.items()
    }


def _distributions(grid, translation):
    """Translate distributions, of which at least one is drawn from."""
    places, values = translation.networks_of(grid), list(grid.values())
    respelled = translation.direction.respelled
    if not any(name.rpartition("__")[2] in respelled for name in places):
        return grid
    if all(isinstance(each, DrawnTogether) for each in values):
        return values[0].draw.grid  # it has come from the other side
    draw = Draw(grid, translation, places)
    return {name: DrawnTogether(draw, name) for name in draw.names}


class Draw:
    """Draws a candidate as it was drawn in the other spelling, and translates it.

    Parameters
    ----------
    grid : dict
        Distributions and lists, by the names of parameters.
    translation : Translation
    places : dict of str to str
        Of `Translation.networks_of`.

    Attributes
    ----------
    names : list of str
        The parameters of a translated candidate, sorted.
    """

    def __init__(self, grid, translation, places):
        self.grid, self._direction = grid, translation.direction
        self._places, self._networks = places, {}
        for place in sorted(set(places.values())):
            if place in grid:
                raise ValueError(
                    f"{place!r} is drawn, and so are parameters of it. Give lists in "
                    "place of all distributions, or leave one of them out."
                )
            network = translation.part(place)
            self._networks[place] = type(network), network.get_params(deep=False)
        # Each thread's candidate, as searches in several threads may share this one.
        self._candidates = {}
        self.names = sorted(self._translate(dict.fromkeys(grid), dry=True))

    def next(self, random_state):
        """Draw a candidate, and keep it for `value`."""
        # This is how scikit-learn's ParameterSampler draws.
        random_state = check_random_state(random_state)
        drawn = {}
        for name, values in sorted(self.grid.items()):
            if hasattr(values, "rvs"):
                drawn[name] = values.rvs(random_state=random_state)
            else:
                drawn[name] = values[random_state.randint(len(values))]
        self._candidates[get_ident()] = self._translate(drawn)

    def value(self, name):
        """Return a parameter of the candidate."""
        return self._candidates[get_ident()][name]

    def _translate(self, drawn, dry=False):
        """Translate a candidate; if `dry`, its names only."""
        candidate = {n: v for n, v in drawn.items() if n not in self._places}
        for place, (kind, params) in self._networks.items():
            own = {
                name.rpartition("__")[2]: drawn[name]
                for name, of in self._places.items()
                if of == place
            }
            network = kind(**params)
            after = self._direction.parameters(
                network if dry else network.set_params(**own)
            )
            wanted = (own.keys() - self._direction.respelled.keys()) & after.keys()
            if own.keys() & self._direction.respelled.keys():
                wanted |= set(self._direction.entangled) & after.keys()
            for name in wanted:
                candidate[f"{place}__{name}" if place else name] = after[name]
        return candidate


class DrawnTogether:
    """One parameter of the candidates that a `Draw` draws, as a distribution.

    A search asks for the values of a candidate in the sorted order of their names, so
    the first of them draws it.

    Parameters
    ----------
    draw : Draw
    name : str
    """

    def __init__(self, draw, name):
        self.draw, self.name = draw, name

    def __repr__(self):
        return f"{type(self).__name__}({self.name!r})"

    def __deepcopy__(self, memo):
        return self  # a clone of a search copies its distributions one by one

    def rvs(self, random_state=None):
        """Return the parameter's value in the next candidate."""
        if self.name == self.draw.names[0]:
            self.draw.next(random_state)
        return self.draw.value(self.name)


# Results ------------------------------------------------------------------------------


def _translated_results(search, translation):
    """Return the fitted attributes that name candidates, translated."""
    results = dict(search.cv_results_)
    candidates = translation(list(results["params"]))
    results = {k: v for k, v in results.items() if not k.startswith("param_")}
    columns = {}
    for i, candidate in enumerate(candidates):
        for name, value in candidate.items():
            column = f"param_{name}"
            if column not in columns:
                empty = np.empty(len(candidates), dtype=object)
                columns[column] = np.ma.MaskedArray(empty, mask=True)
            columns[column][i] = value
    results |= columns | {"params": candidates}
    attributes = {"cv_results_": results}
    if "best_params_" in vars(search):
        attributes["best_params_"] = candidates[search.best_index_]
    return attributes
