"""Pictures of the built documentation, if there is one, in Chromium."""

import pytest

from tests.browser import BUILT, PHONE

PAGES = [
    page
    for page in sorted(BUILT.rglob("*.html"))
    if 'class="pictures' in page.read_text("utf-8")
]

pytestmark = pytest.mark.skipif(
    not PAGES, reason="the documentation has not been built"
)

# Texts and formulas that do not lie within their picture, give or take the room that a
# font has above its letters.
OUTSIDE = """
const selector = ".picture [id]:has(> text, > g[transform] > use)";
return [...document.querySelectorAll(selector)].filter((text) => {
  const inner = text.getBoundingClientRect();
  const outer = text.closest(".picture").getBoundingClientRect();
  return inner.left < outer.left - 3 || inner.right > outer.right + 3
    || inner.top < outer.top - 3 || inner.bottom > outer.bottom + 3;
}).map((text) => text.closest(".picture").ariaLabel + ": " + text.textContent.trim());
"""

TWICE = """
const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
return ids.filter((id, place) => ids.indexOf(id) !== place);
"""

COLOURS = """
document.documentElement.dataset.theme = arguments[0];
const picture = document.querySelector(".pictures .picture");
return [getComputedStyle(picture).fill, getComputedStyle(document.body).color];
"""


@pytest.fixture(params=PAGES, ids=lambda page: str(page.relative_to(BUILT)))
def page(request, browser):
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    browser.get(request.param.as_uri())
    return browser


def test_no_text_of_a_picture_lies_outside_of_it_on_a_phone(page):
    assert page.execute_script(OUTSIDE) == []


def test_no_id_in_a_page_is_there_twice(page):
    assert page.execute_script(TWICE) == []


def test_a_picture_has_the_colour_of_text_in_light_and_in_dark(browser):
    browser.get((BUILT / "tutorial/descent.html").as_uri())
    light, dark = (browser.execute_script(COLOURS, mode) for mode in ("light", "dark"))
    assert light[0] == light[1]
    assert dark[0] == dark[1]
    assert light != dark
