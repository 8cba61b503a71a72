"""From a table to a checked model. Importing this loads no learning library; `train` does."""

from mlmodels.learning.executors import IN_LINE, Executor
from mlmodels.learning.trainers.algorithms import TRAINERS, get, label_of, parameter_types
from mlmodels.learning.trainers.errors import DataRefused, ParametersRefused, PlanRefused
from mlmodels.learning.trainers.parameters import Parameter
from mlmodels.learning.trainers.plan import (
    CATEGORY,
    NUMBER,
    TEXT,
    Evaluation,
    Feature,
    FitResult,
    Progress,
    TrainingPlan,
)
from mlmodels.learning.trainers.trainer import CLASSIFICATION, REGRESSION, TASKS, Algorithm

__all__ = [
    "CATEGORY",
    "CLASSIFICATION",
    "NUMBER",
    "REGRESSION",
    "TEXT",
    "TASKS",
    "TRAINERS",
    "Algorithm",
    "DataRefused",
    "Evaluation",
    "Feature",
    "FitResult",
    "Parameter",
    "ParametersRefused",
    "PlanRefused",
    "Progress",
    "TrainingPlan",
    "get",
    "label_of",
    "parameter_types",
    "train",
]


def train(
    frame,
    target_labels,
    plan: TrainingPlan,
    on_progress=lambda progress: None,
    *,
    split_values=None,
    executor: Executor = IN_LINE,
) -> FitResult:
    """See `fitting.train`, which this imports when it is called."""
    from mlmodels.learning.trainers import fitting

    return fitting.train(frame, target_labels, plan, on_progress, split_values, executor)
