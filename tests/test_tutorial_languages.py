"""The tutorial in Chinese has what the English one has, in the same order."""

import doctest
import io
import re
import textwrap
import tokenize
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(page.name for page in DOCS.glob("tutorial/*.rst"))
# The first page of each language has its own text, and the glossary is a list of words.
CHAPTERS = sorted({*PAGES} - {"index.rst", "glossary.rst"})

HEADING = re.compile(r"^\S.*\n([=~^-])\1+$", re.MULTILINE)
ROW = re.compile(r"^ *\* -", re.MULTILINE)
# A directive's indentation, name, argument, and what is below it. That is looked at but
# not used up, as there may be other directives in it.
DIRECTIVE = re.compile(
    r"^( *)\.\. ([\w-]+)::(.*)(?=((?:\n(?:\1 +\S.*| *$))*))", re.MULTILINE
)
OPTION = re.compile(r"^:([\w-]+):( .*)?$", re.MULTILINE)
# These have other words, or widths that words may need.
OWN_ARGUMENT = {"choice"}
OWN_OPTIONS = {"alt", "description", "hint", "widths"}
# And of these the content is the same, too, but for words in a formula.
SHARED_CONTENT = {"code-block", "math"}
WORDS_IN_FORMULA = re.compile(r"\\text\{.*?\}")


def read(language, name):
    return (DOCS / language / name).read_text(encoding="utf-8")


def shared_part_of(directive):
    """Return what is the same in both languages of a directive."""
    _, name, argument, below = directive.groups()
    if name in SHARED_CONTENT:
        return name, argument, WORDS_IN_FORMULA.sub("", textwrap.dedent(below).strip())
    options = textwrap.dedent(below.partition("\n\n")[0])
    return (
        name,
        argument * (name not in OWN_ARGUMENT),
        [found for found in OPTION.findall(options) if found[0] not in OWN_OPTIONS],
    )


def without_comments(source):
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    left_out = {tokenize.COMMENT, tokenize.NL}
    return [token.string for token in tokens if token.type not in left_out]


def parts_of(language, name):
    """Return headings, directives, rows, code and output of a page, in their order."""
    text = read(language, name)
    found = [
        *((match, ("heading", match[1])) for match in HEADING.finditer(text)),
        *((match, "row of a table") for match in ROW.finditer(text)),
        *((match, shared_part_of(match)) for match in DIRECTIVE.finditer(text)),
    ]
    parts = [(text.count("\n", 0, match.start()), part) for match, part in found] + [
        (example.lineno, (without_comments(example.source), example.want))
        for example in doctest.DocTestParser().get_examples(text)
    ]
    return [part for _, part in sorted(parts, key=lambda each: each[0])]


def numbered_pages(language):
    """Return the pages in the index's list of chapters."""
    below = read(language, "index.rst").split(":numbered: 1\n\n")[1]
    return below.partition("\n\n")[0].split()


@pytest.mark.parametrize("name", PAGES)
def test_each_page_is_there_in_chinese(name):
    assert (DOCS / "zh" / name).exists()


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_page_has_the_same_parts_in_both_languages(name):
    assert parts_of("zh", name) == parts_of("tutorial", name)


def test_the_chapters_have_the_same_order_in_both_languages():
    assert numbered_pages("zh") == numbered_pages("tutorial")


def glossary(language):
    """Return each term in English, with the chapters that explain it."""
    term = re.compile(r"(?:\| .*\n *\| )?([^\n(,]*[^\s(,])")  # below the Chinese one
    rows = read(language, "glossary.rst").split("\n   * - ")[2:]
    return [(term.match(row)[1], re.findall(r"<(\w+)>", row)) for row in rows]


def test_the_glossary_in_chinese_has_each_term_with_its_chapters():
    english, chinese = glossary("tutorial"), glossary("zh")  # the latter has some more
    assert [entry for entry in chinese if entry in english] == english
