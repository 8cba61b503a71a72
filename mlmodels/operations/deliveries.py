"""Sends the deliveries of webhooks, never inside a transaction, since a receiver may be slow.

A delivery is claimed by moving its next attempt into the future. If the worker is killed while it sends, the
attempt is due again then. So a receiver may get an event twice, with the same id.
"""

import time
from concurrent.futures import Executor
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from mlmodels.limits import DELIVERY_ATTEMPTS_LOGGED_MAX, DELIVERY_ATTEMPTS_MAX
from mlmodels.models import WebhookDelivery
from mlmodels.models.webhooks import CLAIMED_FOR
from mlplatform.core import outbound
from mlplatform.core.webhook_signatures import sign

SENT_AT_ONCE = 8
FIRST_PAUSE_SECONDS, PAUSE_FACTOR = 10, 6  # 10 s, 1 min, 6 min, 36 min, 3.6 h, 21.6 h
Status = WebhookDelivery.Status


def send_due(*, pool: Executor) -> int:
    """Sends what is due, one delivery of each webhook, and returns how many it tried."""
    claimed = _claim()
    for delivery, attempt in zip(claimed, pool.map(attempt_to_send, claimed), strict=True):
        record(delivery=delivery, attempt=attempt)
    return len(claimed)


def attempt_to_send(delivery: WebhookDelivery) -> dict:
    """When it was tried, the status of the response or the error, and how long it took. Uses no database."""
    started_at, started = timezone.now(), time.monotonic()
    status, error = None, ""
    try:
        status = _send(delivery)
    except (outbound.Unreachable, outbound.UrlRefused) as refusal:
        error = str(refusal)
    if status is not None and 300 <= status < 400:
        error = "Redirects are not followed."
    seconds = round(time.monotonic() - started, 2)
    return {"at": started_at.isoformat(), "status": status, "error": error, "seconds": seconds}


def record(*, delivery: WebhookDelivery, attempt: dict) -> None:
    """Stores the attempt, and when to try again, if at all."""
    is_delivered = attempt["status"] is not None and 200 <= attempt["status"] < 300
    retries = delivery.retries + 1
    if is_delivered:
        changes = {"status": Status.DELIVERED}
    elif retries >= DELIVERY_ATTEMPTS_MAX:
        changes = {"status": Status.FAILED, "retries": retries}
    else:
        pause = FIRST_PAUSE_SECONDS * PAUSE_FACTOR ** (retries - 1)
        changes = {"retries": retries, "next_attempt_at": timezone.now() + timedelta(seconds=pause)}
    attempts = [*delivery.attempts, attempt][-DELIVERY_ATTEMPTS_LOGGED_MAX:]
    WebhookDelivery.objects.filter(pk=delivery.pk, status=Status.PENDING).update(attempts=attempts, **changes)


def prune() -> int:
    """Deletes deliveries that ended long ago."""
    return WebhookDelivery.objects.outdated().delete()[0]


def _claim() -> list[WebhookDelivery]:
    """Each only if no other worker has claimed it meanwhile."""
    due = WebhookDelivery.objects.first_due_of_each_webhook(SENT_AT_ONCE).select_related("webhook")
    return [delivery for delivery in due if _is_mine(delivery)]


def _is_mine(delivery: WebhookDelivery) -> bool:
    unclaimed = WebhookDelivery.objects.filter(
        pk=delivery.pk, status=Status.PENDING, next_attempt_at=delivery.next_attempt_at
    )
    return bool(unclaimed.update(next_attempt_at=timezone.now() + CLAIMED_FOR))


def _send(delivery: WebhookDelivery) -> int:
    allow_private = settings.WEBHOOKS_TO_PRIVATE_ADDRESSES
    target = outbound.find_target(delivery.webhook.url, allow_private=allow_private)
    body, now = delivery.body.encode(), int(time.time())
    signature = sign(secret=delivery.webhook.secret, event_id=str(delivery.uuid), timestamp=now, body=body)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "mlplatform-webhooks",
        "webhook-id": str(delivery.uuid),
        "webhook-timestamp": str(now),
        "webhook-signature": signature,
    }
    return outbound.post(target, body, headers)
