"""Make the pages below zh/ Chinese throughout, not in their text alone.

Sphinx builds a project in one language. Here the theme's words around a Chinese page
come from its and Sphinx's own Chinese catalogues, browsers and screen readers are told
the language, and "previous" and "next" stay within it. A switch leads to the same page
in the other language.
"""

from gettext import translation
from pathlib import Path

import pydata_sphinx_theme
import sphinx

# What the theme's catalogue lacks, has for other things than pages, or says oddly.
MORE_WORDS = {
    "previous": "上一页",
    "next": "下一页",
    "Breadcrumb": "当前位置",
    "On this page": "本页目录",
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
        translation("sphinx", Path(package.__file__).parent / "locale", [language])
        for package, language in [(pydata_sphinx_theme, "zh"), (sphinx, "zh_CN")]
    )
    theme.add_fallback(own)
    return lambda word: MORE_WORDS.get(word) or theme.gettext(word)


WORDS = chinese_words()


def is_chinese(pagename):
    """Whether a page is one of the translated ones."""
    return pagename.startswith("zh/")


def in_english(pagename, pages):
    """Return the page that a Chinese one is translated from, or None."""
    name = pagename.removeprefix("zh/")
    candidates = f"tutorial/{name}", f"guide/{name}"
    return next((page for page in candidates if page in pages), None)


def in_chinese(pagename, pages):
    """Return the translation of an English page, or None."""
    name = "zh/" + pagename.rpartition("/")[2]
    return name if name in pages and in_english(name, pages) == pagename else None


def make_switch(pagename, pages):
    """Return what the link to the other language leads to, and says, in that."""
    if is_chinese(pagename):
        page, index = in_english(pagename, pages), "index"
        words = "en", "English", "This page in English", "No English page; to the index"
    else:
        page, index = in_chinese(pagename, pages), "zh/index"
        words = "zh-CN", "中文", "本页的中文版", "本页没有中文版。转到中文首页"
    language, name, same, other = words
    return {
        "language": language,
        "name": name,
        "page": page or index,
        "title": same if page else other,
    }


def translate(app, pagename, templatename, context, doctree):
    """Set language, words and neighbours of a page before it is written."""
    _, previous, following = app.builder.relations.get(pagename, (None, None, None))
    for name, neighbour in {"prev": previous, "next": following}.items():
        if neighbour and is_chinese(neighbour) != is_chinese(pagename):
            context[name] = None
    context["switch"] = make_switch(pagename, app.env.found_docs)
    if not is_chinese(pagename):
        return
    context |= {
        "language": "zh-CN",
        "_": WORDS,
        "gettext": WORDS,
        "theme_search_bar_text": "搜索文档",
        "theme_header_dropdown_text": "更多",
        # The one word that Sphinx writes into the text itself.
        "body": context["body"].replace(
            "Link to this heading", WORDS("Link to this heading")
        ),
    }


def setup(app):
    """Have each page translated; Sphinx calls it."""
    app.connect("html-page-context", translate)
    return {"parallel_read_safe": True}
