"""The built documentation, if there is one, in Chromium."""

import re
from functools import cache
from itertools import pairwise

import pytest

from tests.browser import BUILT, PHONE

# The first of each is looked at, where not every page is.
KINDS = [
    "index.html",
    "search.html",
    "tutorial/descent.html",
    "zh/descent.html",
    "guide/cheat_sheet.html",
    "gallery/**/plot_*.html",
    "generated/skgd.*.html",
]

pytestmark = pytest.mark.skipif(
    not BUILT.exists(), reason="the documentation has not been built"
)


@pytest.fixture(params=KINDS)
def page(request):
    return min(BUILT.glob(request.param))


def test_a_page_writes_nothing_to_the_console(browser, page):
    # `browser` asserts it.
    browser.get(page.as_uri())
    assert browser.execute_script("return document.readyState") == "complete"


def test_a_page_has_colours_without_scripts(browser):
    disable = "Emulation.setScriptExecutionDisabled"
    browser.execute_cdp_cmd(disable, {"value": True})
    browser.get((BUILT / "index.html").as_uri())
    browser.execute_cdp_cmd(disable, {"value": False})
    assert browser.execute_script(
        "return getComputedStyle(document.body).getPropertyValue('--pst-color-link')"
    )


@pytest.mark.parametrize("width", [320, 390, 960, 1440])
def test_the_switch_of_languages_is_seen_without_a_menu(browser, page, width):
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.get(page.as_uri())
    links = browser.find_elements("css selector", ".skgd-language")
    (box,) = [link.rect for link in links if link.is_displayed()]
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert (
        browser.execute_script("return document.documentElement.scrollWidth") == width
    )


@cache
def switch_of(page):
    """Return the page that a page's switch leads to, its title and its language."""
    pattern = (
        r'<a class="skgd-language nav-link" href="([^"]*)" title="([^"]*)"\s+'
        r'lang="([^"]*)" hreflang="\3">'
    )
    # It is there twice: for wide screens and for narrow ones.
    ((href, title, language),) = set(re.findall(pattern, page.read_text("utf-8")))
    return (page.parent / href).resolve(), title, language


PAGES = [page for page in sorted(BUILT.rglob("*.html")) if "_static" not in page.parts]

each_page = pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: str(page.relative_to(BUILT))
)


@each_page
def test_each_page_has_a_switch_to_a_page_in_the_other_language(page):
    other, _, language = switch_of(page)
    assert f'<html lang="{language}"' in other.read_text("utf-8")
    assert f'<html lang="{language}"' not in page.read_text("utf-8")


def test_the_switch_of_a_translation_leads_to_its_original_and_back():
    translations = {page for page in PAGES if page.parent.name == "zh"}
    originals = [switch_of(page)[0] for page in translations]
    assert {switch_of(page)[0] for page in originals} == translations


def test_the_switch_of_a_page_without_a_translation_says_so():
    titles = {True: set(), False: set()}
    for page in PAGES:
        other, title, _ = switch_of(page)
        titles[switch_of(other)[0] == page].add(title)
    assert titles[True] == {"This page in English", "本页的中文版"}
    assert titles[True].isdisjoint(titles[False])


# Sizes of the headings of each level that a page has, from h1 on.
SIZES = """
return ["h1", "h2", "h3", "h4", "h5", "h6"]
  .map((level) => [...document.querySelectorAll(".bd-article " + level)])
  .map((headings) => headings.map((h) => parseFloat(getComputedStyle(h).fontSize)))
  .filter((sizes) => sizes.length);
"""


@each_page
def test_each_page_fits_on_a_phone_and_has_headings_in_order_of_size(browser, page):
    for width in [1440, 390]:
        screen = PHONE | {"width": width}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        browser.get(page.as_uri())
        for larger, smaller in pairwise(browser.execute_script(SIZES)):
            assert min(larger) > max(smaller)
    assert browser.execute_script("return document.scrollingElement.scrollWidth") == 390
