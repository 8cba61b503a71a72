"""Looks at a CSV when it is uploaded: what each column is, what is in it, what is probably to be predicted.

Two passes over the file, both a chunk at a time: the first gathers evidence about texts and decides, the
second reads numbers and dates under those decisions for the profile. Memory does not grow with the file.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, BinaryIO

from mlmodels.learning.tables.cells import spellings_of
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
from mlmodels.learning.tables.profile import NumberStatistics, sampling_step, with_profile
from mlmodels.learning.tables.rows import open_rows
from mlmodels.learning.tables.target import guess_target
from mlmodels.learning.tables.typed import ColumnCells, read_columns


def inspect(handle: BinaryIO) -> TableSummary:
    """Everything that is decided about a table, from an open binary file. The file stays open.

    Raises TableRefused, with row and column and what to do, for anything that is not a usable table.
    """
    dialect = sniff_dialect(handle)
    evidence, first_rows = _gather(handle, dialect)
    refuse_missing_header(evidence)
    hints = file_hints(evidence, dialect.separator)
    columns = _profiled(handle, dialect, [decide(column, hints) for column in evidence], evidence)
    return TableSummary(dialect.to_dict(), evidence[0].rows, columns, guess_target(columns), first_rows)


def profile_anew(
    handle: BinaryIO, dialect: dict[str, Any], columns: Sequence[Column], merged: Collection[str] = ()
) -> list[Column]:
    """Columns of which the format was changed, with the profile that the file has under it.

    In the `merged` columns texts that differ in case or spaces alone become one. Raises TableRefused for the
    first cell that does not fit.
    """
    evidence, _ = _gather(handle, Dialect(**dialect), [column.name for column in columns])
    columns = [
        replace(column, format={**column.format, "spellings": spellings_of(found.counts)})
        if column.name in merged
        else column
        for column, found in zip(columns, evidence, strict=True)
    ]
    return _profiled(handle, Dialect(**dialect), columns, evidence)


def _gather(
    handle: BinaryIO, dialect: Dialect, names: Sequence[str] = ()
) -> tuple[list[ColumnEvidence], list[list[str]]]:
    """Evidence of the named columns, or of all, and the first rows."""
    first_rows: list[list[str]] = []
    with open_rows(handle, dialect) as rows:
        if len(rows.header) == 1:
            refuse_single_column(handle, dialect)
        names = names or rows.header
        positions = {name: position for position, name in enumerate(rows.header)}
        distinct_max = min(DISTINCT_COUNTED_MAX, DISTINCT_KEPT_MAX // len(names))
        evidence = [ColumnEvidence(name, distinct_max, KEPT_CHARACTERS_MAX // len(names)) for name in names]
        for chunk in rows.chunks():
            for row in chunk.rows_at(range(min(len(chunk), FIRST_ROWS - len(first_rows)))):
                first_rows.append([cell[:SHOWN_CHARACTERS_MAX] for cell in row])
            for column in evidence:
                column.add(chunk, positions[column.name])
    for column in evidence:
        column.add_up()
    return evidence, first_rows


def _profiled(
    handle: BinaryIO, dialect: Dialect, columns: Sequence[Column], evidence: Sequence[ColumnEvidence]
) -> list[Column]:
    """The columns with their profiles. Refuses a cell that does not fit its column."""
    readers = [ColumnCells(column) for column in columns if column.role == "number"]
    sample_max = min(SAMPLED_VALUES_MAX, SAMPLED_VALUES_KEPT_MAX // max(len(readers), 1))
    step = sampling_step(evidence[0].rows, sample_max)
    statistics = {cells.name: NumberStatistics(step) for cells in readers}
    if readers:
        with open_rows(handle, dialect) as rows:
            read = [(cells, rows.header.index(cells.name)) for cells in readers]
            for chunk in rows.chunks():
                for numbers, values in zip(statistics.values(), read_columns(chunk, read), strict=True):
                    numbers.add(values)
    return [
        with_profile(column, found, statistics.get(column.name))
        for column, found in zip(columns, evidence, strict=True)
    ]
