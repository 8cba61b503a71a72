"""What training runs and batches have in common. Their tables are the queues of the workers."""

from django.db import models
from django.db.models import Q, Sum
from django.db.models.functions import Now
from django.utils import timezone

from mlmodels.models.ownership import OwnedModel, OwnedQuerySet


class JobQuerySet(OwnedQuerySet):
    def open(self):
        """In two terms instead of an IN: each has a partial index."""
        return self.filter(Q(status=Job.Status.QUEUED) | Q(status=Job.Status.RUNNING))

    def queued(self):
        return self.filter(status=Job.Status.QUEUED)

    def held_tokens(self):
        """The `tokens` paid for open jobs, and the `count` of these."""
        return self.open().aggregate(tokens=Sum("cost_tokens", default=0), count=models.Count("pk"))

    def held(self, attempt):
        """Running in this attempt: a worker that claimed the job later has a higher number."""
        return self.filter(status=Job.Status.RUNNING, attempt=attempt)

    def lapsed(self):
        """Running, but the worker has not extended its lease in time."""
        return self.filter(status=Job.Status.RUNNING, lease_until__lt=Now())

    def foremost_of(self, owner_id):
        """The queued job with which this owner is in line: by priority, then by age."""
        of_owner = self.queued().filter(owner=owner_id)
        return of_owner.order_by("-priority", "created_at", "pk").first()


def queue_indexes(table: str) -> list[models.Index]:
    """What the queue is read by: queued jobs by owner, running ones, and the last turn of each owner.

    Ended jobs are only in the last, of which one entry is read.
    """
    return [
        models.Index(
            fields=["owner", "-priority", "created_at"],
            condition=Q(status="queued"),
            name=f"{table}_queued",
        ),
        models.Index(fields=["owner"], condition=Q(status="running"), name=f"{table}_running"),
        models.Index(fields=["owner", "started_at"], name=f"{table}_last_turn"),
    ]


class Priority(models.IntegerChoices):
    LOW = -1, "low"
    NORMAL = 0, "normal"
    HIGH = 1, "high"


class Job(OwnedModel):
    """Paid work that a worker carries out. Workers claim the row by a conditional UPDATE.

    A subclass says what it is called: `kind` in references of the ledger and in codes, `noun` in sentences,
    `charged_as` in reasons of the ledger. `result_name` is the name in the storage of what an attempt
    makes, with places for uuid and attempt. `cleared_at_claim` is what an earlier attempt may have left.
    """

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    OPEN = (Status.QUEUED, Status.RUNNING)
    kind = kind_plural = noun = charged_as = result_name = ""
    cleared_at_claim = {}
    needed_by_worker = ["owner"]  # rows to read with it

    cost_tokens = models.PositiveIntegerField()
    origin = models.JSONField(
        default=dict, editable=False, help_text="what started it: mlplatform.core.origin"
    )
    # Where it stands
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    priority = models.SmallIntegerField(
        choices=Priority,
        default=Priority.NORMAL,
        db_default=Priority.NORMAL,
        help_text="in the queue; set by administrators",
    )
    attempt = models.PositiveSmallIntegerField(
        default=0, help_text="goes up with every claim; only the latest may write the end"
    )
    lapses = models.PositiveSmallIntegerField(default=0, help_text="how many workers were lost over it")
    worker = models.CharField(max_length=200, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    progress = models.FloatField(default=0, help_text="0 to 1")
    progress_note = models.CharField(max_length=200, blank=True)
    # How it ended
    error = models.TextField(blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta(OwnedModel.Meta):
        abstract = True

    def __str__(self):
        return f"{self.title} ({self.status})"

    @property
    def is_open(self):
        return self.status in self.OPEN

    @property
    def can_cancel(self):
        return self.is_open and self.cancel_requested_at is None

    @property
    def seconds_so_far(self):
        """From the start of the work to its end, or to now; 0 while it waits."""
        if self.started_at is None:
            return 0
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds()

    @property
    def seconds_to_go(self):
        """An estimate from the progress so far; None if there is too little of it."""
        if self.status != self.Status.RUNNING or self.progress < 0.05:
            return None
        return self.seconds_so_far * (1 - self.progress) / self.progress

    @property
    def is_queued(self):
        return self.status == self.Status.QUEUED

    @property
    def reference(self):
        return f"{self.kind}:{self.uuid}"

    @property
    def charge_operation(self):
        return f"{self.reference}:charge"

    def result_path(self, attempt):
        """Where the storage has what this attempt made.

        Each attempt has its own file, so a worker that was taken for lost overwrites nothing.
        """
        return self.result_name.format(uuid=self.uuid, attempt=attempt)
