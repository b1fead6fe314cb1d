"""A headless Chromium and small sites, for what is live in the documentation."""

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
BUILT = DOCS / "_build/html"
SCRIPTS = DOCS / "_static/live"
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",  # which root, as in CI, cannot use
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1200,1000",
    "--allow-file-access-from-files",
]
CONFIGURATION = f"""
import sys
sys.path.insert(0, {str(DOCS / "_extensions")!r})
extensions = ["{{extension}}"]
html_theme = "pydata_sphinx_theme"
templates_path = [{str(DOCS / "_templates")!r}]
html_static_path = [{str(DOCS / "_static")!r}]
"""


def start_chromium():
    """Return a driver of Debian's Chromium, by selenium.

    Where there is none, the test is skipped. With SKGD_NEEDS_CHROMIUM in the
    environment, as in `.ci/run`, which installs it, that is an error.
    """
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver and importlib.util.find_spec("selenium")):
        assert "SKGD_NEEDS_CHROMIUM" not in os.environ, "chromium is missing"
        pytest.skip("needs chromium, chromedriver and selenium")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=driver)
    return webdriver.Chrome(options=options, service=service)


def pages_with(html):
    """Return the pages of the built documentation, if any, in which some HTML is."""
    return [
        str(page.relative_to(BUILT))
        for page in sorted(BUILT.rglob("*.html"))
        if html in page.read_text(encoding="utf-8")
    ]


def needs_theme():
    """Skip a test where Sphinx or the documentation's theme is missing."""
    if importlib.util.find_spec("pydata_sphinx_theme") is None:
        pytest.skip("needs Sphinx and the documentation's theme")


def build_site(folder, extension, pages, builder="html"):
    """Build a site of a few pages, with one of our extensions; warnings are errors."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    (folder / "conf.py").write_text(CONFIGURATION.format(extension=extension))
    for name, text in pages.items():
        (folder / f"{name}.rst").parent.mkdir(exist_ok=True)
        (folder / f"{name}.rst").write_text(text, encoding="utf-8")
    out = folder / builder
    options = {"status": None, "warning": None, "exception_on_warning": True}
    with docutils_namespace():
        Sphinx(folder, folder, out, folder / "doctrees", builder, **options).build()
    return out
