"""Everything that belongs to a user: exported as plain data, and erased when the account is closed."""

from collections.abc import Iterator

from billing import operations as billing
from mlmodels.models import Dataset, Prediction, TrainedModel, TrainingRun
from mlmodels.operations import runs
from mlmodels.operations.datasets import remove_with_file
from mlplatform.core.streaming import read_in_chunks
from mlplatform.core.transactions import atomic_with_retry


def what_would_be_erased(*, owner) -> dict[str, list[str] | int]:
    """What `erase_everything_of` deletes: names of datasets and models, and the number of other rows."""
    runs_of_owner = TrainingRun.objects.owned_by(owner)
    return {
        "datasets": list(Dataset.objects.owned_by(owner).values_list("name", flat=True)),
        "models": list(TrainedModel.objects.owned_by(owner).values_list("name", flat=True)),
        "runs_in_progress": runs_of_owner.open().count(),
        "runs": runs_of_owner.count(),
        "predictions": Prediction.objects.owned_by(owner).stored().count(),
    }


@atomic_with_retry
def erase_everything_of(*, owner) -> None:
    """Ends and refunds open runs, deletes datasets and models with their files, empties runs and predictions.

    The rows of runs and predictions stay, because the ledger refers to them. A worker that is still training
    finds that it no longer owns the run, and deletes its file.
    """
    billing.lock_account(account_id=owner.pk)
    still_open = TrainingRun.objects.open()
    for run in still_open.owned_by(owner):
        runs.end_without_model(run, still_open, TrainingRun.Status.CANCELLED, refund_reason="account removed")
    for row in (*TrainedModel.objects.owned_by(owner), *Dataset.objects.owned_by(owner)):
        remove_with_file(row)
    Prediction.objects.owned_by(owner).erase()
    TrainingRun.objects.owned_by(owner).erase()


def everything_of(*, owner) -> dict[str, Iterator[dict]]:
    """A user's datasets, training runs, models and predictions in plain data, newest first."""
    datasets = Dataset.objects.owned_by(owner).defer("first_rows", "dialect")
    models = TrainedModel.objects.owned_by(owner).for_lists()
    return {
        "datasets": _records(datasets, "name", "sha256", rows="row_count", columns="column_names"),
        "trainings": _records(TrainingRun.objects.owned_by(owner), "model_name", "target", "status", "error"),
        "models": _records(models, "name", "label", "algorithm", "metrics", target="target_name"),
        "predictions": _records(
            Prediction.objects.owned_by(owner).stored(), "model_name", "inputs", "output"
        ),
    }


def _records(rows, /, *names: str, **renamed: str) -> Iterator[dict]:
    """The fields `names` of each row, and those of `renamed` under another name."""
    fields = {**dict(zip(names, names, strict=True)), **renamed}
    for row in read_in_chunks(rows, by="-id"):
        record = {name: getattr(row, field) for name, field in fields.items()}
        yield {**record, "created_at": row.created_at.isoformat()}
