"""The fits of the guide's atlas of loss curves have the faults that it shows."""

import re

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from tests.scripts import DOCS, load

pytest.importorskip("matplotlib").use("Agg")
pytestmark = pytest.mark.filterwarnings(
    f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning"
)

atlas = load("guide/pictures/loss_curves.py")


@pytest.fixture
def fits(request):
    """The networks before and after the change, of the fault in the test's name."""
    from matplotlib import pyplot as plt

    yield getattr(atlas, request.node.name.removeprefix("test_"))()
    plt.close("all")


def loss(net):
    return np.array(net.loss_curve_)


def held_out(net):
    return np.array(net.validation_loss_curve_)


def rises(losses):
    """Return the share of the epochs that end higher than the one before."""
    return np.mean(np.diff(losses) > 0)


def roughness(losses):
    """Return how far an epoch of the second half is from the mean of its neighbours."""
    late = losses[len(losses) // 2 :]
    return np.abs(late[1:-1] - (late[:-2] + late[2:]) / 2).mean()


def test_each_fault_has_a_section_with_its_pictures():
    page = (DOCS / "guide" / "loss_curves.rst").read_text(encoding="utf-8")
    shown = re.findall(r"plot:: guide/pictures/loss_curves.py (\w+)", page)
    assert sorted(shown) == sorted(fault.__name__ for fault in atlas.FAULTS)


def test_each_fault_has_a_test():
    assert all(f"test_{fault.__name__}" in globals() for fault in atlas.FAULTS)


def test_rate_diverges(fits):
    before, after = map(loss, fits)
    assert before.max() > 5 * before[0]
    assert before[-1] > before[0]
    assert rises(after) == 0
    assert after[-1] < before[0] / 2


def test_rate_oscillates(fits):
    before, after = map(loss, fits)
    assert rises(before) > 0.1
    assert rises(after) == 0
    assert before[-10:].mean() > 1.2 * after[-10:].mean()


def test_rate_high_plateau(fits):
    before, after = map(loss, fits)
    assert before[-20:].min() > 10 * after[-20:].max()
    assert rises(before[-20:]) > 0.2


def test_rate_too_small(fits):
    before, after = map(loss, fits)
    assert rises(before) == 0
    assert before[-1] > before[0] / 2
    assert after[-1] < 0.1 * before[-1]


def test_too_few_epochs(fits):
    before, after = fits
    assert before.n_iter_ == before.max_iter
    for curve in (loss, held_out):
        assert (np.diff(curve(before)[-5:]) < 0).all()
    assert held_out(after)[-1] < held_out(before)[-1] / 2
    # The slope at the end is next to nothing, compared with the one before.
    assert (
        -np.diff(held_out(after))[-5:].mean()
        < -0.1 * np.diff(held_out(before))[-5:].mean()
    )


def test_tol_too_large(fits):
    before, after = fits
    assert before.n_iter_ < before.max_iter / 2
    assert (np.diff(loss(before)[-5:]) < 0).all()
    assert held_out(after)[-1] < held_out(before)[-1] / 2


def test_inputs_not_scaled(fits):
    before, after = fits
    assert loss(before)[0] > 4 * loss(after)[0]
    assert held_out(before).min() > 1.2 * held_out(after).min()


def test_targets_not_scaled(fits):
    before, after = fits
    constants = [atlas.constant_loss(before, 77 * atlas.diabetes()[1]), 0.5]
    assert loss(before)[0] > 3 * constants[0]
    assert loss(before)[-1] > constants[0]
    assert loss(after)[-1] < 0.5 * constants[1]


def test_batch_too_small(fits):
    before, after = fits
    assert roughness(loss(before)) > 4 * roughness(loss(after))
    assert loss(before)[-10:].mean() > 1.2 * loss(after)[-10:].mean()


def test_batch_too_large(fits):
    before, after = map(loss, fits)
    assert rises(before) == 0
    assert before[-1] > 5 * after[-1]


def test_overfitting(fits):
    before, after = fits
    assert loss(before)[-1] < 0.4 * loss(after)[-1]
    assert held_out(before)[-1] > 1.3 * held_out(before).min()
    assert held_out(after)[-1] < 1.1 * held_out(after).min()
    assert held_out(after)[-1] < held_out(before)[-1]


def test_network_too_small(fits):
    before, after = fits
    assert held_out(before)[-1] < 1.5 * loss(before)[-1]
    assert before.loss_ > 0.95 * before.loss_curve_[-30]
    assert loss(before)[-1] > 5 * loss(after)[-1]
    assert held_out(before)[-1] > 2 * held_out(after)[-1]


def test_dead_units(fits):
    before, after = fits
    X, y = atlas.digits()[:2]
    assert not before.hidden_activations(X).any()
    assert after.hidden_activations(X).any()
    assert abs(before.loss_ - atlas.constant_loss(before, y)) < 0.1
    assert after.loss_ < 0.2 * before.loss_


def test_saturated_units(fits):
    before, after = fits
    raw, scaled = atlas.diabetes(scaled=False)[0], atlas.diabetes()[0]
    assert np.mean(np.abs(before.hidden_activations(raw)) > 0.99) > 0.7
    assert np.mean(np.abs(after.hidden_activations(scaled)) > 0.99) < 0.2
    assert before.loss_ > 1.5 * after.loss_


def test_noise_floor(fits):
    before, after = map(loss, fits)
    assert roughness(before) > 2 * roughness(after)
    assert before[-10:].mean() > 1.2 * after[-10:].mean()
    # It has stopped falling, which is what makes it a floor.
    assert before[-10:].mean() > 0.9 * before[-25:-15].mean()


def test_sorted_samples(fits):
    before, after = fits
    constant = atlas.constant_loss(before, atlas.digits()[1])
    assert loss(before)[10:].min() > 0.95 * constant
    assert loss(after)[-1] < 0.1 * constant
    assert held_out(after)[-1] < 0.1 * held_out(before)[-1]


def test_exploding_gradients(fits):
    before, after = map(loss, fits)
    assert before[1:].max() > 2 * before[0]
    assert after[1:].max() < after[0]
    assert after[-10:].mean() < before[-10:].mean()


def test_nothing_to_learn(fits):
    before, after = fits
    assert held_out(before).min() > 0.45
    assert held_out(after).min() < 0.1


def test_nothing_to_learn_warns():
    with pytest.warns(ConvergenceWarning, match="learned nothing from X"):
        atlas.nothing_to_learn()


def test_few_held_out(fits):
    before, after = fits
    assert before.n_iter_ < 0.3 * after.n_iter_
    assert np.unique(before.validation_scores_).size < 10
    assert after.loss_ < 0.5 * before.loss_
