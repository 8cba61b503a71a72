"""Looks at a CSV when it is uploaded: what each column is, what is in it, what is probably to be predicted.

Two passes over the file, both a chunk at a time: the first gathers evidence about texts and decides, the
second reads numbers and dates under those decisions for the profile. Memory does not grow with the file.
"""

from typing import BinaryIO

from mlmodels.learning.tables.cells import cells_of
from mlmodels.learning.tables.columns import Column, TableSummary
from mlmodels.learning.tables.dialect import Dialect, refuse_single_column, sniff_dialect
from mlmodels.learning.tables.evidence import ColumnEvidence
from mlmodels.learning.tables.formats import file_hints
from mlmodels.learning.tables.headers import refuse_missing_header
from mlmodels.learning.tables.kinds import decide
from mlmodels.learning.tables.limits import (
    DISTINCT_COUNTED_MAX,
    DISTINCT_KEPT_MAX,
    FIRST_ROWS,
    KEPT_CHARACTERS_MAX,
    SAMPLED_VALUES_KEPT_MAX,
    SAMPLED_VALUES_MAX,
    SHOWN_CHARACTERS_MAX,
)
from mlmodels.learning.tables.profile import NumberStatistics, with_profile
from mlmodels.learning.tables.rows import open_rows
from mlmodels.learning.tables.target import guess_target


def inspect(handle: BinaryIO) -> TableSummary:
    """Everything that is decided about a table, from an open binary file. The file stays open.

    Raises TableRefused, with row and column and what to do, for anything that is not a usable table.
    """
    dialect = sniff_dialect(handle)
    evidence, first_rows = _gather(handle, dialect)
    refuse_missing_header(evidence)
    hints = file_hints(evidence, dialect.separator)
    columns = [decide(column, hints) for column in evidence]
    statistics = _measure(handle, dialect, columns)
    columns = [
        with_profile(column, found, statistics.get(position))
        for position, (column, found) in enumerate(zip(columns, evidence, strict=True))
    ]
    return TableSummary(
        dialect=dialect.to_dict(),
        row_count=evidence[0].rows,
        columns=columns,
        target=guess_target(columns),
        first_rows=first_rows,
    )


def _gather(handle: BinaryIO, dialect: Dialect) -> tuple[list[ColumnEvidence], list[list[str]]]:
    first_rows: list[list[str]] = []
    with open_rows(handle, dialect) as rows:
        if len(rows.header) == 1:
            refuse_single_column(handle, dialect)
        evidence = [_empty_evidence(name, len(rows.header)) for name in rows.header]
        for chunk in rows.chunks():
            for row in chunk.rows[: FIRST_ROWS - len(first_rows)]:
                first_rows.append([cell[:SHOWN_CHARACTERS_MAX] for cell in row])
            for column, cells in zip(evidence, chunk.columns(), strict=True):
                column.add(cells, chunk.row_numbers)
    return evidence, first_rows


def _empty_evidence(name: str, columns: int) -> ColumnEvidence:
    return ColumnEvidence(
        name,
        distinct_max=min(DISTINCT_COUNTED_MAX, DISTINCT_KEPT_MAX // columns),
        characters_max=KEPT_CHARACTERS_MAX // columns,
    )


def _measure(handle: BinaryIO, dialect: Dialect, columns: list[Column]) -> dict[int, NumberStatistics]:
    """Figures of the columns of numbers and dates, by position."""
    cells = {
        position: cells_of(column.format)
        for position, column in enumerate(columns)
        if column.format["type"] in ("number", "date")
    }
    if not cells:
        return {}
    sample_max = min(SAMPLED_VALUES_MAX, SAMPLED_VALUES_KEPT_MAX // len(cells))
    statistics = {position: NumberStatistics(sample_max) for position in cells}
    with open_rows(handle, dialect) as rows:
        for chunk in rows.chunks():
            texts = chunk.columns()
            for position, reader in cells.items():
                statistics[position].add(reader.many(texts[position]))
    return statistics
