"""A headless Chromium, for the documentation's live pictures."""

import importlib.util
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
    "--window-size=1200,1000",
    "--allow-file-access-from-files",
]


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
