"""Webhooks of users and their deliveries."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Min, Q
from django.utils import timezone

from mlmodels.limits import DELIVERIES_KEPT_DAYS
from mlmodels.models.ownership import OwnedModel, OwnedQuerySet
from mlplatform.core.outbound import URL_CHARACTERS_MAX

CLAIMED_FOR = timedelta(minutes=2)  # longer than an attempt can take


class Event(models.TextChoices):
    RUN_ENDED = "run.ended", "a training run has ended"
    BATCH_ENDED = "batch.ended", "a batch has ended"
    TEST = "test", "a test"


class Webhook(OwnedModel):
    """A URL of a user. The secret signs what is sent, so it is stored as it is."""

    CHOSEN_EVENTS = [Event.RUN_ENDED, Event.BATCH_ENDED]

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=URL_CHARACTERS_MAX)
    events = models.JSONField(help_text="names of the events that are sent")
    secret = models.CharField(max_length=100)

    objects = OwnedQuerySet.as_manager()

    def __str__(self):
        return self.url

    def wants(self, event: str) -> bool:
        return event in self.events


class WebhookDeliveryQuerySet(models.QuerySet):
    def due(self):
        """Still to be sent, and not being sent by a worker now."""
        return self.filter(status=WebhookDelivery.Status.PENDING, next_attempt_at__lte=timezone.now())

    def first_due_of_each_webhook(self, most: int):
        """Of those that have waited longest. One of each: a slow receiver does not hold up the others."""
        by_webhook = self.due().order_by().values("webhook")
        firsts = by_webhook.annotate(first=Min("pk"), since=Min("next_attempt_at")).order_by("since", "first")
        # Due still: a row that was claimed since would be taken for one that is free until then
        return self.due().filter(pk__in=list(firsts.values_list("first", flat=True)[:most]))

    def at_rest(self):
        """Ended, or waiting for an attempt that is further away than a claim moves it."""
        waiting = Q(next_attempt_at__gt=timezone.now() + CLAIMED_FOR)
        return self.filter(~Q(status=WebhookDelivery.Status.PENDING) | waiting)

    def newest_first(self):
        return self.order_by("-created_at", "-pk")

    def outdated(self):
        return self.filter(created_at__lt=timezone.now() - timedelta(days=DELIVERIES_KEPT_DAYS)).exclude(
            status=WebhookDelivery.Status.PENDING
        )


class WebhookDelivery(models.Model):
    """One event for one webhook, with every attempt to send it. Its uuid is the `webhook-id`."""

    class Status(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"

    uuid = models.UUIDField(unique=True, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=20, choices=Event.choices)
    reference = models.CharField(max_length=100, blank=True, help_text='what has ended, such as "run:…"')
    body = models.TextField(help_text="the JSON that is sent")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    attempts = models.JSONField(default=list, help_text="time, status or error, and seconds of each attempt")
    retries = models.PositiveSmallIntegerField(default=0, help_text="failed attempts since it became pending")
    next_attempt_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "webhook deliveries"
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=Q(status="pending"), name="webhook_delivery_pending"
            ),
            models.Index(fields=["webhook", "-created_at"], name="webhook_delivery_newest"),
        ]

    def __str__(self):
        return f"{self.event} {self.uuid}"

    @property
    def is_pending(self) -> bool:
        return self.status == self.Status.PENDING

    @property
    def is_at_rest(self) -> bool:
        """As `at_rest` says of rows in the database."""
        return not self.is_pending or self.next_attempt_at > timezone.now() + CLAIMED_FOR

    @property
    def last_attempt(self) -> dict | None:
        return self.attempts[-1] if self.attempts else None
