"""The fitted network: its public attributes, its outputs, and how weights make one."""

import warnings
from itertools import pairwise
from math import isfinite
from numbers import Integral

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_is_fitted, validate_data

from skgd.descent.state import TrainingState
from skgd.estimators.checks import check_features
from skgd.estimators.parameters import hidden_units, settings_of_hidden_layers
from skgd.kernels.formulas.custom import Activation
from skgd.kernels.formulas.links import LINKS
from skgd.kernels.formulas.losses import find_loss
from skgd.network.layers.kinds import KINDS
from skgd.network.network import make_network
from skgd.network.outputs import predict_raw
from skgd.network.views import as_real, assign_layers, layer_arrays, values_of


class FromTraining:
    """A fitted attribute that follows from the network or its training.

    Parameters
    ----------
    read : callable
        Returns its value, given the estimator.
    """

    def __init__(self, read):
        self._read = read

    def __set_name__(self, owner, name):
        self._name = name

    def __get__(self, estimator, owner=None):
        if estimator is None:
            return self
        _raise_if_not_fitted(estimator, self._name)
        return self._read(estimator)

    def __set__(self, estimator, value):
        raise AttributeError(
            f"{self._name} follows from the training and cannot be assigned. For other "
            "weights assign coefs_ and intercepts_; for anything else fit again."
        )

    def __delete__(self, estimator):
        raise AttributeError(f"{self._name} follows from the training: fit again.")


class FromData:
    """A fitted attribute that is learned from the data, before there is a network.

    Parameters
    ----------
    remedy : str
        Ends the message of the error if it is assigned to or deleted.
    """

    def __init__(self, remedy):
        self._remedy = remedy

    def __set_name__(self, owner, name):
        self._name = name

    def __get__(self, estimator, owner=None):
        if estimator is None:
            return self
        if self._name not in vars(estimator):
            raise AttributeError(_not_fitted(estimator, self._name))
        return vars(estimator)[self._name]

    def __set__(self, estimator, value):
        if value is vars(estimator).get(self._name):
            return  # as by dask-ml's wrappers, which copy what fit returns to itself
        if "_state" in vars(estimator):
            raise AttributeError(
                f"{self._name} cannot be assigned to a fitted estimator. {self._remedy}"
            )
        vars(estimator)[self._name] = value

    def __delete__(self, estimator):
        raise AttributeError(f"{self._name} cannot be deleted. {self._remedy}")


class OfLayers:
    """A fitted attribute that lists arrays of the layers, and can be assigned to.

    Parameters
    ----------
    name : str
    shape : str
        The shape of each array.
    """

    def __init__(self, name, shape):
        self.__doc__ = f"List of {shape} arrays, views on the network's parameters."
        self._name = name

    def __get__(self, estimator, owner=None):
        if estimator is None:
            return self
        _raise_if_not_fitted(estimator, self._name)
        theta = estimator._state.theta
        return layer_arrays(estimator._network, theta, self._name)

    def __set__(self, estimator, arrays):
        assign_layers(self.__get__(estimator), arrays)


def _raise_if_not_fitted(estimator, name):
    if "_state" not in vars(estimator):
        raise AttributeError(_not_fitted(estimator, name))


def _not_fitted(estimator, name):
    return f"{type(estimator).__name__} is not fitted yet, and has no {name}."


class FittedNetwork:
    """Base of both estimators: what they can do once they are fitted."""

    n_features_in_ = FromData("It is the number of inputs of the network.")

    n_iter_ = FromTraining(lambda self: self._state.n_iter)
    n_layers_ = FromTraining(lambda self: self._network.layer_units.size)
    n_outputs_ = FromTraining(lambda self: self._network.n_outputs)
    out_activation_ = FromTraining(lambda self: self._network.formula.link)
    t_ = FromTraining(lambda self: self._state.samples_seen)
    loss_curve_ = FromTraining(lambda self: self._state.loss_curve)
    learning_rate_curve_ = FromTraining(lambda self: self._state.learning_rate_curve)
    loss_ = FromTraining(lambda self: (self._state.loss_curve or [np.nan])[-1])
    best_loss_ = FromTraining(
        lambda self: None if self._state.early_stopping else self._state.best_loss
    )
    validation_loss_curve_ = FromTraining(
        lambda self: self._state.validation_losses or None
    )
    validation_scores_ = FromTraining(
        lambda self: self._state.validation_scores or None
    )
    best_validation_score_ = FromTraining(
        lambda self: (
            self._state.best_validation_score if self._state.early_stopping else None
        )
    )

    def __sklearn_is_fitted__(self):
        return "_state" in vars(self)

    # Networks made of weights ---------------------------------------------------------

    @classmethod
    def from_layers(cls, coefs, intercepts, *, classes=None, **params):
        """Make a network of weights, without data; it can predict and be trained.

        Parameters
        ----------
        coefs : list of array-like of shape (fan_in, fan_out)
            Weights of each layer, the output layer included. The network is in float32
            if all weights and intercepts are, and otherwise in float64.

        intercepts : list of array-like of shape (fan_out,)
            Intercepts of each layer.

        classes : array-like of shape (n_classes,), default=None
            Labels, for a classifier: two for one output, and otherwise one for each
            output, in the sorted order in which `classes_` has them. None is 0, 1 and
            so on.

        **params : dict
            Parameters of the estimator. `hidden_layer_sizes` follows from the weights.

        Returns
        -------
        estimator : estimator of this class
            Fitted, with ``n_iter_ == 0`` and an empty history. `partial_fit`, and `fit`
            with ``warm_start=True``, go on from the weights.

        Raises
        ------
        ValueError
            If the weights are not those of a network, or do not fit the parameters or
            classes.
        """
        coefs, intercepts = checked_layers(coefs, intercepts)
        hidden = [coef.shape[1] for coef in coefs[:-1]]
        asked = params.setdefault("hidden_layer_sizes", tuple(hidden))
        if hidden_units(asked) != hidden:
            raise ValueError(
                f"The weights are of hidden layers of {hidden} units, and "
                f"hidden_layer_sizes={asked!r}. Leave it out."
            )
        estimator = cls(**params)
        estimator._validate_params()
        estimator._name_outputs(coefs[-1].shape[1], classes)
        estimator._become_fitted(coefs, intercepts, estimator._loss_name())
        return estimator

    def _become_fitted(self, coefs, intercepts, loss):
        """Become fitted with these weights, as if after a fit of no epoch."""
        units = [coefs[0].shape[0], *(coef.shape[1] for coef in coefs)]
        network = self._make_network(units, loss)
        given = {"coefs_": coefs, "intercepts_": intercepts}
        state = TrainingState(values_of(network, given, coefs[0].dtype))
        state.restart(self)
        state.seed_with(self.random_state)
        vars(self).setdefault("n_features_in_", units[0])
        self._network, self._state = network, state

    def _make_network(self, layer_units, loss):
        """Make the network of these widths that the parameters ask for."""
        is_one = isinstance(self.activation, (str, Activation))
        like = self.activation if is_one else None
        return make_network(
            layer_units,
            loss,
            self._loss_parameter(loss),
            output_like=like,
            **settings_of_hidden_layers(self, len(layer_units) - 2),
        )

    def _loss_parameter(self, loss):
        """Return the number that the loss has, such as a quantile; 0 for most."""
        name = find_loss(loss).parameter
        return 0.0 if name is None else getattr(self, name)

    # Outputs --------------------------------------------------------------------------

    def hidden_activations(self, X, layer=-1):
        """Compute the activations of a hidden layer, for features, plots and checks.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Input data.

        layer : int, default=-1
            Which hidden layer, from 0; -1 is the last one.

        Returns
        -------
        activations : ndarray of shape (n_samples, n_units)
            The layer's activations, without dropout.

        Raises
        ------
        ValueError
            If X is invalid, or there is no such layer.

        Warns
        -----
        RuntimeWarning
            If values overflow for some rows of X. The result is nan in these rows.
        """
        check_is_fitted(self)
        end = self._network.ends_of_hidden_layers[self._hidden_layer(layer)]
        return nan_where_overflown(*self._outputs_of(self._network.up_to(end), X))

    def _hidden_layer(self, layer):
        """Return the number of a hidden layer, from 0."""
        n_hidden = self._network.layer_units.size - 2
        if n_hidden == 0:
            raise ValueError("The network has no hidden layers.")
        if not isinstance(layer, Integral) or not -n_hidden <= layer < n_hidden:
            raise ValueError(
                f"layer must be an int from {-n_hidden} to {n_hidden - 1}, as the "
                f"network has {n_hidden} hidden layers, got {layer!r}."
            )
        return int(layer) % n_hidden

    def _raw_outputs(self, X):
        """Return the outputs before the link, finite or not, and the validated X."""
        if "_state" not in vars(self):
            check_is_fitted(self)  # it raises; it takes 10 us if the network is fitted
        return self._outputs_of(self._network, X)

    def _outputs_of(self, network, X):
        """Validate X; return its raw outputs from `network`, and X.

        `network` may have only the first layers, whose parameters come first in theta.
        """
        if not self._is_valid_as_it_is(X):
            check_features(X)
            with np.errstate(over="ignore", invalid="ignore"):
                X = validate_data(
                    self,
                    X,
                    accept_sparse=["csr", "csc"],
                    dtype=self._state.theta.dtype,
                    order="C",
                    reset=False,
                )
        X = in_rows(X)
        return predict_raw(network, self._state.theta, X, self.n_jobs), X

    def _is_valid_as_it_is(self, X, *, first=False):
        """Return whether validation would neither refuse, nor convert, nor warn of X.

        Validation of a single row takes 247 us, three times as long as all else in a
        prediction (measured).
        """
        if type(X) is not np.ndarray or X.ndim != 2:
            return False
        if first:
            is_known = X.dtype in (np.float64, np.float32) and X.shape[1] > 0
        else:
            is_known = (
                X.dtype == self._state.theta.dtype
                and X.shape[1] == self.n_features_in_
                and not hasattr(self, "feature_names_in_")
            )
        return (
            is_known
            and X.shape[0] > 0
            and X.flags.c_contiguous
            and X.flags.aligned
            and has_finite_sum(X)
        )

    def _link(self, raw):
        """Return the predictions for raw outputs."""
        return LINKS[self._network.formula.link].value(raw)


# Each kind of layer says which arrays its layers have.
for _kind in KINDS.values():
    for _name, _shape in _kind.attributes.items():
        setattr(FittedNetwork, _name, OfLayers(_name, _shape))


# Up to so many numbers, BLAS does not use threads, and a sum of squares by BLAS is
# faster than one by NumPy, whose warnings would have to be switched off first.
FEW = 2_000


def has_finite_sum(X):
    """Return True only if all of X is finite; a sum may overflow without any inf."""
    if X.size <= FEW:
        return isfinite(np.vdot(X, X))
    with np.errstate(over="ignore", invalid="ignore"):
        return isfinite(X.sum())


def in_rows(X):
    """Return X, as CSR if it is sparse, since kernels read samples as rows."""
    return X.tocsr() if issparse(X) else X


def nan_where_overflown(outputs, X):
    """Return outputs in which rows that are not finite are nan, with a warning.

    Parameters
    ----------
    outputs : ndarray of shape (n, n_outputs)
        Written to.
    X : ndarray or CSR matrix of shape (n, n_features)
    """
    if not np.isfinite(outputs).all():
        bad = np.flatnonzero(~np.isfinite(outputs).all(axis=1))
        outputs[bad] = np.nan
        warnings.warn(
            f"{_what_is_bad(bad, X)} The result is nan there.",
            RuntimeWarning,
            stacklevel=3,
        )
    return outputs


def raise_where_overflown(outputs, X):
    """Raise a ValueError if a row is not finite, for labels; return the outputs."""
    if not np.isfinite(outputs).all():
        bad = np.flatnonzero(~np.isfinite(outputs).all(axis=1))
        raise ValueError(
            f"{_what_is_bad(bad, X)} No label stands for that: leave these rows out; "
            "predict_proba gives the others, and nan there."
        )
    return outputs


def _what_is_bad(bad, X):
    first = bad[0]
    count = f" ({bad.size} rows of {X.shape[0]})" if bad.size > 1 else ""
    row = X[[first]].data if issparse(X) else X[first]
    if not np.isfinite(row).all():
        return f"Row {first} of X{count} holds nan or infinity."
    return (
        f"The network's outputs for row {first} of X{count} overflow. Its values may "
        "be too large, also next to those that the network was trained on, or the "
        "training was about to diverge: scale X, or lower learning_rate_init."
    )


def checked_layers(coefs, intercepts):
    """Return copies of weights in one dtype; raise if they do not make a network."""
    coefs = [as_real(coef) for coef in coefs]
    intercepts = [as_real(intercept) for intercept in intercepts]
    arrays = coefs + intercepts
    are_single = all(array.dtype == np.float32 for array in arrays)
    dtype = np.float32 if are_single else np.float64
    coefs = [np.array(coef, dtype) for coef in coefs]
    intercepts = [np.array(intercept, dtype) for intercept in intercepts]
    shapes = [coef.shape for coef in coefs]
    are_chained = (
        len(coefs) > 0
        and all(len(shape) == 2 and min(shape) > 0 for shape in shapes)
        and all(a[1] == b[0] for a, b in pairwise(shapes))
        and [i.shape for i in intercepts] == [shape[1:] for shape in shapes]
    )
    if not are_chained:
        raise ValueError(
            "coefs must be of the shapes (fan_in, fan_out), where a layer's fan_out is "
            "the fan_in of the next one, and intercepts of (fan_out,); got coefs of "
            f"{shapes} and intercepts of {[i.shape for i in intercepts]}."
        )
    if not all(np.isfinite(array).all() for array in coefs + intercepts):
        raise ValueError("coefs and intercepts must be finite.")
    return coefs, intercepts
