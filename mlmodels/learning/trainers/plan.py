"""The input and the result of a training run, as plain data for a worker."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from mlmodels.learning.trainers.algorithms import get
from mlmodels.learning.trainers.errors import PlanRefused
from mlmodels.learning.trainers.limits import BUDGET_SECONDS_MAX, BUDGET_SECONDS_MIN, FOLDS_MAX, FOLDS_MIN
from mlmodels.learning.trainers.parameters import shorten
from mlmodels.learning.trainers.trainer import REGRESSION, TASKS, Algorithm

if TYPE_CHECKING:
    import pandas
    from sklearn.pipeline import Pipeline

    from mlmodels.learning.trainers.metrics import Predictions

NUMBER = "number"
CATEGORY = "category"
TEXT = "text"

HOLD_OUT = "hold_out"
K_FOLD = "k_fold"
TIME = "time"
GROUP = "group"
EVALUATIONS = (HOLD_OUT, K_FOLD, TIME, GROUP)

GRID = "grid"
RANDOM = "random"
HALVING = "halving"
SEARCHES = (GRID, RANDOM, HALVING)


@dataclass(frozen=True)
class Feature:
    """A column as a model sees it: floats with NaN for a blank, or texts with "" for a blank."""

    name: str
    role: str

    def __post_init__(self):
        assert self.role in (NUMBER, CATEGORY, TEXT), self.role


@dataclass(frozen=True)
class Evaluation:
    """Which rows a model is measured on.

    `by` is the column of the time or of the group; `folds` are for k_fold, `train_percentage` for the others.
    """

    kind: str = HOLD_OUT
    by: str | None = None
    folds: int = 5
    train_percentage: float = 0.8

    def checked(self) -> "Evaluation":
        if self.kind not in EVALUATIONS:
            raise PlanRefused(
                f"The evaluation must be one of: {', '.join(EVALUATIONS)}; it was {shorten(self.kind)}.",
                field="evaluation",
            )
        if self.kind in (TIME, GROUP) and not self.by:
            raise PlanRefused(
                f"Say by which column: an evaluation by {self.kind} needs one.", field="evaluation"
            )
        is_whole = isinstance(self.folds, int) and not isinstance(self.folds, bool)
        if not is_whole or not FOLDS_MIN <= self.folds <= FOLDS_MAX:
            raise PlanRefused(
                f"The number of folds must be from {FOLDS_MIN} to {FOLDS_MAX}; it was {shorten(self.folds)}.",
                field="evaluation",
            )
        return replace(self, train_percentage=check_train_percentage(self.train_percentage))


@dataclass(frozen=True)
class TrainingPlan:
    """All decisions of one training.

    `derived` are the columns to be made from the features, as `tables.Derived` dictionaries. `search` tries
    values of parameters: those of the `grid` (empty: the algorithm's own), or drawn from their ranges.
    `candidates` are those of an earlier run, which are fitted again instead of a search. `is_classic` splits
    and fits as the services did that the classic endpoints replace.
    """

    algorithm: str
    task: str
    features: tuple[Feature, ...]
    target: str
    parameters: dict = field(default_factory=dict)
    evaluation: Evaluation = field(default_factory=Evaluation)
    derived: tuple[dict, ...] = ()
    search: str | None = None
    grid: dict | None = None
    budget_seconds: float | None = None
    candidates: tuple[dict, ...] = ()
    learning_curve: bool = False
    is_classic: bool = False

    @property
    def trainer(self) -> Algorithm:
        return get(self.algorithm)

    @property
    def feature_names(self) -> list[str]:
        return [feature.name for feature in self.features]

    @property
    def all_features(self) -> tuple[Feature, ...]:
        """The features of the file, and the derived ones behind them."""
        return (*self.features, *(Feature(derived["name"], NUMBER) for derived in self.derived))

    @property
    def is_auto(self) -> bool:
        return self.algorithm == "auto"

    @property
    def is_regression(self) -> bool:
        return self.task == REGRESSION

    def checked(self) -> "TrainingPlan":
        """The plan with every parameter filled in, or PlanRefused or ParametersRefused."""
        check_task(self.trainer, self.task)
        check_columns(self.feature_names, self.target)
        search = self.search or (GRID if self.grid is not None else None)
        evaluation = self.evaluation.checked()
        check_search(search, self.trainer, evaluation)
        grid = None
        if search:
            wanted = self.grid or self.trainer.to_search(search == GRID, self.task, self.parameters)
            grid = self.trainer.check_grid(wanted, self.task, is_exhaustive=search == GRID)
        return replace(
            self,
            parameters=self.trainer.check_parameters(self.parameters, self.task),
            evaluation=evaluation,
            search=search,
            grid=grid,
            budget_seconds=check_budget(self.budget_seconds),
        )

    def to_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict) -> "TrainingPlan":
        """Also of a dictionary from before `evaluation`, which had the share of training rows alone."""
        known = {name: value for name, value in data.items() if name in cls.__dataclass_fields__}
        share = {"train_percentage": data["train_percentage"]} if "train_percentage" in data else {}
        return cls(
            **{
                **known,
                "features": tuple(Feature(**feature) for feature in data["features"]),
                "evaluation": Evaluation(**data.get("evaluation", share)),
                "derived": tuple(data.get("derived", ())),
                "candidates": tuple(data.get("candidates", ())),
            }
        )


@dataclass(frozen=True)
class Progress:
    """How far a training run is: `step` of `of`, shares of the time that all of it takes.

    `candidates` are the rows of a leaderboard.
    """

    step: float
    of: int
    note: str
    candidates: Sequence[dict] = ()


@dataclass
class FitResult:
    """A trained model and everything known about it. All but NOT_PLAIN is plain JSON data.

    `algorithm` is the one fitted, also where the plan said auto; `derived` are the columns that the pipeline
    takes beside those of the file. `metrics` and `baseline` are of rows that took no part in any choice.
    `candidates` are the rows of a leaderboard; `best_params`, `best_score`, `training_score` are of a search.
    `test_predictions` are those of `test_rows`, by their labels in the table.
    """

    pipeline: "Pipeline"
    algorithm: str
    parameters: dict
    metrics: dict
    baseline: dict
    report: dict
    features: list[dict]
    training_rows: int
    hold_out_rows: int
    fit_seconds: float
    derived: list[dict] = field(default_factory=list)
    candidates: list[dict] = field(default_factory=list)
    best_params: dict | None = None
    best_score: float | None = None
    training_score: float | None = None
    test_rows: "pandas.Index | None" = None
    test_predictions: "Predictions | None" = None

    def facts(self) -> dict:
        return {name: value for name, value in vars(self).items() if name not in NOT_PLAIN}


NOT_PLAIN = ("pipeline", "test_rows", "test_predictions")


def check_task(trainer: Algorithm, task: object) -> None:
    if task not in TASKS:
        raise PlanRefused(
            f"The task must be one of: {', '.join(TASKS)}; it was {shorten(task)}.", field="task"
        )
    if task not in trainer.tasks:
        raise PlanRefused(
            f"{trainer.name} does {' and '.join(trainer.tasks)}, and this target needs {task}. "
            "Choose another algorithm, or auto.",
            field="algorithm",
        )


def check_columns(features: Sequence[str], target: str) -> None:
    if not features:
        raise PlanRefused("Choose at least one column to predict from.", field="features")
    if len(set(features)) < len(features):
        twice = next(name for name in features if list(features).count(name) > 1)
        raise PlanRefused(f"The column {shorten(twice)} is chosen twice.", field="features")
    if target in features:
        raise PlanRefused(
            f"{shorten(target)} cannot be predicted from itself. Take it out of the columns to predict from.",
            field="features",
        )


def check_search(search: object, trainer: Algorithm, evaluation: Evaluation) -> None:
    if search is not None and search not in SEARCHES:
        raise PlanRefused(
            f"A search must be one of: {', '.join(SEARCHES)}; it was {shorten(search)}.", field="search"
        )
    if evaluation.kind == K_FOLD and (search or trainer.name == "auto"):
        raise PlanRefused(
            "With k_fold every row would take part in the choice, and none be left to measure the model on. "
            "Choose hold_out, or a single algorithm without a search.",
            field="evaluation",
        )


def check_train_percentage(value: object) -> float:
    """The share of training rows, between 0 and 1, both excluded."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
        raise PlanRefused(
            f"train_percentage must be a number between 0 and 1, such as 0.8; it was {shorten(value)}.",
            field="train_percentage",
        )
    return float(value)


def check_budget(value: object) -> float | None:
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not BUDGET_SECONDS_MIN <= value <= BUDGET_SECONDS_MAX:
        raise PlanRefused(
            f"The budget must be from {BUDGET_SECONDS_MIN} to {BUDGET_SECONDS_MAX:,} seconds; "
            f"it was {shorten(value)}.",
            field="budget_seconds",
        )
    return float(value)
