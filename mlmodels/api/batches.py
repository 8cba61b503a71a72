"""Batches as a resource: files of rows that were sent to a model, and their answers."""

from collections.abc import Callable

from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    OpenApiTypes,
    extend_schema,
    extend_schema_view,
)
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.reverse import reverse

from mlmodels.api.examples import BATCH, ENDED_BATCH
from mlmodels.api.links import OwnLink, UsedModelLink
from mlmodels.api.runs import WAIT
from mlmodels.api.serializers import CsvField, file_sent_as
from mlmodels.api.waiting import JobActionsMixin, accepted_job
from mlmodels.downloads import download_answer, download_unreadable
from mlmodels.lookups import owned_batch
from mlmodels.models import Batch, TrainedModel, may_use_model
from mlmodels.operations import batches
from mlplatform.core.api import ETagMixin, StrictBody, StrictQueryMixin
from mlplatform.core.api_schema import answer_example, with_examples

REDIRECT = OpenApiParameter(
    "redirect",
    bool,
    description=(
        "With `true`, the response may redirect to a link on object storage that works for a minute. "
        "Do not send your key or token there."
    ),
)
LINK = OpenApiResponse(description="With `redirect=true`: `Location` is the link to the file")


class BatchSerializer(serializers.ModelSerializer):
    """A file of rows that was sent to a model."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    url = OwnLink("batch-detail", lookup_field="uuid")
    model_url = UsedModelLink()
    rows = serializers.IntegerField(source="row_count", read_only=True)
    kept_until = serializers.DateTimeField(
        read_only=True,
        allow_null=True,
        help_text="when file and result are removed; null while the batch is open",
    )
    result = serializers.SerializerMethodField(
        help_text="URL of the CSV file with the predictions; null if there is none"
    )
    unreadable = serializers.SerializerMethodField(
        help_text="URL of a CSV file of the rows that cannot be read, with the reasons; null if there is none"
    )

    class Meta:
        model = Batch
        fields = [
            "id", "url", "status", "progress", "model_name", "model_url", "name", "rows",
            "unreadable_rows", "rows_done", "rows_with_warnings", "cost_tokens", "error",
            "error_code", "created_at", "started_at", "finished_at", "kept_until", "result", "unreadable",
        ]  # fmt: skip
        read_only_fields = fields

    def get_result(self, batch) -> str | None:
        return self._url("batch-result", batch) if batch.has_answer else None

    def get_unreadable(self, batch) -> str | None:
        has_some = batch.unreadable_rows and batch.file
        return self._url("batch-unreadable", batch) if has_some else None

    def _url(self, route: str, batch) -> str:
        return reverse(route, args=[batch.uuid], request=self.context.get("request"))


class FaultSerializer(serializers.Serializer):
    row = serializers.IntegerField(help_text="as a spreadsheet counts: the header is row 1")
    reason = serializers.CharField()


@with_examples(answered={202: BATCH})
class BatchDetailSerializer(BatchSerializer):
    """A batch with its first unreadable rows and its first predictions."""

    faults = FaultSerializer(many=True, read_only=True)
    preview = serializers.ListField(child=serializers.DictField(), read_only=True)

    class Meta(BatchSerializer.Meta):
        fields = [*BatchSerializer.Meta.fields, "faults", "preview"]
        read_only_fields = fields


@with_examples(
    answered={
        200: {
            "name": "new.csv",
            "rows": 3,
            "unreadable_rows": 1,
            "cost_tokens": 5,
            "header_names": {},
            "faults": [{"row": 4, "reason": '"area": "large" is not a number.'}],
        }
    }
)
class QuoteSerializer(serializers.ModelSerializer):
    """What predicting a file would cost."""

    rows = serializers.IntegerField(source="row_count")
    header_names = serializers.DictField(
        source="reading.header_names",
        child=serializers.CharField(),
        help_text="columns of the model that the file spells differently",
    )
    faults = FaultSerializer(many=True)

    class Meta:
        model = Batch
        fields = ["name", "rows", "unreadable_rows", "cost_tokens", "header_names", "faults"]


@with_examples(
    sent={
        "Predict": {"file": "area,district\n95,Hill\n60,Port\n"},
        "Ask for the price": {"file": "area,district\n95,Hill\n60,Port\n", "dry_run": True},
    }
)
class BatchUploadSerializer(StrictBody, serializers.Serializer):
    """A CSV file with the model's columns; other columns are returned unchanged."""

    file = CsvField()
    dry_run = serializers.BooleanField(default=False, help_text="return the price; predict nothing")


@extend_schema_view(
    list=extend_schema(operation_id="list_batches", summary="List your batches, newest first"),
    retrieve=extend_schema(
        operation_id="get_batch",
        summary="Show the status of a batch and its first predictions",
        responses=OpenApiResponse(BatchDetailSerializer, examples=[answer_example(200, ENDED_BATCH)]),
        parameters=[WAIT],
    ),
    destroy=extend_schema(operation_id="delete_batch", summary="Remove the file of a batch and its result"),
    cancel=extend_schema(operation_id="cancel_batch", summary="Cancel and refund a batch", request=None),
    result=extend_schema(
        operation_id="get_batch_result",
        summary="Download the file with its predictions",
        parameters=[REDIRECT],
        responses={(200, "text/csv"): OpenApiTypes.STR, 302: LINK},
    ),
    unreadable=extend_schema(
        operation_id="get_batch_unreadable_rows",
        summary="Download the rows that cannot be read, with the reasons",
        responses={(200, "text/csv"): OpenApiTypes.STR},
    ),
)
class BatchViewSet(
    ETagMixin, StrictQueryMixin, JobActionsMixin, mixins.DestroyModelMixin, viewsets.ReadOnlyModelViewSet
):
    tags = ["batches"]
    serializer_class = BatchSerializer
    queryset = Batch.objects.none()
    lookup_field = "uuid"
    lookup_value_converter = "uuid"
    filterset_fields = ["status", "model_name", "model__uuid"]
    ordering_fields = ["created_at", "finished_at"]

    @property
    def refusals(self) -> list[int]:
        return [409] if self.action in ("cancel", "destroy", "result", "unreadable") else []

    def get_queryset(self):
        started = Batch.objects.owned_by(self.request.user).started().for_lists().newest_first()
        return started.annotate(may_use_model=may_use_model(self.request.user))

    def get_serializer_class(self):
        return BatchDetailSerializer if self.detail else BatchSerializer

    def perform_destroy(self, batch):
        batches.delete_batch(batch=batch)

    @action(detail=True, methods=["get"])
    def result(self, request, uuid):
        return download_answer(self.get_object(), may_redirect=request.query_params.get("redirect") == "true")

    @action(detail=True, methods=["get"])
    def unreadable(self, request, uuid):
        return download_unreadable(self.get_object())

    def perform_content_negotiation(self, request, force=False):
        """A file is CSV, whatever the client accepts."""
        is_file = self.action in ("result", "unreadable")
        return super().perform_content_negotiation(request, force or is_file)


def predict_upload(request, find_model: Callable[[], TrainedModel]) -> Response:
    """202 with the batch that predicts the file of this request; for a dry run its price."""
    sent = BatchUploadSerializer(data=request.data)
    sent.is_valid(raise_exception=True)
    file = sent.validated_data["file"]
    options = {"owner": request.user, "upload": file, "name": file.name}
    if sent.validated_data["dry_run"]:
        with file_sent_as("file"):
            return Response(QuoteSerializer(batches.estimate(model=find_model(), **options)).data)

    def start(idempotency):
        with file_sent_as("file"):
            return batches.predict_file(model=find_model(), **options, idempotency=idempotency)

    return accepted_job(request, start, owned_batch, BatchDetailSerializer)
