"""The directive ``live-descent``: a descent that runs in the page, in plain JavaScript.

.. code-block:: rst

    .. live-descent:: surface
       :surface: valley
       :optimizer: momentum
       :learning-rate: 0.02

       What those see who have no JavaScript, or read another format: a sentence, or a
       picture.

The argument is ``surface``, batch, minibatch and sgd on a loss surface, or ``points``,
a network on points of two classes. The options are the settings with which it begins;
`OPTIONS` lists them. ``controls`` names the options that a reader can change, with
commas between; all of them if it is left out. The scripts and their texts are in
``_static/live``.
"""

import json
from html import escape

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

# In the order in which they are read. They are no modules, which a browser would not
# load from a page that was opened as a file.
SCRIPTS = [
    *("core/optimizers.js", "core/network.js", "core/descent.js", "core/samples.js"),
    *("core/race.js", "texts.js", "view/canvas.js", "view/chart.js"),
    *("view/landscape.js", "view/plane.js", "view/controls.js", "widgets/player.js"),
    *("widgets/widget.js", "widgets/surface.js", "widgets/points.js", "mount.js"),
]
WITHOUT = {
    "en": "The page of this text has a live descent here, in a browser that runs "
    "JavaScript.",
    "zh": "本文的网页在此处有实时演示。它需要支持 JavaScript 的浏览器。",
}


def one_of(*names):
    """Return a function that takes one of these names."""

    def take(text):
        if text.strip() not in names:
            raise ValueError(f"must be one of {', '.join(names)}, got {text!r}")
        return text.strip()

    return take


def some_of(*names):
    """Return a function that takes several of these names, with commas between."""
    return lambda text: [one_of(*names)(part) for part in text.split(",")]


def place(text):
    """Take a place: w and b, with a comma between."""
    w, b = text.split(",")
    return [float(w), float(b)]


SOLVERS = "batch", "minibatch", "sgd"
OPTIMIZERS = (
    *("gd", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta"),
    *("adam", "amsgrad", "nadam"),
)
# Names of options, the settings that they are in the scripts, and what they take.
OF_BOTH = {
    "optimizer": ("optimizer", one_of(*OPTIMIZERS)),
    "learning-rate": ("learningRate", float),
    "momentum": ("momentum", float),
    "batch-size": ("batchSize", int),
    "schedule": (
        "schedule",
        one_of("constant", "invscaling", "exponential", "cosine", "one_cycle"),
    ),
}
OPTIONS = {
    "surface": OF_BOTH
    | {
        "surface": ("surface", one_of("bowl", "valley", "turned", "hollows")),
        "start": ("start", place),
        "solvers": ("solvers", some_of(*SOLVERS)),
        # Whether runs of the same passes over the data, or of the same number of steps,
        # are compared; and how long they are.
        "clock": ("clock", one_of("passes", "steps")),
        "passes": ("passes", int),
        "steps": ("steps", int),
        # Whether the first step of plain descent is drawn as an arrow.
        "gradient": ("gradient", one_of("yes", "no")),
    },
    "points": OF_BOTH
    | {
        "points": ("points", one_of("moons", "circles", "blobs", "spirals")),
        "solver": ("solver", one_of(*SOLVERS)),
        "hidden": ("hidden", str),
        "activation": (
            "activation",
            one_of("tanh", "relu", "logistic", "leaky_relu", "elu", "silu"),
        ),
        "epochs": ("epochs", int),
    },
}


class live_descent(nodes.General, nodes.Element):
    """A place for a widget; its children are for those who cannot see it."""


class LiveDescent(SphinxDirective):
    """The directive."""

    required_arguments = 1
    has_content = True
    option_spec = dict.fromkeys(
        [*OPTIONS["surface"], *OPTIONS["points"], "controls"], directives.unchanged
    )

    def run(self):
        """Return the node."""
        kind = self.arguments[0]
        try:
            settings = self._settings(OPTIONS[one_of(*OPTIONS)(kind)])
        except ValueError as error:
            raise self.error(f"live-descent:: {kind}: {error}") from error
        language = "zh" if self.env.docname.startswith("zh/") else "en"
        node = live_descent(kind=kind, language=language, settings=settings)
        if self.content:
            node += self.parse_content_to_nodes()
        else:
            node += nodes.paragraph(text=WITHOUT[language])
        return [node]

    def _settings(self, options):
        """Return the settings, by the names that they have in the scripts."""
        settings = {}
        for name, text in self.options.items():
            if name == "controls":
                shown = some_of(*options)(text)
                settings[name] = [options[option][0] for option in shown]
            else:
                setting, take = options[one_of(*options)(name)]
                settings[setting] = take(text)
        return settings


def visit_html(translator, node):
    """Write the place; the scripts fill it."""
    options = escape(json.dumps(node["settings"]))
    translator.body.append(
        f'<div class="live-descent" data-kind="{node["kind"]}" '
        f'data-language="{node["language"]}" data-options="{options}">\n<noscript>\n'
    )


def depart_html(translator, node):
    """End the place."""
    translator.body.append("</noscript>\n</div>\n")


def add_scripts(app, pagename, templatename, context, doctree):
    """Load scripts and style sheet, on pages that have a widget."""
    if doctree is None or next(doctree.findall(live_descent), None) is None:
        return
    app.add_css_file("live/live.css")
    for script in SCRIPTS:
        app.add_js_file(f"live/{script}", loading_method="defer")


def setup(app):
    """Tell Sphinx of the directive and its node; Sphinx calls it."""
    others = {
        name: (lambda translator, node: None, lambda translator, node: None)
        for name in ("latex", "text", "man", "texinfo")
    }
    app.add_node(live_descent, html=(visit_html, depart_html), **others)
    app.add_directive("live-descent", LiveDescent)
    app.connect("html-page-context", add_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
