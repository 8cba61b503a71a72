"""Datasets: a CSV is inspected once, when it arrives, and kept with what was found in it."""

import io
from contextlib import ExitStack, contextmanager
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
    """Inspects the open, seekable file and keeps it. Whatever fails, neither row nor file stays behind.

    A dataset that `is_replaceable` may exceed the room by what `make_room` can free, and makes room later.
    """
    size_bytes = upload.size if hasattr(upload, "size") else upload.seek(0, io.SEEK_END)
    if size_bytes > settings.MAX_UPLOAD_MB * 1_000_000:
        raise TooLarge(
            f"The file has {size_bytes / 1e6:,.1f} MB; at most {settings.MAX_UPLOAD_MB} MB are allowed."
        )
    dataset = Dataset(owner=owner, name=_clean_name(name), size_bytes=size_bytes, sample=sample)
    dataset.is_replaceable = is_replaceable
    _refuse_without_room(dataset)
    summary = tables.inspect(upload)
    dataset.sha256 = sha256_of(upload)
    dataset.row_count = summary.row_count
    dataset.dialect = summary.dialect
    dataset.columns = [column.to_dict() for column in summary.columns]
    dataset.target_guess = summary.to_dict()["target"]
    dataset.first_rows = summary.first_rows
    with _file_kept_only_with_its_row(dataset, upload):
        _insert(dataset)
    return dataset


def add_sample(*, owner, sample: str) -> Dataset:
    """The owner's copy of a sample set, made on the first request for it."""
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
    """Overrides what upload decided: `{"zip": {"kind": "category", "use": True}}`. Runs keep theirs."""
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
    """For the question before a deletion: models stay, and can no longer show their data."""
    return {"models": dataset.trained_models.count(), "open_runs": dataset.training_runs.open().count()}


@atomic_with_retry
def delete_dataset(*, dataset: Dataset) -> None:
    """Row first, then the file. Refused while a training waits for it or reads it."""
    billing.lock_account(account_id=dataset.owner_id)
    dataset = Dataset.objects.select_for_update().get(pk=dataset.pk)
    if dataset.training_runs.open().exists():
        raise DatasetInUse(
            "A training on this dataset is waiting or running. Cancel it, or wait for it to end."
        )
    remove_with_file(dataset)


def make_room(*, owner) -> None:
    """Under the account's lock: deletes the oldest replaceable datasets until the limits are kept."""
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
    """In a transaction: deletes a row that has a file; the file is deleted after the commit."""
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


@contextmanager
def _file_kept_only_with_its_row(dataset: Dataset, upload: BinaryIO):
    name = dataset_path(dataset, "upload")
    with ExitStack() as cleanup:
        pending_files.register(name=name)
        cleanup.callback(pending_files.remove, name=name)
        dataset.file.save("", File(upload, name="upload"), save=False)
        yield
        cleanup.pop_all()


def _changed(column: dict, change: dict) -> dict:
    if unknown := set(change) - {"kind", "use"}:
        raise InvalidInput(
            f"Of a column, kind and use can be changed, not {', '.join(sorted(unknown))[:200]}."
        )
    if "kind" in change:
        column = tables.retype(tables.Column.from_dict(column), change["kind"]).to_dict()
    if "use" in change and not isinstance(change["use"], bool):
        raise InvalidInput("use must be true or false.", field="use")
    return {**column, **({"use": change["use"]} if "use" in change else {})}
