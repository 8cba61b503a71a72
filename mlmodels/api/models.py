"""Models as a resource: figures and report, rename, predict, explain, download, delete."""

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from billing.api.idempotency import IDEMPOTENCY_KEY, answer_or_replay, idempotent_request
from mlmodels.api import responses
from mlmodels.api.batches import BatchDetailSerializer, BatchUploadSerializer, QuoteSerializer, predict_upload
from mlmodels.api.plain import Offer, plain_first
from mlmodels.api.responses import AnswersSerializer, ExplainedSerializer
from mlmodels.api.row_schema import row_schema
from mlmodels.api.runs import RunDetailSerializer, accepted_run
from mlmodels.api.serializers import RowField
from mlmodels.api.shapes import (
    MetricsField,
    ParametersField,
    RangeField,
    ReportSerializer,
    VerdictSerializer,
)
from mlmodels.downloads import download
from mlmodels.learning.tables.columns import KINDS
from mlmodels.limits import MODEL_NAME_CHARACTERS_MAX
from mlmodels.lookups import (
    owned_alias,
    owned_dataset,
    owned_model,
    owned_prediction,
    usable_model,
    usable_model_for_scoring,
)
from mlmodels.model_card import as_markdown
from mlmodels.models import ModelAlias, Promotion, TrainedModel
from mlmodels.operations import explanations, predictions, trained_models
from mlmodels.operations.aliases import alias_name_for, promote, remove_alias
from mlmodels.operations.exports import FORMATS
from mlmodels.operations.monitoring import monitoring
from mlmodels.operations.training import retrain
from mlmodels.snippets import example_row
from mlplatform.core.api import ETagMixin, StrictBody, StrictQueryMixin
from mlplatform.core.api_schema import StoredJSON
from mlplatform.core.errors import NotFound

OF_SHARED = {"retrieve", "row_schema", "batches"}  # open to those with whom the model is shared
ROWS_MAX = 100
LEVEL_MIN, LEVEL_MAX = 0.5, 0.99


class PromotionSerializer(serializers.ModelSerializer):
    class Meta:
        model = Promotion
        fields = ["model_name", "promoted_at"]


class AliasSerializer(serializers.ModelSerializer):
    """A name under which a model answers beside its own, and which models have done so, the latest first."""

    model = serializers.CharField(source="model.name")
    history = PromotionSerializer(source="promotions", many=True)

    class Meta:
        model = ModelAlias
        fields = ["name", "model", "created_at", "history"]


class ModelSerializer(serializers.ModelSerializer):
    """A trained model in a list."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    url = serializers.HyperlinkedIdentityField(view_name="model-detail", lookup_field="name")
    target = serializers.CharField(source="target.name", read_only=True)
    dataset = serializers.UUIDField(
        source="dataset.uuid",
        default=None,
        read_only=True,
        allow_null=True,
        help_text="null once it is deleted",
    )
    metrics = MetricsField(read_only=True)
    aliases = serializers.SlugRelatedField(
        "name", many=True, read_only=True, help_text="other names under which it answers"
    )

    class Meta:
        model = TrainedModel
        fields = [
            "id", "url", "name", "aliases", "label", "algorithm", "task", "target", "dataset", "metrics",
            "created_at",
        ]  # fmt: skip
        read_only_fields = [field for field in fields if field != "label"]


class FeatureSerializer(serializers.Serializer):
    """A column that the model takes."""

    name = serializers.CharField()
    kind = serializers.ChoiceField(KINDS)


class ModelDetailSerializer(ModelSerializer):
    """A trained model with everything known about it."""

    features = FeatureSerializer(many=True, read_only=True)
    threshold = serializers.FloatField(
        allow_null=True, required=False, help_text="of two classes: from which probability one is predicted"
    )
    parameters = ParametersField(read_only=True)
    baseline = MetricsField(read_only=True, help_text="the same figures of guessing")
    metric_intervals = StoredJSON(
        serializers.DictField(child=RangeField(allow_null=True)),
        source="report.metric_intervals",
        default=dict,
        help_text="95 %, by metric",
    )
    verdict = StoredJSON(VerdictSerializer, source="report.verdict", default=None, allow_null=True)
    report = StoredJSON(ReportSerializer)
    library_versions = serializers.DictField(child=serializers.CharField(), read_only=True)
    notes = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta(ModelSerializer.Meta):
        fields = [
            *ModelSerializer.Meta.fields, "features", "parameters", "baseline", "metric_intervals", "verdict",
            "threshold", "notes", "report", "library_versions", "sha256",
        ]  # fmt: skip
        read_only_fields = [field for field in fields if field not in ("label", "threshold")]


class ModelChangeSerializer(StrictBody, serializers.Serializer):
    """What can be changed about a model."""

    label = serializers.CharField(
        required=False, allow_blank=True, help_text="the name that pages show; the one in URLs stays"
    )
    threshold = serializers.FloatField(
        required=False,
        allow_null=True,
        help_text="of two classes: from which probability one is predicted; null for 0.5",
    )


class TypicalRow:
    """The form of the browsable API starts out with the typical row of the model."""

    def get_initial(self):
        return {"features": example_row(self.context["view"].get_object())}


class RowsSerializer(TypicalRow, StrictBody, serializers.Serializer):
    """One row as `features`, or up to 100 as `rows`."""

    features = RowField(required=False)
    rows = serializers.ListField(child=RowField(), required=False, allow_empty=False, max_length=ROWS_MAX)
    level = serializers.FloatField(
        required=False,
        min_value=LEVEL_MIN,
        max_value=LEVEL_MAX,
        help_text="share of cases in which interval or set hold the truth; 0.9 without it",
    )

    def validate(self, attributes):
        if ("features" in attributes) == ("rows" in attributes):
            raise serializers.ValidationError(
                {"features": "Give either features, an object of values, or rows, a list of such objects."}
            )
        return attributes


def plain_rows(data: dict) -> dict | None:
    """As RowsSerializer reads them, if nothing is odd."""
    rows, level = data.get("rows", [data.get("features")]), data.get("level")
    is_plain = (
        data.keys() <= {"features", "rows", "level"}
        and ("features" in data) != ("rows" in data)
        and isinstance(rows, list)
        and 1 <= len(rows) <= ROWS_MAX
        and all(isinstance(row, dict) for row in rows)
        and ("level" not in data or (type(level) is float and LEVEL_MIN <= level <= LEVEL_MAX))
    )
    return {"rows": rows, "level": level} if is_plain else None


class RowToExplainSerializer(TypicalRow, StrictBody, serializers.Serializer):
    """One row. `variation_of` is the id of an earlier prediction, of which this row is a variation."""

    features = RowField()
    variation_of = serializers.UUIDField(required=False)


ALIAS = OpenApiParameter(
    "alias",
    str,
    OpenApiParameter.PATH,
    description="A name, with or without your number in front. It may be that of another model.",
)


class RetrainSerializer(StrictBody, serializers.Serializer):
    """On which dataset and under which name; without them, the newest version and the next free name."""

    dataset = serializers.UUIDField(required=False)
    name = serializers.CharField(required=False, max_length=MODEL_NAME_CHARACTERS_MAX)


class BinSerializer(serializers.Serializer):
    label = serializers.CharField()
    share = serializers.FloatField(help_text="of the rows of training")
    asked = serializers.FloatField(help_text="of the rows asked for")


class ColumnDriftSerializer(serializers.Serializer):
    column = serializers.CharField()
    index = serializers.FloatField(help_text="population stability index")
    by_chance = serializers.FloatField(help_text="what it exceeds without drift in one of 20 cases")
    level = serializers.CharField(help_text="none, moderate or large")
    sentence = serializers.CharField()
    bins = BinSerializer(many=True)


class DriftSerializer(serializers.Serializer):
    rows = serializers.IntegerField(help_text="the latest predictions that were looked at")
    rows_max = serializers.IntegerField()
    trained_on = serializers.IntegerField(help_text="rows of the table of training")
    sentence = serializers.CharField()
    columns = ColumnDriftSerializer(many=True)


class CoverageSerializer(serializers.Serializer):
    of = serializers.IntegerField(help_text="intervals or sets of classes")
    held = serializers.IntegerField(help_text="of them that held the actual value")
    level = serializers.FloatField(allow_null=True, help_text="the promised share")


class LiveQualitySerializer(serializers.Serializer):
    actuals = serializers.IntegerField()
    sentence = serializers.CharField()
    measure = serializers.CharField(required=False, help_text="mean_absolute_error or accuracy")
    live = serializers.FloatField(required=False)
    live_interval = serializers.ListField(child=serializers.FloatField(), required=False, allow_null=True)
    promised = serializers.FloatField(required=False, allow_null=True)
    promised_interval = serializers.ListField(child=serializers.FloatField(), required=False, allow_null=True)
    verdict = serializers.CharField(required=False, help_text="as promised, worse, better or too few")
    coverage = CoverageSerializer(required=False, allow_null=True)


class MonitoringSerializer(serializers.Serializer):
    """How a model fares since it was trained."""

    drift = DriftSerializer()
    actuals = LiveQualitySerializer()
    comparison = serializers.DictField(
        allow_null=True, help_text="with the model that was trained again, on rows that neither has seen"
    )


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
    predict=extend_schema(
        operation_id="predict_rows",
        tags=["predictions"],
        summary="Predict one row, or up to 100",
        parameters=[IDEMPOTENCY_KEY],
        responses=AnswersSerializer,
    ),
    explain=extend_schema(
        operation_id="explain_row",
        tags=["predictions"],
        summary="Predict a row and say what each column adds; variations of it are free for ten minutes",
        parameters=[IDEMPOTENCY_KEY],
        responses=ExplainedSerializer,
    ),
    retrain=extend_schema(
        operation_id="retrain_model",
        tags=["runs"],
        summary="Train a model again as it was trained, on the newest version of its dataset",
        parameters=[IDEMPOTENCY_KEY],
        responses={202: RunDetailSerializer},
    ),
    monitoring=extend_schema(
        operation_id="get_model_monitoring",
        summary="Show drift since training, and how the answers of a model held where the truth is known",
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
    aliases=extend_schema(
        operation_id="list_aliases",
        summary="List the names under which a model answers beside its own",
        responses=AliasSerializer(many=True),
    ),
    download=extend_schema(
        operation_id="download_model",
        summary="Download a model",
        parameters=[FORMAT],
        responses={(200, "application/octet-stream", "application/zip"): OpenApiTypes.BINARY},
    ),
)
class ModelViewSet(
    ETagMixin, StrictQueryMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet
):
    tags = ["models"]
    serializer_class = ModelDetailSerializer
    queryset = TrainedModel.objects.none()
    lookup_field = "name"
    filterset_fields = ["algorithm", "task", "dataset__uuid"]
    ordering_fields = ["created_at", "name", "algorithm"]

    @classmethod
    def as_view(cls, actions=None, **options):
        view = super().as_view(actions, **options)
        offer = Offer(predictions.predict_rows, plain_rows, responses.answered)
        return plain_first(view, offer, "name") if actions == {"post": "predict"} else view

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
        owned = TrainedModel.objects.owned_by(self.request.user).select_related("dataset").newest_first()
        return owned if self.detail else owned.for_lists().prefetch_related("aliases")

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
        sent = self._checked()
        if "label" in sent:
            trained_models.rename_model(model=model, label=sent["label"])
        if "threshold" in sent:
            trained_models.set_threshold(model=model, threshold=sent["threshold"])
        return Response(ModelDetailSerializer(model, context=self.get_serializer_context()).data)

    def destroy(self, request, name):
        trained_models.delete_model(model=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @action(detail=True, methods=["post"])
    def predict(self, request, name):
        sent = self._checked()
        return self._paid(
            predictions.predict_rows,
            rows=sent.get("rows") or [sent["features"]],
            level=sent.get("level"),
            body_of=responses.answered,
        )

    @action(detail=True, methods=["post"])
    def explain(self, request, name):
        sent = self._checked()
        if "variation_of" in sent:
            prediction = owned_prediction(request.user, sent["variation_of"])
            if prediction.model != usable_model_for_scoring(request.user, name):
                raise NotFound("You have no such prediction.")
            varied = explanations.vary(prediction=prediction, features=sent["features"])
            return Response(responses.varied(prediction, varied))
        return self._paid(explanations.explain, features=sent["features"], body_of=responses.explained)

    @action(detail=True, methods=["post"])
    def retrain(self, request, name):
        model, sent = self.get_object(), self._checked()

        def start(idempotency):
            dataset = owned_dataset(request.user, sent["dataset"]) if "dataset" in sent else None
            return retrain(
                model=model, dataset=dataset, model_name=sent.get("name", ""), idempotency=idempotency
            )

        return accepted_run(request, start)

    @action(detail=True, methods=["get"])
    def monitoring(self, request, name):
        return Response(monitoring(model=self.get_object()))

    @action(detail=True, methods=["post"], parser_classes=[MultiPartParser])
    def batches(self, request, name):
        return predict_upload(self, self.get_object())

    @action(detail=True, methods=["get"], url_path="schema", url_name="schema")
    def row_schema(self, request, name):
        return Response(row_schema(self.get_object()))

    @action(detail=True, methods=["get"])
    def card(self, request, name):
        return HttpResponse(as_markdown(self.get_object()), content_type="text/markdown; charset=utf-8")

    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=[])
    def aliases(self, request, name):
        aliases = self.get_object().aliases.select_related("model").prefetch_related("promotions")
        return Response(AliasSerializer(aliases, many=True).data)

    @extend_schema(
        operation_id="promote_model",
        summary="Let a model answer under a name, so that programs which call it need no change",
        parameters=[ALIAS],
        request=None,
        responses=AliasSerializer,
    )
    @action(detail=True, methods=["put"], url_path="aliases/<str:alias>")
    def alias(self, request, name, alias):
        return Response(AliasSerializer(promote(model=self.get_object(), name=alias)).data)

    @extend_schema(
        operation_id="remove_alias", parameters=[ALIAS], summary="Remove an alias; its model stays"
    )
    @alias.mapping.delete
    def remove_alias(self, request, name, alias):
        model = self.get_object()
        found = owned_alias(request.user, alias_name_for(owner_id=model.owner_id, wanted=alias))
        if found.model_id != model.pk:
            raise NotFound(f'"{model.name}" does not answer under this name.')
        remove_alias(alias=found)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @action(detail=True, methods=["get"])
    def download(self, request, name):
        return download(self.get_object(), request.query_params.get("format", FORMATS[0]))

    def perform_content_negotiation(self, request, force=False):
        """The parameter `format` of a download names a file, where REST framework expects a renderer."""
        return super().perform_content_negotiation(request, force or self.action == "download")

    def _paid(self, operation, **options) -> Response:
        """What the operation sells, or the stored answer of a repeated request."""
        user, idempotency = self.request.user, idempotent_request(self.request)
        model = usable_model_for_scoring(user, self.kwargs["name"])

        def work():
            sold = operation(owner=user, model=model, idempotency=idempotency, **options)
            return Response(options["body_of"](sold))

        return answer_or_replay(work)

    def _checked(self, **options) -> dict:
        serializer = self.get_serializer(data=self.request.data, **options)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data
