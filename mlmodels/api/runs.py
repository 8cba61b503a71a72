"""Training runs as a resource: status, result, and cancelling."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from mlmodels.models import TrainingRun
from mlmodels.operations.training import cancel_run
from mlplatform.core.api_schema import documented

LARGE_FIELDS = ["plan", "features", "target_column"]


class RunSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="uuid", read_only=True)
    url = serializers.HyperlinkedIdentityField(view_name="run-detail", lookup_field="uuid")
    metrics = serializers.SerializerMethodField(help_text="of the model, once there is one")

    class Meta:
        model = TrainingRun
        fields = [
            "id", "url", "status", "progress", "progress_note", "error", "error_code", "model_name",
            "metrics", "algorithm", "task", "target", "cost_tokens", "created_at", "started_at",
            "finished_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_metrics(self, run) -> dict[str, float] | None:
        model = getattr(run, "trained_model", None)
        return model.metrics if model else None


@extend_schema_view(
    list=extend_schema(
        operation_id="runs", tags=["runs"], summary="The caller's training runs, newest first"
    ),
    retrieve=extend_schema(
        operation_id="run",
        tags=["runs"],
        summary="Status and result of a training run",
        responses=documented({200: RunSerializer}, 404),
    ),
)
class RunViewSet(viewsets.ReadOnlyModelViewSet):
    serializer_class = RunSerializer
    queryset = TrainingRun.objects.none()
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self):
        if self.request.user.is_anonymous:
            return self.queryset  # the schema is drawn without a caller
        runs = self.request.user.training_runs.newest_first().defer(*LARGE_FIELDS)
        return runs.select_related("trained_model").defer("trained_model__report", *LARGE_FIELDS)

    @extend_schema(
        operation_id="cancel_run",
        tags=["runs"],
        summary="Cancel a training run; it is refunded",
        request=None,
        responses=documented({200: RunSerializer}, 404, 409),
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request, uuid):
        cancel_run(run=self.get_object())
        return Response(self.get_serializer(self.get_object()).data)
