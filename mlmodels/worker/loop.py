"""The worker: claims the next run, carries it out, and recovers runs of lost workers."""

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
from mlmodels.models import TrainingRun, Worker
from mlmodels.operations import housekeeping, pending_files, runs
from mlmodels.operations.training import cancel_run
from mlmodels.worker.database import Heartbeat, retry
from mlmodels.worker.process import start_fork_server
from mlmodels.worker.supervision import carry_out
from mlplatform.core.origin import current_run

IDLE_SECONDS = 0.25
POLL_SECONDS = 0.3
DATABASE_RETRY_SECONDS = 1.0
FORGOTTEN_AFTER = timedelta(days=1)
SWEEP_SECONDS = 15 * 60

log = logging.getLogger(__name__)


class TrainingWorker:
    """Carries out one run at a time."""

    def __init__(self, name: str = ""):
        self.name = name or f"{socket.gethostname()}:{os.getpid()}"
        self.stopping = threading.Event()
        self._recover_at = self._sweep_at = self._keep_house_at = time.monotonic()

    def stop(self) -> None:
        """Hands the current run back to the queue; it starts from the beginning."""
        self.stopping.set()

    def work(self) -> None:
        """Returns after `stop`."""
        start_fork_server()
        with self._alive() as heartbeat:
            log.info("Waiting for training runs", extra={"fields": {"worker": self.name}})
            while not self.stopping.is_set():
                if not self._work_once(heartbeat):
                    self.stopping.wait(IDLE_SECONDS)
        log.info("Stopped", extra={"fields": {"worker": self.name}})

    def work_on(self, run: TrainingRun) -> bool:
        """Carries out this run, unless another worker has claimed it. Returns whether it did."""
        start_fork_server()
        with self._alive() as heartbeat:
            claimed = runs.claim_run(run_id=run.pk, worker=self.name)
            if claimed:
                carry_out(claimed, heartbeat, self.stopping)
        return claimed is not None

    def _work_once(self, heartbeat: Heartbeat) -> bool:
        """Returns whether there was a run. Waits if the database is unreachable."""
        try:
            self._recover_when_due()
            self._sweep_when_due()
            self.keep_house_when_due()
            run = runs.claim_next_run(worker=self.name)
            if run:
                with lines_of(run):
                    self._log("Training", run)
                    self._log(carry_out(run, heartbeat, self.stopping), run)
        except (OperationalError, InterfaceError) as error:
            log.warning("The database does not answer: %s", type(error).__name__)
            connection.close()
            self.stopping.wait(DATABASE_RETRY_SECONDS)
            return False
        return run is not None

    def _log(self, message: str, run: TrainingRun) -> None:
        log.info(message, extra={"fields": {"attempt": run.attempt, "worker": self.name}})

    def _recover_when_due(self) -> None:
        if time.monotonic() < self._recover_at:
            return
        recovered = runs.recover_runs()
        if any(recovered.values()):
            log.warning("Recovered runs of lost workers", extra={"fields": recovered})
        idempotency.prune()
        self._recover_at = time.monotonic() + settings.RUN_HEARTBEAT_SECONDS

    def _sweep_when_due(self) -> None:
        if time.monotonic() < self._sweep_at:
            return
        if swept := pending_files.sweep():
            log.warning("Removed leftover files of killed processes", extra={"fields": {"files": swept}})
        self._sweep_at = time.monotonic() + SWEEP_SECONDS

    def keep_house_when_due(self) -> threading.Thread | None:
        """In a thread that does not outlive the worker: verifying every model's file can take minutes."""
        if time.monotonic() < self._keep_house_at:
            return None
        self._keep_house_at = time.monotonic() + SWEEP_SECONDS
        thread = threading.Thread(target=self._keep_house, name="housekeeping", daemon=True)
        thread.start()
        return thread

    def _keep_house(self) -> None:
        try:
            if done := housekeeping.keep_house_daily(by=self.name):
                log.info("Housekeeping", extra={"fields": {"worker": self.name, "failed": done.failed_steps}})
        except (OperationalError, InterfaceError) as error:
            log.warning("The database does not answer housekeeping: %s", type(error).__name__)
        finally:
            connection.close()

    @contextmanager
    def _alive(self) -> Iterator[Heartbeat]:
        """Keeps a row in the table of workers. Rows of killed workers are deleted after a day."""
        retry(Worker.objects.filter(seen_at__lt=Now() - FORGOTTEN_AFTER).delete)
        try:
            with Heartbeat(self.name) as heartbeat:
                yield heartbeat
        finally:
            Worker.objects.filter(name=self.name).delete()


@contextmanager
def lines_of(run: TrainingRun) -> Iterator[None]:
    """Every line that is logged meanwhile carries the id of the run."""
    token = current_run.set(str(run.uuid))
    try:
        yield
    finally:
        current_run.reset(token)


def follow(run: TrainingRun, show: Callable[[float, str], None]) -> TrainingRun:
    """Waits for the run to end, and carries it out itself if no worker is alive.

    `show` is called with progress and note. Ctrl-C cancels the run.
    """
    worker, thread = TrainingWorker(), None
    try:
        while run.is_open:
            try:
                is_waiting = thread is None and run.status == TrainingRun.Status.QUEUED
                if is_waiting and not Worker.objects.alive().exists():
                    thread = threading.Thread(
                        target=_work_in_thread, args=(worker, run), name="inline-worker"
                    )
                    thread.start()
                time.sleep(POLL_SECONDS)
                run.refresh_from_db()
                show(run.progress, run.progress_note)
            except KeyboardInterrupt:
                run = cancel_run(run=run)
    finally:
        worker.stop()
        if thread:
            thread.join()
    return run


def _work_in_thread(worker: TrainingWorker, run: TrainingRun) -> None:
    worker.work_on(run)
    connection.close()
