"""Each chapter of the tutorial as a Jupyter notebook, made from its page.

``sphinx_markdown_builder`` turns the text into Markdown. Code that a reader can run
becomes cells: blocks of examples, with what they print on the page, and the scripts of
pictures, each in a function, so that they leave the chapter's variables alone. A
notebook is beside its page, which links to it by ``_templates/notebook_link.html``.
"""

import re
from doctest import DocTestParser
from itertools import zip_longest
from pathlib import Path
from textwrap import indent

import nbformat
from chinese_pages import is_chinese
from docutils import nodes
from matplotlib.sphinxext.plot_directive import PlotDirective
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from sphinx_markdown_builder.translator import MarkdownTranslator

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
CELL = "\ue000"  # where a code cell is in the text; no character of any language
WORDS = {
    "en": {
        "link": "Download this chapter as a notebook",
        "note": "This notebook is a chapter of the tutorial of skgd {}. It needs skgd "
        "with its extra `plot`. Run its cells from top to bottom.",
    },
    "zh": {
        "link": "下载本章的 Jupyter 笔记本",
        "note": "本笔记本是 skgd {} 教程中的一章。运行它需要 skgd 及其附加依赖 `plot`。"
        "请从上到下依次运行各个单元格。",
    },
}


class picture_script(nodes.Invisible, nodes.Element):
    """The arguments of a ``plot``: a script, and perhaps a function in it."""


class Plot(PlotDirective):
    """matplotlib's directive ``plot``, which tells nobody what it has drawn."""

    def run(self):
        """Return the node, before those of the picture."""
        return [picture_script(arguments=self.arguments), *super().run()]


def cells_of_examples(text):
    """Yield cells, each of which ends with an example that shows something."""
    source = ""
    for example in DocTestParser().get_examples(text):
        if example.exc_msg and source:
            yield new_code_cell(source.rstrip())
            source = ""
        source += example.source
        if example.want:
            yield cell_that_shows(source.rstrip(), example)
            source = ""
        elif source.splitlines()[-1].startswith(" "):
            source += "\n"  # after a block of code
    if source:
        yield new_code_cell(source.rstrip())


def cell_that_shows(source, example):
    """Return a cell with what an example shows on the page."""
    if example.exc_msg is None:
        return new_code_cell(source, outputs=[new_output("stream", text=example.want)])
    name, _, message = example.exc_msg.strip().partition(": ")
    traceback = example.want.splitlines()
    error = new_output("error", ename=name, evalue=message, traceback=traceback)
    return new_code_cell(
        source, outputs=[error], metadata={"tags": ["raises-exception"]}
    )


def cell_of_picture(path, function=None):
    """Return a cell that draws a picture, as a script or a function in it does."""
    body = path.read_text(encoding="utf-8").strip()
    if function:
        body += f"\n\n\n{function}()"
    name = f"draw_{path.stem}"
    return new_code_cell(f"def {name}():\n{indent(body, '    ')}\n\n\n{name}()")


class ChapterTranslator(MarkdownTranslator):
    """Markdown of a chapter, with a mark in the place of each code cell."""

    def __init__(self, document, builder):
        super().__init__(document, builder)
        self.cells = []

    def leave_out(self, node):
        """Leave out pictures, whose scripts are there, and what only HTML shows."""
        raise nodes.SkipNode

    visit_image = visit_figmplnode = visit_raw = leave_out
    visit_comment = visit_meta = visit_target = leave_out

    def visit_live_descent(self, node):
        """Let a live descent be what it is for those who cannot see it."""

    def visit_doctest_block(self, node):
        """Make cells of examples."""
        self.add_cells(*cells_of_examples(node.astext()))

    def visit_picture_script(self, node):
        """Make a cell of a picture."""
        script, *function = node["arguments"]
        self.add_cells(cell_of_picture(Path(self.builder.srcdir, script), *function))

    def add_cells(self, *cells):
        """Keep cells, and mark their place."""
        self.cells += cells
        for _ in cells:
            self.add(CELL, prefix_eol=2, suffix_eol=2)
        raise nodes.SkipNode

    # Markdown sees no end of **bold** between punctuation and a Chinese character.

    def visit_strong(self, node):
        """Begin bold."""
        self.add("<strong>")

    def depart_strong(self, node):
        """End bold."""
        self.add("</strong>")

    def visit_emphasis(self, node):
        """Begin italics."""
        self.add("<em>")

    def depart_emphasis(self, node):
        """End italics."""
        self.add("</em>")

    # Other pages are not where the notebook is. Their titles remain; in Chinese, which
    # has no italics, as plain text.

    def visit_reference(self, node):
        """Begin a link or a title."""
        if not node.get("internal"):
            self.add("[")
        elif not is_chinese(self.builder.current_docname):
            self.visit_emphasis(node)

    def depart_reference(self, node):
        """End a link or a title."""
        if not node.get("internal"):
            self.add(f"]({node['refuri']})")
        elif not is_chinese(self.builder.current_docname):
            self.depart_emphasis(node)

    def visit_math_block(self, node):
        """Begin a formula; Sphinx, too, writes one of several lines so."""
        super().visit_math_block(node)
        if r"\\" in node.astext():
            self.add(r"\begin{split}", suffix_eol=1)

    def depart_math_block(self, node):
        """End a formula."""
        if r"\\" in node.astext():
            self.add(r"\end{split}", prefix_eol=1)
        super().depart_math_block(node)


def make_notebook(builder, doctree, note):
    """Return the notebook of a page; the note comes after its title."""
    translator = ChapterTranslator(doctree, builder)
    doctree.walkabout(translator)
    texts = re.split(rf"\s*{CELL}\s*", translator.astext().strip())
    title, _, rest = texts[0].partition("\n\n")
    texts[0] = f"{title}\n\n{note}\n\n{rest}"
    cells = []
    for text, cell in zip_longest(texts, translator.cells):
        cells += [new_markdown_cell(text)] if text else []
        cells += [cell] if cell else []
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"  # not another one in each build
    return new_notebook(cells=cells, metadata={"kernelspec": KERNEL})


def write_notebook(app, pagename, templatename, context, doctree):
    """Write the notebook of a chapter, which is a page with a number."""
    if pagename not in app.env.toc_secnumbers:
        return
    words = WORDS["zh" if is_chinese(pagename) else "en"]
    notebook = make_notebook(
        app.builder, doctree, words["note"].format(app.config.release)
    )
    name = f"{pagename}.ipynb"
    nbformat.write(notebook, Path(app.outdir, name))
    context["notebook"] = {"path": name, "link": words["link"]}


def skip(translator, node):
    """Show nothing of a node on the page."""
    raise nodes.SkipNode


def setup(app):
    """Tell Sphinx of the directive and have notebooks written; Sphinx calls it."""
    app.setup_extension("sphinx_markdown_builder")
    app.setup_extension("matplotlib.sphinxext.plot_directive")
    formats = "html", "latex", "text", "man", "texinfo"
    app.add_node(picture_script, **dict.fromkeys(formats, (skip, None)))
    app.add_directive("plot", Plot, override=True)
    app.connect("html-page-context", write_notebook)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
