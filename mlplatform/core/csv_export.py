"""CSV files that a spreadsheet can open without running what is in them."""

import csv
import re
from collections.abc import Iterable
from typing import TextIO

# A spreadsheet takes a cell that starts like this for a formula, Japanese ones the full-width signs too.
FORMULA_START = re.compile(r"[\s'\"]*[=+\-@\t\r＝＋－＠]")
PLAIN_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?%?")


def write_csv(handle: TextIO, header: list[str], rows: Iterable[list]) -> None:
    writer = csv.writer(handle, lineterminator="\n")
    writer.writerow([harmless(name) for name in header])
    for row in rows:
        writer.writerow([harmless(cell) for cell in row])


def harmless(cell):
    """The cell as it is, or with an apostrophe in front where it would be taken for a formula."""
    if not isinstance(cell, str):
        return cell
    cell = cell.replace("\0", "")
    if FORMULA_START.match(cell) and not PLAIN_NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell
