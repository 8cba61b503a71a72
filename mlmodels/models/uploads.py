"""Large files that were uploaded and are not inspected yet."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q, Sum
from django.db.models.functions import Now
from django.utils import timezone

from mlmodels.limits import UPLOAD_KEPT_DAYS
from mlmodels.models.datasets import Dataset, dataset_path
from mlmodels.models.ownership import OwnedModel, OwnedQuerySet


class UploadQuerySet(OwnedQuerySet):
    def open(self):
        return self.filter(finished_at=None)

    def waiting(self):
        """Those that a worker may claim, the oldest first: queued, or their worker was lost."""
        is_claimable = Q(status=Upload.Status.QUEUED) | Q(lease_until__lt=Now())
        return self.open().filter(is_claimable).order_by("created_at", "pk")

    def without_dataset(self):
        """Those that are being inspected, and those that could not be."""
        return self.exclude(status=Upload.Status.SUCCEEDED)

    def held(self, attempt):
        """Running in this attempt: a worker that claimed the upload later has a higher number."""
        return self.filter(status=Upload.Status.RUNNING, attempt=attempt)

    def total_bytes(self):
        return self.aggregate(total=Sum("size_bytes", default=0))["total"]

    def outdated(self):
        return self.filter(finished_at__lt=timezone.now() - timedelta(days=UPLOAD_KEPT_DAYS))


class Upload(OwnedModel):
    """A file that becomes a dataset once a worker has inspected it. The dataset gets its uuid and its file.

    Files up to INSPECTED_AT_ONCE_MB become datasets within the request, and have no such row.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Inspecting"
        SUCCEEDED = "succeeded", "Done"
        FAILED = "failed", "Failed"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads")
    name = models.CharField(max_length=200, help_text="of the dataset")
    series = models.UUIDField(null=True, editable=False, help_text="of the dataset that it is a version of")
    file = models.FileField(upload_to=dataset_path, editable=False, blank=True)
    size_bytes = models.PositiveBigIntegerField(editable=False)
    sha256 = models.CharField(max_length=64, editable=False)
    # Where it stands
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0, help_text="goes up with every claim")
    lapses = models.PositiveSmallIntegerField(default=0, help_text="how many workers were lost over it")
    lease_until = models.DateTimeField(null=True, blank=True)
    progress = models.FloatField(default=0, help_text="0 to 1")
    started_at = models.DateTimeField(null=True, blank=True)
    # How it ended
    dataset = models.OneToOneField(
        Dataset, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="upload"
    )
    error = models.TextField(blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = UploadQuerySet.as_manager()

    class Meta(OwnedModel.Meta):
        indexes = [models.Index(fields=["created_at"], condition=Q(finished_at=None), name="upload_open")]

    def __str__(self):
        return f"{self.name} ({self.status})"

    @property
    def is_open(self):
        return self.finished_at is None

    @property
    def is_version(self):
        return self.series is not None
