"""Loss curves: the artists show what the estimators hold."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgd import GDNeuralClassifier, GDNeuralRegressor, LossCurveDisplay
from skgd.kernels.formulas.optimizers import FIRST_ORDER

matplotlib = pytest.importorskip("matplotlib")

pytestmark = [
    pytest.mark.usefixtures("figures_that_draw"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

X, Y = make_regression(60, 4, noise=10, random_state=0)
Y = Y / Y.std()
LABELS = make_classification(60, 4, random_state=0)[1]


def regressor(**params):
    params = {"hidden_layer_sizes": (5,), "max_iter": 12, "random_state": 0, **params}
    return GDNeuralRegressor(**params)


def legend_of(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def is_drawn(line):
    """Whether any ink is on the canvas where the line is."""
    line.figure.canvas.draw()
    with_line = np.asarray(line.figure.canvas.buffer_rgba()).copy()
    line.set_visible(False)
    line.figure.canvas.draw()
    without = np.asarray(line.figure.canvas.buffer_rgba())
    line.set_visible(True)
    return (with_line != without).any()


# What is shown ------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [GDNeuralRegressor, GDNeuralClassifier])
def test_lines_are_the_losses_by_epoch(cls):
    y = Y if cls is GDNeuralRegressor else LABELS
    net = cls((5,), max_iter=12, random_state=0).fit(X, y, X_val=X[:20], y_val=y[:20])
    display = LossCurveDisplay.from_estimator(net)
    (line,), (validation,) = display.lines_, display.validation_lines_
    np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 13))
    np.testing.assert_array_equal(line.get_ydata(), net.loss_curve_)
    np.testing.assert_array_equal(validation.get_xdata(), np.arange(1, 13))
    np.testing.assert_array_equal(validation.get_ydata(), net.validation_loss_curve_)
    assert line.get_color() == validation.get_color()
    assert line.get_linestyle() != validation.get_linestyle()
    assert display.ax_.get_xlabel() == "Epoch"
    assert display.ax_.get_ylabel() == "Loss"
    assert display.figure_ is display.ax_.figure
    assert legend_of(display) == ["Training", "Validation", "Best epoch: 12"]


def test_no_validation_no_line():
    display = LossCurveDisplay.from_estimator(regressor().fit(X, Y))
    assert display.validation_lines_ == [None]
    assert len(display.ax_.lines) == 2  # with the mark of the best epoch

    net = regressor().fit(X, Y, X_val=X, y_val=Y)
    display = LossCurveDisplay.from_estimator(net, plot_validation=False)
    assert display.validation_lines_ == [None]


def test_display_keeps_what_was_plotted_when_training_goes_on():
    net = regressor(warm_start=True).fit(X, Y)
    before = list(net.loss_curve_)
    display = LossCurveDisplay.from_estimator(net)
    net.fit(X, Y)
    np.testing.assert_array_equal(display.loss[0], before)


# Best epoch ---------------------------------------------------------------------------


def test_best_epoch_of_early_stopping_is_the_one_whose_parameters_are_kept():
    params = {"learning_rate_init": 0.1, "early_stopping": True, "max_iter": 60}
    net = regressor(**params).fit(X, Y)
    (point,) = LossCurveDisplay.from_estimator(net).best_epoch_points_
    (epoch,) = point.get_xdata()
    assert epoch < net.n_iter_
    # Training for so long, and no longer, leads to the same parameters.
    shorter = clone(net).set_params(max_iter=epoch, n_iter_no_change=np.inf).fit(X, Y)
    for coefs, expected in zip(net.coefs_, shorter.coefs_, strict=True):
        np.testing.assert_array_equal(coefs, expected)
    assert point.get_ydata() == [net.validation_loss_curve_[epoch - 1]]


def test_best_epoch_without_early_stopping_is_that_of_the_least_training_loss():
    net = regressor(solver="sgd", learning_rate_init=0.1, max_iter=30)
    net.fit(X, Y, X_val=X, y_val=Y)
    (point,) = LossCurveDisplay.from_estimator(net).best_epoch_points_
    best = int(np.argmin(net.loss_curve_))
    assert best < net.n_iter_ - 1  # or the last one would do
    np.testing.assert_array_equal(point.get_xdata(), [best + 1])
    np.testing.assert_array_equal(point.get_ydata(), [net.loss_curve_[best]])


def test_best_epoch_goes_on_counting_in_warm_starts():
    net = regressor(early_stopping=True, warm_start=True, max_iter=3).fit(X, Y)
    net.fit(X, Y)
    display = LossCurveDisplay.from_estimator(net)
    assert len(display.loss[0]) == 6
    scores = np.array(net.validation_scores_)
    assert display.best_epoch == [scores.argmax() + 1]
    assert scores.argmax() >= 3


def test_best_epoch_is_not_marked_where_another_score_was_watched():
    settings = {"early_stopping": True, "warm_start": True, "max_iter": 3}
    net = regressor(**settings, learning_rate_init=1e-9).fit(X, Y)
    # The parameters that are kept are those at the start, which no epoch has.
    net.set_params(scoring="loss", learning_rate_init=50.0).fit(X, Y)
    assert net.best_validation_score_ not in net.validation_scores_
    assert LossCurveDisplay.from_estimator(net).best_epoch_points_ == [None]


def test_best_epoch_can_be_left_out():
    display = LossCurveDisplay.from_estimator(
        regressor().fit(X, Y), plot_best_epoch=False
    )
    assert display.best_epoch_points_ == [None]
    assert legend_of(display) == ["Training"]


# Learning rates -----------------------------------------------------------------------


def test_learning_rate_is_shown_where_it_changes():
    constant, cosine = regressor(), regressor(learning_rate="cosine")
    nets = {"constant": constant.fit(X, Y), "cosine": cosine.fit(X, Y)}
    display = LossCurveDisplay.from_estimators(nets)
    unchanging, changing = display.learning_rate_lines_
    assert unchanging is None
    np.testing.assert_array_equal(changing.get_ydata(), cosine.learning_rate_curve_)
    assert changing.axes is display.learning_rate_ax_
    assert display.learning_rate_ax_ is not display.ax_
    assert display.learning_rate_ax_.get_ylabel() == "Learning rate"
    assert legend_of(display) == ["constant", "cosine", "best epoch", "learning rate"]


@pytest.mark.parametrize(("wanted", "shown"), [(True, [1, 1]), (False, [0, 0])])
def test_learning_rate_is_shown_as_wanted(wanted, shown):
    nets = [regressor().fit(X, Y), regressor(learning_rate="cosine").fit(X, Y)]
    display = LossCurveDisplay.from_estimators(nets, plot_learning_rate=wanted)
    assert [line is not None for line in display.learning_rate_lines_] == shown
    assert (display.learning_rate_ax_ is not None) == any(shown)


def test_losses_lie_over_learning_rates():
    net = regressor(learning_rate="cosine").fit(X, Y)
    display = LossCurveDisplay.from_estimator(net)
    assert display.ax_.get_zorder() > display.learning_rate_ax_.get_zorder()
    assert is_drawn(display.lines_[0])
    assert is_drawn(display.learning_rate_lines_[0])


# Scale --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("losses", "scale"),
    [
        ([10.0, 1.0], "log"),
        ([9.9, 1.0], "linear"),
        ([10.0, np.nan, 1.0], "log"),
        ([np.inf, 2.0, 1.0], "linear"),
        ([100.0, 0.0], "linear"),
        ([100.0, -1.0], "linear"),
        ([np.nan, np.nan], "linear"),
        ([], "linear"),
    ],
)
def test_auto_scale_follows_its_rule(losses, scale):
    assert LossCurveDisplay(loss=[losses]).plot().ax_.get_yscale() == scale


def test_auto_scale_looks_at_all_that_is_drawn():
    display = LossCurveDisplay(loss=[[2.0, 1.0]], validation_loss=[[20.0, 3.0]])
    assert display.plot().ax_.get_yscale() == "log"
    assert display.plot(plot_validation=False).ax_.get_yscale() == "linear"
    assert display.plot(log_scale=False).ax_.get_yscale() == "linear"


def test_log_scale_leaves_out_what_is_not_positive():
    display = LossCurveDisplay(loss=[[4.0, 0.0, -1.0, 2.0, 1.0]])
    display.plot(log_scale=True)
    assert display.ax_.get_yscale() == "log"
    low, high = display.ax_.get_ylim()
    assert low > 0.5
    assert high < 8


@pytest.mark.parametrize(
    ("rates", "scale"),
    [([1.0, 0.01], "log"), ([1.0, 0.5], "linear"), ([0, 1], "linear")],
)
def test_scale_of_learning_rates_follows_the_same_rule(rates, scale):
    display = LossCurveDisplay(loss=[[2.0, 1.0]], learning_rate=[rates]).plot()
    assert display.learning_rate_ax_.get_yscale() == scale


# Curves of all kinds ------------------------------------------------------------------


@pytest.mark.parametrize("losses", [[3.0], [np.nan, 3.0], [3.0, np.nan, np.nan]])
def test_single_epoch_is_visible(losses):
    assert is_drawn(LossCurveDisplay(loss=[losses]).plot().lines_[0])


def test_epochs_without_neighbours_are_visible():
    losses = [1.0, np.nan, 3.0, 2.0, np.nan, 4.0]
    (line,) = LossCurveDisplay(loss=[losses]).plot().lines_
    assert line.get_marker() == "o"
    assert line.get_markevery().tolist() == [0, 5]


def test_epochs_have_whole_numbers():
    for n_epochs in (1, 2, 3, 200):
        ax = LossCurveDisplay(loss=[np.ones(n_epochs)]).plot().ax_
        low, high = ax.get_xlim()
        ticks = [tick for tick in ax.get_xticks() if low <= tick <= high]
        assert ticks
        assert all(tick == int(tick) for tick in ticks)


def test_longer_curves_have_no_markers():
    (line,) = LossCurveDisplay(loss=[[3.0, 2.0]]).plot().lines_
    assert line.get_marker() == ""


def test_perfect_fit_has_a_loss_of_zero():
    net = GDNeuralRegressor((), alpha=0, max_iter=3).fit([[0.0], [0.0]], [0, 0])
    net.intercepts_[0][:] = 0
    net.partial_fit([[0.0], [0.0]], [0, 0])
    assert net.loss_curve_[-1] == 0
    display = LossCurveDisplay.from_estimator(net)
    assert display.ax_.get_yscale() == "linear"
    assert display.best_epoch == [4]


def test_diverged_run_that_was_restored():
    net = regressor(optimizer="gd", learning_rate_init=1.0, early_stopping=True)
    net = net.fit(X, 100 * Y)
    assert not np.isfinite(net.validation_scores_[-1])
    display = LossCurveDisplay.from_estimator(net)
    assert display.best_epoch == [np.nanargmax(net.validation_scores_) + 1]


def test_partial_fit_appends():
    net = regressor()
    for _ in range(5):
        net.partial_fit(X, Y)
    (line,) = LossCurveDisplay.from_estimator(net).lines_
    np.testing.assert_array_equal(line.get_ydata(), net.loss_curve_)
    assert len(line.get_ydata()) == 5


def test_validation_of_some_calls_only_is_left_out_with_a_warning():
    net = regressor().partial_fit(X, Y).partial_fit(X, Y, X_val=X, y_val=Y)
    with pytest.warns(UserWarning, match="there are 1 for 2 epochs") as record:
        display = LossCurveDisplay.from_estimator(net)
    assert record[0].filename == __file__
    assert display.validation_lines_ == [None]


# Several estimators -------------------------------------------------------------------


def test_several_estimators_differ_in_colour_and_share_styles():
    solvers = "batch", "sgd", "minibatch"
    nets = {s: regressor(solver=s).fit(X, Y, X_val=X, y_val=Y) for s in solvers}
    display = LossCurveDisplay.from_estimators(nets)
    for line, net in zip(display.lines_, nets.values(), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), net.loss_curve_)
    assert len({line.get_color() for line in display.lines_}) == 3
    for line, validation in zip(display.lines_, display.validation_lines_, strict=True):
        assert line.get_color() == validation.get_color()
    assert legend_of(display) == [*solvers, "validation", "best epoch"]


def test_list_is_named_by_class_and_numbered():
    nets = [regressor(), MLPRegressor(max_iter=5), regressor()]
    display = LossCurveDisplay.from_estimators([net.fit(X, Y) for net in nets])
    names = ["GDNeuralRegressor 1", "MLPRegressor", "GDNeuralRegressor 2"]
    assert display.name == names
    assert legend_of(display) == [*names, "best epoch"]


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("is_classifier", [False, True])
def test_sklearns_networks_have_the_same_curve(is_classifier, early_stopping):
    ours = GDNeuralClassifier if is_classifier else GDNeuralRegressor
    theirs = MLPClassifier if is_classifier else MLPRegressor
    params = {"max_iter": 8, "random_state": 0, "early_stopping": early_stopping}
    y = LABELS if is_classifier else Y
    nets = {
        cls.__name__: cls(hidden_layer_sizes=(5,), **params).fit(X, y)
        for cls in (ours, theirs)
    }
    display = LossCurveDisplay.from_estimators(nets)
    curves = [line.get_ydata() for line in display.lines_]
    np.testing.assert_allclose(*curves, rtol=1e-7)
    assert display.best_epoch[0] == display.best_epoch[1]
    assert display.validation_lines_[1] is None  # it keeps scores only


def test_single_estimator_may_have_a_name():
    display = LossCurveDisplay.from_estimator(regressor().fit(X, Y), name="mine")
    assert legend_of(display) == ["mine", "best epoch"]


# What the network stands in -----------------------------------------------------------


def wrappers():
    grid = {"gdneuralregressor__alpha": [0.1, 1.0]}
    pipeline = make_pipeline(StandardScaler(), regressor())
    return {
        "pipeline": (pipeline, lambda e: e[-1]),
        "search": (
            GridSearchCV(regressor(), {"alpha": [0.1, 1.0]}, cv=2),
            lambda e: e.best_estimator_,
        ),
        "search over pipelines": (
            GridSearchCV(pipeline, grid, cv=2),
            lambda e: e.best_estimator_[-1],
        ),
        "search in a pipeline": (
            make_pipeline(
                StandardScaler(), GridSearchCV(regressor(), {"alpha": [0.1]}, cv=2)
            ),
            lambda e: e[-1].best_estimator_,
        ),
        "transformed target": (
            TransformedTargetRegressor(pipeline, transformer=StandardScaler()),
            lambda e: e.regressor_[-1],
        ),
    }


@pytest.mark.parametrize("name", list(wrappers()))
def test_network_is_found(name):
    estimator, network_in = wrappers()[name]
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(estimator)
    estimator.fit(X, Y)
    display = LossCurveDisplay.from_estimator(estimator)
    np.testing.assert_array_equal(display.loss[0], network_in(estimator).loss_curve_)
    assert LossCurveDisplay.from_estimators([estimator]).name == ["GDNeuralRegressor"]


# Options ------------------------------------------------------------------------------


def test_plots_into_given_axes():
    from matplotlib import pyplot as plt

    _, (left, right) = plt.subplots(1, 2)
    net = regressor().fit(X, Y)
    display = LossCurveDisplay.from_estimator(net, ax=right)
    assert display.ax_ is right
    assert display.figure_ is right.figure
    assert display.plot(left) is display
    assert display.ax_ is left
    assert left.lines[0].get_ydata().tolist() == right.lines[0].get_ydata().tolist()


def test_two_displays_in_the_same_axes_share_a_legend_and_differ_in_colour():
    net, other = regressor().fit(X, Y), regressor(alpha=1).fit(X, Y)
    first = LossCurveDisplay.from_estimator(net, name="a", plot_best_epoch=False)
    second = LossCurveDisplay.from_estimator(
        other, name="b", ax=first.ax_, plot_best_epoch=False
    )
    assert legend_of(second) == ["a", "b"]
    assert first.lines_[0].get_color() != second.lines_[0].get_color()


def test_two_displays_in_the_same_axes_take_colours_in_turn():
    nets = [regressor().fit(X, Y, X_val=X, y_val=Y) for _ in range(2)]
    ax = LossCurveDisplay.from_estimator(nets[0]).ax_
    LossCurveDisplay.from_estimator(nets[1], name="b", ax=ax)
    fresh = LossCurveDisplay.from_estimators(nets)
    solid = [line.get_color() for line in ax.lines if line.get_linestyle() == "-"]
    assert solid == [line.get_color() for line in fresh.lines_]


def test_axes_may_hold_anything_before():
    from matplotlib import pyplot as plt

    _, ax = plt.subplots()
    ax.bar([1, 2], [1, 2], label="bar")
    ax.errorbar([1, 2], [1, 2], [1, 1], label="error")
    ax.scatter([1, 2], [1, 2], label="scatter")
    display = LossCurveDisplay.from_estimator(regressor().fit(X, Y), ax=ax)
    assert {"bar", "error", "scatter", "Training"} < set(legend_of(display))


@pytest.mark.parametrize("layout", [None, "constrained"])
def test_two_displays_in_the_same_axes_share_those_of_the_rates(layout):
    from matplotlib import pyplot as plt

    _, (ax, other) = plt.subplots(1, 2, sharex=True, layout=layout)
    first, second = (
        LossCurveDisplay(loss=[[2.0, 1.0]], learning_rate=[rates])
        for rates in ([1.0, 0.5], [0.02, 0.01])
    )
    assert first.plot(ax).learning_rate_ax_.get_yscale() == "linear"
    ax.figure.canvas.draw()
    assert second.plot(ax).learning_rate_ax_ is first.learning_rate_ax_
    assert second.learning_rate_ax_.get_yscale() == "log"
    assert first.plot(other).learning_rate_ax_ is not second.learning_rate_ax_


def test_best_epoch_is_marked_where_it_is_known():
    """On the training loss, if the validation loss is not known of that epoch."""
    display = LossCurveDisplay(
        loss=[[3.0, 2.0, 1.0]],
        validation_loss=[[np.nan, 2.5, 2.6]],
        best_epoch=[1],
        early_stopping=[True],
    ).plot()
    (mark,) = display.best_epoch_points_
    assert mark.get_ydata() == [3.0]
    assert is_drawn(mark)


@pytest.mark.parametrize("line_kw", [None, {"linestyle": ":"}, {"marker": "x"}])
def test_colours_are_those_that_no_line_has(line_kw):
    first = LossCurveDisplay(loss=[[2.0, 1.0]] * 2).plot(line_kw=line_kw)
    second = LossCurveDisplay(loss=[[2.0, 1.0]] * 2).plot(first.ax_, line_kw=line_kw)
    colours = {line.get_color() for line in first.lines_ + second.lines_}
    assert len(colours) == 4


def test_all_optimizers_differ_in_colour():
    losses = [[2.0, 1.0]] * len(FIRST_ORDER)
    lines = LossCurveDisplay(loss=losses).plot().lines_
    assert len({line.get_color() for line in lines}) == len(FIRST_ORDER)


def test_names_may_be_an_array():
    display = LossCurveDisplay(loss=[[1.0], [2.0]], name=np.array(["a", "b"])).plot()
    assert legend_of(display) == ["a", "b"]


def test_what_a_network_of_scikit_learn_does_not_know_is_not_shown():
    """Its validation losses, and the rates of a schedule."""
    mlp = MLPClassifier(
        (5,), solver="sgd", learning_rate="adaptive", early_stopping=True
    )
    net = GDNeuralClassifier.from_sklearn(mlp.set_params(random_state=0).fit(X, LABELS))
    display = LossCurveDisplay.from_estimator(net, plot_learning_rate=True)
    assert display.validation_lines_ == display.learning_rate_lines_ == [None]
    assert is_drawn(display.best_epoch_points_[0])
    net.set_params(early_stopping=False).partial_fit(X, LABELS)
    net.set_params(learning_rate_init=0.5).partial_fit(X, LABELS)
    display = LossCurveDisplay.from_estimator(net)
    assert is_drawn(display.learning_rate_lines_[0])


def test_keywords_reach_the_artists():
    net = regressor(learning_rate="cosine").fit(X, Y, X_val=X, y_val=Y)
    display = LossCurveDisplay.from_estimator(
        net,
        loss_name="Half the squared error",
        line_kw={"c": "black", "lw": 3},  # aliases of keywords that we set too
        best_epoch_kw={"marker": "*"},
        learning_rate_kw={"ls": "-"},
    )
    for (line,) in display.lines_, display.validation_lines_:
        assert (line.get_color(), line.get_linewidth()) == ("black", 3)
    assert display.best_epoch_points_[0].get_marker() == "*"
    assert display.learning_rate_lines_[0].get_linestyle() == "-"
    assert display.ax_.get_ylabel() == "Half the squared error"


# Errors -------------------------------------------------------------------------------


def test_network_must_be_fitted():
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(regressor())
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimators(
            {"fitted": regressor().fit(X, Y), "not": regressor()}
        )


@pytest.mark.parametrize(
    "estimator", [LinearRegression(), MLPRegressor(solver="lbfgs", max_iter=5)]
)
def test_estimator_without_losses_is_refused(estimator):
    with pytest.raises(
        ValueError, match=f"loss_curve_, which {type(estimator).__name__}"
    ):
        LossCurveDisplay.from_estimator(estimator.fit(X, Y))


def test_search_without_refit_is_refused():
    search = GridSearchCV(regressor(), {"alpha": [0.1]}, cv=2, refit=False).fit(X, Y)
    with pytest.raises(ValueError, match="refit=False"):
        LossCurveDisplay.from_estimator(search)


def test_from_estimators_wants_several():
    with pytest.raises(TypeError, match="use from_estimator"):
        LossCurveDisplay.from_estimators(make_pipeline(regressor()).fit(X, Y))
    with pytest.raises(ValueError, match="at least one estimator"):
        LossCurveDisplay.from_estimators([])


@pytest.mark.parametrize("option", ["log_scale", "plot_learning_rate"])
def test_wrong_option_is_refused(option):
    with pytest.raises(
        ValueError, match=f"{option} must be a bool or 'auto', got 'yes'"
    ):
        LossCurveDisplay(loss=[[2.0, 1.0]]).plot(**{option: "yes"})


@pytest.mark.parametrize(
    "data",
    [
        {"validation_loss": [None, None]},
        {"learning_rate": []},
        {"best_epoch": [1, 1]},
        {"early_stopping": [True, False]},
        {"name": ["a", "b"]},
    ],
)
def test_lists_of_other_lengths_are_refused(data):
    (name,) = data
    with pytest.raises(ValueError, match=f"{name} must be None, or have one element"):
        LossCurveDisplay(loss=[[2.0, 1.0]], **data).plot()


# matplotlib ---------------------------------------------------------------------------


def test_skgd_does_not_import_matplotlib():
    code = "import skgd, sys; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_missing_matplotlib_is_named(monkeypatch):
    net = regressor().fit(X, Y)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"LossCurveDisplay\S* requires matplotlib"):
        LossCurveDisplay.from_estimator(net)
