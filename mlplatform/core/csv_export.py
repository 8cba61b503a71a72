"""CSV files that a spreadsheet can open without running what is in them."""

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain

# A spreadsheet takes a cell that starts like this for a formula, Japanese ones the full-width signs too.
FORMULA_START = re.compile(r"[\s'\"]*[=+\-@\t\r＝＋－＠]")
# A dash for a blank, or a number with a sign, grouped and with a unit as people write it: no formula
CURRENCY = "[$€£¥]|EUR|USD|GBP|CHF"
PLAIN_NUMBER = re.compile(
    rf"-|[+-]?({CURRENCY})?(\d[\d.,'\u2019 \u00a0\u2009\u202f]*|[.,]\d+)([eE][+-]?\d+)?(%|{CURRENCY})?"
)


class Echo:
    def write(self, text: str) -> str:
        return text


def csv_lines(header: list[str], rows: Iterable[list]) -> Iterator[str]:
    writer = csv.writer(Echo(), lineterminator="\n")  # writerow returns what write returns: the line
    for row in chain([header], rows):
        yield writer.writerow([harmless(cell) for cell in row])


def harmless(cell):
    """The cell as it is, or with an apostrophe in front where it would be taken for a formula."""
    if not isinstance(cell, str):
        return cell
    cell = cell.replace("\0", "")
    if FORMULA_START.match(cell) and not PLAIN_NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell
