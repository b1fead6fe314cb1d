"""Print the cheat sheets, of each language one, to a page of A4.

sphinx-build -b html docs docs/_build/html
python docs/cheat_sheet_pdf.py

It needs Chromium with its driver, and selenium. A PDF's title has the checksum of the
page that it was printed from, by which `tests/test_cheat_sheet.py` knows an old one.
"""

import base64
import hashlib
import re
import sys
from pathlib import Path

DOCS = Path(__file__).parent
BUILT = DOCS / "_build/html"
PAGES = ["guide/cheat_sheet", "zh/cheat_sheet"]
# What the theme has around the text is left out, and the tables are set in two columns.
STYLE = """
.bd-header, .bd-sidebar-primary, .bd-sidebar-secondary, .bd-header-article, .bd-footer,
.prev-next-footer, .pst-skip-link, .headerlink, .copybtn, footer, .skgd-not-printed,
#pst-back-to-top { display: none !important; }
html, body { font-size: 12px; background: white; }
.bd-main, .bd-content, .bd-article-container, .bd-article, .bd-container,
.bd-container__inner { display: block !important; max-width: none !important;
  padding: 0 !important; margin: 0 !important; width: auto !important; }
article.bd-article > section { columns: 2; column-gap: 6mm; }
h1 { column-span: all; font-size: 20px !important; margin: 0 0 1mm !important; }
h2 { font-size: 14px !important; margin: 1.5mm 0 0.5mm !important; break-after: avoid; }
section section { break-inside: avoid; }
p { margin: 0 0 0.5mm !important; line-height: 1.3 !important; }
table.table { font-size: 11px !important; margin: 0 !important; width: 100%; }
table.table :is(td, th) { padding: 0.3mm 1mm !important; min-width: 0 !important; }
.pst-scrollable-table-container { overflow: visible !important; margin: 0 !important; }
"""
# In inches: A4 with margins of 9 mm.
PAPER = {"paperWidth": 8.27, "paperHeight": 11.69}
MARGINS = {f"margin{side}": 0.35 for side in ("Top", "Bottom", "Left", "Right")}


def title_of(page):
    """Return the title of a page's PDF, with the checksum of the page's source."""
    source = (DOCS / f"{page}.rst").read_bytes()
    return f"skgd cheat sheet {hashlib.sha256(source).hexdigest()[:12]}"


def number_of_pages(pdf):
    """Return how many pages a PDF has, given its bytes."""
    return int(re.search(rb"/Type /Pages\s+/Count (\d+)", pdf)[1])


def print_page(driver, page):
    """Return the PDF of a built page, as bytes."""
    driver.get((BUILT / f"{page}.html").as_uri())
    driver.execute_script(
        "document.documentElement.dataset.theme = 'light';"
        "document.title = arguments[0];"
        "const style = document.createElement('style');"
        "style.textContent = arguments[1]; document.head.append(style);",
        *(title_of(page), STYLE),
    )
    options = PAPER | MARGINS | {"printBackground": True}
    return base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", options)["data"])


def main():
    """Print both sheets beside their sources."""
    sys.path.insert(0, str(DOCS.parent))
    from tests.browser import start_chromium

    driver = start_chromium()
    try:
        for page in PAGES:
            pdf = print_page(driver, page)
            n_pages = number_of_pages(pdf)
            if n_pages != 1:
                sys.exit(f"{page} takes {n_pages} pages; shorten it, or see STYLE.")
            (DOCS / f"{page}.pdf").write_bytes(pdf)
    finally:
        driver.quit()


if __name__ == "__main__":
    main()
