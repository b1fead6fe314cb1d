"""Functions that both displays need: for names, colours and axes."""

from collections import Counter
from collections.abc import Mapping
from itertools import cycle

from sklearn.base import BaseEstimator

from skgd._sklearn_private import check_matplotlib_support

# The first six can be told apart with any kind of colour vision, on white and on black
# (M. Okabe, K. Ito, "Color universal design", 2008). The last three, which differ from
# them in lightness too, are for pictures of all nine optimizers.
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"]
COLORS += ["#7B3FB5", "#8C1D40", "#8A8A00"]


def unused_colors(ax):
    """Return an endless iterator over colours that no line of `ax` has, or over all."""
    from matplotlib.colors import same_color

    lines = ax.get_lines()
    unused = [c for c in COLORS if not any(same_color(c, x.get_color()) for x in lines)]
    return cycle(unused or COLORS)


def named_estimators(estimators, name_of):
    """Return the estimators as a dict; those of a list get names.

    Parameters
    ----------
    estimators : dict or list
    name_of : callable
        Returns the name of an estimator in a list. If several have the same name, they
        are numbered.

    Raises
    ------
    TypeError
        If `estimators` is an estimator.
    ValueError
        If there is none.
    """
    if isinstance(estimators, BaseEstimator):
        raise TypeError(
            "estimators must be a dict or a list of estimators, got one "
            f"{type(estimators).__name__}: use from_estimator for it."
        )
    if not isinstance(estimators, Mapping):
        estimators = list(estimators)
        names = [name_of(estimator) for estimator in estimators]
        total, seen = Counter(names), Counter()
        for k, name in enumerate(names):
            if total[name] > 1:
                seen[name] += 1
                names[k] = f"{name} {seen[name]}"
        estimators = dict(zip(names, estimators, strict=True))
    if not estimators:
        raise ValueError("estimators must have at least one estimator, got none.")
    return {str(name): estimator for name, estimator in estimators.items()}


def new_axes(display, ax):
    """Return `ax`, or that of a new figure."""
    check_matplotlib_support(f"{type(display).__name__}.plot")
    from matplotlib import pyplot as plt

    if ax is None:
        _, ax = plt.subplots(layout="constrained")
    return ax


def line_options(defaults, given):
    """Return keywords of a line: defaults, and in their place those that are given.

    The latter may be written as any alias that matplotlib knows.
    """
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    return {**defaults, **normalize_kwargs(given or {}, Line2D)}
