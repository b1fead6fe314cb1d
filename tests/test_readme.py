"""What README shows is what its code prints."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def block(language, after=""):
    return re.search(rf"{after}```{language}\n(.*?)```", README, re.DOTALL)[1]


def test_the_swap_prints_what_it_shows():
    # In a process of its own, as a user would run it: with its warnings.
    run = subprocess.run(
        [sys.executable, "-c", block("python", after="<!-- the example -->\n")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == block("text", after="<!-- what it prints -->\n")
    assert "has learned nothing from X" in run.stderr
    assert "TransformedTargetRegressor" in run.stderr
