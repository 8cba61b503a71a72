"""One run from claim to end: watches the child process, and writes the result to the run."""

import shutil
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from mlmodels.limits import MODEL_BYTES_MAX
from mlmodels.models import TrainedModel, TrainingRun
from mlmodels.operations import model_files, pending_files, runs
from mlmodels.operations.pending_files import work_folder
from mlmodels.worker import assignment as messages
from mlmodels.worker.assignment import Assignment
from mlmodels.worker.database import Heartbeat, retry
from mlmodels.worker.process import TrainingProcess

KEPT_IN_THE_REPORT = ("features", "candidates", "training_rows", "hold_out_rows", "fit_seconds")
LOOK_SECONDS = 0.1  # the longest that an ended child goes unnoticed
REPORT_SECONDS = 1.0  # how often progress is written and a cancel is looked for


class Ended(Exception):
    """The child has to stop. Subclasses say how the run ends."""


class Failed(Ended):
    def __init__(self, code: str, error: str):
        super().__init__(error)
        self.code = code
        self.error = error


class Cancelled(Ended):
    pass


class Lost(Ended):
    """Somebody else owns the run now."""


class HandedBack(Ended):
    """The worker has to stop."""


def carry_out(run: TrainingRun, heartbeat: Heartbeat, stopping) -> str:
    """Trains, writes how it ended, and says so in a word. When `stopping` is set, the run is handed back."""
    heartbeat.keep(run)
    model_files.discard_attempts(run, before=run.attempt)
    part = part_path(run)
    model = TrainedModel(uuid=uuid.uuid4(), owner=run.owner, run=run, dataset=run.dataset)
    try:
        with _table_path(run) as table_path:
            facts = Watch(run, assignment_for(run, model, table_path, part), heartbeat, stopping).facts()
        return finish(run, model, facts, part)
    except Failed as failed:
        return _fail(run, failed)
    except Cancelled:
        return "cancelled" if retry(lambda: runs.end_cancelled_run(run=run)) else "lost"
    except HandedBack:
        return "handed back" if retry(lambda: runs.hand_back_run(run=run)) else "lost"
    except Lost:
        return "lost"
    finally:
        heartbeat.let_go()
        part.unlink(missing_ok=True)


def part_path(run: TrainingRun) -> Path:
    """Where the child writes. The attempt is in the name, so that no two workers write to one file."""
    return work_folder() / f"{run.uuid}.{run.attempt}.part"


def assignment_for(run: TrainingRun, model: TrainedModel, table_path: str, part: Path) -> Assignment:
    return Assignment(
        model_uuid=str(model.uuid),
        table_path=table_path,
        dialect=run.dataset.dialect,
        features=run.features,
        target=run.target_column,
        plan=run.plan,
        part_path=str(part),
        seconds_max=settings.TRAINING_TIME_LIMIT_SECONDS,
        memory_bytes_max=settings.TRAINING_MEMORY_LIMIT_MB * 1_000_000,
        file_bytes_max=MODEL_BYTES_MAX,
    )


@contextmanager
def _table_path(run: TrainingRun) -> Iterator[str]:
    """A path that the child can open: the file itself, or a copy when the storage is on another machine."""
    if run.dataset is None or not run.dataset.file.storage.exists(run.dataset.file.name):
        raise Failed("dataset_missing", "The dataset is gone. Upload it again and start a new training.")
    if model_files.is_local(run.dataset.file):
        yield run.dataset.file.path
        return
    copy = work_folder() / f"{run.uuid}.{run.attempt}.csv"
    try:
        with run.dataset.file.open("rb") as source, open(copy, "wb") as target:
            shutil.copyfileobj(source, target)
        yield str(copy)
    finally:
        copy.unlink(missing_ok=True)


def _fail(run: TrainingRun, failed: Failed) -> str:
    is_ours = retry(lambda: runs.fail_run(run=run, error=failed.error, code=failed.code))
    return f"failed: {failed.code}" if is_ours else "lost"


def finish(run: TrainingRun, model: TrainedModel, facts: dict, part: Path) -> str:
    """Signs and keeps the file, writes model and run. Raises Cancelled when the run is not to be finished."""
    _describe(model, run, facts)
    retry(lambda: pending_files.register(name=model_files.stored_name(run, run.attempt)))
    model_files.keep_file(model=model, part=part, filename=model_files.filename_of(run, run.attempt))
    if retry(lambda: runs.finish_run(run=run, model=model)):
        return "trained"
    retry(lambda: pending_files.remove(name=model.file.name))
    raise Cancelled  # or lost, which the row will say


def _describe(model: TrainedModel, run: TrainingRun, facts: dict) -> None:
    model.name = run.model_name
    model.algorithm = facts["algorithm"]
    model.task = run.task
    model.target = run.target_column
    model.features = run.features
    model.parameters = facts["parameters"]
    model.metrics = facts["metrics"]
    model.baseline = facts["baseline"]
    model.report = {**facts["report"], **{name: facts[name] for name in KEPT_IN_THE_REPORT}}
    model.is_compiled = facts["is_compiled"]
    if run.is_search:
        model.search = {
            "best_params": facts["best_params"],
            "best_score": facts["best_score"],
            "training_accuracy": facts["training_score"],
        }


class Watch:
    """One child, from its start to its end. However that comes, the child is gone afterwards."""

    def __init__(self, run: TrainingRun, assignment: Assignment, heartbeat: Heartbeat, stopping):
        self._run = run
        self._assignment = assignment
        self._heartbeat = heartbeat
        self._stopping = stopping
        self._progress = None  # what is to be written to the run
        self._written_note = None
        self._next_report_at = time.monotonic()

    def facts(self) -> dict:
        """What the child says about the model it made, or one of the reasons above."""
        child = TrainingProcess(self._assignment)
        deadline = time.monotonic() + self._assignment.seconds_max
        try:
            while not child.is_over:
                for message in child.messages(LOOK_SECONDS):
                    if message["kind"] == messages.TRAINED:
                        return message
                    self._take(message)
                self._stop_for_a_reason(deadline)
                self._report_when_due()
            raise self._death(child)
        finally:
            child.kill()

    def _take(self, message: dict) -> None:
        match message["kind"]:
            case messages.PROGRESS:
                self._progress = message
            case messages.REFUSED:
                raise Failed(message["code"], message["message"] or self._limit_in_words(message["code"]))
            case messages.CRASHED:
                raise Failed("crashed", f"The training stopped with an internal error ({message['error']}).")

    def _stop_for_a_reason(self, deadline: float) -> None:
        if self._heartbeat.has_lost_run.is_set():
            raise Lost
        if self._stopping.is_set():
            raise HandedBack
        if time.monotonic() > deadline:
            raise self._failed_at("time_limit")

    def _report_when_due(self) -> None:
        """Every second, and at once when there is news. A database that is away is ignored."""
        is_news = self._progress is not None and self._progress["note"] != self._written_note
        if not is_news and time.monotonic() < self._next_report_at:
            return
        self._next_report_at = time.monotonic() + REPORT_SECONDS
        try:
            self._write_progress()
            self._look_at_the_row()
        except (OperationalError, InterfaceError):
            connection.close()

    def _write_progress(self) -> None:
        if self._progress is None:
            return
        said = {name: self._progress[name] for name in ("progress", "note", "candidates")}
        runs.report_progress(run=self._run, **said)
        self._written_note, self._progress = said["note"], None

    def _look_at_the_row(self) -> None:
        if not runs.is_held(run=self._run):
            raise Lost
        if runs.is_cancelled(run=self._run):
            raise Cancelled

    def _death(self, child: TrainingProcess) -> Failed:
        """Why a child ended without a message."""
        match child.exit_signal:
            case signal.SIGXCPU:
                return self._failed_at("time_limit")
            case signal.SIGKILL:
                words = "The training was killed, most likely because the machine ran out of memory."
                return Failed("killed", words)
        return Failed("crashed", "The training stopped with an internal error.")

    def _failed_at(self, limit: str) -> Failed:
        return Failed(limit, self._limit_in_words(limit))

    def _limit_in_words(self, limit: str) -> str:
        given = self._assignment
        match limit:
            case "time_limit":
                return (
                    f"The training took longer than the {given.seconds_max} seconds allowed. "
                    "Use fewer rows, fewer columns or a quicker algorithm."
                )
            case "memory_limit":
                return (
                    f"The training needed more than the {given.memory_bytes_max // 1_000_000} MB of memory "
                    "allowed. Use fewer rows, fewer columns or a smaller model."
                )
            case "model_too_large":
                return (
                    f"The model would take more than {given.file_bytes_max // 1_000_000} MB. "
                    "Use fewer trees or less depth."
                )
        raise AssertionError(limit)
