"""Datasets: a CSV file is inspected once, on upload, and stored with what was found in it."""

import io
from contextlib import contextmanager
from copy import copy
from typing import BinaryIO

from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone

from billing import operations as billing
from mlmodels.errors import DatasetChanged, DatasetInUse, RoomExceeded, UnknownColumn, UnknownSample
from mlmodels.learning import doctor, samples, tables
from mlmodels.learning.apart import run_apart
from mlmodels.learning.tables.limits import SHOWN_CHARACTERS_MAX
from mlmodels.limits import DATASET_NAME_CHARACTERS_MAX, DATASETS_MAX
from mlmodels.models import Dataset, TrainingRun, Upload
from mlmodels.operations import pending_files
from mlplatform.core.errors import InvalidInput, NotFound, PreconditionFailed
from mlplatform.core.files import sha256_of, size_of
from mlplatform.core.transactions import atomic_with_retry

BLANKS_MAX = 50  # texts of one column
PASSES_TO_INSPECT = 3  # for the encoding, the kinds and the profile
PASSES_OVER_A_FILE = PASSES_TO_INSPECT + 1  # for the findings
CHANGE_ATTEMPTS = 5


def create_dataset(
    *, owner, name: str, upload: BinaryIO, sample: str = "", is_replaceable: bool = False
) -> Dataset:
    """Inspects the open, seekable file and stores it. If anything fails, neither row nor file remains.

    A dataset that `is_replaceable` may take the room that `make_room` can free, and is deleted when a later
    one needs its own.
    """
    dataset = Dataset(
        owner=owner,
        name=clean_name(name),
        size_bytes=size_of(upload),
        sample=sample,
        is_replaceable=is_replaceable,
    )
    refuse_without_room(dataset)
    dataset.sha256 = sha256_of(upload)
    inspect(dataset, upload)
    pending_files.store_with_row(row=dataset, upload=upload, insert=_insert)
    return dataset


def create_version(*, dataset: Dataset, upload: BinaryIO) -> Dataset:
    """A newer file of the dataset: kinds, use, target and evaluation are carried over where it allows that.

    `changes` of the new version says what did not stay as it was in the newest one before.
    """
    before = dataset.newest
    version = next_version(before)
    version.size_bytes = size_of(upload)
    refuse_without_room(version)
    version.sha256 = sha256_of(upload)
    refuse_unchanged(version, before)
    inspect(version, upload, before)
    pending_files.store_with_row(row=version, upload=upload, insert=_insert)
    return version


def next_version(before: Dataset, **fields) -> Dataset:
    """The one after the newest, without a file."""
    return Dataset(
        owner=before.owner, name=before.name, series=before.series, version=before.version + 1, **fields
    )


def inspect(dataset: Dataset, file: BinaryIO, before: Dataset | None = None, on_read=lambda read: None):
    """Fills in what the file says, and what is carried over from the version before.

    Uses no database. `on_read` gets the bytes read so far, of PASSES_OVER_A_FILE times all bytes.
    """
    summary = run_apart(tables.inspect, file, on_read=on_read)
    dataset.row_count = summary.row_count
    dataset.dialect = summary.dialect
    dataset.target_guess = summary.to_dict()["target"]
    dataset.first_rows = summary.first_rows
    columns = _carry_over(dataset, before, file, summary.columns) if before else summary.columns
    read_before = PASSES_TO_INSPECT * dataset.size_bytes
    _examine(dataset, file, columns, on_read=lambda read: on_read(read_before + read))


def _carry_over(
    version: Dataset, before: Dataset, file: BinaryIO, found: list[tables.Column]
) -> list[tables.Column]:
    columns, changes = run_apart(tables.carry_over, file, version.dialect, found, _columns_of(before))
    changes = [*changes, *_carry_over_choices(version, before, {column.name: column for column in columns})]
    version.changes = [change.to_dict() for change in changes]
    return columns


def refuse_unchanged(version: Dataset, before: Dataset) -> None:
    if version.sha256 == before.sha256:
        raise InvalidInput(f"This is the file of version {before.version}: nothing changed.", field="file")


def _carry_over_choices(version: Dataset, before: Dataset, columns: dict[str, tables.Column]):
    """The target, also if it was guessed, and the evaluation, where the columns that they name are there."""
    if before.target_name in columns:
        version.target = before.target_name
    elif before.target_name:
        what = f"{before.target_name}, the column to predict, is gone."
        yield tables.VersionChange(before.target_name, "target", what)
    by = (before.evaluation or {}).get("by")
    if by is None or by in columns:
        version.evaluation = before.evaluation
    else:
        what = f"Models were tested by {by}, which is gone: they are tested as the new file suggests."
        yield tables.VersionChange(by, "evaluation", what)


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


def change(
    *,
    dataset: Dataset,
    name: str | None = None,
    columns: dict[str, dict] | None = None,
    target: str | None = None,
    evaluation: dict | None = None,
    only_if_unchanged: bool = False,
) -> Dataset:
    """Overrides what the upload found: `{"zip": {"kind": "category", "use": True}}`. Runs keep theirs.

    `name` is for all versions. `columns` may change the kind, use, blanks (texts) and merge_spellings of
    each; `target` is the column to predict, `evaluation` how models are tested. A kind that does not fit the
    cells is refused. If one part is refused, nothing is changed. With `only_if_unchanged`, the change
    is refused if somebody has changed the dataset since `dataset` was read; without, it is made to what is
    stored.
    """
    changes = {name: _column_change(name, change) for name, change in (columns or {}).items()}
    for _ in range(CHANGE_ATTEMPTS):
        seen = dataset if only_if_unchanged else _still_there(Dataset.objects, dataset)
        changed = _changed(copy(seen), changes, target, evaluation)
        if name is not None:
            changed.name = clean_name(name)
        if _store_change(changed, seen, only_if_unchanged):
            return changed
        if only_if_unchanged:
            raise PreconditionFailed
    raise DatasetChanged("The dataset was changed at the same moment. Try again.")


def _changed(dataset: Dataset, changes, target: str | None, evaluation: dict | None) -> Dataset:
    if target is not None and target not in dataset.column_names:
        raise UnknownColumn(f'There is no column "{target[:200]}" in this dataset.', field="target")
    for name in changes:
        if name not in dataset.column_names:
            raise UnknownColumn(
                f'There is no column "{name[:200]}" in this dataset.', field=f"columns.{name[:200]}"
            )
    if evaluation is not None:
        dataset.evaluation = _clean_evaluation(evaluation, dataset)
    if changes or target is not None:
        dataset.target = target or dataset.target
        with dataset.file.open("rb") as file, _named_by_column():
            _examine(dataset, file, _columns_of(dataset), changes)
    dataset.findings = doctor.with_evaluation(dataset.findings, dataset.evaluation)
    return dataset


@contextmanager
def _named_by_column():
    """Names what is refused about a column by its place in the changes, such as columns.zip.kind."""
    try:
        yield
    except tables.TableRefused as refusal:
        if refusal.column is not None:
            place = f"columns.{refusal.column}"
            names = {name: f"{place}.{name}" for name in refusal.fields}
            refusal.fields = refusal.fields or {place: refusal.message}
            refusal.rename_fields(names)
        raise


@atomic_with_retry
def _store_change(changed: Dataset, seen: Dataset, only_if_unchanged: bool) -> bool:
    """False when somebody else has changed the dataset since it was seen."""
    stored = _still_there(Dataset.objects.select_for_update(no_key=True), seen)
    if _decisions(stored) != _decisions(seen) or (only_if_unchanged and stored.name != seen.name):
        return False
    if _decisions(changed) != _decisions(seen):
        changed.columns_changed_at = timezone.now()
        changed.save(update_fields=["columns", "columns_changed_at", "target", "evaluation", "findings"])
    if changed.name != seen.name:
        changed.versions.update(name=changed.name)
    return True


def _still_there(datasets, dataset: Dataset) -> Dataset:
    """As it is now. Another request may have deleted it since it was looked up."""
    found = datasets.filter(pk=dataset.pk).first()
    if found is None:
        raise NotFound("This dataset was just deleted.")
    return found


def _decisions(dataset: Dataset) -> tuple:
    return dataset.columns, dataset.target, dataset.evaluation


def examined(*, dataset: Dataset, target: str) -> Dataset:
    """The dataset as it is, or a copy that is not stored, examined for another target than its own."""
    if target == dataset.target_name:
        return dataset
    other = copy(dataset)
    other.target = target
    with other.file.open("rb") as file:
        _examine(other, file, _columns_of(other))
    return other


def _columns_of(dataset: Dataset) -> list[tables.Column]:
    return [tables.Column.from_dict(column) for column in dataset.columns]


def _examine(
    dataset: Dataset,
    file: BinaryIO,
    columns: list[tables.Column],
    changes: dict | None = None,
    on_read=lambda read: None,
) -> None:
    columns, findings = run_apart(
        doctor.change, file, dataset.dialect, columns, dataset.target_name, changes or {}, on_read=on_read
    )
    dataset.columns = [column.to_dict() for column in columns]
    dataset.findings = doctor.with_evaluation(findings, dataset.evaluation)


def what_depends_on(dataset: Dataset) -> dict[str, int]:
    """What a deletion would affect: models stay, but can no longer show their data."""
    return {"models": dataset.trained_models.count(), "open_runs": dataset.training_runs.open().count()}


@atomic_with_retry
def delete_dataset(*, dataset: Dataset) -> None:
    """Row first, then the file. Refused while a training run needs it."""
    billing.lock_account(account_id=dataset.owner_id)
    dataset = _still_there(Dataset.objects.select_for_update(), dataset)
    if dataset.training_runs.open().exists():
        raise DatasetInUse("A training run uses this dataset. Cancel it, or wait for it to end.")
    remove_with_file(dataset)


def make_room(*, owner) -> None:
    """Under the account's lock: deletes the oldest replaceable datasets until the limits are met."""
    kept = Dataset.objects.owned_by(owner)
    count, size_bytes = kept.count(), kept.total_bytes()
    if count <= DATASETS_MAX and size_bytes <= bytes_max():
        return
    for dataset in _replaceable(owner).order_by("created_at", "pk"):
        if count <= DATASETS_MAX and size_bytes <= bytes_max():
            return
        count, size_bytes = count - 1, size_bytes - dataset.size_bytes
        remove_with_file(dataset)


def bytes_max() -> int:
    """For all datasets of a user, and as many again for the user's batches with their answers."""
    return int(settings.USER_FILES_MB * 1_000_000)


def remove_with_file(row) -> None:
    """In a transaction: deletes a row, and its file, if it has one, after the commit."""
    name = row.file.name
    row.delete()
    if name:
        pending_files.remove_after_commit(name=name)


@atomic_with_retry
def _insert(dataset: Dataset) -> None:
    write(dataset)
    pending_files.confirm_or_refuse(name=dataset.file.name)


def write(dataset: Dataset) -> None:
    """In a transaction: the row of a stored file."""
    billing.hold_account(user=dataset.owner)
    refuse_without_room(dataset)
    if dataset.version > 1:
        _refuse_if_overtaken(dataset)
        dataset.versions.update(is_replaceable=False)
    dataset.save(force_insert=True)


def _refuse_if_overtaken(version: Dataset) -> None:
    newest = version.newest
    if newest is None:
        raise NotFound("This dataset was just deleted.")
    if newest.version != version.version - 1:
        raise DatasetChanged("Another version was uploaded or deleted at the same moment. Upload it again.")


def clean_name(name: str) -> str:
    name = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if not name:
        raise InvalidInput("Give the dataset a name.", field="name")
    return name[:DATASET_NAME_CHARACTERS_MAX]


def refuse_without_room(coming: Dataset | Upload) -> None:
    """Uploads that are not inspected yet take the room of datasets."""
    kept, uploads = Dataset.objects.owned_by(coming.owner), Upload.objects.owned_by(coming.owner).open()
    if getattr(coming, "is_replaceable", False):
        kept = kept.exclude(pk__in=_replaceable(coming.owner))
    if kept.count() + uploads.count() >= DATASETS_MAX:
        raise RoomExceeded(
            f"You have {DATASETS_MAX} datasets, the most allowed. Delete one you no longer need."
        )
    if kept.total_bytes() + uploads.total_bytes() + coming.size_bytes > bytes_max():
        raise RoomExceeded(
            f"Your datasets may take {settings.USER_FILES_MB:,} MB together, and this file would exceed "
            "that. Delete one you no longer need."
        )


def _replaceable(owner):
    return Dataset.objects.owned_by(owner).replaceable().exclude(training_runs__in=TrainingRun.objects.open())


def _column_change(column: str, change: dict) -> tables.ColumnChange:
    place = f"columns.{column[:200]}"
    if not isinstance(change, dict):
        raise InvalidInput('Send an object for each column, such as {"kind": "category"}.', field=place)
    if unknown := sorted(set(change) - set(tables.ColumnChange.__dataclass_fields__)):
        sentence = (
            "Kind, use, blanks and merge_spellings of a column can be changed, not "
            f"{', '.join(unknown)[:200]}."
        )
        raise InvalidInput(sentence, fields={f"{place}.{name[:200]}": sentence for name in unknown})
    for name in ("use", "merge_spellings"):
        if not isinstance(change.get(name, True), bool):
            raise InvalidInput(f"{name} must be true or false.", field=f"{place}.{name}")
    if not isinstance(change.get("kind"), str | None):
        raise InvalidInput("kind must be a text.", field=f"{place}.kind")
    blanks = change.get("blanks", [])
    if not isinstance(blanks, list) or not all(isinstance(text, str) for text in blanks):
        raise InvalidInput("blanks must be a list of texts.", field=f"{place}.blanks")
    if len(blanks) > BLANKS_MAX or max(map(len, blanks), default=0) > SHOWN_CHARACTERS_MAX:
        raise InvalidInput(
            f"At most {BLANKS_MAX} texts of up to {SHOWN_CHARACTERS_MAX} characters can be read as blank.",
            field=f"{place}.blanks",
        )
    return tables.ColumnChange(**change)


def _clean_evaluation(evaluation: dict, dataset: Dataset) -> dict:
    if unknown := sorted(set(evaluation) - {"kind", "by"}):
        raise InvalidInput(
            f"The evaluation of a dataset has kind and by alone, not {', '.join(unknown)[:200]}.",
            field="evaluation",
        )
    kind, by = evaluation.get("kind"), evaluation.get("by")
    needs_column = kind in ("time", "group")
    if kind not in ("hold_out", "k_fold") and not (needs_column and by in dataset.column_names):
        raise InvalidInput(
            "An evaluation is hold_out, k_fold, or time or group by a column of the dataset.",
            field="evaluation",
        )
    return {"kind": kind, "by": by} if needs_column else {"kind": kind}
