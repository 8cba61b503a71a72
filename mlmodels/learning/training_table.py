"""From a file and a plan to a trained model: what a worker does, and what a bundle does again."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from mlmodels.learning import tables, trainers
from mlmodels.learning.trainers.limits import LEARNED_CELLS_MAX, SEED
from mlmodels.learning.trainers.plan import TIME


def rows_learned(row_count: int, features: int) -> int:
    """Of a table with so many rows: all, or as many as one process can learn from."""
    return min(row_count, LEARNED_CELLS_MAX // max(features, 1))


def read(
    path: str | Path,
    dialect: dict,
    features: list[dict],
    target: dict,
    plan: trainers.TrainingPlan,
    split_column: dict | None = None,
):
    """Features, labels and what the split goes by, of the rows that have a target; of a table that is too
    large for one process, of a part of them.

    `features`, `target` and `split_column`, where that is no feature, are tables.Column dictionaries. Rows
    keep their numbers, which reports refer to.
    """
    target_column = tables.Column.from_dict(target)
    asked = [*features, *([split_column] if split_column else [])]
    columns = [*(tables.Column.from_dict(column) for column in asked), target_column]
    with open(path, "rb") as handle:
        by_time = plan.evaluation.by if plan.evaluation.kind == TIME else None
        time = next((column for column in columns if column.name == by_time), None)
        positions = _drawn(handle, dialect, target_column, plan.task, len(features), time)
        return _typed(handle, dialect, columns, plan, positions)


def check(handle: BinaryIO, dialect: dict, columns: list[tables.Column], plan: trainers.TrainingPlan) -> None:
    """Refuses a table that a training of the plan would refuse once it has read it, before it fits anything.

    `columns` are those that the training reads, the target last. For small tables: it reads all rows.
    """
    from mlmodels.learning.trainers.division import check_division

    frame, labels, split_values = _typed(handle, dialect, columns, plan)
    check_division(frame, labels, plan, split_values)


def _typed(handle: BinaryIO, dialect, columns, plan: trainers.TrainingPlan, positions=None):
    """What `read` returns, of columns of which the last is the target."""
    target = columns[-1]
    frame = tables.read(handle, dialect, columns, positions)
    labels = tables.target_values(target, frame.pop(target.name), plan.task)
    frame = frame[labels.keep]
    split_values = frame[plan.evaluation.by].to_numpy() if plan.evaluation.by else None
    return frame, labels.values, split_values


def notes_on_rows(target: dict, features: list[dict], plan: dict) -> list[str]:
    """A sentence for the report, where the model did not learn from all rows."""
    row_count = target.get("profile", {}).get("rows", 0)
    learned = rows_learned(row_count, len(features))
    if learned == row_count:
        return []
    evaluation, name = plan["evaluation"], target["name"]
    by_time = evaluation["kind"] == TIME
    drawn = f"over time by {evaluation['by']}" if by_time else "from the whole file"
    as_frequent = f", with the values of {name} as frequent as in all rows"
    return [
        f"The table is larger than one process can learn from: {learned:,} of its {row_count:,} rows were "
        f"drawn evenly {drawn}{'' if by_time and plan['task'] == trainers.REGRESSION else as_frequent}."
    ]


def _drawn(
    handle, dialect: dict, target: tables.Column, task: str, features: int, time: tables.Column | None
):
    """Positions in ascending order; None for all rows. It depends on the table, its target, the number of
    features and the column of the time alone, so that a later training draws the same rows.

    Rows are brought into an order, then one is drawn from each of many equal parts.
    """
    import numpy

    row_count = target.profile.get("rows", 0)
    count = rows_learned(row_count, features)
    if count == row_count:
        return None
    frame = tables.read(handle, dialect, [target] if time is None else [target, time])
    labels = tables.target_values(target, frame[target.name], task)
    known = numpy.flatnonzero(labels.keep)
    if len(known) <= count:
        return known
    seconds = None if time is None else frame[time.name].to_numpy()[known]
    ordered = known[_order_of(labels.values, seconds, task)]
    bounds = numpy.arange(count + 1) * len(ordered) // count
    within = numpy.random.default_rng(SEED).random(count) * numpy.diff(bounds)
    return numpy.sort(ordered[bounds[:-1] + within.astype(int)])


def _order_of(labels, seconds, task: str):
    """By target and within it as in the file. Where a model is tested on the latest rows, by time: a class
    has rows of all times, and so has a table in which hardly two rows have the same number to predict.
    """
    import numpy

    codes = numpy.unique(labels, return_inverse=True)[1]
    if seconds is None:
        return numpy.argsort(codes, kind="stable")
    return numpy.lexsort((codes, seconds) if task == trainers.REGRESSION else (seconds, codes))


def train(
    path: str | Path,
    dialect: dict,
    features: list[dict],
    target: dict,
    plan: dict,
    split_column: dict | None = None,
    on_progress: Callable[[trainers.Progress], None] = lambda progress: None,
) -> trainers.FitResult:
    """The same file, plan and versions of the libraries make the same model, unless a clock ended a search:
    a plan with the `candidates` of the earlier run has none."""
    checked = trainers.TrainingPlan.from_dict(plan)
    frame, labels, split_values = read(path, dialect, features, target, checked, split_column)
    result = trainers.train(frame, labels, checked, on_progress, split_values=split_values)
    result.report["notes"] += notes_on_rows(target, features, plan)
    return result
