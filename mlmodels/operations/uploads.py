"""Large files are stored at once and inspected by a worker, which makes datasets of them. Nothing is charged.

As with jobs, every write is a conditional UPDATE on the attempt that owns the upload, so that a worker that
was taken for lost and comes back changes nothing.
"""

from datetime import timedelta
from typing import BinaryIO

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from billing import operations as billing
from mlmodels import errors
from mlmodels.limits import LAPSES_MAX, OPEN_UPLOADS_MAX
from mlmodels.models import Dataset, Upload
from mlmodels.operations import datasets, pending_files
from mlplatform.core.errors import NotFound
from mlplatform.core.files import sha256_of, size_of
from mlplatform.core.text import plural
from mlplatform.core.transactions import atomic_with_retry

Status = Upload.Status
QUEUED_AGAIN = {"status": Status.QUEUED, "lease_until": None, "progress": 0}


def receive_dataset(*, owner, name: str, upload: BinaryIO) -> Dataset | Upload:
    """A dataset; of a large file an upload, which a worker will inspect."""
    if _is_inspected_at_once(upload):
        return datasets.create_dataset(owner=owner, name=name, upload=upload)
    return _store(Upload(owner=owner, name=datasets.clean_name(name)), upload)


def receive_version(*, dataset: Dataset, upload: BinaryIO) -> Dataset | Upload:
    """The same for a newer file of a dataset."""
    if _is_inspected_at_once(upload):
        return datasets.create_version(dataset=dataset, upload=upload)
    before = dataset.newest
    coming = Upload(owner=before.owner, name=before.name, series=before.series, sha256=sha256_of(upload))
    datasets.refuse_unchanged(coming, before)
    return _store(coming, upload)


def _is_inspected_at_once(upload: BinaryIO) -> bool:
    return size_of(upload) <= settings.INSPECTED_AT_ONCE_MB * 1_000_000


def _store(coming: Upload, upload: BinaryIO) -> Upload:
    coming.size_bytes = size_of(upload)
    _refuse_too_many(coming)
    coming.sha256 = sha256_of(upload)
    pending_files.store_with_row(row=coming, upload=upload, insert=_insert)
    return coming


@atomic_with_retry
def _insert(coming: Upload) -> None:
    billing.hold_account(user=coming.owner)
    _refuse_too_many(coming)
    coming.save(force_insert=True)
    pending_files.confirm_or_refuse(name=coming.file.name)


def _refuse_too_many(coming: Upload) -> None:
    datasets.refuse_without_room(coming)
    if Upload.objects.owned_by(coming.owner).open().count() >= OPEN_UPLOADS_MAX:
        most = plural(OPEN_UPLOADS_MAX, "large file")
        raise errors.TooManyOpenUploads(f"You already have {most} being inspected. Wait for one to end.")


def claim_next() -> Upload | None:
    """The upload that has waited longest, now owned by this worker; None when there is none.

    One whose workers were lost twice fails.
    """
    for upload in Upload.objects.waiting():
        is_lost = upload.status == Status.RUNNING
        if is_lost and upload.lapses + 1 >= LAPSES_MAX:
            error = f"The inspection was interrupted {LAPSES_MAX} times. Upload the file again."
            _end_as_failed(upload, Upload.objects.waiting(), error=error, code="worker_lost")
        elif claimed := _claim(upload):
            return claimed
    return None


def _claim(upload: Upload) -> Upload | None:
    as_seen = Upload.objects.waiting().filter(pk=upload.pk, attempt=upload.attempt, status=upload.status)
    claimed = as_seen.update(
        status=Status.RUNNING,
        attempt=F("attempt") + 1,
        lapses=upload.lapses + (upload.status == Status.RUNNING),
        lease_until=_lease_end(),
        started_at=timezone.now(),
        progress=0,
    )
    return Upload.objects.select_related("owner").get(pk=upload.pk) if claimed else None


def start_dataset(*, upload: Upload) -> tuple[Dataset, Dataset | None]:
    """The dataset that the upload becomes, not inspected yet, and the version before it."""
    stored = {
        "uuid": upload.uuid,
        "file": upload.file.name,
        "sha256": upload.sha256,
        "size_bytes": upload.size_bytes,
    }
    if not upload.is_version:
        return Dataset(owner=upload.owner, name=upload.name, **stored), None
    before = Dataset.objects.filter(series=upload.series).order_by("-version").first()
    if before is None:
        raise NotFound("The dataset was deleted meanwhile.")
    return datasets.next_version(before, **stored), before


def report_progress(*, upload: Upload, progress: float) -> bool:
    """Extends the lease as well. False when the upload was deleted, or another worker owns it."""
    return bool(_held(upload).update(progress=progress, lease_until=_lease_end()))


@atomic_with_retry
def finish(*, upload: Upload, dataset: Dataset) -> bool:
    """Makes the inspected dataset, unless this attempt does not own the upload any more."""
    billing.lock_account(account_id=upload.owner_id)
    ended = _end(_held(upload), Status.SUCCEEDED, progress=1)
    if ended:
        datasets.write(dataset)
        Upload.objects.filter(pk=upload.pk).update(dataset=dataset)
    return ended


def fail(*, upload: Upload, error: str, code: str) -> bool:
    return _end_as_failed(upload, _held(upload), error=error, code=code)


def hand_back(*, upload: Upload) -> bool:
    """For a worker that has to stop, or cannot reach the file: without a lapse."""
    return bool(_held(upload).update(**QUEUED_AGAIN))


@atomic_with_retry
def delete_upload(*, upload: Upload) -> None:
    """Ends the inspection, if it goes on, and deletes the file. A dataset that came of it stays."""
    billing.lock_account(account_id=upload.owner_id)
    found = Upload.objects.select_for_update().filter(pk=upload.pk).first()
    if found is None:
        raise NotFound("This upload was just deleted.")
    datasets.remove_with_file(found)


def prune() -> int:
    """Deletes uploads that ended days ago. Their datasets stay."""
    return Upload.objects.outdated().delete()[0]


@atomic_with_retry
def _end_as_failed(upload: Upload, rows, *, error: str, code: str) -> bool:
    billing.lock_account(account_id=upload.owner_id)
    ended = _end(
        rows.filter(pk=upload.pk, attempt=upload.attempt), Status.FAILED, error=error, error_code=code
    )
    if ended:
        pending_files.remove_after_commit(name=upload.file.name)
    return ended


def _end(rows, status: str, **values) -> bool:
    """From now on the file belongs to the dataset, or is removed."""
    return bool(rows.update(status=status, file="", lease_until=None, finished_at=timezone.now(), **values))


def _held(upload: Upload):
    return Upload.objects.held(upload.attempt).filter(pk=upload.pk)


def _lease_end():
    return Now() + timedelta(seconds=settings.RUN_LEASE_SECONDS)
