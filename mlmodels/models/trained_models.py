"""What a training makes."""

import uuid

from django.conf import settings
from django.db import connection, models
from django.db.models import Q
from django.utils import timezone

from mlmodels.learning.tables.columns import Column, blank_words_sentence
from mlmodels.models.datasets import Dataset, is_uuid
from mlmodels.models.ownership import OwnedQuerySet, remove_owner
from mlmodels.models.training_runs import Task, TrainingRun

# Written out: building it through the ORM takes ten times as long as the query itself
MODEL_FOR_SCORING = "SELECT id, uuid, sha256 FROM mlmodels_trainedmodel WHERE owner_id = %s AND name = %s"


def model_path(model, filename):
    return f"models/{filename}"


class TrainedModelQuerySet(OwnedQuerySet):
    def searched(self):
        """Models that a grid search made."""
        return self.filter(search__isnull=False)

    def last_search(self):
        """The model of the latest grid search, or None before there is one."""
        return self.searched().newest_first().first()

    def for_lists(self):
        """Without the large columns that only a model's own page shows."""
        return self.defer("report", "features", "parameters", "search")

    def matching(self, text):
        return self.filter(Q(name__icontains=text) | Q(label__icontains=text))

    def narrowed(self, algorithm="", dataset=""):
        """Models of one algorithm and of the dataset with this uuid; either may be left out."""
        narrowed = self.filter(algorithm=algorithm) if algorithm else self
        if not dataset:
            return narrowed
        return narrowed.filter(dataset__uuid=dataset) if is_uuid(dataset) else narrowed.none()

    def for_scoring(self):
        """Without the large columns, which a prediction has no use for while the model is in memory."""
        return self.only("uuid", "owner_id", "name", "sha256")

    def find_for_scoring(self, owner, name):
        """`owner.trained_models.for_scoring()` by name, or None: the first query of every prediction."""
        with connection.cursor() as cursor:
            cursor.execute(MODEL_FOR_SCORING, [owner.pk, name])
            row = cursor.fetchone()
        if row is None:
            return None
        model_id, model_uuid, sha256 = row
        values = [model_id, self.model._meta.get_field("uuid").to_python(model_uuid), owner.pk, name, sha256]
        return self.model.from_db(connection.alias, ["id", "uuid", "owner_id", "name", "sha256"], values)


class TrainedModel(models.Model):
    """A fitted pipeline in a signed file, with everything known about it."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="trained_models"
    )
    run = models.OneToOneField(
        TrainingRun, on_delete=models.SET_NULL, null=True, blank=True, related_name="trained_model"
    )
    dataset = models.ForeignKey(
        Dataset, on_delete=models.SET_NULL, null=True, blank=True, related_name="trained_models"
    )
    name = models.CharField(max_length=200, unique=True, help_text="part of URLs; never changes")
    label = models.CharField(max_length=200, blank=True, help_text="the name that pages show")
    algorithm = models.CharField(max_length=40)
    task = models.CharField(max_length=20, choices=Task.choices)
    target = models.JSONField(help_text="tables.Column of the target as a dictionary")
    features = models.JSONField(
        help_text="list of tables.Column as dictionaries, in the order of the pipeline"
    )
    parameters = models.JSONField(default=dict)
    metrics = models.JSONField(default=dict)
    baseline = models.JSONField(default=dict)
    report = models.JSONField(default=dict, help_text="evaluation on the hold-out, plain data")
    search = models.JSONField(
        null=True, help_text="best_params, best_score, training_accuracy of a grid search"
    )
    # The file and what proves it
    file = models.FileField(upload_to=model_path, editable=False)
    file_format = models.CharField(max_length=20, editable=False)
    size_bytes = models.PositiveBigIntegerField(editable=False)
    sha256 = models.CharField(max_length=64, editable=False)
    key_id = models.CharField(max_length=16, editable=False)
    signature = models.CharField(max_length=64, editable=False)
    library_versions = models.JSONField(default=dict, editable=False)
    is_compiled = models.BooleanField(
        default=False, editable=False, help_text="single rows are scored by the compiled kernel"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = TrainedModelQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self):
        return self.label or remove_owner(self.name, self.owner_id)

    @property
    def notes(self):
        """Warnings about columns that were probably read as the wrong kind, and about the training."""
        columns = [Column.from_dict(column) for column in [*self.features, self.target]]
        said = [
            f'The column "{column.name}" is read as words. {column.reason}'
            if column.nearly
            else f'The column "{column.name}": {blank_words_sentence(column.blank_words)}'
            for column in columns
            if column.nearly or column.blank_words
        ]
        return said + self.report.get("notes", [])

    def rename(self, label):
        self.label = label
        self.save(update_fields=["label"])
