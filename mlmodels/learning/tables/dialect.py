"""How a file is to be cut into cells: encoding, separator, and what stands before the header."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice
from typing import BinaryIO

from mlmodels.learning.tables.encoding import EMPTY, SAMPLE_BYTES, sniff_encoding
from mlmodels.learning.tables.errors import TableRefused

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_SAMPLE_RECORDS = 200


@dataclass(frozen=True)
class Dialect:
    """`skip_lines` counts lines before the header that are not part of the table, such as Excel's `sep=;`."""

    encoding: str
    separator: str
    skip_initial_space: bool = False
    skip_lines: int = 0

    def to_dict(self) -> dict:
        return asdict(self)

    def reader(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """The cells of each record. Strict: csv.Error for text behind a closing quotation mark."""
        return csv.reader(
            lines, delimiter=self.separator, skipinitialspace=self.skip_initial_space, strict=True
        )


def sniff_dialect(handle: BinaryIO) -> Dialect:
    """Reads all bytes once for the encoding and the first 64 KB for the rest.

    Returns a comma if there is one column only; the caller decides whether that is enough.
    """
    encoding = sniff_encoding(handle)
    sample = _first_text(handle, encoding)
    if not sample.strip("\ufeff \t\r\n"):
        raise TableRefused(EMPTY)
    declared = _declared_separator(sample)
    if declared:
        sample = sample.split("\n", 1)[-1]
    separator = declared or _sniff_separator(sample)
    skip_initial_space = f'{separator} "' in sample
    return Dialect(encoding, separator, skip_initial_space, skip_lines=1 if declared else 0)


def _first_text(handle: BinaryIO, encoding: str) -> str:
    handle.seek(0)
    raw = handle.read(SAMPLE_BYTES)
    text = raw.decode(encoding, errors="ignore")
    if len(raw) < SAMPLE_BYTES or "\n" not in text:
        return text
    return text[: text.rindex("\n") + 1]


def _declared_separator(sample: str) -> str | None:
    first_line = sample.lstrip("\ufeff").split("\n", 1)[0].rstrip("\r").strip('"')
    return next((mark for mark in SEPARATORS if first_line == f"sep={mark}"), None)


def _sniff_separator(sample: str) -> str:
    """The separator under which most rows are as wide as the header; the wider table on a tie."""
    scores = {separator: _score(sample, separator) for separator in SEPARATORS}
    return max(scores, key=scores.__getitem__)


def _widths(sample: str, separator: str) -> list[int]:
    lines = io.StringIO(sample, newline="")
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=f'{separator} "' in sample)
    widths: list[int] = []
    with suppress(csv.Error):  # reading refuses it with its row
        widths.extend(map(len, islice(filter(None, reader), _SAMPLE_RECORDS)))
    return widths


def _score(sample: str, separator: str) -> tuple[float, int]:
    widths = _widths(sample, separator)
    if not widths or widths[0] < 2:
        return 0.0, 0
    return round(widths.count(widths[0]) / len(widths), 2), widths[0]


def refuse_single_column(handle: BinaryIO, dialect: Dialect) -> None:
    """Raises TableRefused for a table whose header has one name, with the probable reason."""
    sample = _first_text(handle, dialect.encoding)
    for separator, name in SEPARATORS.items():
        width = _usual_width_below_a_title(_widths(sample, separator))
        if width:
            raise TableRefused(
                f"Row 1 has one cell and the rows below it have {width} ({name} between them). "
                "Remove the lines above the header, so that row 1 holds the column names.",
                row=1,
            )
    raise TableRefused(
        "Row 1 has only one column. Which character separates the columns? Save the file with comma, "
        "semicolon, tab or pipe between them; a table needs at least one column to learn from and one to "
        "predict.",
        row=1,
    )


def _usual_width_below_a_title(widths: list[int]) -> int | None:
    if len(widths) < 2 or widths[0] > 1:
        return None
    width, rows = Counter(widths[1:]).most_common(1)[0]
    return width if width > 1 and rows * 2 > len(widths) else None
