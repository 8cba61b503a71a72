"""The process that does the work: no Django, no database. It gets paths and a plan, and sends messages.

The fork server imports this module once, so that every process starts with the learning libraries loaded.
"""

import errno
import json
import os
import secrets
from multiprocessing.connection import Connection
from pathlib import Path

import pandas as pd
import sklearn.ensemble
import sklearn.linear_model
import sklearn.model_selection
import sklearn.neighbors
import sklearn.pipeline
import sklearn.tree  # noqa: F401 - loaded once, by the fork server

from mlmodels.learning import batches, model_files, scoring, tables, trainers, training_table
from mlmodels.learning.executors import IN_LINE, Executor
from mlmodels.learning.model_files import FileSignature
from mlmodels.learning.retraining import compare
from mlmodels.learning.serving import ModelFacts
from mlmodels.learning.trainers.limits import SEED
from mlmodels.worker.assignment import (
    CRASHED,
    DONE,
    PROGRESS,
    REFUSED,
    TRAFFIC,
    Assignment,
    BatchAssignment,
    TrainingAssignment,
)
from mlmodels.worker.cluster import executor_for
from mlmodels.worker.cluster_tasks import frames_of
from mlmodels.worker.sandbox import enter_sandbox
from mlplatform.core.errors import STORAGE_FULL, DomainError, is_storage_full

VERIFIED_ROWS = 500  # a sample of the whole table, because files are often sorted
SHARE_OF_FITTING = 0.95  # of the progress; the rest is saving and checking


def main(assignment: Assignment, pipe: Connection) -> None:
    enter_sandbox(
        seconds_max=assignment.seconds_max,
        memory_bytes_max=assignment.memory_bytes_max,
        file_bytes_max=assignment.file_bytes_max,
        niceness=assignment.niceness,
    )
    with Reporter(pipe, assignment.file_limit_code) as reporter:
        work = train if isinstance(assignment, TrainingAssignment) else predict_file
        with executor_for(assignment.cluster, reporter.on_traffic) as executor:
            facts = work(assignment, reporter, executor)
        reporter.say(DONE, facts=facts)


class Reporter:
    """Sends progress and, last, the outcome on the pipe. A refusal carries a sentence for the user."""

    def __init__(self, pipe: Connection, file_limit_code: str):
        self._pipe = pipe
        self._file_limit_code = file_limit_code

    def say(self, kind: str, **content) -> None:
        self._pipe.send_bytes(json.dumps({"kind": kind, **content}, allow_nan=False).encode())

    def on_progress(self, progress: trainers.Progress) -> None:
        share = SHARE_OF_FITTING * progress.step / max(progress.of, 1)
        self.progress(share, progress.note, candidates=list(progress.candidates))

    def on_traffic(self, traffic: dict) -> None:
        self.say(TRAFFIC, traffic=traffic)

    def progress(self, share: float, note: str, **details) -> None:
        self.say(PROGRESS, progress=share, note=note, details=details)

    def __enter__(self) -> "Reporter":
        return self

    def __exit__(self, kind, error, trace) -> bool:
        if isinstance(error, DomainError):
            self.say(REFUSED, code=error.code, message=error.message)
        elif isinstance(error, MemoryError):
            self.say(REFUSED, code="memory_limit", message="")
        elif is_storage_full(error):
            self.say(REFUSED, code="storage_full", message=STORAGE_FULL)
        elif isinstance(error, OSError) and error.errno == errno.EFBIG:
            self.say(REFUSED, code=self._file_limit_code, message="")
        elif error is not None:
            elsewhere = getattr(error, "frames", [])  # of a task
            self.say(CRASHED, error=kind.__name__, frames=frames_of(trace) + elsewhere)
        return error is not None


def train(assignment: TrainingAssignment, reporter: Reporter, executor: Executor = IN_LINE) -> dict:
    """Reads, fits, saves, and checks that the saved model predicts."""
    plan = trainers.TrainingPlan.from_dict(assignment.plan)
    frame, labels, split_values = training_table.read(
        assignment.table_path,
        assignment.dialect,
        assignment.features,
        assignment.target,
        plan,
        assignment.split_column,
    )
    result = trainers.train(
        frame, labels, plan, reporter.on_progress, split_values=split_values, executor=executor
    )
    result.report["notes"] += training_table.notes_on_rows(
        assignment.target, assignment.features, assignment.plan
    )
    if assignment.earlier:
        result.report["comparison"] = compare(assignment.earlier, plan, assignment.features, frame, result)
    reporter.progress(SHARE_OF_FITTING, "Saving and checking the model", candidates=result.candidates)
    rows = frame.sample(min(len(frame), VERIFIED_ROWS), random_state=SEED)[plan.feature_names]
    derived = [tables.Derived.from_dict(column) for column in result.derived]
    rows = tables.derive(rows, derived)
    pipeline = save_and_reload(result.pipeline, assignment)
    refuse_if_it_cannot_predict(pipeline, rows)
    features = [*plan.features, *(trainers.Feature(column.name, trainers.NUMBER) for column in derived)]
    return {**result.facts(), "is_compiled": is_compiled_exactly(pipeline, features, rows)}


def predict_file(assignment: BatchAssignment, reporter: Reporter, executor: Executor = IN_LINE) -> dict:
    """Writes the file with predictions, and returns the facts about it."""
    data = Path(assignment.model_path).read_bytes()
    pipeline = model_files.read(data, **assignment.model_signature)
    model = batches.TableModel(pipeline, ModelFacts(**assignment.model_facts))

    def on_rows(done: int) -> None:
        note = f"{done:,} of {assignment.rows:,} rows"
        reporter.progress(min(done / assignment.rows, 1.0), note, rows_done=done)

    with open(assignment.question_path, "rb") as question, open(assignment.part_path, "wb") as part:
        outcome = batches.answer_file(
            model,
            batches.Reading(**assignment.reading),
            question,
            part,
            threshold=assignment.threshold,
            on_rows=on_rows,
            executor=executor,
        )
        part.flush()
        os.fsync(part.fileno())
    return outcome.to_dict()


def save_and_reload(pipeline, assignment: TrainingAssignment):
    """Writes the file and reads it as predictions will, signed with a temporary key."""
    path = Path(assignment.part_path)
    model_files.write(pipeline, path)
    data = path.read_bytes()
    signed, key = FileSignature.of(data, assignment.model_uuid), secrets.token_bytes(32)
    return model_files.read(data, signed, signed.signature(key, "child"), key, "child")


def refuse_if_it_cannot_predict(pipeline, rows: pd.DataFrame) -> None:
    """Some models fit, but fail at every prediction. Users should not find that out with a paid one."""
    try:
        pipeline.predict(rows)
    except ValueError as error:
        raise trainers.DataRefused(
            "The trained model cannot predict. Try other parameters or columns."
        ) from error


def is_compiled_exactly(pipeline, features, rows: pd.DataFrame) -> bool:
    scorer = scoring.compile_pipeline(pipeline, features)
    return scorer is not None and scoring.verify(scorer, pipeline, rows)
