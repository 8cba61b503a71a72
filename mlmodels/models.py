import functools
import uuid
from datetime import timedelta

from django.conf import settings
from django.db import connection, models
from django.db.models import OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Concat, Now
from django.utils import timezone

from mlmodels.limits import WORKER_SILENT_SECONDS
from mlmodels.tables import Column


class Task(models.TextChoices):
    REGRESSION = "regression", "predict a number"
    CLASSIFICATION = "classification", "predict a class"


def is_uuid(text):
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def dataset_path(dataset, filename):
    """Files are named by us: what a user calls a file never becomes a path."""
    return f"datasets/{dataset.uuid}.csv"


def model_path(model, filename):
    return f"models/{filename}"


class DatasetQuerySet(models.QuerySet):
    def newest_first(self):
        return self.order_by("-created_at", "-id")

    def total_bytes(self):
        return self.aggregate(total=Sum("size_bytes", default=0))["total"]

    def for_lists(self):
        """Without what only a data set's own page shows, and with the number of its models."""
        return self.defer("first_rows", "dialect", "target_guess").annotate(
            model_count=models.Count("trained_models")
        )

    def matching(self, text):
        return self.filter(name__icontains=text)


class Dataset(models.Model):
    """An uploaded CSV, what was found in it, and how each column is read."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
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
    target_guess = models.JSONField(null=True, editable=False)
    first_rows = models.JSONField(default=list, editable=False)
    sample = models.CharField(max_length=40, blank=True, help_text="name of the sample set it came from")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = DatasetQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "sample"], condition=~Q(sample=""), name="dataset_sample_once_per_owner"
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def column_names(self):
        return [column["name"] for column in self.columns]

    def column(self, name):
        """The tables.Column of this name."""
        return Column.from_dict(next(column for column in self.columns if column["name"] == name))

    def rename(self, name):
        self.name = name
        self.save(update_fields=["name"])


class TrainingRunQuerySet(models.QuerySet):
    def newest_first(self):
        return self.order_by("-created_at", "-id")

    def open(self):
        return self.filter(status__in=TrainingRun.OPEN)

    def held_tokens(self):
        """`tokens` paid for `runs` that are open: they come back unless a model comes of it."""
        return self.open().aggregate(tokens=Sum("cost_tokens", default=0), runs=models.Count("pk"))

    def held(self, attempt):
        """The run, as long as this attempt owns it: whoever claimed it later has a higher number."""
        return self.filter(status=TrainingRun.Status.RUNNING, attempt=attempt)

    def lapsed(self):
        """Running, and nobody has said for a whole lease that they are still at it."""
        return self.filter(status=TrainingRun.Status.RUNNING, lease_until__lt=Now())

    def next_in_line(self):
        """Queued runs as they are due: first whoever has the fewest running and waited longest for a turn.

        Ordered by age alone, one person's queue would hold up everybody else's single run.
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
        """Empties what tells about the person's data; the rows stay, because the ledger refers to them."""
        return self.update(
            plan={},
            features=[],
            target_column={},
            target="",
            candidates=[],
            error="",
            progress_note="",
            model_name=Concat(Value("erased-"), models.F("pk"), output_field=models.CharField()),
        )


class TrainingRun(models.Model):
    """One paid training. The row is also the queue entry: workers claim it by a conditional update."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    OPEN = (Status.QUEUED, Status.RUNNING)

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="training_runs"
    )
    dataset = models.ForeignKey(
        Dataset, on_delete=models.SET_NULL, null=True, blank=True, related_name="training_runs"
    )
    # What is to be done
    plan = models.JSONField(help_text="trainers.TrainingPlan as a dictionary")
    algorithm = models.CharField(max_length=40)
    task = models.CharField(max_length=20, choices=Task.choices)
    target = models.CharField(max_length=200)
    features = models.JSONField(help_text="tables.Column dictionaries as they were when the run was started")
    target_column = models.JSONField(help_text="tables.Column of the target, likewise")
    is_search = models.BooleanField(default=False, help_text="a grid search by /api/train")
    model_name = models.CharField(max_length=200)
    cost_tokens = models.PositiveIntegerField()
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
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = TrainingRunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
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
        """The name of the model to be, as people call it: without the number of its owner."""
        return self.model_name.removeprefix(f"{self.owner_id}_")

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
        """A guess from the progress so far; None as long as there is nothing to guess from."""
        if self.status != self.Status.RUNNING or self.progress < 0.05:
            return None
        return self.seconds_so_far * (1 - self.progress) / self.progress

    @property
    def place_in_line(self):
        """1 is next. Counted by age, since whose turn it is changes while others start and end."""
        older = TrainingRun.objects.filter(status=self.Status.QUEUED, created_at__lt=self.created_at)
        return older.count() + 1

    @property
    def reference(self):
        return f"run:{self.uuid}"

    @property
    def charge_operation(self):
        return f"run:{self.uuid}:charge"


# Written out, since building it through the ORM takes ten times as long as asking
MODEL_FOR_SCORING = "SELECT id, uuid, sha256 FROM mlmodels_trainedmodel WHERE owner_id = %s AND name = %s"


class TrainedModelQuerySet(models.QuerySet):
    def newest_first(self):
        return self.order_by("-created_at", "-id")

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
        """Models of one algorithm and of the data set with this uuid; either may be left out."""
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
    name = models.CharField(max_length=200, unique=True, help_text="part of addresses; never changes")
    label = models.CharField(max_length=200, blank=True, help_text="what people call it")
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
        return self.label or self.name.removeprefix(f"{self.owner_id}_")

    def rename(self, label):
        self.label = label
        self.save(update_fields=["label"])


class PredictionQuerySet(models.QuerySet):
    def newest_first(self):
        return self.order_by("-created_at", "-id")

    def stored(self):
        """Those whose contents have not been erased."""
        return self.filter(erased_at=None)

    def erase(self):
        """Empties what was asked and answered; the rows stay, because the ledger refers to them."""
        return self.filter(erased_at=None).update(inputs=None, output=None, erased_at=timezone.now())


class Prediction(models.Model):
    """One paid answer. Erasing it empties the contents and keeps the row, which the ledger refers to."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="predictions")
    model = models.ForeignKey(
        TrainedModel, on_delete=models.SET_NULL, null=True, blank=True, related_name="predictions"
    )
    model_name = models.CharField(max_length=200)
    inputs = models.JSONField(null=True, help_text="the row as it was understood")
    output = models.JSONField(null=True)
    cost_tokens = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    erased_at = models.DateTimeField(null=True, blank=True)

    objects = PredictionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(erased_at__isnull=False) | Q(output__isnull=False),
                name="prediction_has_its_output_until_erased",
            ),
        ]

    def __str__(self):
        return f"{self.model_name} {self.uuid}"

    @property
    def reference(self):
        return f"prediction:{self.uuid}"

    def insert(self):
        """`save(force_insert=True)`, by a statement that is put together once and not every time."""
        fields, statement = self._insertion()
        with connection.cursor() as cursor:
            cursor.execute(
                statement,
                [field.get_db_prep_save(getattr(self, field.attname), connection) for field in fields],
            )
            self.pk = cursor.fetchone()[0]
        self._state.adding = False

    @classmethod
    @functools.cache
    def _insertion(cls):
        fields = [field for field in cls._meta.concrete_fields if not field.primary_key]
        columns, values = ", ".join(field.column for field in fields), ", ".join(["%s"] * len(fields))
        table = cls._meta.db_table
        statement = f"INSERT INTO {table} ({columns}) VALUES ({values}) RETURNING id"  # noqa: S608 - our own
        return fields, statement

    @property
    def ranked_probabilities(self):
        """(class, probability) pairs, the likeliest first; none for a predicted number."""
        return sorted(self.output.get("probabilities", {}).items(), key=lambda item: -item[1])


class WorkerQuerySet(models.QuerySet):
    def alive(self):
        """Workers heard of lately; /readyz and the commands ask for one."""
        return self.filter(seen_at__gt=Now() - timedelta(seconds=WORKER_SILENT_SECONDS))


class Worker(models.Model):
    """A training worker and when it was last seen alive; /readyz asks for one."""

    name = models.CharField(max_length=200, unique=True)
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)

    objects = WorkerQuerySet.as_manager()

    class Meta:
        ordering = ["-seen_at"]

    def __str__(self):
        return self.name
