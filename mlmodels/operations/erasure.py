"""What a user has here: all of it for an export, and none of it once the account is removed."""

from billing import operations as billing
from mlmodels.models import Dataset, Prediction, TrainedModel, TrainingRun
from mlmodels.operations import runs
from mlmodels.operations.datasets import remove_with_file
from mlplatform.core.streaming import read_in_chunks
from mlplatform.core.transactions import atomic_with_retry


@atomic_with_retry
def erase_everything_of(*, owner) -> None:
    """Ends and refunds open runs, deletes datasets and models with their files, empties runs and predictions.

    The ledger refers to runs and predictions, so that their rows stay. A worker that still trains one of the
    runs finds that it no longer owns it, and deletes what it made.
    """
    billing.lock_account(account_id=owner.pk)
    still_open = TrainingRun.objects.open()
    for run in still_open.owned_by(owner):
        runs.end_without_model(run, still_open, TrainingRun.Status.CANCELLED, refund_reason="account removed")
    for row in (*TrainedModel.objects.owned_by(owner), *Dataset.objects.owned_by(owner)):
        remove_with_file(row)
    Prediction.objects.owned_by(owner).erase()
    TrainingRun.objects.owned_by(owner).erase()


def everything_of(*, owner) -> dict:
    """A user's datasets, training runs, models and predictions in plain data, newest first."""
    return {
        "datasets": (
            {
                "name": dataset.name,
                "rows": dataset.row_count,
                "columns": dataset.column_names,
                "sha256": dataset.sha256,
                "created_at": dataset.created_at.isoformat(),
            }
            for dataset in read_in_chunks(owner.datasets.defer("first_rows", "dialect"), by="-id")
        ),
        "trainings": (
            {
                "model_name": run.model_name,
                "target": run.target,
                "status": run.status,
                "error": run.error,
                "created_at": run.created_at.isoformat(),
            }
            for run in read_in_chunks(owner.training_runs.all(), by="-id")
        ),
        "models": (
            {
                "name": model.name,
                "label": model.label,
                "algorithm": model.algorithm,
                "target": model.target["name"],
                "metrics": model.metrics,
                "created_at": model.created_at.isoformat(),
            }
            for model in read_in_chunks(owner.trained_models.for_lists(), by="-id")
        ),
        "predictions": (
            {
                "model_name": prediction.model_name,
                "inputs": prediction.inputs,
                "output": prediction.output,
                "created_at": prediction.created_at.isoformat(),
            }
            for prediction in read_in_chunks(owner.predictions.stored(), by="-id")
        ),
    }
