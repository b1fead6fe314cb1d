"""What a search keeps of its candidates, in the spelling of the other side."""

import numpy as np

from skgd.compositions.candidates import GRIDS, Translation
from skgd.compositions.distributions import translated_distributions
from skgd.compositions.grids import translated_grids


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


def _translated(given, translation):
    """Translate a grid or distributions, or a list of them."""
    if given is None or (isinstance(given, dict) and not given):
        return given
    grids = [given] if isinstance(given, dict) else list(given)
    for grid in grids:
        translation.refuse_inner_searches(grid)
    if any(_has_spaces(grid) for grid in grids):
        for grid in grids:
            _refuse_bound_spaces(grid, translation)
        return given
    if all(_is_of_lists(grid) for grid in grids):
        translated = [
            each for grid in grids for each in translated_grids(grid, translation)
        ]
    else:
        translated = [translated_distributions(grid, translation) for grid in grids]
    if len(translated) == 1 and isinstance(given, dict):
        return translated[0]
    return translated


def _is_of_lists(grid):
    return not any(hasattr(values, "rvs") for values in grid.values())


def _is_space(values):
    """Return whether values are given by an object of another library."""
    return not hasattr(values, "rvs") and not hasattr(values, "__iter__")


def _has_spaces(grid):
    return any(map(_is_space, grid.values()))


def _refuse_bound_spaces(grid, translation):
    """Raise a ValueError if a grid has to be translated."""
    space = next((type(v).__name__ for v in grid.values() if _is_space(v)), None)
    for name in grid:
        if translation.is_bound(name, grid):
            raise ValueError(
                f"{name!r} would have to be translated, which is not possible beside "
                f"values given by a {space}: neither a list nor a distribution with a "
                "method rvs. Write the search anew."
            )


def _translated_results(search, translation):
    """Return the fitted attributes that name candidates, translated."""
    results = dict(search.cv_results_)
    candidates = translation(list(results["params"]))
    others = {k: v for k, v in results.items() if not k.startswith("param_")}
    results = {}
    for name, value in others.items():  # in scikit-learn's order
        if name == "params":
            results |= _columns(candidates)
            value = candidates
        results[name] = value
    attributes = {"cv_results_": results}
    if "best_params_" in vars(search):
        attributes["best_params_"] = candidates[search.best_index_]
    return attributes


def _columns(candidates):
    """Return the columns of results, of the types that scikit-learn gives them."""
    known = {}
    for i, candidate in enumerate(candidates):
        for name, value in candidate.items():
            known.setdefault(f"param_{name}", {})[i] = value
    columns = {}
    for name, values in known.items():
        try:
            array = np.array(list(values.values()))
        except ValueError:  # of sequences, whose lengths differ
            dtype = object
        else:
            is_plain = array.ndim == 1 and array.dtype.kind != "U"
            dtype = array.dtype if is_plain else object
        empty = np.empty(len(candidates), dtype=dtype)
        columns[name] = np.ma.MaskedArray(empty, mask=True)
        for i, value in values.items():
            columns[name][i] = value
    return columns
