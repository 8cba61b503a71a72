"""Threads of a worker beside its jobs."""

import logging
import threading
from abc import ABC, abstractmethod

from django.db import InterfaceError, OperationalError, connection

IDLE_SECONDS = 1.0
RETRY_SECONDS = 5.0
STOP_SECONDS_MAX = 5.0

log = logging.getLogger(__name__)


class WorkerThread(ABC):
    """A context manager: works until it exits. `name` is what it is called in the log."""

    name: str

    def __init__(self):
        self.stopped = threading.Event()
        self._thread = threading.Thread(target=self._work_until_stopped, name=self.name, daemon=True)

    @abstractmethod
    def work_once(self) -> bool:
        """Returns whether there was something to do; ends soon after `stopped` is set."""

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception) -> None:
        self.stopped.set()
        self._thread.join(timeout=STOP_SECONDS_MAX)

    def _work_until_stopped(self) -> None:
        while not self.stopped.is_set():
            self.stopped.wait(self._pause_after_work())
        connection.close()

    def _pause_after_work(self) -> float:
        """In seconds."""
        try:
            return 0 if self.work_once() else IDLE_SECONDS
        except (OperationalError, InterfaceError) as error:
            log.warning("The database does not answer the %s: %s", self.name, type(error).__name__)
            connection.close()
        except Exception:
            # No bug in one piece of work may end the thread: nothing would be inspected or delivered until
            # the worker is started again. It is logged with its traceback.
            log.exception("The %s thread failed", self.name)
        return RETRY_SECONDS
