"""Docstrings: sections that are the same as in the estimators of one process."""

import re
from inspect import cleandoc


def with_sections_of(cls):
    """Return a decorator that appends sections of `cls`'s docstring to a class's own.

    They are the sections of the parameters and of the attributes, without references.
    Under ``python -OO`` there are no docstrings, and nothing is appended.
    """

    def decorate(of):
        if of.__doc__ is not None and cls.__doc__ is not None:
            of.__doc__ = f"{cleandoc(of.__doc__)}\n\n{_sections(cleandoc(cls.__doc__))}"
        return of

    return decorate


def _sections(docstring):
    # Docstrings come without indentation, as Python 3.13 and later compile them anyway.
    start = docstring.index("Parameters\n----------\n")
    stop = docstring.index("See Also\n--------\n")
    return re.sub(r" \[\d+\]_", "", docstring[start:stop].rstrip()) + "\n"
