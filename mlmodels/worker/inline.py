"""For commands: follows a run to its end, and trains it in this process when no worker is alive to do it."""

import threading
import time
from collections.abc import Callable

from django.db import connection

from mlmodels.models import TrainingRun, Worker
from mlmodels.operations.training import cancel_run
from mlmodels.worker.loop import TrainingWorker

POLL_SECONDS = 0.3


def follow(run: TrainingRun, show: Callable[[float, str], None]) -> TrainingRun:
    """The run once it has ended. `show` gets progress and note meanwhile; Ctrl-C cancels the run."""
    stand_in = StandIn()
    try:
        while run.is_open:
            try:
                stand_in.help_with(run)
                time.sleep(POLL_SECONDS)
                run.refresh_from_db()
                show(run.progress, run.progress_note)
            except KeyboardInterrupt:
                run = cancel_run(run=run)
    finally:
        stand_in.close()
    return run


class StandIn:
    """A worker in a thread, for one run, which it takes as every worker does: claimed and leased."""

    def __init__(self):
        self._worker = TrainingWorker()
        self._thread = None

    def help_with(self, run: TrainingRun) -> None:
        is_waiting = run.status == TrainingRun.Status.QUEUED
        if self._thread is None and is_waiting and not Worker.objects.alive().exists():
            self._thread = threading.Thread(target=self._work_on, args=(run,), name="stand-in")
            self._thread.start()

    def close(self) -> None:
        self._worker.stop()
        if self._thread:
            self._thread.join()

    def _work_on(self, run: TrainingRun) -> None:
        self._worker.work_on(run)
        connection.close()
