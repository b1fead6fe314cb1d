"""Losses and learning rates by epoch."""

import numpy as np

from skgd._display._common import (
    line_options,
    named_estimators,
    new_axes,
    unused_colors,
)
from skgd._display._history import (
    best_epoch,
    learning_rate,
    network_in,
    stopped_early,
    validation_loss,
)
from skgd._sklearn_private import check_matplotlib_support

# The least ratio of the largest to the least value at which "auto" is a log scale.
LOG_RATIO = 10
# The label by which a second display in the same axes finds the axes of the rates.
RATES_LABEL = "learning rates"


class LossCurveDisplay:
    """Loss of each epoch, of one fitted estimator or several.

    Solid lines are training losses, dashed ones validation losses, and dotted ones
    learning rates, on a second axis. A circle marks each best epoch.

    Use :meth:`from_estimator` or :meth:`from_estimators` to make one. All parameters
    are stored as attributes.

    Parameters
    ----------
    loss : list of array-like of shape (n_epochs,)
        Training losses, one curve for each estimator.

    validation_loss : list of (array-like of shape (n_epochs,) or None), default=None
        Validation losses, with None for an estimator that has none.

    learning_rate : list of (array-like of shape (n_epochs,) or None), default=None
        Learning rates, with None for an estimator that has none.

    best_epoch : list of (int or None), default=None
        The epochs to mark, counted from 1.

    early_stopping : list of bool, default=None
        Whether a best epoch is that of the best validation score. Its mark is then on
        the validation loss, where that is known, and otherwise on the training loss.

    name : list of str, default=None
        Names of the estimators. A single one needs none.

    Attributes
    ----------
    lines_ : list of matplotlib Line2D
        Training losses.

    validation_lines_ : list of (matplotlib Line2D or None)
        Validation losses, with None where none is drawn.

    learning_rate_lines_ : list of (matplotlib Line2D or None)
        Learning rates, with None where none are drawn.

    best_epoch_points_ : list of (matplotlib Line2D or None)
        Marks of the best epochs.

    ax_ : matplotlib Axes
        Axes with the losses.

    learning_rate_ax_ : matplotlib Axes or None
        Axes with the learning rates, on the right; None where none is drawn.

    figure_ : matplotlib Figure
        The figure that has them.

    See Also
    --------
    GradientDescentPathDisplay : Where the descent goes on the loss surface.
    sklearn.model_selection.LearningCurveDisplay : Scores by number of samples.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from skgd import GDNeuralRegressor, LossCurveDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = GDNeuralRegressor((20,), early_stopping=True, random_state=0)
    >>> net = net.fit(scale(X), scale(y))
    >>> display = LossCurveDisplay.from_estimator(net)
    >>> print(display.ax_.get_xlabel())
    Epoch
    """

    def __init__(
        self,
        *,
        loss,
        validation_loss=None,
        learning_rate=None,
        best_epoch=None,
        early_stopping=None,
        name=None,
    ):
        self.loss = loss
        self.validation_loss = validation_loss
        self.learning_rate = learning_rate
        self.best_epoch = best_epoch
        self.early_stopping = early_stopping
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, *, name=None, ax=None, **plot_options):
        """Plot the curves of one fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted network: one of skgd's, or a scikit-learn MLP that has a
            `loss_curve_`. It may be the last step of a Pipeline, the `best_estimator_`
            of a search, or the `regressor_` of a TransformedTargetRegressor, also if
            these are inside one another.

        name : str, default=None
            What the legend calls it.

        ax : matplotlib Axes, default=None
            Where to plot; None makes a new figure.

        **plot_options : dict
            Further parameters of :meth:`plot`.

        Returns
        -------
        display : LossCurveDisplay
            The display, plotted.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If it has no `loss_curve_`.
        """
        return cls._from_named([name], [estimator], ax, plot_options)

    @classmethod
    def from_estimators(cls, estimators, *, ax=None, **plot_options):
        """Plot the curves of several fitted estimators in one picture.

        Parameters
        ----------
        estimators : dict or list of estimators
            Names and fitted estimators, as :meth:`from_estimator` takes them. Those of
            a list are called by the network's class, and numbered where it repeats.

        ax : matplotlib Axes, default=None
            Where to plot; None makes a new figure.

        **plot_options : dict
            Further parameters of :meth:`plot`.

        Returns
        -------
        display : LossCurveDisplay
            The display, plotted.

        Raises
        ------
        NotFittedError
            If an estimator is not fitted.
        TypeError
            If `estimators` is an estimator.
        ValueError
            If there is none, or one without a `loss_curve_`.
        """
        named = named_estimators(estimators, lambda e: type(network_in(e)).__name__)
        return cls._from_named(list(named), list(named.values()), ax, plot_options)

    @classmethod
    def _from_named(cls, names, estimators, ax, plot_options):
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        networks = [network_in(estimator) for estimator in estimators]
        display = cls(
            loss=[np.array(net.loss_curve_, dtype=float) for net in networks],
            validation_loss=list(map(validation_loss, networks)),
            learning_rate=list(map(learning_rate, networks)),
            best_epoch=list(map(best_epoch, networks)),
            early_stopping=list(map(stopped_early, networks)),
            name=None if names == [None] else names,
        )
        return display.plot(ax, **plot_options)

    def plot(
        self,
        ax=None,
        *,
        plot_validation=True,
        plot_learning_rate="auto",
        plot_best_epoch=True,
        log_scale="auto",
        loss_name="Loss",
        line_kw=None,
        best_epoch_kw=None,
        learning_rate_kw=None,
    ):
        """Plot the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to plot; None makes a new figure.

        plot_validation : bool, default=True
            Whether to plot validation losses, where there are any.

        plot_learning_rate : bool or 'auto', default='auto'
            Whether to plot learning rates. 'auto' plots those that change.

        plot_best_epoch : bool, default=True
            Whether to mark the best epochs: with early stopping that of the best
            validation score, whose parameters the estimator has; otherwise that of the
            least training loss.

        log_scale : bool or 'auto', default='auto'
            Whether the losses have a logarithmic axis, which leaves out those that are
            not positive. 'auto' has one if all that are finite are positive, and the
            largest is at least 10 times the least. The axis of the learning rates
            goes by this rule in any case.

        loss_name : str, default='Loss'
            Label of the axis.

        line_kw : dict, default=None
            Keywords of matplotlib's `plot` for the losses.

        best_epoch_kw : dict, default=None
            The same for the marks of the best epochs.

        learning_rate_kw : dict, default=None
            The same for the learning rates.

        Returns
        -------
        display : LossCurveDisplay
            This object, with the artists as attributes.

        Raises
        ------
        ValueError
            If an option or the length of a list is not valid.
        """
        self._check(plot_learning_rate, log_scale)
        self.ax_ = ax = new_axes(self, ax)
        from matplotlib.ticker import MaxNLocator

        self.figure_ = ax.figure
        self._plot_losses(plot_validation, log_scale, line_kw)
        self._mark_best_epochs(plot_best_epoch, best_epoch_kw)
        self._plot_learning_rates(plot_learning_rate, learning_rate_kw)
        ticks = MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)
        ax.xaxis.set_major_locator(ticks)
        ax.set(xlabel="Epoch", ylabel=loss_name)
        self._add_legend()
        return self

    def _check(self, plot_learning_rate, log_scale):
        options = {"plot_learning_rate": plot_learning_rate, "log_scale": log_scale}
        for option, value in options.items():
            if value not in (True, False, "auto"):
                raise ValueError(f"{option} must be a bool or 'auto', got {value!r}.")
        lists = "validation_loss", "learning_rate", "best_epoch", "early_stopping"
        for name in (*lists, "name"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.loss):
                raise ValueError(
                    f"{name} must be None, or have one element for each of the "
                    f"{len(self.loss)} curves in loss, got {len(values)}."
                )

    @property
    def _is_single(self):
        """Whether there is one curve, without a name."""
        return self.name is None and len(self.loss) == 1

    def _labels(self):
        """Return the labels of the training losses in the legend."""
        if self._is_single:
            return ["Training"]
        if self.name is not None:
            return list(self.name)
        return [f"Estimator {k + 1}" for k in range(len(self.loss))]

    def _plot_losses(self, plot_validation, log_scale, line_kw):
        losses = [np.asarray(loss, dtype=float) for loss in self.loss]
        wanted = self.validation_loss if plot_validation else None
        validation = _filled(wanted, len(losses))
        if _is_log(log_scale, losses + _present(validation)):
            self.ax_.set_yscale("log", nonpositive="mask")
        self.lines_, self.validation_lines_ = [], []
        curves = zip(self._labels(), losses, validation, strict=True)
        colors = unused_colors(self.ax_)  # other displays may have used some
        for (label, loss, held_out), color in zip(curves, colors, strict=False):
            options = line_options({"color": color, "label": label}, line_kw)
            self.lines_.append(_line(self.ax_, loss, options))
            line = None
            if held_out is not None:
                # If there are several curves, the legend explains the style instead.
                options["label"] = "Validation" if self._is_single else None
                line = _line(self.ax_, held_out, {**options, "linestyle": "--"})
            self.validation_lines_.append(line)

    def _mark_best_epochs(self, wanted, best_epoch_kw):
        n = len(self.loss)
        bests = _filled(self.best_epoch if wanted else None, n)
        is_held_out = _filled(self.early_stopping, n)
        self.best_epoch_points_ = [
            _mark([validation, line] if held_out else [line], best, best_epoch_kw)
            for line, validation, held_out, best in zip(
                self.lines_, self.validation_lines_, is_held_out, bests, strict=True
            )
        ]

    def _plot_learning_rates(self, wanted, learning_rate_kw):
        n = len(self.loss)
        rates = _filled(None if wanted is False else self.learning_rate, n)
        if wanted == "auto":
            rates = [r if r is not None and _changes(r) else None for r in rates]
        drawn = [rate for rate in rates if rate is not None]
        self.learning_rate_ax_, self.learning_rate_lines_ = None, [None] * n
        if not drawn:
            return
        self.learning_rate_ax_ = ax = _axes_of_rates(self.ax_)
        before = [line.get_ydata() for line in ax.lines]
        ax.set_yscale("log" if _is_log("auto", before + drawn) else "linear")
        for k, rate in enumerate(rates):
            if rate is not None:
                color = self.lines_[k].get_color()
                defaults = {"color": color, "linestyle": ":", "linewidth": 1.2}
                defaults["label"] = "Learning rate" if self._is_single else None
                options = line_options(defaults, learning_rate_kw)
                self.learning_rate_lines_[k] = _line(ax, rate, options)
        ax.set_ylabel("Learning rate")
        # The losses are drawn over the learning rates.
        ax.patch.set(visible=True, facecolor=self.ax_.get_facecolor())
        self.ax_.patch.set_visible(False)
        self.ax_.set_zorder(ax.get_zorder() + 1)

    def _add_legend(self):
        """Add the legend: of lines, or for several estimators of colours and styles."""
        from matplotlib.lines import Line2D

        rates = _present(self.learning_rate_lines_)
        if self._is_single:
            for mark in _present(self.best_epoch_points_):
                mark.set_label(f"Best epoch: {self.best_epoch[0]}")
            others = rates
        else:
            others = []
            kinds = {
                "validation": _present(self.validation_lines_),
                "best epoch": _present(self.best_epoch_points_),
                "learning rate": rates,
            }
            for kind, lines in kinds.items():
                if lines:
                    sample = Line2D([], [])
                    sample.update_from(lines[0])
                    sample.set(color="gray", label=kind)
                    others.append(sample)
        handles, _ = self.ax_.get_legend_handles_labels()
        self.ax_.legend(handles=handles + others)


def _filled(values, n):
    """Return the values as a list, or a list of n times None."""
    return [None] * n if values is None else list(values)


def _is_log(wanted, curves):
    """Return whether to use a log scale, by the rule in the docstring of `plot`."""
    if wanted != "auto":
        return wanted
    values = np.concatenate([np.asarray(curve, dtype=float) for curve in curves])
    values = values[np.isfinite(values)]
    if values.size == 0 or values.min() <= 0:
        return False
    return values.max() >= LOG_RATIO * values.min()


def _present(artists):
    return [artist for artist in artists if artist is not None]


def _changes(rates):
    """Return whether there are two different rates; nan is one that is not known."""
    return len({rate for rate in rates if not np.isnan(rate)}) > 1


def _axes_of_rates(ax):
    """Return axes on the right of `ax`: those of a former display, or new ones."""
    for other in ax.get_shared_x_axes().get_siblings(ax):
        is_here = other.bbox.bounds == ax.bbox.bounds
        if is_here and other.get_label() == RATES_LABEL:
            return other
    twin = ax.twinx()
    twin.set_label(RATES_LABEL)
    return twin


def _line(ax, values, options):
    """Plot one curve, with points for values that have no finite neighbour."""
    is_seen = np.isfinite(np.r_[np.nan, values, np.nan])
    alone = np.flatnonzero(is_seen[1:-1] & ~is_seen[:-2] & ~is_seen[2:])
    defaults = {"marker": "o", "markersize": 4, "markevery": alone}
    if alone.size == 0:
        defaults = {"marker": ""}
    epochs = np.arange(1, len(values) + 1)
    (line,) = ax.plot(epochs, values, **{**defaults, **options})
    return line


def _mark(lines, best, best_epoch_kw):
    """Mark an epoch on the first line that is finite there; None if `best` is None."""
    if best is None:
        return None
    known = [
        line for line in _present(lines) if np.isfinite(line.get_ydata()[best - 1])
    ]
    line = known[0] if known else lines[-1]
    defaults = {
        "linestyle": "",
        "marker": "o",
        "markersize": 8,
        "markerfacecolor": "none",
        "markeredgewidth": 1.8,
        "color": line.get_color(),
        "label": None,
        "zorder": line.get_zorder() + 1,
    }
    options = line_options(defaults, best_epoch_kw)
    (point,) = line.axes.plot([best], [line.get_ydata()[best - 1]], **options)
    return point
