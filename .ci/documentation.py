"""Check the built documentation.

Times of the examples, that pages work offline and are not too large, that pictures have
words for those who do not see them, that pages have a description, that Chinese pages
are Chinese, and that the Chinese of pictures is used.
"""

import re
import sys
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

LIMIT = 20  # seconds that an example may take
LARGEST = 2_000_000  # characters of a page, which has its pictures in it
BUILD = Path("docs/_build")
HTML = BUILD / "html"
# What a browser fetches by itself when it opens a page or reads a style sheet.
FETCHED = re.compile(
    r"""<(?:script|img|source|iframe)\b[^>]*?\bsrc(?:set)?="(?:https?:)?//[^"]*"
      | <link\b[^>]*?\bhref="(?:https?:)?//[^"]*"
      | (?:@import\s|url\()\s*["']?(?:https?:)?//[^)\s]*""",
    re.VERBOSE,
)
# Sphinx writes a picture's path where it has no other words. Where the picture itself
# is in the page, inline_pictures.py warns.
UNDESCRIBED = re.compile(
    r"""<img\b(?![^>]*\balt="(?![^"]*_images/)[^"]+")[^>]*\bsrc="[^"]*_images/[^>]*>"""
)
# Of the theme, where `chinese_pages.py` has not reached.
ENGLISH = re.compile(
    "Search the docs|Breadcrumb|Link to this heading|Previous|Collapse"
)


DESCRIPTION = re.compile(r'<meta content="([^"]*)"[^>]* name="description"')
# Pages that nobody writes; a search engine takes their first words.
GENERATED = re.compile("(gallery|generated|_static)/|genindex|py-modindex|search")


def problems_of_examples():
    """Yield a line for whatever is wrong with the gallery, and print its times."""
    cases = ET.parse(BUILD / "gallery.xml").iter("testcase")
    seconds = {Path(case.get("file")).name: float(case.get("time")) for case in cases}
    for example in sorted(Path("examples").rglob("plot_*.py")):
        if example.name not in seconds:
            yield f"{example} was not run"
        elif seconds[example.name] > LIMIT:
            yield f"{example} took {seconds[example.name]:.1f} s, more than {LIMIT} s"

    if not seconds:
        return
    slowest = max(seconds, key=seconds.get)
    total = sum(seconds.values())
    print(
        f"{len(seconds)} examples in {total:.0f} s, the slowest is {slowest} with "
        f"{seconds[slowest]:.1f} s"
    )


def problems_of(page):
    """Yield what is wrong with a page, or with a style sheet."""
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(HTML).as_posix()
    if len(text) > LARGEST:
        yield f"has {len(text)} characters, more than {LARGEST}"
    for match in FETCHED.finditer(text):
        yield f"fetches from the network: {match[0]}"
    for match in UNDESCRIBED.finditer(text):
        yield f"has a picture without alt: {match[0]}"
    if name.startswith("zh/"):
        for match in ENGLISH.finditer(text):
            yield f"is in Chinese, but has {match[0]!r}"
    if page.suffix == ".html" and not GENERATED.match(name):
        description = DESCRIPTION.search(text)
        if description is None:
            yield "has no description for search engines: begin it with '.. meta::'"
        elif description[1].isascii() == name.startswith("zh/"):
            yield "has a description in another language than its text"


def unused_words():
    """Yield a line for each word that no picture of a Chinese page has."""
    words = tomllib.loads(Path("docs/zh/pictures.toml").read_text(encoding="utf-8"))
    pages = [page.read_text(encoding="utf-8") for page in HTML.glob("zh/*.html")]
    for english, chinese in words.items():
        if not any(f">{chinese}</text>" in page for page in pages):
            yield f"docs/zh/pictures.toml has {english!r}, and no picture"


def problems():
    """Yield a line for whatever is wrong."""
    yield from problems_of_examples()
    yield from unused_words()
    for page in sorted(HTML.rglob("*")):
        if page.suffix in {".html", ".css"}:
            for problem in problems_of(page):
                yield f"{page} {problem}"


if found := list(problems()):
    sys.exit("\n".join(found))
