from datetime import timedelta

import pytest
from django.utils import timezone

from billing.models import IdempotencyKey
from mlmodels.worker.loop import JobWorker

pytestmark = pytest.mark.django_db


def test_a_worker_forgets_idempotency_keys_of_the_day_before_yesterday(alice):
    for age in (timedelta(hours=23), timedelta(hours=25)):
        IdempotencyKey.objects.create(
            account=alice, endpoint="POST predict", key=str(age), created_at=timezone.now() - age
        )

    JobWorker("test")._recover_when_due()

    assert IdempotencyKey.objects.get().key == "23:00:00"
