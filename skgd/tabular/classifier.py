"""The classifier of tables."""

from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import d2_log_loss_score
from sklearn.utils import assert_all_finite, check_array, column_or_1d
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from skgd._sklearn_private import fit_context
from skgd.estimators.classifier import GDNeuralClassifier
from skgd.estimators.labels import (
    check_given_labels,
    check_labels,
    weights_of_classes,
)
from skgd.tabular.base import BaseTabular
from skgd.tabular.conformal import sets
from skgd.tabular.members import first_values, mean_values, unseen_values
from skgd.tabular.temperature import (
    extrapolate,
    find_temperature,
    with_temperature,
)


class TabularClassifier(ClassifierMixin, BaseTabular):
    """Classification of a table of numbers and categories, by an average of networks.

    A table goes in as it is: numbers, strings, categories, booleans, missing values.
    Each member is a network that holds out another part of the samples, and keeps the
    parameters of the epoch that was best on half of it; so each sample is also
    predicted by a network that has not seen it. From these predictions come an honest
    score of the fit, calibrated probabilities, and sets of classes.

    Parameters
    ----------
    estimator : GDNeuralClassifier, default=None
        Each of its parameters that is not at the default of its class replaces that of
        the members.

    member_params : dict, default=None
        Parameters of the members, by name. Unlike those of `estimator`, whose defaults
        count as not given, they may have any value.

    n_members : int, default=8
        Number of networks.

    cv : int, splitter or iterable, default=None
        Which samples the members hold out. An int is the number of parts; with more
        members than parts the data are divided anew. None is half as many parts as
        members, so that each sample is held out by two, but no more parts than the
        rarest class has samples. The parts are stratified.

    categorical_features : array-like of {bool, int, str}, 'from_dtype' or None, \
            default='from_dtype'
        Which columns are categories: a mask, numbers or names. With 'from_dtype' they
        are those of strings, of categories, and of objects that are not all numbers.

    calibrate : bool, default=True
        Whether to divide the logarithms of the probabilities by a temperature, which
        follows from the log loss of held-out samples.

    scoring : str or callable, default=None
        What `oof_score_` is, as in scikit-learn; None is the accuracy. Sample weights
        count in it, unless the function takes none.

    n_jobs : int, default=None
        Threads, each of which fits one member at a time. The results are the same, bit
        by bit, whatever their number. None is as in `GDNeuralClassifier`.

    random_state : int, RandomState instance or None, default=None
        Determines the parts and the members' draws.

    verbose : bool, default=False
        Whether to print the score of the folds.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.

    encoder_ : transformer
        Makes the members' inputs of a table.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where X has names that are all strings.

    members_ : list of Member
        Each has a fitted ``network``, and ``held_out``, the rows that it has not seen.

    member_scores_ : ndarray of shape (n_members,)
        Score of each member on what it has held out; nan where that is not defined,
        as for one sample, or where a class is missing there.

    n_features_in_ : int
        Number of columns.

    oof_prediction_ : ndarray of shape (n_samples, n_classes)
        Calibrated probabilities of each training sample by members that have not seen
        it, not even to choose their epoch; by default that is one member. Where each
        sample is held out by one member only, this member has chosen its epoch by it.
        nan for samples that none has held out.

    oof_score_ : float
        Score of these predictions. A new sample is predicted by the average of all
        members, which is better than one, so the score is rather too low than too high.

    temperature_ : float
        Above 1 it makes probabilities flatter, below 1 sharper.

    See Also
    --------
    TabularRegressor : The regressor of tables.
    GDNeuralClassifier : One network, of numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skgd import TabularClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"age": rng.normal(40, 10, 200), "size": list("SML?") * 50})
    >>> y = np.where(X["age"] > 40, "old", np.where(X["size"] == "L", "tall", "short"))
    >>> X["size"] = X["size"].replace("?", None)
    >>> model = TabularClassifier(n_members=4, random_state=0).fit(X, y)
    >>> model.classes_.tolist()
    ['old', 'short', 'tall']
    >>> print(f"{model.oof_score_:.1f}")
    1.0
    >>> model.predict_set(X[:5], coverage=0.8).shape
    (5, 3)
    """

    _member_class = GDNeuralClassifier
    _parameter_constraints: ClassVar = {
        **BaseTabular._parameter_constraints,
        "calibrate": ["boolean"],
    }

    def __init__(
        self,
        *,
        estimator=None,
        member_params=None,
        n_members=8,
        cv=None,
        categorical_features="from_dtype",
        calibrate=True,
        scoring=None,
        n_jobs=None,
        random_state=None,
        verbose=False,
    ):
        self.estimator = estimator
        self.member_params = member_params
        self.n_members = n_members
        self.cv = cv
        self.categorical_features = categorical_features
        self.calibrate = calibrate
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, *, groups=None):
        """Fit the members to a table.

        Parameters
        ----------
        X : {dataframe, array-like, sparse matrix} of shape (n_samples, n_features)
            Of pandas or polars, or an array. Numbers may be missing, and so may levels
            of categories.

        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Class labels, or for several labels a sample a matrix of 0 and 1.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, 0 or more.

        groups : array-like of shape (n_samples,), default=None
            Groups that a `cv` such as GroupKFold keeps together.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are invalid.
        TypeError
            If there is a column of dates or durations.
        """
        return self._fit(X, y, sample_weight, groups)

    @property
    def _is_multilabel(self):
        return self._kind == "multilabel-indicator"

    def _prepare_targets(self, y, sample_weight, network):
        check_given_labels(y)
        assert_all_finite(y, input_name="y")
        self._kind = type_of_target(y, input_name="y")
        if self._is_multilabel:
            y = check_array(y, dtype=np.int64, input_name="y")
            self.classes_ = np.arange(y.shape[1])
            return y
        if self._kind.endswith("multioutput"):
            check_labels(np.asarray(y))  # says what several columns may hold
        y = column_or_1d(y, warn=True)
        check_labels(y)
        self.classes_, y = np.unique(y, return_inverse=True)
        if self.classes_.size < 2:
            raise ValueError(
                "A classifier needs samples of two classes or more, and y has one "
                f"class: {self.classes_.tolist()}."
            )
        if isinstance(network.class_weight, dict):  # members know classes by number
            weights = weights_of_classes(network.class_weight, self.classes_)
            network.set_params(class_weight=dict(enumerate(weights.tolist())))
        return y

    def _scaled(self, y):
        return y

    def _of_member(self, member, Z):
        own = member.network.predict_proba(Z).astype(np.float64)
        if self._is_multilabel:
            return own
        known = member.network.classes_
        own = own[:, : known.size]  # with one class there is a second column, of none
        own /= own.sum(axis=1, keepdims=True)  # the sums are 1 in float32 only
        probabilities = np.zeros((own.shape[0], self.classes_.size))
        probabilities[:, known] = own
        return probabilities

    def _learn_from_folds(self, own, y, sample_weight):
        shape = y.shape[0], self.classes_.size
        targets = y if self._is_multilabel else np.eye(self.classes_.size)[y]
        of_one = first_values(self.members_, own, shape)
        of_some = mean_values(self.members_, own, shape)
        known = self._is_held_out.any(axis=0)
        self._strangeness = 1 - (of_some * targets).sum(axis=1)
        unseen = unseen_values(self.members_, own, shape)
        self.oof_prediction_, self.temperature_ = unseen, 1.0
        if self.calibrate and known.any():
            weight = None if sample_weight is None else sample_weight[known]
            one, some = (
                find_temperature(p[known], targets[known], weight, self._is_multilabel)
                for p in (of_one, of_some)
            )
            n_some = self._is_held_out.sum() / known.sum()
            self.temperature_ = extrapolate(one, some, n_some, len(self.members_))
            self.oof_prediction_ = with_temperature(unseen, one, self._is_multilabel)

    def _calibrated(self, probabilities):
        return with_temperature(probabilities, self.temperature_, self._is_multilabel)

    def _gain(self, rows, y, sample_weight):
        if self._is_multilabel:
            return None
        return d2_log_loss_score(
            y[rows],
            self.oof_prediction_[rows],
            sample_weight=sample_weight,
            labels=np.arange(self.classes_.size),
        )

    def _predictor_of(self, predictions):
        return _HeldOut(predictions, self.classes_, self._is_multilabel)

    def predict_proba(self, X):
        """Predict probabilities: the mean over the members, with the temperature.

        Parameters
        ----------
        X : {dataframe, array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return self._calibrated(self._by_members(X).mean(axis=0))

    def predict_log_proba(self, X):
        """Predict the logarithms of probabilities.

        Parameters
        ----------
        X : {dataframe, array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        with np.errstate(divide="ignore"):  # minus infinity is right
            return np.log(self.predict_proba(X))

    def predict(self, X):
        """Predict labels: those of the largest probability.

        Parameters
        ----------
        X : {dataframe, array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Predicted labels, for several labels a sample a matrix of 0 and 1.
        """
        return _labels(self.predict_proba(X), self.classes_, self._is_multilabel)

    def predict_set(self, X, coverage=0.9):
        """Predict sets of classes that hold the true one with a stated probability.

        They are made of the probabilities of the true classes of held-out samples. In
        practice they hold the class of about `coverage` of new samples, if the
        samples, old and new, are exchangeable. With ``cv=n_members`` they are those of
        CV+ [1]_, for which a share of at least ``2 * coverage - 1`` is proven, on
        average over data sets. By default the mean of the two members counts that have
        held out a sample, for which no bound is proven.

        The share is an average over classes and X, too: rare classes may be missed more
        often. A set may be empty, where no class is as likely as it should be.

        Parameters
        ----------
        X : {dataframe, array-like, sparse matrix} of shape (n_samples, n_features)

        coverage : float, default=0.9
            In (0, 1).

        Returns
        -------
        is_in : ndarray of shape (n_samples, n_classes), bool
            Whether each class is in the set of a sample.

        Raises
        ------
        ValueError
            If there are several labels a sample.

        References
        ----------
        .. [1] Y. Romano, M. Sesia, E. J. Candes, "Classification with valid and
           adaptive coverage", NeurIPS 2020, section 2.3.
        """
        check_is_fitted(self)
        if self._is_multilabel:
            raise ValueError("predict_set needs one label a sample, and y had several.")
        probabilities, teams, known = self._by_those_that_held_out(X, coverage)
        return sets(probabilities, teams, self._strangeness[known], coverage)


def _labels(probabilities, classes, is_multilabel):
    if is_multilabel:
        return (probabilities > 0.5).astype(int)
    return classes[probabilities.argmax(axis=1)]


class _HeldOut(ClassifierMixin, BaseEstimator):
    """Predicts training samples, given by their row numbers, as they were held out."""

    def __init__(self, probabilities, classes_, is_multilabel):
        self.probabilities, self.classes_ = probabilities, classes_
        self.is_multilabel = is_multilabel

    def fit(self, X, y):
        return self

    def predict_proba(self, rows):
        return self.probabilities[rows[:, 0]]

    def predict(self, rows):
        return _labels(self.predict_proba(rows), self.classes_, self.is_multilabel)
