"""Exercises that the page checks, and their worked answers.

An exercise asks for a number:

.. code-block:: rst

    .. exercise:: numbers-of-a-network
       :answer: 139
       :tolerance: 0
       :hint: Each layer has a weight for each pair of units.

       How many numbers does ``flowers`` consist of?

or for one of a few choices. What is below a choice is said after it was chosen; a wrong
choice needs it, as the hint:

.. code-block:: rst

    .. exercise:: a-network-without-bends

       What can ten units draw without a bend?

       .. choice:: Ten lines.

          The output adds them up. What is the sum of lines?

       .. choice:: One line.
          :right:

The worked answer is on the page ``answers`` of the same folder, as ``.. answer::
chapter/name-of-the-exercise``. Each of the two links to the other, so the build fails
if one is missing. Exercises are numbered in their order; so are the answers of a
chapter.

The question, the choices and the link are for all formats, and for those who have no
JavaScript. The rest is of HTML, and ``_static/exercises`` gives it life.
"""

from decimal import Decimal, InvalidOperation
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

WORDS = {
    "en": {
        "exercise": "Exercise {}",
        "answer": "Worked answer",
        "solved": "solved",
        "label": "Your answer",
        "check": "Check",
    },
    "zh": {
        "exercise": "练习 {}",
        "answer": "查看解答",
        "solved": "已完成",
        "label": "你的答案",
        "check": "检查",
    },
}
# What the script finds of an answer, and how the page says it.
VERDICTS = {
    "en": {
        "no-number": "Enter a number, such as 3 or 0.25.",
        "no-choice": "Choose one of the answers.",
        "right": "Right.",
        "wrong": "Not yet.",
        "small": "Not yet: this is too small.",
        "large": "Not yet: this is too large.",
    },
    "zh": {
        "no-number": "请输入一个数，例如 3 或 0.25。",
        "no-choice": "请先选一个答案。",
        "right": "答对了。",
        "wrong": "还不对。",
        "small": "还不对：这个数偏小。",
        "large": "还不对：这个数偏大。",
    },
}


class exercise(nodes.container):
    """An exercise: the question, a form, a feedback and a link to the worked answer.

    Its attributes are ``name`` (chapter and name, with a slash between), ``number``
    (its place in the chapter), ``language`` and, if it asks for a number, ``answer``,
    ``low`` and ``high``: what lies between these two is right. All but ``number`` are
    strings.
    """


class exercise_form(nodes.container):
    """Where the reader answers; its children are the choices, if there are any."""


class exercise_choice(nodes.paragraph):
    """A choice, with attributes ``number``, its place, and ``right``."""


class exercise_feedback(nodes.container):
    """What is said of an answer; its children are the hints."""


class exercise_hint(nodes.container):
    """What is said of the choice ``number``, or of a wrong number, which has 0."""


class exercise_answer(nodes.container):
    """A worked answer, which begins with a link to its exercise."""


def decimal(text):
    """Take a number as it is written, with all its digits."""
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"must be a number, got {text!r}") from error


def language_of(docname):
    """Return the language of a page."""
    return "zh" if docname.startswith("zh/") else "en"


class Labelled(SphinxDirective):
    """What exercises and answers share: they have labels, and link to one another."""

    required_arguments = 1
    has_content = True

    def add_label(self, node, kind, name):
        """Give a node the label to which `link` leads."""
        folder = self.env.docname.rpartition("/")[0]
        node["ids"] = [nodes.make_id(f"{kind}-{name}")]
        node["names"] = [f"{kind} {folder}/{name}"]
        self.state.document.note_explicit_target(node)

    def link(self, text, kind, name):
        """Return a paragraph with a link; if it leads nowhere, Sphinx warns of it."""
        folder = self.env.docname.rpartition("/")[0]
        link = f":ref:`{text} <{kind} {folder}/{name}>`"
        (paragraph,) = self.parse_text_to_nodes(link)
        paragraph["classes"] = [f"exercise-{kind}-link"]
        return paragraph


class Exercise(Labelled):
    """The directive ``exercise``."""

    option_spec: ClassVar = {
        "answer": decimal,
        "tolerance": decimal,
        "hint": directives.unchanged_required,
    }

    def run(self):
        """Return the node."""
        chapter = self.env.docname.rpartition("/")[2]
        node = exercise(
            name=f"{chapter}/{self.arguments[0]}",
            number=self.env.new_serialno("exercise") + 1,
            language=language_of(self.env.docname),
        )
        self.add_label(node, "exercise", node["name"])
        question, choices, hints = self._parts()
        if ("answer" in self.options) == bool(choices):
            raise self.error("an exercise has either an answer or choices")
        if choices:
            self._check(choices, hints)
        else:
            node.attributes |= self._bounds()
            hints = [self._hint()]
        key, words = node["ids"][0], WORDS[node["language"]]
        title = words["exercise"].format(node["number"])
        node += nodes.paragraph(
            text=title, ids=[f"{key}-title"], classes=["exercise-title"]
        )
        node += nodes.container("", *question, ids=[f"{key}-question"])
        node += exercise_form("", *choices)
        node += exercise_feedback("", *hints)
        node += self.link(words["answer"], "answer", node["name"])
        return [node]

    def _parts(self):
        """Return the question, the choices and their hints."""
        parts = {exercise_choice: [], exercise_hint: []}
        question = []
        for part in self.parse_content_to_nodes():
            parts.get(type(part), question).append(part)
        for kind in parts.values():
            for number, part in enumerate(kind, start=1):
                part["number"] = number
        return question, *parts.values()

    def _check(self, choices, hints):
        """Raise an error where choices are not as they should be."""
        if sum(choice["right"] for choice in choices) != 1:
            raise self.error("exactly one choice of an exercise is right")
        for choice, hint in zip(choices, hints, strict=True):
            if not (choice["right"] or hint.children):
                raise self.error(f"a wrong choice has a hint: {choice.astext()}")

    def _bounds(self):
        """Return the answer, and the numbers between which it is right."""
        answer, tolerance = self.options["answer"], self.options.get("tolerance", 0)
        low, high = answer - tolerance, answer + tolerance
        return {"answer": f"{answer}", "low": f"{low}", "high": f"{high}"}

    def _hint(self):
        """Return what is said of a wrong number."""
        if "hint" not in self.options:
            raise self.error("an exercise that asks for a number has a hint")
        hint = self.parse_text_to_nodes(self.options["hint"])
        return exercise_hint("", *hint, number=0)


class Choice(SphinxDirective):
    """The directive ``choice``, in an exercise."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar = {"right": directives.flag}

    def run(self):
        """Return the choice and its hint."""
        text, messages = self.parse_inline(self.arguments[0])
        choice = exercise_choice("", "", *text, right="right" in self.options)
        return [choice, exercise_hint("", *self.parse_content_to_nodes()), *messages]


class Answer(Labelled):
    """The directive ``answer``, a worked answer."""

    def run(self):
        """Return the node."""
        name = self.arguments[0]
        chapter = name.partition("/")[0]
        number = self.env.new_serialno(f"answer {chapter}") + 1
        title = WORDS[language_of(self.env.docname)]["exercise"].format(number)
        node = exercise_answer(classes=["exercise-answer"])
        self.add_label(node, "answer", name)
        node += self.link(title, "exercise", name)
        node += self.parse_content_to_nodes()
        return [node]


# Pages -----------------------------------------------------------------------------
# What needs the script is hidden until it runs.


def visit_exercise(translator, node):
    """Begin an exercise, with the mark that it has been solved."""
    key, words = node["ids"][0], WORDS[node["language"]]
    translator.body.append(
        f'<div class="exercise" id="{key}" data-name="{node["name"]}" role="group" '
        f'aria-labelledby="{key}-title">\n'
        f'<span class="exercise-solved" hidden>{words["solved"]}</span>\n'
    )


def visit_form(translator, node):
    """Begin the form; choices are a list in it."""
    key = node.parent["ids"][0]
    translator.body.append('<form class="exercise-form" novalidate>\n')
    if node.children:
        translator.body.append(
            f'<fieldset aria-labelledby="{key}-question">\n'
            '<ul class="exercise-choices">\n'
        )


def depart_form(translator, node):
    """End the form, with the field for a number if there are no choices."""
    key, words = node.parent["ids"][0], WORDS[node.parent["language"]]
    if node.children:
        translator.body.append("</ul>\n</fieldset>\n")
    else:
        translator.body.append(
            f'<label for="{key}-number" hidden>{words["label"]}</label>\n'
            f'<input id="{key}-number" data-low="{node.parent["low"]}" '
            f'data-high="{node.parent["high"]}" inputmode="decimal" autocomplete="off" '
            f'aria-describedby="{key}-question" hidden>\n'
        )
    translator.body.append(f"<button hidden>{words['check']}</button>\n</form>\n")


def visit_choice(translator, node):
    """Begin a choice."""
    key = node.parent.parent["ids"][0]
    verdict = "right" if node["right"] else "wrong"
    translator.body.append(
        f'<li><input type="radio" id="{key}-{node["number"]}" name="{key}" '
        f'value="{node["number"]}" data-verdict="{verdict}" hidden>\n'
        f'<label for="{key}-{node["number"]}">'
    )


def depart_choice(translator, node):
    """End a choice."""
    translator.body.append("</label></li>\n")


def visit_feedback(translator, node):
    """Begin what is said of an answer, with the verdicts."""
    translator.body.append('<div class="exercise-feedback" role="status">\n')
    for verdict, words in VERDICTS[node.parent["language"]].items():
        translator.body.append(
            f'<p class="exercise-{verdict}" data-says="{verdict}" hidden>{words}</p>\n'
        )


def visit_hint(translator, node):
    """Begin a hint."""
    translator.body.append(f'<div data-says="hint-{node["number"]}" hidden>\n')


def depart_div(translator, node):
    """End an exercise, what is said of an answer, or a hint."""
    translator.body.append("</div>\n")


def skip(translator, node):
    """Leave out what only the script shows."""
    raise nodes.SkipNode


def add_files(app, pagename, templatename, context, doctree):
    """Load script and style sheet, on pages that have exercises or answers."""
    if doctree is None:
        return
    if any(isinstance(node, (exercise, exercise_answer)) for node in doctree.findall()):
        app.add_css_file("exercises/exercises.css")
        app.add_js_file("exercises/exercises.js", loading_method="defer")


def setup(app):
    """Tell Sphinx of directives and nodes; Sphinx calls it.

    Other formats than HTML show nodes as those that they are derived from.
    """
    app.add_node(exercise, html=(visit_exercise, depart_div))
    app.add_node(exercise_form, html=(visit_form, depart_form))
    app.add_node(exercise_choice, html=(visit_choice, depart_choice))
    others = dict.fromkeys(("latex", "text", "man", "texinfo"), (skip, None))
    app.add_node(exercise_feedback, html=(visit_feedback, depart_div), **others)
    app.add_node(exercise_hint, html=(visit_hint, depart_div))
    app.add_node(exercise_answer)
    app.add_directive("exercise", Exercise)
    app.add_directive("choice", Choice)
    app.add_directive("answer", Answer)
    app.connect("html-page-context", add_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
