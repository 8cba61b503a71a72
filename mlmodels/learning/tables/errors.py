"""The refusal of this package, and how values from a file are shown in one."""

from mlplatform.core.errors import InvalidInput

_SHOWN_FORMATTING = "\u200c\u200d\u200e\u200f"  # not the marks that could turn the rest of a sentence around


class TableRefused(InvalidInput):
    """A file, a row of it or a single value cannot be used as it is.

    Rows are counted as a spreadsheet shows them: the header is row 1, blank lines count, a quoted line break
    does not start a new row.
    """

    code = "table_refused"

    def __init__(self, message: str, *, row: int | None = None, column: str | None = None, **options):
        super().__init__(message, **options)
        self.row = row
        self.column = column


def shown(text: str, characters_max: int = 40) -> str:
    """`text` in quotation marks, on one line and shortened."""
    flat = " ".join(str(text).split())
    printable = "".join(c if c.isprintable() or c in _SHOWN_FORMATTING else "?" for c in flat)
    return f'"{printable}"' if len(printable) <= characters_max else f'"{printable[:characters_max]}…"'
