"""From a file and a plan to a trained model: what a worker does, and what a bundle does again."""

from collections.abc import Callable
from pathlib import Path

from mlmodels.learning import tables, trainers


def read(
    path: str | Path,
    dialect: dict,
    features: list[dict],
    target: dict,
    plan: trainers.TrainingPlan,
    split_column: dict | None = None,
):
    """Features, labels and what the split goes by, of the rows that have a target.

    `features`, `target` and `split_column`, where that is no feature, are tables.Column dictionaries. Rows
    keep their numbers, which reports refer to.
    """
    target_column = tables.Column.from_dict(target)
    asked = [*features, *([split_column] if split_column else [])]
    columns = [*(tables.Column.from_dict(column) for column in asked), target_column]
    with open(path, "rb") as handle:
        frame = tables.read(handle, dialect, columns)
    labels = tables.target_values(target_column, frame.pop(target_column.name), plan.task)
    frame = frame[labels.keep]
    split_values = frame[plan.evaluation.by].to_numpy() if plan.evaluation.by else None
    return frame, labels.values, split_values


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
    return trainers.train(frame, labels, checked, on_progress, split_values=split_values)
