"""Check the built documentation.

Times of the examples, that pages work offline, that the pictures of tutorial and guide
have words for those who do not see them, and that Chinese pages are Chinese.
"""

import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

LIMIT = 20  # seconds that an example may take
BUILD = Path("docs/_build")
# What a browser fetches by itself when it opens a page or reads a style sheet.
FETCHED = re.compile(
    r"""<(?:script|img|source|iframe)\b[^>]*?\bsrc(?:set)?="(?:https?:)?//[^"]*"
      | <link\b[^>]*?\bhref="(?:https?:)?//[^"]*"
      | (?:@import\s|url\()\s*["']?(?:https?:)?//[^)\s]*""",
    re.VERBOSE,
)
# Sphinx writes a picture's path where it has no other words. The gallery's are left
# out: sphinx-gallery knows of none but a title in the picture.
UNDESCRIBED = re.compile(
    r"""<img\b(?![^>]*\balt="(?![^"]*_images/)[^"]+")"""
    r"""[^>]*\bsrc="[^"]*_images/(?!sphx_glr_)[^>]*>"""
)
# Of the theme, where `chinese_pages.py` has not reached.
ENGLISH = re.compile(
    "Search the docs|Breadcrumb|Link to this heading|Previous|Collapse"
)


def problems():
    """Yield a line for whatever is wrong."""
    cases = ET.parse(BUILD / "gallery.xml").iter("testcase")
    seconds = {Path(case.get("file")).name: float(case.get("time")) for case in cases}
    for example in sorted(Path("examples").rglob("plot_*.py")):
        if example.name not in seconds:
            yield f"{example} was not run"
        elif seconds[example.name] > LIMIT:
            yield f"{example} took {seconds[example.name]:.1f} s, more than {LIMIT} s"

    for page in sorted((BUILD / "html").rglob("*")):
        if page.suffix not in {".html", ".css"}:
            continue
        text = page.read_text(encoding="utf-8")
        for match in FETCHED.finditer(text):
            yield f"{page} fetches from the network: {match[0]}"
        for match in UNDESCRIBED.finditer(text):
            yield f"{page} has a picture without alt: {match[0]}"
        if page.parent.name == "zh":
            for match in ENGLISH.finditer(text):
                yield f"{page} is in Chinese, but has {match[0]!r}"

    if not seconds:
        return
    slowest = max(seconds, key=seconds.get)
    total = sum(seconds.values())
    print(
        f"{len(seconds)} examples in {total:.0f} s, the slowest is {slowest} with "
        f"{seconds[slowest]:.1f} s"
    )


if found := list(problems()):
    sys.exit("\n".join(found))
