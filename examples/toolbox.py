"""Show, by repeated cross-validation, that what skgd adds to scikit-learn's nets works.

Five comparisons, on the diabetes data and the digits that come with scikit-learn:

1. nets that predict quantiles: how many held-out targets lie below;
2. squared error, Huber's loss and absolute error, where 5% of the targets are wrong;
3. ``class_weight="balanced"`` against none, where one class is rare;
4. ``weight_decay`` and ``dropout`` against none, where samples are few;
5. learning rates along a curve against a constant one: the epochs that each takes.

All sides of a comparison share the splits, the network, the epochs and the random
state. You see a table for each, and find a picture of all in ``toolbox.png``, provided
that matplotlib is installed. A difference is given as its mean over the splits, with
its 10% and 90% quantiles in brackets, and the number of splits in which it is a gain.

Run it with ``python examples/toolbox.py [--output toolbox.png]``. It takes about 80
seconds on two cores, and as many more as it takes to compile the kernels at first.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    mean_absolute_error,
    mean_pinball_loss,
    recall_score,
    root_mean_squared_error,
)
from sklearn.model_selection import (
    KFold,
    RepeatedKFold,
    RepeatedStratifiedKFold,
    StratifiedKFold,
    cross_val_predict,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler

from skgd import GDNeuralClassifier, GDNeuralRegressor

N_FOLDS = 5
QUANTILES = [0.1, 0.5, 0.9]
LOSSES = ["squared_error", "huber", "absolute_error"]
SHARES_WRONG = [0, 0.05]
RARE = {"all": None, "20": 20}  # eights to train on
CLASS_WEIGHTS = [None, "balanced"]
REGULARISATIONS = {
    "none": {},
    "weight_decay=0.3": {"weight_decay": 0.3},
    "dropout=0.5": {"dropout": 0.5},
    "both": {"weight_decay": 0.3, "dropout": 0.5},
}
SCHEDULES = ["constant", "cosine", "one_cycle"]
RATES = [0.001, 0.003, 0.01, 0.03]
BUDGETS = [5, 10, 15, 20, 40, 80]  # epochs


def evaluate(judge, cases):
    """Stack what `judge` yields for each case, and for its number as random state.

    Two cases run at a time, in threads: the kernels do without Python's lock.
    """
    run = delayed(lambda seed, case: list(judge(seed, case)))
    jobs = (run(seed, case) for seed, case in enumerate(cases))
    return np.array(Parallel(n_jobs=2, prefer="threads")(jobs))


def print_table(title, header, rows):
    """Print the rows below their header, the first column flush left."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    print(f"\n{title}\n")
    for row in (header, *rows):
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        cells[0] = row[0].ljust(widths[0])
        print("  ".join(cells).rstrip())


def describe(difference, digits, *, higher_is_better=False):
    """Mean over splits, 10% and 90% quantiles, and the number of splits with a gain."""
    low, high = np.quantile(difference, [0.1, 0.9])
    n_gains = np.sum(difference > 0 if higher_is_better else difference < 0)
    numbers = f"{difference.mean():+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"
    return [numbers, f"{n_gains} of {difference.size}"]


# 1 and 2: diabetes ------------------------------------------------------------------


def make_regressor(seed, **loss):
    """A small net with strong weight decay, as it learns from only 350 patients.

    RobustScaler goes by the quartiles of the targets, which a few wrong ones hardly
    move.
    """
    net = GDNeuralRegressor(
        hidden_layer_sizes=(10,),
        activation="tanh",
        weight_decay=1.0,
        learning_rate="cosine",
        learning_rate_init=0.01,
        n_iter_no_change=np.inf,  # follow the curve to its end
        random_state=seed,
        **loss,
    )
    pipeline = make_pipeline(StandardScaler(), net)
    return TransformedTargetRegressor(pipeline, transformer=RobustScaler())


def compare_quantiles(n_repeats=10):
    """Predict quantiles for held-out patients; return the share of those below."""
    X, y = load_diabetes(return_X_y=True)

    def judge(seed, folds):
        for quantile in QUANTILES:
            model = make_regressor(seed, loss="quantile", quantile=quantile)
            predicted = cross_val_predict(model, X, y, cv=folds)
            loss = mean_pinball_loss(y, predicted, alpha=quantile)
            yield np.mean(y <= predicted), loss

    cases = [KFold(N_FOLDS, shuffle=True, random_state=i) for i in range(n_repeats)]
    results = evaluate(judge, cases)

    rows = []
    for i, quantile in enumerate(QUANTILES):
        below, loss = results[:, i].T
        shares = [f"{x:.1%}" for x in (below.mean(), below.min(), below.max())]
        constant = np.full(y.size, np.quantile(y, quantile))
        constant_loss = mean_pinball_loss(y, constant, alpha=quantile)
        rows.append(
            [f"{quantile}", *shares, f"{loss.mean():.2f}", f"{constant_loss:.2f}"]
        )
    print_table(
        f"1. Held-out patients below the quantile, in {n_repeats} repetitions",
        ["quantile", "below", "least", "most", "pinball loss", "of a constant"],
        rows,
    )
    return results[..., 0]


def slip_decimal_points(y, share, seed):
    """Multiply a share of the targets by 10."""
    y = y.copy()
    wrong = np.random.RandomState(seed).permutation(y.size)[: round(share * y.size)]
    y[wrong] *= 10
    return y


def compare_losses(n_repeats=5):
    """Train on right and on partly wrong targets; return the error on right ones."""
    X, y = load_diabetes(return_X_y=True)

    def judge(seed, split):
        train, test = split
        for share in SHARES_WRONG:
            y_train = slip_decimal_points(y[train], share, seed)
            for loss in LOSSES:
                model = make_regressor(seed, loss=loss).fit(X[train], y_train)
                predicted = model.predict(X[test])
                yield root_mean_squared_error(y[test], predicted)
                yield mean_absolute_error(y[test], predicted)

    folds = RepeatedKFold(n_splits=N_FOLDS, n_repeats=n_repeats, random_state=0)
    results = evaluate(judge, folds.split(X))
    results = results.reshape(-1, len(SHARES_WRONG), len(LOSSES), 2)

    rows = []
    for i, loss in enumerate(LOSSES):
        means = [f"{x:.1f}" for x in results[:, :, i].mean(axis=0).T.ravel()]
        difference = results[:, 1, i, 0] - results[:, 1, 0, 0]
        rows.append([loss, *means, *(describe(difference, 1) if i else ["", ""])])
    print_table(
        "2. Held-out error after training on targets of which 0% and 5% are wrong",
        ["loss", "RMSE 0%", "5%", "MAE 0%", "5%", "RMSE 5% - squared", "lower"],
        rows,
    )
    return results[..., 0]


# 3 to 5: digits ---------------------------------------------------------------------


def load_pixels():
    """Digits, with pixels from 0 to 1.

    Pixels have a scale in common. A StandardScaler would blow up those at the edge,
    where ink is rare.
    """
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def thin(train, is_rare, n_rare, seed):
    """Leave out all rare samples but `n_rare`, drawn at random."""
    rare = np.random.RandomState(seed).permutation(train[is_rare[train]])
    return np.r_[train[~is_rare[train]], rare[:n_rare]]


def compare_class_weights(n_repeats=4):
    """Tell eights from other digits; return the balanced accuracy in percent."""
    X, y = load_pixels()
    is_eight = y == 8

    def judge(seed, split):
        train, test = split
        for n_rare in RARE.values():
            rows = thin(train, is_eight, n_rare, seed)
            for class_weight in CLASS_WEIGHTS:
                net = GDNeuralClassifier(
                    hidden_layer_sizes=(50,),
                    learning_rate_init=0.003,
                    class_weight=class_weight,
                    random_state=seed,
                )
                predicted = net.fit(X[rows], is_eight[rows]).predict(X[test])
                for score in (balanced_accuracy_score, recall_score, accuracy_score):
                    yield 100 * score(is_eight[test], predicted)

    folds = RepeatedStratifiedKFold(
        n_splits=N_FOLDS, n_repeats=n_repeats, random_state=0
    )
    results = evaluate(judge, folds.split(X, y))
    results = results.reshape(-1, len(RARE), len(CLASS_WEIGHTS), 3)

    rows = []
    for i, task in enumerate(RARE):
        difference = results[:, i, 1, 0] - results[:, i, 0, 0]
        gains = [["", ""], describe(difference, 1, higher_is_better=True)]
        for j, class_weight in enumerate(CLASS_WEIGHTS):
            means = [f"{x:.1f}" for x in results[:, i, j].mean(axis=0)]
            rows.append([task, str(class_weight), *means, *gains[j]])
    print_table(
        "3. Eights among other digits, held-out, in percent",
        [
            *("eights", "class_weight", "balanced accuracy", "eights found"),
            *("accuracy", "balanced - None", "higher"),
        ],
        rows,
    )
    return results[..., 0]


def compare_regularisations(n_repeats=1):
    """Train on 200 digits; return the log loss on the other 1600."""
    X, y = load_pixels()

    def judge(seed, split):
        test, train = split  # a fold is trained on, and the others are for testing
        for parameters in REGULARISATIONS.values():
            net = GDNeuralClassifier(
                batch_size=32,
                learning_rate_init=0.003,
                n_iter_no_change=np.inf,
                random_state=seed,
                **parameters,
            )
            net.fit(X[train], y[train], X_val=X[test], y_val=y[test])
            losses, accuracies = net.validation_loss_curve_, net.validation_scores_
            yield losses[-1], min(losses), 100 * accuracies[-1]

    folds = RepeatedStratifiedKFold(n_splits=9, n_repeats=n_repeats, random_state=0)
    results = evaluate(judge, folds.split(X, y))

    rows = []
    for i, name in enumerate(REGULARISATIONS):
        last, best, accuracy = results[:, i].mean(axis=0)
        difference = results[:, i, 0] - results[:, 0, 0]
        gain = describe(difference, 3) if i else ["", ""]
        rows.append([name, f"{last:.3f}", *gain, f"{best:.3f}", f"{accuracy:.1f}%"])
    print_table(
        "4. Held-out log loss after training on 200 digits",
        ["regularisation", "log loss", "- none", "lower", "best epoch", "accuracy"],
        rows,
    )
    return results[..., 0]


def descend(X, y, split, seed, schedule, n_epochs):
    """Training loss and held-out log loss, shape (rate, epoch, 2)."""
    train, test = split
    runs = []
    for rate in RATES:
        net = GDNeuralClassifier(
            hidden_layer_sizes=(64,),
            alpha=0.1,
            batch_size=32,
            learning_rate=schedule,
            learning_rate_init=rate,
            max_iter=n_epochs,
            n_iter_no_change=np.inf,
            random_state=seed,
        )
        net.fit(X[train], y[train], X_val=X[test], y_val=y[test])
        runs.append(np.transpose([net.loss_curve_, net.validation_loss_curve_]))
    return np.array(runs)


def least_training_loss(runs):
    """Both losses where the first is least, shape (2,)."""
    losses = runs.reshape(-1, 2)
    return losses[losses[:, 0].argmin()]


def compare_schedules():
    """Descend within each budget by each schedule; return the training losses."""
    X, y = load_pixels()

    def judge(seed, split):
        # A constant rate may end at any epoch; a curve is laid over each budget anew.
        constant = descend(X, y, split, seed, "constant", BUDGETS[-1])
        yield [least_training_loss(constant[:, :n_epochs]) for n_epochs in BUDGETS]
        for curve in SCHEDULES[1:]:
            runs = [descend(X, y, split, seed, curve, n_epochs) for n_epochs in BUDGETS]
            yield [least_training_loss(run[:, -1:]) for run in runs]

    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0)
    results = evaluate(judge, folds.split(X, y))

    rows = []
    for i, name in enumerate(["training loss", "held-out log loss"]):
        for j, schedule in enumerate(SCHEDULES):
            means = [f"{x:.3f}" for x in results[:, j, :, i].mean(axis=0)]
            rows.append([name, schedule, *means])
    print_table(
        "5. Losses by number of epochs, with the best of 4 learning rates",
        ["", "schedule", *map(str, BUDGETS)],
        rows,
    )
    losses = results[..., 0]
    print_epochs(losses)
    return losses


def print_epochs(losses):
    """Say which budgets suffice for the least loss of the constant rate."""
    print(
        f"\nEpochs that take the training loss to that of {BUDGETS[-1]} constant ones:"
    )
    for j, curve in enumerate(SCHEDULES[1:], start=1):
        reached = losses[:, j] <= losses[:, :1, -1]
        budgets = np.take(BUDGETS, reached.argmax(axis=1))
        n = np.where(reached.any(axis=1), budgets, np.inf)
        print(f"{curve}: {np.median(n):.0f} (from {n.min():.0f} to {n.max():.0f})")


# The picture ------------------------------------------------------------------------


def draw_dots(axes, positions, samples):
    """A dot for each sample and a diamond for the mean, column by column."""
    axes.plot(positions, samples.T, ".", color="tab:blue", alpha=0.5)
    axes.plot(positions, samples.mean(axis=0), "D", color="tab:red", label="mean")
    axes.margins(x=0.15)
    axes.grid(axis="y", alpha=0.3)


def draw_pairs(axes, positions, samples):
    """The same, with a line through the dots of each split."""
    axes.plot(positions, samples.T, color="grey", linewidth=0.8, alpha=0.4)
    draw_dots(axes, positions, samples)


def draw_quantiles(axes, below):
    """The share in each repetition, and the band that the mean should lie in."""
    positions = range(len(QUANTILES))
    axes.axhspan(-3, 3, color="tab:green", alpha=0.15, label="within 3 points")
    axes.axhline(0, color="grey", linewidth=0.8)
    draw_dots(axes, positions, 100 * (below - QUANTILES))
    axes.set_xticks(positions, [f"quantile={q}" for q in QUANTILES])
    axes.set(
        title="1. Quantiles of diabetes",
        ylabel="held-out patients below - quantile (points)",
        ylim=(-6, 6),
    )
    axes.legend(loc="lower left")


def draw_losses(axes, errors):
    """A pair of bars for each loss, with the 10% and 90% quantiles over splits."""
    positions = np.arange(len(LOSSES))
    for i, label in enumerate(["targets right", "5% of targets wrong"]):
        mean = errors[:, i].mean(axis=0)
        low, high = np.quantile(errors[:, i], [0.1, 0.9], axis=0)
        x = positions + 0.4 * i - 0.2
        axes.bar(x, mean, 0.38, yerr=[mean - low, high - mean], capsize=3, label=label)
    axes.set_xticks(positions, LOSSES)
    axes.set(title="2. Wrong targets in training", ylabel="held-out RMSE")
    axes.legend()


def draw_class_weights(axes, scores):
    for i in range(len(RARE)):
        draw_pairs(axes, [2 * i, 2 * i + 1], scores[:, i])
    labels = [f"{weight}\n{rare} eights" for rare in RARE for weight in CLASS_WEIGHTS]
    axes.set_xticks(range(len(labels)), labels)
    axes.set(title="3. class_weight", ylabel="held-out balanced accuracy (%)")


def draw_regularisations(axes, losses):
    positions = range(len(REGULARISATIONS))
    draw_pairs(axes, positions, losses)
    labels = [name.replace("_", "_\n").replace("=", "\n= ") for name in REGULARISATIONS]
    axes.set_xticks(positions, labels)
    axes.set(title="4. Training on 200 digits", ylabel="held-out log loss")


def draw_schedules(axes, losses):
    """A line for each schedule."""
    means = losses.mean(axis=0)
    for schedule, line in zip(SCHEDULES, means, strict=True):
        axes.plot(BUDGETS, line, "o-", label=schedule)
    label = f"constant, {BUDGETS[-1]} epochs"
    axes.axhline(means[0, -1], color="grey", linestyle=":", label=label)
    axes.set(
        title="5. Learning rates along a curve",
        xlabel="epochs in all",
        ylabel="training loss, penalty included",
        ylim=(0.98 * means.min(), 1.25 * means.min()),
    )
    axes.grid(alpha=0.3)
    axes.legend()


PANELS = {
    "quantiles": (compare_quantiles, draw_quantiles),
    "losses": (compare_losses, draw_losses),
    "class weights": (compare_class_weights, draw_class_weights),
    "regularisations": (compare_regularisations, draw_regularisations),
    "schedules": (compare_schedules, draw_schedules),
}


def draw(results, path):
    """Draw a panel for each comparison."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("\nThe picture was left out: it needs matplotlib.")
        return
    figure = Figure(figsize=(13, 8), layout="constrained")
    names = list(PANELS)
    panels = figure.subplot_mosaic([names[:3], [names[3], names[4], names[4]]])
    for name, (_, draw_panel) in PANELS.items():
        draw_panel(panels[name], results[name])
    figure.savefig(path, dpi=100)
    print(f"\nThe picture is in {path.resolve()}.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("toolbox.png"))
    output = parser.parse_args().output

    results = {}
    with warnings.catch_warnings():
        # The number of epochs is set beforehand, as meant.
        warnings.simplefilter("ignore", ConvergenceWarning)
        for name, (compare, _) in PANELS.items():
            start = time.perf_counter()
            results[name] = compare()
            print(f"\n({time.perf_counter() - start:.0f} s)")
    draw(results, output)


if __name__ == "__main__":
    main()
