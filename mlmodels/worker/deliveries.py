"""The thread of a worker that delivers webhooks, so that no job waits for a slow receiver."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from django.db import InterfaceError, OperationalError, connection

from mlmodels.operations import deliveries

IDLE_SECONDS = 1.0
DATABASE_RETRY_SECONDS = 5.0
STOP_SECONDS_MAX = 5.0

log = logging.getLogger(__name__)


class DeliveryThread:
    """A context manager: delivers what is due until it exits. A delivery that this interrupts is retried."""

    def __init__(self):
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._send_until_stopped, name="webhooks", daemon=True)

    def __enter__(self) -> "DeliveryThread":
        self._thread.start()
        return self

    def __exit__(self, *exception) -> None:
        self._stopped.set()
        self._thread.join(timeout=STOP_SECONDS_MAX)

    def _send_until_stopped(self) -> None:
        with ThreadPoolExecutor(deliveries.SENT_AT_ONCE, thread_name_prefix="webhook") as pool:
            while not self._stopped.is_set():
                self._stopped.wait(self._send(pool))
        connection.close()

    def _send(self, pool: ThreadPoolExecutor) -> float:
        """How many seconds to wait before the next round."""
        try:
            return 0 if deliveries.send_due(pool=pool) else IDLE_SECONDS
        except (OperationalError, InterfaceError) as error:
            log.warning("The database does not answer the webhooks: %s", type(error).__name__)
            connection.close()
            return DATABASE_RETRY_SECONDS
