"""The worker's database calls: the heartbeat, and retries while the database is unreachable."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models.functions import Now

from mlmodels.models import Job, Worker
from mlmodels.operations import jobs

PAUSE_SECONDS = 1.0
PAUSE_SECONDS_MAX = 10.0
RETRY_SECONDS_MAX = 600

log = logging.getLogger(__name__)
Result = TypeVar("Result")


class Heartbeat:
    """Records from a thread that the worker is alive, and extends the lease of its job.

    A context manager. `has_lost_job` is set when another worker has taken the job.
    """

    def __init__(self, worker: str):
        self._worker = worker
        self._job: Job | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat_until_stopped, name="heartbeat", daemon=True)
        self.has_lost_job = threading.Event()

    def __enter__(self) -> "Heartbeat":
        self._beat()
        self._thread.start()
        return self

    def __exit__(self, *exception) -> None:
        self._stopped.set()
        self._thread.join()

    def keep(self, job: Job) -> None:
        self.has_lost_job.clear()
        self._job = job

    def let_go(self) -> None:
        self._job = None

    def _beat_until_stopped(self) -> None:
        while not self._stopped.wait(settings.RUN_HEARTBEAT_SECONDS):
            self._beat()
        connection.close()

    def _beat(self) -> None:
        """An unreachable database is tried again at the next beat, which finds out who holds the job."""
        try:
            Worker.objects.update_or_create(name=self._worker, defaults={"seen_at": Now()})
            job = self._job
            if job and not jobs.extend_lease(job=job) and job is self._job:
                self.has_lost_job.set()
        except (OperationalError, InterfaceError) as error:
            job = self._job
            fields = {"worker": self._worker, **({job.kind: str(job.uuid)} if job else {})}
            log.warning(
                "The database does not answer the heartbeat: %s",
                type(error).__name__,
                extra={"fields": fields},
            )
            connection.close()


def retry(
    call: Callable[[], Result],
    seconds: float = RETRY_SECONDS_MAX,
    stopping: threading.Event | None = None,
) -> Result:
    """Calls until the database answers, the time is up, or `stopping` is set.

    The call must be safe to repeat, since an answer can get lost.
    """
    deadline = time.monotonic() + seconds
    pause = PAUSE_SECONDS
    while True:
        try:
            return call()
        except (OperationalError, InterfaceError) as error:
            connection.close()
            if time.monotonic() + pause > deadline or (stopping and stopping.is_set()):
                raise
            log.warning(
                "The database does not answer; trying again in %.0f s: %s", pause, type(error).__name__
            )
        time.sleep(pause)
        pause = min(pause * 2, PAUSE_SECONDS_MAX)
