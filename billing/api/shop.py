"""`/api/v1/shop/grants`: the webhook by which a shop grants tokens that were bought there."""

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import AllowAny
from rest_framework.response import Response

from billing.operations import AMOUNT_MAX_TOKENS, REASON_CHARACTERS_MAX
from billing.shop import grant_from_shop
from mlplatform.core.api import validated
from mlplatform.core.api_schema import with_examples
from mlplatform.core.errors import NotFound, NotSignedIn
from mlplatform.core.webhook_signatures import is_signed

HEADERS = {
    "webhook-id": "The id of the event. Sent again with the same body, nothing more is granted.",
    "webhook-timestamp": "Unix time in seconds, at most five minutes off.",
    "webhook-signature": "`v1,` and the Base64 of the HMAC-SHA256 over `id.timestamp.body`.",
}


class WrongSignature(NotSignedIn):
    code = "wrong_signature"
    message = "The signature does not match, or the time is more than five minutes off."


class NoShop(NotFound):
    message = "This installation does not accept grants from a shop."


@with_examples(sent={"An order": {"email": "ada@example.com", "amount": 100, "reason": "Order 1042"}})
class ShopGrantSerializer(serializers.Serializer):
    email = serializers.CharField(help_text="whose account gets the tokens")
    amount = serializers.IntegerField(min_value=1, max_value=AMOUNT_MAX_TOKENS, help_text="tokens")
    reason = serializers.CharField(
        max_length=REASON_CHARACTERS_MAX, help_text="shown in the ledger of the user, such as the order"
    )


@with_examples(answered={200: {"event": "order-1042", "number": 7, "amount": 100, "balance_after": 115}})
class BookedEventSerializer(serializers.Serializer):
    event = serializers.CharField(help_text="the id of the event")
    number = serializers.IntegerField(help_text="of the ledger entry of the account")
    amount = serializers.IntegerField()
    balance_after = serializers.IntegerField()


class ShopGrantView(GenericAPIView):
    """For the shop of this installation, which signs its requests as Standard Webhooks specifies."""

    tags = ["administration"]
    refusals = [401, 404, 422]
    authentication_classes = []
    permission_classes = [AllowAny]
    serializer_class = ShopGrantSerializer

    @extend_schema(
        operation_id="shop_grant",
        summary="Grant tokens that were bought in a shop",
        parameters=[
            OpenApiParameter(name, location=OpenApiParameter.HEADER, required=True, description=description)
            for name, description in HEADERS.items()
        ],
        responses=BookedEventSerializer,
    )
    def post(self, request):
        event_id, body = request.headers.get("webhook-id", ""), request.body
        check_signature(request, event_id, body)
        entry = grant_from_shop(event_id=event_id, body=body, **validated(self))
        return Response(
            {
                "event": event_id,
                "number": entry.seq,
                "amount": entry.amount,
                "balance_after": entry.balance_after,
            }
        )


def check_signature(request, event_id: str, body: bytes) -> None:
    if not settings.TOKENS_WEBHOOK_SECRET:
        raise NoShop
    if not is_signed(
        secret=settings.TOKENS_WEBHOOK_SECRET,
        event_id=event_id,
        timestamp=request.headers.get("webhook-timestamp", ""),
        signatures=request.headers.get("webhook-signature", ""),
        body=body,
    ):
        raise WrongSignature
