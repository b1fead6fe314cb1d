"""Each chapter of the tutorial as a Jupyter notebook, made from its page.

``sphinx_markdown_builder`` turns the text into Markdown. What a reader can run becomes
code cells: blocks of examples, the scripts of pictures and the forms of exercises. A
notebook is beside its page, which links to it by ``_templates/notebook_link.html``.
"""

import re
from itertools import zip_longest
from pathlib import Path

import nbformat
from chinese_pages import is_chinese
from docutils import nodes
from matplotlib.sphinxext.plot_directive import PlotDirective
from nbformat.v4 import new_markdown_cell, new_notebook
from notebook_cells import (
    cell_of_exercise,
    cell_of_picture,
    cell_of_style,
    cells_of_examples,
)
from sphinx_markdown_builder.translator import MarkdownTranslator

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
CELL = "\ue000"  # where a code cell is in the text; no character of any language
WORDS = {
    "en": {
        "link": "Download this chapter as a notebook",
        "note": "This notebook is a chapter of the tutorial of skgd {}. It needs skgd "
        "with its extra `plot`. Run its cells from top to bottom. The code of the "
        "pictures is folded; a click opens it.",
    },
    "zh": {
        "link": "下载本章的 Jupyter 笔记本",
        "note": "本笔记本是 skgd {} 教程中的一章。运行它需要 skgd 及其附加依赖 `plot`。"
        "请从上到下依次运行各个单元格。插图的代码已折叠，点击即可展开；图中的文字是英文。",
    },
}


class picture_script(nodes.Invisible, nodes.Element):
    """The arguments of a ``plot``: a script, and perhaps a function in it."""


class Plot(PlotDirective):
    """matplotlib's directive ``plot``, which tells nobody what it has drawn."""

    def run(self):
        """Return the node, before those of the picture."""
        return [picture_script(arguments=self.arguments), *super().run()]


class ChapterTranslator(MarkdownTranslator):
    """Markdown of a chapter, with a mark in the place of each code cell."""

    def __init__(self, document, builder):
        super().__init__(document, builder)
        self.cells = []

    def leave_out(self, node):
        """Leave out pictures, whose scripts are there, and what only HTML shows."""
        raise nodes.SkipNode

    visit_image = visit_raw = visit_comment = visit_meta = visit_target = leave_out
    visit_exercise_feedback = leave_out

    def visit_live_descent(self, node):
        """Let a live descent be what it is for those who cannot see it."""

    def add_cells(self, *cells):
        """Keep cells, and mark their place."""
        self.cells += cells
        for _ in cells:
            self.add(CELL, prefix_eol=2, suffix_eol=2)

    def visit_doctest_block(self, node):
        """Make cells of examples."""
        self.add_cells(*cells_of_examples(node.astext()))
        raise nodes.SkipNode

    def visit_picture_script(self, node):
        """Make a cell of a picture."""
        script, *function = node["arguments"]
        self.add_cells(cell_of_picture(Path(self.builder.srcdir, script), *function))
        raise nodes.SkipNode

    def visit_exercise(self, node):
        """Set off the title, and leave out the link to an answer on another page."""
        title, *_, link = node.children
        title[:] = [nodes.strong("", *title)]
        node.remove(link)

    def visit_exercise_choice(self, node):
        """Begin a choice, with its number."""
        self.add(f"{node['number']}. ", prefix_eol=1)

    def depart_exercise_choice(self, node):
        """End a choice."""
        self.ensure_eol()

    def depart_exercise_form(self, node):
        """Make a cell of the form, after its choices."""
        self.add_cells(cell_of_exercise(node.parent, [*node]))

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
        if leads_out(node):
            self.add("[")
        elif not is_chinese(self.builder.current_docname):
            self.visit_emphasis(node)

    def depart_reference(self, node):
        """End a link or a title."""
        if leads_out(node):
            self.add(f"]({node['refuri']})")
        elif not is_chinese(self.builder.current_docname):
            self.depart_emphasis(node)

    visit_download_reference = visit_reference
    depart_download_reference = depart_reference

    def visit_math_block(self, node):
        """Begin a formula; Sphinx, too, writes one of several lines so."""
        self.ensure_eol(2)  # after a table it would be a row of it
        super().visit_math_block(node)
        if r"\\" in node.astext():
            self.add(r"\begin{split}", suffix_eol=1)

    def depart_math_block(self, node):
        """End a formula."""
        if r"\\" in node.astext():
            self.add(r"\end{split}", prefix_eol=1)
        super().depart_math_block(node)


def leads_out(reference):
    """Whether a reference leads out of the documentation."""
    return "refuri" in reference and not reference.get("internal")


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
    cells.insert(1, cell_of_style(builder.config.plot_rcparams))
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"  # not another one in each build
    return new_notebook(cells=cells, metadata={"kernelspec": KERNEL})


def write_notebook(app, pagename, templatename, context, doctree):
    """Write the notebook of a chapter, which is a page with a number."""
    if pagename not in app.env.toc_secnumbers:
        return
    words = WORDS["zh" if is_chinese(pagename) else "en"]
    note = words["note"].format(app.config.release)
    notebook = make_notebook(app.builder, doctree.deepcopy(), note)
    path = Path(app.outdir, f"{pagename}.ipynb")
    path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, path)
    context["notebook"] = {"path": f"{pagename}.ipynb", "link": words["link"]}


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
