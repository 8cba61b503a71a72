"""The product in the learning benchmark: as its users drive it, or its learning package alone."""

import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from benchmarks.peers.processor_clock import processor_clock
from benchmarks.scores import Answers, Table, processor_seconds
from mlmodels.learning import tables, trainers
from mlmodels.learning.trainers import CLASSIFICATION, REGRESSION, Feature, TrainingPlan
from mlmodels.learning.trainers.fitted_model import FittedModel

OWNER = "owner@example.com"
TOKENS = "1000000"
PROBABILITY = "probability of "


def by_commands(table: Table, budget: int) -> Answers:
    """A user of a new installation trains on one file and has the other predicted."""
    with tempfile.TemporaryDirectory() as folder:
        manage = Installation(Path(folder)).manage
        manage("prepare")
        manage("grant_tokens", OWNER, TOKENS, "--reason", "Benchmark")
        started, used = time.monotonic(), processor_seconds()
        train = ["--owner", OWNER, "--target", table.target, "--name", table.name, "--budget", budget]
        manage("train_model", table.folder / "train.csv", *train)
        out = Path(folder) / "answers.csv"
        manage("predict", f"1_{table.name}", "--csv", table.folder / "test.csv", "--out", out, "--yes")
        answers = pd.read_csv(out)
    if table.task == REGRESSION:
        answers = answers[["prediction"]]
    else:
        answers = answers.filter(like=PROBABILITY).rename(columns=lambda name: name.removeprefix(PROBABILITY))
    return Answers(answers, time.monotonic() - started, processor_seconds() - used)


class Installation:
    """The product with a database and a folder of its own, whose administrator is the owner of its models."""

    def __init__(self, folder: Path):
        self._environment = {
            **os.environ,
            "DATA_DIR": str(folder / "data"),
            "SECRET_KEY": secrets.token_urlsafe(50),
            "ADMIN_EMAIL": OWNER,
            "ADMIN_PASSWORD": secrets.token_urlsafe(),
        }

    def manage(self, *command: object) -> None:
        subprocess.run(
            [sys.executable, "manage.py", *map(str, command)],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )


def in_process(table: Table, budget: int) -> Answers:
    """The learning package without Django, under the same clock as the peers. Prints what it tried."""
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
    task = REGRESSION if table.task == REGRESSION else CLASSIFICATION
    labels = tables.target_values(target, frame.pop(target.name), task)
    plan = TrainingPlan(
        algorithm="auto",
        task=task,
        features=tuple(Feature(column.name, column.role) for column in features),
        target=target.name,
        derived=tuple(column.to_dict() for column in tables.date_parts(features)),
        budget_seconds=budget,
    )
    result = trainers.train(frame[labels.keep], labels.values, plan)
    for tried in result.candidates:
        print(f"    {candidate_line(tried)}")
    model = FittedModel(result.pipeline, result.derived)
    if task == REGRESSION:
        return pd.DataFrame({"prediction": model.predict(test)})
    names = [str(name) for name in model.classes_]
    return pd.DataFrame(model.predict_proba(test), columns=names)


def candidate_line(tried: dict) -> str:
    """One row of the leaderboard."""
    facts = {name: tried[name] for name in ("score", "seconds", "weight", "note") if tried.get(name)}
    shown = (
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in facts.items()
    )
    return f"{tried['label']} ({tried['status']}): {', '.join(shown)}"
