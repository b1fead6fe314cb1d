"""Make the pages in Chinese searchable besides those in English.

Chinese has no spaces between words, so the search would take a whole clause for one
word. Here the index gets each character and each pair of neighbours, and a query is
taken apart into pairs: a page is found if it has them all.
"""

import re
from itertools import pairwise

from sphinx.search.en import SearchEnglish

HAN = r"\u3400-\u4dbf\u4e00-\u9fff"  # in Python's and JavaScript's regular expressions


class SearchEnglishAndChinese(SearchEnglish):
    """English words as ever; Chinese by single characters and pairs."""

    js_splitter_code = r"""
function splitQuery(query) {
  return query
    .split(/([HAN]+)|[^\p{Letter}\p{Number}_]+/gu)
    .filter((part) => part)
    .flatMap((part) =>
      part.length === 1 || !/[HAN]/.test(part)
        ? [part]
        : [...part].slice(1).map((character, i) => part[i] + character)
    );
}
""".replace("HAN", HAN)

    def split(self, text):
        """Split a text into the words to be indexed."""
        words = []
        for part in re.findall(rf"[{HAN}]+|[^\W{HAN}]+", text):
            if re.match(f"[{HAN}]", part):
                words += [*part, *(a + b for a, b in pairwise(part))]
            else:
                words.append(part)
        return words


def setup(app):
    """Take the place of the search in English; Sphinx calls it."""
    app.add_search_language(SearchEnglishAndChinese)
    return {"parallel_read_safe": True}
