"""A file and its row cannot be written in one transaction, and a process can be killed between the two.

A file is registered before it is stored, and confirmed in the transaction that writes its row. Deleting the
row registers its file again in the same transaction. So a killed process leaves only registered files, which
`sweep` deletes. It deletes no other file, so an installation that was started with the wrong database, or
shares its storage with another one, loses nothing.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models.functions import Now

from mlmodels.models import KINDS, Batch, Dataset, PendingFile, TrainedModel, Upload
from mlplatform.core import storage
from mlplatform.core.errors import StorageUnavailable, Unavailable

AGE_MIN = timedelta(hours=1)
WORK_FILES = (".part", ".csv", ".model")


def register(*, name: str) -> None:
    """Records that the storage may hold a file of this name without a row."""
    PendingFile.objects.get_or_create(name=name)


def confirm(*, name: str) -> bool:
    """In the transaction that writes the file's row. False when `sweep` has given it up: write no row."""
    return bool(PendingFile.objects.filter(name=name, is_given_up=False).delete()[0])


def confirm_or_refuse(*, name: str) -> None:
    if not confirm(name=name):
        raise Unavailable("Storing the file took too long. Upload it again.")


def store_with_row(*, row, upload: BinaryIO, insert: Callable) -> None:
    """Stores the upload as `row.file`, then has `insert` write the row. If either fails, neither remains."""
    with ExitStack() as on_failure:
        name = row.file.field.upload_to(row, "")
        register(name=name)
        on_failure.callback(remove, name=name)
        upload.seek(0)  # not every storage does
        row.file.save("", storage.ReceivedFile(upload), save=False)
        insert(row)
        on_failure.pop_all()


def remove(*, name: str) -> None:
    """Deletes a registered file. If the storage cannot be used, a later sweep does it."""
    with suppress(StorageUnavailable):
        default_storage.delete(name)
        PendingFile.objects.filter(name=name).delete()


def remove_after_commit(*, name: str) -> None:
    """In the transaction that deletes the file's row."""
    register(name=name)
    transaction.on_commit(lambda: remove(name=name), robust=True)


def sweep() -> int:
    """Deletes what killed processes left: registered files, and files of workers. Returns how many."""
    old = PendingFile.objects.filter(registered_at__lt=Now() - left_over_age())
    return sum(map(_sweep, list(old))) + _sweep_work_folder()


def files_of_rows() -> list:
    """Pairs of rows and the field that names their file."""
    owners = (Dataset, "file"), (Upload, "file"), (TrainedModel, "file"), (Batch, "file"), (Batch, "answer")
    return [(owner.objects.all(), field) for owner, field in owners]


def left_over_age() -> timedelta:
    """How old a file without a row has to be: twice the longest run, at least an hour."""
    longest = timedelta(seconds=settings.TRAINING_TIME_LIMIT_SECONDS + settings.RUN_LEASE_SECONDS)
    return max(AGE_MIN, 2 * longest)


def work_folder() -> Path:
    """Where a worker and its child keep files during one training run, on the worker's own disk."""
    folder = Path(settings.DATA_DIR) / "work"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _sweep(pending: PendingFile) -> bool:
    """Asks the storage, which may be slow, outside of any transaction: others write meanwhile."""
    if not _give_up(pending):
        return False
    storage.delete_leftover(pending.name)
    return bool(PendingFile.objects.filter(pk=pending.pk).delete()[0])


@transaction.atomic
def _give_up(pending: PendingFile) -> bool:
    """Whether the file is left over. From then on nobody can confirm it.

    Locks the entry: whoever confirms it at this moment has done so, or finds it given up.
    """
    entry = PendingFile.objects.select_for_update().filter(pk=pending.pk)
    if not entry.exists():
        return False
    if any(rows.filter(**{field: pending.name}).exists() for rows, field in files_of_rows()):
        entry.delete()
        return False
    return bool(entry.update(is_given_up=True))


def _sweep_work_folder() -> int:
    old = [path for path in work_folder().iterdir() if path.suffix in WORK_FILES and _is_left_over(path)]
    open_jobs = (kind.objects.open().values_list("uuid", flat=True) for kind in (*KINDS, Upload))
    at_work = {str(uuid) for uuids in open_jobs for uuid in uuids}
    swept = [path for path in old if path.name.partition(".")[0] not in at_work]
    for path in swept:
        path.unlink(missing_ok=True)
    return len(swept)


def _is_left_over(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > left_over_age().total_seconds()
    except FileNotFoundError:  # its worker has just deleted it
        return False
