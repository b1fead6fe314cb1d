"""The regressor: its parameters, targets and predictions."""

from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.base import RegressorMixin

from skgd._sklearn_private import Interval, StrOptions, fit_context
from skgd.descent.scores import R2
from skgd.estimators.availability import unless_searched
from skgd.estimators.base import BaseGDNeural
from skgd.estimators.checks import check_targets
from skgd.estimators.fitted import nan_where_overflown
from skgd.estimators.parameters import COMMON_CONSTRAINTS, explain_sklearn_parameters
from skgd.kernels.formulas.custom import Loss
from skgd.kernels.formulas.losses import LOSSES, find_loss

LOSS_NAMES = {loss.name for loss in LOSSES.values() if loss.of_regression}


class GDNeuralRegressor(RegressorMixin, BaseGDNeural):
    """Feed-forward neural network for regression, trained by gradient descent.

    The training arithmetic runs in compiled kernels, one call an epoch.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Number of units in each hidden layer. An empty sequence makes a linear model.

    activation : str, `skgd.Activation`, or array-like of these, default='relu'
        Activation of all hidden layers, or one for each: one of your own (see
        `skgd.Activation`), or a name. With z a unit's weighted input, they are:

        - 'identity': z
        - 'logistic': 1 / (1 + exp(-z))
        - 'tanh': tanh(z)
        - 'relu': max(0, z)
        - 'leaky_relu': z above 0, 0.01 z below
        - 'elu': z above 0, exp(z) - 1 below [6]_
        - 'selu': 1.0507 z above 0, 1.7581 (exp(z) - 1) below [7]_
        - 'gelu': z times the normal distribution's cdf at z, by erf [8]_
        - 'silu': z / (1 + exp(-z)) [8]_
        - 'softplus': log(1 + exp(z))
        - 'mish': z tanh(log(1 + exp(z))) [9]_

    solver : {'batch', 'sgd', 'minibatch'}, default='minibatch'
        Which samples feed one gradient, and so one step:

        - 'batch': all of them; one step per epoch.
        - 'sgd': one sample at a time; n_samples steps per epoch.
        - 'minibatch': `batch_size` samples at a time.

    optimizer : {'gd', 'momentum', 'nesterov', 'adagrad', 'adadelta', 'rmsprop', \
            'adam', 'amsgrad', 'nadam', 'lbfgs'}, default='adam'
        How a gradient becomes a step:

        - 'gd': against the gradient, by the learning rate.
        - 'momentum': a velocity that decays by `momentum` [1]_.
        - 'nesterov': the same, with the gradient's look-ahead [2]_.
        - 'adagrad': divided by the root of the sum of all squared gradients [10]_.
        - 'adadelta': scaled by the running sizes of gradients and steps [11]_; takes a
          `learning_rate_init` of about 1.
        - 'rmsprop': divided by the running root mean square of the gradient [12]_.
        - 'adam': each parameter scaled by running moments of its gradient [3]_.
        - 'amsgrad': adam with the largest second moment so far [13]_.
        - 'nadam': adam with nesterov's look-ahead [14]_.
        - 'lbfgs': along a direction that takes the curvature into account, which is
          estimated from the last ten gradients, by a line search [21]_. It needs
          ``solver='batch'`` and takes iterations of SciPy's L-BFGS-B as epochs. It has
          no learning rate, and excludes `dropout`, `batch_norm`, `weight_decay`,
          `max_grad_norm`, schedules and `partial_fit`.

        'momentum', 'nesterov', 'adam' and 'lbfgs' are as in scikit-learn, and all
        others as in PyTorch. The learning rate is inside the velocity of 'momentum' and
        'nesterov', so these two are as in PyTorch only as long as it does not change.

    loss : {'squared_error', 'absolute_error', 'huber', 'quantile', 'poisson', \
            'gamma'} or `skgd.Loss`, default='squared_error'
        What is minimised, averaged over samples and summed over outputs: a loss of your
        own (see `skgd.Loss`), or a name:

        - 'squared_error': half the squared error.
        - 'absolute_error': the error's size, for the median.
        - 'huber': half the squared error up to `huber_delta`, and a straight line
          beyond.
        - 'quantile': the pinball loss, for the `quantile`.
        - 'poisson': half the Poisson deviance; the prediction is the exponential of
          the output. Needs y >= 0.
        - 'gamma': half the gamma deviance; the prediction is the exponential of the
          output. Needs y > 0.

    huber_delta : float, default=1.0
        Error from which on ``loss='huber'`` is straight, in units of y.

    quantile : float, default=0.5
        Share of the targets that should lie below the prediction, in (0, 1), with
        ``loss='quantile'``.

    alpha : float, default=0.0001
        Strength of the L2 penalty, ``0.5 * alpha * sum(coefs ** 2)``, which is divided
        by the number of samples (or the sum of weights) of each batch.

    weight_decay : float, default=0.0
        At each step the coefs shrink by this times the learning rate, apart from the
        gradient [5]_. ``optimizer='adam', weight_decay=0.01`` is known as AdamW.

    batch_norm : bool or array-like of bool, default=False
        Whether hidden layers normalise their weighted inputs, before the activation:
        to mean 0 and variance 1 over the samples of the batch, with their weights, and
        then by a scale and a shift of each unit, which are learned [20]_. It is
        BatchNorm1d of PyTorch, with a momentum of 0.1 and an epsilon of 1e-5:
        predictions take running means of mean and (unbiased) variance. It is one flag
        for all hidden layers, or one for each. Neither `alpha` nor `weight_decay` acts
        on scales and shifts. ``solver='sgd'``, which has no batches, refuses it. A
        last batch of one sample leaves the running means as they are.

    dropout : float or array-like of float, default=0.0
        Probability, in [0, 1), with which a step sets each hidden unit's activation to
        0; all that remain are scaled up by ``1 / (1 - dropout)`` [18]_. It is one for
        all hidden layers, or one for each. Predictions use all units.

    max_grad_norm : float, default=None
        Largest Euclidean norm that a step's gradient may have: a longer one is scaled
        down to it [19]_. The gradient is that of all parameters, penalty included.

    batch_size : int or 'auto', default='auto'
        Samples in a batch; 'auto' is ``min(200, n_samples)``. Read by
        ``solver='minibatch'`` only; with 'sgd' a number other than 1 is warned of.

    learning_rate : {'constant', 'invscaling', 'adaptive', 'exponential', 'cosine', \
            'one_cycle', 'coslog4'} or callable, default='constant'
        Schedule of the learning rate, for every optimizer:

        - 'constant': `learning_rate_init`.
        - 'invscaling': ``learning_rate_init / (t + 1) ** power_t``, where t counts the
          samples seen in former epochs.
        - 'adaptive': `learning_rate_init`, divided by 5 whenever more than
          `n_iter_no_change` epochs in a row brought no improvement by `tol`; training
          stops at such a plateau once the rate is 1e-6 or less.
        - 'exponential': from `learning_rate_init` down to a hundredth of it.
        - 'cosine': down to 0, along half a cosine wave [15]_.
        - 'one_cycle': up from a 25th in the first 30% of the steps, and down to almost
          0 [16]_.
        - 'coslog4': ``(1 - cos(2 pi log2(1 + 15 t))) / 2`` times `learning_rate_init`,
          with t as below: four waves of growing length [17]_.
        - a callable: gets training progress t, an array of numbers in [0, 1], one for
          each step of an epoch, and returns an array of multipliers of
          `learning_rate_init`. The estimator can be pickled if the callable can.

        The last five change from step to step. Progress is 0 at the first step and 1 at
        the last one of `max_iter` epochs; `partial_fit` takes one epoch a call. A fit
        that stops early, at a plateau, does not come to the curve's end; with
        ``n_iter_no_change=numpy.inf`` it does.

    learning_rate_init : float, default=0.001
        The initial learning rate.

    power_t : float, default=0.5
        Exponent of ``learning_rate='invscaling'``.

    max_iter : int, default=200
        Largest number of epochs that a fit may take, or of iterations of L-BFGS.

    max_fun : int, default=15000
        Largest number of evaluations of the loss and its gradient, each of which takes
        all samples, that ``optimizer='lbfgs'`` may make; an iteration makes one or
        more. Other optimizers do not read it.

    shuffle : bool, default=True
        Whether to draw a new order of the samples in each epoch, which does not matter
        to 'batch', and to hold out random samples for early stopping. Without it the
        last samples are held out, for rows in the order of time.

    random_state : int, RandomState instance or None, default=None
        Determines the initial parameters, the early-stopping split, the order of
        samples and dropout. Pass an int for reproducible results; the same int gives
        the same bits on the same machine.

    tol : float, default=1e-4
        Least improvement, of the training loss or of the validation score, that
        counts. ``optimizer='lbfgs'`` stops where the largest element of the gradient,
        in magnitude, is no more than this.

    verbose : bool, default=False
        Whether to print each epoch's loss and score.

    n_jobs : int, default=None
        Threads within one fit or prediction, where batches and layers are large enough
        to gain by them; -1 is one for each core. None is as many as BLAS would use, a
        number that joblib's worker processes lower, and 1 outside the main thread. The
        results are the same, bit by bit, for any number. Read by the solvers
        'minibatch' and 'batch', and in predictions.

    warm_start : bool, default=False
        Whether a further `fit` goes on from the parameters of the last one.

    momentum : float, default=0.9
        Decay of the velocity, in [0, 1]. Read by 'momentum' and 'nesterov'.

    early_stopping : bool, default=False
        Whether to stop when the score on validation data no longer improves, and to
        restore the parameters of the best score. The validation data are those given
        to `fit`, or `validation_fraction` of the training data, at random or, with
        ``shuffle=False``, the last ones. The score is R2 unless `scoring` names
        another; R2 says little about a quantile, for which 'loss' is the one to watch.

    scoring : str, callable or None, default=None
        What is computed on the validation data, and watched by early stopping:

        - None: the same as `score`.
        - 'loss': minus the loss, as in `validation_loss_curve_`.
        - a name of one of scikit-learn's scorers, or a callable
          ``scorer(estimator, X, y)`` whose higher values are better; it gets the
          weights of the validation data as `sample_weight`, if there are any.

        Read where there are validation data.

    validation_fraction : float, default=0.1
        Share of the training data to set aside, in [0, 1). Read with
        ``early_stopping=True`` where `fit` is given no validation data.

    beta_1 : float, default=0.9
        Decay of the mean of the gradient, in [0, 1). Read by 'adam', 'amsgrad' and
        'nadam'.

    beta_2 : float, default=0.999
        Decay of the mean of the squared gradient, in [0, 1). Read by 'adam',
        'amsgrad', 'nadam', 'rmsprop' and 'adadelta'.

    epsilon : float, default=1e-8
        Added to the root of the mean square, against division by zero. Read by all
        optimizers that have such a root: all but 'gd', 'momentum' and 'nesterov'.

    n_iter_no_change : int or numpy.inf, default=10
        Number of epochs in a row that may bring no improvement by `tol`; training stops
        after one more.

    Attributes
    ----------
    batch_norm_means_ : list of ndarray of shape (n_units,)
        Running means of the weighted inputs, by which predictions normalise them, for
        each hidden layer with `batch_norm`. They are views, as `coefs_`.

    batch_norm_scales_ : list of ndarray of shape (n_units,)
        Factors by which the normalised inputs are multiplied; views, as `coefs_`.

    batch_norm_shifts_ : list of ndarray of shape (n_units,)
        Numbers that are added to these products; views, as `coefs_`.

    batch_norm_variances_ : list of ndarray of shape (n_units,)
        Running means of the unbiased variances, by which predictions normalise; views,
        as `coefs_`.

    best_loss_ : float or None
        Least training loss so far; None with ``early_stopping=True``.

    best_validation_score_ : float or None
        Best validation score; None with ``early_stopping=False``.

    coefs_ : list of ndarray of shape (fan_in, fan_out)
        Weights of each layer. They are views: writing into them, or assigning an
        item, changes the network.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has names that are all strings.

    intercepts_ : list of ndarray of shape (fan_out,)
        Intercepts of each layer; views, as `coefs_`.

    learning_rate_curve_ : list of float
        Learning rate of each epoch's first step; nan with ``optimizer='lbfgs'``.

    loss_ : float
        Training loss of the last epoch, penalty included.

    loss_curve_ : list of float
        Training loss of each epoch; `partial_fit` and warm starts append to it. It is
        the mean over the epoch's steps, each before the step; with
        ``optimizer='lbfgs'`` it is the loss after each iteration.

    n_features_in_ : int
        Number of features.

    n_iter_ : int
        Epochs run by the last call.

    n_layers_ : int
        Number of layers, those of inputs and outputs included.

    n_outputs_ : int
        Number of outputs.

    out_activation_ : str
        Link of the output: 'identity' or 'exp', and with a `skgd.Loss` also 'logistic'.

    t_ : int
        Training samples seen, over all epochs.

    validation_loss_curve_ : list of float or None
        Loss on the validation data after each epoch, without the penalty; None without
        validation data.

    validation_scores_ : list of float or None
        Score on the validation data after each epoch, R2 unless `scoring` says
        otherwise; None without validation data.

    See Also
    --------
    GDNeuralClassifier : The same for classification.
    sklearn.neural_network.MLPRegressor : The estimator that this one replaces.

    Notes
    -----
    With ``solver='minibatch'``, and an optimizer and activation that scikit-learn has
    too ('gd' is its sgd without momentum), the same parameters and `random_state` lead
    through the same trajectory as scikit-learn's estimator, to rounding; the intended
    differences are listed in the documentation. Each gradient is divided by the sum of
    its samples' weights. With ``solver='sgd'`` a sample's loss and gradient are instead
    multiplied by its weight over the mean weight of the training data, so that equal
    weights change nothing. A weight of zero leaves the sample out.

    References
    ----------
    .. [1] B. T. Polyak, "Some methods of speeding up the convergence of iteration
       methods", USSR Computational Mathematics and Mathematical Physics, 1964.
    .. [2] I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of
       initialization and momentum in deep learning", ICML 2013.
    .. [3] D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR
       2015, algorithm 1.
    .. [4] X. Glorot, Y. Bengio, "Understanding the difficulty of training deep
       feedforward neural networks", AISTATS 2010, for the initial parameters.
    .. [5] I. Loshchilov, F. Hutter, "Decoupled weight decay regularization",
       ICLR 2019.
    .. [6] D. Clevert, T. Unterthiner, S. Hochreiter, "Fast and accurate deep network
       learning by exponential linear units (ELUs)", ICLR 2016.
    .. [7] G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-normalizing
       neural networks", NeurIPS 2017.
    .. [8] D. Hendrycks, K. Gimpel, "Gaussian error linear units (GELUs)",
       2016.
    .. [9] D. Misra, "Mish: a self regularized non-monotonic activation function", BMVC
       2020.
    .. [10] J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online
       learning and stochastic optimization", JMLR 2011.
    .. [11] M. D. Zeiler, "ADADELTA: an adaptive learning rate method",
       2012.
    .. [12] T. Tieleman, G. Hinton, "Lecture 6.5 - rmsprop", Coursera
       2012.
    .. [13] S. Reddi, S. Kale, S. Kumar, "On the convergence of Adam and beyond", ICLR
       2018.
    .. [14] T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR
       workshop 2016.
    .. [15] I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm
       restarts", ICLR 2017.
    .. [16] L. N. Smith, N. Topin, "Super-convergence: very fast training of neural
       networks using large learning rates", 2018.
    .. [17] D. Holzmueller, L. Grinsztajn, I. Steinwart, "Better by default: strong
       pre-tuned MLPs and boosted trees on tabular data", NeurIPS 2024.
    .. [18] N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov,
       "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014.
    .. [19] R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent
       neural networks", ICML 2013, algorithm 1.
    .. [20] S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network
       training by reducing internal covariate shift", ICML 2015.
    .. [21] D. C. Liu, J. Nocedal, "On the limited memory BFGS method for large scale
       optimization", Mathematical Programming 45, 1989; by SciPy's L-BFGS-B.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from sklearn.model_selection import train_test_split
    >>> from skgd import GDNeuralRegressor
    >>> X, y = make_regression(n_samples=200, n_features=20, random_state=1)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=1)
    >>> regressor = GDNeuralRegressor(random_state=1, max_iter=2000, tol=0.1)
    >>> regressor.fit(X_train, y_train)
    GDNeuralRegressor(max_iter=2000, random_state=1, tol=0.1)
    >>> print(f"{regressor.score(X_test, y_test):.2f}")
    0.98
    """

    _parameter_constraints: ClassVar[dict] = {
        **COMMON_CONSTRAINTS,
        "loss": [StrOptions(LOSS_NAMES), Loss],
        "huber_delta": [Interval(Real, 0, None, closed="neither")],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
    }

    @explain_sklearn_parameters
    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="minibatch",
        optimizer="adam",
        loss="squared_error",
        huber_delta=1.0,
        quantile=0.5,
        alpha=0.0001,
        weight_decay=0.0,
        batch_norm=False,
        dropout=0.0,
        max_grad_norm=None,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        max_fun=15000,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        n_jobs=None,
        warm_start=False,
        momentum=0.9,
        early_stopping=False,
        scoring=None,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.optimizer = optimizer
        self.loss = loss
        self.huber_delta = huber_delta
        self.quantile = quantile
        self.alpha = alpha
        self.weight_decay = weight_decay
        self.batch_norm = batch_norm
        self.dropout = dropout
        self.max_grad_norm = max_grad_norm
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.max_fun = max_fun
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.warm_start = warm_start
        self.momentum = momentum
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change

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
    ):
        """Train on X and y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data. float32 is trained in float32, all else in float64.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, 0 or more; each gradient is a weighted mean, and a
            step from a single sample is scaled by its weight over the mean of all.

        coefs_init : list of array-like of shape (fan_in, fan_out), default=None
            Weights to begin with, one array for each layer. None draws them, or goes on
            with those of the last fit with ``warm_start=True``.

        intercepts_init : list of array-like of shape (fan_out,), default=None
            Intercepts to begin with, one array for each layer, or None as above.

        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Data to score each epoch on; with ``early_stopping=True`` they take the
            place of the split.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Targets of `X_val`.

        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the samples of `X_val` in the score.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are invalid, or if the parameters became
            non-finite. The estimator is then as it was before the call.
        TypeError
            If there are dates or durations among the data.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` epochs did not suffice, if a diverging run ended with the
            parameters of the best validation score, or if the training loss is not
            below that of the best constant prediction.
        """
        validation = X_val, y_val, sample_weight_val
        initial = coefs_init, intercepts_init
        return self._fit(
            X, y, sample_weight, validation, incremental=False, initial=initial
        )

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
    ):
        """Train for one epoch on X and y, going on from the last call.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data. float32 is trained in float32, all else in float64.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, as in `fit`. A step from a single sample is scaled
            by its weight over the mean of all that were trained on by then.

        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Data to score each epoch on; with ``early_stopping=True`` they take the
            place of the split.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Targets of `X_val`.

        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the samples of `X_val` in the score.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            As in `fit`, and with ``optimizer='lbfgs'``, which has no such method: a
            call takes one step, and L-BFGS needs many from the same data.

        See Also
        --------
        fit : Trains to the end; warns alike.
        """
        validation = X_val, y_val, sample_weight_val
        return self._fit(X, y, sample_weight, validation, incremental=True)

    def predict(self, X):
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Input data.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predicted values, of the dtype that the network was trained in.

        Raises
        ------
        ValueError
            If X is invalid.

        Warns
        -----
        RuntimeWarning
            If the network's outputs overflow for some rows of X. The predictions are
            nan there, and those of other rows are not lost.
        """
        raw, X = self._raw_outputs(X)
        with np.errstate(over="ignore"):  # the exponential function may overflow
            y = self._link(raw)
        if y is not raw:
            y[np.isneginf(raw)] = np.nan  # the link would hide this overflow
        y = nan_where_overflown(y, X)
        return y.ravel() if y.shape[1] == 1 else y

    def _predictions(self, raw):
        y = self._link(raw)
        return y.ravel() if y.shape[1] == 1 else y

    def _validation_targets(self, y):
        return y

    def _validation_predictions(self, raw):
        return self._predictions(raw)

    _default_score = R2

    _check_given_targets = staticmethod(check_targets)

    def _learn_targets(self, y, *, incremental):
        self._check_range(y)

    def _check_targets(self, y, *, refit):
        self._check_range(y)
        n_outputs = 1 if y.ndim == 1 else y.shape[1]
        fitted = self._network.n_outputs
        if n_outputs != fitted:
            raise ValueError(f"y has {n_outputs} outputs, but the network {fitted}.")

    def _check_range(self, y):
        loss = find_loss(self.loss)
        if isinstance(self.loss, Loss):
            self.loss.check(y)
        if loss.needs is not None and np.any(loss.refuses(y, 0)):
            raise ValueError(
                f"Some value(s) of y are out of the valid range of the loss "
                f"{self.loss!r}, which needs {loss.needs}."
            )

    def _name_outputs(self, n_outputs, classes):
        if classes is not None:
            raise ValueError("A regressor has no classes: leave classes out.")

    def _encode_targets(self, y):
        return y.reshape(y.shape[0], -1)

    def _loss_name(self):
        return self.loss

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
