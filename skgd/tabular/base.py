"""What both estimators of tables share: encoding, members, what the folds say."""

import warnings
from abc import abstractmethod
from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state, check_scalar
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skgd._sklearn_private import Interval
from skgd.estimators.checks import check_total_weight, check_weights
from skgd.kernels.team.threads import n_threads
from skgd.tabular.columns import TableEncoder, takes_tables
from skgd.tabular.defaults import make_network
from skgd.tabular.members import fit_members, make_folds


class BaseTabular(BaseEstimator):
    """Base of `TabularRegressor` and `TabularClassifier`; not for direct use."""

    _parameter_constraints: ClassVar = {
        "estimator": [BaseEstimator, None],
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
    def _prepare_targets(self, y, sample_weight):
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
    def _held_out_predictor(self, known):
        """Return an estimator that predicts the held-out samples `known`."""

    # Fitting --------------------------------------------------------------------------

    def _fit(self, X, y, sample_weight, groups):
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                "the target y is None."
            )
        encoder = TableEncoder(self.categorical_features).fit(X)
        Z = encoder.transform(X)
        check_consistent_length(Z, y)
        self._keep(encoder)
        sample_weight = check_weights(sample_weight, Z)
        check_total_weight(sample_weight)
        y = self._prepare_targets(y, sample_weight)
        random_state = check_random_state(self.random_state)
        labels = y if is_classifier(self) and y.ndim == 1 else None
        data = X if hasattr(X, "shape") else Z, y, groups, labels
        folds = make_folds(self.cv, self.n_members, *data, random_state)
        network = make_network(self._member_class, self.estimator)
        with warnings.catch_warnings():
            # A schedule ends with its last epoch, and the best one is kept.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.members_ = fit_members(
                *(network, folds, Z, self._scaled(y), sample_weight, random_state),
                n_threads(self.n_jobs),
            )
        # The first member that has held out each sample, or -1.
        self._parts = np.full(Z.shape[0], -1)
        for number, member in reversed(list(enumerate(self.members_))):
            self._parts[member.held_out] = number
        own = [self._of_member(m, Z[m.held_out]) for m in self.members_]
        self._learn_from_folds(own, y, sample_weight)
        self._score_folds(y, sample_weight)
        return self

    def _keep(self, encoder):
        """Keep the encoder, and what it has learned of the columns."""
        self.encoder_, self.n_features_in_ = encoder, encoder.n_features_in_
        vars(self).pop("feature_names_in_", None)
        if hasattr(encoder, "feature_names_in_"):
            self.feature_names_in_ = encoder.feature_names_in_

    def _score_folds(self, y, sample_weight):
        """Score the predictions of all samples that were held out."""
        known = np.flatnonzero(self._parts >= 0)
        self.oof_score_ = np.nan
        if known.size < 2:
            return
        predictor = self._held_out_predictor(known)
        scorer = check_scoring(predictor, self.scoring)
        weight = {}
        if sample_weight is not None:
            weight = {"sample_weight": sample_weight[known]}
        truth = predictor.classes_[y[known]] if self._has_labels(y) else y[known]
        self.oof_score_ = float(scorer(predictor, known[:, None], truth, **weight))
        if self.verbose:
            print(
                f"{len(self.members_)} members, score of the folds: {self.oof_score_}"
            )

    def _has_labels(self, y):
        return is_classifier(self) and y.ndim == 1

    # Predictions ----------------------------------------------------------------------

    def _by_members(self, X):
        """Return the predictions of all members, shape (n_members, n_samples, ...)."""
        check_is_fitted(self)
        Z = self.encoder_.transform(X)
        return np.stack([self._of_member(member, Z) for member in self.members_])

    def _known_samples(self, coverage):
        """Check a coverage; return which samples were held out, and by whom."""
        check_is_fitted(self)
        check_scalar(
            coverage,
            "coverage",
            (int, float),
            min_val=0,
            max_val=1,
            include_boundaries="neither",
        )
        known = self._parts >= 0
        return known, self._parts[known]

    def __sklearn_tags__(self):
        return takes_tables(super().__sklearn_tags__())
