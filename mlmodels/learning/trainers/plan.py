"""The input and the result of a training run, as plain data for a worker."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from mlmodels.learning.trainers.algorithms import get
from mlmodels.learning.trainers.errors import PlanRefused
from mlmodels.learning.trainers.parameters import shorten
from mlmodels.learning.trainers.trainer import TASKS, Trainer

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

NUMBER = "number"
CATEGORY = "category"
TEXT = "text"


@dataclass(frozen=True)
class Feature:
    """A column as a model sees it: floats with NaN for a blank, or texts with "" for a blank."""

    name: str
    role: str

    def __post_init__(self):
        assert self.role in (NUMBER, CATEGORY, TEXT), self.role


@dataclass(frozen=True)
class TrainingPlan:
    """All decisions of one training. With a `grid` (empty: the algorithm's own) its values are searched."""

    algorithm: str
    task: str
    features: tuple[Feature, ...]
    target: str
    parameters: dict = field(default_factory=dict)
    train_percentage: float = 0.8
    grid: dict | None = None

    @property
    def trainer(self) -> Trainer:
        return get(self.algorithm)

    @property
    def feature_names(self) -> list[str]:
        return [feature.name for feature in self.features]

    def checked(self) -> "TrainingPlan":
        """The plan with every parameter filled in, or PlanRefused or ParametersRefused."""
        check_task(self.trainer, self.task)
        check_columns(self.feature_names, self.target)
        parameters = self.trainer.check_parameters(self.parameters, self.task)
        grid = None if self.grid is None else self.trainer.check_grid(self.grid, self.task)
        share = check_train_percentage(self.train_percentage)
        return replace(self, parameters=parameters, grid=grid, train_percentage=share)

    def to_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict) -> "TrainingPlan":
        return cls(**{**data, "features": tuple(Feature(**feature) for feature in data["features"])})


@dataclass(frozen=True)
class Progress:
    """How far a training run is: `step` steps of `of` are done, with a fraction within a long one.

    `candidates` are the rows of a leaderboard.
    """

    step: float
    of: int
    note: str
    candidates: Sequence[dict] = ()


@dataclass
class FitResult:
    """A trained model and everything known about it. All but `pipeline` is plain JSON data.

    `algorithm` is the one fitted, also where the plan said auto. `metrics` and `baseline` are of the
    hold-out. `candidates` are the rows of auto; `best_params`, `best_score` and `training_score` are
    of a search.
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
    candidates: list[dict] = field(default_factory=list)
    best_params: dict | None = None
    best_score: float | None = None
    training_score: float | None = None


def check_task(trainer: Trainer, task: object) -> None:
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


def check_train_percentage(value: object) -> float:
    """The share of training rows, between 0 and 1, both excluded."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
        raise PlanRefused(
            f"train_percentage must be a number between 0 and 1, such as 0.8; it was {shorten(value)}.",
            field="train_percentage",
        )
    return float(value)
