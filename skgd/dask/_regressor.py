"""The regressor on Dask."""

from dask.base import is_dask_collection
from sklearn.utils.validation import check_is_fitted

from skgd._sklearn_private import fit_context
from skgd.dask._base import BaseDask
from skgd.dask._docs import with_sections_of
from skgd.estimators.availability import unless_searched
from skgd.estimators.regressor import GDNeuralRegressor


@with_sections_of(GDNeuralRegressor)
class DaskGDNeuralRegressor(BaseDask, GDNeuralRegressor):
    """Feed-forward neural network for regression, trained on a Dask cluster.

    It is `GDNeuralRegressor` on data that are in partitions on the workers. With
    ``solver='batch'`` each step adds up the gradients of all partitions, and the result
    is that of one process, to rounding. With 'minibatch' and 'sgd' each worker trains a
    copy of the parameters on its partitions, and the copies are averaged after each
    epoch; with one partition the result is that of one process, bit by bit.
    """

    _local_class = GDNeuralRegressor

    @unless_searched
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X,
        y,
        sample_weight=None,
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
        return self._fit_on(client, n_replicas, data, validation, incremental=True)

    def predict(self, X):
        """Predict the targets.

        Parameters
        ----------
        X : dask array or dataframe, or {array-like, sparse matrix}, of shape \
                (n_samples, n_features)
            Input data.

        Returns
        -------
        y : dask array or ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predicted values. For a collection it is a dask array with the same blocks,
            which are predicted when it is computed.
        """
        if not is_dask_collection(X):
            return super().predict(X)
        check_is_fitted(self)
        shape = () if self.n_outputs_ == 1 else (self.n_outputs_,)
        return self._lazily("predict", X, shape, self._state.theta.dtype)
