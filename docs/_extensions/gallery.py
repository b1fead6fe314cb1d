"""The gallery's sections and order, its pictures, and its rule not to warn."""

import warnings
from pathlib import Path

import matplotlib.pyplot as plt

# Names in examples are looked up, also of examples that are not run.
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sphinx_gallery.sorting import ExplicitOrder

SECTIONS = ExplicitOrder(
    ["../examples/descent", "../examples/networks", "../examples/data"]
)

# Within a section, from what is learned first to what is used daily. An example that is
# not listed comes last.
ORDER = ExplicitOrder(
    [
        # descent
        "plot_descent_paths.py",
        "plot_batch_sgd_minibatch.py",
        "plot_learning_rates.py",
        "plot_optimizers.py",
        "plot_schedules.py",
        "plot_loss_curves.py",
        "plot_gradient_check.py",
        # networks
        "plot_activations.py",
        "plot_decision_boundaries.py",
        "plot_callbacks.py",
        "plot_digit_weights.py",
        "plot_overfitting.py",
        # data
        "plot_swap_in.py",
        "plot_tables.py",
        "plot_grid_search.py",
        "plot_quantiles.py",
        "plot_robust_losses.py",
        "plot_imbalanced.py",
        "plot_forecast.py",
        "plot_partial_fit.py",
        "*",
    ]
)


_filters = []  # contexts of the warnings' filters; an example has one at a time


def turn_warnings_into_errors(gallery_conf, fname, when):
    """Raise an example's warnings as errors, while it runs.

    sphinx-gallery calls it before and after each example.
    """
    if when == "after":
        _filters.pop().__exit__(None, None, None)
        return
    _filters.append(warnings.catch_warnings())
    _filters[-1].__enter__()
    warnings.simplefilter("error")
    # From plt.show(), where there is no screen.
    warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")


def draw_as_elsewhere(gallery_conf, fname):
    """Set sizes and fonts for an example; sphinx-gallery calls it."""
    plt.style.use(Path(__file__).parents[1] / "matplotlibrc")


def save_pictures(block, block_vars, gallery_conf):
    """Save the open figures as the panels of a picture, and return its directives.

    sphinx-gallery calls it after each block of an example.
    """
    lines = [".. container:: pictures", ""]
    for number, name in zip(
        plt.get_fignums(), block_vars["image_path_iterator"], strict=False
    ):
        figure, path = plt.figure(number), Path(name).with_suffix(".svg")
        figure.savefig(path)
        lines += [
            f"   .. image:: /{path.relative_to(gallery_conf['src_dir']).as_posix()}",
            f"      :alt: {description(figure)}",
        ]
    plt.close("all")
    return "\n".join(lines) if len(lines) > 2 else ""


def description(figure):
    """Say what a figure shows, by its title or its axes."""
    ax = figure.axes[0]
    title = figure.get_suptitle() or ax.get_title()
    words = title or f"{ax.get_ylabel()} against {ax.get_xlabel()}"
    return " ".join(words.split())
