"""What a finding is, and how it is put into words."""

from collections.abc import Sequence
from typing import Any

from mlmodels.learning.tables.errors import shown

INFO, WARNING = "info", "warning"
COLUMNS_NAMED_MAX = 3
PLAIN_SPLIT = {"kind": "hold_out"}


def finding(
    code: str,
    columns: Sequence[str],
    seen: str,
    happens: str,
    choices: Sequence[dict] = (),
    *,
    severity: str = INFO,
) -> dict[str, Any]:
    """What was seen, what happens by itself, and what the user may choose, as JSON data."""
    return {
        "code": code,
        "columns": list(columns),
        "severity": severity,
        "seen": seen,
        "happens": happens,
        "choices": list(choices),
    }


def choice(label: str, change: dict[str, Any], *, is_current: bool) -> dict[str, Any]:
    """`change` is what `operations.datasets.change` accepts."""
    return {"label": label, "change": change, "is_current": is_current}


def column_choices(name: str, *options: tuple[str, dict[str, Any]], current: int) -> list[dict]:
    """Each option is a label and what it changes of one column."""
    return [
        choice(label, {"columns": {name: change}}, is_current=number == current)
        for number, (label, change) in enumerate(options)
    ]


def use_choices(name: str, *, is_used: bool) -> list[dict]:
    options = ("Leave out", {"use": False}), ("Use", {"use": True})
    return column_choices(name, *options, current=int(is_used))


def split_choices(label: str, evaluation: dict[str, Any]) -> list[dict]:
    """Which of the two is current is set by `with_evaluation`."""
    options = (label, evaluation), ("Random rows", PLAIN_SPLIT)
    return [choice(name, {"evaluation": split}, is_current=False) for name, split in options]


def named(names: Sequence[str]) -> str:
    """`"a", "b" and 4 more`."""
    if len(names) > COLUMNS_NAMED_MAX:
        return f"{', '.join(map(shown, names[:COLUMNS_NAMED_MAX]))} and {len(names) - COLUMNS_NAMED_MAX} more"
    *first, last = map(shown, names)
    return f"{', '.join(first)} and {last}" if first else last


def percent(share: float) -> str:
    """Rounded down: what is not everything is never 100%."""
    return f"{int(share * 100)}%"
