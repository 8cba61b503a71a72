"""The product in the learning benchmark: as its users drive it, or its learning package alone."""

import time

import pandas as pd

from benchmarks.peers.processor_clock import processor_clock
from benchmarks.scores import Answers, Table
from mlmodels.learning import tables, trainers
from mlmodels.learning.trainers import Feature, TrainingPlan


def in_process(table: Table, budget: int) -> Answers:
    """Without Django: read, train, predict. Prints what was tried."""
    started, used = time.monotonic(), time.process_time()
    with processor_clock():
        predictions = predict_in_process(table, budget)
    return Answers(predictions, time.monotonic() - started, time.process_time() - used)


def predict_in_process(table: Table, budget: int) -> pd.DataFrame:
    with (table.folder / "train.csv").open("rb") as file:
        summary = tables.inspect(file)
        target = next(column for column in summary.columns if column.name == table.target)
        features = [column for column in summary.columns if column.use and column is not target]
        frame = tables.read(file, summary.dialect, [*features, target])
    with (table.folder / "test.csv").open("rb") as file:
        test = tables.read(file, summary.dialect, features)
    task = "regression" if table.task == "regression" else "classification"
    labels = tables.target_values(target, frame.pop(target.name), task)
    plan = TrainingPlan(
        "auto", task, tuple(Feature(column.name, column.role) for column in features), target.name
    )
    result = trainers.train(frame[labels.keep], labels.values, plan)
    for tried in result.candidates:
        print(f"    {tried['label']}: {tried['score']} in {tried['seconds']} s {tried['note']}")
    if task == "regression":
        return pd.DataFrame({"prediction": result.pipeline.predict(test)})
    names = [str(name) for name in result.pipeline.classes_]
    return pd.DataFrame(result.pipeline.predict_proba(test), columns=names)
