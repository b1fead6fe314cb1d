"""Copies of compositions, in which networks are replaced by converted ones."""

import io
import pickle
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

import numpy as np

from skgd.compositions.candidates import is_search
from skgd.compositions.directions import FROM_SKLEARN, to_sklearn_direction
from skgd.compositions.places import place_of
from skgd.compositions.searches import translated_attributes

# Functions and classes are not copied, as in `copy.deepcopy`: so a lambda, which cannot
# be pickled, may be part of a composition.
_ATOMS = (FunctionType, BuiltinFunctionType, ModuleType, type)


def from_sklearn(obj):
    """Convert scikit-learn's MLPs to skgd's estimators, wherever they are in an object.

    Parameters
    ----------
    obj : object
        An MLPRegressor or MLPClassifier, or whatever holds some: a Pipeline, a
        ColumnTransformer, an ensemble, a search, a list; nested as deep as they come,
        fitted or not. It is not changed.

    Returns
    -------
    converted : object
        A copy of `obj` with a `GDNeuralRegressor` or `GDNeuralClassifier` in place of
        each MLP, with the same settings; what is fitted predicts the same, to rounding.
        Steps keep their names, so the names of nested parameters stay too. The grids
        and distributions of a search are translated: they give the same candidates, in
        the same order.

    Raises
    ------
    ValueError
        If `obj` holds no MLP, or if one, or a candidate of a search, cannot be
        expressed; the message names where it is.
    TypeError
        If a part of `obj` cannot be copied, such as a generator.

    See Also
    --------
    to_sklearn : The way back.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.neural_network import MLPClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> import skgd
    >>> pipeline = make_pipeline(StandardScaler(), MLPClassifier(max_iter=500))
    >>> grid = {"mlpclassifier__solver": ["adam", "sgd"]}
    >>> search = skgd.from_sklearn(GridSearchCV(pipeline, grid))
    >>> search.estimator["mlpclassifier"]
    GDNeuralClassifier(max_iter=500)
    >>> search.param_grid
    {'mlpclassifier__optimizer': ['adam', 'nesterov']}
    """
    return _converted(obj, FROM_SKLEARN)


def to_sklearn(obj, *, predict_only=False):
    """Convert skgd's estimators to scikit-learn's MLPs, wherever they are in an object.

    Parameters
    ----------
    obj : object
        A `GDNeuralRegressor` or `GDNeuralClassifier`, or whatever holds some, as in
        `from_sklearn`. It is not changed.
    predict_only : bool, default=False
        Whether it suffices that fitted networks predict the same. Their settings for
        training that scikit-learn lacks are then left out. Networks that are not fitted
        have to be expressed whole.

    Returns
    -------
    converted : object
        A copy of `obj` with an MLPRegressor or MLPClassifier in place of each network.

    Raises
    ------
    ValueError
        If `obj` holds no network, or if scikit-learn cannot express one, or a candidate
        of a search; the message names where it is, and what cannot be expressed.
    TypeError
        If a part of `obj` cannot be copied, such as a generator.

    See Also
    --------
    from_sklearn : The way here.
    """
    return _converted(obj, to_sklearn_direction(predict_only))


def _converted(obj, direction):
    copier = _Copier(obj, direction)
    try:
        copier.dump(obj)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        place = place_of(copier.latest, obj)
        raise TypeError(f"{place}, is what cannot be copied: {error}") from error
    if not copier.n_networks:
        done = " It has been converted already." if copier.n_of_other_side else ""
        raise ValueError(
            f"This {type(obj).__name__} holds no {direction.wanted}, so there is "
            f"nothing to convert.{done}"
        )
    return copier.load()


class _Copier(pickle.Pickler):
    """Writes an object down, with a number in place of each network and each atom.

    Pickling finds all parts of an object, each of them once, whatever they are in.
    """

    def __init__(self, root, direction):
        self._buffer = io.BytesIO()
        super().__init__(self._buffer, protocol=pickle.HIGHEST_PROTOCOL)
        self._root, self._direction = root, direction
        self.n_networks = self.n_of_other_side = 0
        self.latest = root  # what is being written down, for error messages
        # The objects that stand in the copy, and by the original's id their number. The
        # originals are kept, so that no other object gets the same id.
        self._parts, self._numbers, self._originals = [], {}, []

    def persistent_id(self, obj):
        """Return the number of an object that is not written down, or None."""
        self.latest = obj
        is_network = self._direction.is_network(obj)
        self.n_of_other_side += self._direction.is_result(obj)
        if not (is_network or isinstance(obj, _ATOMS)):
            return None
        if id(obj) not in self._numbers:
            self._numbers[id(obj)] = len(self._parts)
            self._originals.append(obj)
            self._parts.append(self._convert(obj) if is_network else obj)
            self.n_networks += is_network
        return self._numbers[id(obj)]

    def _convert(self, network):
        try:
            return self._direction.convert(network)
        except ValueError as error:
            if network is self._root:
                raise
            raise ValueError(f"{place_of(network, self._root)}: {error}") from error

    def reducer_override(self, obj):
        """Write a search down with its parameters translated; a method by its parts."""
        if isinstance(obj, MethodType):
            if self._direction.is_network(obj.__self__):  # of another class, then
                return getattr, (obj.__self__, obj.__name__)
            return MethodType, (obj.__func__, obj.__self__)
        if not is_search(obj):
            return NotImplemented
        # First what cannot be converted itself, which is not the fault of a candidate.
        for part in (obj.estimator, *obj.estimator.get_params(deep=True).values()):
            self.persistent_id(part)
        self.latest = obj
        try:
            attributes = translated_attributes(obj, self._direction)
        except ValueError as error:
            where = place_of(obj, self._root)
            raise ValueError(f"{where}{error}") from error
        make, arguments, state, *rest = obj.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
        return make, arguments, state | attributes, *rest

    def load(self):
        """Return the copy."""
        networks = [
            (part, original.random_state)
            for part, original in zip(self._parts, self._originals, strict=True)
            if self._direction.is_network(original)
            and isinstance(original.random_state, np.random.RandomState)
        ]
        self.dump([generator for _, generator in networks])
        unpickler = _Reader(io.BytesIO(self._buffer.getbuffer()), self._parts)
        copied = unpickler.load()
        # A generator that several parts draw from is still one.
        generators = unpickler.load()
        for (part, _), generator in zip(networks, generators, strict=True):
            _draw_from(part, generator)
        return copied


class _Reader(pickle.Unpickler):
    """Reads what a `_Copier` has written, and puts parts in the places of numbers."""

    def __init__(self, file, parts):
        super().__init__(file)
        self._parts = parts

    def persistent_load(self, number):
        """Return the part of this number."""
        return self._parts[number]


def _draw_from(network, generator):
    """Let a converted network draw from this generator, and not from a copy."""
    was, network.random_state = network.random_state, generator
    if hasattr(network, "_random_state"):
        network._random_state = generator
    if hasattr(network, "_state") and network._state.seed is was:
        network._state.seed_with(generator)
