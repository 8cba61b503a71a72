"""What training runs and batches have in common. Their tables are the queues of the workers."""

from django.db import models
from django.db.models import OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from mlmodels.models.ownership import OwnedModel, OwnedQuerySet


class JobQuerySet(OwnedQuerySet):
    def open(self):
        return self.filter(status__in=Job.OPEN)

    def held_tokens(self):
        """The `tokens` paid for open jobs, and the `count` of these."""
        return self.open().aggregate(tokens=Sum("cost_tokens", default=0), count=models.Count("pk"))

    def held(self, attempt):
        """Running in this attempt: a worker that claimed the job later has a higher number."""
        return self.filter(status=Job.Status.RUNNING, attempt=attempt)

    def lapsed(self):
        """Running, but the worker has not extended its lease in time."""
        return self.filter(status=Job.Status.RUNNING, lease_until__lt=Now())

    def next_in_line(self):
        """Queued jobs in their order: first of owners with the fewest running, then the longest wait.

        By age alone, one user's three jobs would hold up everybody else's single job.
        """
        same_owner = self.model.objects.filter(owner=OuterRef("owner")).order_by().values("owner")
        running = same_owner.filter(status=Job.Status.RUNNING).annotate(n=models.Count("pk")).values("n")
        last_turn = same_owner.annotate(latest=models.Max("started_at")).values("latest")
        return (
            self.filter(status=Job.Status.QUEUED)
            .annotate(running_now=Coalesce(Subquery(running), 0), last_turn=Subquery(last_turn))
            .order_by("running_now", models.F("last_turn").asc(nulls_first=True), "created_at", "pk")
        )


class Job(OwnedModel):
    """Paid work that a worker carries out. Workers claim the row by a conditional UPDATE.

    A subclass says what it is called: `kind` in references of the ledger and in codes, `noun` in sentences,
    `charged_as` in reasons of the ledger. `result_name` has places for the uuid and the attempt: the name
    in the storage of what the attempt makes. `cleared_at_claim` is what an earlier attempt may have left.
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
    def place_in_line(self):
        """1 is next. Counted by age, since the real order changes while other jobs start and end."""
        older = type(self).objects.filter(status=self.Status.QUEUED, created_at__lt=self.created_at)
        return older.count() + 1

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
