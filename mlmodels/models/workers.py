"""Training workers."""

from datetime import timedelta

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from mlmodels.limits import WORKER_SILENT_SECONDS


class WorkerQuerySet(models.QuerySet):
    def alive(self):
        """Seen within WORKER_SILENT_SECONDS."""
        return self.filter(seen_at__gt=Now() - timedelta(seconds=WORKER_SILENT_SECONDS))


class Worker(models.Model):
    """A worker, and when it was last alive: /readyz needs one, and the commands ask."""

    name = models.CharField(max_length=200, unique=True)
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)

    objects = WorkerQuerySet.as_manager()

    class Meta:
        ordering = ["-seen_at"]

    def __str__(self):
        return self.name
