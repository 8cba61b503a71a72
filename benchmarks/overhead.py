"""What a training costs over the bare fit of the same pipeline: splitting, measuring, explaining, saving.

    python -m benchmarks.overhead

Seconds of the processor, which a busy machine does not change much. The training is the whole work of the
child process, from the stored file to the checked model; the bare fit is scikit-learn's, of the pipeline that
came out, on the same rows. The promise: at most 10 % and one second more.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy

import io
import tempfile
import time
import uuid
import warnings
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pandas as pd
from sklearn.base import clone

from mlmodels.learning import tables, trainers, training_table
from mlmodels.learning.trainers import CLASSIFICATION, REGRESSION, TRAINERS
from mlmodels.worker import child
from mlmodels.worker.assignment import TrainingAssignment
from mlplatform.core.errors import DomainError

SHARE_MAX, SECONDS_MAX = 0.1, 1.0
TARGET = "target"


def regression(row_count: int) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.normal(size=(row_count, 8)).round(4)).add_prefix("x")
    frame["group"] = draw.choice(["north", "south", "east", "west"], row_count)
    noise = draw.normal(size=row_count)
    frame[TARGET] = (frame["x0"] * 3 + frame["x1"] ** 2 + (frame["group"] == "north") + noise).round(4)
    return frame


def classification(row_count: int, class_count: int) -> pd.DataFrame:
    frame = regression(row_count)
    ranks = frame[TARGET].rank(method="first") - 1
    frame[TARGET] = "class " + (ranks * class_count // row_count).astype(int).astype(str)
    return frame


TABLES = {
    "1,000 rows, regression": (REGRESSION, lambda: regression(1_000)),
    "1,000 rows, 2 classes": (CLASSIFICATION, lambda: classification(1_000, 2)),
    "10,000 rows, regression": (REGRESSION, lambda: regression(10_000)),
    "3,000 rows, 30 classes": (CLASSIFICATION, lambda: classification(3_000, 30)),
}


def main() -> None:
    warnings.simplefilter("ignore")
    print("| table | algorithm | bare fit | training | more than promised |")
    print("| --- | --- | ---: | ---: | ---: |")
    for name, (task, make) in TABLES.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "table.csv")
            make().to_csv(path, index=False)
            for algorithm in algorithms(task):
                try:
                    fit, training = measure(path, task, algorithm)
                except DomainError as refused:
                    print(f"| {name} | {algorithm} | {refused.message} | | |", flush=True)
                    continue
                over = training - fit * (1 + SHARE_MAX) - SECONDS_MAX
                said = f"{over:.2f} s" if over > 0 else "no"
                print(f"| {name} | {algorithm} | {fit:.2f} s | {training:.2f} s | {said} |", flush=True)


def algorithms(task: str) -> list[str]:
    return [name for name, trainer in TRAINERS.items() if task in trainer.tasks and name != "auto"]


def measure(path: Path, task: str, algorithm: str) -> tuple[float, float]:
    """Processor seconds of the bare fit and of the training. The first of two imports and is not counted."""
    assignment = assignment_for(path, task, algorithm)
    for _ in range(2):
        started = time.process_time()
        child.train(assignment, Mock())
        training = time.process_time() - started
    plan = trainers.TrainingPlan.from_dict(assignment.plan)
    frame, labels, _ = training_table.read(
        path, assignment.dialect, assignment.features, assignment.target, plan
    )
    result = trainers.train(frame, labels, plan)
    rows = frame[plan.feature_names].iloc[: result.training_rows]
    derived = [tables.Derived.from_dict(column) for column in result.derived]
    rows, labels = tables.derive(rows, derived), labels[: result.training_rows]
    for _ in range(2):
        pipeline = clone(result.pipeline)
        started = time.process_time()
        pipeline.fit(rows, labels)
        fit = time.process_time() - started
    return fit, training


def assignment_for(path: Path, task: str, algorithm: str) -> TrainingAssignment:
    summary = tables.inspect(io.BytesIO(path.read_bytes()))
    target = next(column for column in summary.columns if column.name == TARGET)
    features = [column for column in summary.columns if column is not target]
    plan = trainers.TrainingPlan(
        algorithm=algorithm,
        task=task,
        target=TARGET,
        features=tuple(trainers.Feature(column.name, column.role) for column in features),
    )
    return TrainingAssignment(
        model_uuid=str(uuid.uuid4()),
        table_path=str(path),
        dialect=summary.dialect,
        features=[column.to_dict() for column in features],
        target=target.to_dict(),
        plan=plan.to_dict(),
        part_path=str(path.with_suffix(".part")),
        seconds_max=600,
        memory_bytes_max=0,
        file_bytes_max=0,
        niceness=0,
    )


if __name__ == "__main__":
    main()
