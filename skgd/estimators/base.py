"""What both estimators share: parameters, validation, fit, partial_fit, warm start."""

from abc import abstractmethod
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from numbers import Integral
from operator import is_
from typing import ClassVar, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import validate_data

from skgd._sklearn_private import (
    CALLBACK_ATTRIBUTES,
    CALLBACK_PARENT,
    CallbackSupportMixin,
    InvalidParameterError,
)
from skgd.descent.baseline import warn_if_nothing_was_learned
from skgd.descent.draws import generator_position, move_generator
from skgd.descent.interrupts import Interrupts
from skgd.descent.judge import Judge, samples_as_given, split_rows
from skgd.descent.lbfgs import lbfgs_epochs
from skgd.descent.loop import Fit, local_epochs, train
from skgd.descent.state import TrainingState, mean_weight
from skgd.descent.tasks import FitTask, checkpoints_of
from skgd.estimators.checks import check_features, check_total_weight, check_weights
from skgd.estimators.conversion import SklearnConversionMixin
from skgd.estimators.fingerprint import DATA, START, differences, fingerprint
from skgd.estimators.fitted import FittedNetwork, has_finite_sum, in_rows
from skgd.estimators.parameters import (
    SKLEARN_PARAMETERS,
    SKLEARN_SOLVERS,
    check_search,
    hidden_units,
    is_searched,
    warn_of_batch_size,
)
from skgd.estimators.saving import pack, unpack
from skgd.kernels.passes.inputs import as_samples, row_numbers
from skgd.kernels.team.threads import n_threads, one_blas_thread
from skgd.network.views import assign_layers, first_values

# Combinations of parameters that were found valid: a search fits many networks that
# have the same ones, and validation took a sixth of the time that a fit takes besides
# its epochs (measured).
_valid, MANY = set(), 1000
PLAIN = {int, float, bool, str, tuple, type(None)}


@contextmanager
def all_or_nothing(estimator):
    """Put every attribute, and the seeded generator, back if the block fails.

    Those attributes are kept by which scikit-learn then ends the callbacks.
    """
    before = vars(estimator).copy()
    lengths = "_state" in before and before["_state"].lengths()
    generator = _own_generator(estimator)
    position = generator and generator_position(generator)
    try:
        yield
    except BaseException:
        after = vars(estimator)
        kept = {name: after[name] for name in CALLBACK_ATTRIBUTES if name in after}
        after.clear()
        after.update(before | kept)
        if lengths:
            before["_state"].cut_back(lengths)
        if generator is not None:
            move_generator(generator, position)
        raise


def _own_generator(estimator):
    """Return the generator that was made from an int as seed, or None."""
    if hasattr(estimator, "_state") and isinstance(estimator._state.seed, Integral):
        return estimator._state.random_state
    return None


@contextmanager
def _naming(arguments):
    """Begin the message of an error with the arguments that it is about."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{arguments}: {error}") from error


class Ready(NamedTuple):
    """The validated data of a fit, in the form that kernels take, and their judge.

    `weights` are multiplied by class weights, and `sample_weight` is not. `rows` are
    the samples to train on.
    """

    X: object
    targets: np.ndarray
    weights: np.ndarray | None
    rows: np.ndarray
    sample_weight: np.ndarray | None
    judge: object


class BaseGDNeural(
    FittedNetwork, SklearnConversionMixin, CallbackSupportMixin, BaseEstimator
):
    """Base of `GDNeuralRegressor` and `GDNeuralClassifier`; not for direct use."""

    _trains_here = True  # the estimators of `skgd.dask` train on other machines

    # What a subclass decides ------------------------------------------------------

    @staticmethod
    @abstractmethod
    def _check_given_targets(y):
        """Raise if `y`, as the user gave it, holds values that cannot be targets."""

    @abstractmethod
    def _learn_targets(self, y, *, incremental):
        """Learn of what kind the targets of a first call are, and their labels."""

    @abstractmethod
    def _check_targets(self, y, *, refit):
        """Raise if `y` is not of the kind learned; `refit` by a warm-started fit."""

    @abstractmethod
    def _encode_targets(self, y):
        """Return `y` as the numbers of the loss, shape (n_samples, n_outputs)."""

    @abstractmethod
    def _loss_name(self):
        """Return the name of the loss for the targets learned."""

    def _training_targets(self, y):
        """Return the numbers to train on, after label smoothing."""
        return self._encode_targets(y)

    def _training_weights(self, y, sample_weight, *, incremental):
        """Return the weights to train with, class weights included, or None."""
        return sample_weight

    @abstractmethod
    def _predictions(self, raw):
        """Turn raw outputs into what `predict` returns."""

    @abstractmethod
    def _validation_targets(self, y):
        """Return `y` as `_default_score` takes it."""

    @abstractmethod
    def _validation_predictions(self, raw):
        """Turn raw outputs into predictions as `_default_score` takes them."""

    # A class of `skgd.descent.scores`, made of targets and weights.
    _default_score: ClassVar[type]

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
        known = self._plain_params()
        if known is not None and known in _valid:
            return
        self._validate_all_params()
        if known is not None:
            if len(_valid) >= MANY:
                _valid.clear()
            _valid.add(known)

    def _plain_params(self):
        """Return class, values and their types; None if a value is not a plain one."""
        values = [getattr(self, name) for name in self._parameter_constraints]
        parts = [v if type(v) is tuple else (v,) for v in values]
        kinds = [(type(v), *map(type, of)) for v, of in zip(values, parts, strict=True)]
        if all(kind in PLAIN for of in kinds for kind in of):
            return type(self), *values, *kinds
        return None

    def _validate_all_params(self):
        try:
            super()._validate_params()
        except InvalidParameterError as error:
            if "'solver' parameter" in str(error) and self.solver in SKLEARN_SOLVERS:
                hint = SKLEARN_SOLVERS[self.solver]
                raise InvalidParameterError(f"{error} {hint}") from None
            raise

    # Fitting ----------------------------------------------------------------------

    def _fit(
        self,
        X,
        y,
        sample_weight,
        validation,
        *,
        incremental,
        initial=(None, None),
        epochs=None,
    ):
        with Interrupts() as interrupts, all_or_nothing(self):
            first = self._begin(incremental)
            resumes = not (first or incremental) and self._state.resumes
            threads = n_threads(self.n_jobs)
            ready = self._prepare(
                *(X, y, sample_weight),
                partial(self._given_validation, *validation, incremental, threads),
                *(threads, first, incremental, resumes, initial),
            )
            samples = as_samples(ready.X, ready.targets, ready.weights)
            rows, judge, resumes = ready.rows, ready.judge, self._state.resumes
            if resumes and not np.array_equal(*map(np.sort, (self._state.order, rows))):
                _refuse_other_data(["validation_fraction"])
            self._judge_anew(judge, interrupts, first, incremental, resumes)
            task = FitTask(
                self,
                "partial-fit" if incremental else "fit",
                1 if incremental else self.max_iter,
                (X, y, rows, ready.sample_weight),
                self._attributes_of_a_copy,
            )
            what = self, self._network, self._state, samples, rows
            how = judge, task, interrupts, incremental, threads
            with one_blas_thread():
                ending = train(Fit(*what, *how), epochs or self._epochs())
            if not (incremental or ending.by_request):
                warn_if_nothing_was_learned(self, ready.X, samples, rows, threads)
            interrupts.interruptible(task.end)
        return self

    def _epochs(self):
        """Return the function that runs the epochs of a fit."""
        return lbfgs_epochs if is_searched(self) else local_epochs

    def _begin(self, incremental):
        """Begin a call; return whether it makes a new network.

        If it does, the former network is dropped.
        """
        warn_of_batch_size(self)
        check_search(self, incremental)
        is_fitted = "_state" in vars(self)
        first = not is_fitted or not (self.warm_start or incremental)
        if is_fitted and first:
            del self._state, self._network
        elif incremental and is_fitted:
            self._validate_new_params()
        return first

    def _validate_new_params(self):
        """Validate what was set since the last call of partial_fit.

        `_fit_context` validates parameters in the first call of partial_fit only.
        Validation takes as long as a step from one sample, so it is done only if a
        parameter has changed.
        """
        values = [getattr(self, name) for name in self._parameter_constraints]
        known = vars(self).get("_validated", ())
        if len(known) != len(values) or not all(map(is_, known, values)):
            self._validate_params()
            self._validated = values

    def _prepare(
        self,
        X,
        y,
        sample_weight,
        judge_given,
        threads,
        first,
        incremental,
        resumes,
        initial=(None, None),
    ):
        """Validate the data, and prepare network and state; return the `Ready` data.

        `judge_given` returns the judge by validation data that fit was given, or None.
        `initial` are the weights that it was given to begin with.
        """
        given = X, y
        X, y = self._validate_X_y(X, y, first=first)
        if first:
            self._learn_targets(y, incremental=incremental)
        else:
            self._check_targets(y, refit=not incremental)
        targets = as_numbers(self._training_targets(y), X.dtype)
        sample_weight = check_weights(sample_weight, X)

        self._network = self._build_network(X.shape[1], targets.shape[1], first)
        self._prepare_state(X.dtype, first, incremental, resumes)

        judge, rows = judge_given(), row_numbers(X.shape[0])
        self._take_initial(*initial, resumes)
        if resumes or (checkpoints_of(self) and self._trains_here and not incremental):
            self._recognise((X, targets, sample_weight), judge, initial, first)
        if judge is None and self.early_stopping:
            rows, judge = self._hold_out(X, y, sample_weight, given, threads)
        else:
            self._state.held_out = None
        weights = self._training_weights(y, sample_weight, incremental=incremental)
        trained = None
        if weights is not None:
            weights = weights.astype(X.dtype, copy=False)
            trained = weights[rows]
            check_total_weight(trained)
        mean = mean_weight(trained, rows.size)
        self._state.weigh([mean], incremental=incremental)
        return Ready(X, targets, weights, rows, sample_weight, judge)

    def _take_initial(self, coefs, intercepts, resumes):
        """Take the weights that fit was given to begin with."""
        given = {"coefs_init": coefs, "intercepts_init": intercepts}
        for name, arrays in given.items():
            if arrays is None:
                continue
            if resumes:
                raise ValueError(
                    f"{name} cannot be given to a fit that completes one that was cut "
                    "off. Set warm_start=False for a new fit."
                )
            with _naming(name):
                layers = getattr(self, name.replace("init", ""))
                assign_layers(layers, arrays)
                if not all(np.isfinite(layer).all() for layer in layers):
                    raise ValueError("weights must be finite.")

    def _validate_X_y(self, X, y, *, first):
        """Validate as scikit-learn does; X is then in rows, C-contiguous or CSR."""
        if self._are_valid_as_they_are(X, y, first=first):
            if first:
                self.n_features_in_ = X.shape[1]
                vars(self).pop("feature_names_in_", None)
            return X, y
        check_features(X)
        self._check_given_targets(y)
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
        return in_rows(X), y

    def _are_valid_as_they_are(self, X, y, *, first):
        """Return whether validation would neither refuse nor convert X or y.

        Validation took a fifth of the time that a fit takes besides its epochs
        (measured).
        """
        kinds = "biuSU" if is_classifier(self) else "f"
        return (
            type(y) is np.ndarray
            and y.ndim == 1
            and y.dtype.kind in kinds
            and self._is_valid_as_it_is(X, first=first)
            and y.shape[0] == X.shape[0]
            and (y.dtype.kind != "f" or has_finite_sum(y))
        )

    def _given_validation(
        self, X_val, y_val, sample_weight_val, incremental, n_threads
    ):
        """Validate the validation data given to fit; return their judge, or None."""
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
        given = X_val, y_val
        with _naming("X_val and y_val"):
            X_val, y_val = self._validate_X_y(X_val, y_val, first=False)
            self._check_targets(y_val, refit=False)
            if X_val.shape[0] < 2:
                raise ValueError("a score needs at least 2 samples, got 1.")
        with _naming("sample_weight_val"):
            weight = check_weights(sample_weight_val, X_val, "sample_weight_val")
        rows = row_numbers(X_val.shape[0])
        return Judge(self, X_val, rows, y_val, weight, lambda: given, n_threads)

    def _hold_out(self, X, y, sample_weight, given, n_threads):
        """Split the data; return the rows to train on, and the judge by the rest."""
        rows, held_out = split_rows(self, self._state, y)
        weight = None if sample_weight is None else sample_weight[held_out]
        check_total_weight(weight)

        as_given = partial(samples_as_given, *given, held_out)
        return rows, Judge(self, X, held_out, y[held_out], weight, as_given, n_threads)

    def _build_network(self, n_features, n_outputs, first):
        """Return the network that the parameters and the data ask for."""
        hidden = hidden_units(self.hidden_layer_sizes)
        layer_units = np.array([n_features, *hidden, n_outputs], np.int64)
        if not first and not np.array_equal(layer_units, self._network.layer_units):
            raise ValueError(
                "warm_start and partial_fit go on with the fitted network, whose "
                f"layers are {self._network.layer_units.tolist()}; hidden_layer_sizes "
                f"and the data now ask for {layer_units.tolist()}. Call fit with "
                "warm_start=False for a new network."
            )
        network = self._make_network(layer_units, self._loss_name())
        if not first and network.shapes != self._network.shapes:
            names = network.kinds_unlike(self._network)
            values = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
            raise ValueError(
                "warm_start and partial_fit go on with the fitted network, and "
                f"{values} asks for another one. Set {' and '.join(names)} as in the "
                "first fit, or call fit with warm_start=False."
            )
        if network.n_barriers:
            self._check_batches(network)
        # If the former network is equal, it is kept, with all that it has cached.
        return network if first or network != self._network else self._network

    def _check_batches(self, network):
        """Raise if steps are from single samples, and a layer needs a batch."""
        how = "solver='sgd'" if self.solver == "sgd" else None
        if self.solver == "minibatch" and self.batch_size == 1:
            how = "batch_size=1"
        if how is not None:
            (name, *_) = network.barrier_kinds
            raise ValueError(
                f"{name}={getattr(self, name)!r} takes sums over the samples of a "
                f"batch, and {how} takes one sample at a time. Set solver='batch', or "
                f"'minibatch' with a batch_size of 2 or more, or leave {name} out."
            )

    def _prepare_state(self, dtype, first, incremental, resumes):
        """Draw the first parameters, or get the former state ready to go on."""
        if first:
            random_state = check_random_state(self.random_state)
            theta = first_values(self._network, random_state, dtype)
            self._state = TrainingState(theta, random_state, seed=self.random_state)
            self._state.restart(self)
            return
        self._state = self._state.branch()
        if not resumes:
            self._state.end()
        if incremental or resumes:
            self._state.resume(self)
        else:
            self._state.restart(self)
            self._state.seed_with(self.random_state)

    def _recognise(self, samples, judge, initial, first):
        """Note by what the fit is recognised, and go on with a saved one of its kind.

        Raises
        ------
        ValueError
            If the fit completes one that was cut off, and the data are others.
        """
        state = self._state
        start = [array for arrays in initial if arrays is not None for array in arrays]
        if not first:
            start += [state.theta, state.held_out, np.array(state.loss_curve)]
        found = fingerprint(self, samples, judge, start)
        if state.resumes:
            if not isinstance(state.fingerprint, dict):
                raise ValueError(
                    "This fit was cut off with a former version of skgd, which noted "
                    "its data in another way. Complete it with that version, or set "
                    "warm_start=False for a new fit."
                )
            _refuse_other_data(differences(found, state.fingerprint, DATA))
            found[START] = state.fingerprint[START]
        state.fingerprint = found
        if not state.resumes:
            for checkpoint in checkpoints_of(self):
                saved = checkpoint.find_saved(self)
                if saved is not None:
                    saved.follow(self)
                    self._state = saved
                    break

    def _judge_anew(self, judge, interrupts, first, incremental, resumes):
        """Begin early stopping from the network as it stands.

        A warm-started fit does so, and a partial_fit after `n_iter_no_change` was
        exceeded: the former best score says nothing about what is learned from now on.
        So does any call after `scoring` was changed, as scores of two kinds cannot be
        compared.
        """
        ended = self._state.no_improvement_count > self.n_iter_no_change
        is_new = self._state.scoring != self.scoring
        is_new |= not resumes and (ended or not incremental)
        self._state.scoring = self.scoring
        if self.early_stopping and is_new and not first:
            self._state.no_improvement_count = 0
            _, score = judge(interrupts)
            self._state.start_validation(score)

    def _attributes_of_a_copy(self):
        """Return attributes that make a fitted estimator, which a callback may keep."""
        state = self._state.copy()
        state.resumes = False
        state.random_state = deepcopy(state.random_state)
        return {"_state": state}

    def __getstate__(self):
        # This serves pickles and copies alike. A copy is not in the midst of a fit, has
        # validated nothing, and draws from a generator of its own.
        attributes = pack(super().__getstate__())
        for name in (*CALLBACK_ATTRIBUTES, CALLBACK_PARENT, "_validated"):
            attributes.pop(name, None)
        generator = _own_generator(self)
        if generator is not None:
            attributes["_state"]["random_state"] = deepcopy(generator)
        return attributes

    def __setstate__(self, attributes):
        attributes = unpack(attributes, type(self).__name__)
        if attributes.keys() < self._parameter_constraints.keys() | attributes.keys():
            # It was saved by a version without some parameters, which get defaults.
            attributes = vars(type(self)()) | attributes
        super().__setstate__(attributes)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _refuse_other_data(names):
    """Raise if a fit that was cut off is to be completed with other data.

    `names` are those of the arguments that are not as they were.
    """
    if names:
        raise ValueError(
            "A fit that was cut off is completed with the same data, and the same "
            f"validation data, and these are others: {', '.join(names)}. To learn from "
            "them by its weights call partial_fit; for a new fit set warm_start=False."
        )


def _refuse_overflow():
    """Ignore overflows in a `with` block; a check for infinity has to follow."""
    return np.errstate(over="ignore", invalid="ignore")


def as_numbers(targets, dtype):
    """Return targets as an array of the network's dtype; raise if one is too large."""
    with _refuse_overflow():
        targets = np.ascontiguousarray(targets, dtype=dtype)
    if not np.isfinite(targets).all():
        raise ValueError(f"Input y contains a value too large for {dtype!r}.")
    return targets
