"""Models of others that the caller may use, and who may use the caller's."""

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.generics import get_object_or_404
from rest_framework.response import Response
from rest_framework.reverse import reverse

from mlmodels.api.links import Link
from mlmodels.lookups import owned_model
from mlmodels.models import ModelShare, ReportLink
from mlmodels.operations.sharing import create_report_link, share_model
from mlplatform.core.api import StrictBody, StrictQueryMixin, validated
from mlplatform.core.api_schema import with_examples

NAME = OpenApiParameter("name", location=OpenApiParameter.PATH, description="of the model")


class SharedModelSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="uuid", help_text="of the share")
    name = serializers.CharField(source="model.name", help_text="the name to call it by")
    model_url = Link("model-detail", source="model", lookup_field="name")
    label = serializers.CharField(source="model.label")
    target = serializers.CharField(source="model.target_name")
    owner = serializers.CharField(source="model.owner.email", help_text="e-mail address")

    class Meta:
        model = ModelShare
        fields = ["id", "name", "model_url", "label", "target", "owner", "created_at"]
        read_only_fields = fields


@extend_schema_view(
    list=extend_schema(
        operation_id="list_shared_models", summary="List the models that others share with you"
    ),
    destroy=extend_schema(operation_id="leave_shared_model", summary="Remove a shared model from your list"),
)
class SharedModelViewSet(
    StrictQueryMixin, mixins.ListModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet
):
    """You can read and predict with these models by `name`, like your own. Predictions cost your tokens."""

    tags = ["sharing"]
    refusals = ()
    serializer_class = SharedModelSerializer
    queryset = ModelShare.objects.none()
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self):
        return ModelShare.objects.of_account(self.request.user)

    def perform_destroy(self, share):
        ModelShare.objects.filter(pk=share.pk).revoke()


class OfOneModelViewSet(StrictQueryMixin, mixins.ListModelMixin, viewsets.GenericViewSet):
    tags = ["sharing"]
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    @property
    def refusals(self) -> list[int]:
        return {"create": [409, 429]}.get(self.action, [])

    @property
    def model(self):
        return owned_model(self.request.user, self.kwargs["name"])

    def get_queryset(self):
        return self.queryset.filter(model=self.model).unrevoked().newest_first()

    def destroy(self, request, name, uuid):
        found = get_object_or_404(self.get_queryset(), uuid=uuid)
        type(found).objects.filter(pk=found.pk).revoke()
        return Response(status=status.HTTP_204_NO_CONTENT)


@with_examples(sent={"With a colleague": {"email": "grace@example.com"}})
class ShareSerializer(StrictBody, serializers.ModelSerializer):
    id = serializers.UUIDField(source="uuid", read_only=True)
    email = serializers.EmailField(help_text="the account with this address may use the model")

    class Meta:
        model = ModelShare
        fields = ["id", "email", "created_at"]
        read_only_fields = ["created_at"]


@extend_schema_view(
    list=extend_schema(
        operation_id="list_shares", summary="List the accounts that a model is shared with", parameters=[NAME]
    ),
    create=extend_schema(
        operation_id="share_model",
        summary="Share a model with another account",
        parameters=[NAME],
        responses={201: ShareSerializer},
    ),
    destroy=extend_schema(operation_id="revoke_share", summary="Stop sharing a model", parameters=[NAME]),
)
class ShareViewSet(OfOneModelViewSet):
    """The other account can read the model and predict with it at its own expense. The response does not
    reveal whether the address has an account.
    """

    serializer_class = ShareSerializer
    queryset = ModelShare.objects.all()

    def create(self, request, name):
        site_url = request.build_absolute_uri("/")
        share = share_model(model=self.model, **validated(self), site_url=site_url)
        return Response(self.get_serializer(share).data, status=201)


@with_examples(
    sent={"Until it is revoked": {}, "With an expiry date": {"expires_at": "2099-12-31T00:00:00Z"}},
)
class ReportLinkSerializer(StrictBody, serializers.ModelSerializer):
    id = serializers.UUIDField(source="uuid", read_only=True)
    expires_at = serializers.DateTimeField(
        default=None, allow_null=True, help_text="null for a link that works until it is revoked"
    )

    class Meta:
        model = ReportLink
        fields = ["id", "created_at", "expires_at"]
        read_only_fields = ["created_at"]


class NewReportLinkSerializer(ReportLinkSerializer):
    url = serializers.URLField(read_only=True, help_text="shown only this once")

    class Meta(ReportLinkSerializer.Meta):
        fields = [*ReportLinkSerializer.Meta.fields, "url"]


@extend_schema_view(
    list=extend_schema(
        operation_id="list_report_links", summary="List the links to a model's report", parameters=[NAME]
    ),
    create=extend_schema(
        operation_id="create_report_link",
        summary="Create a link to a model's report",
        parameters=[NAME],
        responses={201: NewReportLinkSerializer},
    ),
    destroy=extend_schema(
        operation_id="revoke_report_link", summary="Revoke a link to a model's report", parameters=[NAME]
    ),
)
class ReportLinkViewSet(OfOneModelViewSet):
    """Anyone with the link can read the report, without an account."""

    serializer_class = ReportLinkSerializer
    queryset = ReportLink.objects.all()

    def create(self, request, name):
        link, token = create_report_link(model=self.model, **validated(self))
        url = reverse("mlmodels:shared-report", args=[token], request=request)
        return Response({**self.get_serializer(link).data, "url": url}, status=201)
