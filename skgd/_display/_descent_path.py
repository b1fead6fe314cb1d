"""The paths of gradient descent on the loss surface."""

from itertools import starmap
from numbers import Integral

import numpy as np
from sklearn.utils import Bunch

from skgd._display._common import (
    line_options,
    named_estimators,
    new_axes,
    unused_colors,
)
from skgd._display._recording import check_comparable, name_of, record_fit
from skgd._display._surface import (
    TrainingLoss,
    grid_around,
    level_labels,
    log_levels,
    plane_of,
)
from skgd._sklearn_private import check_matplotlib_support

# Paths of up to MANY_POINTS points are drawn as SPARSE says, and longer ones as DENSE.
MANY_POINTS = 150
SPARSE = {"linewidth": 1.5, "markersize": 3.5}
DENSE = {"linewidth": 0.8, "markersize": 1.5}
# Losses from here on are left white, like those that are not finite.
OVERFLOW = 1e100


class GradientDescentPathDisplay:
    """Paths of gradient descent on the loss surface.

    A network's parameters are a point in a space of many dimensions, and training moves
    it downhill. The picture shows a plane in this space: the training loss on it, as
    contours, and the paths of one network or several, projected onto it.

    Use :meth:`from_estimator` or :meth:`from_estimators` to make one. All parameters
    are stored as attributes.

    Parameters
    ----------
    xx0, xx1 : ndarray of shape (grid_resolution, grid_resolution)
        Coordinates of the grid, as of :func:`numpy.meshgrid`, in units of the
        parameters; the start of all paths is at (0, 0).

    loss : ndarray of shape (grid_resolution, grid_resolution)
        Training loss on the grid.

    paths : dict of str to Bunch
        For each name a path, with the attributes

        - points: ndarray of shape (n_points, 2), coordinates of its recorded points
        - steps: ndarray of shape (n_points,), the number of steps before each
        - parameters: ndarray of shape (n_points, n_parameters), the network's
          parameters there: layer by layer the coefs, row by row, then the intercepts
        - end: ndarray of shape (2,), coordinates of the fitted parameters
        - n_epochs, n_steps: int, how many the fit took

    directions : ndarray of shape (2, n_parameters)
        Directions of the two axes, of length 1 and at right angles.

    explained : float
        Share of the paths' squared displacements from the start that lies in the plane,
        in [0, 1]. Where it is 1, the plane holds the paths themselves, and not only
        their projections.

    Attributes
    ----------
    surface_ : matplotlib QuadContourSet
        The loss, by shades.

    contours_ : matplotlib QuadContourSet
        Lines of equal loss.

    lines_ : list of matplotlib Line2D
        The paths.

    start_ : matplotlib Line2D
        The mark of the start.

    ends_ : list of matplotlib Line2D
        The marks of the fitted parameters.

    colorbar_ : matplotlib Colorbar or None
        The scale of the loss.

    ax_ : matplotlib Axes
        Axes with the picture.

    figure_ : matplotlib Figure
        The figure that has them.

    See Also
    --------
    LossCurveDisplay : The loss by epoch.

    Notes
    -----
    The plane goes through the start and the mean of the ends, which is its first
    direction. Its second is the leading singular vector of what is then left of the
    displacements from the start, over all recorded points, each path counting alike:
    the principal direction of the paths, as in [1]_ and [2]_. A path that leaves the
    plane is seen from above, and the loss beneath it is not its own; `explained` says
    how much of the paths the plane holds. If the network has two parameters, it holds
    the whole paths.

    References
    ----------
    .. [1] H. Li, Z. Xu, G. Taylor, C. Studer, T. Goldstein, "Visualizing the loss
       landscape of neural nets", NeurIPS 2018, section 7.
    .. [2] E. Lorch, "Visualizing deep network training trajectories with PCA", ICML
       workshop on visualization for deep learning, 2016.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from skgd import GDNeuralRegressor, GradientDescentPathDisplay
    >>> X, y = make_regression(100, 1, bias=20, noise=10, random_state=0)
    >>> nets = [
    ...     GDNeuralRegressor(
    ...         (), solver=solver, optimizer="gd", learning_rate_init=0.05,
    ...         batch_size=10 if solver == "minibatch" else "auto",
    ...         max_iter=10, random_state=0,
    ...     )
    ...     for solver in ("batch", "minibatch", "sgd")
    ... ]
    >>> display = GradientDescentPathDisplay.from_estimators(nets, X, y)
    >>> for name, path in display.paths.items():
    ...     print(f"{name}: {path.n_epochs} epochs, {path.n_steps} steps")
    batch: 10 epochs, 10 steps
    minibatch: 10 epochs, 100 steps
    sgd: 10 epochs, 1000 steps
    """

    def __init__(self, *, xx0, xx1, loss, paths, directions, explained):
        self.xx0 = xx0
        self.xx1 = xx1
        self.loss = loss
        self.paths = paths
        self.directions = directions
        self.explained = explained

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        sample_weight=None,
        *,
        max_points=500,
        grid_resolution=60,
        margin=0.15,
        ax=None,
        **plot_options,
    ):
        """Train a network, and plot its path.

        Parameters
        ----------
        estimator : GDNeuralRegressor or GDNeuralClassifier
            What to train. It is cloned, and stays as it is.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.

        max_points : int, default=500
            Most points of the path, see :meth:`from_estimators`.

        grid_resolution : int, default=60
            Number of grid points in each direction.

        margin : float, default=0.15
            Space around the path, as a share of the region that it takes.

        ax : matplotlib Axes, default=None
            Where to plot; None makes a new figure. In a figure without
            ``layout="constrained"``, or another layout engine, the legend lies in the
            axes, and the scale takes its place from them.

        **plot_options : dict
            Further parameters of :meth:`plot`.

        Returns
        -------
        display : GradientDescentPathDisplay
            The display, plotted.

        See Also
        --------
        from_estimators : The same for several networks, with the same errors.
        """
        return cls.from_estimators(
            [estimator],
            X,
            y,
            sample_weight,
            max_points=max_points,
            grid_resolution=grid_resolution,
            margin=margin,
            ax=ax,
            **plot_options,
        )

    @classmethod
    def from_estimators(
        cls,
        estimators,
        X,
        y,
        sample_weight=None,
        *,
        max_points=500,
        grid_resolution=60,
        margin=0.15,
        ax=None,
        **plot_options,
    ):
        """Train networks from one start, and plot their paths on one surface.

        Each estimator is cloned, and the clone's own `fit` runs with all its
        parameters: the path is the descent that `fit` makes, bit by bit, and its end is
        what `fit` leaves. On the way, parameters are written down within the epochs
        too. They are those after each step, if `max_iter` epochs have at most
        `max_points` of them. Otherwise they are those after the steps ``total * (k /
        max_points) ** p`` with k = 1, 2, ... and p = 2 (or more, if it takes more for
        the first step to be among them): many at first, where a step goes far, and
        fewer later. The last step is always among them.

        The surface is the loss that ``solver='batch'`` minimises with the first
        estimator's parameters: the mean over all of X, and the penalty ``0.5 * alpha *
        sum(coefs ** 2) / n_samples``, without dropout. It takes ``grid_resolution **
        2`` predictions of X.

        Parameters
        ----------
        estimators : dict or list of estimators
            Names and estimators, each a :class:`GDNeuralRegressor` or each a
            :class:`GDNeuralClassifier`, with the same layers, activation and loss, and
            the same int as `random_state`. Those of a list are called by their solver,
            and numbered where it repeats.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.

        max_points : int, default=500
            Most points of a path, besides its start and end.

        grid_resolution : int, default=60
            Number of grid points in each direction.

        margin : float, default=0.15
            Space around the paths, as a share of the region that they take.

        ax : matplotlib Axes, default=None
            Where to plot; None makes a new figure. In a figure without
            ``layout="constrained"``, or another layout engine, the legend lies in the
            axes, and the scale takes its place from them.

        **plot_options : dict
            Further parameters of :meth:`plot`.

        Returns
        -------
        display : GradientDescentPathDisplay
            The display, plotted.

        Raises
        ------
        TypeError
            If an estimator is not one of skgd's. Give the network itself, not a
            pipeline, and data that are scaled already.
        ValueError
            If an option is not valid, if the estimators do not share a start and a
            loss, or if a fit diverges.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimators")
        _check_options(max_points, grid_resolution, margin)
        named = named_estimators(estimators, name_of)
        fits = {
            name: record_fit(name, estimator, max_points, X, y, sample_weight)
            for name, estimator in named.items()
        }
        check_comparable(fits)

        parameters = {name: np.array(r.thetas) for name, (_, r) in fits.items()}
        ends = {name: net._state.theta for name, (net, _) in fits.items()}
        plane, explained = plane_of(list(parameters.values()), list(ends.values()))
        paths = {
            name: Bunch(
                points=plane.project(parameters[name]),
                steps=np.array(recorder.steps),
                parameters=parameters[name],
                end=plane.project(ends[name]),
                n_epochs=net.n_iter_,
                n_steps=recorder.steps[-1],
            )
            for name, (net, recorder) in fits.items()
        }

        points = np.concatenate([path.points for path in paths.values()])
        xx0, xx1 = grid_around(points, grid_resolution, margin)
        first, _ = next(iter(fits.values()))
        training_loss = TrainingLoss(first, X, y, sample_weight)
        on_grid = starmap(plane.point, zip(xx0.ravel(), xx1.ravel(), strict=True))
        loss = np.array([training_loss(theta) for theta in on_grid])
        display = cls(
            xx0=xx0,
            xx1=xx1,
            loss=loss.reshape(xx0.shape),
            paths=paths,
            directions=plane.directions,
            explained=explained,
        )
        return display.plot(ax, **plot_options)

    def plot(
        self,
        ax=None,
        *,
        n_levels=14,
        cmap="Greys",
        colorbar=True,
        loss_name="Training loss",
        line_kw=None,
    ):
        """Plot the surface and the paths.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to plot; None makes a new figure. In a figure without
            ``layout="constrained"``, or another layout engine, the legend lies in the
            axes, and the scale takes its place from them.

        n_levels : int, default=14
            Number of contours. They lie at equal ratios of the excess over the least
            loss of the surface, so the bottom of a valley has contours too.

        cmap : str or matplotlib Colormap, default='Greys'
            Colours of the surface, whose lighter part is used.

        colorbar : bool, default=True
            Whether to add the scale of the loss.

        loss_name : str, default='Training loss'
            Label of this scale.

        line_kw : dict, default=None
            Keywords of matplotlib's `plot` for the paths.

        Returns
        -------
        display : GradientDescentPathDisplay
            This object, with the artists as attributes.

        Raises
        ------
        ValueError
            If the loss is not finite anywhere on the surface, or an option is not
            valid.
        """
        if not isinstance(n_levels, Integral) or n_levels < 2:
            raise ValueError(f"n_levels must be an int >= 2, got {n_levels!r}.")
        self.ax_ = ax = new_axes(self, ax)
        self.figure_ = ax.figure
        self._plot_surface(n_levels, cmap)
        self.colorbar_ = self._add_colorbar(loss_name) if colorbar else None

        self.lines_, self.ends_ = [], []
        colors = unused_colors(ax)
        for (name, path), color in zip(self.paths.items(), colors, strict=False):
            self._plot_path(color, name, path, line_kw)
        mark = {"linestyle": "", "marker": "o", "color": "black", "label": "start"}
        (self.start_,) = ax.plot(0, 0, **mark, **_outlined(7))
        ax.set_aspect("equal")
        end = "end" if len(self.paths) == 1 else "mean of the ends"
        ax.set(
            xlabel=f"from the start to the {end}",
            ylabel=f"across (plane holds\n{self.explained:.1%} of movement)",
            xlim=self.xx0[0, [0, -1]],
            ylim=self.xx1[[0, -1], 0],
        )
        self._add_legend()
        return self

    def _plot_surface(self, n_levels, cmap):
        from matplotlib import colormaps
        from matplotlib.colors import BoundaryNorm, ListedColormap

        with np.errstate(invalid="ignore"):
            loss = np.ma.masked_where(~(self.loss < OVERFLOW), self.loss)
        levels = log_levels(loss.compressed(), n_levels)
        # Light enough for the paths to stand out.
        shades = ListedColormap(colormaps.get_cmap(cmap)(np.linspace(0, 0.5, 256)))
        norm = BoundaryNorm(levels, shades.N, extend="both")
        grid = self.xx0, self.xx1, loss
        self.surface_ = self.ax_.contourf(
            *grid, levels=levels, cmap=shades, norm=norm, extend="both", zorder=0
        )
        self.contours_ = self.ax_.contour(
            *grid, levels=levels, colors="white", linewidths=0.6, zorder=0.5
        )

    def _add_colorbar(self, loss_name):
        place = {"ax": self.ax_}
        if self._has_room:  # then it is as high as the axes
            place = {"cax": self.ax_.inset_axes([1.03, 0, 0.04, 1])}
        bar = self.figure_.colorbar(self.surface_, label=loss_name, **place)
        levels = self.surface_.levels
        labels = level_labels(levels)
        # Near the least loss, levels differ in digits that are not shown.
        shown = [k for k in range(len(levels)) if labels[k] not in labels[:k]]
        bar.set_ticks(levels[shown], labels=[labels[k] for k in shown])
        return bar

    @property
    def _has_room(self):
        """Whether the figure makes room for legend and scale beside the axes.

        A new figure does. A user's figure does with ``layout="constrained"``, or
        another layout engine.
        """
        return self.figure_.get_layout_engine() is not None

    def _plot_path(self, color, name, path, line_kw):
        epochs = "epoch" if path.n_epochs == 1 else "epochs"
        steps = "step" if path.n_steps == 1 else "steps"
        counts = f"{path.n_epochs:,} {epochs}, {path.n_steps:,} {steps}"
        defaults = {
            "color": color,
            "label": f"{name}: {counts}",
            "marker": "o",
            **(SPARSE if len(path.points) <= MANY_POINTS else DENSE),
            # The more steps a path has, the lower it lies, as it is noisier.
            "zorder": 2 + 1 / (1 + path.n_steps),
        }
        (line,) = self.ax_.plot(*path.points.T, **line_options(defaults, line_kw))
        mark = {"linestyle": "", "marker": "s", "color": line.get_color()}
        (end,) = self.ax_.plot(*path.end, **mark, **_outlined(7))
        self.lines_.append(line)
        self.ends_.append(end)

    def _add_legend(self):
        """Add the legend of paths and marks.

        It lies below the axes, as a noisy path may fill them, or in the axes if there
        is no room below. The marks of the ends are explained by a grey one.
        """
        from matplotlib.lines import Line2D

        place = {"loc": "best"}
        if self._has_room:
            place = {
                "loc": "upper center",
                "bbox_to_anchor": (0.5, 0),
                "borderaxespad": 4,  # below the label of the axis
                "ncols": 2,
                "frameon": False,
            }

        end = Line2D([], [])
        end.update_from(self.ends_[0])
        end.set(color="gray", label="end")
        self.ax_.legend(
            handles=[*self.lines_, self.start_, end], fontsize="small", **place
        )


def _outlined(size):
    """Return the keywords of a mark that is seen on lines of any colour."""
    return {"markersize": size, "markeredgecolor": "white", "zorder": 4}


def _check_options(max_points, grid_resolution, margin):
    for name, value in {
        "max_points": max_points,
        "grid_resolution": grid_resolution,
    }.items():
        if not isinstance(value, Integral) or value < 2:
            raise ValueError(f"{name} must be an int >= 2, got {value!r}.")
    if not margin >= 0:
        raise ValueError(f"margin must be a number >= 0, got {margin!r}.")
