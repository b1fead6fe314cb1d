"""The distributions of a random search, in the spelling of the other side."""

from threading import get_ident

from sklearn.utils import check_random_state

from skgd.compositions.candidates import is_same


def translated_distributions(grid, translation):
    """Translate distributions, of which at least one is drawn from."""
    places, values = translation.networks_of(grid), list(grid.values())
    for name in grid:
        if translation.is_around(name, grid) and translation.holds_network(
            name, grid[name]
        ):
            raise ValueError(
                f"{name!r} is drawn, and so are parameters of it. Give lists in "
                "place of all distributions, or leave one of them out."
            )
    if not any(translation.is_bound(name, grid) for name in places):
        return grid
    if all(isinstance(each, DrawnTogether) for each in values):
        draw = values[0].draw  # it has come from the other side
        if draw.is_of(translation):
            return draw.grid
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
            network = translation.part(place)
            self._networks[place] = type(network), network.get_params(deep=False)
        self._check_values()
        # Each thread's candidate, as searches in several threads may share this one.
        self._candidates = {}
        self.names = sorted(self._translate(dict.fromkeys(grid), dry=True))

    def is_of(self, translation):
        """Return whether its grid says the same with the networks of `translation`."""
        for place, (kind, params) in self._networks.items():
            network = translation.direction.convert(translation.part(place))
            now = network.get_params(deep=False)
            set_by_it = {
                n.rpartition("__")[2] for n, p in self._places.items() if p == place
            }
            if type(network) is not kind or not all(
                n in set_by_it or n == "random_state" or is_same(now[n], params[n])
                for n in params
            ):
                return False
        return True

    def _check_values(self):
        """Raise a ValueError for a value that the other side has no parameter for."""
        for name, place in self._places.items():
            last = name.rpartition("__")[2]
            kind, params = self._networks[place]
            after = self._direction.parameters(kind(**params))
            if last in after or last in self._direction.respelled:
                continue
            values = self.grid[name]
            if hasattr(values, "rvs"):
                raise ValueError(f"{name!r} is drawn, and there is no such parameter.")
            for value in values:
                self._direction.parameters(kind(**{**params, last: value}))

    def next(self, random_state):
        """Draw a candidate."""
        # This is how scikit-learn's ParameterSampler draws.
        random_state = check_random_state(random_state)
        drawn = {}
        for name, values in sorted(self.grid.items()):
            if hasattr(values, "rvs"):
                drawn[name] = values.rvs(random_state=random_state)
            else:
                drawn[name] = values[random_state.randint(len(values))]
        return self._translate(drawn)

    def value(self, name, random_state):
        """Return a parameter of the next candidate it was not asked of yet."""
        left = self._candidates.setdefault(get_ident(), {})
        if name == self.names[0] or name not in left:
            left.clear()
            left.update(self.next(random_state))
        return left.pop(name)

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
        return self.draw.value(self.name, random_state)
