"""Webhooks: registering URLs, and queueing deliveries. A worker sends them: see `deliveries`."""

import base64
import json
import secrets
from datetime import timedelta
from uuid import uuid4

from django.conf import settings
from django.utils import timezone

from billing import operations as billing
from mlmodels.errors import DeliveryRefused, TooManyWebhooks
from mlmodels.limits import DELIVERY_ATTEMPTS_LOGGED_MAX, TEST_DELIVERIES_PER_HOUR_MAX, WEBHOOKS_MAX
from mlmodels.models import Job, Webhook, WebhookDelivery
from mlmodels.models.webhooks import Event
from mlplatform.core import outbound
from mlplatform.core.errors import InvalidInput, NotFound, TooManyRequests
from mlplatform.core.transactions import atomic_with_retry
from mlplatform.core.webhook_signatures import BEGINNING

SECRET_BYTES = 32


def create_webhook(*, owner, url: str, events: list[str]) -> Webhook:
    """Its `secret` is shown only now. An address within a private network is refused."""
    events = [event for event in Webhook.CHOSEN_EVENTS if event in events]
    if not events:
        raise InvalidInput("Choose at least one event.", field="events")
    _check_url(url.strip())
    secret = BEGINNING + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    return _add(owner, url=url.strip(), events=events, secret=secret)


@atomic_with_retry
def delete_webhook(*, webhook: Webhook) -> None:
    """With its deliveries. Under the account's lock, so that no job which ends meanwhile adds one to it."""
    billing.lock_account(account_id=webhook.owner_id)
    webhook.delete()


@atomic_with_retry
def send_test(*, webhook: Webhook) -> WebhookDelivery:
    """A delivery like those of events, sent by the worker at once."""
    billing.lock_account(account_id=webhook.owner_id)
    if not Webhook.objects.filter(pk=webhook.pk).exists():
        raise NotFound("This webhook was just deleted.")
    an_hour_ago = timezone.now() - timedelta(hours=1)
    of_owner = WebhookDelivery.objects.filter(webhook__owner_id=webhook.owner_id, event=Event.TEST)
    if of_owner.filter(created_at__gt=an_hour_ago).count() >= TEST_DELIVERIES_PER_HOUR_MAX:
        raise TooManyRequests(
            f"You can send {TEST_DELIVERIES_PER_HOUR_MAX} tests an hour.", retry_after_seconds=3600
        )
    return _enqueue([webhook], Event.TEST, "", {"webhook": str(webhook.uuid)})[0]


def deliver_again(*, delivery: WebhookDelivery) -> WebhookDelivery:
    """Sends the same body with the same id now, and retries as at first."""
    if len(delivery.attempts) >= DELIVERY_ATTEMPTS_LOGGED_MAX:
        raise DeliveryRefused(
            f"This delivery was attempted {DELIVERY_ATTEMPTS_LOGGED_MAX} times, the most allowed."
        )
    pending = {"status": WebhookDelivery.Status.PENDING, "next_attempt_at": timezone.now(), "retries": 0}
    if not WebhookDelivery.objects.filter(pk=delivery.pk).at_rest().update(**pending):
        raise DeliveryRefused("This delivery is being sent, or will be within two minutes.")
    for name, value in pending.items():
        setattr(delivery, name, value)
    return delivery


def announce_end(job: Job) -> None:
    """Queues a delivery about the end of the job for each webhook of its owner that has chosen the event.

    Call it in the transaction that ends the job, under the account's lock: both are committed, or neither.
    """
    event = Event(f"{job.kind}.ended")
    webhooks = [webhook for webhook in Webhook.objects.owned_by(job.owner_id) if webhook.wants(event)]
    if webhooks:
        job.refresh_from_db(fields=["status", "error", "error_code", "finished_at"])
        _enqueue(webhooks, event, job.reference, _facts_of(job))


def _facts_of(job: Job) -> dict:
    return {
        "id": str(job.uuid),
        "path": f"/api/v1/{job.kind_plural}/{job.uuid}",
        "status": job.status,
        "model_name": job.model_name,
        "error": job.error,
        "error_code": job.error_code,
        "finished_at": job.finished_at.isoformat(),
    }


def _check_url(url: str) -> None:
    """A name that has no address yet is fine: it is checked again before anything is sent."""
    try:
        outbound.find_target(url, allow_private=settings.WEBHOOKS_TO_PRIVATE_ADDRESSES)
    except outbound.Unreachable:
        return


@atomic_with_retry
def _add(owner, **values) -> Webhook:
    billing.hold_account(user=owner)  # creations at once count each other, and none outlives the account
    if Webhook.objects.owned_by(owner).count() >= WEBHOOKS_MAX:
        raise TooManyWebhooks(f"You have {WEBHOOKS_MAX} webhooks, the most allowed. Delete one first.")
    return Webhook.objects.create(owner=owner, **values)


def _enqueue(webhooks: list[Webhook], event: Event, reference: str, data: dict) -> list[WebhookDelivery]:
    body = json.dumps({"type": event, "timestamp": timezone.now().isoformat(), "data": data})
    return WebhookDelivery.objects.bulk_create(
        WebhookDelivery(uuid=uuid4(), webhook=webhook, event=event, reference=reference, body=body)
        for webhook in webhooks
    )
