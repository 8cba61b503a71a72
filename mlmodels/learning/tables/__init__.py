"""A CSV as people upload it becomes one decision per column, and typed columns. Pure: no Django.

    inspect      at upload: dialect, columns with kind and profile, guess of the target
    change       the user chooses another kind for a column, whether it is used, or what is read as blank
    carry_over   a newer file of the table: read as the earlier one, and what changed
    read         at training: the asked columns as a DataFrame
    derive       parts of dates and arithmetic of two numbers behind them; `date_parts`, `pair` name them
    RowReader    at prediction: one row out of JSON or a form
    target_values, guess_task    what a column is as a target

From a file to its values:

    rows        the rows of a file, checked; cut by the csv module or by `columnar`
    columnar    regular blocks of large files, cut into columns of bytes; others are left to the csv module
    typed       many cells of a column, by `vectors` or by `cells`
    vectors     numbers and dates in their usual notation, out of these bytes; others are left to `cells`
    cells       one cell under the format of its column, by `numbers`, `dates` or `booleans`

Inspection and training read files through `rows`, which refuses the file for one bad row. `learning.batches`
has rows of its own, with a fault for each bad row, over the same `columnar` and `typed`.

Text first, then one decision per column. pandas is imported by `read` and `target_values` alone, numpy also
for files above 200 KB, when they are called.
"""

from mlmodels.learning.tables.changes import ColumnChange, change
from mlmodels.learning.tables.columns import KINDS, Column, TableSummary, TargetGuess, retype
from mlmodels.learning.tables.dates import date_text
from mlmodels.learning.tables.derived import Derived, date_parts, derive, derived_values, pair
from mlmodels.learning.tables.errors import TableRefused
from mlmodels.learning.tables.inspection import inspect
from mlmodels.learning.tables.reading import read
from mlmodels.learning.tables.row import RowReader
from mlmodels.learning.tables.target import TargetValues, guess_task, target_values
from mlmodels.learning.tables.versions import VersionChange, carry_over

__all__ = [
    "KINDS", "Column", "ColumnChange", "Derived", "RowReader", "TableRefused", "TableSummary", "TargetGuess",
    "TargetValues", "VersionChange", "carry_over", "change", "date_parts", "date_text", "derive",
    "derived_values", "guess_task", "inspect", "pair", "read", "retype", "target_values",
]  # fmt: skip
