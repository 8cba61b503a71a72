"""What a person leaves behind when the account is removed: nothing but rows that the ledger refers to."""

from django.db import transaction
from django.utils import timezone

from mlmodels.models import TrainingRun
from mlmodels.operations import training
from mlmodels.operations.datasets import remove_with_file


def erase_everything_of(*, owner) -> None:
    """Ends and refunds open runs, removes data sets and models with files, empties runs and predictions.

    A worker that is still at one of the runs finds that it no longer owns it, and removes what it made.
    """
    with transaction.atomic():
        for run in owner.training_runs.open().select_for_update():
            _end(run)
        for row in (*owner.trained_models.all(), *owner.datasets.all()):
            remove_with_file(row)
        owner.predictions.erase()
        owner.training_runs.erase()


def _end(run: TrainingRun) -> None:
    run.status = TrainingRun.Status.CANCELLED
    run.finished_at = timezone.now()
    run.lease_until = None
    run.save(update_fields=["status", "finished_at", "lease_until"])
    training.refund(run, "account removed")
