"""Activations and losses that users make of functions of their own."""

import dis
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from types import CellType, FunctionType, ModuleType

import numpy as np
from scipy.optimize import minimize_scalar

from skgd.kernels.formulas.activations import ActivationFormula
from skgd.kernels.formulas.elementary import add, exp, tanh
from skgd.kernels.formulas.links import LINKS
from skgd.kernels.formulas.losses import LossFormula
from skgd.kernels.machine.jit import compile_for_now

# Where a user's function names one of these functions, the kernels' own takes its
# place: libm's are called number by number, and the kernels' own are vectorised.
REPLACED = {np.exp: exp, math.exp: exp, np.tanh: tanh, math.tanh: tanh}

# Points at which a derivative is compared with central differences. They keep away from
# round numbers, at which a function is likely to have a kink.
POINTS = np.linspace(-8, 8, 257) + 0.0037
# Half the distance of a central difference, and the relative error that is allowed.
STEP, TOLERANCE = 1e-6, 1e-4
# Losses with another link than the identity are checked at raw outputs about this range
# only: a target of 0 has none that is finite.
FAR = 8.0
# Links that a loss of one output can have.
LINKS_OF_REGRESSION = ("exp", "identity", "logistic")


class _Custom:
    """What both are: the same as another one whose functions do the same.

    A worker process gets a copy of a function with each task, and should compile once.
    """

    def __eq__(self, other):
        return type(self) is type(other) and _what_it_does(self) == _what_it_does(other)

    def __hash__(self):
        return hash(_what_it_does(self))


@dataclass(frozen=True, repr=False, eq=False)
class Activation(_Custom):
    """An activation of your own, for the estimators' parameter `activation`.

    It is compiled by Numba, once in each process, and is then as fast as those that the
    estimators have. The first weights of its layers are drawn within
    sqrt(6 / fan_in).

    Parameters
    ----------
    name : str
        What it is called in messages.

    value : callable
        ``value(z)`` returns the activation of a pre-activation z, both numbers. It may
        use all that Numba compiles: arithmetic, conditions, and functions of `math` and
        NumPy. The functions exp and tanh are replaced by faster ones, whose results are
        the same to 2 units in the last place.

    derivative : callable
        ``derivative(z)`` returns its derivative at z. In `fit`, it is compared with
        central differences between -8 and 8.

    Notes
    -----
    A saved estimator holds the functions by name, so they have to be importable where
    it is loaded: they have to be functions of a module, and no lambdas. Constants such
    as 0.5 have double precision, so the function is computed in float64 even for data
    in float32.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from skgd import Activation, GDNeuralRegressor
    >>> def squareplus(z):
    ...     return (z + np.sqrt(z * z + 4.0)) / 2.0
    >>> def slope(z):
    ...     return (1.0 + z / np.sqrt(z * z + 4.0)) / 2.0
    >>> activation = Activation("squareplus", value=squareplus, derivative=slope)
    >>> X, y = load_diabetes(return_X_y=True)
    >>> regressor = GDNeuralRegressor(
    ...     (20,), activation, learning_rate_init=0.01, max_iter=50, tol=0.01,
    ...     random_state=0,
    ... )
    >>> regressor.fit(scale(X), scale(y)).score(scale(X), scale(y)) > 0.5
    True
    """

    name: str
    value: Callable
    derivative: Callable

    def __init__(self, name, *, value, derivative):
        _set(self, name=name, value=value, derivative=derivative)

    def __repr__(self):
        value, derivative = _named(self.value), _named(self.derivative)
        return f"Activation({self.name!r}, value={value}, derivative={derivative})"

    @property
    def formula(self):
        """Its record, as the built-in ones have one."""
        return _activation_formula(self)

    def check(self):
        """Raise a ValueError if the derivative is not that of the value."""
        _check_activation(self)


@dataclass(frozen=True, repr=False, eq=False)
class Loss(_Custom):
    """A loss of your own, for the parameter `loss` of `GDNeuralRegressor`.

    It is compiled by Numba, once in each process, and is then as fast as those that the
    estimator has. With several outputs the losses of all outputs are summed.

    Parameters
    ----------
    name : str
        What it is called in messages.

    value : callable
        ``value(y, z)`` returns the loss of a target y and a raw output z, all numbers;
        see `Activation` for what it may use.

    gradient : callable
        ``gradient(y, z)`` returns its derivative by the raw output z. In `fit`, it is
        compared with central differences, at targets of the data and raw outputs around
        them.

    link : {'identity', 'exp', 'logistic'}, default='identity'
        The function that turns raw outputs into predictions. `value` and `gradient` get
        the raw output, and have to apply it themselves.

    Raises
    ------
    ValueError
        If `link` is none of these.
    TypeError
        If `name` is not a str, or a function cannot be called.

    Notes
    -----
    A saved estimator holds the functions by name; see `Activation`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from skgd import GDNeuralRegressor, Loss
    >>> def log_cosh(y, z):
    ...     return np.log(np.cosh(z - y))
    >>> def gradient(y, z):
    ...     return np.tanh(z - y)
    >>> loss = Loss("log_cosh", value=log_cosh, gradient=gradient)
    >>> X, y = load_diabetes(return_X_y=True)
    >>> regressor = GDNeuralRegressor(
    ...     (20,), loss=loss, learning_rate_init=0.01, max_iter=50, tol=0.01,
    ...     random_state=0,
    ... )
    >>> regressor.fit(scale(X), scale(y)).score(scale(X), scale(y)) > 0.5
    True
    """

    name: str
    value: Callable
    gradient: Callable
    link: str

    def __init__(self, name, *, value, gradient, link="identity"):
        if link not in LINKS_OF_REGRESSION:
            raise ValueError(
                f"link must be one of {LINKS_OF_REGRESSION}, got {link!r}."
            )
        _set(self, name=name, value=value, gradient=gradient, link=link)

    def __repr__(self):
        value, gradient = _named(self.value), _named(self.gradient)
        what = f"{self.name!r}, value={value}, gradient={gradient}, link={self.link!r}"
        return f"Loss({what})"

    @property
    def formula(self):
        """Its record, as the built-in ones have one."""
        return _loss_formula(self)

    def check(self, y):
        """Raise a ValueError if the gradient is not that of the value.

        Parameters
        ----------
        y : ndarray
            Targets. The gradient is checked at nine quantiles of them.
        """
        targets = np.quantile(y, np.linspace(0, 1, 9), method="nearest")
        _check_loss(self, tuple(np.unique(targets).tolist()))


def _set(custom, *, name, **fields):
    """Set the fields of a frozen object; raise a TypeError if one has a wrong type."""
    if not isinstance(name, str):
        raise TypeError(f"name must be a str, got {name!r}.")
    object.__setattr__(custom, "name", name)
    for field, value in fields.items():
        plain = getattr(value, "py_func", value)
        if field != "link" and not isinstance(plain, FunctionType):
            raise TypeError(
                f"{field} must be a function of numbers, written in Python by def or "
                f"lambda, got {value!r}."
            )
        object.__setattr__(custom, field, value)


def _named(function):
    """Return a name of a function that is the same in each process."""
    module = getattr(function, "__module__", "")
    if module == "__mp_main__":  # what the script is in a process that it has spawned
        module = "__main__"
    return f"{module}.{getattr(function, '__qualname__', type(function).__name__)}"


def _what_it_does(custom):
    """Return what the functions of an activation or a loss follow from."""
    return tuple(_key(value) for value in vars(custom).values())


def _key(value, within=()):
    """Return something that is equal for functions of the same code and variables."""
    value = getattr(value, "py_func", value)  # of a function that is jitted already
    if isinstance(value, FunctionType) and value not in within:
        names, within = value.__code__.co_names, (*within, value)
        used = [value.__globals__[name] for name in names if name in value.__globals__]
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        variables = tuple(_key(each, within) for each in (*used, *cells))
        return value.__code__, value.__defaults__, variables
    try:
        hash(value)
    except TypeError:  # such as an array
        return _Itself(value)
    return value


class _Itself:
    """Is equal to what holds the very same value."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, _Itself) and self.value is other.value

    def __hash__(self):
        return id(self.value)


# Compilation --------------------------------------------------------------------------


def _vectorised(function, within=()):
    """Compile a function into its caller, with `REPLACED` in place of what it names.

    The same is done to functions that it calls, as far as they are the user's.
    """
    function = getattr(function, "py_func", function)  # of one that is jitted already
    if isinstance(function, FunctionType):
        instructions = dis.get_instructions(function.__code__)
        if any(each.opname == "RAISE_VARARGS" for each in instructions):
            raise ValueError(
                f"{_named(function)} raises an error, which kernels would not notice. "
                "Return nan instead."
            )
        within = (*within, function)
        names = dict(function.__globals__)
        for name in function.__code__.co_names:
            if name in names:
                names[name] = _replace(names[name], within)
        cells = [
            CellType(_replace(cell.cell_contents, within))
            for cell in function.__closure__ or ()
        ]
        parts = function.__name__, function.__defaults__, tuple(cells)
        function = FunctionType(function.__code__, names, *parts)
    return compile_for_now(function, forceinline=True)


def _replace(value, within):
    """Return what stands for a variable of a user's function."""
    if value is np or value is math:
        other = ModuleType(value.__name__)
        vars(other).update(vars(value))
        for name in ("exp", "tanh"):
            setattr(other, name, REPLACED[getattr(value, name)])
        return other
    plain = getattr(value, "py_func", value)
    if isinstance(plain, FunctionType) and plain not in within:
        # Others' functions may be known to Numba by other means.
        is_jitted = plain is not value
        if is_jitted or plain.__module__ == within[-1].__module__:
            return _vectorised(plain, within)
    try:
        return REPLACED.get(value, value)
    except TypeError:  # it cannot be hashed
        return value


@cache
def _activation_formula(activation):
    f, df = _vectorised(activation.value), _vectorised(activation.derivative)

    def value(z):
        for i in range(z.size):
            z[i] = f(z[i])

    def slope(z, slopes):
        for i in range(z.size):
            slopes[i] = df(z[i])
            z[i] = f(z[i])

    name, value, slope = activation.name, *map(compile_for_now, (value, slope))
    return ActivationFormula(name, value, slope=slope)


@cache
def _loss_formula(loss):
    f, df = _vectorised(loss.value), _vectorised(loss.gradient)

    def function(z, y, weight, parameter):
        total = 0.0
        for i in range(z.size):
            raw = z[i]
            total = add(total, weight[i] * f(y[i], raw))
            z[i] = weight[i] * df(y[i], raw)
        return total

    function = compile_for_now(function)
    constant = partial(_best_constant, function, LINKS[loss.link].inverse)
    return LossFormula(loss.name, loss.link, function, constant=constant)


def _best_constant(function, inverse_link, y, weight, parameter):
    """Find the constant raw output of least loss, in the range of the targets."""
    low, high = inverse_link(np.array([y.min(), y.max()])).tolist()
    if not low < high:
        return low

    def loss(constant):
        return function(np.full(y.size, constant), y, weight, parameter)

    options = {"xatol": 1e-9 * (high - low)}
    bounds = low, high
    return minimize_scalar(loss, bounds=bounds, method="bounded", options=options).x


# Checks -------------------------------------------------------------------------------


@cache
def _check_activation(activation):
    def values(z):
        z = z.copy()
        formula.value(z)
        return z

    with _naming(activation), np.errstate(all="ignore"):
        formula = activation.formula
        found = np.empty_like(POINTS)
        formula.slope(POINTS.copy(), found)
        step = STEP * np.maximum(1.0, np.abs(POINTS))
        sides = values(POINTS + step), values(POINTS - step)
    _compare(activation, "derivative", [("z", POINTS)], found, sides, step)


@lru_cache(maxsize=128)  # each call of partial_fit may have other targets
def _check_loss(loss, targets):
    y = np.array(targets)
    formula, inverse = loss.formula, LINKS[loss.link].inverse
    raw = inverse(y)
    if loss.link != "identity":
        raw = np.clip(raw, -FAR, FAR)
    # By this factor the offsets keep away from round numbers.
    spread = 1.0037 * max(1.0, float(np.std(raw)))
    offsets = spread * np.array([-1.7, -0.31, 0.013, 0.23, 1.1])
    z = np.add.outer(raw, offsets).ravel()
    y = np.repeat(y, offsets.size)

    def of_each(z):
        """Return the values and the gradients, shape (2, n), sample by sample."""
        pairs = np.empty((2, z.size))
        for i in range(z.size):
            one = z[i : i + 1].copy()
            pairs[0, i] = formula.function(one, y[i : i + 1], np.ones(1), 0.0)
            pairs[1, i] = one[0]
        return pairs

    with _naming(loss), np.errstate(all="ignore"):
        # Relative to the spread, as targets may be far from 0.
        step = np.maximum(STEP * spread, 1e-12 * np.abs(z))
        found = of_each(z)[1]
        above, below = z + step, z - step
        sides = of_each(above)[0], of_each(below)[0]
    step = (above - below) / 2  # as it is after rounding
    _compare(loss, "gradient", [("y", y), ("z", z)], found, sides, step)


class _naming:
    """Names the user's object in the error, if Numba does not compile its functions."""

    def __init__(self, custom):
        self._custom = custom

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if kind is not None and kind.__module__.startswith("numba"):
            raise ValueError(
                f"Numba does not compile the functions of {self._custom!r}: {error}"
            ) from error


def _compare(custom, what, where, found, sides, step):
    """Raise a ValueError if a derivative differs from central differences."""
    above, below = sides
    is_finite = np.isfinite(above) & np.isfinite(below) & np.isfinite(found)
    if not is_finite.all():
        i = np.flatnonzero(~is_finite)[0]
        at = ", ".join(f"{name}={values[i]:.6g}" for name, values in where)
        raise ValueError(
            f"The {type(custom).__name__} {custom.name!r} is not finite: near {at} its "
            f"value is {above[i]:.6g}, and its {what} {found[i]:.6g}."
        )
    expected = (above - below) / (2 * step)
    size = np.maximum(np.abs(above), np.abs(below))
    rounding = 1e-8 + 1e-14 * size / step
    scale = np.maximum(np.abs(found), np.abs(expected))
    wrong = ~(np.abs(found - expected) <= TOLERANCE * scale + rounding)
    if wrong.any():
        i = np.flatnonzero(wrong)[0]
        at = ", ".join(f"{name}={values[i]:.6g}" for name, values in where)
        raise ValueError(
            f"The {what} of the {type(custom).__name__} {custom.name!r} is not that of "
            f"its value: at {at} it is {found[i]:.6g}, and central differences give "
            f"{expected[i]:.6g}."
        )
