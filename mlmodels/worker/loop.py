"""The worker: takes the next run, carries it out, and looks after runs whose workers were lost."""

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
from django.utils.module_loading import import_string

from billing import idempotency
from mlmodels.models import TrainingRun, Worker
from mlmodels.operations import pending_files, runs
from mlmodels.operations.training import cancel_run
from mlmodels.worker.database import Heartbeat, retry
from mlmodels.worker.process import start_fork_server
from mlmodels.worker.supervision import carry_out

IDLE_SECONDS = 0.25
POLL_SECONDS = 0.3
DATABASE_AWAY_SECONDS = 1.0
FORGOTTEN_AFTER = timedelta(days=1)
SWEEP_SECONDS = 15 * 60

log = logging.getLogger(__name__)


class TrainingWorker:
    """One training at a time. Run as many workers as there are cores to spare, on any number of machines."""

    def __init__(self, name: str = ""):
        self.name = name or f"{socket.gethostname()}:{os.getpid()}"
        self.stopping = threading.Event()
        self._recover_at = self._sweep_at = time.monotonic()

    def stop(self) -> None:
        """The run under way goes back to the queue; nothing of it is lost but its time."""
        self.stopping.set()

    def work(self) -> None:
        """Until `stop` is called."""
        start_fork_server()
        with self._alive() as heartbeat:
            while not self.stopping.is_set():
                if not self._work_once(heartbeat):
                    self.stopping.wait(IDLE_SECONDS)

    def work_on(self, run: TrainingRun) -> bool:
        """Carries out this one run, if no other worker has it."""
        start_fork_server()
        with self._alive() as heartbeat:
            claimed = runs.claim_run(run_id=run.pk, worker=self.name)
            if claimed:
                carry_out(claimed, heartbeat, self.stopping)
        return claimed is not None

    def _work_once(self, heartbeat: Heartbeat) -> bool:
        """Whether there was something to do. A database that is away is waited for."""
        try:
            self._recover_when_due()
            self._sweep_when_due()
            run = runs.claim_next_run(worker=self.name)
            if run:
                self._log("Training", run)
                self._log(carry_out(run, heartbeat, self.stopping), run)
        except (OperationalError, InterfaceError) as error:
            log.warning("The database does not answer: %s", type(error).__name__)
            connection.close()
            self.stopping.wait(DATABASE_AWAY_SECONDS)
            return False
        return run is not None

    def _log(self, message: str, run: TrainingRun) -> None:
        log.info(
            message, extra={"fields": {"run": str(run.uuid), "attempt": run.attempt, "worker": self.name}}
        )

    def _recover_when_due(self) -> None:
        if time.monotonic() < self._recover_at:
            return
        recovered = runs.recover_runs()
        if any(recovered.values()):
            log.warning("Took back runs whose worker was lost", extra={"fields": recovered})
        idempotency.prune()
        self._recover_at = time.monotonic() + settings.RUN_HEARTBEAT_SECONDS

    def _sweep_when_due(self) -> None:
        if time.monotonic() < self._sweep_at:
            return
        if swept := pending_files.sweep():
            log.warning("Removed files that killed processes left", extra={"fields": {"files": swept}})
        for path in settings.WORKER_HOUSEKEEPING:
            import_string(path)()
        self._sweep_at = time.monotonic() + SWEEP_SECONDS

    @contextmanager
    def _alive(self) -> Iterator[Heartbeat]:
        """While the worker is here its row says so; a worker that was killed is forgotten after a day."""
        retry(Worker.objects.filter(seen_at__lt=Now() - FORGOTTEN_AFTER).delete)
        try:
            with Heartbeat(self.name) as heartbeat:
                yield heartbeat
        finally:
            Worker.objects.filter(name=self.name).delete()


def follow(run: TrainingRun, show: Callable[[float, str], None]) -> TrainingRun:
    """The run once it has ended. `show` gets progress and note meanwhile; Ctrl-C cancels the run."""
    inline_worker = InlineWorker()
    try:
        while run.is_open:
            try:
                inline_worker.help_with(run)
                time.sleep(POLL_SECONDS)
                run.refresh_from_db()
                show(run.progress, run.progress_note)
            except KeyboardInterrupt:
                run = cancel_run(run=run)
    finally:
        inline_worker.close()
    return run


class InlineWorker:
    """A worker in a thread, for one run, which it takes as every worker does: claimed and leased."""

    def __init__(self):
        self._worker = TrainingWorker()
        self._thread = None

    def help_with(self, run: TrainingRun) -> None:
        is_waiting = run.status == TrainingRun.Status.QUEUED
        if self._thread is None and is_waiting and not Worker.objects.alive().exists():
            self._thread = threading.Thread(target=self._work_on, args=(run,), name="inline-worker")
            self._thread.start()

    def close(self) -> None:
        self._worker.stop()
        if self._thread:
            self._thread.join()

    def _work_on(self, run: TrainingRun) -> None:
        self._worker.work_on(run)
        connection.close()
