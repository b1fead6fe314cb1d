"""The picture that grows through the tutorial shows what its chapters print and say."""

import re

import pytest
from sklearn.exceptions import ConvergenceWarning

from tests.scripts import DOCS, load

plt = pytest.importorskip("matplotlib.pyplot")
pytestmark = pytest.mark.filterwarnings(
    f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning"
)

pictures = load("tutorial/pictures/two_classes.py")


def chapters(folder):
    """Return the numbered chapters below a folder, in their order."""
    index = (DOCS / folder / "index.rst").read_text(encoding="utf-8")
    numbered = re.search(r":numbered:.*\n\n((?:   \w+\n)+)", index)[1]
    return numbered.split()


CHAPTERS = chapters("tutorial")
PAGES = [f"tutorial/{name}" for name in CHAPTERS]
PAGES += [f"zh/{name}" for name in chapters("zh")]


def section(page):
    """Return the section of a page that has the picture."""
    text = (DOCS / f"{page}.rst").read_text(encoding="utf-8")
    sections = re.split(r"^.+\n---+\n", text, flags=re.MULTILINE)
    (found,) = [part for part in sections if "pictures/two_classes.py" in part]
    return found


def titles(chapter):
    """Draw the panels of a chapter, and return what is written over each."""
    plt.close("all")
    getattr(pictures, chapter)()
    axes = [plt.figure(number).axes[0] for number in plt.get_fignums()]
    plt.close("all")
    return [ax.get_title() for ax in axes]


def numbers(text):
    """Return the numbers with two or three digits after the point."""
    return re.findall(r"\d+\.\d{2,3}\b", text)


@pytest.fixture
def over(request):
    """Return the numbers over each panel of the chapter in the test's name."""
    chapter = request.node.name.removeprefix("test_")
    return [[float(number) for number in numbers(title)] for title in titles(chapter)]


@pytest.mark.parametrize("page", PAGES)
def test_each_chapter_shows_its_panels_and_prints_the_numbers_over_them(page):
    name = page.split("/")[-1]
    shown = re.findall(r"plot:: tutorial/pictures/two_classes.py (\w+)", section(page))
    assert shown == [name]
    drawn = titles(name)
    assert 2 <= len(drawn) <= 4
    for title in drawn:
        assert numbers(title)
        assert set(numbers(title)) <= set(numbers(section(page)))


@pytest.mark.parametrize("name", chapters("zh"))
def test_the_code_is_the_same_in_both_languages(name):
    english, chinese = (
        re.findall(r"^(?:>>>|\.\.\.) .*", section(f"{folder}/{name}"), re.MULTILINE)
        for folder in ("tutorial", "zh")
    )
    assert english == chinese


def test_what_each_chapter_says_is_tested():
    assert all(f"test_{chapter}" in globals() for chapter in CHAPTERS)


# What the chapters say of their pictures ----------------------------------------------


def test_one_weight(over):
    scores = [panel[-1] for panel in over]
    assert scores == sorted(set(scores))


def test_network(over):
    losses, scores = zip(*over, strict=True)
    assert losses[0] > 2 * losses[1] > 2 * losses[2]
    assert scores[0] < scores[1] < scores[2]


def test_gradient(over):
    start, against, across, along = (loss for loss, _ in over)
    assert against < start - 0.1
    assert along > start + 0.1
    assert abs(across - start) < min(start - against, along - start) / 3


def test_backpropagation(over):
    (first,), (later,), (of_unit,) = over
    assert later < first / 2
    assert of_unit < later


def test_descent(over):
    losses, scores = zip(*over, strict=True)
    assert sorted(losses, reverse=True) == list(losses)
    assert sorted(scores) == list(scores)


def test_batches(over):
    batch, minibatch, sgd = (loss for loss, _ in over)
    assert batch > minibatch > 2 * sgd


def test_optimizers(over):
    gd, momentum, adam = (loss for loss, _ in over)
    assert gd > 3 * max(momentum, adam)


def test_second_order(over):
    (_, adam_new, adam, _), (_, _, early, _), (score, new, end, end_new) = over
    assert early < adam / 2
    assert score == 1
    assert end == 0
    assert new < adam_new
    assert end_new > 3


def test_schedules(over):
    (lowest, highest), (least, most) = over
    assert highest - lowest > 4 * (most - least)


def test_regularisation(over):
    (_, none, _, loss_of_none), (_, good, _, loss_of_good), much, stopped = over
    assert good > none
    assert loss_of_good < loss_of_none / 10
    assert much[1] < none
    assert much[3] > loss_of_good
    assert loss_of_good < stopped[3] < loss_of_none / 10


def test_dropout_and_batch_norm(over):
    plain, dropout, batch_norm = over
    for mended in (dropout, batch_norm):
        assert mended[0] < plain[0]
        assert mended[1] > plain[1]
        assert mended[3] < plain[3]


def test_ensembles(over):
    _, alone, together = over
    assert together[1] > alone[1]
    assert together[3] < alone[3] / 3


def test_applications(over):
    (_, sure, right), (_, sure_of_eight, right_of_eight), (_, _, right_by_penalty) = (
        over
    )
    assert sure > 0.99
    assert right < 0.95 <= right_of_eight < right_by_penalty
    assert sure_of_eight < sure
