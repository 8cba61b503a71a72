"""What a person leaves behind when the account is removed: nothing but rows that the ledger refers to."""

from django.db import transaction
from django.utils import timezone

from mlmodels.models import TrainingRun
from mlmodels.operations import training
from mlmodels.operations.datasets import remove_with_file
from mlplatform.core.streaming import read_in_chunks


def erase_everything_of(*, owner) -> None:
    """Ends and refunds open runs, removes datasets and models with files, empties runs and predictions.

    A worker that is still at one of the runs finds that it no longer owns it, and removes what it made.
    """
    with transaction.atomic():
        for run in owner.training_runs.open().select_for_update():
            _end(run)
        for row in (*owner.trained_models.all(), *owner.datasets.all()):
            remove_with_file(row)
        owner.predictions.erase()
        owner.training_runs.erase()


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


def _end(run: TrainingRun) -> None:
    run.status = TrainingRun.Status.CANCELLED
    run.finished_at = timezone.now()
    run.lease_until = None
    run.save(update_fields=["status", "finished_at", "lease_until"])
    training.refund(run, "account removed")
