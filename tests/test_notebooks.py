"""The notebooks of the tutorial's chapters: how they are made, and that they run.

The first tests make cells, and the notebooks of a small site. The last ones run the
notebooks of the documentation, if it has been built.
"""

import importlib
import json
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker

import pytest

from tests.browser import BUILT, DOCS, build_site, needs_theme

# How they are made ------------------------------------------------------------------

BLOCK = """
>>> def double(x):
...     return 2 * x
>>> double(3)
6
>>> y = 0
>>> 1 / y
Traceback (most recent call last):
    ...
ZeroDivisionError: division by zero
>>> y = 1
"""
SCRIPT = '''"""Two pictures."""

import matplotlib.pyplot as plt

SIZE = 3  # inches
OTHER = 4


def make_axes():
    """Make axes."""
    return plt.subplots(figsize=(SIZE, SIZE))[1]


def first():
    """Draw the first picture."""
    make_axes().plot([1, 2])


def second():
    """Draw the second picture."""
    make_axes().plot([2, OTHER])
'''
LESSON = r"""
A lesson
========

A `link <https://example.org>`__, and :doc:`/index`. **粗体。**\ 汉字 and :math:`x^2`.

=====  ========
name   value
=====  ========
``a``  :math:`b`
=====  ========

.. math::

   a &= b \\
   c &= d

>>> 1 + 1
2

After it.

.. plot:: tutorial/pictures.py first
   :alt: A line.
"""
INDEX = """
Contents
========

.. toctree::
   :numbered:

   tutorial/lesson
   zh/lesson
"""


@pytest.fixture
def making(monkeypatch):
    """Return the module that makes cells."""
    pytest.importorskip("nbformat")
    needs_theme()
    monkeypatch.syspath_prepend(DOCS / "_extensions")
    return importlib.import_module("notebook_cells")


def test_a_cell_ends_with_what_is_shown_and_an_error_has_its_own(making):
    cells = [*making.cells_of_examples(BLOCK)]
    assert [cell.source for cell in cells] == [
        "def double(x):\n    return 2 * x\n\ndouble(3)",
        "y = 0",
        "1 / y",
        "y = 1",
    ]
    assert [printed(cell) for cell in cells] == [
        "6\n",
        "",
        "ZeroDivisionError: division by zero",
        "",
    ]
    tags = [cell.metadata.get("tags") for cell in cells]
    assert tags == [None, None, ["raises-exception"], None]


def test_a_picture_has_what_it_needs_and_leaves_variables_alone(
    making, tmp_path, figures_that_draw
):
    script = tmp_path / "pictures.py"
    script.write_text(SCRIPT, encoding="utf-8")
    source = making.cell_of_picture(script, "first").source
    assert "# inches" in source
    assert "OTHER" not in source
    assert "second" not in source
    names = {}
    exec(source, names)
    assert set(names) == {"__builtins__", "draw_pictures_first"}


NUMBER = {"language": "en", "answer": "0.3", "high": "0.3"}
ROUGHLY = NUMBER | {"high": "0.35"}
CHOICES = [{"number": 1, "right": False}, {"number": 2, "right": True}]


@pytest.mark.parametrize(
    ("exercise", "choices", "answer", "says"),
    [
        (NUMBER, [], 0.1 + 0.2, "Right."),
        (NUMBER, [], 0.301, "Not yet."),
        (NUMBER, [], None, ""),
        (NUMBER | {"language": "zh"}, [], 0.3, "答对了。"),
        (ROUGHLY, [], 0.26, "Right."),
        (ROUGHLY, [], 0.24, "Not yet."),
        ({"language": "en"}, CHOICES, 2, "Right."),
        ({"language": "en"}, CHOICES, 1, "Not yet."),
    ],
)
def test_the_cell_of_an_exercise_knows_the_answer(
    making, capsys, exercise, choices, answer, says
):
    source = making.cell_of_exercise(exercise, choices).source
    exec(source.replace("None", repr(answer), 1))
    assert capsys.readouterr().out.strip() == says


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build a site of the same lesson in English, and below zh/ in Chinese."""
    pytest.importorskip("nbformat")
    needs_theme()
    folder = tmp_path_factory.mktemp("site")
    (folder / "tutorial").mkdir()
    (folder / "tutorial/pictures.py").write_text(SCRIPT, encoding="utf-8")
    lessons = {"tutorial/lesson": LESSON, "zh/lesson": LESSON}
    return build_site(folder, "chapter_notebooks", {"index": INDEX} | lessons)


def sources(site, page):
    """Return the texts and the code of a notebook, without the cell of the style."""
    cells = json.loads((site / f"{page}.ipynb").read_text("utf-8"))["cells"]
    assert "rcParams" in "".join(cells.pop(1)["source"])
    return ["".join(cell["source"]) for cell in cells]


def test_pages_with_a_number_have_a_notebook(site):
    assert {path.stem for path in site.rglob("*.ipynb")} == {"lesson"}


def test_text_becomes_markdown_between_the_cells(site):
    first, example, after, picture, *_ = sources(site, "tutorial/lesson")
    assert first.startswith("# A lesson\n\nThis notebook is a chapter")
    assert "[link](https://example.org), and <em>Contents</em>." in first
    assert "<strong>粗体。</strong>汉字 and $x^2$." in first
    assert "| `a`    | $b$     |\n\n$$\n\\begin{split}" in first
    assert "\na &= b \\\\\nc &= d\n\\end{split}\n$$" in first
    assert (example, after) == ("1 + 1", "After it.")
    assert picture.startswith("def draw_pictures_first():")


def test_the_notebook_of_a_chinese_page_is_chinese(site):
    first, *_ = sources(site, "zh/lesson")
    assert first.startswith("# A lesson\n\n本笔记本是 skgd")
    assert ", and Contents." in first


# That they run ----------------------------------------------------------------------

PAGES = sorted(BUILT.glob("tutorial/*.html")) + sorted(BUILT.glob("zh/*.html"))
# What is numbered is a chapter.
CHAPTERS = [
    page
    for page in PAGES
    if '<h1><span class="section-number">' in page.read_text("utf-8")
]


def run(path, folder):
    """Return a notebook as written, and as run in a folder."""
    nbformat = pytest.importorskip("nbformat")
    NotebookClient = pytest.importorskip("nbclient").NotebookClient

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, resources={"metadata": {"path": str(folder)}})
    return nbformat.read(path, as_version=4), client.execute()


def text_of(output):
    """Return what is read in an output of a cell; nothing, if it is a picture."""
    if output.output_type == "error":
        return f"{output.ename}: {output.evalue}"
    if output.output_type == "stream":
        return output.text
    return output.data["text/plain"] if output.output_type == "execute_result" else ""


def printed(cell):
    return "".join(text_of(output) for output in cell.outputs)


def has_drawn(cell):
    return any("image/png" in output.get("data", {}) for output in cell.outputs)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.skipif(not BUILT.exists(), reason="the documentation has not been built")
def test_there_are_chapters_in_both_languages():
    assert {page.parent.name for page in CHAPTERS} == {"tutorial", "zh"}


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_the_notebook_of_a_chapter_prints_what_the_page_does(
    page, tmp_path, monkeypatch
):
    # The threads of several cores would wait for one another.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert f'<a href="{page.stem}.ipynb" download>' in page.read_text("utf-8")
    before, after = run(page.with_suffix(".ipynb"), tmp_path)
    for cell, as_run in zip(code_cells(before), code_cells(after), strict=True):
        assert OutputChecker().check_output(
            printed(cell), printed(as_run), ELLIPSIS | NORMALIZE_WHITESPACE
        ), f"{cell.source}\n\n{printed(cell)}\n{printed(as_run)}"
        assert has_drawn(as_run) == cell.source.startswith("def draw_")
