"""Turns the options of a user into a plan that can be trained, or refuses them. It writes nothing."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.conf import settings

from mlmodels.errors import UnknownColumn
from mlmodels.learning import tables, trainers, training_table
from mlmodels.learning.tables.limits import CLASSES_MAX
from mlmodels.learning.trainers import (
    CLASSIFICATION,
    NUMBER,
    REGRESSION,
    Evaluation,
    Feature,
    PlanRefused,
    TrainingPlan,
)
from mlmodels.learning.trainers.limits import TRAINING_ROWS_MIN
from mlmodels.learning.trainers.plan import HALVING, HOLD_OUT, RANDOM, TIME
from mlmodels.models import Dataset
from mlmodels.operations import datasets

NAMES_SHOWN_MAX = 20
DIVIDED_ROWS_MAX = 500  # of a table that is read before it is paid for, to see whether it can be divided
DIVIDED_CELLS_MAX = 20_000


@dataclass(frozen=True)
class CheckedPlan:
    """A plan, and its columns as they were when it was made."""

    plan: TrainingPlan
    features: list[tables.Column]
    target: tables.Column


def make_plan(
    dataset: Dataset,
    *,
    algorithm: str = "auto",
    target: str | None = None,
    features: Sequence[str] | None = None,
    task: str | None = None,
    parameters: dict | None = None,
    train_percentage: float = 0.8,
    evaluation: dict | None = None,
    grid: dict | None = None,
    search: str | None = None,
    budget_seconds: float | None = None,
    candidates: Sequence[dict] = (),
    learning_curve: bool = False,
    is_classic: bool = False,
) -> CheckedPlan:
    """Target, features, task and evaluation that are not given are those that the dataset suggests.

    A `grid` of {} means the algorithm's own. `evaluation` has the fields of `trainers.Evaluation` and
    overrides `train_percentage`. A classic plan tests on random rows, and uses columns that give the target
    away.
    """
    target_column = _target_column(dataset, target)
    trainer = trainers.get(algorithm)
    is_classic = is_classic and trainer.name != "auto"  # the services replaced had no automatic choice
    if not is_classic:
        dataset = datasets.examined(dataset=dataset, target=target_column.name)
        evaluation = evaluation or dataset.default_evaluation
    columns = _columns(dataset)
    names = _suggested_features(columns, target_column, is_classic) if features is None else features
    feature_columns = _feature_columns(columns, names)
    plan = TrainingPlan(
        algorithm=trainer.name,
        task=task or task_for(trainer, target_column),
        features=tuple(Feature(column.name, column.role) for column in feature_columns),
        target=target_column.name,
        parameters=parameters or {},
        evaluation=_evaluation({"train_percentage": train_percentage, **(evaluation or {})}, columns),
        derived=() if is_classic else tuple(part.to_dict() for part in tables.date_parts(feature_columns)),
        grid=grid,
        search=search,
        budget_seconds=_budget(trainer, search, budget_seconds),
        candidates=tuple(candidates),
        learning_curve=learning_curve,
        is_classic=is_classic,
    ).checked()
    made = CheckedPlan(plan, feature_columns, target_column)
    _refuse_unsuitable_rows(dataset, made, columns)
    return made


def _refuse_unsuitable_rows(dataset: Dataset, made: CheckedPlan, columns: dict[str, tables.Column]) -> None:
    _check_target(made.target, made.plan.task)
    _check_rows(made.plan, made.target.profile)
    _check_division(dataset, made, columns)


def _evaluation(given: dict, columns: dict[str, tables.Column]) -> Evaluation:
    unknown = set(given) - set(Evaluation.__dataclass_fields__)
    if unknown:
        raise PlanRefused(
            f"An evaluation has no {', '.join(sorted(map(str, unknown)))}. It has: kind, by, folds, "
            "train_percentage.",
            field="evaluation",
        )
    evaluation = Evaluation(**given)
    by = None if evaluation.by is None else _find(columns, evaluation.by, field="evaluation")
    if evaluation.kind == TIME and by is not None and by.role != NUMBER:
        raise PlanRefused(
            f'"{evaluation.by}" holds text, and rows cannot be put in order by it. Choose a date column.',
            field="evaluation",
        )
    return evaluation


def _budget(trainer: trainers.Algorithm, search: str | None, seconds: float | None) -> float | None:
    """The default for searches that need a time limit; a grid or a single algorithm ends without one."""
    if seconds is not None and seconds > settings.TRAINING_TIME_LIMIT_SECONDS:
        raise PlanRefused(
            f"A training run may take {settings.TRAINING_TIME_LIMIT_SECONDS} seconds. Choose a smaller "
            "budget.",
            field="budget_seconds",
        )
    is_open_ended = trainer.name == "auto" or search in (RANDOM, HALVING)
    return settings.AUTO_BUDGET_SECONDS if seconds is None and is_open_ended else seconds


def task_for(trainer: trainers.Algorithm, target: tables.Column) -> str:
    """What the target suggests, or the other task if the algorithm has only that and the target allows it."""
    guess = tables.guess_task(target)
    if guess not in trainer.tasks and REGRESSION in trainer.tasks and target.role == NUMBER:
        return REGRESSION
    if guess not in trainer.tasks and CLASSIFICATION in trainer.tasks:
        return CLASSIFICATION
    return guess


def _columns(dataset: Dataset) -> dict[str, tables.Column]:
    return {column["name"]: tables.Column.from_dict(column) for column in dataset.columns}


def _target_column(dataset: Dataset, wanted: str | None) -> tables.Column:
    """Checked first of all, since an empty column suggests a task that nobody meant."""
    name = wanted or dataset.target_name
    if not name:
        raise PlanRefused("Choose the column to predict.", field="target")
    target = _find(_columns(dataset), name, field="target")
    if target.kind == "date":
        raise PlanRefused(
            f'The column "{target.name}" holds dates, which cannot be predicted. Predict a number instead, '
            "such as the days from an earlier date to it.",
            field="target",
        )
    if target.profile["distinct"] < 2:
        raise PlanRefused(
            f'The column "{target.name}" has fewer than two different values: there is nothing to predict.',
            field="target",
        )
    return target


def _suggested_features(
    columns: dict[str, tables.Column], target: tables.Column, is_classic: bool
) -> list[str]:
    """The columns in use; for the classic services also those that the findings leave out."""
    usable = [c for c in columns.values() if c.use or (is_classic and c.is_left_out)]
    return [column.name for column in usable if column.name != target.name]


def _find(columns: dict[str, tables.Column], name: str, field: str) -> tables.Column:
    if isinstance(name, str) and name in columns:
        return columns[name]
    known = ", ".join(list(columns)[:NAMES_SHOWN_MAX]) + (", …" if len(columns) > NAMES_SHOWN_MAX else "")
    raise UnknownColumn(f'There is no column "{str(name)[:200]}". The columns are: {known}.', field=field)


def _feature_columns(columns: dict[str, tables.Column], names: Sequence[str]) -> list[tables.Column]:
    chosen = [_find(columns, name, field="features") for name in names]
    for column in chosen:
        if column.kind == "empty":
            raise PlanRefused(f'The column "{column.name}" is empty. Leave it out.', field="features")
    return chosen


def _check_target(target: tables.Column, task: str) -> None:
    if task == REGRESSION and target.role != NUMBER:
        raise PlanRefused(
            f'The column "{target.name}" holds text, and regression predicts numbers. '
            "Choose another column, or an algorithm for classification.",
            field="target",
        )
    if task == CLASSIFICATION and target.profile["distinct"] > CLASSES_MAX:
        raise PlanRefused(
            f'The column "{target.name}" has {target.profile["distinct"]} different values or more; at most '
            f"{CLASSES_MAX} classes are allowed. Choose another column, or an algorithm for regression.",
            field="target",
        )


def _check_rows(plan: TrainingPlan, target: dict) -> None:
    """Estimates the rows of each side from the target's profile; of large tables nothing else is known."""
    usable, classes = target["rows"] - target["missing"], 1
    if plan.task == CLASSIFICATION and target["distinct"] <= len(target["top_values"]):
        lone = sum(count == 1 for _, count in target["top_values"])  # such a row is always a training row
        usable, classes = usable - lone, target["distinct"] - lone
    if plan.evaluation.kind != HOLD_OUT:
        return
    learned_from = int(usable * plan.evaluation.train_percentage)
    if learned_from < max(TRAINING_ROWS_MIN, classes) or usable - learned_from < max(1, classes):
        raise PlanRefused(
            f"A train_percentage of {plan.evaluation.train_percentage:g} leaves {learned_from} rows for "
            f"training and {usable - learned_from} for testing, which is too few. Add rows, or choose "
            "another train_percentage.",
            field="train_percentage",
        )
    plan.trainer.check_rows(plan.parameters, learned_from)


def _check_division(dataset: Dataset, made: CheckedPlan, columns: dict[str, tables.Column]) -> None:
    """Divides the rows of a small table as the run will: hardly a larger one is too small for its plan."""
    by = made.plan.evaluation.by
    read = [*made.features, *([columns[by]] if by and by not in made.plan.feature_names else [])]
    rows = made.target.profile["rows"]
    if rows > DIVIDED_ROWS_MAX or rows * len(read) > DIVIDED_CELLS_MAX:
        return
    stored = dataset.file.storage
    with suppress(FileNotFoundError), stored.open(dataset.file.name, "rb") as file:  # deleted meanwhile
        training_table.check(file, dataset.dialect, [*read, made.target], made.plan)
