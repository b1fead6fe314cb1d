"""Docstrings: what is the same as in the estimators of one process."""

import re


def with_sections_of(cls):
    """Make a decorator of classes: sections of `cls`'s docstring follow one's own.

    They are those of the parameters and of the attributes, without references.
    """
    start = cls.__doc__.index("    Parameters\n")
    stop = cls.__doc__.index("    See Also\n")

    sections = re.sub(r" \[\d+\]_", "", cls.__doc__[start:stop].rstrip())

    def decorate(of):
        of.__doc__ = f"{of.__doc__.rstrip()}\n\n{sections}\n"
        return of

    return decorate
