"""The built documentation in Chromium, a page of each kind, if it has been built."""

from pathlib import Path

import pytest

BUILT = Path(__file__).parents[1] / "docs/_build/html"
# The first of each is looked at.
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
