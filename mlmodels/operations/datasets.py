"""Datasets: a CSV is inspected once, when it arrives, and kept with what was found in it."""

import hashlib
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
from mlmodels.limits import DATASET_BYTES_MAX, DATASETS_MAX
from mlmodels.models import Dataset, dataset_path
from mlmodels.operations import pending_files
from mlplatform.core.errors import InvalidInput, TooLarge, Unavailable

CHUNK_BYTES = 1 << 20
CHANGEABLE = {"kind", "use"}


def create_dataset(*, owner, name: str, upload: BinaryIO, sample: str = "") -> Dataset:
    """Inspects the open file and keeps it. Whatever fails, neither row nor file stays behind.

    `upload` is seekable; its `size` is asked for when it has one, as uploads do.
    """
    size_bytes = _size(upload)
    if size_bytes > settings.MAX_UPLOAD_MB * 1_000_000:
        raise TooLarge(
            f"The file has {size_bytes / 1e6:,.1f} MB; at most {settings.MAX_UPLOAD_MB} MB are taken."
        )
    _refuse_without_room(owner, size_bytes)
    summary = tables.inspect(upload)
    dataset = Dataset(
        owner=owner,
        name=_clean_name(name),
        size_bytes=size_bytes,
        sha256=_sha256(upload),
        row_count=summary.row_count,
        dialect=summary.dialect,
        columns=[column.to_dict() for column in summary.columns],
        target_guess=summary.to_dict()["target"],
        first_rows=summary.first_rows,
        sample=sample,
    )
    with _file_kept_only_with_its_row(dataset, upload), transaction.atomic():
        billing.hold_account(user=owner)
        _refuse_without_room(owner, size_bytes)
        dataset.save(force_insert=True)
        _claim_file(dataset)
    return dataset


def add_sample(*, owner, sample: str) -> Dataset:
    """The owner's copy of a sample set, made the first time it is asked for."""
    if sample not in samples.SAMPLES:
        raise UnknownSample(
            f"There is no sample called {sample!r:.60}. There are: {', '.join(samples.SAMPLES)}."
        )
    copies = owner.datasets.filter(sample=sample)
    try:
        return copies.first() or create_dataset(
            owner=owner,
            name=samples.SAMPLES[sample].title,
            upload=io.BytesIO(samples.csv_bytes(sample)),
            sample=sample,
        )
    except IntegrityError:  # asked for twice at the same moment
        return copies.get()


def change_columns(*, dataset: Dataset, changes: dict[str, dict]) -> Dataset:
    """Overrides what upload decided: `{"zip": {"kind": "category", "use": True}}`. Runs keep theirs."""
    with transaction.atomic():
        dataset = Dataset.objects.select_for_update().get(pk=dataset.pk)
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
    """What to tell before a dataset goes: its models stay, and can no longer show their data."""
    return {"models": dataset.trained_models.count(), "open_runs": dataset.training_runs.open().count()}


def delete_dataset(*, dataset: Dataset) -> None:
    """Row first, then the file. Refused while a training waits for it or reads it."""
    with transaction.atomic():
        dataset = Dataset.objects.select_for_update().get(pk=dataset.pk)
        if dataset.training_runs.open().exists():
            raise DatasetInUse(
                "A training on this dataset is waiting or running. Cancel it, or wait for it to end."
            )
        remove_with_file(dataset)


def remove_with_file(row) -> None:
    """In a transaction: deletes a row that has a file; the file goes once the row is gone for good."""
    name = row.file.name
    row.delete()
    pending_files.register(name=name)
    transaction.on_commit(lambda: pending_files.remove(name=name), robust=True)


def _size(upload: BinaryIO) -> int:
    return upload.size if hasattr(upload, "size") else upload.seek(0, io.SEEK_END)


def _clean_name(name: str) -> str:
    name = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if not name:
        raise InvalidInput("Give the dataset a name.", field="name")
    return name[:200]


def _sha256(upload: BinaryIO) -> str:
    upload.seek(0)
    digest = hashlib.sha256()
    while chunk := upload.read(CHUNK_BYTES):
        digest.update(chunk)
    upload.seek(0)
    return digest.hexdigest()


def _refuse_without_room(owner, size_bytes: int) -> None:
    if owner.datasets.count() >= DATASETS_MAX:
        raise RoomExceeded(
            f"You have {DATASETS_MAX} datasets, which is the most. Delete one that you no longer need."
        )
    if owner.datasets.total_bytes() + size_bytes > DATASET_BYTES_MAX:
        raise RoomExceeded(
            f"Your datasets may take {DATASET_BYTES_MAX / 1e6:,.0f} MB together, and this file would exceed "
            "that. Delete one that you no longer need."
        )


@contextmanager
def _file_kept_only_with_its_row(dataset: Dataset, upload: BinaryIO):
    name = dataset_path(dataset, "upload")
    with ExitStack() as cleanup:
        pending_files.register(name=name)
        cleanup.callback(pending_files.remove, name=name)
        dataset.file.save("", File(upload, name="upload"), save=False)
        yield
        cleanup.pop_all()


def _claim_file(dataset: Dataset) -> None:
    if not pending_files.confirm(name=dataset.file.name):
        raise Unavailable("Keeping the file took too long. Upload it again.")


def _changed(column: dict, change: dict) -> dict:
    unknown = set(change) - CHANGEABLE
    if unknown:
        raise InvalidInput(
            f"Of a column, kind and use can be changed, not {', '.join(sorted(unknown))[:200]}."
        )
    if "kind" in change:
        column = tables.retype(tables.Column.from_dict(column), change["kind"]).to_dict()
    if "use" in change and not isinstance(change["use"], bool):
        raise InvalidInput("use must be true or false.", field="use")
    return {**column, **({"use": change["use"]} if "use" in change else {})}
