"""The thread of a worker that inspects large uploads, so that none waits for a training run to end."""

import logging
import subprocess
import threading
import time
from functools import partial

from django.db import InterfaceError, OperationalError, connection

from mlmodels.limits import INSPECTION_SECONDS_MAX
from mlmodels.models import Dataset, Upload
from mlmodels.operations import datasets, uploads
from mlmodels.operations.pending_files import work_folder
from mlmodels.worker.database import retry
from mlmodels.worker.threads import WorkerThread
from mlplatform.core import storage
from mlplatform.core.errors import DomainError, StorageUnavailable

REPORT_SECONDS = 1.0
STORAGE_RETRY_SECONDS = 5.0

log = logging.getLogger(__name__)


class InspectionThread(WorkerThread):
    """Inspects one upload at a time. What its end interrupts is queued again."""

    name = "uploads"

    def work_once(self) -> bool:
        upload = uploads.claim_next()
        if upload is None:
            return False
        _log("Started an inspection", upload)
        _log(f"Inspection {self._carry_out(upload)}", upload)
        return True

    def _carry_out(self, upload: Upload) -> str:
        """The outcome, in words for the log."""
        try:
            dataset, before = uploads.start_dataset(upload=upload)
            with Inspection(upload, dataset, before) as inspection:
                if not self._follow(inspection, upload):
                    return "lost"
            inspection.raise_error()
            return "succeeded" if retry(partial(uploads.finish, upload=upload, dataset=dataset)) else "lost"
        except (Stopped, StorageUnavailable) as reason:
            retry(partial(uploads.hand_back, upload=upload))
            self.stopped.wait(STORAGE_RETRY_SECONDS)
            return f"handed back: {type(reason).__name__}"
        except DomainError as refusal:
            retry(partial(uploads.fail, upload=upload, error=refusal.message, code=refusal.code))
            return f"failed: {refusal.code}"

    def _follow(self, inspection: "Inspection", upload: Upload) -> bool:
        """Reports the progress until the inspection ends. False when nobody waits for it any more."""
        deadline = time.monotonic() + INSPECTION_SECONDS_MAX
        while not inspection.has_ended(REPORT_SECONDS):
            if self.stopped.is_set():
                raise Stopped
            if time.monotonic() > deadline:
                raise DomainError(
                    f"The inspection took longer than {INSPECTION_SECONDS_MAX:,} seconds. Split the file.",
                    code="time_limit",
                )
            try:
                if not uploads.report_progress(upload=upload, progress=inspection.progress):
                    return False
            except (OperationalError, InterfaceError):  # the next report says who owns the upload
                connection.close()
        return True


class Stopped(Exception):
    """The worker is stopping, or the upload was deleted or is another worker's."""


class Inspection:
    """Fetches a file and has a process inspect it, in a thread that uses no database.

    A context manager: at its end the process is killed, if it is still there.
    """

    def __init__(self, upload: Upload, dataset: Dataset, before: Dataset | None):
        self.progress = 0.0
        self._upload, self._dataset, self._before = upload, dataset, before
        self._error: Exception | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inspection", daemon=True)

    def __enter__(self) -> "Inspection":
        self._thread.start()
        return self

    def __exit__(self, *exception) -> None:
        self._stopped.set()

    def has_ended(self, seconds: float) -> bool:
        """Waits so long for the end."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def raise_error(self) -> None:
        """Raises what the inspection has raised."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._inspect()
        except Exception as error:
            # It would end with this thread, unseen; `raise_error` raises it in the one that waits
            self._error = error

    def _inspect(self) -> None:
        upload = self._upload
        copy = work_folder() / f"{upload.uuid}.{upload.attempt}.csv"
        try:
            with (
                storage.local_copy(upload.file.name, copy=copy, sha256=upload.sha256) as path,
                open(path, "rb") as file,
            ):
                datasets.inspect(self._dataset, file, self._before, on_read=self._on_read)
        except FileNotFoundError:
            raise DomainError("The uploaded file is missing. Upload it again.", code="file_missing") from None
        except subprocess.CalledProcessError as crash:
            log.error("An inspection crashed with status %s", crash.returncode)
            raise DomainError("The inspection stopped with an internal error.", code="crashed") from None

    def _on_read(self, read: int) -> None:
        if self._stopped.is_set():
            raise Stopped
        self.progress = min(read / (datasets.PASSES_OVER_A_FILE * self._dataset.size_bytes), 1.0)


def _log(message: str, upload: Upload) -> None:
    log.info(message, extra={"fields": {"upload": str(upload.uuid), "attempt": upload.attempt}})
