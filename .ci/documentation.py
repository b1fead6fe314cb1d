"""Check the built documentation.

Times of the examples, that pages work offline, and that pictures say what they show.
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
# Pictures without words for those who do not see them; a thumbnail stands by its title.
UNDESCRIBED = re.compile(
    r"""<img\b(?![^>]*\balt="[^"]+")[^>]*\bsrc="[^"]*_images/(?![^"]*_thumb)[^>]*>"""
)


def problems():
    """Yield a line for whatever is wrong."""
    cases = ET.parse(BUILD / "gallery.xml").iter("testcase")
    seconds = {Path(case.get("file")).name: float(case.get("time")) for case in cases}
    for example in sorted(Path("examples").glob("plot_*.py")):
        if example.name not in seconds:
            yield f"{example} was not run"
        elif seconds[example.name] > LIMIT:
            yield f"{example} took {seconds[example.name]:.1f} s, more than {LIMIT} s"

    for page in sorted((BUILD / "html").rglob("*")):
        if page.suffix in {".html", ".css"}:
            for match in FETCHED.finditer(page.read_text(encoding="utf-8")):
                yield f"{page} fetches from the network: {match[0]}"
            for match in UNDESCRIBED.finditer(page.read_text(encoding="utf-8")):
                yield f"{page} has a picture without alt: {match[0]}"

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
