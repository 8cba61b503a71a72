"""Training runs."""

from django.conf import settings
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Concat

from mlmodels.learning import training_table
from mlmodels.models.datasets import Dataset
from mlmodels.models.jobs import Job, JobQuerySet, queue_indexes
from mlmodels.models.ownership import remove_owner


class Task(models.TextChoices):
    REGRESSION = "regression", "predict a number"
    CLASSIFICATION = "classification", "predict a class"


class TrainingRunQuerySet(JobQuerySet):
    def for_api_lists(self):
        """With the fields that a list over the API shows."""
        return self.select_related("trained_model").only(
            "uuid", "status", "progress", "progress_note", "error", "error_code", "model_name", "algorithm",
            "task", "target", "cost_tokens", "created_at", "started_at", "finished_at",
            "trained_model__run", "trained_model__name", "trained_model__metrics",
        )  # fmt: skip

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


class TrainingRun(Job):
    """One paid attempt to train a model."""

    kind, kind_plural, noun, charged_as = "run", "runs", "training run", "training"
    result_name = "models/{uuid}.{attempt}.joblib"
    cleared_at_claim = {"candidates": []}
    needed_by_worker = ["dataset", "owner", "repeats__dataset", "repeats__run__dataset"]

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
    candidates = models.JSONField(default=list, help_text="leaderboard so far")
    made_model_uuid = models.UUIDField(null=True, blank=True, editable=False)

    objects = TrainingRunQuerySet.as_manager()

    class Meta(Job.Meta):
        indexes = [models.Index(fields=["status", "created_at"]), *queue_indexes("run")]
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

    @property
    def title(self):
        """The name of the future model, without the number of its owner."""
        return remove_owner(self.model_name, self.owner_id)

    @property
    def feature_names(self):
        return [feature["name"] for feature in self.plan.get("features", [])]

    @property
    def split_column(self):
        """The tables.Column that the evaluation goes by, as a dictionary, where it is no feature."""
        by = self.plan.get("evaluation", {}).get("by")
        if by is None or any(column["name"] == by for column in self.features):
            return None
        return next((column for column in self.dataset.columns if column["name"] == by), None)

    @property
    def notes(self):
        """What is known of the run before it begins: that it will learn from a part of the rows."""
        return training_table.notes_on_rows(self.target_column, self.features, self.plan)
