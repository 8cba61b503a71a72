"""Files of rows that were sent to a model."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Sum
from django.utils import timezone

from mlmodels.limits import BATCH_KEPT_DAYS, QUOTE_KEPT_HOURS
from mlmodels.models.jobs import Job, JobQuerySet, queue_indexes
from mlmodels.models.trained_models import LARGE_FIELDS, TrainedModel


def question_path(batch, filename):
    """Our own name: what a user calls a file never becomes a path."""
    return f"batches/{batch.uuid}.csv"


def answer_path(batch, filename):
    return f"batches/{filename}"


QUOTED = "quoted"
STATUSES = [(QUOTED, "Quoted"), *Job.Status.choices]


class BatchQuerySet(JobQuerySet):
    def quoted(self):
        """Those that nobody has started: they cost nothing yet."""
        return self.filter(status=Batch.QUOTED)

    def started(self):
        return self.exclude(status=Batch.QUOTED)

    def kept(self):
        """Those whose files have not been removed."""
        return self.filter(erased_at=None)

    def total_bytes(self):
        return self.aggregate(total=Sum(F("size_bytes") + F("answer_bytes"), default=0))["total"]

    def expired(self):
        """Ended ones whose files have been kept long enough."""
        before = timezone.now() - timedelta(days=BATCH_KEPT_DAYS)
        return self.kept().filter(finished_at__lt=before)

    def expired_quotes(self):
        return self.quoted().filter(created_at__lt=timezone.now() - timedelta(hours=QUOTE_KEPT_HOURS))

    def for_lists(self):
        """Without the fields that only a batch's own page shows."""
        of_model = [f"model__{field}" for field in (*LARGE_FIELDS, "target", "metrics")]
        return self.select_related("model").defer("reading", "faults", "first_rows", *of_model)

    def erase(self, **emptied):
        """Empties what describes the owner's data; the rows stay, because the ledger refers to them.

        A row keeps the name of its file, unless `emptied` has another.
        """
        emptied |= {
            "reading": {},
            "faults": [],
            "first_rows": [],
            "preview": [],
            "progress_note": "",
            "origin": {},
        }
        return self.update(file="", answer="", error="", erased_at=timezone.now(), **emptied)


class Batch(Job):
    """A CSV file sent to a model: quoted, then paid and predicted as a whole."""

    QUOTED = QUOTED
    kind, kind_plural, noun, charged_as = "batch", "batches", "batch", "batch"
    result_name = "batches/{uuid}.{attempt}.csv"
    cleared_at_claim = {"rows_done": 0}
    needed_by_worker = ["model", "owner"]

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="batches")
    model = models.ForeignKey(
        TrainedModel, on_delete=models.SET_NULL, null=True, blank=True, related_name="batches"
    )
    model_name = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=STATUSES, default=QUOTED)
    # The question
    name = models.CharField(max_length=200, help_text="of the file, as its owner calls it")
    file = models.FileField(upload_to=question_path, editable=False, blank=True)
    size_bytes = models.PositiveBigIntegerField(editable=False)
    sha256 = models.CharField(max_length=64, editable=False)
    reading = models.JSONField(editable=False, help_text="batches.Reading: how the file is read")
    row_count = models.PositiveIntegerField(editable=False)
    unreadable_rows = models.PositiveIntegerField(editable=False)
    faults = models.JSONField(editable=False, help_text="the first rows that cannot be read, and why")
    first_rows = models.JSONField(editable=False)
    threshold = models.FloatField(null=True, editable=False, help_text="of the model when it was started")
    # The answer
    rows_done = models.PositiveIntegerField(default=0, editable=False)
    rows_with_warnings = models.PositiveIntegerField(default=0, editable=False)
    preview = models.JSONField(default=list, editable=False, help_text="the first rows of the answer")
    answer = models.FileField(upload_to=answer_path, editable=False, blank=True)
    answer_bytes = models.PositiveBigIntegerField(default=0, editable=False)
    erased_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="when its files were removed"
    )

    objects = BatchQuerySet.as_manager()

    class Meta(Job.Meta):
        verbose_name_plural = "batches"
        indexes = [models.Index(fields=["status", "created_at"]), *queue_indexes("batch")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(status="succeeded") | Q(erased_at__isnull=False) | ~Q(answer=""),
                name="batch_succeeded_has_its_answer",
            ),
        ]

    @property
    def title(self):
        return self.name

    @property
    def is_quoted(self):
        return self.status == self.QUOTED

    @property
    def readable_rows(self):
        return self.row_count - self.unreadable_rows

    @property
    def has_answer(self):
        return bool(self.answer)

    @property
    def stem(self):
        return self.name.rpartition(".")[0] or self.name

    @property
    def answer_name(self):
        """Of the file that is downloaded."""
        return f"{self.stem} predicted.csv"

    @property
    def kept_until(self):
        return self.finished_at and self.finished_at + timedelta(days=BATCH_KEPT_DAYS)
