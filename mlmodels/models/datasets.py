"""Uploaded CSV files."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery, Sum

from mlmodels.learning import doctor
from mlmodels.learning.tables import Column
from mlmodels.learning.tables.limits import HEADER_CHARACTERS_MAX
from mlmodels.models.ownership import OwnedModel, OwnedQuerySet, is_uuid


def dataset_path(dataset, filename):
    """Our own name: what a user calls a file never becomes a path."""
    return f"datasets/{dataset.uuid}.csv"


class DatasetQuerySet(OwnedQuerySet):
    def called(self, text):
        """The dataset with this id, and those of this name."""
        return self.filter(Q(name=text) | Q(uuid=text) if is_uuid(text) else Q(name=text))

    def newest_versions(self):
        newer = self.model.objects.filter(series=OuterRef("series"), version__gt=OuterRef("version"))
        return self.filter(~Exists(newer))

    def as_found(self):
        """Those whose columns are read as the upload found them, and not as an earlier version."""
        return self.filter(columns_changed_at=None, version=1)

    def replaceable(self):
        """Those that came with a training run over the API and were not edited since."""
        return self.as_found().filter(is_replaceable=True)

    def total_bytes(self):
        return self.aggregate(total=Sum("size_bytes", default=0))["total"]

    def for_lists(self):
        """Without the fields that only a dataset's own page shows; with the number of its models, of all
        versions."""
        versions = self.model.objects.filter(series=OuterRef("series")).order_by().values("series")
        count = versions.annotate(count=models.Count("trained_models")).values("count")
        large = ("first_rows", "dialect", "target_guess", "findings", "changes")
        return self.defer(*large).annotate(model_count=Subquery(count))

    def matching(self, text):
        return self.filter(name__icontains=text)


class Dataset(OwnedModel):
    """An uploaded CSV file, what was found in it, and how each column is read."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="datasets")
    name = models.CharField(max_length=200)
    file = models.FileField(upload_to=dataset_path, editable=False)
    size_bytes = models.PositiveBigIntegerField(editable=False)
    sha256 = models.CharField(max_length=64, editable=False)
    row_count = models.PositiveIntegerField(editable=False)
    dialect = models.JSONField(
        editable=False, help_text="encoding and separator, as tables.inspect found them"
    )
    columns = models.JSONField(editable=False, help_text="list of tables.Column as dictionaries")
    columns_changed_at = models.DateTimeField(
        null=True, editable=False, help_text="when a user last changed what was found in the file"
    )
    target_guess = models.JSONField(null=True, editable=False)
    target = models.CharField(
        max_length=HEADER_CHARACTERS_MAX,
        blank=True,
        editable=False,
        help_text="the column to predict, once a user chose it; the guess until then",
    )
    evaluation = models.JSONField(
        null=True, editable=False, help_text="how models are tested, once a user chose it: kind and by"
    )
    findings = models.JSONField(default=list, editable=False, help_text="what learning.doctor found")
    first_rows = models.JSONField(default=list, editable=False)
    is_replaceable = models.BooleanField(
        default=False, editable=False, help_text="deleted when a later upload over the API needs its room"
    )
    sample = models.CharField(max_length=40, blank=True, help_text="name of the sample set it came from")
    series = models.UUIDField(default=uuid.uuid4, editable=False, help_text="the same for all versions")
    version = models.PositiveIntegerField(default=1, editable=False)
    changes = models.JSONField(
        default=list, editable=False, help_text="tables.VersionChange: what is not as in the version before"
    )

    objects = DatasetQuerySet.as_manager()

    class Meta(OwnedModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "sample"], condition=~Q(sample=""), name="dataset_sample_once_per_owner"
            ),
            models.UniqueConstraint(fields=["series", "version"], name="dataset_version_once"),
        ]

    def __str__(self):
        return self.name

    @property
    def column_names(self):
        return [column["name"] for column in self.columns]

    @property
    def target_name(self):
        """The column to predict; None where no column can be."""
        return self.target or (self.target_guess["name"] if self.target_guess else None)

    @property
    def versions(self):
        """All of them that are left, the newest first."""
        return Dataset.objects.filter(series=self.series).order_by("-version")

    @property
    def newest(self):
        return self.versions.first()

    @property
    def default_evaluation(self):
        """How a model is tested unless its training run says otherwise: kind and by."""
        return doctor.evaluation_for(self.findings, self.evaluation)

    def column(self, name):
        """The tables.Column of this name."""
        return Column.from_dict(next(column for column in self.columns if column["name"] == name))
