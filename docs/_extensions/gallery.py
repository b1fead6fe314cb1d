"""The gallery's sections and order, and its rule that an example must not warn."""

import warnings

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
