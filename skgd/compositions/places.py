"""Where an object is in a composition, for error messages."""

from collections import deque

import numpy as np

# An object is looked for among the first so many.
_MOST_PARTS = 100_000


def place_of(wanted, root):
    """Return where an object is in a composition, in words.

    Parameters
    ----------
    wanted : object
    root : object

    Returns
    -------
    place : str
        Such as ``Pipeline, at 'net'``: by the name of a nested parameter if there is
        one, and otherwise by attributes and items.
    """
    name = type(root).__name__
    if wanted is root:
        return name
    if hasattr(root, "get_params") and not isinstance(root, type):
        for key, value in root.get_params(deep=True).items():
            if value is wanted:
                return f"{name}, at {key!r}"
    return f"{name}, at {_path(wanted, root)}"


def _path(wanted, root):
    """Return the shortest path of attributes and items to an object."""
    seen, queue = {id(root)}, deque([("", root)])
    while queue and len(seen) < _MOST_PARTS:
        path, value = queue.popleft()
        for step, part in _parts(value):
            if part is wanted:
                return (path + step).lstrip(".")
            if id(part) not in seen:
                seen.add(id(part))
                queue.append((path + step, part))
    return "some place inside"


def _parts(value):
    """Return the attributes or items of an object, each with the way to it."""
    if isinstance(value, dict):
        return [(f"[{key!r}]", each) for key, each in value.items()]
    is_of_objects = isinstance(value, np.ndarray) and value.dtype == object
    if isinstance(value, (list, tuple)) or (is_of_objects and value.ndim == 1):
        return [(f"[{i}]", each) for i, each in enumerate(value)]
    if isinstance(value, type) or not hasattr(value, "__dict__"):
        return []
    return [(f".{name}", each) for name, each in vars(value).items()]
