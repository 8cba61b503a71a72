"""The thread of a worker that delivers webhooks, so that no job waits for a slow receiver."""

from concurrent.futures import ThreadPoolExecutor

from mlmodels.operations import deliveries
from mlmodels.worker.threads import WorkerThread


class DeliveryThread(WorkerThread):
    """Delivers what is due. A delivery that its end interrupts is retried."""

    name = "webhooks"

    def __init__(self):
        super().__init__()
        self._pool = ThreadPoolExecutor(deliveries.SENT_AT_ONCE, thread_name_prefix="webhook")

    def work_once(self) -> bool:
        return bool(deliveries.send_due(pool=self._pool))

    def __exit__(self, *exception) -> None:
        super().__exit__(*exception)
        self._pool.shutdown(wait=False)
