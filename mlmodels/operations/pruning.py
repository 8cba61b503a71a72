"""Forgetting what was asked and answered long ago. The rows stay, since the ledger refers to them."""

from collections.abc import Callable
from datetime import datetime

from mlmodels.models import Prediction

BATCH_ROWS = 1000


def prunable_predictions(*, before: datetime, owner=None):
    """Predictions made before that moment that still have their contents; without `owner` of everybody."""
    predictions = owner.predictions if owner else Prediction.objects
    return predictions.stored().filter(created_at__lt=before)


def prune_predictions(
    *, before: datetime, owner=None, on_progress: Callable[[int], None] = lambda erased: None
) -> int:
    """Erases their contents and answers how many. Each batch is final: it can be stopped and repeated."""
    predictions = prunable_predictions(before=before, owner=owner).order_by("pk")
    erased = last = 0
    while batch := list(predictions.filter(pk__gt=last).values_list("pk", flat=True)[:BATCH_ROWS]):
        erased += Prediction.objects.filter(pk__in=batch).erase()
        last = batch[-1]
        on_progress(erased)
    return erased
