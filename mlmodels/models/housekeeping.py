"""When housekeeping was done, and what came of it."""

from datetime import timedelta

from django.db import models
from django.utils import timezone

KEPT_FOR = timedelta(days=90)
GIVEN_UP_AFTER = timedelta(hours=2)  # a worker that was killed meanwhile leaves its day to another


class HousekeepingQuerySet(models.QuerySet):
    def claim_day(self, day, by: str):
        """The row of this day, or None: one worker gets it, unless that one was killed."""
        fresh, is_new = self.get_or_create(day=day, defaults={"done_by": by})
        if is_new:
            return fresh
        given_up = self.filter(pk=fresh.pk, finished_at=None, started_at=fresh.started_at)
        if fresh.started_at > timezone.now() - GIVEN_UP_AFTER:
            return None
        taken_over = given_up.update(started_at=timezone.now(), done_by=by)
        return self.get(pk=fresh.pk) if taken_over else None

    def outdated(self):
        return self.filter(started_at__lt=timezone.now() - KEPT_FOR)


class Housekeeping(models.Model):
    """One round of housekeeping; that of a worker has the `day` that it is for."""

    day = models.DateField(null=True, unique=True)
    done_by = models.CharField(max_length=200, help_text="name of the worker, or the command")
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    steps = models.JSONField(default=list, help_text="name, is_done, detail and seconds of each step")

    objects = HousekeepingQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-id"]
        verbose_name_plural = "housekeeping"

    def __str__(self):
        return f"{self.started_at:%Y-%m-%d %H:%M}"

    @property
    def failed_steps(self) -> list[str]:
        return [step["name"] for step in self.steps if not step["is_done"]]
