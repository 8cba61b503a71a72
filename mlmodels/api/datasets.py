"""Datasets as a resource: upload, look, correct how columns are read, delete."""

from django.conf import settings
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.settings import api_settings

from mlmodels.api.examples import HOUSES
from mlmodels.api.links import ListLink, OwnLink
from mlmodels.api.serializers import CsvField, file_sent_as
from mlmodels.api.shapes import (
    ColumnChangesField,
    ColumnSerializer,
    DefaultEvaluationField,
    DefaultEvaluationSerializer,
    FindingSerializer,
    TargetGuessSerializer,
    texts,
)
from mlmodels.api.uploads import UploadStatusSerializer, accepted_upload
from mlmodels.learning.tables.limits import HEADER_CHARACTERS_MAX
from mlmodels.limits import DATASET_NAME_CHARACTERS_MAX
from mlmodels.models import Dataset, Upload
from mlmodels.operations import datasets, uploads
from mlplatform.core.api import ETagMixin, StrictBody, StrictQueryMixin, validated
from mlplatform.core.api_schema import StoredJSON, with_examples

ACCEPTED = (
    f"A file above {settings.INSPECTED_AT_ONCE_MB:g} MB is stored and inspected later: the response is 202, "
    "and `Location` is the upload, which tells when the dataset is there."
)


class ChangeSerializer(serializers.Serializer):
    """A difference from the previous version."""

    column = serializers.CharField()
    code = serializers.CharField(
        help_text="added, removed, kind, values, range, blanks, constant, target or evaluation"
    )
    message = serializers.CharField()


class DatasetSerializer(serializers.ModelSerializer):
    """An uploaded table in a list."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    url = OwnLink("dataset-detail", lookup_field="uuid")
    rows = serializers.IntegerField(source="row_count", read_only=True)

    class Meta:
        model = Dataset
        fields = ["id", "url", "name", "version", "rows", "size_bytes", "sha256", "created_at"]
        read_only_fields = fields


class DatasetDetailSerializer(DatasetSerializer):
    """An uploaded table with what was found in it."""

    versions_url = serializers.HyperlinkedIdentityField("dataset-versions", lookup_field="uuid")
    runs_url = ListLink("run-list", "dataset__uuid", help_text="training runs on this version")
    models_url = ListLink("model-list", "dataset__uuid", help_text="models trained on this version")
    columns = ColumnSerializer(many=True, read_only=True)
    target_guess = TargetGuessSerializer(read_only=True, allow_null=True)
    target = serializers.CharField(source="target_name", read_only=True, allow_null=True)
    evaluation = StoredJSON(
        DefaultEvaluationSerializer,
        source="default_evaluation",
        help_text="how models are tested unless a run says otherwise",
    )
    findings = StoredJSON(FindingSerializer(many=True))
    first_rows = serializers.ListField(child=texts(), read_only=True, help_text="their cells as text")
    changes = ChangeSerializer(many=True, read_only=True)

    class Meta(DatasetSerializer.Meta):
        fields = [
            *DatasetSerializer.Meta.fields, "versions_url", "runs_url", "models_url", "columns", "target",
            "target_guess", "evaluation", "findings", "changes", "first_rows",
        ]  # fmt: skip
        read_only_fields = fields


@with_examples(
    sent={"A newer file": {"file": "area,district,price\n46,Hill,161000\n93,Port,282000\n112,Port,338000\n"}}
)
class FileSerializer(StrictBody, serializers.Serializer):
    """A CSV file with a header line."""

    file = CsvField()


@with_examples(sent={"A table": {"file": HOUSES, "name": "houses"}})
class UploadSerializer(FileSerializer):
    """A CSV file with a header line, and the name of the dataset."""

    name = serializers.CharField(
        default="", max_length=DATASET_NAME_CHARACTERS_MAX, help_text="defaults to the name of the file"
    )


@with_examples(
    sent={
        "A new name": {"name": "homes"},
        "How columns are read": {
            "columns": {"district": {"kind": "category", "blanks": ["unknown"]}, "area": {"use": True}}
        },
        "What is predicted, and how models are tested": {
            "target": "price",
            "evaluation": {"kind": "k_fold"},
        },
    }
)
class DatasetChangeSerializer(StrictBody, serializers.Serializer):
    """A new name or target, how columns are read (`{"zip": {"kind": "category"}}`), how models are tested."""

    name = serializers.CharField(required=False, max_length=DATASET_NAME_CHARACTERS_MAX)
    columns = ColumnChangesField(
        required=False, help_text="by column name: kind, use, blanks and merge_spellings"
    )
    target = serializers.CharField(required=False, max_length=HEADER_CHARACTERS_MAX)
    evaluation = DefaultEvaluationField(required=False, help_text="how models are tested: kind and by")


@extend_schema_view(
    list=extend_schema(operation_id="list_datasets", summary="List your datasets in their newest versions"),
    retrieve=extend_schema(operation_id="get_dataset", summary="Show a dataset and what was found in it"),
    create=extend_schema(
        operation_id="upload_dataset",
        summary="Upload a CSV file; free",
        description=ACCEPTED,
        responses={201: DatasetDetailSerializer, 202: UploadStatusSerializer},
    ),
    partial_update=extend_schema(
        operation_id="change_dataset",
        summary="Rename a dataset, or change how its columns are read",
        responses=DatasetDetailSerializer,
    ),
    destroy=extend_schema(
        operation_id="delete_dataset", summary="Delete a version of a dataset; its models stay"
    ),
    versions=extend_schema(
        operation_id="list_dataset_versions",
        summary="List the versions of a dataset, newest first",
        responses=DatasetSerializer(many=True),
    ),
)
class DatasetViewSet(
    ETagMixin, StrictQueryMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet
):
    tags = ["datasets"]
    serializer_class = DatasetSerializer
    queryset = Dataset.objects.none()
    lookup_field = "uuid"
    lookup_value_converter = "uuid"
    parser_classes = [MultiPartParser, *api_settings.DEFAULT_PARSER_CLASSES]
    filterset_fields = ["name"]
    ordering_fields = ["created_at", "name", "row_count", "size_bytes"]
    long_actions = ("partial_update",)  # it may read the file

    @property
    def refusals(self) -> list[int]:
        return [409] if self.request.method != "GET" else []

    def get_queryset(self):
        owned = Dataset.objects.owned_by(self.request.user).newest_first()
        return owned if self.detail else owned.newest_versions().for_lists()

    def get_serializer_class(self):
        by_action = {
            "create": UploadSerializer,
            "add_version": FileSerializer,
            "partial_update": DatasetChangeSerializer,
            "retrieve": DatasetDetailSerializer,
        }
        return by_action.get(self.action, self.serializer_class)

    def create(self, request):
        sent = validated(self)
        name = sent["name"] or sent["file"].name
        with file_sent_as("file"):
            received = uploads.receive_dataset(owner=request.user, name=name, upload=sent["file"])
        return self._received(received)

    @action(detail=True, pagination_class=None, filter_backends=[])
    def versions(self, request, uuid):
        versions = self.get_object().versions.for_lists()
        return Response(DatasetSerializer(versions, many=True, context=self.get_serializer_context()).data)

    @extend_schema(
        operation_id="add_dataset_version",
        summary="Upload a newer file of a dataset; free",
        request={"multipart/form-data": FileSerializer},
        description=ACCEPTED,
        responses={201: DatasetDetailSerializer, 202: UploadStatusSerializer},
    )
    @versions.mapping.post
    def add_version(self, request, uuid):
        dataset, sent = self.get_object(), validated(self)
        with file_sent_as("file"):
            received = uploads.receive_version(dataset=dataset, upload=sent["file"])
        return self._received(received)

    def partial_update(self, request, uuid):
        dataset = self.get_object()
        self.refuse_if_changed(dataset)
        sent = validated(self)
        changed = datasets.change(dataset=dataset, only_if_unchanged=self.is_conditional, **sent)
        return Response(self._detail(changed))

    def destroy(self, request, uuid):
        datasets.delete_dataset(dataset=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _received(self, received: Dataset | Upload) -> Response:
        if isinstance(received, Upload):
            return accepted_upload(received, self.get_serializer_context())
        answer = self._detail(received)
        return Response(answer, status=status.HTTP_201_CREATED, headers={"Location": str(answer["url"])})

    def _detail(self, dataset) -> dict:
        return DatasetDetailSerializer(dataset, context=self.get_serializer_context()).data
