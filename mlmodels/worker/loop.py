"""The worker: claims the next job, carries it out, and recovers jobs of lost workers."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models.functions import Now

from billing import idempotency
from mlmodels.models import Batch, Job, TrainingRun, Worker
from mlmodels.operations import housekeeping, jobs, pending_files
from mlmodels.worker import batches, trainings
from mlmodels.worker.database import Heartbeat, retry
from mlmodels.worker.deliveries import DeliveryThread
from mlmodels.worker.inspections import InspectionThread
from mlmodels.worker.process import start_fork_server
from mlmodels.worker.supervision import carry_out
from mlplatform.core.errors import StorageUnavailable
from mlplatform.core.origin import current_job

IDLE_SECONDS = 0.25
POLL_SECONDS = 0.3
DATABASE_RETRY_SECONDS = 1.0
FORGOTTEN_AFTER = timedelta(days=1)
SWEEP_SECONDS = 15 * 60

WORK = {TrainingRun: trainings.carry_out, Batch: batches.carry_out}

log = logging.getLogger(__name__)


class JobWorker:
    """Carries out one training run or batch at a time."""

    def __init__(self, name: str = ""):
        self.name = name or f"{socket.gethostname()}:{os.getpid()}"
        self.stopping = threading.Event()
        self._hand_back_at = 0.0
        self._recover_at = self._sweep_at = self._housekeeping_at = time.monotonic()

    def stop(self, *, drain_seconds: float = 0) -> None:
        """Claims nothing more. A job that has not ended within `drain_seconds` goes back to the queue."""
        self._hand_back_at = time.monotonic() + drain_seconds
        self.stopping.set()

    def must_hand_back(self) -> bool:
        return self.stopping.is_set() and time.monotonic() >= self._hand_back_at

    def work(self) -> None:
        """Returns after `stop`."""
        start_fork_server()
        with self._alive() as heartbeat, DeliveryThread(), InspectionThread():
            log.info("Waiting for jobs", extra={"fields": {"worker": self.name}})
            while not self.stopping.is_set():
                if not self._work_once(heartbeat):
                    self.stopping.wait(IDLE_SECONDS)
        log.info("Stopped", extra={"fields": {"worker": self.name}})

    def work_on(self, job: Job) -> bool:
        """Carries out this job, unless another worker has claimed it. Returns whether it did."""
        start_fork_server()
        with self._alive() as heartbeat:
            claimed = jobs.claim(job=job, worker=self.name)
            if claimed:
                self._carry_out(claimed, heartbeat)
        return claimed is not None

    def _work_once(self, heartbeat: Heartbeat) -> bool:
        """Returns whether there was a job. Waits if the database is unreachable."""
        try:
            self._recover_when_due()
            self._sweep_when_due()
            self.run_housekeeping_when_due()
            job = jobs.claim_next(worker=self.name)
            if job:
                with log_context(job):
                    self._log("Started", job)
                    self._log(self._carry_out(job, heartbeat), job)
        except (OperationalError, InterfaceError) as error:
            log.warning("The database does not answer: %s", type(error).__name__)
            connection.close()
            self.stopping.wait(DATABASE_RETRY_SECONDS)
            return False
        return job is not None

    def _carry_out(self, job: Job, heartbeat: Heartbeat) -> str:
        return carry_out(job, WORK[type(job)], heartbeat, self.must_hand_back)

    def _log(self, message: str, job: Job) -> None:
        log.info(message, extra={"fields": {"attempt": job.attempt, "worker": self.name}})

    def _recover_when_due(self) -> None:
        if time.monotonic() < self._recover_at:
            return
        recovered = jobs.recover()
        if any(recovered.values()):
            log.warning("Recovered jobs of lost workers", extra={"fields": recovered})
        idempotency.prune()
        self._recover_at = time.monotonic() + settings.RUN_HEARTBEAT_SECONDS

    def _sweep_when_due(self) -> None:
        if time.monotonic() < self._sweep_at:
            return
        self._sweep_at = time.monotonic() + SWEEP_SECONDS
        try:
            swept = pending_files.sweep()
        except StorageUnavailable as error:
            log.warning("The storage of files cannot be used: %s", error.reason)
            return
        if swept:
            log.warning("Removed leftover files of killed processes", extra={"fields": {"files": swept}})

    def run_housekeeping_when_due(self) -> threading.Thread | None:
        """In a thread that does not outlive the worker: verifying every model's file can take minutes."""
        if time.monotonic() < self._housekeeping_at:
            return None
        self._housekeeping_at = time.monotonic() + SWEEP_SECONDS
        thread = threading.Thread(target=self._run_housekeeping, name="housekeeping", daemon=True)
        thread.start()
        return thread

    def _run_housekeeping(self) -> None:
        try:
            if done := housekeeping.run_daily(by=self.name):
                log.info("Housekeeping", extra={"fields": {"worker": self.name, "failed": done.failed_steps}})
        except (OperationalError, InterfaceError) as error:
            log.warning("The database does not answer housekeeping: %s", type(error).__name__)
        finally:
            connection.close()

    @contextmanager
    def _alive(self) -> Iterator[Heartbeat]:
        """Keeps a row in the table of workers. Rows of killed workers are deleted after a day."""
        retry(Worker.objects.filter(seen_at__lt=Now() - FORGOTTEN_AFTER).delete, stopping=self.stopping)
        try:
            with Heartbeat(self.name) as heartbeat:
                yield heartbeat
        finally:
            Worker.objects.filter(name=self.name).delete()


@contextmanager
def log_context(job: Job) -> Iterator[None]:
    """Every line that is logged meanwhile carries the kind and the id of the job."""
    token = current_job.set({job.kind: str(job.uuid)})
    try:
        yield
    finally:
        current_job.reset(token)


def follow(job: Job, show: Callable[[float, str], None]) -> Job:
    """Waits for the job to end, and carries it out itself if no worker is alive.

    `show` is called with progress and note. Ctrl-C cancels the job.
    """
    worker, thread = JobWorker(), None
    try:
        while job.is_open:
            try:
                is_waiting = thread is None and job.status == Job.Status.QUEUED
                if is_waiting and not Worker.objects.alive().exists():
                    thread = threading.Thread(
                        target=_work_in_thread, args=(worker, job), name="inline-worker"
                    )
                    thread.start()
                time.sleep(POLL_SECONDS)
                job.refresh_from_db()
                show(job.progress, job.progress_note)
            except KeyboardInterrupt:
                job = jobs.cancel(job=job)
    finally:
        worker.stop()
        if thread:
            thread.join()
    return job


def _work_in_thread(worker: JobWorker, job: Job) -> None:
    worker.work_on(job)
    connection.close()
