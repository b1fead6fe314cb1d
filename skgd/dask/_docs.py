"""Docstrings: what is the same as in the estimators of one process."""

import re
from inspect import cleandoc


def with_sections_of(cls):
    """Make a decorator of classes: sections of `cls`'s docstring follow one's own.

    They are those of the parameters and of the attributes, without references. Under
    ``python -OO`` there are no docstrings, and so none of them.
    """

    def decorate(of):
        if of.__doc__ is not None and cls.__doc__ is not None:
            of.__doc__ = f"{cleandoc(of.__doc__)}\n\n{_sections(cleandoc(cls.__doc__))}"
        return of

    return decorate


def _sections(docstring):
    # Without indentation, which the compiler of Python 3.13 and later takes away.
    start = docstring.index("Parameters\n----------\n")
    stop = docstring.index("See Also\n--------\n")
    return re.sub(r" \[\d+\]_", "", docstring[start:stop].rstrip()) + "\n"
