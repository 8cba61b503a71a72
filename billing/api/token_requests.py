"""`/api/v1/token-requests`: ask the administrators for tokens."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.reverse import reverse

from billing import token_requests
from billing.models import TokenRequest
from billing.operations import AMOUNT_MAX_TOKENS
from mlplatform.core.api import ETagMixin, StrictBody, StrictQueryMixin, validated
from mlplatform.core.api_schema import with_examples


@with_examples(sent={"100 tokens": {"amount": 100, "reason": "To predict the prices of next year"}})
class TokenRequestSerializer(StrictBody, serializers.ModelSerializer):
    amount = serializers.IntegerField(min_value=1, max_value=AMOUNT_MAX_TOKENS, help_text="tokens asked for")
    reason = serializers.CharField(
        max_length=token_requests.REASON_CHARACTERS_MAX, help_text="what they are needed for"
    )

    class Meta:
        model = TokenRequest
        fields = ["id", "amount", "reason", "status", "amount_granted", "note", "created_at", "ended_at"]
        read_only_fields = ["id", "status", "amount_granted", "note", "created_at", "ended_at"]


@extend_schema_view(
    list=extend_schema(
        operation_id="list_token_requests", summary="List your requests for tokens, newest first"
    ),
    retrieve=extend_schema(operation_id="get_token_request", summary="Show a request for tokens"),
    create=extend_schema(operation_id="request_tokens", summary="Ask the administrators for tokens"),
)
class TokenRequestViewSet(
    ETagMixin, StrictQueryMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet
):
    """An administrator grants or declines; you get an e-mail. One request is open at a time."""

    tags = ["accounts"]
    serializer_class = TokenRequestSerializer
    queryset = TokenRequest.objects.none()
    lookup_value_converter = "uuid"
    filterset_fields = ["status"]

    @property
    def refusals(self) -> list[int]:
        return {"list": [400], "create": [409, 429], "withdraw": [409]}.get(self.action, [])

    def get_queryset(self):
        return TokenRequest.objects.filter(account_id=self.request.user.pk).newest_first()

    def create(self, request):
        site_url = request.build_absolute_uri("/")
        made = token_requests.request_tokens(user=request.user, **validated(self), site_url=site_url)
        location = reverse("token-request-detail", [made.pk], request=request)
        return Response(self.get_serializer(made).data, status=201, headers={"Location": location})

    @extend_schema(
        operation_id="withdraw_token_request", summary="Withdraw an open request for tokens", request=None
    )
    @action(detail=True, methods=["post"])
    def withdraw(self, request, pk):
        withdrawn = token_requests.withdraw_request(request=self.get_object())
        return Response(self.get_serializer(withdrawn).data)
