"""Models as a resource: figures and report, rename, retrain, monitor, download, delete."""

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from billing.api.idempotency import IDEMPOTENCY_KEY
from mlmodels.api.aliases import AliasActionsMixin
from mlmodels.api.batches import BatchDetailSerializer, BatchUploadSerializer, QuoteSerializer, predict_upload
from mlmodels.api.examples import EXAMPLE_DATASET
from mlmodels.api.links import ListLink, OwnersLink, OwnLink
from mlmodels.api.monitoring import MonitoringSerializer
from mlmodels.api.predictions import PredictionActionsMixin, RowsSerializer, RowToExplainSerializer
from mlmodels.api.report import ReportSerializer, VerdictSerializer
from mlmodels.api.row_schema import row_schema
from mlmodels.api.runs import RunDetailSerializer, accepted_run
from mlmodels.api.serializers import DatasetIdField
from mlmodels.api.shapes import MetricsField, ParametersField, RangeField
from mlmodels.downloads import download
from mlmodels.learning.tables.columns import KINDS
from mlmodels.limits import MODEL_NAME_CHARACTERS_MAX
from mlmodels.lookups import owned_dataset, owned_model, usable_model
from mlmodels.model_card import as_markdown
from mlmodels.models import TrainedModel
from mlmodels.operations import trained_models
from mlmodels.operations.exports import FORMATS
from mlmodels.operations.monitoring import monitoring
from mlmodels.operations.training import retrain
from mlplatform.core.api import ETagMixin, NumberField, StrictBody, StrictQueryMixin, validated
from mlplatform.core.api_schema import StoredJSON, with_examples

OF_SHARED = {"retrieve", "row_schema", "batches"}  # open to those with whom the model is shared


class ModelSerializer(serializers.ModelSerializer):
    """A trained model in a list."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    url = OwnLink("model-detail", lookup_field="name")
    target = serializers.CharField(source="target.name", read_only=True)
    dataset = serializers.UUIDField(
        source="dataset.uuid",
        default=None,
        read_only=True,
        allow_null=True,
        help_text="null once it is deleted",
    )
    dataset_url = OwnersLink("dataset-detail", source="dataset", lookup_field="uuid")
    metrics = MetricsField(read_only=True)
    aliases = serializers.SlugRelatedField(
        "name", many=True, read_only=True, help_text="other names under which it answers"
    )

    class Meta:
        model = TrainedModel
        fields = [
            "id", "url", "name", "aliases", "label", "algorithm", "task", "target", "dataset", "dataset_url",
            "metrics", "created_at",
        ]  # fmt: skip
        read_only_fields = [field for field in fields if field != "label"]


class FeatureSerializer(serializers.Serializer):
    """A column that the model takes."""

    name = serializers.CharField()
    kind = serializers.ChoiceField(KINDS)


class ModelDetailSerializer(ModelSerializer):
    """A trained model with everything known about it."""

    run_url = OwnersLink("run-detail", source="run", lookup_field="uuid")
    predictions_url = ListLink("prediction-list", "model__uuid", help_text="your predictions with it")
    batches_url = ListLink("batch-list", "model__uuid", help_text="your files for it")
    features = FeatureSerializer(many=True, read_only=True)
    threshold = serializers.FloatField(
        allow_null=True,
        required=False,
        help_text="with two classes: the probability from which one of them is predicted",
    )
    parameters = ParametersField(read_only=True)
    baseline = MetricsField(read_only=True, help_text="the same metrics for guessing")
    metric_intervals = StoredJSON(
        serializers.DictField(child=RangeField(allow_null=True)),
        source="report.metric_intervals",
        default=dict,
        help_text="95% confidence intervals by metric",
    )
    verdict = StoredJSON(VerdictSerializer, source="report.verdict", default=None, allow_null=True)
    report = StoredJSON(ReportSerializer)
    library_versions = serializers.DictField(child=serializers.CharField(), read_only=True)
    notes = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta(ModelSerializer.Meta):
        fields = [
            *ModelSerializer.Meta.fields, "run_url", "predictions_url", "batches_url", "features",
            "parameters", "baseline", "metric_intervals", "verdict", "threshold", "notes", "report",
            "library_versions", "sha256",
        ]  # fmt: skip
        read_only_fields = [field for field in fields if field not in ("label", "threshold")]


@with_examples(sent={"A name for pages": {"label": "Prices of houses"}})
class ModelChangeSerializer(StrictBody, serializers.Serializer):
    """What can be changed about a model."""

    label = serializers.CharField(
        required=False, allow_blank=True, help_text="the name shown on pages; the one in URLs stays"
    )
    threshold = NumberField(
        required=False,
        allow_null=True,
        help_text="with two classes: the probability from which one of them is predicted; null for 0.5",
    )


@with_examples(
    sent={
        "On the newest version": {},
        "On another dataset": {"dataset": EXAMPLE_DATASET, "name": "houses_june"},
    }
)
class RetrainSerializer(StrictBody, serializers.Serializer):
    """Dataset and name. By default, the newest version of the model's dataset and the next free name."""

    dataset = DatasetIdField(required=False)
    name = serializers.CharField(required=False, max_length=MODEL_NAME_CHARACTERS_MAX)


FORMAT = OpenApiParameter(
    "format",
    enum=list(FORMATS),
    description="`bundle` is a ZIP with scripts that load and rebuild it",
)


@extend_schema_view(
    list=extend_schema(operation_id="list_models", summary="List your models, newest first"),
    retrieve=extend_schema(operation_id="get_model", summary="Show a model with its figures and report"),
    partial_update=extend_schema(
        operation_id="change_model",
        summary="Rename a model, or set the threshold of one with two classes",
        responses=ModelDetailSerializer,
    ),
    destroy=extend_schema(operation_id="delete_model", summary="Delete a model and its file"),
    retrain=extend_schema(
        operation_id="retrain_model",
        tags=["runs"],
        summary="Train a model again with the same plan on the newest version of its dataset",
        parameters=[IDEMPOTENCY_KEY],
        responses={202: RunDetailSerializer},
    ),
    monitoring=extend_schema(
        operation_id="get_model_monitoring",
        summary="Show drift since training, and predictions compared with actual values",
        responses=MonitoringSerializer,
    ),
    batches=extend_schema(
        operation_id="predict_file",
        tags=["batches"],
        summary="Predict every row of a CSV file",
        parameters=[IDEMPOTENCY_KEY],
        responses={200: QuoteSerializer, 202: BatchDetailSerializer},
    ),
    row_schema=extend_schema(
        operation_id="get_row_schema",
        summary="Show the JSON Schema of the row that a model takes",
        responses=OpenApiTypes.OBJECT,
    ),
    card=extend_schema(
        operation_id="get_model_card",
        summary="Show the model card as Markdown",
        responses={(200, "text/markdown"): OpenApiTypes.STR},
    ),
    download=extend_schema(
        operation_id="download_model",
        summary="Download a model",
        parameters=[FORMAT],
        responses={(200, "application/octet-stream", "application/zip"): OpenApiTypes.BINARY},
    ),
)
class ModelViewSet(
    ETagMixin,
    StrictQueryMixin,
    PredictionActionsMixin,
    AliasActionsMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet,
):
    tags = ["models"]
    serializer_class = ModelDetailSerializer
    queryset = TrainedModel.objects.none()
    lookup_field = "name"
    filterset_fields = ["algorithm", "task", "dataset__uuid"]
    ordering_fields = ["created_at", "name", "algorithm"]

    @property
    def refusals(self) -> list[int]:
        paid = [402, 409, 422]
        by_action = {
            "destroy": [409],
            "alias": [409],
            "download": [409, 422],
            "predict": paid,
            "explain": paid,
            "retrain": paid,
            "batches": [*paid, 413, 429],
        }
        return by_action.get(self.action, [])

    def get_queryset(self):
        owned = TrainedModel.objects.owned_by(self.request.user).newest_first()
        return owned.select_related("dataset") if self.detail else owned.for_api_lists()

    def get_object(self):
        find = usable_model if self.action in OF_SHARED else owned_model
        return find(self.request.user, self.kwargs["name"])

    def get_serializer_class(self):
        by_action = {
            "list": ModelSerializer,
            "partial_update": ModelChangeSerializer,
            "predict": RowsSerializer,
            "explain": RowToExplainSerializer,
            "retrain": RetrainSerializer,
            "batches": BatchUploadSerializer,
        }
        return by_action.get(self.action, self.serializer_class)

    def partial_update(self, request, name):
        model = self.get_object()
        trained_models.change_model(model=model, **validated(self))
        return Response(ModelDetailSerializer(model, context=self.get_serializer_context()).data)

    def destroy(self, request, name):
        trained_models.delete_model(model=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @action(detail=True, methods=["post"])
    def retrain(self, request, name):
        sent = validated(self)

        def start(idempotency):
            dataset = owned_dataset(request.user, sent["dataset"]) if "dataset" in sent else None
            return retrain(
                model=self.get_object(),
                dataset=dataset,
                model_name=sent.get("name", ""),
                idempotency=idempotency,
            )

        return accepted_run(request, start)

    @action(detail=True, methods=["get"])
    def monitoring(self, request, name):
        return Response(monitoring(model=self.get_object()))

    @action(detail=True, methods=["post"], parser_classes=[MultiPartParser])
    def batches(self, request, name):
        return predict_upload(request, self.get_object)

    @action(detail=True, methods=["get"], url_path="schema", url_name="schema")
    def row_schema(self, request, name):
        return Response(row_schema(self.get_object()))

    @action(detail=True, methods=["get"])
    def card(self, request, name):
        return HttpResponse(as_markdown(self.get_object()), content_type="text/markdown; charset=utf-8")

    @action(detail=True, methods=["get"])
    def download(self, request, name):
        return download(self.get_object(), request.query_params.get("format", FORMATS[0]))

    def perform_content_negotiation(self, request, force=False):
        """The parameter `format` of a download names a file, where REST framework expects a renderer."""
        return super().perform_content_negotiation(request, force or self.action == "download")
