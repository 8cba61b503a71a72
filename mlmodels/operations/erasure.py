"""Everything that belongs to a user: exported as plain data, and erased when the account is closed."""

from collections.abc import Iterator
from contextlib import suppress

from billing import operations as billing
from mlmodels.models import (
    KINDS,
    Batch,
    Dataset,
    ModelAlias,
    ModelShare,
    OwnerPriority,
    Prediction,
    TrainedModel,
    TrainingRun,
    Upload,
    Webhook,
)
from mlmodels.operations import batches, jobs
from mlmodels.operations.datasets import remove_with_file
from mlmodels.operations.sharing import end_shares_with
from mlplatform.core.streaming import read_in_chunks
from mlplatform.core.transactions import atomic_with_retry


def what_would_be_erased(*, owner) -> dict[str, list[str] | int]:
    """What `erase_everything_of` deletes: names of datasets and models, and the number of other rows."""
    runs_of_owner, batches_of_owner = TrainingRun.objects.owned_by(owner), Batch.objects.owned_by(owner)
    return {
        "datasets": list(Dataset.objects.owned_by(owner).values_list("name", flat=True)),
        "models": list(TrainedModel.objects.owned_by(owner).values_list("name", flat=True)),
        "uploads": Upload.objects.owned_by(owner).without_dataset().count(),
        "runs_in_progress": runs_of_owner.open().count(),
        "runs": runs_of_owner.count(),
        "predictions": Prediction.objects.owned_by(owner).stored().count(),
        "batches_in_progress": batches_of_owner.open().count(),
        "batches": batches_of_owner.kept().count(),
        "webhooks": Webhook.objects.owned_by(owner).count(),
    }


@atomic_with_retry
def erase_everything_of(*, owner) -> None:
    """Ends and refunds open runs, deletes datasets and models with their files, empties runs and predictions.

    The rows of runs and predictions stay, because the ledger refers to them. A worker that is still training
    finds that it no longer owns the run, and deletes its file.
    """
    billing.lock_account(account_id=owner.pk)
    for kind in KINDS:
        still_open = kind.objects.open()
        for job in still_open.owned_by(owner):
            jobs.end_without_result(job, still_open, jobs.Status.CANCELLED, refund_reason="account removed")
    erase_batches_of(owner)
    for kind in (TrainedModel, Upload, Dataset):
        for row in kind.objects.owned_by(owner):
            remove_with_file(row)
    Prediction.objects.owned_by(owner).erase()
    TrainingRun.objects.owned_by(owner).erase()
    Webhook.objects.owned_by(owner).delete()
    OwnerPriority.objects.filter(owner=owner).delete()
    end_shares_with(account=owner)


def erase_batches_of(owner) -> None:
    of_owner = Batch.objects.owned_by(owner)
    for batch in of_owner:
        batches.erase_files(batch)
    of_owner.quoted().delete()
    of_owner.erase(name="erased", model_name="erased")


def everything_of(*, owner) -> dict[str, Iterator[dict]]:
    """What a user has here in plain data, newest first."""
    datasets, uploads = Dataset.objects.owned_by(owner), Upload.objects.owned_by(owner).without_dataset()
    return {
        "datasets": map(_dataset_record, read_in_chunks(datasets, by="-id")),
        "uploads": map(_upload_record, read_in_chunks(uploads, by="-id")),
        "trainings": _records(
            TrainingRun.objects.owned_by(owner), "model_name", "plan", "target", "status", "error", "origin"
        ),
        "models": map(_model_record, read_in_chunks(TrainedModel.objects.owned_by(owner), by="-id")),
        "shares": _records(
            ModelShare.objects.owned_by(owner).select_related("model"), "email", model="model_name"
        ),
        "webhooks": _records(Webhook.objects.owned_by(owner), "url", "events"),
        "predictions": _records(
            Prediction.objects.owned_by(owner).stored(), "model_name", "inputs", "output", "actual"
        ),
        "aliases": map(_alias_record, read_in_chunks(ModelAlias.objects.filter(owner=owner), by="-id")),
        "batches": map(_batch_record, read_in_chunks(Batch.objects.owned_by(owner), by="-id")),
    }


def files_of(*, owner) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The uploaded files and the results of batches, under their names in `everything_of`."""
    for dataset in read_in_chunks(Dataset.objects.owned_by(owner), by="-id"):
        yield dataset.file.name, _blocks_of(dataset.file)
    for upload in read_in_chunks(Upload.objects.owned_by(owner).open(), by="-id"):
        yield upload.file.name, _blocks_of(upload.file)
    for batch in read_in_chunks(Batch.objects.owned_by(owner), by="-id"):
        for file in filter(None, (batch.file, batch.answer)):
            yield file.name, _blocks_of(file)


def _blocks_of(file) -> Iterator[bytes]:
    """Nothing if the file was deleted while the export was read."""
    with suppress(FileNotFoundError), file.open("rb") as opened:
        yield from opened.chunks()


def _dataset_record(dataset: Dataset) -> dict:
    return {
        "name": dataset.name,
        "version": dataset.version,
        "changes": dataset.changes,
        "file": dataset.file.name,
        "sha256": dataset.sha256,
        "rows": dataset.row_count,
        "columns": [_column_record(column) for column in dataset.columns],
        "target": dataset.target_name,
        "evaluation": dataset.evaluation,
        "findings": dataset.findings,
        "created_at": dataset.created_at.isoformat(),
    }


def _upload_record(upload: Upload) -> dict:
    return {
        "name": upload.name,
        "file": upload.file.name,
        "size_bytes": upload.size_bytes,
        "sha256": upload.sha256,
        "status": upload.status,
        "error": upload.error,
        "created_at": upload.created_at.isoformat(),
    }


def _alias_record(alias: ModelAlias) -> dict:
    return {
        "name": alias.name,
        "model": alias.model.name,
        "history": [
            {"model": promotion.model_name, "promoted_at": promotion.promoted_at.isoformat()}
            for promotion in alias.promotions.all()
        ],
        "created_at": alias.created_at.isoformat(),
    }


def _model_record(model: TrainedModel) -> dict:
    fields = (
        "name",
        "label",
        "algorithm",
        "task",
        "parameters",
        "threshold",
        "metrics",
        "baseline",
        "report",
    )
    return {
        **{name: getattr(model, name) for name in fields},
        "target": model.target_name,
        "columns": [_column_record(column) for column in model.features],
        "created_at": model.created_at.isoformat(),
    }


def _batch_record(batch: Batch) -> dict:
    fields = ("name", "model_name", "sha256", "status", "error", "unreadable_rows", "faults", "cost_tokens")
    return {
        **{name: getattr(batch, name) for name in fields},
        "file": batch.file.name,
        "answer": batch.answer.name,
        "rows": batch.row_count,
        "preview": batch.preview,
        "origin": batch.origin,
        "created_at": batch.created_at.isoformat(),
    }


def _column_record(column: dict) -> dict:
    return {name: column.get(name) for name in ("name", "kind", "use", "reason", "profile")}


def _records(rows, *names: str, **renamed: str) -> Iterator[dict]:
    """The fields `names` of each row, and those of `renamed` under another name."""
    fields = {**dict(zip(names, names, strict=True)), **renamed}
    for row in read_in_chunks(rows, by="-id"):
        record = {name: getattr(row, field) for name, field in fields.items()}
        yield {**record, "created_at": row.created_at.isoformat()}
