"""The data doctor: what is worth a look in a table before a model learns from it.

    examine           the columns, with those that give the target away left out, and the findings
    change            the same with columns changed as the user chose
    with_evaluation   the findings under the split that the user chose
    evaluation_for    how a model is tested by default: on the latest rows, on whole groups, on random rows

Works on an even sample of the rows, so that it takes well under a second for ordinary files. Only `examine`
imports numpy, when it is called.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, BinaryIO, NamedTuple

from mlmodels.learning import tables
from mlmodels.learning.doctor.findings import PLAIN_SPLIT, WARNING
from mlmodels.learning.tables import Column, ColumnChange

__all__ = ["PLAIN_SPLIT", "Examination", "change", "evaluation_for", "examine", "with_evaluation"]


class Examination(NamedTuple):
    """`findings` are JSON data: code, columns, severity, seen, happens, choices."""

    columns: list[Column]
    findings: list[dict[str, Any]]


def examine(
    handle: BinaryIO, dialect: dict[str, Any], columns: Sequence[Column], target: str | None
) -> Examination:
    """Warnings come first. `target` names the column to predict, if there is one."""
    from mlmodels.learning.doctor.examination import findings_of

    columns = [replace(c, use=c.use or c.is_left_out, is_left_out=False) for c in columns]
    found = sorted(findings_of(handle, dialect, columns, target), key=lambda f: f["severity"] != WARNING)
    gone = _left_out(found)
    columns = [replace(c, use=False, is_left_out=True) if c.use and c.name in gone else c for c in columns]
    return Examination(columns, with_evaluation(found, None))


def change(
    handle: BinaryIO,
    dialect: dict[str, Any],
    columns: Sequence[Column],
    target: str | None,
    changes: Mapping[str, ColumnChange],
) -> Examination:
    """Raises TableRefused for a kind that does not fit the cells."""
    return examine(handle, dialect, tables.change(handle, dialect, columns, changes), target)


def _left_out(findings: Sequence[dict[str, Any]]) -> set[str]:
    leaks = [finding for finding in findings if finding["code"] == "leakage"]
    return {name for leak in leaks if leak["choices"][0]["is_current"] for name in leak["columns"]}


def with_evaluation(
    findings: Sequence[dict[str, Any]], chosen: dict[str, Any] | None
) -> list[dict[str, Any]]:
    """The findings, with the split in use as the current choice: the chosen one, else the first suggested."""
    used = evaluation_for(findings, chosen)
    return [
        {
            **finding,
            "choices": [
                {**choice, "is_current": choice["change"]["evaluation"] == used}
                if "evaluation" in choice["change"]
                else choice
                for choice in finding["choices"]
            ],
        }
        for finding in findings
    ]


def evaluation_for(findings: Sequence[dict[str, Any]], chosen: dict[str, Any] | None) -> dict[str, Any]:
    """The split that is used: the one the user chose, else by time where the target changes with it, else by
    groups where an identifier repeats, else random rows."""
    if chosen:
        return chosen
    offered = {f["code"]: f["choices"][0]["change"]["evaluation"] for f in findings if f["code"] in _SPLITS}
    return next((offered[code] for code in _SPLITS if code in offered), PLAIN_SPLIT)


_SPLITS = ("time", "groups")
