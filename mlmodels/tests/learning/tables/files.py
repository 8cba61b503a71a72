"""Files for the tests, made as bytes: what a browser uploads."""

import io
from collections.abc import Sequence

from mlmodels.learning import tables
from mlmodels.learning.tables import Column, TableSummary


def inspect_bytes(content: bytes | str) -> TableSummary:
    return tables.inspect(opened(content))


def opened(content: bytes | str) -> io.BytesIO:
    return io.BytesIO(content.encode() if isinstance(content, str) else content)


def read_bytes(content: bytes | str, columns: Sequence[Column] | None = None):
    """The whole table as `read` gives it under the decisions of `inspect`."""
    summary = inspect_bytes(content)
    chosen = summary.columns if columns is None else columns
    return tables.read(opened(content), summary.dialect, chosen)


def column_of(values: Sequence[str], name: str = "value", separator: str = ",") -> Column:
    """What is decided about a column of these cells, beside a column of small numbers."""
    return inspect_bytes(table_of(values, name, separator)).columns[0]


def table_of(values: Sequence[str], name: str = "value", separator: str = ",") -> str:
    lines = [f"{name}{separator}other"]
    lines += [f'"{value}"{separator}{position % 3}' for position, value in enumerate(values)]
    return "\n".join(lines) + "\n"


def read_column(values: Sequence[str], name: str = "value", separator: str = ",") -> list:
    """The cells as `read` types them."""
    return read_bytes(table_of(values, name, separator))[name].tolist()
