"""A headless Chromium, for the documentation's live pictures."""

import os
import shutil
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "docs/_static/live"
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",  # which root, as in CI, cannot use
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--allow-file-access-from-files",
]


def start_chromium():
    """Return a driver of Debian's Chromium; skip the test where there is none.

    In CI it is an error, as `.ci/run` installs it.
    """
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        assert "SKGD_NEEDS_CHROMIUM" not in os.environ, "chromium is not installed"
        pytest.skip("needs chromium and chromedriver")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=driver)
    return webdriver.Chrome(options=options, service=service)
