"""Stored predictions as a resource."""

from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from mlmodels.api.responses import OutputSerializer
from mlmodels.api.shapes import LabelField, StoredRowField
from mlmodels.lookups import owned_prediction
from mlmodels.models import Prediction
from mlmodels.operations.actuals import record_actual
from mlplatform.core.api import ETagMixin, StrictBody, StrictQueryMixin
from mlplatform.core.api_schema import StoredJSON


class PredictionSerializer(serializers.ModelSerializer):
    """A row sent to a model, with its result."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    url = serializers.HyperlinkedIdentityField(view_name="prediction-detail", lookup_field="uuid")
    inputs = StoredRowField(
        read_only=True, help_text="the row as it was understood; dates in seconds since 1970"
    )
    output = StoredJSON(OutputSerializer)
    actual = LabelField(
        read_only=True, allow_null=True, help_text="what came in the end; null until it is said"
    )

    class Meta:
        model = Prediction
        fields = [
            "id", "url", "model_name", "inputs", "output", "actual", "actual_at", "cost_tokens", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field({"type": ["number", "string", "null"]})
    def get_actual(self, prediction):
        return prediction.actual


class ActualSerializer(StrictBody, serializers.Serializer):
    """What came in the end: a number, or a class as the model names it."""

    value = LabelField()


@extend_schema_view(
    list=extend_schema(operation_id="list_predictions", summary="List your predictions, newest first"),
    retrieve=extend_schema(operation_id="get_prediction", summary="Show a prediction"),
    destroy=extend_schema(
        operation_id="erase_prediction", summary="Erase the row and result of a prediction; the charge stays"
    ),
    actual=extend_schema(
        operation_id="record_actual",
        summary="Say what came in the end; free, and can be said again",
        request=ActualSerializer,
        responses=PredictionSerializer,
    ),
)
class PredictionViewSet(
    ETagMixin, StrictQueryMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet
):
    tags = ["predictions"]
    refusals = ()
    serializer_class = PredictionSerializer
    queryset = Prediction.objects.none()
    lookup_field = "uuid"
    lookup_value_converter = "uuid"
    filterset_fields = ["model_name"]
    ordering_fields = ["created_at"]

    def get_queryset(self):
        return Prediction.objects.owned_by(self.request.user).stored().newest_first()

    def destroy(self, request, uuid):
        self.get_queryset().filter(pk=self.get_object().pk).erase()
        return Response(status=status.HTTP_204_NO_CONTENT)

    @action(detail=True, methods=["post"], refusals=[409])
    def actual(self, request, uuid):
        prediction = owned_prediction(request.user, uuid)
        sent = ActualSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        record_actual(prediction=prediction, value=sent.validated_data["value"])
        return Response(self.get_serializer(prediction).data)
