"""From a table to the matrix of numbers that networks take."""

from numbers import Number

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from skgd._sklearn_private import is_pandas_na
from skgd.estimators.checks import is_time

# A matrix of at most this many columns is dense, however many zeros it has.
MOST_DENSE = 512
# Numbers are taken as if none were larger in magnitude, so that sums of two are finite.
LARGEST = 1e300


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
        ).set_output(transform="default")
        self.scaler_ = SmoothClipScaler().set_output(transform="default")
        if numbers.shape[1] and not sparse.issparse(numbers):
            imputed = self.imputer_.fit_transform(numbers)
            self.scaler_.fit(imputed[:, : numbers.shape[1]])
        self.levels_ = OneHotEncoder(
            handle_unknown="infrequent_if_exist",
            min_frequency=self.min_frequency,
            dtype=np.float32,
        ).set_output(transform="default")
        if categories.shape[1]:
            self.levels_.fit(categories)
        return self

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
            _refuse_dates(columns, self._names())
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
            _check_frame(X, self)
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
        _refuse_dates(columns, self._names())
        if chosen is None:
            return np.zeros(n, bool)
        if from_dtype:
            return np.array([not _is_of_numbers(column) for column in columns], bool)
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
        of_numbers = [_as_numbers(c, name) for c, name, is_one in pairs if not is_one]
        of_levels = [_as_levels(c, name) for c, name, is_one in pairs if is_one]
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


# Columns of a frame, of pandas or polars, and of an array -----------------------------


def _check_frame(X, encoder):
    """Refuse a frame of another library, and one without rows or columns."""
    is_of_polars = hasattr(X, "get_columns")
    if not (is_of_polars or hasattr(X, "iloc")) or hasattr(X, "compute"):
        raise TypeError(
            "X must be a DataFrame of pandas or polars, an array or a sparse matrix, "
            f"got {type(X).__module__}.{type(X).__name__}. Convert it first, as by its "
            "method collect, to_pandas or compute."
        )
    for axis, what in enumerate(["sample", "feature"]):
        if X.shape[axis] == 0:
            raise ValueError(
                f"Found array with 0 {what}(s) (shape={X.shape}) while a minimum of 1 "
                f"is required by {type(encoder).__name__}."
            )


def _kind(column):
    """Return the kind of a column: 'number', 'date', 'category' or 'object'."""
    dtype = column.dtype
    if hasattr(dtype, "is_numeric"):  # it is of polars
        if dtype.is_numeric() or str(dtype) == "Boolean":
            return "number"
        return "date" if dtype.is_temporal() else "category"
    if str(dtype) == "category":
        return "category"
    kinds = {"b": "number", "i": "number", "u": "number", "f": "number"}
    return (kinds | {"m": "date", "M": "date"}).get(dtype.kind, "object")


def _refuse_dates(columns, names):
    for column, name in zip(columns, names, strict=True):
        kind = _kind(column)
        some = []
        if kind == "object":
            some = _values(column)
        elif kind == "category" and hasattr(column, "cat"):
            some = getattr(column.cat, "categories", [])  # polars has strings only
        if kind == "date" or any(map(is_time, some)):
            raise TypeError(
                f"Column {name!r} of X holds dates or durations. Make numbers of them "
                "first, for example by skrub: make_pipeline(TableVectorizer(), ...)."
            )


def _values(column):
    """Return the values of a column as a list, with None for what is missing."""
    values = column.to_list() if hasattr(column, "to_list") else column.tolist()
    return [None if _is_missing(value) else value for value in values]


def _is_missing(value):
    if type(value) in (str, int, bool):  # most objects are, and the rest is slower
        return False
    if isinstance(value, Number):
        return bool(value != value)
    is_nat = type(value).__name__ == "NaTType"
    return value is None or is_nat or is_pandas_na(value)


def _is_of_numbers(column):
    """Return whether a column is one of numbers, by its dtype or its values."""
    if _kind(column) != "object":
        return _kind(column) == "number"
    known = [value for value in _values(column) if value is not None]
    return bool(known) and all(isinstance(value, Number) for value in known)


def _as_numbers(column, name):
    """Return a column as float64, with nan for what is missing."""
    if _kind(column) == "number" and hasattr(column, "cast"):
        numbers = column.cast(float).to_numpy()
    elif _kind(column) == "number" and hasattr(column, "iloc"):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    elif _kind(column) == "number":
        numbers = column.astype(np.float64)
    else:
        numbers = np.array([_number(value, name) for value in _values(column)], float)
    if np.isinf(numbers).any():
        raise ValueError(
            f"Input X contains infinity or a value too large, in column {name!r}."
        )
    return numbers.clip(-LARGEST, LARGEST)


def _number(value, name):
    try:
        return np.nan if value is None else float(value)
    except OverflowError:  # it is an integer beyond all floats
        return np.inf
    except (TypeError, ValueError):
        raise ValueError(
            f"Column {name!r} of X is one of numbers, and holds {value!r}. If it is "
            "one of categories, name it in categorical_features and fit again."
        ) from None


def _as_levels(column, name):
    """Return a column as strings, with None for what is missing."""
    known = (str, bytes, Number, np.bool_)
    if str(column.dtype) == "category":  # of pandas, which may also be of intervals
        known = object
    levels = np.empty(len(column), object)
    for row, value in enumerate(_values(column)):
        if value is None:
            continue
        if not isinstance(value, known):
            raise TypeError(
                f"Column {name!r} of X is one of categories, and a level of a category "
                f"is the argument of an encoder. This argument must be a string or a "
                f"number, got {value!r}. Make strings of the column first, as by "
                "astype(str)."
            )
        levels[row] = level_of(value)
    return levels


def level_of(value):
    """Return the level, as a string, that a known value of a category is."""
    # An integer that has become a float, as next to a missing value, is the same level.
    is_whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if is_whole else str(value)
