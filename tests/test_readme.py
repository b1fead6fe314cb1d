"""README shows what its code prints and the benchmark found; its links are readable.

The numbers of the benchmark in the documentation are compared here as well.
"""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs" / "guide"
README = (ROOT / "README.md").read_text(encoding="utf-8")


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


@pytest.fixture
def report(monkeypatch, tmp_path):
    """Return the script that writes the benchmark's numbers; it writes elsewhere."""
    monkeypatch.syspath_prepend(ROOT / "tests" / "benchmarks")
    import report

    monkeypatch.setattr(report, "GUIDE", tmp_path)
    return report


def test_numbers_are_those_of_the_benchmark(report, tmp_path):
    """Otherwise, run tests/benchmarks/report.py."""
    measured = json.loads((GUIDE / "benchmark.json").read_text())
    readme = tmp_path / "README.md"
    readme.write_text(README, encoding="utf-8")
    report.write_readme(measured, readme)
    assert readme.read_text(encoding="utf-8") == README
    report.write_guide(measured)
    report.write_numbers(measured)
    for written in tmp_path.glob("*.inc"):
        assert written.read_text() == (GUIDE / written.name).read_text()


LINKS = re.findall(r"\]\(([^)#]+)\)", README)


@pytest.mark.parametrize("link", LINKS)
def test_links_lead_to_what_a_host_of_repositories_shows_whole(link):
    assert (ROOT / link).exists()
    if link.endswith(".rst"):
        assert directives_that_are_lost((ROOT / link).read_text(encoding="utf-8")) == []


def directives_that_are_lost(text):
    """Return those of a page that docutils does not show without Sphinx and files."""
    core = pytest.importorskip("docutils.core")
    log = io.StringIO()
    settings = {"file_insertion_enabled": False, "warning_stream": log}
    core.publish_doctree(text, settings_overrides=settings)
    found = r'Unknown directive type "([\w-]+)"|"([\w-]+)" directive disabled'
    return [a or b for a, b in re.findall(found, log.getvalue())]
