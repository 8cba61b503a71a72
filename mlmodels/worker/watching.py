"""Watches the child of one run: for what it says, for its limits, and for reasons to stop it."""

import signal
import time

from django.db import InterfaceError, OperationalError, connection

from mlmodels.models import TrainingRun
from mlmodels.operations import runs
from mlmodels.worker import assignment as assignments
from mlmodels.worker.assignment import Assignment
from mlmodels.worker.heartbeat import Heartbeat
from mlmodels.worker.process import TrainingProcess

LOOK_SECONDS = 0.1  # the longest that an ended child goes unnoticed
REPORT_SECONDS = 1.0  # how often progress is written and a cancel is looked for


class Ended(Exception):
    """The child does not have to go on. Subclasses say what becomes of the run."""


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
                    if message["kind"] == assignments.TRAINED:
                        return message
                    self._take(message)
                self._stop_for_a_reason(deadline)
                self._report_when_due()
            raise self._death(child)
        finally:
            child.kill()

    def _take(self, message: dict) -> None:
        match message["kind"]:
            case assignments.PROGRESS:
                self._progress = message
            case assignments.REFUSED:
                raise Failed(message["code"], message["message"] or self._limit_in_words(message["code"]))
            case assignments.CRASHED:
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
        """What to say about a child that ended without a word."""
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
