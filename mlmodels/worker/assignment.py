"""What the worker and its child process send each other, as plain data: no Django, no learning library."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Assignment:
    """One training, complete: the child needs nothing else, and no database."""

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


# Kinds of messages from the child, each {"kind": …, …}
PROGRESS = "progress"  # progress 0 to 1, note, candidates
TRAINED = "trained"  # everything of a FitResult but the pipeline, and is_compiled
REFUSED = "refused"  # code and message for the user
CRASHED = "crashed"  # error: the name of the exception
