"""One job from claim to end: watches the process that does the work and writes the outcome to the job."""

import logging
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from mlmodels.models import Job
from mlmodels.operations import jobs
from mlmodels.operations.pending_files import work_folder
from mlmodels.worker import assignment as messages
from mlmodels.worker.assignment import Assignment, Cluster
from mlmodels.worker.database import Heartbeat, retry
from mlmodels.worker.process import WorkProcess
from mlplatform.core import storage
from mlplatform.core.errors import STORAGE_FULL, StorageUnavailable, is_storage_full

CHECK_SECONDS = 0.1  # how long the end of the process can go unnoticed
REPORT_SECONDS = 1.0  # how often progress is written and the job's row is read
STORAGE_RETRY_SECONDS = 2.0

log = logging.getLogger(__name__)


class Ended(Exception):
    """Ends the work without a result.

    `write` writes the outcome to the job, and returns False if the worker has lost the job.
    """

    def __init__(self, outcome: str, write: Callable[..., bool]):
        super().__init__(outcome)
        self.outcome = outcome
        self.write = write


def failed(code: str, error: str) -> Ended:
    return Ended(f"failed: {code}", partial(jobs.fail, code=code, error=error))


def cancelled() -> Ended:
    return Ended("cancelled", jobs.end_cancelled)


def lost() -> Ended:
    return Ended("lost", lambda job: False)


def without_storage(error: StorageUnavailable) -> Ended:
    return Ended("without storage", partial(jobs.give_up, error=error.message, code=error.code))


def carry_out(job: Job, do: Callable, heartbeat: Heartbeat, must_hand_back: Callable[[], bool]) -> str:
    """Has `do` do the work of the job, writes a failure to it, and returns the outcome.

    `do` takes the job and a Watch, and writes its success itself.
    """
    heartbeat.keep(job)
    jobs.discard_attempts(job, before=job.attempt)
    try:
        do(job, Watch(job, heartbeat, must_hand_back))
        return "succeeded"
    except Ended as ended:
        return write_end(ended, job)
    except OSError as error:
        if not is_storage_full(error):
            raise
        return write_end(failed("storage_full", STORAGE_FULL), job)
    finally:
        heartbeat.let_go()
        part_path(job).unlink(missing_ok=True)


def write_end(ended: Ended, job: Job) -> str:
    if ended.outcome == "failed: storage_full":
        log.error("no space left for files")
    return ended.outcome if retry(partial(ended.write, job=job)) else "lost"


def part_path(job: Job) -> Path:
    """Where the process writes: a file for each attempt, so that no two workers share one."""
    return work_folder() / f"{job.uuid}.{job.attempt}.part"


def resources_of_a_job() -> dict:
    """Limits of the process of a job, and the cluster that it may use."""
    return {
        "seconds_max": settings.TRAINING_TIME_LIMIT_SECONDS,
        "memory_bytes_max": settings.TRAINING_MEMORY_LIMIT_MB * 1_000_000,
        "niceness": settings.TRAINING_NICENESS,
        "cluster": cluster(),
    }


def cluster() -> Cluster | None:
    if not settings.DASK_SCHEDULER:
        return None
    return Cluster(
        settings.DASK_SCHEDULER, settings.DASK_TLS_CA, settings.DASK_TLS_CERT, settings.DASK_TLS_KEY
    )


class Watch:
    """Watches the process of one job from start to end. The process never outlives `run`."""

    def __init__(self, job: Job, heartbeat: Heartbeat, must_hand_back: Callable[[], bool]):
        self._job = job
        self._heartbeat = heartbeat
        self._must_hand_back = must_hand_back
        self._progress = None  # not written to the job yet
        self._written_note = None
        self._next_report_at = time.monotonic()

    def run(self, assignment: Assignment, limits_exceeded: dict[str, str]) -> dict:
        """Starts the process and returns the facts that it reports when it has succeeded; else raises Ended.

        `limits_exceeded` has a sentence for each code of a limit.
        """
        self._limits, self._limits_exceeded = assignment, limits_exceeded
        process = WorkProcess(assignment)
        deadline = time.monotonic() + assignment.seconds_max
        try:
            while not process.is_over:
                for message in process.messages(CHECK_SECONDS):
                    if message["kind"] == messages.DONE:
                        return message["facts"]
                    self._take(message)
                self._check(deadline)
                self._report_when_due()
            raise self._failed_without_message(process.exit_signal)
        finally:
            process.kill()

    def fetch(self, files: ExitStack, row, *, suffix: str) -> str:
        """A path to the file of this row, valid until `files` is closed. Raises FileNotFoundError."""
        copy = work_folder() / f"{self._job.uuid}.{self._job.attempt}{suffix}"

        def fetch() -> str:
            return files.enter_context(storage.local_copy(row.file.name, copy=copy, sha256=row.sha256))

        return self.reach_storage(fetch)

    def reach_storage(self, call: Callable):
        """What the call returns. It is repeated for RUN_LEASE_SECONDS while the storage cannot be used."""
        deadline = time.monotonic() + settings.RUN_LEASE_SECONDS
        while True:
            try:
                return call()
            except StorageUnavailable as error:
                log.warning("The storage of files cannot be used: %s", error.reason)
                if time.monotonic() > deadline:
                    raise without_storage(error) from error
            self._check(deadline=float("inf"))
            self._report_when_due()
            time.sleep(STORAGE_RETRY_SECONDS)

    def _take(self, message: dict) -> None:
        match message["kind"]:
            case messages.PROGRESS:
                self._progress = message
            case messages.TRAFFIC:
                log.info("Used the Dask cluster", extra={"fields": message["traffic"]})
            case messages.REFUSED:
                raise self._failed(message["code"], message["message"])
            case messages.CRASHED:
                described = {"class": message["error"], "frames": message["frames"]}
                log.error("The process of the job crashed", extra={"fields": {"exception": [described]}})
                raise failed(
                    "crashed", f"The {self._job.noun} stopped with an internal error ({message['error']})."
                )

    def _check(self, deadline: float) -> None:
        if self._heartbeat.has_lost_job.is_set():
            raise lost()
        if self._must_hand_back():
            raise Ended("handed back", jobs.hand_back)
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
            if not jobs.is_held(job=self._job):
                raise lost()
            if jobs.is_cancelled(job=self._job):
                raise cancelled()
        except (OperationalError, InterfaceError):
            connection.close()

    def _write_progress(self) -> None:
        if self._progress is None:
            return
        progress, self._progress = self._progress, None
        shown = {name: progress[name] for name in ("progress", "note")}
        jobs.report_progress(job=self._job, **shown, **progress["details"])
        self._written_note = progress["note"]

    def _failed_without_message(self, exit_signal: int | None) -> Ended:
        if exit_signal == signal.SIGXCPU:
            return self._failed("time_limit")
        if exit_signal == signal.SIGKILL:
            return failed(
                "killed",
                f"The {self._job.noun} was killed, most likely because the machine ran out of memory.",
            )
        return failed("crashed", f"The {self._job.noun} stopped with an internal error.")

    def _failed(self, code: str, error: str = "") -> Ended:
        """Without an error, `code` names the limit that was exceeded."""
        limits = self._limits
        return failed(
            code,
            error
            or self._limits_exceeded[code].format(
                seconds=limits.seconds_max,
                memory_mb=limits.memory_bytes_max // 1_000_000,
                file_mb=limits.file_bytes_max // 1_000_000,
            ),
        )
