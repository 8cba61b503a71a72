"""What is to be predicted: the guess at upload, and the labels of a column at training."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmodels.learning.tables.columns import Column, TargetGuess
from mlmodels.learning.tables.errors import TableRefused, shown
from mlmodels.learning.tables.limits import CLASSES_MAX
from mlmodels.learning.tables.names import target_rank
from mlplatform.core.text import plural

if TYPE_CHECKING:
    import numpy
    import pandas

_MISSING_SHARE_MAX = 0.2
_TARGET_KINDS = frozenset({"number", "boolean", "category"})


def guess_task(column: Column) -> str:
    """Classification for words, yes/no and few whole numbers; regression for other numbers and dates."""
    if column.role != "number" or column.kind == "boolean":
        return "classification"
    return "classification" if column.kind == "number" and _has_few_whole_numbers(column) else "regression"


def _has_few_whole_numbers(column: Column) -> bool:
    """Up to ten, with ten rows for each on average; two always do. Blank cells are no rows of any class."""
    profile = column.profile
    if not profile.get("whole") or not profile["distinct_is_exact"]:
        return False
    present = profile["rows"] - profile["missing"]
    return profile["distinct"] <= max(2, min(10, present // 10))


def guess_target(columns: Sequence[Column]) -> TargetGuess | None:
    """The column whose name suggests it, else the last one that can be predicted, else None."""
    usable = [column for column in columns if _is_usable(column)]
    if not usable:
        return None
    ranked = [(target_rank(column.name), column) for column in usable]
    named = [(rank, column) for rank, column in ranked if rank is not None]
    if named:
        best = min(rank for rank, _ in named)
        column = [column for rank, column in named if rank == best][-1]
        return TargetGuess(column.name, f"The name {shown(column.name)} suggests it.", guess_task(column))
    column = usable[-1]
    where = "the last column" if column is columns[-1] else "the last column that can be predicted"
    return TargetGuess(column.name, f"It is {where}, with few blank cells.", guess_task(column))


def _is_usable(column: Column) -> bool:
    profile = column.profile
    if column.kind not in _TARGET_KINDS or profile["missing"] > _MISSING_SHARE_MAX * profile["rows"]:
        return False
    if profile["distinct"] < 2:
        return False
    return column.role == "number" or (profile["distinct"] <= CLASSES_MAX and profile["distinct_is_exact"])


@dataclass(frozen=True)
class TargetValues:
    """`values` of the rows where `keep` is True; the other `dropped` rows have no target."""

    values: "numpy.ndarray"
    keep: "numpy.ndarray"
    dropped: int


def target_values(column: Column, cells: "pandas.Series", task: str) -> TargetValues:
    """What a model learns to predict, from a column that `read` has typed.

    Regression: float64. Classification: int64 where the column holds whole numbers, else text; yes/no keeps
    the words of the file. Rows without a target are dropped and counted.
    """
    import numpy

    values = cells.to_numpy()
    keep = ~numpy.isnan(values) if column.role == "number" else values != ""
    known = values[keep]
    if not len(known):
        raise TableRefused(f"Column {shown(column.name)} is blank in every row.", column=column.name)
    labels = _regression_values(column, known) if task == "regression" else _labels(column, known)
    return TargetValues(labels, keep, int(len(values) - len(known)))


def _regression_values(column: Column, known: "numpy.ndarray") -> "numpy.ndarray":
    if column.role != "number":
        raise TableRefused(
            f"Column {shown(column.name)} contains words, so it cannot be predicted as a number. "
            "Choose classification, or another column.",
            column=column.name,
        )
    return known


def _labels(column: Column, known: "numpy.ndarray") -> "numpy.ndarray":
    import numpy

    classes = numpy.unique(known) if column.role == "number" else sorted(set(known))
    if not 2 <= len(classes) <= CLASSES_MAX:
        advice = "a regression fits" if column.role == "number" else "choose another column"
        raise TableRefused(
            f"Column {shown(column.name)} has {plural(len(classes), 'different value')}; a classification "
            f"needs 2 to {CLASSES_MAX}. With more, {advice}.",
            column=column.name,
        )
    if column.role != "number":
        return known.astype(object)
    if column.kind == "boolean" and not column.format["true"].isdigit():
        return numpy.where(known == 1.0, column.format["true"], column.format["false"]).astype(object)
    if all(float(value).is_integer() for value in classes):
        return known.astype("int64")
    return numpy.array([repr(float(value)) for value in known], dtype=object)
