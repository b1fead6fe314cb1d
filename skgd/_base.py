"""What both estimators share: parameters, validation, fit, partial_fit, warm start."""

from abc import abstractmethod
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from numbers import Integral

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from skgd._network import (
    OUTPUT_LINKS,
    assign_layers,
    initial_parameters,
    split_parameters,
)
from skgd._parameters import SKLEARN_PARAMETERS, SKLEARN_SOLVERS
from skgd._threads import (
    n_threads,
    one_blas_thread,
    prepare_blas,
    side_by_side,
)
from skgd._training import (
    TrainingState,
    check_total_weight,
    train,
)
from skgd._version import __version__
from skgd.kernels.activations import Activation
from skgd.kernels.inputs import as_inputs, as_samples, row_numbers
from skgd.kernels.losses import OUT_ACTIVATIONS
from skgd.kernels.network import chunk_size, make_network, make_workspace
from skgd.kernels.predict import raw_outputs

# Multiplications in a prediction for which another thread pays: some 0.1 ms of them.
PRODUCTS_PER_THREAD = 2_500_000
# Up to so many OpenBLAS has one thread of itself; to limit it takes 36 us (measured).
FEW_PRODUCTS = 200_000


@contextmanager
def all_or_nothing(estimator):
    """Put every attribute, and the seeded generator, back if the block fails."""
    before = vars(estimator).copy()
    generator = _own_generator(estimator)
    position = generator and generator.get_state()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        if generator is not None:
            generator.set_state(position)
        raise


def _own_generator(estimator):
    """Find the generator that a former call has seeded, unless it is the person's."""
    if hasattr(estimator, "_state") and isinstance(estimator._state.seed, Integral):
        return estimator._state.random_state
    return None


@contextmanager
def _naming(arguments):
    """Begin the message of a ValueError with the arguments that it is about."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{arguments}: {error}") from error


class BaseGDNeural(BaseEstimator):
    """Base of `GDNeuralRegressor` and `GDNeuralClassifier`; not for direct use."""

    # What a subclass decides ------------------------------------------------------

    @abstractmethod
    def _learn_targets(self, y, *, incremental):
        """Learn what the targets of a first call are: their kind, and labels."""

    @abstractmethod
    def _check_targets(self, y, *, refit):
        """Raise if `y` is not of the kind learned; `refit` by a warm-started fit."""

    @abstractmethod
    def _encode_targets(self, y):
        """Return `y` as the numbers to train on, shape (n_samples, n_outputs)."""

    @abstractmethod
    def _loss_code(self):
        """Return the `Loss` for the targets learned."""

    def _training_weights(self, y, sample_weight, *, incremental):
        """Return the weights to train with, or None; class weights are one more."""
        return sample_weight

    def _loss_parameter(self):
        """Return the number that the loss has, such as a quantile; 0 for most."""
        return 0

    @abstractmethod
    def _predictions(self, raw):
        """Turn raw outputs into what `predict` returns."""

    @abstractmethod
    def _validation_targets(self, y):
        """Return `y` as `_score_function` takes it."""

    @abstractmethod
    def _validation_predictions(self, raw):
        """Turn raw outputs into predictions as `_score_function` takes them."""

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
        for name in SKLEARN_PARAMETERS.keys() & params.keys():
            raise ValueError(
                f"Invalid parameter {name!r} for {type(self).__name__}: "
                f"{SKLEARN_PARAMETERS[name]}."
            )
        return super().set_params(**params)

    def _validate_params(self):
        try:
            super()._validate_params()
        except InvalidParameterError as error:
            if "'solver' parameter" in str(error) and self.solver in SKLEARN_SOLVERS:
                hint = SKLEARN_SOLVERS[self.solver]
                raise InvalidParameterError(f"{error} {hint}") from None
            raise

    # Fitting ----------------------------------------------------------------------

    def _fit(self, X, y, sample_weight, validation, *, incremental):
        with all_or_nothing(self):
            first = not hasattr(self, "_state") or not (self.warm_start or incremental)
            if incremental and not first:
                self._validate_params()  # which _fit_context leaves out here
            X, y = self._validate_X_y(X, y, first=first)
            if first:
                self._learn_targets(y, incremental=incremental)
            else:
                self._check_targets(y, refit=not incremental)
            targets = self._encode_targets(y)
            with _refuse_overflow():
                targets = np.ascontiguousarray(targets, dtype=X.dtype)
            if not np.isfinite(targets).all():
                raise ValueError(f"Input y contains a value too large for {X.dtype!r}.")
            sample_weight = _validate_weights(sample_weight, X)

            self._network = self._build_network(X.shape[1], targets.shape[1], first)
            self._prepare_state(X.dtype, first, incremental)

            validation = self._validate_validation(*validation, incremental)
            rows = row_numbers(X.shape[0])
            if validation is None and self.early_stopping:
                rows, held_out = self._split(y)
                weight = None if sample_weight is None else sample_weight[held_out]
                check_total_weight(weight)
                y_val = self._validation_targets(y[held_out])
                validation = X, held_out, y_val, weight
            else:
                self._state.held_out = None
            weights = self._training_weights(y, sample_weight, incremental=incremental)
            if weights is not None:
                weights = weights.astype(X.dtype, copy=False)
                check_total_weight(weights[rows])
            threads = n_threads(self.n_jobs)
            score = validation and (
                lambda: self._validation_score(*validation, threads)
            )
            self._judge_anew(score, first, incremental)
            with one_blas_thread():
                self.n_iter_ = train(
                    self,
                    self._network,
                    self._state,
                    as_samples(X, targets, weights),
                    rows,
                    score=score,
                    incremental=incremental,
                    n_threads=threads,
                )
            self._publish(self._state)
        return self

    def _validate_X_y(self, X, y, *, first):
        """Validate as scikit-learn does; X is then in rows, C-contiguous or CSR."""
        with _refuse_overflow():
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
        with _naming("X_val and y_val"):
            X_val, y_val = self._validate_X_y(X_val, y_val, first=False)
            self._check_targets(y_val, refit=False)
            if X_val.shape[0] < 2:
                raise ValueError("a score needs at least 2 samples, got 1.")
        with _naming("sample_weight_val"):
            weight = _validate_weights(sample_weight_val, X_val)
        rows = row_numbers(X_val.shape[0])
        return X_val, rows, self._validation_targets(y_val), weight

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
                "warm_start and partial_fit go on with the fitted network, whose "
                f"layers are {self._network.layer_units.tolist()}; hidden_layer_sizes "
                f"and the data now ask for {layer_units.tolist()}. Call fit with "
                "warm_start=False for a new network."
            )
        activations = self._hidden_activations(len(hidden))
        return make_network(
            layer_units, activations, self._loss_code(), self._loss_parameter()
        )

    def _hidden_activations(self, n_hidden):
        """Codes of the hidden layers' activations."""
        if isinstance(self.activation, str):
            return [Activation[self.activation.upper()]] * n_hidden
        names, known = list(self.activation), {a.name.lower() for a in Activation}
        if len(names) != n_hidden:
            raise ValueError(
                f"activation must be one name, or one for each of the {n_hidden} "
                f"hidden layers, got {len(names)}: {names}."
            )
        for name in names:
            if name not in known:
                raise ValueError(
                    f"activation must be made of names in {sorted(known)}, got "
                    f"{name!r}."
                )
        return [Activation[name.upper()] for name in names]

    def _prepare_state(self, dtype, first, incremental):
        """Draw the first parameters, or get the former state ready to go on."""
        if first:
            random_state = check_random_state(self.random_state)
            units = self._network.layer_units
            activations = self._hidden_activations(units.size - 2)
            if not activations and isinstance(self.activation, str):
                activations = self._hidden_activations(1)  # as in scikit-learn
            theta = initial_parameters(units, activations, random_state, dtype)
            self._state = TrainingState(theta, random_state, seed=self.random_state)
            self._state.restart(self)
            return
        self._state = self._state.copy()
        if incremental:
            self._state.resume(self)
        else:
            self._state.restart(self)
            self._state.seed_with(self.random_state)

    def _judge_anew(self, score, first, incremental):
        """Begin early stopping from the network as it stands.

        So does each warm-started fit, and each partial_fit after one that has ended the
        patience: what was best then says nothing about what is learned from now on.
        """
        ended = self._state.no_improvement_count > self.n_iter_no_change
        if self.early_stopping and not first and (ended or not incremental):
            self._state.no_improvement_count = 0
            self._state.start_validation(score())

    def _split(self, y):
        """Rows to train on and rows held out; a warm refit keeps the former split."""
        state = self._state
        rows = row_numbers(y.shape[0])
        asked = self.validation_fraction, rows.size
        if state.held_out is not None and asked == (
            state.held_out_fraction,
            state.n_split_samples,
        ):
            return np.setdiff1d(rows, state.held_out), state.held_out
        if np.ceil(self.validation_fraction * rows.size) == 1:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or "
                "the size of your dataset."
            )
        stratify = y if is_classifier(self) and y.ndim == 1 else None
        rows, held_out = train_test_split(
            rows,
            random_state=state.random_state,
            test_size=self.validation_fraction,
            stratify=stratify,
        )
        state.held_out = held_out
        state.held_out_fraction, state.n_split_samples = asked
        return rows, held_out

    def _validation_score(self, X, rows, y, sample_weight, n_threads):
        """Score of the network as it stands, on validated data; nan if it overflows."""
        with np.errstate(over="ignore", invalid="ignore"):
            raw = self._raw_outputs(X, rows, n_threads)
            y_pred = self._validation_predictions(raw)
            finite = np.isfinite(raw).all()  # labels would not show it
            if not finite or (is_regressor(self) and not np.isfinite(y_pred).all()):
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
        if not hasattr(self, "_state"):
            check_is_fitted(self)  # raises; when fitted it takes 10 us to find out
        if not self._is_valid_as_it_is(X):
            with _refuse_overflow():
                X = validate_data(
                    self,
                    X,
                    accept_sparse=["csr", "csc"],
                    dtype=self._state.theta.dtype,
                    order="C",
                    reset=False,
                )
        rows = row_numbers(X.shape[0])
        return self._raw_outputs(_in_rows(X), rows, n_threads(self.n_jobs))

    def _is_valid_as_it_is(self, X):
        """Whether validation would find nothing in X to refuse, convert or warn of.

        Of a single row it takes three times as long as all else (measured: 247 us).
        """
        return (
            type(X) is np.ndarray
            and X.dtype == self._state.theta.dtype
            and X.ndim == 2
            and X.shape[0] > 0
            and X.shape[1] == self.n_features_in_
            and X.flags.c_contiguous
            and X.flags.aligned
            and not hasattr(self, "feature_names_in_")
            and _has_finite_sum(X)
        )

    def _raw_outputs(self, X, rows, n_threads):
        """Outputs before the link of the samples `rows`, shape (n, n_outputs)."""
        network, theta = self._network, self._state.theta
        inputs, sparse = as_inputs(X), issparse(X)
        n = rows.size
        out = np.empty((n, network.layer_units[-1]), theta.dtype)
        position = np.zeros(1, np.int64)
        size = chunk_size(network, n, theta.dtype, sparse)

        def work():
            workspace = make_workspace(
                network, size, theta.dtype, sparse, training=False
            )
            raw_outputs(network, theta, inputs, rows, out, position, workspace)

        n_useful = min(n_threads, n * theta.size // PRODUCTS_PER_THREAD)
        if n_useful == 0 and n * theta.size <= FEW_PRODUCTS:
            work()
            return out
        with one_blas_thread():
            if n_useful > 0:
                prepare_blas(n_useful)
            side_by_side(work, max(1, n_useful))
        return out

    def _outputs(self, raw):
        """Outputs after the link."""
        return OUTPUT_LINKS[OUT_ACTIVATIONS[self._network.loss]](raw)

    def __getstate__(self):
        # For pickles and copies alike: a copy draws from a generator of its own.
        state = {**super().__getstate__(), "_skgd_version": __version__}
        generator = _own_generator(self)
        if generator is not None:
            state["_state"] = replace(self._state, random_state=deepcopy(generator))
        return state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _refuse_overflow():
    """Leave values too large for the dtype to the check for infinity that follows."""
    return np.errstate(over="ignore", invalid="ignore")


def _has_finite_sum(X):
    """Whether all of X is surely finite; a sum may overflow where no element does."""
    with _refuse_overflow():
        return bool(np.isfinite(X.sum()))


def _in_rows(X):
    """CSR for sparse input; the kernels read samples as rows."""
    return X.tocsr() if issparse(X) else X


def _validate_weights(sample_weight, X):
    if sample_weight is None:
        return None
    with _refuse_overflow():
        sample_weight = _check_sample_weight(sample_weight, X, dtype=X.dtype)
    check_total_weight(sample_weight)
    return sample_weight
