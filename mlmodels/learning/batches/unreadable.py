"""The rows of a file that cannot be read, as a file of their own: to be corrected and sent again."""

import csv
from typing import BinaryIO

from mlmodels.learning.batches.answer_file import free_name
from mlmodels.learning.batches.inspection import Reading
from mlmodels.learning.batches.raw_rows import open_raw_rows
from mlmodels.learning.tables.dialect import Dialect
from mlplatform.core.csv_export import harmless


def write_unreadable(handle: BinaryIO, reading: Reading, path: str) -> None:
    """As they came, with the number of the row and the reason appended, in the file's own dialect."""
    dialect = Dialect(**reading.dialect)
    with (
        open_raw_rows(handle, dialect) as rows,
        open(path, "w", encoding=dialect.encoding, errors="replace", newline="") as target,
    ):
        writer = csv.writer(target, delimiter=dialect.separator, lineterminator=rows.line_end or "\n")
        taken = set(rows.names)
        writer.writerow(map(harmless, [*rows.header, free_name("row", taken), free_name("reason", taken)]))
        reader = reading.reader(rows)
        for raw in rows.chunks():
            faults = reader.faults(raw)
            for at in sorted(faults):
                cells = [column[at] for column in raw.columns]
                writer.writerow(map(harmless, [*cells, raw.first_row + at, faults[at]]))
