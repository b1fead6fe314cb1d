"""What both estimators on Dask share: fits to collections, scores and predictions."""

import warnings
from contextlib import suppress
from copy import deepcopy
from functools import partial
from numbers import Integral

import numpy as np
from dask.base import is_dask_collection
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from skgd._sklearn_private import fit_context
from skgd.dask._baseline import warn_if_nothing_was_learned
from skgd.dask._cluster import Cluster, ClusterError
from skgd.dask._data import Collections, scatter
from skgd.dask._epochs import averaged_epochs, batch_epochs, lbfgs_epochs, make_chains
from skgd.dask._judge import PartsJudge
from skgd.dask._prediction import predict_blocks, score_blocks
from skgd.descent.interrupts import Interrupts
from skgd.descent.loop import Ending, Fit, train
from skgd.descent.state import TrainingState
from skgd.descent.tasks import FitTask
from skgd.estimators.base import BaseGDNeural, all_or_nothing
from skgd.estimators.parameters import is_searched
from skgd.kernels.team.threads import n_threads


class _Task(FitTask):
    """A fit whose data are on workers: callbacks get them as the user gave them."""

    @property
    def _training_data(self):
        X, y, sample_weight = self._data
        metadata = None
        if sample_weight is not None:
            metadata = {"sample_weight": sample_weight}
        return X, y, metadata


class BaseDask(BaseGDNeural):
    """Base of `DaskGDNeuralRegressor` and `DaskGDNeuralClassifier`.

    Not for direct use. A subclass also derives from the estimator of one process, which
    it names as `_local_class`.
    """

    _trains_here = False

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        coefs_init=None,
        intercepts_init=None,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        client=None,
        n_replicas=None,
    ):
        """Train on X and y.

        Parameters
        ----------
        X : dask array or dataframe, or {array-like, sparse matrix}, of shape \
                (n_samples, n_features)
            Training data, in chunks of rows. The blocks of a dask array may be CSR
            matrices. float32 is trained in float32, all else in float64. Local data are
            divided among the workers.

        y : dask array or series, or array-like, of shape (n_samples,) or \
                (n_samples, n_outputs)
            Targets, or class labels. If their chunks differ from those of X, they are
            divided like X.

        sample_weight : dask array or series, or array-like, of shape (n_samples,), \
                default=None
            Weights of the samples, 0 or more.

        coefs_init : list of array-like of shape (fan_in, fan_out), default=None
            Weights to begin with, as in the estimator of one process.

        intercepts_init : list of array-like of shape (fan_out,), default=None
            Intercepts to begin with.

        X_val : dask array or dataframe, or {array-like, sparse matrix}, of shape \
                (n_val, n_features), default=None
            Data to score each epoch on. Without them, ``early_stopping=True`` holds out
            whole partitions of X, or rows if the data are local: at random or, with
            ``shuffle=False``, the last ones.

        y_val : dask array or series, or array-like, of shape (n_val,) or \
                (n_val, n_outputs), default=None
            Targets of `X_val`.

        sample_weight_val : dask array or series, or array-like, of shape (n_val,), \
                default=None
            Weights of the samples of `X_val` in the score.

        client : distributed.Client, default=None
            The cluster to train on; None is the current client.

        n_replicas : int, default=None
            Number of copies of the parameters that are trained side by side, and
            averaged after each epoch. None is one for each worker that there is when
            training begins. There are at most as many as partitions. Read by 'sgd' and
            'minibatch'.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are invalid, or if the parameters became
            non-finite. The estimator is then as it was before the call. If the data are
            on the workers, the message names the partition.
        ClusterError
            If the connection to the scheduler is lost, or a task cannot be run. The
            estimator then has the parameters after the last complete epoch, if there is
            one; with ``early_stopping=True``, those of the best validation score.

        Warns
        -----
        UserWarning
            If there is no worker. The fit then waits for one.
        ConvergenceWarning
            If `max_iter` epochs did not suffice, if a diverging run ended with the
            parameters of the best validation score, or if the training loss is not
            below that of the best constant prediction.
        """
        data = X, y, sample_weight
        validation = X_val, y_val, sample_weight_val
        return self._fit_on(
            client,
            n_replicas,
            data,
            validation,
            incremental=False,
            initial=(coefs_init, intercepts_init),
        )

    def score(self, X, y, sample_weight=None, *, client=None):
        """Score the predictions on X: R2 of a regressor, accuracy of a classifier.

        Parameters
        ----------
        X : dask array or dataframe, or {array-like, sparse matrix}, of shape \
                (n_samples, n_features)
            Input data. If they are a collection, only sums leave the workers.

        y : dask array or series, or array-like, of shape (n_samples,) or \
                (n_samples, n_outputs)
            The true targets.

        sample_weight : dask array or series, or array-like, of shape (n_samples,), \
                default=None
            Weights of the samples.

        client : distributed.Client, default=None
            The cluster that has the collections; None is the current client.

        Returns
        -------
        score : float
            Higher is better.
        """
        check_is_fitted(self)
        if not _on_workers(X, y, sample_weight):
            return super().score(X, y, sample_weight=sample_weight)
        return score_blocks(Cluster(client), self._predictor(), X, y, sample_weight)

    def to_local(self):
        """Make the estimator of one process, with the same parameters.

        Returns
        -------
        estimator : GDNeuralRegressor or GDNeuralClassifier
            If this estimator is fitted, so is that one: it has the same weights and
            history, and `partial_fit` goes on from there. The two share no memory.
        """
        estimator = self._local_class(**self.get_params(deep=False))
        attributes = deepcopy(self.__getstate__())
        attributes.pop("_held_out_partitions", None)
        estimator.__setstate__(attributes)
        return estimator

    # Fitting --------------------------------------------------------------------------

    def _fit_on(
        self,
        client,
        n_replicas,
        data,
        validation,
        *,
        incremental,
        initial=(None, None),
    ):
        """Fit, and keep the last complete epoch if the cluster fails."""
        if n_replicas is not None:
            check_scalar(n_replicas, "n_replicas", Integral, min_val=1)
        with Interrupts() as interrupts, all_or_nothing(self):
            error = self._fit_parts(
                *(Cluster(client), interrupts, n_replicas),
                *(data, validation, incremental, initial),
            )
        if error is not None:
            raise error
        return self

    def _fit_parts(
        self, cluster, interrupts, n_replicas, data, validation, incremental, initial
    ):
        """Fit; return the error that has ended it early, or None."""
        first = self._begin(incremental)
        n_workers = len(cluster.workers())
        if n_workers == 0:
            warnings.warn(
                "The cluster has no workers: the fit waits until there is one.",
                stacklevel=4,
            )
            n_workers = 1
        averages = self.solver != "batch"
        n_parts = (averages and n_replicas) or n_workers
        prepare = self._prepare_collections
        if not _on_workers(*data):
            prepare = self._prepare_local
        parts, judge = prepare(cluster, n_parts, data, validation, first, incremental)
        parts.chains = make_chains(parts.sizes, n_parts)
        self._take_initial(*initial, resumes=False)
        self._judge_anew(judge, interrupts, first, incremental, resumes=False)
        name = "partial-fit" if incremental else "fit"
        n_epochs = 1 if incremental else self.max_iter
        task = _Task(self, name, n_epochs, data, self._attributes_of_a_copy)
        what = self, self._network, self._state, parts, range(parts.n_samples)
        how = judge, task, interrupts, incremental, 1
        ending = train(Fit(*what, *how), self._epochs())
        failure = ending.cut_off
        if incremental and failure is not None:
            raise failure  # and forget the epoch, as it can be done again
        if not incremental and ending == Ending():
            with suppress(ClusterError):  # the next call will report it
                interrupts.interruptible(warn_if_nothing_was_learned, self, parts)
        interrupts.interruptible(task.end)
        if failure is None:
            return None
        error = ClusterError(
            f"{failure} The estimator holds the parameters after epoch {self.n_iter_}: "
            "it can predict, and to_local() or a warm start go on from there."
        )
        error.__cause__ = failure
        return error

    def _epochs(self):
        if self.solver != "batch":
            return averaged_epochs
        return lbfgs_epochs if is_searched(self) else batch_epochs

    def _attributes_of_a_copy(self):
        """Return the attributes of a fitted copy.

        The copy's call has ended, as it could not be completed: the workers have a part
        of what that would need.
        """
        attributes = super()._attributes_of_a_copy()
        attributes["_state"].end()
        return attributes

    def _prepare_local(self, cluster, n_parts, data, validation, first, incremental):
        """Prepare a fit to local data as one process does, and scatter them."""
        ready = self._prepare(
            *data,
            partial(self._judge_by, cluster, validation, incremental),
            *(n_threads(self.n_jobs), first, incremental, False),
        )
        return scatter(cluster, ready, n_parts, cluster.workers()), ready.judge

    def _prepare_collections(
        self, cluster, n_parts, given, validation, first, incremental
    ):
        """Prepare a fit to collections, which are validated on the workers."""
        data = self._collections(cluster, *given, first=first)
        if first:
            self.n_features_in_ = data.n_features
            with suppress(AttributeError):
                del self.feature_names_in_
            if data.names is not None:
                self.feature_names_in_ = data.names
            self._learn_targets(data.y, incremental=incremental)
        else:
            data.check_targets(partial(self._check_targets, refit=False))
            self._check_targets(data.y, refit=not incremental)
        n_outputs = self._training_targets(data.y[:1]).shape[1]
        self._network = self._build_network(data.n_features, n_outputs, first)
        self._prepare_state(data.dtype, first, incremental, resumes=False)
        self._state.held_out = None
        # It is called for its errors; the workers multiply weights by class weights.
        self._training_weights(data.y, None, incremental=incremental)
        class_weight = None
        if getattr(self, "class_weight", None) is not None:
            if self.class_weight == "balanced":
                class_weight = data.balanced_weights(self.classes_)
            else:
                class_weight = self._class_weights(data.y)

        judge, chosen = self._judge_by(cluster, validation, incremental), None
        if judge is None and self.early_stopping:
            chosen, held_out = self._split(data)
            judge = self._judge_by_held_out(cluster, data, held_out)
        # For one gradient an epoch, it does not matter where a partition is.
        workers = () if self.solver == "batch" else cluster.workers()[:n_parts]
        template = self._template(fitted=True)
        parts = data.to_train(template, class_weight, workers, chosen)
        self._state.weigh(parts.mean_weights, incremental=incremental)
        data.release()
        return parts, judge

    def _collections(
        self, cluster, X, y, sample_weight, *, first, weight_name="sample_weight"
    ):
        """Validate collections on the workers."""
        if getattr(y, "ndim", 1) == 2 and y.shape[1] == 1:
            warnings.warn(
                "A column-vector y was passed when a 1d array was expected.",
                DataConversionWarning,
                stacklevel=2,
            )
        template = self._template()
        if not first:
            template.n_features_in_ = self.n_features_in_
            if hasattr(self, "feature_names_in_"):
                template.feature_names_in_ = self.feature_names_in_
        dtype = None if first else self._state.theta.dtype
        return Collections(cluster, template, dtype, X, y, sample_weight, weight_name)

    def _judge_by(self, cluster, validation, incremental):
        """Return the judge by the validation data given to fit, or None."""
        X_val, y_val, _ = validation
        if X_val is None or y_val is None or not _on_workers(*validation):
            local = _computed(cluster, validation)
            threads = n_threads(self.n_jobs)
            return self._given_validation(*local, incremental, threads)
        if self.scoring not in (None, "loss"):
            # A scorer takes whole data, so they have to be in one place.
            return self._judge_by(cluster, _computed(cluster, validation), incremental)
        try:
            data = self._collections(
                cluster, *validation, first=False, weight_name="sample_weight_val"
            )
            data.check_targets(partial(self._check_targets, refit=False))
            return PartsJudge(self, data.to_judge(self._template(fitted=True)))
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"X_val and y_val: {error}") from error

    def _split(self, data):
        """Return partitions to train on and to hold out; a warm refit keeps them."""
        asked = self.validation_fraction, self.shuffle, tuple(data.sizes)
        known = getattr(self, "_held_out_partitions", None)
        if known is not None and known[0] == asked and self.warm_start:
            return known[1:]
        draws = self._state.random_state if self.shuffle else None
        split = data.hold_out(self.validation_fraction, draws)
        self._held_out_partitions = asked, *split
        return split

    def _judge_by_held_out(self, cluster, data, held_out):
        if self.scoring in (None, "loss"):
            return PartsJudge(self, data.to_judge(self._template(True), held_out))
        return self._judge_by(cluster, data.bring(held_out), incremental=False)

    def _template(self, fitted=False):
        """Return the local estimator's parameters, and labels, without a network."""
        params = self.get_params(deep=False)
        unused = {"random_state": None, "scoring": None}
        template = self._local_class(**params | unused)
        if fitted:
            for name in ("classes_", "_label_binarizer"):
                if hasattr(self, name):
                    setattr(template, name, getattr(self, name))
        return template

    # Predictions ----------------------------------------------------------------------

    def hidden_activations(self, X, layer=-1):
        """Compute the activations of a hidden layer, for features, plots and checks.

        Parameters
        ----------
        X : dask array or dataframe, or {array-like, sparse matrix}, of shape \
                (n_samples, n_features)
            Input data.

        layer : int, default=-1
            Which hidden layer, from 0; -1 is the last one.

        Returns
        -------
        activations : dask array or ndarray of shape (n_samples, n_units)
            The layer's activations, without dropout. For a collection it is a dask
            array with the same blocks.
        """
        if not is_dask_collection(X):
            return super().hidden_activations(X, layer)
        check_is_fitted(self)
        layer = self._hidden_layer(layer)
        shape = (int(self._network.layer_units[layer + 1]),)
        dtype = self._state.theta.dtype
        return self._lazily("hidden_activations", X, shape, dtype, layer)

    def _lazily(self, method, X, shape, dtype, *arguments):
        """Call a method of the local estimator on the blocks of X, when computed.

        Parameters
        ----------
        method : str
        X : dask array or dataframe
        shape : tuple of int
            Shape of the result for one sample.
        dtype : dtype
        *arguments : tuple
            Further arguments of the method.
        """
        return predict_blocks(self._predictor(), method, X, shape, dtype, *arguments)

    def _predictor(self):
        """Return the local estimator, with what predictions need and no more."""
        estimator, theta = self._template(fitted=True), self._state.theta.copy()
        for name in ("n_features_in_", "feature_names_in_", "_network"):
            if hasattr(self, name):
                setattr(estimator, name, getattr(self, name))
        estimator._state = TrainingState(
            theta,
            optimizer="gd",
            memory=np.empty((0, theta.size), theta.dtype),
        )
        return estimator


def _on_workers(*data):
    return any(is_dask_collection(each) for each in data)


def _computed(cluster, data):
    """Return the data with all collections computed, as local data."""
    return tuple(
        cluster.client.compute(each, sync=True) if is_dask_collection(each) else each
        for each in data
    )
