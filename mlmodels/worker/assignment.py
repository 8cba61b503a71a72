"""What a worker and its training process send each other: plain data, no Django, no learning library."""

from dataclasses import dataclass

from mlmodels.learning.earlier_models import EarlierModel


@dataclass(frozen=True)
class Assignment:
    """Everything that a training process needs; it has no database."""

    model_uuid: str
    table_path: str
    dialect: dict
    features: list[dict]  # tables.Column dictionaries, in the order of the pipeline
    target: dict
    plan: dict
    part_path: str
    seconds_max: float
    memory_bytes_max: int
    file_bytes_max: int
    split_column: dict | None = None  # what the evaluation goes by, where it is no feature
    earlier: EarlierModel | None = None  # the model that is trained again


# Kinds of messages from the process, each {"kind": …, …}
PROGRESS = "progress"  # progress from 0 to 1, note, candidates
TRAINED = "trained"  # the fields of FitResult without the pipeline, and is_compiled
REFUSED = "refused"  # code and message for the user
CRASHED = "crashed"  # error, the class of the exception, and its frames
