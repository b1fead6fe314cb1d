"""From a table to the matrix of numbers that networks take."""

from functools import wraps

import numpy as np
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from skgd.tabular.frames import (
    LARGEST,
    as_levels,
    as_numbers,
    check_frame,
    is_of_numbers,
    refuse_dates,
)

# A matrix of at most this many columns is dense, however many zeros it has.
MOST_DENSE = 512


class SmoothClipScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Scales columns robustly, and presses outliers smoothly below a bound.

    The median becomes 0 and the distance between the quartiles 1; then z becomes
    ``z / sqrt(1 + (z / bound) ** 2)``. Where the quartiles are equal, the whole range
    becomes 2. A constant column becomes 0.

    Parameters
    ----------
    bound : float, default=3.0
        No value is larger in magnitude.

    Attributes
    ----------
    center_, scale_ : ndarray of shape (n_features,)
        What is subtracted from the columns, and what they are then divided by.

    References
    ----------
    D. Holzmueller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned
    MLPs and boosted trees on tabular data", NeurIPS 2024, section 3.
    """

    def __init__(self, bound=3.0):
        self.bound = bound

    def fit(self, X, y=None):
        """Learn medians and scales.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : None
            Ignored.

        Returns
        -------
        self : object
        """
        X = validate_data(self, X, dtype=np.float64)
        low, self.center_, high = np.quantile(X, [0.25, 0.5, 0.75], axis=0)
        distance, half = high - low, np.ptp(X, axis=0) / 2
        distance = np.where(distance > 0, distance, half)
        self.scale_ = np.where(distance > 0, distance, np.inf)
        return self

    def transform(self, X):
        """Scale and clip.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        Z : ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        with np.errstate(over="ignore"):
            Z = (X - self.center_) / self.scale_
        Z = Z.clip(-LARGEST, LARGEST)
        return Z / np.hypot(1, Z / self.bound)


def _with_arrays(method):
    """Have the transformers within return arrays, whatever the user has them return."""

    @wraps(method)
    def with_arrays(*args, **kwargs):
        with config_context(transform_output="default"):
            return method(*args, **kwargs)

    return with_arrays


class TableEncoder(TransformerMixin, BaseEstimator):
    """Turns a table of numbers and categories into a float32 matrix.

    Missing numbers become the column's median, with one column more that says where
    they were; numbers are then scaled by `SmoothClipScaler`. Each level of a category
    gets a column. Rare levels share one, and a level that was not there in `fit` counts
    as rare, or as none. A missing category is a level of its own.

    Parameters
    ----------
    categorical_features : array-like of {bool, int, str}, 'from_dtype' or None, \
            default='from_dtype'
        Which columns are categories: a mask, numbers or names. With 'from_dtype' they
        are those of strings, of categories, and of objects that are not all numbers.

    min_frequency : int, default=3
        Levels that are rarer share a column.

    Attributes
    ----------
    is_category_ : ndarray of shape (n_features_in_,)
        Whether each column is a category.

    is_sparse_ : bool
        Whether `fit` was given a sparse matrix, whose numbers are left as they are.
    """

    def __init__(self, categorical_features="from_dtype", min_frequency=3):
        self.categorical_features = categorical_features
        self.min_frequency = min_frequency

    @_with_arrays
    def fit(self, X, y=None):
        """Learn medians, scales and levels.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        y : None
            Ignored.

        Returns
        -------
        self : object

        Raises
        ------
        TypeError
            If there is a column of dates or durations.
        ValueError
            If `categorical_features` names columns that are not there.
        """
        self.is_sparse_ = sparse.issparse(X)
        columns = self._columns(X, reset=True)
        self.is_category_ = self._find_categories(columns)
        numbers, categories = self._divided(columns)
        self.imputer_ = SimpleImputer(
            strategy="median", add_indicator=True, keep_empty_features=True
        )
        self.scaler_ = SmoothClipScaler()
        if numbers.shape[1] and not sparse.issparse(numbers):
            imputed = self.imputer_.fit_transform(numbers)
            self.scaler_.fit(imputed[:, : numbers.shape[1]])
        self.levels_ = OneHotEncoder(
            handle_unknown="infrequent_if_exist",
            min_frequency=self.min_frequency,
            dtype=np.float32,
        )
        if categories.shape[1]:
            self.levels_.fit(categories)
        return self

    @_with_arrays
    def transform(self, X):
        """Return the matrix.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)

        Returns
        -------
        Z : ndarray or CSR array of shape (n_samples, n_columns), float32
        """
        check_is_fitted(self)
        if sparse.issparse(X) and not self.is_sparse_:
            X = X.toarray()
        columns = self._columns(X, reset=False)
        if not self.is_sparse_:
            refuse_dates(columns, self._names())
        numbers, categories = self._divided(columns)
        parts = []
        if sparse.issparse(numbers):
            parts.append(numbers)
        elif numbers.shape[1]:
            n = numbers.shape[1]
            imputed = self.imputer_.transform(numbers)
            parts += [self.scaler_.transform(imputed[:, :n]), imputed[:, n:]]
        if categories.shape[1]:
            parts.append(self.levels_.transform(categories))
        if not any(map(sparse.issparse, parts)):
            return np.hstack(parts).astype(np.float32)
        Z = sparse.hstack(parts, format="csr", dtype=np.float32)
        return Z.toarray() if Z.shape[1] <= MOST_DENSE else sparse.csr_array(Z)

    def __sklearn_tags__(self):
        tags = takes_tables(super().__sklearn_tags__())
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def get_feature_names_out(self, input_features=None):
        """Return the names of the matrix's columns.

        Parameters
        ----------
        input_features : None
            Ignored: the names are those of `fit`.

        Returns
        -------
        names : ndarray of str
        """
        check_is_fitted(self)
        given = getattr(self, "feature_names_in_", None)
        if given is None:
            given = np.array([f"x{i}" for i in range(self.n_features_in_)], object)
        names = []
        if hasattr(self.imputer_, "statistics_"):
            imputed = self.imputer_.get_feature_names_out(given[~self.is_category_])
            names += imputed.tolist()
        else:
            names += given[~self.is_category_].tolist()
        if self.is_category_.any():
            levels = self.levels_.get_feature_names_out(given[self.is_category_])
            names += levels.tolist()
        return np.array(names, dtype=object)

    def _columns(self, X, reset):
        """Validate X; return it as a CSR matrix, or as a list of its columns."""
        if self.is_sparse_:
            with np.errstate(over="ignore"):  # infinity is refused
                X = validate_data(
                    self, X, accept_sparse="csr", dtype=np.float32, reset=reset
                )
            return sparse.csr_array(X)
        if hasattr(type(X), "columns"):
            check_frame(X, self)
        else:
            if isinstance(X, (list, tuple)) and np.asarray(X).dtype.kind in "US":
                X = np.asarray(X, dtype=object)  # or numbers would become strings
            X = check_array(X, dtype=None, ensure_all_finite=False)
        validate_data(self, X, skip_check_array=True, reset=reset)
        if hasattr(X, "iloc"):
            return [X.iloc[:, i] for i in range(X.shape[1])]
        return [X[:, i] for i in range(X.shape[1])]

    def _find_categories(self, columns):
        """Return whether each column is a category, and refuse dates."""
        n, chosen = self.n_features_in_, self.categorical_features
        from_dtype = isinstance(chosen, str) and chosen == "from_dtype"
        if sparse.issparse(columns):
            if not (chosen is None or from_dtype):
                raise ValueError(
                    "The columns of a sparse matrix are numbers, got "
                    f"categorical_features={chosen!r}. Pass a DataFrame or an array, "
                    "or encode the categories first."
                )
            return np.zeros(n, bool)
        refuse_dates(columns, self._names())
        if chosen is None:
            return np.zeros(n, bool)
        if from_dtype:
            return np.array([not is_of_numbers(column) for column in columns], bool)
        chosen = np.asarray(chosen)
        if chosen.ndim != 1:
            raise ValueError(
                "categorical_features must be a list of columns or flags, "
                f"'from_dtype' or None, got {self.categorical_features!r}."
            )
        if chosen.dtype == bool:
            if chosen.shape != (n,):
                raise ValueError(
                    f"categorical_features must have one flag for each of the {n} "
                    f"columns of X, got {chosen.size}."
                )
            return chosen.copy()
        names = getattr(self, "feature_names_in_", np.arange(n))
        known = names if chosen.dtype.kind in "OU" else np.arange(n)
        unknown = sorted(set(chosen.tolist()) - set(known.tolist()), key=str)
        if unknown:
            raise ValueError(f"categorical_features names no columns of X: {unknown}.")
        return np.isin(known, chosen)

    def _names(self):
        """Return what messages call the columns: their names, or else their numbers."""
        return getattr(self, "feature_names_in_", range(self.n_features_in_))

    def _divided(self, columns):
        """Return the numbers, as a matrix, and the categories, as one of strings."""
        if sparse.issparse(columns):
            return columns, np.empty((columns.shape[0], 0), object)
        n = len(columns[0])
        numbers, categories = np.empty((n, 0)), np.empty((n, 0), object)
        pairs = list(zip(columns, self._names(), self.is_category_, strict=True))
        of_numbers = [as_numbers(c, name) for c, name, is_one in pairs if not is_one]
        of_levels = [as_levels(c, name) for c, name, is_one in pairs if is_one]
        if of_numbers:
            numbers = np.column_stack(of_numbers)
        if of_levels:
            categories = np.column_stack(of_levels)
        return numbers, categories


def takes_tables(tags):
    """Say in an estimator's tags that it takes whatever `TableEncoder` takes."""
    tags.input_tags.sparse = True
    tags.input_tags.allow_nan = True
    tags.input_tags.string = True
    tags.input_tags.categorical = True
    return tags
