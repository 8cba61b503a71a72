"""Training runs, which are also the queue of the workers."""

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Concat, Now
from django.utils import timezone

from mlmodels.models.datasets import Dataset
from mlmodels.models.ownership import OwnedModel, OwnedQuerySet, remove_owner


class Task(models.TextChoices):
    REGRESSION = "regression", "predict a number"
    CLASSIFICATION = "classification", "predict a class"


class TrainingRunQuerySet(OwnedQuerySet):
    def open(self):
        return self.filter(status__in=TrainingRun.OPEN)

    def held_tokens(self):
        """The `tokens` paid for open runs, and how many `runs` those are."""
        return self.open().aggregate(tokens=Sum("cost_tokens", default=0), runs=models.Count("pk"))

    def held(self, attempt):
        """Running in this attempt: a worker that claimed the run later has a higher number."""
        return self.filter(status=TrainingRun.Status.RUNNING, attempt=attempt)

    def lapsed(self):
        """Running, but the worker has not extended its lease in time."""
        return self.filter(status=TrainingRun.Status.RUNNING, lease_until__lt=Now())

    def next_in_line(self):
        """Queued runs in their order: first of owners with the fewest running, then the longest wait.

        By age alone, one user's three runs would hold up everybody else's single run.
        """
        same_owner = TrainingRun.objects.filter(owner=OuterRef("owner")).order_by().values("owner")
        running = (
            same_owner.filter(status=TrainingRun.Status.RUNNING).annotate(n=models.Count("pk")).values("n")
        )
        last_turn = same_owner.annotate(latest=models.Max("started_at")).values("latest")
        return (
            self.filter(status=TrainingRun.Status.QUEUED)
            .annotate(running_now=Coalesce(Subquery(running), 0), last_turn=Subquery(last_turn))
            .order_by("running_now", models.F("last_turn").asc(nulls_first=True), "created_at", "pk")
        )

    def erase(self):
        """Empties what describes the owner's data; the rows stay, because the ledger refers to them."""
        return self.update(
            plan={},
            features=[],
            target_column={},
            target="",
            candidates=[],
            error="",
            progress_note="",
            origin={},
            model_name=Concat(Value("erased-"), models.F("pk"), output_field=models.CharField()),
        )


class TrainingRun(OwnedModel):
    """One paid attempt to train a model. Workers claim the row by a conditional UPDATE."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    OPEN = (Status.QUEUED, Status.RUNNING)

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="training_runs"
    )
    dataset = models.ForeignKey(
        Dataset, on_delete=models.SET_NULL, null=True, blank=True, related_name="training_runs"
    )
    repeats = models.ForeignKey(
        "mlmodels.TrainedModel",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="repetitions",
        help_text="the model that is trained again, which the new one is compared with",
    )
    # What to train
    plan = models.JSONField(help_text="trainers.TrainingPlan as a dictionary")
    algorithm = models.CharField(max_length=40)
    task = models.CharField(max_length=20, choices=Task.choices)
    target = models.CharField(max_length=200)
    features = models.JSONField(help_text="tables.Column dictionaries as they were when the run was started")
    target_column = models.JSONField(help_text="tables.Column of the target, likewise")
    is_search = models.BooleanField(default=False, help_text="a grid search by /api/train")
    model_name = models.CharField(max_length=200)
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
    candidates = models.JSONField(default=list, help_text="leaderboard so far")
    # How it ended
    error = models.TextField(blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    made_model_uuid = models.UUIDField(null=True, blank=True, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = TrainingRunQuerySet.as_manager()

    class Meta(OwnedModel.Meta):
        indexes = [models.Index(fields=["status", "created_at"])]
        constraints = [
            models.CheckConstraint(
                condition=~Q(status="succeeded") | Q(made_model_uuid__isnull=False),
                name="run_succeeded_made_a_model",
            ),
            models.UniqueConstraint(
                fields=["model_name"],
                condition=Q(status__in=["queued", "running"]),
                name="run_reserves_its_model_name",
            ),
        ]

    def __str__(self):
        return f"{self.title} ({self.status})"

    @property
    def title(self):
        """The name of the future model, without the number of its owner."""
        return remove_owner(self.model_name, self.owner_id)

    @property
    def split_column(self):
        """The tables.Column that the evaluation goes by, as a dictionary, where it is no feature."""
        by = self.plan.get("evaluation", {}).get("by")
        if by is None or any(column["name"] == by for column in self.features):
            return None
        return next((column for column in self.dataset.columns if column["name"] == by), None)

    @property
    def is_open(self):
        return self.status in self.OPEN

    @property
    def can_cancel(self):
        return self.is_open and self.cancel_requested_at is None

    @property
    def seconds_so_far(self):
        """From the start of the fit to its end, or to now; 0 while it waits."""
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
        """1 is next. Counted by age, since the real order changes while other runs start and end."""
        older = TrainingRun.objects.filter(status=self.Status.QUEUED, created_at__lt=self.created_at)
        return older.count() + 1

    @property
    def reference(self):
        return f"run:{self.uuid}"

    @property
    def charge_operation(self):
        return f"run:{self.uuid}:charge"
