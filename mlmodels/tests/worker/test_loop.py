"""What a worker does in its loop: from a CSV to a paid prediction, and what is due now and then."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.models import IdempotencyKey
from mlmodels.operations import predictions
from mlmodels.tests import factories
from mlmodels.worker.loop import JobWorker


@pytest.mark.django_db(transaction=True)
def test_a_table_becomes_a_model_and_the_model_a_paid_prediction(alice):
    model = factories.train_model(alice)

    answer = predictions.predict(
        owner=alice, model=model, features={"size": 100, "rooms": 2, "place": "city"}
    )

    assert answer.output["prediction"] == pytest.approx(130_000)
    assert model.metrics["r2_score"] == pytest.approx(1)
    alice.refresh_from_db()
    assert alice.token_balance == 15 - 1 - 5
    assert [entry.amount for entry in alice.ledger_entries.order_by("seq")] == [15, -1, -5]


@pytest.mark.django_db
def test_a_worker_forgets_idempotency_keys_of_the_day_before_yesterday(alice):
    for age in (timedelta(hours=23), timedelta(hours=25)):
        IdempotencyKey.objects.create(
            account=alice, endpoint="POST predict", key=str(age), created_at=timezone.now() - age
        )

    JobWorker("test")._recover_when_due()

    assert IdempotencyKey.objects.get().key == "23:00:00"
