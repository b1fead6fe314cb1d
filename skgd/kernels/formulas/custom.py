"""Activations and losses of a user's own, made of functions of numbers."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from types import FunctionType, ModuleType

import numpy as np
from scipy.optimize import minimize_scalar

from skgd.kernels.formulas.activations import ActivationFormula
from skgd.kernels.formulas.elementary import add, exp, tanh
from skgd.kernels.formulas.links import LINKS
from skgd.kernels.formulas.losses import LossFormula
from skgd.kernels.machine.jit import compile_for_now

# What a user's functions take of NumPy and math is replaced by what the kernels use:
# libm's exponential is called number by number, and this one is vectorised.
REPLACED = {np.exp: exp, math.exp: exp, np.tanh: tanh, math.tanh: tanh}

# Points at which a derivative is compared with central differences. They are off the
# places where a function is likely to have a kink.
POINTS = np.linspace(-8, 8, 257) + 0.0037
STEP, TOLERANCE = 1e-6, 1e-4
# Links that a loss of one output can have.
LINKS_OF_REGRESSION = ("exp", "identity", "logistic")


@dataclass(frozen=True, repr=False)
class Activation:
    """An activation of your own, for the estimators' parameter `activation`.

    It is compiled by Numba, once in each process, and then as fast as those that the
    estimators have. First weights are drawn within sqrt(6 / fan_in).

    Parameters
    ----------
    name : str
        What it is called in messages.

    value : callable
        ``value(z)`` returns the activation of a pre-activation z, both numbers. It may
        use what Numba compiles: arithmetic, conditions, and functions of `math` and
        NumPy, of which exp and tanh are replaced by faster ones of the same result to 2
        units in the last place.

    derivative : callable
        ``derivative(z)`` returns its derivative at z. In `fit`, it is compared with
        central differences between -8 and 8.

    Notes
    -----
    A saved estimator holds the functions by name, so they have to be importable where
    it is loaded: functions of a module, and no lambdas. Constants such as 0.5 are of
    double precision, so with data in float32 the function is computed in float64.

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


@dataclass(frozen=True, repr=False)
class Loss:
    """A loss of your own, for the parameter `loss` of `GDNeuralRegressor`.

    It is compiled by Numba, once in each process, and then as fast as those that the
    estimator has. With several outputs it is their sum.

    Parameters
    ----------
    name : str
        What it is called in messages.

    value : callable
        ``value(y, z)`` returns the loss of a target y and a raw output z, all numbers;
        see `Activation` for what it may use.

    gradient : callable
        ``gradient(y, z)`` returns its derivative by z, the link included. In `fit`, it
        is compared with central differences at targets of the data, and raw outputs
        around them.

    link : {'identity', 'exp', 'logistic'}, default='identity'
        What makes predictions of raw outputs.

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
            Targets; some of them are looked at.
        """
        targets = np.quantile(y, np.linspace(0, 1, 9), method="nearest")
        _check_loss(self, tuple(np.unique(targets).tolist()))


def _set(custom, *, name, **fields):
    """Set the fields of a frozen object, if they are what they have to be."""
    if not isinstance(name, str):
        raise TypeError(f"name must be a str, got {name!r}.")
    object.__setattr__(custom, "name", name)
    for field, value in fields.items():
        if field != "link" and not callable(value):
            raise TypeError(f"{field} must be a function of numbers, got {value!r}.")
        object.__setattr__(custom, field, value)


def _named(function):
    """Name a function, in the same way in each process."""
    module = getattr(function, "__module__", "")
    return f"{module}.{getattr(function, '__qualname__', type(function).__name__)}"


# Compilation --------------------------------------------------------------------------


def _vectorised(function):
    """Compile a function into its caller, with `REPLACED` in place of what it names."""
    function = getattr(function, "py_func", function)  # of one that is jitted already
    if isinstance(function, FunctionType):
        names = {name: _replace(x) for name, x in function.__globals__.items()}
        parts = function.__name__, function.__defaults__, function.__closure__
        function = FunctionType(function.__code__, names, *parts)
    return compile_for_now(function, forceinline=True)


def _replace(value):
    """Return what stands for a global of a user's function."""
    if value is np or value is math:
        other = ModuleType(value.__name__)
        vars(other).update(vars(value))
        for name in ("exp", "tanh"):
            setattr(other, name, REPLACED[getattr(value, name)])
        return other
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
    """Find the constant raw output of the least loss, between those of the targets."""
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
    formula = activation.formula

    def values(z):
        z = z.copy()
        formula.value(z)
        return z

    with _naming(activation), np.errstate(all="ignore"):
        found = np.empty_like(POINTS)
        formula.slope(POINTS.copy(), found)
        step = STEP * np.maximum(1.0, np.abs(POINTS))
        sides = values(POINTS + step), values(POINTS - step)
    _compare(activation, "derivative", [("z", POINTS)], found, sides, step)


@cache
def _check_loss(loss, targets):
    y = np.array(targets)
    formula, inverse = loss.formula, LINKS[loss.link].inverse
    raw = inverse(y)
    spread = max(1.0, float(np.std(raw)))
    offsets = spread * np.array([-1.7, -0.31, 0.013, 0.23, 1.1])
    z = np.add.outer(raw, offsets).ravel()
    y = np.repeat(y, offsets.size)

    def of_each(z):
        """Values and gradients, of one sample after another."""
        pairs = np.empty((2, z.size))
        for i in range(z.size):
            one = z[i : i + 1].copy()
            pairs[0, i] = formula.function(one, y[i : i + 1], np.ones(1), 0.0)
            pairs[1, i] = one[0]
        return pairs

    with _naming(loss), np.errstate(all="ignore"):
        step = STEP * np.maximum(1.0, np.abs(z))
        found = of_each(z)[1]
        sides = of_each(z + step)[0], of_each(z - step)[0]
    _compare(loss, "gradient", [("y", y), ("z", z)], found, sides, step)


class _naming:
    """Says whose functions they are, if Numba does not compile them."""

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
    """Raise if a derivative is not that of central differences."""
    above, below = sides
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
