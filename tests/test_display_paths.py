"""Descent paths: they are those of `fit`, and the surface is the training loss."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from skgd import GDNeuralClassifier, GDNeuralRegressor, GradientDescentPathDisplay
from skgd._display._recording import planned_steps, record_fit
from skgd._display._surface import (
    TrainingLoss,
    grid_around,
    level_labels,
    log_levels,
    plane_of,
)
from skgd.estimators.parameters import COMMON_CONSTRAINTS
from skgd.estimators.regressor import LOSS_NAMES
from skgd.kernels.formulas.losses import LOSSES
from tests.inside import theta_of

matplotlib = pytest.importorskip("matplotlib")

pytestmark = [
    pytest.mark.usefixtures("figures_that_draw"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

SOLVERS = ["batch", "sgd", "minibatch"]
OPTIMIZERS = sorted(COMMON_CONSTRAINTS["optimizer"][0].options)

X, Y = make_regression(30, 3, noise=10, random_state=0)
Y = Y / Y.std()
LABELS = make_classification(30, 3, n_redundant=0, random_state=0)[1]


def regressor(solver="minibatch", **params):
    defaults = {"batch_size": 7, "max_iter": 4, "random_state": 0}
    defaults["hidden_layer_sizes"] = (4,)
    return GDNeuralRegressor(solver=solver, **{**defaults, **params})


def linear(solver="batch", **params):
    """Return a network of two parameters, for one feature."""
    defaults = {"hidden_layer_sizes": (), "optimizer": "gd", "alpha": 0.0}
    return regressor(solver, **{**defaults, "learning_rate_init": 0.1, **params})


def plot(estimators, X, y, sample_weight=None, **options):
    options = {"grid_resolution": 5, **options}
    return GradientDescentPathDisplay.from_estimators(
        estimators, X, y, sample_weight, **options
    )


def path_of(estimator, X=X, y=Y, sample_weight=None, **options):
    from matplotlib import pyplot as plt

    (path,) = plot([estimator], X, y, sample_weight, **options).paths.values()
    plt.close()  # to draw it would take most of the time
    return path


# Paths --------------------------------------------------------------------------------

# What a run can depend on besides its data.
SETTINGS = {
    "shuffled": {},
    "in order": {"shuffle": False},
    "schedule of steps": {"learning_rate": "cosine"},
    "schedule of epochs": {"learning_rate": "invscaling"},
    "dropout": {"dropout": 0.5, "hidden_layer_sizes": (6, 5)},
    "decay and clipping": {"weight_decay": 0.1, "max_grad_norm": 0.1},
    "two threads": {"n_jobs": 2},
    "converged": {"tol": 10.0, "n_iter_no_change": 1, "max_iter": 50},
    **{optimizer: {"optimizer": optimizer} for optimizer in OPTIMIZERS},
}


@pytest.mark.parametrize(
    ("setting", "solver", "max_points"),
    [  # each setting and each solver with both numbers of points
        (setting, solver, [1000, 5][(i + j) % 2])
        for i, setting in enumerate(SETTINGS)
        for j, solver in enumerate(SOLVERS)
        if solver == "batch" or setting != "lbfgs"
    ],
)
def test_recorded_run_is_the_fit(setting, solver, max_points):
    net = regressor(solver, **SETTINGS[setting])
    path = path_of(net, max_points=max_points)
    net.fit(X, Y)
    np.testing.assert_array_equal(path.parameters[-1], theta_of(net))
    n_batches = {"batch": 1, "sgd": 30, "minibatch": 5}[solver]
    assert path.n_epochs == net.n_iter_
    assert path.n_steps == path.steps[-1] == net.n_iter_ * n_batches
    assert len(path.steps) == len(path.parameters) == len(path.points)
    assert path.steps[0] == 0
    assert (np.diff(path.steps) > 0).all()
    if max_points == 1000:
        np.testing.assert_array_equal(path.steps, np.arange(path.n_steps + 1))
    else:
        assert len(path.steps) <= max_points + 2  # with start and end


@pytest.mark.parametrize("solver", SOLVERS)
def test_points_at_the_ends_of_epochs_are_those_of_shorter_fits(solver):
    net = regressor(solver)
    path = path_of(net)
    n_batches = path.n_steps // path.n_epochs
    for n_epochs in (1, 2, 3):
        shorter = clone(net).set_params(max_iter=n_epochs).fit(X, Y)
        point = path.parameters[n_epochs * n_batches]
        np.testing.assert_array_equal(point, theta_of(shorter))


@pytest.mark.parametrize(("solver", "size"), [("sgd", 1), ("minibatch", 7)])
@pytest.mark.parametrize("optimizer", ["adam", "nadam"])
def test_points_within_an_epoch_are_those_after_its_first_batches(
    solver, size, optimizer
):
    net = regressor(solver, shuffle=False, max_iter=1, optimizer=optimizer)
    path = path_of(net)
    for n_steps in (1, 2, 4):
        rows = slice(n_steps * size)
        first = clone(net).fit(X[rows], Y[rows])
        np.testing.assert_array_equal(path.parameters[n_steps], theta_of(first))


def test_path_of_the_batch_solver_has_a_closed_form():
    net = linear(max_iter=20)
    path = path_of(net, X[:, :1], Y)
    features = np.column_stack([X[:, 0], np.ones(len(X))])
    theta = path.parameters[0]
    for point in path.parameters[1:]:
        theta = theta - 0.1 * features.T @ (features @ theta - Y) / len(X)
        np.testing.assert_allclose(point, theta, rtol=1e-12)


def test_path_of_single_samples_has_a_closed_form():
    net = linear("sgd", shuffle=False, max_iter=2)
    path = path_of(net, X[:, :1], Y)
    theta = path.parameters[0]
    rows = [*range(len(X)), *range(len(X))]
    for row, point in zip(rows, path.parameters[1:], strict=True):
        x = np.array([X[row, 0], 1.0])
        theta = theta - 0.1 * (x @ theta - Y[row]) * x
        np.testing.assert_allclose(point, theta, rtol=1e-12)


@pytest.mark.parametrize("solver", SOLVERS)
def test_weights_of_zero_make_no_step(solver):
    weight = np.tile([0.0, 2.0, 1.0], 10)
    net = regressor(solver)
    path = path_of(net, sample_weight=weight)
    net.fit(X, Y, weight)
    np.testing.assert_array_equal(path.parameters[-1], theta_of(net))
    # Of single samples two in three count; a last batch of two may have none that does.
    n_steps = {"batch": [4], "sgd": [80], "minibatch": range(16, 21)}[solver]
    assert path.n_steps in n_steps
    np.testing.assert_array_equal(path.steps, np.arange(path.n_steps + 1))


def test_loss_of_a_recorded_fit_is_the_same():
    # Stopping goes by it. Some batches have no weight, and the last one is shorter.
    weight = np.repeat([1.0, 0.0, 3.0], [7, 14, 9])
    net = regressor(shuffle=False, max_iter=8)
    recorded, recorder = record_fit("path", net, 6, X, Y, weight)
    expected = clone(net).fit(X, Y, weight)
    assert len(recorder.steps) == 7
    np.testing.assert_allclose(recorded.loss_curve_, expected.loss_curve_, rtol=1e-14)


@pytest.mark.parametrize("solver", SOLVERS)
def test_classes_and_single_precision(solver):
    net = GDNeuralClassifier(
        (4,), solver=solver, max_iter=3, batch_size=7, random_state=0
    )
    X32 = X.astype(np.float32)
    path = path_of(net, X32, LABELS)
    parameters = theta_of(net.fit(X32, LABELS))
    assert path.parameters.dtype == parameters.dtype == np.float32
    np.testing.assert_array_equal(path.parameters[-1], parameters)


@pytest.mark.parametrize("solver", SOLVERS)
def test_end_is_what_early_stopping_restores(solver):
    net = regressor(solver, early_stopping=True, learning_rate_init=1.0, max_iter=40)
    display = plot([net], X, Y)
    (path,) = display.paths.values()
    net.fit(X, Y)
    best = int(np.argmax(net.validation_scores_)) + 1
    assert best < net.n_iter_
    moved = theta_of(net) - path.parameters[0]
    np.testing.assert_allclose(path.end, display.directions @ moved, atol=1e-12)
    assert not np.allclose(path.end, path.points[-1])


@pytest.mark.filterwarnings("error")  # max_iter does not suffice, which is no news
def test_estimators_stay_as_they_are():
    net = regressor()
    before = vars(net).copy()
    plot([net], X, Y)
    assert vars(net) == before


@pytest.mark.parametrize(
    ("total", "max_points"), [(1, 2), (50, 50), (51, 50), (10**6, 99)]
)
def test_planned_steps_grow_apart(total, max_points):
    steps = planned_steps(total, max_points)
    assert steps[0] == 1
    assert steps[-1] == total
    assert len(steps) <= max_points
    distances = np.diff(steps)
    assert (distances > 0).all()
    assert (np.diff(distances) >= -1).all()  # up to rounding
    if total <= max_points:
        assert len(steps) == total


# The plane ----------------------------------------------------------------------------


def test_plane_of_two_parameters_holds_everything():
    nets = {solver: linear(solver) for solver in SOLVERS}
    display = plot(nets, X[:, :1], Y)
    assert display.explained == pytest.approx(1, abs=1e-12)
    for path in display.paths.values():
        start = path.parameters[0]
        np.testing.assert_allclose(
            start + path.points @ display.directions, path.parameters, atol=1e-12
        )


@pytest.mark.parametrize("n_params", [3, 200])  # fewer than points, and more
def test_plane_holds_start_and_mean_end_and_the_principal_direction(n_params):
    rng = np.random.RandomState(0)
    paths = [rng.randn(n, n_params).cumsum(axis=0) for n in (20, 60)]
    for path in paths:
        path[0] = 3.0
    ends = [path[-1] for path in paths]
    plane, explained = plane_of(paths, ends)
    directions = plane.directions
    np.testing.assert_allclose(directions @ directions.T, np.eye(2), atol=1e-12)

    middle = np.mean(ends, axis=0) - 3.0
    length = np.linalg.norm(middle)
    np.testing.assert_allclose(plane.project([middle + 3.0]), [[length, 0]], atol=1e-12)
    np.testing.assert_allclose(plane.project([paths[0][0]]), [[0, 0]], atol=1e-12)

    # By a singular value decomposition of what the first direction leaves.
    moved = np.vstack([(path - 3.0) / np.sqrt(len(path)) for path in paths])
    along = moved @ (middle / length)
    rest = moved - np.outer(along, middle / length)
    _, sizes, vectors = np.linalg.svd(rest)
    assert abs(vectors[0] @ directions[1]) == pytest.approx(1, abs=1e-9)
    held = (np.sum(along**2) + sizes[0] ** 2) / np.sum(moved**2)
    assert explained == pytest.approx(held, rel=1e-9)

    on_plane = plane.point(2.0, -1.5)
    np.testing.assert_allclose(plane.project([on_plane]), [[2, -1.5]], atol=1e-12)


@pytest.mark.parametrize(
    "path",
    [
        np.zeros((3, 4)),  # did not move
        np.outer([0.0, 1.0, 3.0], [1.0, 2.0, 0.0, -1.0]),  # in a straight line
        np.outer([0.0, 1.0, 0.0], [1.0, 2.0, 0.0, -1.0]),  # there and back
    ],
)
def test_plane_of_a_path_without_an_area(path):
    plane, explained = plane_of([path], [path[-1]])
    directions = plane.directions
    np.testing.assert_allclose(directions @ directions.T, np.eye(2), atol=1e-12)
    assert explained == pytest.approx(1)


def test_run_that_does_not_move_is_plotted():
    display = plot([regressor(learning_rate=lambda t: 0 * t)], X, Y)
    (path,) = display.paths.values()
    np.testing.assert_allclose(path.points, 0, atol=1e-12)
    assert np.ptp(display.xx0) > 0


def test_grid_has_one_unit_and_holds_all_points():
    points = np.array([[0.0, 0.0], [4.0, 0.5], [2.0, 1.0]])
    xx0, xx1 = grid_around(points, resolution=7, margin=0.25)
    assert xx0.shape == xx1.shape == (7, 7)
    np.testing.assert_allclose(xx0[0, [0, -1]], [-1, 5])
    np.testing.assert_allclose(xx1[[0, -1], 0], [0.5 - 2.25, 0.5 + 2.25])


# The surface --------------------------------------------------------------------------


def test_surface_of_a_linear_model_is_its_closed_form():
    net = linear(alpha=3.0)
    weight = np.linspace(0.5, 2, len(X))
    display = plot([net], X[:, :1], Y, weight)
    (path,) = display.paths.values()
    for x0, x1, loss in zip(
        *map(np.ravel, (display.xx0, display.xx1, display.loss)), strict=True
    ):
        slope, bias = path.parameters[0] + [x0, x1] @ display.directions
        error = slope * X[:, 0] + bias - Y
        data_term = np.average(0.5 * error**2, weights=weight)
        expected = data_term + 0.5 * 3.0 * slope**2 / weight.sum()
        assert loss == pytest.approx(expected, rel=1e-12)


def targets_of(loss):
    rng = np.random.RandomState(0)
    return rng.gamma(2.0, size=(30, 2)) if LOSSES[loss].needs else X[:, :2]


SURFACES = {
    **{
        loss: (regressor("batch", loss=loss), targets_of(loss))
        for loss in sorted(LOSS_NAMES)
    },
    "binary": (GDNeuralClassifier(), LABELS),
    "multiclass": (GDNeuralClassifier(), np.arange(30) % 3),
    "multilabel": (GDNeuralClassifier(), np.eye(2, dtype=int)[LABELS]),
    "label smoothing": (GDNeuralClassifier(label_smoothing=0.2), LABELS),
    "class weights": (GDNeuralClassifier(class_weight={0: 1, 1: 5}), LABELS),
    "balanced": (GDNeuralClassifier(class_weight="balanced"), LABELS),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", list(SURFACES))
def test_surface_is_the_loss_that_the_batch_solver_reports(name, weighted):
    # The loss of an epoch is that before its one step: at the point before.
    net, y = SURFACES[name]
    net = clone(net).set_params(
        hidden_layer_sizes=(4,), solver="batch", alpha=2.0, max_iter=5, random_state=0
    )
    weight = np.linspace(0, 2, 30) if weighted else None
    path = path_of(net, X, y, weight)
    net.fit(X, y, weight)
    training_loss = TrainingLoss(net, X, y, weight)
    losses = [training_loss(theta) for theta in path.parameters[:-1]]
    np.testing.assert_allclose(losses, net.loss_curve_, rtol=1e-12)


def test_surface_is_without_dropout():
    net, dropped = regressor("batch"), regressor("batch", dropout=0.5)
    theta = path_of(net).parameters[-1]
    losses = [TrainingLoss(e.fit(X, Y), X, Y)(theta) for e in (net, dropped)]
    assert losses[0] == losses[1]


def test_surface_of_a_list_is_that_of_the_first():
    nets = [regressor("batch", alpha=5.0), regressor("sgd", alpha=0.0)]
    display = plot(nets, X, Y)
    (start, *_), *_ = (path.parameters for path in display.paths.values())
    x0, x1 = display.xx0[0, 0], display.xx1[0, 0]
    theta = start + [x0, x1] @ display.directions
    expected = TrainingLoss(nets[0].fit(X, Y), X, Y)(theta)
    assert display.loss[0, 0] == pytest.approx(expected, rel=1e-12)


# Levels -------------------------------------------------------------------------------


def test_levels_are_at_equal_ratios_above_the_least_loss():
    grid = np.linspace(-1, 1, 201)
    loss = 7.0 + grid**2 + 5 * grid[:, np.newaxis] ** 2
    levels = log_levels(loss.ravel(), 9)
    ratios = np.diff(np.log(levels - 7.0))
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-6)
    assert len(levels) == 9
    assert np.mean(loss < levels[0]) == pytest.approx(0.005, abs=1e-3)
    assert np.mean(loss > levels[-1]) == pytest.approx(0.02, abs=1e-3)


@pytest.mark.parametrize(
    "loss",
    [
        np.full((4, 4), 2.0),  # flat
        np.full((4, 4), 0.0),
        np.where(np.eye(4), 5.0, 1.0),  # flat for the most part
        np.where(np.eye(4), np.inf, np.arange(4.0)),
        np.where(np.eye(4), np.nan, np.arange(4.0)),
        np.geomspace(1e-300, 1e300, 16).reshape(4, 4),
    ],
)
def test_any_surface_has_levels_and_is_drawn(loss):
    display = plot([regressor(max_iter=1)], X, Y, grid_resolution=4)
    display.loss = loss
    levels = display.plot(n_levels=9).surface_.levels
    assert len(levels) > 1
    assert (np.diff(levels) > 0).all()
    assert np.isfinite(levels).all()


def test_surface_that_is_nowhere_finite_is_refused():
    display = plot([regressor(max_iter=1)], X, Y, grid_resolution=4)
    display.loss = np.full((4, 4), np.nan)
    with pytest.raises(ValueError, match="not finite anywhere"):
        display.plot()


# Artists ------------------------------------------------------------------------------


def test_artists_show_the_data():
    display = plot([regressor(solver) for solver in SOLVERS], X, Y)
    assert list(display.paths) == SOLVERS
    drawn = zip(display.paths.values(), display.lines_, display.ends_, strict=True)
    for path, line, end in drawn:
        np.testing.assert_array_equal(line.get_xydata(), path.points)
        np.testing.assert_array_equal(end.get_xydata(), [path.end])
        assert end.get_color() == line.get_color()
    assert len({line.get_color() for line in display.lines_}) == 3
    np.testing.assert_array_equal(display.start_.get_xydata(), [[0, 0]])
    assert display.ax_.get_aspect() == 1
    assert display.ax_.get_xlim() == (display.xx0.min(), display.xx0.max())
    assert display.ax_.get_ylim() == (display.xx1.min(), display.xx1.max())
    assert display.colorbar_.ax.get_ylabel() == "Training loss"
    assert display.figure_ is display.ax_.figure
    # The less noisy paths lie above.
    batch, sgd, minibatch = (line.get_zorder() for line in display.lines_)
    assert batch > minibatch > sgd


def test_legend_tells_epochs_and_steps():
    nets = {"a": regressor("batch", max_iter=1), "b": regressor("sgd", max_iter=50)}
    display = plot(nets, X, Y, max_points=20)
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts[:2] == ["a: 1 epoch, 1 step", "b: 50 epochs, 1,500 steps"]


def test_scale_has_three_digits_and_no_label_twice():
    display = plot([regressor(max_iter=1)], X, Y, grid_resolution=4)
    display.loss = np.array([[1.0, 1.0001, 1.0002, 2.0], [15, 300, 4000, 54321]])
    display.xx0, display.xx1 = np.meshgrid(np.arange(4.0), np.arange(2.0))
    display.plot(n_levels=8)
    labels = [text.get_text() for text in display.colorbar_.ax.get_yticklabels()]
    assert len(labels) == len(set(labels)) > 3
    for label in labels:
        assert "e" not in label
        assert len(label.replace(",", "").replace(".", "").strip("0")) <= 3


@pytest.mark.parametrize(
    ("levels", "labels"),
    [
        ([0.123456, 1234.56, 1e6], ["0.123", "1,230", "1e+06"]),
        (np.linspace(1.2171, 1.2179, 9), [f"1.21{k}" for k in range(71, 80)]),
    ],
)
def test_scale_has_more_digits_where_the_surface_is_flat(levels, labels):
    assert level_labels(np.array(levels)) == labels


@pytest.mark.parametrize("layout", [None, "constrained"])
@pytest.mark.parametrize("size", [(6.4, 4.8), (4, 3)])
def test_legend_and_scale_lie_within_a_figure_of_ones_own(layout, size):
    from matplotlib import pyplot as plt

    figure, ax = plt.subplots(layout=layout, figsize=size)
    nets = [regressor(solver) for solver in ("batch", "sgd", "minibatch")]
    display = plot(nets, X, Y, ax=ax, grid_resolution=6)
    figure.canvas.draw()
    legend, scale = ax.get_legend(), display.colorbar_.ax
    for artist in (legend, scale):
        box = artist.get_tightbbox()
        assert box.xmin >= 0
        assert box.ymin >= 0
        assert box.xmax <= figure.bbox.xmax
        assert box.ymax <= figure.bbox.ymax
    if layout is None:
        assert ax.bbox.contains(*legend.get_window_extent().min)
        assert ax.bbox.contains(*legend.get_window_extent().max)
    else:
        assert not legend.get_tightbbox().overlaps(ax.xaxis.label.get_tightbbox())


def test_options_reach_the_artists():
    from matplotlib import pyplot as plt

    _, ax = plt.subplots()
    display = GradientDescentPathDisplay.from_estimator(
        regressor(),
        *(X, Y),
        ax=ax,
        grid_resolution=6,
        n_levels=5,
        colorbar=False,
        line_kw={"lw": 3, "ms": 0},
    )
    assert display.ax_ is ax
    assert display.xx0.shape == display.xx1.shape == display.loss.shape == (6, 6)
    assert len(display.surface_.levels) == 5
    assert display.colorbar_ is None
    assert len(display.figure_.axes) == 1
    assert display.lines_[0].get_linewidth() == 3
    again = display.plot(loss_name="Loss")
    assert again is display
    assert display.ax_ is not ax
    assert display.colorbar_.ax.get_ylabel() == "Loss"


def test_solvers_of_a_list_are_numbered():
    display = plot([regressor(), regressor(alpha=1.0), regressor("sgd")], X, Y)
    assert list(display.paths) == ["minibatch 1", "minibatch 2", "sgd"]


# Errors -------------------------------------------------------------------------------


def test_start_must_be_the_same():
    nets = {"one": regressor(), "two": regressor(random_state=1)}
    with pytest.raises(ValueError, match="'two' does not begin where 'one' does"):
        plot(nets, X, Y)
    with pytest.raises(ValueError, match="same int as random_state"):
        plot([regressor(random_state=None), regressor(random_state=None)], X, Y)
    plot([regressor(random_state=None)], X, Y)  # a single path may begin anywhere


def test_state_of_a_generator_is_a_start():
    rng = np.random.RandomState(0)
    plot([regressor(random_state=rng), regressor("sgd", random_state=rng)], X, Y)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_layer_sizes", (3,)),
        ("activation", "tanh"),
        ("loss", "absolute_error"),
        ("loss", "huber"),
    ],
)
def test_surface_must_be_the_same(name, value):
    with pytest.raises(
        ValueError, match=f"same {name}: that of 'b' is not that of 'a'"
    ):
        plot({"a": regressor(), "b": regressor(**{name: value})}, X, Y)


@pytest.mark.parametrize(
    ("name", "value"), [("class_weight", {0: 1, 1: 2}), ("label_smoothing", 0.1)]
)
def test_surface_of_classes_must_be_the_same(name, value):
    net = GDNeuralClassifier((2,), max_iter=1, random_state=0)
    other = clone(net).set_params(**{name: value})
    with pytest.raises(ValueError, match=f"same {name}"):
        plot([net, other], X, LABELS)


def test_parameter_of_the_loss_must_be_the_same():
    nets = [regressor(loss="quantile", quantile=q) for q in (0.1, 0.9)]
    with pytest.raises(ValueError, match="same loss"):
        plot(nets, X, Y)


def test_regressor_and_classifier_have_no_common_surface():
    nets = [regressor(), GDNeuralClassifier((4,), max_iter=1, random_state=0)]
    with pytest.raises(ValueError, match="same class"):
        plot(nets, X, LABELS)


@pytest.mark.parametrize("other", [LinearRegression(), make_pipeline(regressor())])
def test_only_networks_have_paths(other):
    kind = type(other).__name__
    with pytest.raises(TypeError, match=f"'b' must be .* got {kind}"):
        plot({"a": regressor(), "b": other}, X, Y)
    with pytest.raises(TypeError, match=f"^'{kind}' must be"):
        plot([other], X, Y)


def test_diverging_fit_is_named():
    nets = {
        "calm": regressor(),
        "wild": regressor(optimizer="gd", learning_rate_init=1e3, max_iter=50),
    }
    with pytest.raises(ValueError, match="The fit of 'wild' failed: Solver produced"):
        plot(nets, X, Y)


@pytest.mark.parametrize(
    "option", [{"max_points": 1}, {"grid_resolution": 2.5}, {"margin": -1}]
)
def test_wrong_option_is_refused(option):
    ((name, value),) = option.items()
    with pytest.raises(ValueError, match=f"{name} must be .*, got {value}"):
        plot([regressor()], X, Y, **option)


def test_wrong_number_of_levels_is_refused():
    with pytest.raises(ValueError, match="n_levels must be an int >= 2, got 1"):
        plot([regressor()], X, Y, n_levels=1)


def test_from_estimators_wants_several():
    with pytest.raises(TypeError, match="use from_estimator"):
        plot(regressor(), X, Y)
    with pytest.raises(ValueError, match="at least one estimator"):
        plot({}, X, Y)
