"""What both estimators of tables share: encoding, members, what the folds say."""

import warnings
from abc import abstractmethod
from inspect import signature
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skgd._sklearn_private import CallbackSupportMixin, Interval
from skgd.descent.tasks import checkpoints_of
from skgd.estimators.base import all_or_nothing
from skgd.estimators.checks import check_total_weight, check_weights
from skgd.kernels.team.threads import n_threads
from skgd.tabular.columns import TableEncoder, takes_tables
from skgd.tabular.defaults import make_network
from skgd.tabular.members import choose_judges, fit_members, make_folds
from skgd.tabular.saving import pack, unpack
from skgd.tabular.tasks import MembersTask


class BaseTabular(CallbackSupportMixin, BaseEstimator):
    """Base of `TabularRegressor` and `TabularClassifier`; not for direct use."""

    _parameter_constraints: ClassVar = {
        "estimator": [BaseEstimator, None],
        "member_params": [dict, None],
        "n_members": [Interval(Integral, 2, None, closed="left")],
        "cv": ["cv_object"],
        "categorical_features": ["array-like", str, None],
        "scoring": [str, callable, None],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    # What a subclass decides ----------------------------------------------------------

    # The class of a member's network.
    _member_class: ClassVar[type]

    @abstractmethod
    def _prepare_targets(self, y, sample_weight, network):
        """Learn what the targets are; return them as numbers of samples or classes."""

    @abstractmethod
    def _scaled(self, y):
        """Return the prepared targets as members are trained on them."""

    @abstractmethod
    def _of_member(self, member, Z):
        """Return what a member predicts for encoded samples, in the user's units."""

    @abstractmethod
    def _learn_from_folds(self, own, y, sample_weight):
        """Set what follows from the members' predictions of what they held out."""

    @abstractmethod
    def _gain(self, rows, y, sample_weight):
        """Return the share of a constant's loss that predictions of unseen rows save.

        None where no metric of scikit-learn says it.
        """

    @abstractmethod
    def _predictor_of(self, predictions):
        """Return an estimator with these predictions, which takes their row numbers."""

    # Parameters -----------------------------------------------------------------------

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
            If a name is not a parameter, or is one of the estimator, which is None.
        """
        nested = [name for name in params if name.startswith("estimator__")]
        if nested and params.get("estimator", self.estimator) is None:
            raise ValueError(
                f"{nested[0]} is a parameter of the estimator, which is None. Set "
                f"estimator={self._member_class.__name__}() first."
            )
        return super().set_params(**params)

    # Fitting --------------------------------------------------------------------------

    def _fit(self, X, y, sample_weight, groups):
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                "the target y is None."
            )
        check_scoring(self, self.scoring)
        with all_or_nothing(self):
            encoder = TableEncoder(self.categorical_features)
            encoder.set_output(transform="default").fit(X)
            Z = encoder.transform(X)
            check_consistent_length(Z, y)
            self._keep(encoder)
            sample_weight = check_weights(sample_weight, Z)
            check_total_weight(sample_weight)
            how = self.estimator, self.member_params, Z.shape[0]
            network = make_network(self._member_class, *how)
            for checkpoint in checkpoints_of(network):
                checkpoint.check_members(self.random_state)
            targets = self._prepare_targets(y, sample_weight, network)
            task = MembersTask(self, self.n_members, X, y, sample_weight)
            self._fit_members(network, X, Z, targets, sample_weight, groups, task)
            own = [self._of_member(m, Z[m.held_out]) for m in self.members_]
            self._learn_from_folds(own, targets, sample_weight)
            self._score_folds(own, targets, sample_weight)
            self._warn_if_nothing_was_learned(targets, sample_weight)
            task.end()
        return self

    def _fit_members(self, network, X, Z, y, sample_weight, groups, task):
        """Fit the members, and note which has held out each sample."""
        random_state = check_random_state(self.random_state)
        labels = y if self._has_labels(y) else None
        data = X if hasattr(X, "shape") else Z, y, groups, labels
        folds = make_folds(self.cv, self.n_members, *data, random_state)
        judges = choose_judges(folds, labels, random_state)
        with warnings.catch_warnings():
            # A schedule ends with its last epoch, and the best one is kept. Only of
            # divergence the user has to know.
            others = "(?!The training loss became non-finite)"
            warnings.filterwarnings("ignore", others, ConvergenceWarning)
            self.members_ = fit_members(
                *(network, folds, judges, Z, self._scaled(y), sample_weight),
                *(random_state, n_threads(self.n_jobs), task),
            )
        self._is_held_out = np.zeros((self.n_members, Z.shape[0]), bool)
        for number, member in enumerate(self.members_):
            self._is_held_out[number, member.held_out] = True
        if sample_weight is not None:  # these samples count for nothing
            self._is_held_out[:, sample_weight == 0] = False

    def _keep(self, encoder):
        """Keep the encoder, and what it has learned of the columns."""
        self.encoder_, self.n_features_in_ = encoder, encoder.n_features_in_
        vars(self).pop("feature_names_in_", None)
        if hasattr(encoder, "feature_names_in_"):
            self.feature_names_in_ = encoder.feature_names_in_

    def _score_folds(self, own, y, sample_weight):
        """Score what members, and all of them, say of the samples that they held out.

        `own` has what each member says of its samples.
        """
        truth = self.classes_[y] if self._has_labels(y) else y
        scorer = check_scoring(self, self.scoring)
        weighs = sample_weight is not None and _takes_weights(scorer)

        def score(predictions, rows):
            if rows.size < 2:
                return np.nan
            predictor, places = self._predictor_of(predictions), np.arange(rows.size)
            weight = {"sample_weight": sample_weight[rows]} if weighs else {}
            return float(scorer(predictor, places[:, None], truth[rows], **weight))

        def score_member(number):
            _, rows, is_judge = self.members_[number]
            counts = self._is_held_out[number, rows]
            if (counts & ~is_judge).any():
                counts &= ~is_judge
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    return score(own[number][counts], rows[counts])
                except ValueError:  # as where the part lacks a class
                    return np.nan

        known = np.flatnonzero(self._is_held_out.any(axis=0))
        self.oof_score_ = score(self.oof_prediction_[known], known)
        self.member_scores_ = np.array([score_member(i) for i in range(len(own))])
        if self.verbose:
            for number, value in enumerate(self.member_scores_):
                print(f"Member {number}, score of what it held out: {value:.4f}")
            print(f"Score of all that was held out: {self.oof_score_:.4f}")

    def _warn_if_nothing_was_learned(self, y, sample_weight):
        rows = np.flatnonzero(self._is_held_out.any(axis=0))
        if rows.size < 2:
            return
        weight = None if sample_weight is None else sample_weight[rows]
        with np.errstate(all="ignore"):  # squares of the largest numbers
            gain = self._gain(rows, y, weight)
        if gain is not None and gain <= 0:
            warnings.warn(
                f"{type(self).__name__} has learned nothing from X: it predicts unseen "
                "samples no better than a constant would. There may be too few samples,"
                " or nothing in X that y depends on.",
                ConvergenceWarning,
                stacklevel=2,
            )

    def _has_labels(self, y):
        return is_classifier(self) and y.ndim == 1

    # Predictions ----------------------------------------------------------------------

    def _by_members(self, X):
        """Return the predictions of all members, shape (n_members, n_samples, ...)."""
        check_is_fitted(self)
        Z = self.encoder_.transform(X)
        return np.stack([self._of_member(member, Z) for member in self.members_])

    def _by_those_that_held_out(self, X, coverage):
        """Return what intervals and sets are made of, once the coverage is checked.

        Returns
        -------
        predictions : ndarray of shape (n_teams, n_samples, ...)
            A team is the members that have held out the same training samples, and
            predicts their mean.
        teams : ndarray of shape (n_known,)
            The team of each training sample that was held out.
        known : ndarray of shape (n_training_samples,), bool
            Which samples were.
        """
        check_is_fitted(self)
        if not (isinstance(coverage, Real) and 0 < coverage < 1):
            raise ValueError(
                f"coverage must be a number above 0 and below 1, got {coverage!r}."
            )
        known = self._is_held_out.any(axis=0)
        members, teams = np.unique(
            self._is_held_out[:, known], axis=1, return_inverse=True
        )
        teams = teams.ravel()  # NumPy 2.0 keeps the axis
        shares = members / members.sum(axis=0)
        return np.tensordot(shares.T, self._by_members(X), axes=1), teams, known

    def __getstate__(self):
        return pack(super().__getstate__())

    def __setstate__(self, attributes):
        attributes = unpack(attributes, type(self).__name__)
        # It may have been saved by a version without some parameters.
        super().__setstate__(vars(type(self)()) | attributes)

    def __sklearn_tags__(self):
        return takes_tables(super().__sklearn_tags__())


def _takes_weights(scorer):
    """Return whether a scorer, or the metric that it is made of, takes weights."""
    function = getattr(scorer, "_score_func", scorer)
    takes = signature(function).parameters.values()
    return any(p.name == "sample_weight" or p.kind is p.VAR_KEYWORD for p in takes)
