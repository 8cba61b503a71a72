"""Trained models."""

from django.conf import settings
from django.db import connection, models
from django.db.models import Exists, F, OuterRef, Q

from mlmodels.learning.tables.columns import Column, blank_words_sentence
from mlmodels.models.datasets import Dataset
from mlmodels.models.ownership import OwnedModel, OwnedQuerySet, remove_owner
from mlmodels.models.training_runs import Task, TrainingRun

# Written by hand: building it through the ORM takes ten times as long as the query. The alias is looked up
# only where no model has the name itself, and a share only where the caller is not the owner. Shares are
# counted since PostgreSQL may answer EXISTS by reading all of them
IS_USABLE = """
    owner_id = %(caller_id)s OR (
        SELECT COUNT(*) FROM mlmodels_modelshare AS share
        WHERE share.model_id = model.id AND shared_with_id = %(caller_id)s AND revoked_at IS NULL
    ) > 0
"""
MODEL_FOR_SCORING = f"""
    SELECT id, uuid, owner_id, name, threshold, sha256 FROM mlmodels_trainedmodel AS model
    WHERE id = COALESCE(
        (SELECT id FROM mlmodels_trainedmodel WHERE name = %(called)s),
        (SELECT model_id FROM mlmodels_modelalias WHERE name = %(called)s)
    ) AND ({IS_USABLE})
"""  # noqa: S608 - our own
STILL_USABLE = f"""
    EXISTS (SELECT 1 FROM mlmodels_trainedmodel AS model WHERE id = %(model_id)s AND ({IS_USABLE}))
"""  # noqa: S608 - our own
STILL_FOUND = f"""
    EXISTS (
        SELECT 1 FROM ({MODEL_FOR_SCORING}) found
        WHERE id = %(model_id)s AND name = %(model_name)s AND sha256 = %(sha256)s
            AND COALESCE(threshold, -1) = %(threshold)s
    )
"""  # noqa: S608 - our own

# What only a model's own page shows. Reading JSON takes most of the time of a list
LARGE_FIELDS = ["report", "features", "derived", "parameters", "search", "baseline", "library_versions"]


def model_path(model, filename):
    return f"models/{filename}"


class TrainedModelQuerySet(OwnedQuerySet):
    def last_search(self):
        """The model of the latest grid search, or None if there is none."""
        return self.filter(search__isnull=False).defer("report").newest_first().first()

    def for_lists(self):
        """Without the large fields that only a model's own page shows, but with its verdict."""
        return self.defer(*LARGE_FIELDS).annotate(stored_verdict=F("report__verdict"))

    def names(self):
        """With what a menu of models shows."""
        return self.only("owner", "name", "label")

    def for_api_lists(self):
        """With the fields that a list over the API shows."""
        fields = ["uuid", "created_at", "owner", "name", "label", "algorithm", "task", "target", "metrics"]
        found = self.select_related("dataset").only(*fields, "dataset__uuid")
        return found.prefetch_related("aliases")

    def shared_with(self, user):
        return self.filter(shares__shared_with=user, shares__revoked_at=None)

    def usable_by(self, user):
        """The user's own models, and those that are shared with the user."""
        shared = self.model.objects.shared_with(user).values("pk")
        return self.filter(Q(owner=user) | Q(pk__in=shared))

    def answering_to(self, name):
        """The model of this name, or the one that the alias of this name stands for."""
        through_alias = self.model.objects.filter(aliases__name=name).values("pk")
        return self.filter(Q(name=name) | Q(pk__in=through_alias))

    def matching(self, text):
        return self.filter(Q(name__icontains=text) | Q(label__icontains=text))

    def narrowed(self, algorithm="", dataset=""):
        """Models of one algorithm and of all versions of a dataset; either may be left out."""
        models = self.filter(algorithm=algorithm) if algorithm else self
        if not dataset:
            return models
        series = Dataset.objects.with_uuid(dataset).values("series")
        return models.filter(dataset__series__in=series)

    def find_for_scoring(self, user, name):
        """`answering_to` for the models that a user may use, or None: the first query of every prediction.

        Without the fields that nothing needs once the model is loaded.
        """
        with connection.cursor() as cursor:
            cursor.execute(MODEL_FOR_SCORING, {"caller_id": user.pk, "called": name})
            row = cursor.fetchone()
        if row is None:
            return None
        model_id, model_uuid, *others = row
        values = [model_id, self.model._meta.get_field("uuid").to_python(model_uuid), *others]
        fields = ["id", "uuid", "owner_id", "name", "threshold", "sha256"]
        return self.model.from_db(connection.alias, fields, values)

    def still_usable(self, user, model_id) -> tuple[str, dict]:
        """SQL and its parameters: whether the model is still there, and the user may still use it."""
        return STILL_USABLE, {"caller_id": user.pk, "model_id": model_id}

    def still_found(self, user, name, model) -> tuple[str, dict]:
        """SQL and its parameters: whether `find_for_scoring` would find the same model, unchanged."""
        return STILL_FOUND, {
            "caller_id": user.pk,
            "called": name,
            "model_id": model.pk,
            "model_name": model.name,
            "sha256": model.sha256,
            "threshold": -1.0 if model.threshold is None else model.threshold,
        }


def may_use_model(user) -> Exists:
    """Of rows with a model, such as predictions: whether the user may still use it."""
    return Exists(TrainedModel.objects.usable_by(user).filter(pk=OuterRef("model_id")))


class TrainedModel(OwnedModel):
    """A fitted pipeline in a signed file, and everything known about it."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="trained_models"
    )
    run = models.OneToOneField(
        TrainingRun, on_delete=models.SET_NULL, null=True, blank=True, related_name="trained_model"
    )
    dataset = models.ForeignKey(
        Dataset, on_delete=models.SET_NULL, null=True, blank=True, related_name="trained_models"
    )
    series = models.UUIDField(
        null=True, editable=False, help_text="of its dataset; still known once that version is deleted"
    )
    name = models.CharField(
        max_length=200, unique=True, help_text="part of URLs; changes only when it becomes an alias"
    )
    label = models.CharField(max_length=200, blank=True, help_text="the name that pages show")
    algorithm = models.CharField(max_length=40)
    task = models.CharField(max_length=20, choices=Task.choices)
    target = models.JSONField(help_text="tables.Column of the target as a dictionary")
    features = models.JSONField(
        help_text="list of tables.Column as dictionaries, in the order of the pipeline"
    )
    derived = models.JSONField(
        default=list, help_text="tables.Derived dictionaries: what the pipeline takes behind the features"
    )
    parameters = models.JSONField(default=dict)
    threshold = models.FloatField(
        null=True,
        editable=False,
        help_text="probability from which on a model of two classes predicts the one that is looked for",
    )
    metrics = models.JSONField(default=dict)
    baseline = models.JSONField(default=dict)
    report = models.JSONField(default=dict, help_text="evaluation on the hold-out, plain data")
    search = models.JSONField(
        null=True, help_text="best_params, best_score, training_accuracy of a grid search"
    )
    # The file and its signature
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

    objects = TrainedModelQuerySet.as_manager()

    def __str__(self):
        return self.label or remove_owner(self.name, self.owner_id)

    @property
    def feature_names(self):
        return [column["name"] for column in self.features]

    @property
    def target_name(self):
        return self.target["name"]

    @property
    def newest_dataset(self):
        """The newest version that is left of the dataset that it was trained on; None without any."""
        return Dataset.objects.filter(series=self.series).order_by("-version").first()

    @property
    def has_threshold(self):
        return bool(self.report.get("thresholds"))

    @property
    def notes(self):
        """Warnings about columns that were probably read as the wrong kind, and about the training run."""
        notes = []
        for column in map(Column.from_dict, [*self.features, self.target]):
            if column.nearly:
                notes.append(f'The column "{column.name}" is read as words. {column.reason}')
            elif column.blank_words:
                notes.append(f'The column "{column.name}": {blank_words_sentence(column.blank_words)}')
        return notes + self.report.get("notes", [])
