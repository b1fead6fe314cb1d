"""The regressor of tables."""

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.validation import check_is_fitted

from skgd._sklearn_private import fit_context
from skgd.estimators.checks import check_targets
from skgd.estimators.regressor import GDNeuralRegressor
from skgd.kernels.formulas.losses import find_loss
from skgd.tabular.base import BaseTabular
from skgd.tabular.conformal import intervals
from skgd.tabular.members import mean_values, unseen_values


class TabularRegressor(RegressorMixin, BaseTabular):
    """Regression of a table of numbers and categories, by an average of networks.

    A table goes in as it is: numbers, strings, categories, booleans, missing values.
    Each member is a network that holds out another part of the samples, and keeps the
    parameters of the epoch that was best on half of it; so each sample is also
    predicted by a network that has not seen it. From these predictions come an honest
    score of the fit, and intervals.

    Parameters
    ----------
    estimator : GDNeuralRegressor, default=None
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
        members, so that each sample is held out by two.

    categorical_features : array-like of {bool, int, str}, 'from_dtype' or None, \
            default='from_dtype'
        Which columns are categories: a mask, numbers or names. With 'from_dtype' they
        are those of strings, of categories, and of objects that are not all numbers.

    scoring : str or callable, default=None
        What `oof_score_` is, as in scikit-learn; None is R2. Sample weights
        count in it, unless the function takes none.

    n_jobs : int, default=None
        Threads, each of which fits one member at a time. The results are the same, bit
        by bit, whatever their number. None is as in `GDNeuralRegressor`.

    random_state : int, RandomState instance or None, default=None
        Determines the parts and the members' draws.

    verbose : bool, default=False
        Whether to print the score of the folds.

    Attributes
    ----------
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

    oof_prediction_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Prediction of each training sample by members that have not seen it, not even to
        choose their epoch; by default that is one member. Where each sample is held out
        by one member only, this member has chosen its epoch by it. nan for samples that
        none has held out.

    oof_score_ : float
        Score of these predictions. A new sample is predicted by the average of all
        members, which is better than one, so the score is rather too low than too high.

    See Also
    --------
    TabularClassifier : The classifier of tables.
    GDNeuralRegressor : One network, of numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skgd import TabularRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"age": rng.normal(40, 10, 200), "size": list("SML?") * 50})
    >>> y = X["age"] + X["size"].map({"S": -9, "M": 0, "L": 9, "?": 0})
    >>> X["size"] = X["size"].replace("?", None)
    >>> model = TabularRegressor(n_members=4, random_state=0).fit(X, y)
    >>> print(f"{model.oof_score_:.1f}")
    1.0
    >>> model.predict_interval(X[:5], coverage=0.8).shape
    (5, 2)
    """

    _member_class = GDNeuralRegressor

    def __init__(
        self,
        *,
        estimator=None,
        member_params=None,
        n_members=8,
        cv=None,
        categorical_features="from_dtype",
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

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.

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

    def _prepare_targets(self, y, sample_weight, network):
        check_targets(y)
        y = check_array(y, ensure_2d=False, dtype="numeric", input_name="y")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        y = y.astype(np.float64)
        mean, spread = _moments(y, sample_weight)
        self._center, self._scale = mean, spread
        if find_loss(network.loss).link != "identity":
            # It is a loss of positive targets, which must stay positive.
            self._center, self._scale = np.zeros_like(mean), mean
        if network.loss == "huber":
            if y.ndim > 1:
                raise ValueError(
                    "loss='huber' needs one output, as huber_delta is in units of y, "
                    f"and each of the {y.shape[1]} outputs has a scale of its own. Fit "
                    "a regressor for each of them."
                )
            # Members know y in units of the scale.
            unit = float(self._scale) or 1.0
            network.set_params(huber_delta=network.huber_delta / unit)
        return y

    def _scaled(self, y):
        scale = np.where(self._scale > 0, self._scale, 1.0)  # 0 for equal targets
        return ((y - self._center) / scale).astype(np.float32)

    def _of_member(self, member, Z):
        return member.network.predict(Z) * self._scale + self._center

    def _learn_from_folds(self, own, y, sample_weight):
        self.oof_prediction_ = unseen_values(self.members_, own, y.shape)
        self._errors = np.abs(y - mean_values(self.members_, own, y.shape))

    def _gain(self, rows, y, sample_weight):
        if self.members_[0].network.loss != "squared_error":
            return None
        predictions = self.oof_prediction_[rows]
        return r2_score(y[rows], predictions, sample_weight=sample_weight)

    def _predictor_of(self, predictions):
        return _HeldOut(predictions)

    def predict(self, X):
        """Predict the targets: the mean over the members.

        Parameters
        ----------
        X : {dataframe, array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predicted values.
        """
        return self._by_members(X).mean(axis=0)

    def predict_interval(self, X, coverage=0.9):
        """Predict intervals that hold the targets with a stated probability.

        They are made of the errors on held-out samples. In practice they hold about
        `coverage` of new targets, if the samples, old and new, are exchangeable. With
        ``cv=n_members`` they are those of CV+ [1]_, for which a share of at least
        ``2 * coverage - 1`` is proven, on average over data sets. By default two
        members have held out each sample, and their mean counts, as in the
        jackknife+-after-bootstrap [2]_, which makes the intervals narrower; the bound
        is proven there for samples that are drawn anew for each member, and not for
        parts.

        The share is an average over X, too: of hard samples they may hold fewer.
        Nothing is guaranteed where new samples come from elsewhere, as later ones of a
        series do.

        Parameters
        ----------
        X : {dataframe, array-like, sparse matrix} of shape (n_samples, n_features)

        coverage : float, default=0.9
            In (0, 1).

        Returns
        -------
        intervals : ndarray of shape (n_samples, 2)
            Lower and upper ends; infinite where the training data are too few for the
            coverage.

        Raises
        ------
        ValueError
            If there are several outputs.

        References
        ----------
        .. [1] R. F. Barber, E. J. Candes, A. Ramdas, R. J. Tibshirani, "Predictive
           inference with the jackknife+", Annals of Statistics 49, 2021.
        .. [2] B. Kim, C. Xu, R. F. Barber, "Predictive inference is free with the
           jackknife+-after-bootstrap", NeurIPS 2020.
        """
        check_is_fitted(self)
        if self.oof_prediction_.ndim > 1:
            raise ValueError(
                "predict_interval needs one output, and y had "
                f"{self.oof_prediction_.shape[1]}. Fit a regressor for each of them."
            )
        predictions, teams, known = self._by_those_that_held_out(X, coverage)
        return intervals(predictions, teams, self._errors[known], coverage)


def _moments(y, weights):
    """Return mean and standard deviation, which is exactly 0 for equal targets.

    Squares of the largest and the smallest floats are not taken.
    """
    unit = np.abs(y).max(axis=0)
    unit = np.where(unit > 0, unit, 1.0)
    parts = y / unit
    first = parts[0].copy()
    parts -= first
    mean = np.average(parts, axis=0, weights=weights)
    variance = np.average((parts - mean) ** 2, axis=0, weights=weights)
    return (first + mean) * unit, np.sqrt(variance) * unit


class _HeldOut(RegressorMixin, BaseEstimator):
    """Predicts training samples, given by their row numbers, as they were held out."""

    def __init__(self, predictions):
        self.predictions = predictions

    def fit(self, X, y):
        return self

    def predict(self, rows):
        return self.predictions[rows[:, 0]]
