"""Training runs as a resource: start, status, result and cancellation."""

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers, viewsets
from rest_framework.response import Response

from billing.api.idempotency import IDEMPOTENCY_KEY
from mlmodels.api.examples import ENDED_RUN, EXAMPLE_DATASET, RUN
from mlmodels.api.links import Link, OwnLink
from mlmodels.api.serializers import AlgorithmField, ColumnListField, DatasetIdField, JSONObjectField
from mlmodels.api.shapes import CandidateSerializer, EvaluationField, MetricsField, texts
from mlmodels.api.waiting import LONG_POLL_SECONDS_MAX, JobActionsMixin, accepted_job
from mlmodels.learning.tables.limits import HEADER_CHARACTERS_MAX
from mlmodels.learning.trainers.plan import SEARCHES
from mlmodels.limits import MODEL_NAME_CHARACTERS_MAX
from mlmodels.lookups import owned_dataset, owned_run
from mlmodels.models import Dataset, TrainingRun
from mlmodels.models.training_runs import Task
from mlmodels.operations.training import start_training
from mlplatform.core.api import ETagMixin, NumberField, StrictBody, StrictQueryMixin, validated
from mlplatform.core.api_schema import StoredJSON, answer_example, with_examples
from mlplatform.core.errors import DomainError

WAIT = OpenApiParameter(
    "Prefer",
    location=OpenApiParameter.HEADER,
    description=f"`wait=SECONDS` waits for the end, at most {LONG_POLL_SECONDS_MAX} seconds.",
)
LARGE_FIELDS = ["features", "target_column"]


class RunSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="uuid", read_only=True)
    url = OwnLink("run-detail", lookup_field="uuid")
    model_url = Link("model-detail", source="trained_model", lookup_field="name")
    metrics = MetricsField(
        source="trained_model.metrics",
        allow_null=True,
        read_only=True,
        help_text="of the model; null if there is none",
    )

    class Meta:
        model = TrainingRun
        fields = [
            "id", "url", "status", "progress", "progress_note", "error", "error_code", "model_name",
            "model_url", "metrics", "algorithm", "task", "target", "cost_tokens", "created_at", "started_at",
            "finished_at",
        ]  # fmt: skip
        read_only_fields = fields


@with_examples(answered={202: RUN})
class RunDetailSerializer(RunSerializer):
    """A training run with its leaderboard."""

    features = texts(source="feature_names", read_only=True, help_text="columns that the model learns from")
    notes = texts(read_only=True, help_text="remarks, such as that it learns from a sample of the rows")
    candidates = StoredJSON(CandidateSerializer(many=True))
    dataset = serializers.UUIDField(source="dataset.uuid", default=None, read_only=True, allow_null=True)
    dataset_url = Link("dataset-detail", source="dataset", lookup_field="uuid")
    repeats = serializers.CharField(
        source="repeats.name",
        default=None,
        allow_null=True,
        read_only=True,
        help_text="the model that is trained again",
    )
    repeats_url = Link("model-detail", source="repeats", lookup_field="name")

    class Meta(RunSerializer.Meta):
        fields = [
            *RunSerializer.Meta.fields, "features", "dataset", "dataset_url", "repeats", "repeats_url",
            "notes", "candidates",
        ]  # fmt: skip
        read_only_fields = fields


@with_examples(
    sent={
        "The best model within a time limit": {
            "dataset": EXAMPLE_DATASET,
            "target": "price",
            "algorithm": "auto",
            "budget_seconds": 20,
            "name": "houses",
        },
        "The dataset alone": {"dataset": EXAMPLE_DATASET},
        "One algorithm": {
            "dataset": EXAMPLE_DATASET,
            "target": "price",
            "features": ["area", "district"],
            "algorithm": "random_forest",
            "parameters": {"n_estimators": 50},
            "evaluation": {"kind": "k_fold", "folds": 5},
        },
        "A search": {
            "dataset": EXAMPLE_DATASET,
            "target": "price",
            "algorithm": "decision_tree",
            "search": "grid",
            "grid": {"max_depth": [2, 4, 8]},
        },
    }
)
class TrainingOptionsSerializer(StrictBody, serializers.Serializer):
    """What to train. Target, features and evaluation default to those of the dataset."""

    dataset = DatasetIdField()
    target = serializers.CharField(required=False, max_length=HEADER_CHARACTERS_MAX)
    features = ColumnListField(required=False, help_text="columns to learn from")
    algorithm = AlgorithmField(default="auto")
    task = serializers.ChoiceField(Task.choices, required=False)
    parameters = JSONObjectField(required=False, help_text="of the algorithm, by name")
    search = serializers.ChoiceField(SEARCHES, required=False, help_text="how values of parameters are tried")
    grid = JSONObjectField(required=False, help_text="values to try, by parameter; `{}` for the default ones")
    budget_seconds = NumberField(required=False, help_text="time limit of auto and of searches")
    evaluation = EvaluationField(
        required=False,
        help_text="`kind` (hold_out, k_fold, time, group), `by` (a column), `folds`, `train_percentage`",
    )
    learning_curve = serializers.BooleanField(
        required=False, help_text="whether to measure how the score grows with the number of rows"
    )
    name = serializers.CharField(
        required=False, source="model_name", max_length=MODEL_NAME_CHARACTERS_MAX, help_text="of the model"
    )

    def get_initial(self):
        """The form of the browsable API starts out with the newest dataset."""
        newest = Dataset.objects.owned_by(self.context["request"].user).newest_first().first()
        return {"dataset": str(newest.uuid) if newest else "", "algorithm": "auto"}


@extend_schema_view(
    list=extend_schema(operation_id="list_runs", summary="List your training runs, newest first"),
    retrieve=extend_schema(
        operation_id="get_run",
        summary="Show the status and result of a training run",
        responses=OpenApiResponse(RunDetailSerializer, examples=[answer_example(200, ENDED_RUN)]),
        parameters=[WAIT],
    ),
    create=extend_schema(
        operation_id="start_run",
        summary="Train a model on a dataset",
        parameters=[IDEMPOTENCY_KEY],
        responses={202: RunDetailSerializer},
    ),
    cancel=extend_schema(operation_id="cancel_run", summary="Cancel and refund a training run", request=None),
)
class RunViewSet(ETagMixin, StrictQueryMixin, JobActionsMixin, viewsets.ReadOnlyModelViewSet):
    tags = ["runs"]
    serializer_class = RunSerializer
    queryset = TrainingRun.objects.none()
    lookup_field = "uuid"
    lookup_value_converter = "uuid"
    filterset_fields = ["status", "algorithm", "task", "target", "dataset__uuid"]
    ordering_fields = ["created_at", "finished_at"]

    @property
    def refusals(self) -> list[int]:
        return {"create": [402, 404, 409, 422], "cancel": [409]}.get(self.action, [])

    def get_queryset(self):
        runs = TrainingRun.objects.owned_by(self.request.user).newest_first()
        if not self.detail:
            return runs.for_api_lists()
        return runs.select_related("trained_model", "dataset", "repeats").defer(
            "trained_model__report", *LARGE_FIELDS
        )

    def get_serializer_class(self):
        if self.action == "create":
            return TrainingOptionsSerializer
        return RunDetailSerializer if self.detail else RunSerializer

    def create(self, request):
        options = validated(self)

        def start(idempotency):
            dataset = owned_dataset(request.user, options.pop("dataset"))
            return start_training(owner=request.user, dataset=dataset, idempotency=idempotency, **options)

        return accepted_run(request, start)


def accepted_run(request, start) -> Response:
    try:
        return accepted_job(request, start, owned_run, RunDetailSerializer)
    except DomainError as refusal:
        refusal.rename_fields({"model_name": "name"})
        raise
