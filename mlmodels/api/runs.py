"""Training runs as a resource: status, result and cancellation."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from mlmodels.models import TrainingRun
from mlmodels.operations.training import cancel_run

LARGE_FIELDS = ["plan", "features", "target_column"]


class RunSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="uuid", read_only=True)
    url = serializers.HyperlinkedIdentityField(view_name="run-detail", lookup_field="uuid")
    metrics = serializers.DictField(
        child=serializers.FloatField(allow_null=True),
        source="trained_model.metrics",
        allow_null=True,
        read_only=True,
        help_text="of the model; null if there is none",
    )

    class Meta:
        model = TrainingRun
        fields = [
            "id", "url", "status", "progress", "progress_note", "error", "error_code", "model_name",
            "metrics", "algorithm", "task", "target", "cost_tokens", "created_at", "started_at",
            "finished_at",
        ]  # fmt: skip
        read_only_fields = fields


@extend_schema_view(
    list=extend_schema(operation_id="runs", summary="List your training runs, newest first"),
    retrieve=extend_schema(operation_id="run", summary="Show the status and result of a training run"),
    cancel=extend_schema(operation_id="cancel_run", summary="Cancel and refund a training run", request=None),
)
class RunViewSet(viewsets.ReadOnlyModelViewSet):
    tags = ["runs"]
    refusals = ()
    serializer_class = RunSerializer
    queryset = TrainingRun.objects.none()
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self):
        runs = TrainingRun.objects.owned_by(self.request.user).newest_first()
        return runs.select_related("trained_model").defer("trained_model__report", *LARGE_FIELDS)

    @action(detail=True, methods=["post"], refusals=[409])
    def cancel(self, request, uuid):
        cancel_run(run=self.get_object())
        return Response(self.get_serializer(self.get_object()).data)
