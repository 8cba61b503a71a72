"""One run from claim to end: watches the training process and writes the outcome to the run."""

import logging
import shutil
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from threading import Event

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from mlmodels.errors import ModelUnusable
from mlmodels.learning.earlier_models import EarlierModel
from mlmodels.limits import MODEL_BYTES_MAX
from mlmodels.models import Dataset, TrainedModel, TrainingRun
from mlmodels.operations import model_files, pending_files, runs
from mlmodels.operations.pending_files import work_folder
from mlmodels.worker import assignment as messages
from mlmodels.worker.assignment import Assignment
from mlmodels.worker.database import Heartbeat, retry
from mlmodels.worker.process import TrainingProcess

KEPT_IN_THE_REPORT = ("features", "candidates", "training_rows", "hold_out_rows", "fit_seconds")
CHECK_SECONDS = 0.1  # how long the end of the process can go unnoticed
REPORT_SECONDS = 1.0  # how often progress is written and the run's row is read

LIMIT_EXCEEDED = {
    "time_limit": (
        "The training run took longer than the {seconds} seconds allowed. "
        "Use fewer rows, fewer columns or a quicker algorithm."
    ),
    "memory_limit": (
        "The training run needed more than the {memory_mb} MB of memory allowed. "
        "Use fewer rows, fewer columns or a smaller model."
    ),
    "model_too_large": "The model would take more than {model_mb} MB. Use fewer trees or less depth.",
}


log = logging.getLogger(__name__)


class Ended(Exception):
    """Ends the training without a model.

    `write` writes the outcome to the run, and returns False if the worker has lost the run.
    """

    def __init__(self, outcome: str, write: Callable[..., bool]):
        super().__init__(outcome)
        self.outcome = outcome
        self.write = write


def failed(code: str, error: str) -> Ended:
    return Ended(f"failed: {code}", partial(runs.fail_run, code=code, error=error))


def cancelled() -> Ended:
    return Ended("cancelled", runs.end_cancelled_run)


def lost() -> Ended:
    return Ended("lost", lambda run: False)


def carry_out(run: TrainingRun, heartbeat: Heartbeat, stopping: Event) -> str:
    """Trains, writes the outcome to the run, and returns it. `stopping` has the run handed back."""
    heartbeat.keep(run)
    model_files.discard_attempts(run, before=run.attempt)
    part = part_path(run)
    model = TrainedModel(uuid=uuid.uuid4(), owner=run.owner, run=run, dataset=run.dataset)
    try:
        with ExitStack() as files:
            table_path = files.enter_context(local_table(run))
            earlier = files.enter_context(earlier_model(run)) if run.repeats else None
            assignment = assignment_for(run, model, table_path, part, earlier)
            facts = Watch(run, assignment, heartbeat, stopping).facts()
        finish(run, model, facts, part)
        return "trained"
    except Ended as ended:
        return ended.outcome if retry(partial(ended.write, run=run)) else "lost"
    finally:
        heartbeat.let_go()
        part.unlink(missing_ok=True)


def part_path(run: TrainingRun) -> Path:
    """Where the training process writes: a file for each attempt, so that no two workers share one."""
    return work_folder() / f"{run.uuid}.{run.attempt}.part"


def assignment_for(
    run: TrainingRun, model: TrainedModel, table_path: str, part: Path, earlier: EarlierModel | None = None
) -> Assignment:
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
        split_column=run.split_column,
        earlier=earlier,
    )


@contextmanager
def local_table(run: TrainingRun) -> Iterator[str]:
    if not is_there(run.dataset):
        raise failed("dataset_missing", "The dataset is gone. Upload it again and start a new training run.")
    with local_file(run.dataset, work_folder() / f"{run.uuid}.{run.attempt}.csv") as path:
        yield path


def is_there(dataset: Dataset | None) -> bool:
    return dataset is not None and dataset.file.storage.exists(dataset.file.name)


@contextmanager
def local_file(dataset: Dataset, copy: Path) -> Iterator[str]:
    """A path that the process can open: the file itself, or a copy if the storage is on another machine."""
    if model_files.is_local(dataset.file):
        yield dataset.file.path
        return
    try:
        with dataset.file.open("rb") as source, open(copy, "wb") as target:
            shutil.copyfileobj(source, target)
        yield str(copy)
    finally:
        copy.unlink(missing_ok=True)


@contextmanager
def earlier_model(run: TrainingRun) -> Iterator[EarlierModel | None]:
    """The model that is trained again, to be compared with the new one; None if it can no longer be used.

    The signature is checked here, since the process has no key of this installation.
    """
    model, stem = run.repeats, f"{run.uuid}.{run.attempt}.earlier"
    copy = work_folder() / f"{stem}.part"
    try:
        model_files.check_file(model)
        data = model_files.read_bytes(model)
    except ModelUnusable:
        yield None
        return
    with ExitStack() as files:
        files.callback(copy.unlink, missing_ok=True)
        table = None
        if is_there(model.dataset):
            table = files.enter_context(local_file(model.dataset, work_folder() / f"{stem}.csv"))
        yield EarlierModel.write(
            data,
            copy,
            model_uuid=str(model.uuid),
            name=str(model),
            features=model.features,
            target=model.target,
            derived=model.derived,
            table_path=table,
            dialect=model.dataset.dialect if table else None,
        )


def finish(run: TrainingRun, model: TrainedModel, facts: dict, part: Path) -> None:
    """Signs and stores the file, and writes model and run."""
    _describe(model, run, facts)
    retry(lambda: pending_files.register(name=model_files.stored_name(run, run.attempt)))
    model_files.keep_file(model=model, part=part, filename=model_files.filename_of(run, run.attempt))
    if not retry(lambda: runs.finish_run(run=run, model=model)):
        retry(lambda: pending_files.remove(name=model.file.name))
        raise cancelled()  # or lost: the row decides


def _describe(model: TrainedModel, run: TrainingRun, facts: dict) -> None:
    model.name = run.model_name
    model.task = run.task
    model.target = run.target_column
    model.features = run.features
    for name in ("algorithm", "derived", "parameters", "metrics", "baseline", "is_compiled"):
        setattr(model, name, facts[name])
    model.report = {**facts["report"], **{name: facts[name] for name in KEPT_IN_THE_REPORT}}
    if run.is_search:
        model.search = {
            "best_params": facts["best_params"],
            "best_score": facts["best_score"],
            "training_accuracy": facts["training_score"],
        }


class Watch:
    """One training process from start to end; it never outlives `facts`."""

    def __init__(self, run: TrainingRun, assignment: Assignment, heartbeat: Heartbeat, stopping: Event):
        self._run = run
        self._assignment = assignment
        self._heartbeat = heartbeat
        self._stopping = stopping
        self._progress = None  # not written to the run yet
        self._written_note = None
        self._next_report_at = time.monotonic()

    def facts(self) -> dict:
        """What the process reports about the model it made. Raises Ended without one."""
        process = TrainingProcess(self._assignment)
        deadline = time.monotonic() + self._assignment.seconds_max
        try:
            while not process.is_over:
                for message in process.messages(CHECK_SECONDS):
                    if message["kind"] == messages.TRAINED:
                        return message
                    self._take(message)
                self._check(deadline)
                self._report_when_due()
            raise self._failed_without_message(process.exit_signal)
        finally:
            process.kill()

    def _take(self, message: dict) -> None:
        match message["kind"]:
            case messages.PROGRESS:
                self._progress = message
            case messages.REFUSED:
                raise self._failed(message["code"], message["message"])
            case messages.CRASHED:
                described = {"class": message["error"], "frames": message["frames"]}
                log.error("The training process crashed", extra={"fields": {"exception": [described]}})
                raise failed(
                    "crashed", f"The training run stopped with an internal error ({message['error']})."
                )

    def _check(self, deadline: float) -> None:
        if self._heartbeat.has_lost_run.is_set():
            raise lost()
        if self._stopping.is_set():
            raise Ended("handed back", runs.hand_back_run)
        if time.monotonic() > deadline:
            raise self._failed("time_limit")

    def _report_when_due(self) -> None:
        """Every second, and at once for a new note. An unreachable database is tried again the next time."""
        is_new = self._progress is not None and self._progress["note"] != self._written_note
        if not is_new and time.monotonic() < self._next_report_at:
            return
        self._next_report_at = time.monotonic() + REPORT_SECONDS
        try:
            self._write_progress()
            if not runs.is_held(run=self._run):
                raise lost()
            if runs.is_cancelled(run=self._run):
                raise cancelled()
        except (OperationalError, InterfaceError):
            connection.close()

    def _write_progress(self) -> None:
        if self._progress is None:
            return
        progress = {name: self._progress[name] for name in ("progress", "note", "candidates")}
        runs.report_progress(run=self._run, **progress)
        self._written_note, self._progress = progress["note"], None

    def _failed_without_message(self, exit_signal: int | None) -> Ended:
        if exit_signal == signal.SIGXCPU:
            return self._failed("time_limit")
        if exit_signal == signal.SIGKILL:
            return failed(
                "killed", "The training run was killed, most likely because the machine ran out of memory."
            )
        return failed("crashed", "The training run stopped with an internal error.")

    def _failed(self, code: str, error: str = "") -> Ended:
        """Without an error, `code` names the limit that was exceeded."""
        limits = self._assignment
        return failed(
            code,
            error
            or LIMIT_EXCEEDED[code].format(
                seconds=limits.seconds_max,
                memory_mb=limits.memory_bytes_max // 1_000_000,
                model_mb=limits.file_bytes_max // 1_000_000,
            ),
        )
