"""When housekeeping was done, and what came of it."""

from datetime import timedelta

from django.db import models
from django.utils import timezone

KEPT_FOR = timedelta(days=90)
GIVEN_UP_AFTER = timedelta(hours=2)  # without the end of a step: its worker was killed, and another begins


class HousekeepingQuerySet(models.QuerySet):
    def claim_day(self, day, by: str):
        """The row of this day, or None: one worker gets it, unless that one was killed."""
        found, is_new = self.get_or_create(day=day, defaults={"done_by": by})
        if is_new:
            return found
        if found.started_at > timezone.now() - GIVEN_UP_AFTER:
            return None
        return found if found.update_if_held(started_at=timezone.now(), done_by=by) else None

    def outdated(self):
        return self.filter(started_at__lt=timezone.now() - KEPT_FOR)


class Housekeeping(models.Model):
    """One round of housekeeping; that of a worker has the `day` that it is for."""

    day = models.DateField(null=True, unique=True)
    done_by = models.CharField(max_length=200, help_text="name of the worker, or the command")
    started_at = models.DateTimeField(default=timezone.now)  # while it runs, the end of its last step
    finished_at = models.DateTimeField(null=True)
    steps = models.JSONField(default=list, help_text="name, is_done, detail and seconds of each step")

    objects = HousekeepingQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-id"]
        verbose_name_plural = "housekeeping"

    def __str__(self):
        return f"{self.started_at:%Y-%m-%d %H:%M}"

    def update_if_held(self, **fields) -> bool:
        """False if another worker has taken the day over since this row was read or updated."""
        held = Housekeeping.objects.filter(pk=self.pk, finished_at=None, started_at=self.started_at)
        is_held = bool(held.update(**fields))
        if is_held:
            vars(self).update(fields)
        return is_held

    @property
    def failed_steps(self) -> list[str]:
        return [step["name"] for step in self.steps if not step["is_done"]]
