"""Write pictures that matplotlib has drawn as SVG into the page itself.

There they are a part of it. Text is in the page's font, and can be found and copied.
Colours follow light and dark mode. On a Chinese page words are Chinese: they are in
``picture_words``, and a word that is missing there is a warning.

A text in a picture is either words or a formula. Formulas are drawn as outlines, which
look as those of MathJax. Names of parameters and their values are set in monospace and
stay as they are.
"""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

from chinese_pages import is_chinese
from docutils import nodes
from matplotlib import rc_context
from matplotlib.backends.backend_svg import RendererSVG
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.logging import getLogger

NAMESPACE = re.compile(r"\{.*\}")
DECIMALS = re.compile(r"(\.\d\d)\d+")
HEX_COLOR = re.compile(r"#([0-9a-f]{6})")
FONT_SIZE = re.compile(r"font-size: ([\d.]+)px")
FONT_FAMILY = re.compile(r"font-family: [^;]*")
REFERENCE = re.compile(r'(\bid="|href="#|url\(#)([^")]+)')
FORMULA = re.compile(r"\$.*?\$")
WORD = re.compile(r"[A-Za-z]{2}")

PHONE = 358  # pixels that a picture has where the screen has 390
LEAST_TEXT = 11  # pixels

logger = getLogger(__name__)


class InlinePictures(SphinxPostTransform):
    """Put the SVG in the place of each image that is one."""

    default_priority = 5
    formats = ("html",)

    def run(self):
        """Replace the images of a page."""
        described = None
        for number, image in enumerate([*self.document.findall(nodes.image)]):
            if not image["uri"].endswith(".svg"):
                continue
            if "alt" not in image:
                logger.warning("%s has no alt", image["uri"], location=image)
            # The words of the first panel are for all panels of a picture.
            description = image.parent, image.get("alt", "")
            label = "" if description == described else description[1]
            described = description
            path = Path(self.env.srcdir, image["uri"])
            svg = self.read(path, label, f"picture-{number}")
            image.parent.replace(image, nodes.raw("", svg, format="html"))

    def read(self, path, label, name):
        """Return the SVG of a file as it is to be in the page."""
        svg = ET.parse(path).getroot()
        strip(svg)
        describe(svg, label)
        texts = svg.findall(".//text[@style]")
        warn_of_small_text(svg, texts, path)
        if is_chinese(self.env.docname):
            warn_of_words_in_formulas(path)
            translate(texts, self.config.picture_words, path)
        adapt_styles(svg)
        return with_own_ids(ET.tostring(svg, encoding="unicode"), name)


def strip(svg):
    """Leave out what a page has no use for: fonts, namespaces, tiny fractions."""
    for parent in [*svg.iter()]:
        parent.tag = NAMESPACE.sub("", parent.tag)
        parent.attrib = {NAMESPACE.sub("", k): v for k, v in parent.attrib.items()}
        for child in [*parent]:
            if child.tag.endswith(("metadata", "style")):
                parent.remove(child)
        for coordinates in {"d", "x", "y"} & parent.attrib.keys():
            parent.set(coordinates, DECIMALS.sub(r"\1", parent.get(coordinates)))


def describe(svg, label):
    """Give the picture its class, size and description."""
    width = svg.get("viewBox").split()[2]
    svg.attrib = {
        "viewBox": svg.get("viewBox"),
        "class": "picture",
        "style": f"--width: {width}",
    }
    if label:
        svg.attrib |= {"role": "img", "aria-label": label}
    else:
        svg.set("aria-hidden", "true")


def warn_of_small_text(svg, texts, path):
    """Warn if the smallest text is less than `LEAST_TEXT` on a phone."""
    width = float(svg.get("viewBox").split()[2])
    sizes = [float(FONT_SIZE.search(text.get("style"))[1]) for text in texts]
    least = min(sizes, default=LEAST_TEXT) * PHONE / width
    if least < LEAST_TEXT:
        logger.warning("%s: text of %.1f pixels on a phone", path.name, least)


def translate(texts, words, path):
    """Put Chinese in the place of words."""
    for text in texts:
        if WORD.search(text.text) and "monospace" not in text.get("style"):
            if text.text not in words:
                logger.warning("%s: no Chinese for %r", path.name, text.text)
            text.text = words.get(text.text, text.text)


def warn_of_words_in_formulas(path):
    """Warn of texts that are drawn as outlines, but have words."""
    for text in re.findall("<!--(.*?)-->", path.read_text(encoding="utf-8")):
        if WORD.search(FORMULA.sub("", text)):
            logger.warning("%s: words and a formula in one text: %r", path.name, text)


def adapt_styles(svg):
    """Let fonts and colours be the page's."""
    colors = set()
    for element in svg.iter():
        if style := element.get("style"):
            colors.update(HEX_COLOR.findall(style))
            style = FONT_FAMILY.sub(page_font, style)
            element.set("style", HEX_COLOR.sub(r"var(--\1)", style))
    rules = [f"--{color}: {page_color(color)}" for color in sorted(colors)]
    svg.set("style", "; ".join([svg.get("style"), *rules]))


def page_font(family):
    """Return the page's font of a kind."""
    kind = "monospace" if "monospace" in family[0] else "base"
    return f"font-family: var(--pst-font-family-{kind})"


def page_color(color):
    """Return a colour as it is in light and in dark mode.

    Shades of grey lie between text and background. Other colours are a little lighter
    in dark mode.
    """
    red, green, blue = bytes.fromhex(color)
    if red == green == blue:
        share = f"calc({100 - red / 2.55:.0f}% * var(--picture-contrast))"
        return (
            f"color-mix(in srgb, var(--pst-color-text-base) {share}, "
            "var(--pst-color-background))"
        )
    return f"color-mix(in srgb, white var(--picture-lightening), #{color})"


def with_own_ids(svg, name):
    """Return a text in which all ids, and references to them, begin with a name."""
    numbers = {}

    def rename(match):
        number = numbers.setdefault(match[2], len(numbers))
        return f"{match[1]}{name}-{number}"

    return REFERENCE.sub(rename, svg)


def draw_text(self, gc, x, y, s, prop, angle, ismath=False, mtext=None):
    """Draw a formula as outlines, and words as text.

    In place of the renderer's method, which does either for all texts.
    """
    with rc_context({"svg.fonttype": "path" if ismath else "none"}):
        draw_text_as_set(self, gc, x, y, s, prop, angle, ismath, mtext)


draw_text_as_set = RendererSVG.draw_text


def setup(app):
    """Tell Sphinx and matplotlib of it; Sphinx calls it."""
    RendererSVG.draw_text = draw_text
    app.add_config_value("picture_words", {}, "html", dict)
    app.add_post_transform(InlinePictures)
    app.add_css_file("pictures.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
