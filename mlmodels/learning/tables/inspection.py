"""Looks at a CSV when it is uploaded: what each column is, what is in it, what is probably to be predicted.

Two passes over the file, both a chunk at a time: the first gathers evidence about texts and decides, the
second reads numbers and dates under those decisions for the profile. Memory does not grow with the file.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, BinaryIO

from mlmodels.learning.tables.cells import cells_of, spellings_of
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
from mlmodels.learning.tables.reading import read_cells
from mlmodels.learning.tables.rows import open_rows
from mlmodels.learning.tables.target import guess_target

_MEASURED = ("number", "date")


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
        with_profile(column, found, statistics.get(column.name))
        for column, found in zip(columns, evidence, strict=True)
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


def _measure(handle: BinaryIO, dialect: Dialect, columns: Sequence[Column]) -> dict[str, NumberStatistics]:
    """Figures of the columns of numbers and dates, by name. Refuses a cell that does not fit its column."""
    cells = {column.name: cells_of(column.format) for column in columns if column.format["type"] != "text"}
    if not cells:
        return {}
    sample_max = min(SAMPLED_VALUES_MAX, SAMPLED_VALUES_KEPT_MAX // len(cells))
    statistics = {c.name: NumberStatistics(sample_max) for c in columns if c.format["type"] in _MEASURED}
    with open_rows(handle, dialect) as rows:
        for chunk in rows.chunks():
            texts = dict(zip(rows.header, chunk.columns(), strict=True))
            for name, reader in cells.items():
                values = read_cells(reader, texts[name], chunk, name)
                if name in statistics:
                    statistics[name].add(values)
    return statistics


def profile_anew(
    handle: BinaryIO, dialect: dict[str, Any], columns: Sequence[Column], merged: Collection[str] = ()
) -> list[Column]:
    """Columns of which the format was changed, with the profile that the file has under it.

    In the `merged` columns texts that differ in case or spaces alone become one. Raises TableRefused for the
    first cell that does not fit.
    """
    evidence = {column.name: _empty_evidence(column.name, len(columns)) for column in columns}
    with open_rows(handle, Dialect(**dialect)) as rows:
        for chunk in rows.chunks():
            texts = dict(zip(rows.header, chunk.columns(), strict=True))
            for name, found in evidence.items():
                found.add(texts[name], chunk.row_numbers)
    columns = [
        replace(column, format={**column.format, "spellings": spellings_of(evidence[column.name].counts)})
        if column.name in merged
        else column
        for column in columns
    ]
    statistics = _measure(handle, Dialect(**dialect), columns)
    return [with_profile(column, evidence[column.name], statistics.get(column.name)) for column in columns]
