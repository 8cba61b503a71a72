"""Datasets: a CSV file is inspected once, on upload, and stored with what was found in it."""

import io
from contextlib import ExitStack
from typing import BinaryIO

from django.conf import settings
from django.core.files import File
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing import operations as billing
from mlmodels.errors import DatasetInUse, RoomExceeded, UnknownColumn, UnknownSample
from mlmodels.learning import samples, tables
from mlmodels.limits import DATASET_BYTES_MAX, DATASET_NAME_CHARACTERS_MAX, DATASETS_MAX
from mlmodels.models import Dataset, TrainingRun, dataset_path
from mlmodels.operations import pending_files
from mlplatform.core.errors import InvalidInput, TooLarge, Unavailable
from mlplatform.core.files import sha256_of
from mlplatform.core.transactions import atomic_with_retry


def create_dataset(
    *, owner, name: str, upload: BinaryIO, sample: str = "", is_replaceable: bool = False
) -> Dataset:
    """Inspects the open, seekable file and stores it. If anything fails, neither row nor file remains.

    A dataset that `is_replaceable` may take the room that `make_room` can free, and is deleted when a later
    one needs its own.
    """
    size_bytes = upload.size if hasattr(upload, "size") else upload.seek(0, io.SEEK_END)
    if size_bytes > settings.MAX_UPLOAD_MB * 1_000_000:
        raise TooLarge(
            f"The file has {size_bytes / 1e6:,.1f} MB; at most {settings.MAX_UPLOAD_MB} MB are allowed."
        )
    dataset = Dataset(
        owner=owner,
        name=_clean_name(name),
        size_bytes=size_bytes,
        sample=sample,
        is_replaceable=is_replaceable,
    )
    _refuse_without_room(dataset)
    summary = tables.inspect(upload)
    dataset.sha256 = sha256_of(upload)
    dataset.row_count = summary.row_count
    dataset.dialect = summary.dialect
    dataset.columns = [column.to_dict() for column in summary.columns]
    dataset.target_guess = summary.to_dict()["target"]
    dataset.first_rows = summary.first_rows
    with ExitStack() as on_failure:
        file_name = dataset_path(dataset, "")
        pending_files.register(name=file_name)
        on_failure.callback(pending_files.remove, name=file_name)
        dataset.file.save("", File(upload, name="upload"), save=False)
        _insert(dataset)
        on_failure.pop_all()
    return dataset


def add_sample(*, owner, sample: str) -> Dataset:
    """The owner's copy of a sample dataset, created on the first request for it."""
    if sample not in samples.SAMPLES:
        raise UnknownSample(
            f"There is no sample called {sample!r:.60}. There are: {', '.join(samples.SAMPLES)}."
        )
    copies = Dataset.objects.owned_by(owner).filter(sample=sample)
    try:
        return copies.first() or create_dataset(
            owner=owner,
            name=samples.SAMPLES[sample].title,
            upload=io.BytesIO(samples.csv_bytes(sample)),
            sample=sample,
        )
    except IntegrityError:  # two requests at the same moment
        return copies.get()


@atomic_with_retry
def change_columns(*, dataset: Dataset, changes: dict[str, dict]) -> Dataset:
    """Overrides what the upload found: `{"zip": {"kind": "category", "use": True}}`. Runs keep theirs."""
    dataset = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
    columns = {column["name"]: column for column in dataset.columns}
    for name, change in changes.items():
        if name not in columns:
            raise UnknownColumn(f'There is no column "{name[:200]}" in this dataset.', field=name[:200])
        columns[name] = _changed(columns[name], change)
    if list(columns.values()) != dataset.columns:
        dataset.columns = list(columns.values())
        dataset.columns_changed_at = timezone.now()
        dataset.save(update_fields=["columns", "columns_changed_at"])
    return dataset


def what_depends_on(dataset: Dataset) -> dict[str, int]:
    """What a deletion would affect: models stay, but can no longer show their data."""
    return {"models": dataset.trained_models.count(), "open_runs": dataset.training_runs.open().count()}


@atomic_with_retry
def delete_dataset(*, dataset: Dataset) -> None:
    """Row first, then the file. Refused while a training run needs it."""
    billing.lock_account(account_id=dataset.owner_id)
    dataset = Dataset.objects.select_for_update().get(pk=dataset.pk)
    if dataset.training_runs.open().exists():
        raise DatasetInUse("A training run uses this dataset. Cancel it, or wait for it to end.")
    remove_with_file(dataset)


def make_room(*, owner) -> None:
    """Under the account's lock: deletes the oldest replaceable datasets until the limits are met."""
    kept = Dataset.objects.owned_by(owner)
    count, size_bytes = kept.count(), kept.total_bytes()
    if count <= DATASETS_MAX and size_bytes <= DATASET_BYTES_MAX:
        return
    for dataset in _replaceable(owner).order_by("created_at", "pk"):
        if count <= DATASETS_MAX and size_bytes <= DATASET_BYTES_MAX:
            return
        count, size_bytes = count - 1, size_bytes - dataset.size_bytes
        remove_with_file(dataset)


def remove_with_file(row) -> None:
    """In a transaction: deletes a row, and its file after the commit."""
    name = row.file.name
    row.delete()
    pending_files.register(name=name)
    transaction.on_commit(lambda: pending_files.remove(name=name), robust=True)


@atomic_with_retry
def _insert(dataset: Dataset) -> None:
    billing.hold_account(user=dataset.owner)
    _refuse_without_room(dataset)
    dataset.save(force_insert=True)
    if not pending_files.confirm(name=dataset.file.name):
        raise Unavailable("Storing the file took too long. Upload it again.")


def _clean_name(name: str) -> str:
    name = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if not name:
        raise InvalidInput("Give the dataset a name.", field="name")
    return name[:DATASET_NAME_CHARACTERS_MAX]


def _refuse_without_room(dataset: Dataset) -> None:
    kept = Dataset.objects.owned_by(dataset.owner)
    if dataset.is_replaceable:
        kept = kept.exclude(pk__in=_replaceable(dataset.owner))
    if kept.count() >= DATASETS_MAX:
        raise RoomExceeded(
            f"You have {DATASETS_MAX} datasets, the most allowed. Delete one you no longer need."
        )
    if kept.total_bytes() + dataset.size_bytes > DATASET_BYTES_MAX:
        raise RoomExceeded(
            f"Your datasets may take {DATASET_BYTES_MAX / 1e6:,.0f} MB together, and this file would exceed "
            "that. Delete one you no longer need."
        )


def _replaceable(owner):
    return Dataset.objects.owned_by(owner).replaceable().exclude(training_runs__in=TrainingRun.objects.open())


def _changed(column: dict, change: dict) -> dict:
    if unknown := set(change) - {"kind", "use"}:
        names = ", ".join(sorted(unknown))[:200]
        raise InvalidInput(f"Only kind and use of a column can be changed, not {names}.")
    if "kind" in change:
        column = tables.retype(tables.Column.from_dict(column), change["kind"]).to_dict()
    use = change.get("use", column["use"])
    if not isinstance(use, bool):
        raise InvalidInput("use must be true or false.", field="use")
    return {**column, "use": use}
