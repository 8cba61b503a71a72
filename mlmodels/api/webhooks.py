"""Webhooks and their deliveries as a resource."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.reverse import reverse

from mlmodels.api.examples import EXAMPLE_RUN
from mlmodels.lookups import owned_delivery
from mlmodels.models import Webhook, WebhookDelivery
from mlmodels.models.webhooks import Event
from mlmodels.operations.webhooks import create_webhook, delete_webhook, deliver_again, send_test
from mlplatform.core.api import StrictBody, StrictQueryMixin, validated
from mlplatform.core.api_schema import with_examples
from mlplatform.core.outbound import URL_CHARACTERS_MAX

EVENTS = [event.value for event in Webhook.CHOSEN_EVENTS]


@with_examples(
    sent={"Runs and batches": {"url": "https://hooks.example.com/ml", "events": ["run.ended", "batch.ended"]}}
)
class WebhookSerializer(StrictBody, serializers.ModelSerializer):
    id = serializers.UUIDField(source="uuid", read_only=True)
    url = serializers.CharField(
        max_length=URL_CHARACTERS_MAX, help_text="http or https, on the public internet"
    )
    events = serializers.ListField(
        child=serializers.ChoiceField(EVENTS), min_length=1, help_text="which events are sent"
    )

    class Meta:
        model = Webhook
        fields = ["id", "url", "events", "created_at"]
        read_only_fields = ["created_at"]


@with_examples(
    answered={
        201: {
            "id": "5d0f0a52-95c5-4a1e-8c1f-0f5b6b1c2d3e",
            "url": "https://hooks.example.com/ml",
            "events": ["run.ended", "batch.ended"],
            "created_at": "2027-03-01T09:30:00Z",
            "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        }
    }
)
class NewWebhookSerializer(WebhookSerializer):
    secret = serializers.CharField(read_only=True, help_text="signs what is sent; shown only this once")

    class Meta(WebhookSerializer.Meta):
        fields = [*WebhookSerializer.Meta.fields, "secret"]


class AttemptSerializer(serializers.Serializer):
    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True, help_text="of the response; null if there was none")
    error = serializers.CharField(allow_blank=True)
    seconds = serializers.FloatField()


@with_examples(
    answered={
        200: {
            "id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
            "event": "run.ended",
            "reference": f"run:{EXAMPLE_RUN}",
            "status": "delivered",
            "attempts": [{"at": "2027-03-01T09:30:01Z", "status": 204, "error": "", "seconds": 0.12}],
            "next_attempt_at": "2027-03-01T09:30:00Z",
            "created_at": "2027-03-01T09:30:00Z",
        }
    }
)
class DeliverySerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="uuid", help_text="the `webhook-id` of the request")
    event = serializers.ChoiceField([event.value for event in Event])
    attempts = AttemptSerializer(many=True)

    class Meta:
        model = WebhookDelivery
        fields = ["id", "event", "reference", "status", "attempts", "next_attempt_at", "created_at"]
        read_only_fields = fields


@extend_schema_view(
    list=extend_schema(operation_id="list_webhooks", summary="List your webhooks, newest first"),
    retrieve=extend_schema(operation_id="get_webhook", summary="Show a webhook"),
    create=extend_schema(
        operation_id="create_webhook",
        summary="Create a webhook",
        responses={201: NewWebhookSerializer},
    ),
    destroy=extend_schema(operation_id="delete_webhook", summary="Delete a webhook and its deliveries"),
)
class WebhookViewSet(
    StrictQueryMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet,
):
    """Requests are signed by the scheme of Standard Webhooks, and sent again until a 2xx is answered."""

    tags = ["webhooks"]
    serializer_class = WebhookSerializer
    queryset = Webhook.objects.none()
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    @property
    def refusals(self) -> list[int]:
        return {"list": [400], "create": [409], "test": [429], "send_again": [409]}.get(self.action, [])

    def get_queryset(self):
        return Webhook.objects.owned_by(self.request.user).newest_first()

    def create(self, request):
        webhook = create_webhook(owner=request.user, **validated(self))
        location = reverse("webhook-detail", args=[webhook.uuid], request=request)
        return Response(NewWebhookSerializer(webhook).data, status=201, headers={"Location": location})

    def perform_destroy(self, webhook):
        delete_webhook(webhook=webhook)

    @extend_schema(
        operation_id="test_webhook", summary="Send a test", request=None, responses=DeliverySerializer
    )
    @action(detail=True, methods=["post"])
    def test(self, request, uuid):
        return Response(DeliverySerializer(send_test(webhook=self.get_object())).data)

    @extend_schema(
        operation_id="list_webhook_deliveries",
        summary="List the deliveries of a webhook, newest first",
        responses=DeliverySerializer(many=True),
    )
    @action(detail=True)
    def deliveries(self, request, uuid):
        self.refuse_unknown_parameters()
        page = self.paginate_queryset(self.get_object().deliveries.newest_first())
        return self.get_paginated_response(DeliverySerializer(page, many=True).data)

    @extend_schema(
        operation_id="deliver_again",
        summary="Send a delivery again",
        request=None,
        responses=DeliverySerializer,
    )
    @action(detail=True, methods=["post"], url_path="deliveries/<uuid:delivery>/send-again")
    def send_again(self, request, uuid, delivery):
        found = owned_delivery(request.user, uuid, delivery)
        return Response(DeliverySerializer(deliver_again(delivery=found)).data)
