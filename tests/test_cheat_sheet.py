"""The cheat sheets name what there is, in both languages, and so do their PDFs."""

import re

import pytest

from skgd.descent.schedules import CURVES, SCHEDULES
from skgd.estimators.regressor import LOSS_NAMES
from skgd.kernels.formulas.activations import ACTIVATIONS
from skgd.kernels.formulas.optimizers import OPTIMIZERS
from tests.scripts import DOCS, load

printer = load("cheat_sheet_pdf.py")

# What each table lists, in the order of the page.
TABLES = {
    "solver": {"batch", "sgd", "minibatch"},
    "optimizer": set(OPTIMIZERS),
    "learning_rate": {*SCHEDULES, *CURVES},
    "loss": LOSS_NAMES,
    "activation": set(ACTIVATIONS),
}


def names_in_tables(page):
    """Return the names in the first column of each table, after the first table."""
    tables = (DOCS / f"{page}.rst").read_text(encoding="utf-8").split("list-table::")
    cells = [re.findall(r"^   \* - (.*)$", table, re.MULTILINE) for table in tables[2:]]
    return [re.findall(r'``"(\w+)"``', " ".join(each)) for each in cells]


@pytest.mark.parametrize("page", printer.PAGES)
def test_each_table_lists_every_name_that_there_is_once(page):
    tables = names_in_tables(page)
    assert len(tables) == len(TABLES)
    for listed, names in zip(tables, TABLES.values(), strict=True):
        assert sorted(listed) == sorted(names)


@pytest.mark.parametrize("page", printer.PAGES)
def test_pdf_is_one_page_and_was_printed_from_the_text_as_it_is(page):
    """Otherwise, build the documentation and run docs/cheat_sheet_pdf.py."""
    pdf = (DOCS / f"{page}.pdf").read_bytes()
    assert printer.number_of_pages(pdf) == 1
    assert printer.title_of(page).encode() in pdf
