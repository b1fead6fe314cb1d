"""The notebooks of the tutorial's chapters, if the documentation has been built."""

from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path

import pytest

BUILT = Path(__file__).parents[1] / "docs/_build/html"
PAGES = sorted(BUILT.glob("tutorial/*.html")) + sorted(BUILT.glob("zh/*.html"))
# What is numbered is a chapter.
CHAPTERS = [
    page
    for page in PAGES
    if '<h1><span class="section-number">' in page.read_text("utf-8")
]

pytestmark = pytest.mark.skipif(
    not BUILT.exists(), reason="the documentation has not been built"
)


def run(path, folder):
    """Return a notebook as written, and as run in a folder."""
    import nbformat
    from nbclient import NotebookClient

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
