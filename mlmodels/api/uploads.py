"""Uploads as a resource: large files that are being inspected, until they are datasets."""

from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.response import Response

from mlmodels.api.examples import INSPECTED_UPLOAD, UPLOAD
from mlmodels.api.links import Link, OwnLink
from mlmodels.api.runs import WAIT
from mlmodels.api.waiting import ASK_AGAIN, WaitForEndMixin
from mlmodels.models import Upload
from mlmodels.operations import uploads
from mlplatform.core.api import ETagMixin, StrictQueryMixin
from mlplatform.core.api_schema import answer_example, with_examples


@with_examples(answered={202: UPLOAD})
class UploadStatusSerializer(serializers.ModelSerializer):
    """A large file that is being inspected."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    url = OwnLink("upload-detail", lookup_field="uuid")
    dataset_url = Link(
        "dataset-detail",
        source="dataset",
        lookup_field="uuid",
        help_text="the dataset with the same id; null until the inspection has succeeded",
    )

    class Meta:
        model = Upload
        fields = [
            "id", "url", "status", "progress", "name", "size_bytes", "sha256", "dataset_url", "error",
            "error_code", "created_at", "started_at", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields


@extend_schema_view(
    list=extend_schema(
        operation_id="list_uploads", summary="List your large files and their inspection, newest first"
    ),
    retrieve=extend_schema(
        operation_id="get_upload",
        summary="Show how far the inspection of a large file is",
        responses=OpenApiResponse(UploadStatusSerializer, examples=[answer_example(200, INSPECTED_UPLOAD)]),
        parameters=[WAIT],
    ),
    destroy=extend_schema(
        operation_id="delete_upload", summary="End an inspection and delete its file; a dataset stays"
    ),
)
class UploadViewSet(
    ETagMixin, StrictQueryMixin, WaitForEndMixin, mixins.DestroyModelMixin, viewsets.ReadOnlyModelViewSet
):
    tags = ["datasets"]
    serializer_class = UploadStatusSerializer
    queryset = Upload.objects.none()
    lookup_field = "uuid"
    lookup_value_converter = "uuid"
    filterset_fields = ["status"]
    ordering_fields = ["created_at", "finished_at"]

    def get_queryset(self):
        return Upload.objects.owned_by(self.request.user).select_related("dataset").newest_first()

    def perform_destroy(self, upload):
        uploads.delete_upload(upload=upload)


def accepted_upload(upload: Upload, context: dict) -> Response:
    """202 with the URL that tells what becomes of the file."""
    body = UploadStatusSerializer(upload, context=context).data
    return Response(body, status=202, headers={"Location": str(body["url"]), **ASK_AGAIN})
