"""Says at intervals that the worker lives and is at its run, from a thread of its own."""

import logging
import threading

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models.functions import Now

from mlmodels.models import TrainingRun, Worker
from mlmodels.operations import runs

log = logging.getLogger(__name__)


class Heartbeat:
    """A context manager. Extends the lease of the run to `keep`; `has_lost_run` tells when it is taken."""

    def __init__(self, worker: str):
        self._worker = worker
        self._run: TrainingRun | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat_until_stopped, name="heartbeat", daemon=True)
        self.has_lost_run = threading.Event()

    def __enter__(self) -> "Heartbeat":
        self._beat()
        self._thread.start()
        return self

    def __exit__(self, *exception) -> None:
        self._stopped.set()
        self._thread.join()

    def keep(self, run: TrainingRun) -> None:
        self.has_lost_run.clear()
        self._run = run

    def let_go(self) -> None:
        self._run = None

    def _beat_until_stopped(self) -> None:
        while not self._stopped.wait(settings.RUN_HEARTBEAT_SECONDS):
            self._beat()
        connection.close()

    def _beat(self) -> None:
        """A database that is away is asked again at the next beat; the row says who owns the run by then."""
        try:
            Worker.objects.update_or_create(name=self._worker, defaults={"seen_at": Now()})
            run = self._run
            if run and not runs.extend_lease(run=run) and run is self._run:
                self.has_lost_run.set()
        except (OperationalError, InterfaceError) as error:
            log.warning("The database does not answer the heartbeat: %s", type(error).__name__)
            connection.close()
