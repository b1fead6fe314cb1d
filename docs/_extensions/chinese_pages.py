"""Make the pages below zh/ Chinese throughout, not in their text alone.

Sphinx builds a project in one language. Here the theme's words around a Chinese page
come from its and Sphinx's own Chinese catalogues, browsers and screen readers are told
the language, and "previous" and "next" stay within it.
"""

from gettext import translation
from pathlib import Path
from posixpath import dirname, join, normpath

import pydata_sphinx_theme
import sphinx

# What the theme's catalogue lacks, or has for other things than pages.
MORE_WORDS = {
    "previous": "上一页",
    "next": "下一页",
    "Collapse Sidebar": "收起侧栏",
    "Expand Sidebar": "展开侧栏",
    "Color mode": "配色",
    "Light": "浅色",
    "Dark": "深色",
    "System Settings": "跟随系统",
    "Site navigation": "网站导航",
}


def chinese_words():
    """Return a function from a word of the theme in English to that in Chinese."""
    theme, own = (
        translation("sphinx", Path(package.__file__).parent / folder, [language])
        for package, folder, language in [
            (pydata_sphinx_theme, "locale", "zh"),
            (sphinx, "locale", "zh_CN"),
        ]
    )
    theme.add_fallback(own)
    return lambda word: MORE_WORDS.get(word) or theme.gettext(word)


def is_chinese(pagename):
    """Whether a page is one of the translated ones."""
    return pagename.startswith("zh/")


def set_language(app, pagename, templatename, context, doctree):
    """Set language, words and neighbours of a page before it is written."""
    if is_chinese(pagename):
        context |= {"language": "zh-CN", "_": WORDS, "gettext": WORDS}
    for neighbour in ("prev", "next"):
        link = (context.get(neighbour) or {}).get("link", "")
        target = normpath(join(dirname(pagename), link))
        if link and is_chinese(target) != is_chinese(pagename):
            context[neighbour] = None


WORDS = chinese_words()


def setup(app):
    """Have each page's language set; Sphinx calls it."""
    app.connect("html-page-context", set_language)
    return {"parallel_read_safe": True}
