"""A newer file of a table: what was decided about its columns is carried over, and what changed is named."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, BinaryIO

from mlmodels.learning.tables.changes import ColumnChange, change
from mlmodels.learning.tables.columns import CHOSEN_BY_HAND, Column
from mlmodels.learning.tables.dates import date_text
from mlmodels.learning.tables.errors import TableRefused, shown

VALUES_NAMED_MAX = 5
BLANKS_SHARE_CHANGED = 0.05
RANGE_SHARE_MOVED = 0.1  # of the earlier range, by which the new one must reach beyond it
MISFITS_MAX = 10  # each costs another look at the file; beyond them columns are read as they were found
CARRIED_OVER = "As in the version before."
KINDS_IN_WORDS = {
    "boolean": "yes or no",
    "identifier": "an identifier",
    "empty": "empty",
    "constant": "constant",
    "text": "text",
}
OBSERVED_KINDS = frozenset({"constant", "empty"})  # what a file happens to hold, which nobody decided


@dataclass(frozen=True)
class VersionChange:
    """What is different about a column: added, removed, kind, values, range, blanks or constant."""

    column: str
    code: str
    message: str

    def to_dict(self) -> dict[str, str]:
        return asdict(self)


def carry_over(
    handle: BinaryIO, dialect: dict[str, Any], found: Sequence[Column], before: Sequence[Column]
) -> tuple[list[Column], list[VersionChange]]:
    """The columns of the new file, read as `before` where its cells allow it, and everything that changed."""
    earlier = {column.name: column for column in before}
    columns, misfits = list(found), []
    wanted = {c.name: _wanted(c, earlier[c.name]) for c in found if c.name in earlier}
    while any(decided != ColumnChange() for decided in wanted.values()):
        try:
            columns = change(handle, dialect, found, wanted)
            break
        except TableRefused as refused:
            misfits.append(_misfit(refused, earlier[refused.column], found))
            given_up = wanted if len(misfits) == MISFITS_MAX else [refused.column]
            wanted |= {name: ColumnChange(use=wanted[name].use) for name in given_up}
    columns = [_with_reason(column, earlier.get(column.name)) for column in columns]
    return columns, [*misfits, *_differences(columns, earlier, {misfit.column for misfit in misfits})]


def _wanted(found: Column, before: Column) -> ColumnChange:
    """What has to be changed about a column for it to be read as it was."""
    is_decided = before.kind not in OBSERVED_KINDS or before.reason == CHOSEN_BY_HAND
    kind = before.kind if is_decided and before.kind != found.kind else None
    return ColumnChange(
        kind=kind,
        use=before.use if before.is_use_chosen else None,
        blanks=before.format.get("blanks") or None,
        merge_spellings=bool(before.format.get("spellings")) or None,
    )


def _with_reason(column: Column, before: Column | None) -> Column:
    """A kind that was carried over was chosen by hand only if it was so before."""
    is_carried_over = before is not None and column.reason == CHOSEN_BY_HAND != before.reason
    return replace(column, reason=CARRIED_OVER) if is_carried_over else column


def _misfit(refused: TableRefused, before: Column, found: Sequence[Column]) -> VersionChange:
    now = next(column for column in found if column.name == before.name)
    where = f" {refused.message}" if refused.row else ""
    return VersionChange(
        before.name,
        "kind",
        f"{shown(before.name)} was read as {_kind(before)}, which its cells no longer allow: it is "
        f"now {_kind(now)}.{where}",
    )


def _differences(columns: Sequence[Column], earlier: dict[str, Column], misfits: set[str]):
    now = {column.name for column in columns}
    for name in earlier:
        if name not in now:
            yield VersionChange(name, "removed", f"{shown(name)} is no longer in the file.")
    for column in columns:
        before = earlier.get(column.name)
        if before is None:
            yield VersionChange(
                column.name, "added", f"{shown(column.name)} is new: it is read as {_kind(column)}."
            )
            continue
        if column.name in misfits:
            continue
        if change_of_kind := _kind_change(column, before):
            yield VersionChange(column.name, *change_of_kind)
            continue
        for compare in (_value_change, _range_change, _blanks_change):
            if found := compare(column, before):
                yield VersionChange(column.name, *found)


def _kind_change(column: Column, before: Column) -> tuple[str, str] | None:
    if column.profile["distinct"] == 1 < before.profile["distinct"]:
        return "constant", f"{shown(column.name)} now has the same value in every row."
    if column.kind == before.kind:
        return None
    return "kind", f"{shown(column.name)} is now {_kind(column)}; it was {_kind(before)}."


def _value_change(column: Column, before: Column) -> tuple[str, str] | None:
    """Of columns with few values, which are all in their profiles."""
    if column.role != "category" or not (_lists_all_values(column) and _lists_all_values(before)):
        return None
    new = [value for value, _ in column.profile["top_values"] if value not in _values(before)]
    gone = [value for value, _ in before.profile["top_values"] if value not in _values(column)]
    if not new and not gone:
        return None
    told = [f"has new values: {_named(new)}"] if new else []
    told += [f"no longer has: {_named(gone)}"] if gone else []
    return "values", f"{shown(column.name)} {', and '.join(told)}."


def _range_change(column: Column, before: Column) -> tuple[str, str] | None:
    """Newer dates are expected, so that dates are mentioned only where they go further back."""
    profiles = (column.profile, before.profile)
    ends = [profile.get(end) for profile in profiles for end in ("minimum", "maximum")]
    if None in ends or column.format["type"] != before.format["type"] or column.kind == "boolean":
        return None
    low, high, low_before, high_before = ends
    margin = RANGE_SHARE_MOVED * (high_before - low_before)
    is_above = high > high_before + margin and column.kind != "date"
    if low >= low_before - margin and not is_above:
        return None
    low, high, low_before, high_before = (_written(end, column) for end in ends)
    return "range", (
        f"{shown(column.name)} now goes from {low} to {high}; before, from {low_before} to {high_before}."
    )


def _blanks_change(column: Column, before: Column) -> tuple[str, str] | None:
    share, share_before = (c.profile["missing"] / max(c.profile["rows"], 1) for c in (column, before))
    if abs(share - share_before) < BLANKS_SHARE_CHANGED:
        return None
    return "blanks", (
        f"{shown(column.name)} is now blank in {share:.0%} of the rows; before, in {share_before:.0%}."
    )


def _lists_all_values(column: Column) -> bool:
    return column.profile["distinct_is_exact"] and column.profile["distinct"] == len(_values(column))


def _values(column: Column) -> set[str]:
    return {value for value, _ in column.profile["top_values"]}


def _named(values: Sequence[str]) -> str:
    more = f" and {len(values) - VALUES_NAMED_MAX} more" if len(values) > VALUES_NAMED_MAX else ""
    return ", ".join(map(shown, values[:VALUES_NAMED_MAX])) + more


def _kind(column: Column) -> str:
    return KINDS_IN_WORDS.get(column.kind, f"a {column.kind}")


def _written(value: float, column: Column) -> str:
    return date_text(value) if column.format["type"] == "date" else f"{value:,.10g}"
