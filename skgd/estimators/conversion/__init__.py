"""Conversion between scikit-learn's MLP and the estimators here, both ways.

All that was fitted is converted too, the optimizer's memory included, so that training
can go on.
"""

from sklearn.utils.validation import check_is_fitted

from skgd.estimators.conversion.from_mlp import check_class, fill, parameters_from
from skgd.estimators.conversion.obstacles import raise_if_obstructed
from skgd.estimators.conversion.spelling import class_of_mlp, request_as
from skgd.estimators.conversion.to_mlp import fill_mlp, parameters_to


class SklearnConversionMixin:
    """The estimators' methods that convert to scikit-learn and from it."""

    @classmethod
    def from_sklearn(cls, mlp):
        """Make an estimator that trains, or predicts, as scikit-learn's does.

        Parameters
        ----------
        mlp : MLPRegressor or MLPClassifier
            The one that corresponds to this class; fitted or not. It is not changed.

        Returns
        -------
        estimator : estimator of this class
            It has the same parameters, in the spelling of this class. If `mlp` is
            fitted, so is the estimator: it predicts the same, to rounding, and
            `partial_fit` goes on with the optimizer's memory, the learning rate and the
            random draws of `mlp`. A parameter of `mlp` that was set since its fit acts
            as after `set_params` of an estimator of this class. In the curves, nan
            stands for what scikit-learn does not record: learning rates of a schedule,
            and validation losses.

        Raises
        ------
        TypeError
            If `mlp` is of another class.
        ValueError
            If a parameter is not valid.

        Notes
        -----
        The intended differences, such as the stratified split of early stopping
        for three or more classes, are in the documentation. The squared error is the
        mean over the outputs in scikit-learn, and their sum here, so with several
        outputs the same `tol` means another improvement.
        """
        check_class(cls, mlp)
        estimator = cls(**parameters_from(mlp))
        estimator._validate_params()
        request_as(estimator, mlp)
        if hasattr(mlp, "coefs_"):
            fill(estimator, mlp)
        return estimator

    def to_sklearn(self, *, predict_only=False):
        """Make scikit-learn's estimator that trains, or predicts, as this one does.

        Parameters
        ----------
        predict_only : bool, default=False
            Whether it suffices that it predicts the same. Settings for training that
            scikit-learn lacks, such as dropout and callbacks, are then left out.

        Returns
        -------
        mlp : MLPRegressor or MLPClassifier
            Fitted if this estimator is; `partial_fit` then goes on with the memory of
            this one's optimizer. ``solver='batch'`` becomes a batch size larger than
            any data, without shuffling; scikit-learn warns in `fit` that it lowers it.

        Raises
        ------
        ValueError
            If scikit-learn cannot express this estimator, or a parameter is not
            valid; the message names what.
        NotFittedError
            If `predict_only` is asked of an estimator that is not fitted.
        """
        self._validate_params()
        is_fitted = hasattr(self, "_state")
        if predict_only:
            check_is_fitted(self)
        raise_if_obstructed(self, is_fitted, predict_only)
        mlp = class_of_mlp(self)(**parameters_to(self, is_fitted))
        request_as(mlp, self)
        if is_fitted:
            fill_mlp(mlp, self)
        return mlp
