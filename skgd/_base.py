"""What both estimators share: parameters, validation, fit, partial_fit, warm start."""

from abc import abstractmethod
from contextlib import contextmanager
from functools import wraps
from numbers import Integral, Real

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, is_classifier
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
)
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from skgd._network import (
    OUTPUT_LINKS,
    assign_layers,
    glorot_uniform,
    split_parameters,
)
from skgd._schedules import SCHEDULES
from skgd._training import CHUNK, TrainingData, TrainingState, train
from skgd.kernels.activations import Activation
from skgd.kernels.backprop import Network, make_workspace
from skgd.kernels.inputs import as_inputs
from skgd.kernels.losses import OUT_ACTIVATIONS
from skgd.kernels.optimizers import Optimizer
from skgd.kernels.predict import raw_outputs
from skgd._version import __version__

# scikit-learn's spelling, and what to write here instead.
_SKLEARN_SOLVERS = {
    "adam": "The optimizer is a parameter of its own: write solver='minibatch', "
    "optimizer='adam' (the defaults).",
    "lbfgs": "L-BFGS is not gradient descent and is not offered: write solver='batch' "
    "for steps from the whole data, or keep scikit-learn's estimator.",
}
_SKLEARN_PARAMETERS = {
    "nesterovs_momentum": "write optimizer='nesterov' for nesterovs_momentum=True, "
    "optimizer='momentum' for nesterovs_momentum=False",
    "max_fun": "it belongs to scikit-learn's solver='lbfgs', which is not offered; "
    "leave it out and bound training with max_iter",
}


def _names(codes):
    """The names that users write for the members of an IntEnum."""
    return {code.name.lower() for code in codes}


def explain_sklearn_parameters(init):
    """Make `__init__` say what replaces a parameter that only scikit-learn's MLP has."""

    @wraps(init)
    def __init__(self, *args, **kwargs):
        for name in _SKLEARN_PARAMETERS.keys() & kwargs.keys():
            raise TypeError(
                f"{type(self).__name__} has no parameter {name!r}: "
                f"{_SKLEARN_PARAMETERS[name]}."
            )
        init(self, *args, **kwargs)

    return __init__


@contextmanager
def _all_or_nothing(estimator):
    """Put every attribute back as it was if the block fails."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


class BaseGDNeural(BaseEstimator):
    """Base of `GDNeuralRegressor` and `GDNeuralClassifier`; not for direct use."""

    _parameter_constraints: dict = {
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(_names(Activation))],
        "solver": [StrOptions({"batch", "sgd", "minibatch"})],
        "optimizer": [StrOptions(_names(Optimizer))],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "learning_rate": [StrOptions(set(SCHEDULES))],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
    }

    @abstractmethod
    def __init__(
        self,
        hidden_layer_sizes,
        activation,
        solver,
        optimizer,
        alpha,
        batch_size,
        learning_rate,
        learning_rate_init,
        power_t,
        max_iter,
        shuffle,
        random_state,
        tol,
        verbose,
        warm_start,
        momentum,
        early_stopping,
        validation_fraction,
        beta_1,
        beta_2,
        epsilon,
        n_iter_no_change,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.optimizer = optimizer
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change

    # What a subclass decides ------------------------------------------------------

    @abstractmethod
    def _learn_targets(self, y):
        """Learn what the targets of a first fit are: labels, number of outputs."""

    @abstractmethod
    def _check_targets(self, y, *, refit):
        """Raise if `y` is not of the kind learned; `refit` by a warm-started fit."""

    @abstractmethod
    def _encode_targets(self, y):
        """Return `y` as the numbers to train on, shape (n_samples, n_outputs)."""

    @abstractmethod
    def _loss_code(self):
        """Return the `Loss` for the targets learned."""

    @abstractmethod
    def _predictions(self, raw):
        """Turn raw outputs into what `predict` returns."""

    @staticmethod
    @abstractmethod
    def _score_function(y_true, y_pred, sample_weight):
        """Score predictions; higher is better."""

    # Parameters -------------------------------------------------------------------

    def set_params(self, **params):
        """Set the parameters of this estimator.

        Parameters
        ----------
        **params : dict
            Names and values.

        Returns
        -------
        self : estimator instance

        Raises
        ------
        ValueError
            If a name is not a parameter.
        """
        for name in _SKLEARN_PARAMETERS.keys() & params.keys():
            raise ValueError(
                f"Invalid parameter {name!r} for {type(self).__name__}: "
                f"{_SKLEARN_PARAMETERS[name]}."
            )
        return super().set_params(**params)

    def _validate_params(self):
        try:
            super()._validate_params()
        except InvalidParameterError as error:
            if isinstance(self.solver, str) and self.solver in _SKLEARN_SOLVERS:
                hint = _SKLEARN_SOLVERS[self.solver]
                raise InvalidParameterError(f"{error} {hint}") from None
            raise

    def _hidden_layer_sizes(self):
        sizes = self.hidden_layer_sizes
        sizes = list(sizes) if np.iterable(sizes) else [sizes]
        if not all(isinstance(n, Integral) for n in sizes) or min(sizes, default=1) < 1:
            raise ValueError(
                f"hidden_layer_sizes must be integers > 0, got {sizes}. Write () for a "
                "network without hidden layers."
            )
        return [int(n) for n in sizes]

    # Fitting ----------------------------------------------------------------------

    def _fit(self, X, y, sample_weight, validation, *, incremental):
        with _all_or_nothing(self):
            first = not hasattr(self, "_state") or not (self.warm_start or incremental)
            X, y = self._validate_X_y(X, y, first=first)
            if first and not (incremental and hasattr(self, "classes_")):
                self._learn_targets(y)
            else:
                self._check_targets(y, refit=not incremental)
            targets = np.ascontiguousarray(self._encode_targets(y), dtype=X.dtype)
            if not np.isfinite(targets).all():
                raise ValueError(f"Input y contains a value too large for {X.dtype}.")
            sample_weight = _validate_weights(sample_weight, X)

            self._network = self._build_network(X.shape[1], targets.shape[1], first)
            self._prepare_state(X.dtype, first, incremental)

            validation = self._validate_validation(*validation, incremental)
            rows = np.arange(X.shape[0])
            if validation is None and self.early_stopping:
                rows, held_out = self._split(y)
                weight = None if sample_weight is None else sample_weight[held_out]
                validation = X[held_out], y[held_out], weight
            score = validation and (lambda: self._validation_score(*validation))
            if self.early_stopping and not first and not incremental:
                self._state.start_validation(score())
            self.n_iter_ = train(
                self,
                self._network,
                self._state,
                TrainingData.from_arrays(X, targets, sample_weight, rows),
                score=score,
                incremental=incremental,
            )
            self._publish(self._state)
        return self

    def _validate_X_y(self, X, y, *, first):
        """Validate as scikit-learn does; X is then in rows, C-contiguous or CSR."""
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            y_numeric=not is_classifier(self),
            dtype=[np.float64, np.float32] if first else self._state.theta.dtype,
            order="C",
            reset=first,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return _in_rows(X), y

    def _validate_validation(self, X_val, y_val, sample_weight_val, incremental):
        """Validate what fit was given to score on; None if there is nothing."""
        if X_val is None:
            if y_val is not None or sample_weight_val is not None:
                raise ValueError(
                    "y_val and sample_weight_val need X_val, got X_val=None."
                )
            if self.early_stopping and incremental:
                raise ValueError(
                    "partial_fit does not support early_stopping=True without "
                    "validation data: pass X_val and y_val."
                )
            return None
        if y_val is None:
            raise ValueError("X_val needs y_val, got y_val=None.")
        X_val, y_val = self._validate_X_y(X_val, y_val, first=False)
        self._check_targets(y_val, refit=False)
        return X_val, y_val, _validate_weights(sample_weight_val, X_val)

    def _build_network(self, n_features, n_outputs, first):
        """Shape of the network that the parameters and the data ask for."""
        sizes = self.hidden_layer_sizes
        hidden = list(sizes) if np.iterable(sizes) else [sizes]
        if any(not isinstance(n, Integral) or n < 1 for n in hidden):
            raise ValueError(
                f"hidden_layer_sizes must be > 0, got {hidden}. Write integers, or () "
                "for a network without hidden layers."
            )
        layer_units = np.array([n_features, *hidden, n_outputs], np.int64)
        if not first and not np.array_equal(layer_units, self._network.layer_units):
            raise ValueError(
                "warm_start and partial_fit go on with the fitted network, whose layers "
                f"have {self._network.layer_units.tolist()} units; hidden_layer_sizes "
                f"and the data now ask for {layer_units.tolist()}. Call fit with "
                "warm_start=False for a new network."
            )
        activation = Activation[self.activation.upper()]
        return Network(
            layer_units=layer_units,
            activations=np.full(len(hidden), activation, np.int64),
            loss=int(self._loss_code()),
        )

    def _prepare_state(self, dtype, first, incremental):
        """Draw the first parameters, or get the former state ready to go on."""
        optimizer = Optimizer[self.optimizer.upper()]
        if first:
            random_state = check_random_state(self.random_state)
            activation = Activation[self.activation.upper()]
            theta = glorot_uniform(
                self._network.layer_units, activation, random_state, dtype
            )
            self._state = TrainingState(theta, random_state)
        else:
            self._state = self._state.copy()
        if incremental and not first:
            self._state.continue_optimizer(optimizer, self.learning_rate_init)
        else:
            self._state.restart_optimizer(optimizer, self.learning_rate_init)
            if not first:
                self._state.random_state = check_random_state(self.random_state)

    def _split(self, y):
        """Rows to train on and rows held out; a warm refit keeps the former split."""
        state = self._state
        rows = np.arange(y.shape[0])
        if state.validation_rows is not None and state.n_split_samples == rows.size:
            return np.setdiff1d(rows, state.validation_rows), state.validation_rows
        stratify = y if is_classifier(self) and y.ndim == 1 else None
        rows, held_out = train_test_split(
            rows,
            random_state=state.random_state,
            test_size=self.validation_fraction,
            stratify=stratify,
        )
        if held_out.size < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or "
                "the size of your dataset."
            )
        state.validation_rows, state.n_split_samples = held_out, y.shape[0]
        return rows, held_out

    def _validation_score(self, X, y, sample_weight):
        """Score of the network as it stands, on validated data; nan if it overflows."""
        with np.errstate(over="ignore"):
            y_pred = self._predictions(self._raw_outputs(X))
        if y_pred.dtype.kind == "f" and not np.isfinite(y_pred).all():
            return float("nan")
        return float(self._score_function(y, y_pred, sample_weight=sample_weight))

    def _publish(self, state):
        """Write the public fitted attributes."""
        self.n_layers_ = self._network.layer_units.size
        self.n_outputs_ = int(self._network.layer_units[-1])
        self.out_activation_ = OUT_ACTIVATIONS[self._network.loss]
        self.t_ = state.samples_seen
        self.loss_curve_ = state.loss_curve
        self.learning_rate_curve_ = state.learning_rate_curve
        self.loss_ = state.loss_curve[-1]
        self.best_loss_ = None if self.early_stopping else state.best_loss
        scored = bool(state.validation_scores)
        self.validation_scores_ = state.validation_scores if scored else None
        self.best_validation_score_ = (
            state.best_validation_score if self.early_stopping else None
        )

    # Fitted network ---------------------------------------------------------------

    @property
    def coefs_(self):
        """List of (fan_in, fan_out) arrays, views on the network's parameters."""
        return self._layers()[0]

    @coefs_.setter
    def coefs_(self, arrays):
        assign_layers(self._layers()[0], arrays)

    @property
    def intercepts_(self):
        """List of (fan_out,) arrays, views on the network's parameters."""
        return self._layers()[1]

    @intercepts_.setter
    def intercepts_(self, arrays):
        assign_layers(self._layers()[1], arrays)

    def _layers(self):
        if not hasattr(self, "_state"):
            raise AttributeError(f"{type(self).__name__} is not fitted yet.")
        return split_parameters(self._state.theta, self._network.layer_units)

    def _validated_raw_outputs(self, X):
        check_is_fitted(self)
        X = validate_data(
            self,
            X,
            accept_sparse=["csr", "csc"],
            dtype=self._state.theta.dtype,
            order="C",
            reset=False,
        )
        return self._raw_outputs(_in_rows(X))

    def _raw_outputs(self, X):
        """Outputs before the link, shape (n_samples, n_outputs)."""
        theta = self._state.theta
        n = X.shape[0]
        workspace = make_workspace(
            self._network, min(n, CHUNK), theta.dtype, issparse(X)
        )
        return raw_outputs(self._network, theta, as_inputs(X), n, workspace)

    def _outputs(self, raw):
        """Outputs after the link."""
        return OUTPUT_LINKS[OUT_ACTIVATIONS[self._network.loss]](raw)

    def __getstate__(self):
        return {**super().__getstate__(), "_skgd_version": __version__}

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _in_rows(X):
    """CSR for sparse input; the kernels read samples as rows."""
    return X.tocsr() if issparse(X) else X


def _validate_weights(sample_weight, X):
    if sample_weight is None:
        return None
    sample_weight = _check_sample_weight(sample_weight, X, dtype=X.dtype)
    if sample_weight.sum() == 0:
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return sample_weight
