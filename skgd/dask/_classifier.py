"""The classifier on Dask."""

import numpy as np
from dask.base import is_dask_collection
from sklearn.utils.validation import check_is_fitted

from skgd._sklearn_private import fit_context
from skgd.dask._base import BaseDask
from skgd.dask._docs import with_sections_of
from skgd.estimators.availability import unless_searched
from skgd.estimators.base import all_or_nothing
from skgd.estimators.classifier import GDNeuralClassifier
from skgd.estimators.labels import check_classes


@with_sections_of(GDNeuralClassifier)
class DaskGDNeuralClassifier(BaseDask, GDNeuralClassifier):
    """Feed-forward neural network for classification, trained on a Dask cluster.

    It is `GDNeuralClassifier` on data that are in partitions on the workers. With
    ``solver='batch'`` each step adds up the gradients of all partitions, and the result
    is that of one process, to rounding. With 'minibatch' and 'sgd' each worker trains a
    copy of the parameters on its partitions, and the copies are averaged after each
    epoch; with one partition the result is that of one process, bit by bit.
    """

    _local_class = GDNeuralClassifier

    @unless_searched
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X,
        y,
        sample_weight=None,
        classes=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        client=None,
        n_replicas=None,
    ):
        """Train for one epoch on X and y, going on from the last call.

        Parameters
        ----------
        X : dask array or dataframe, or {array-like, sparse matrix}
            Training data, as in `fit`; so are all parameters that follow.

        y : dask array or series, or array-like
            Targets.

        sample_weight : dask array or series, or array-like, default=None
            Weights of the samples.

        classes : array-like of shape (n_classes,), default=None
            All classes that will ever appear in y. Needed in the first call, may be
            left out in later ones.

        X_val : dask array or dataframe, or {array-like, sparse matrix}, default=None
            Data to score the epoch on.

        y_val : dask array or series, or array-like, default=None
            Targets of `X_val`.

        sample_weight_val : dask array or series, or array-like, default=None
            Weights of the samples of `X_val`.

        client : distributed.Client, default=None
            The cluster to train on; None is the current client.

        n_replicas : int, default=None
            Number of copies of the parameters that are trained side by side.

        Returns
        -------
        self : object
            The fitted estimator.

        See Also
        --------
        fit : Trains to the end; raises and warns alike.
        """
        data = X, y, sample_weight
        validation = X_val, y_val, sample_weight_val
        with all_or_nothing(self):
            check_classes(self, classes)
            return self._fit_on(client, n_replicas, data, validation, incremental=True)

    def predict(self, X):
        """Predict the classes.

        Parameters
        ----------
        X : dask array or dataframe, or {array-like, sparse matrix}, of shape \
                (n_samples, n_features)
            Input data.

        Returns
        -------
        y : dask array or ndarray of shape (n_samples,) or (n_samples, n_labels)
            Predicted class labels, or label indicators. For a collection it is a dask
            array with the same blocks, which are predicted when it is computed.
        """
        if not is_dask_collection(X):
            return super().predict(X)
        check_is_fitted(self)
        one = self._predictions(np.zeros((1, self.n_outputs_), self._state.theta.dtype))
        return self._lazily("predict", X, one.shape[1:], one.dtype)

    def predict_proba(self, X):
        """Estimate the probabilities of the classes.

        Parameters
        ----------
        X : dask array or dataframe, or {array-like, sparse matrix}, of shape \
                (n_samples, n_features)
            Input data.

        Returns
        -------
        probabilities : dask array or ndarray of shape (n_samples, n_classes)
            Probability of each class, in the order of `classes_`; for a multilabel
            task, of each label. For a collection it is a dask array, as from `predict`.
        """
        return self._of_classes("predict_proba", X, super().predict_proba)

    def predict_log_proba(self, X):
        """Estimate the logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : dask array or dataframe, or {array-like, sparse matrix}, of shape \
                (n_samples, n_features)
            Input data.

        Returns
        -------
        log_probabilities : dask array or ndarray of shape (n_samples, n_classes)
            Logarithms of what `predict_proba` returns.
        """
        return self._of_classes("predict_log_proba", X, super().predict_log_proba)

    def _of_classes(self, method, X, local):
        if not is_dask_collection(X):
            return local(X)
        check_is_fitted(self)
        shape = (max(2, self.n_outputs_),)
        return self._lazily(method, X, shape, self._state.theta.dtype)
