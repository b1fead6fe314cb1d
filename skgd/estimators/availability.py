"""Methods that an estimator has only with some of its parameters."""

from functools import update_wrapper
from types import MethodType

from skgd.estimators.parameters import check_search


class NotAvailable(AttributeError, ValueError):
    """A method and a parameter of the estimator exclude each other.

    As it is an AttributeError, `hasattr` says False, and scikit-learn's compositions
    and checks see that there is no such method.
    """


class unless_searched:
    """Decorate a method of an estimator that searches for its steps do not have."""

    def __init__(self, function):
        self._function = function
        update_wrapper(self, function)

    def __get__(self, estimator, owner=None):
        if estimator is None:
            return self._function
        try:
            check_search(estimator, incremental=True)
        except ValueError as error:
            raise NotAvailable(str(error)) from None
        return MethodType(self._function, estimator)
