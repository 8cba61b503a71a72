"""What the user decides about columns, against what was found in the file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from mlmodels.learning.tables.columns import Column, retype
from mlmodels.learning.tables.inspection import profile_anew


@dataclass(frozen=True)
class ColumnChange:
    """None leaves a thing as it is.

    `blanks` are texts that are read as blank, beside those that are so anyway. `merge_spellings` makes one of
    the texts that differ in case or spaces alone.
    """

    kind: str | None = None
    use: bool | None = None
    blanks: Sequence[str] | None = None
    merge_spellings: bool | None = None


def change(
    handle: BinaryIO, dialect: dict[str, Any], columns: Sequence[Column], changes: Mapping[str, ColumnChange]
) -> list[Column]:
    """All columns, those in `changes` changed. Where the reading of cells changes, the profile is made anew.

    Raises TableRefused for a kind that does not fit the cells.
    """
    changed = {c.name: _changed(c, changes[c.name]) if c.name in changes else c for c in columns}
    merged = {name for name, wanted in changes.items() if wanted.merge_spellings}
    reread = [changed[c.name] for c in columns if c.name in merged or changed[c.name].format != c.format]
    if reread:
        changed |= {column.name: column for column in profile_anew(handle, dialect, reread, merged)}
    return list(changed.values())


def _changed(column: Column, wanted: ColumnChange) -> Column:
    if wanted.kind is not None:
        column = retype(column, wanted.kind)
    if wanted.blanks is not None:
        column = _with_format(column, "blanks", list(wanted.blanks))
    if wanted.merge_spellings is False:
        column = _with_format(column, "spellings", {})
    if wanted.use is not None:
        column = replace(column, use=wanted.use, is_use_chosen=True, is_left_out=False)
    return column


def _with_format(column: Column, entry: str, value: Any) -> Column:
    known = {name: known for name, known in column.format.items() if name != entry}
    return replace(column, format={**known, entry: value} if value else known)
