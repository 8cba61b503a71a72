"""`/api/v1/account` and `/api/v1/keys`: the caller's account, and its keys for scripts."""

from django.conf import settings
from django.utils.module_loading import import_string
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response

from accounts.api.authentication import NotWithAKey
from accounts.limits import KEY_NAME_CHARACTERS_MAX
from accounts.models import ApiKey
from accounts.operations.keys import create_key
from billing import operations as billing
from mlplatform.core.api import StrictBody, StrictQueryMixin, validated
from mlplatform.core.api_schema import with_examples


class PricesSerializer(serializers.Serializer):
    """In tokens."""

    training = serializers.IntegerField(help_text="per training run")
    prediction = serializers.IntegerField(help_text="per predicted row")
    batch = serializers.IntegerField(help_text="per 1,000 rows of a file, rounded up")


@with_examples(
    answered={
        200: {
            "email": "ada@example.com",
            "balance": 15,
            "prices": {"training": 1, "prediction": 5, "batch": 5},
            "limits": {"datasets": 100, "models": 500, "open_runs": 3, "upload_megabytes": 50},
        }
    }
)
class AccountSerializer(serializers.Serializer):
    email = serializers.CharField()
    balance = serializers.IntegerField(source="token_balance", help_text="in tokens")
    prices = serializers.SerializerMethodField()
    limits = serializers.SerializerMethodField()

    def get_prices(self, user) -> PricesSerializer:
        return billing.prices()

    def get_limits(self, user) -> dict[str, int]:
        limits = {name: import_string(path) for name, path in settings.ACCOUNT_LIMITS.items()}
        return limits | {
            "dataset_bytes": settings.USER_FILES_MB * 1_000_000,
            "open_runs": settings.OPEN_RUNS_MAX,
            "open_batches": settings.OPEN_BATCHES_MAX,
            "upload_megabytes": settings.MAX_UPLOAD_MB,
        }


class ShowAccountView(GenericAPIView):
    """`limits` are the most that the account may have; the balance is in tokens."""

    tags = ["accounts"]
    serializer_class = AccountSerializer

    @extend_schema(operation_id="get_account", summary="Show your balance, the prices and your limits")
    def get(self, request):
        return Response(self.get_serializer(request.user).data)


@with_examples(
    sent={
        "For predictions only": {
            "name": "nightly report",
            "scope": "predict",
            "expires_at": "2099-12-31T00:00:00Z",
        },
        "For everything": {"name": "first script", "scope": "all"},
    }
)
class KeySerializer(StrictBody, serializers.ModelSerializer):
    """A key of the account. Its text is not stored: `prefix` tells keys apart."""

    name = serializers.CharField(max_length=KEY_NAME_CHARACTERS_MAX, help_text="what the key is for")
    expires_at = serializers.DateTimeField(
        default=None, allow_null=True, help_text="null for a key that works until it is revoked"
    )

    class Meta:
        model = ApiKey
        fields = ["id", "name", "prefix", "scope", "created_at", "last_used_at", "expires_at"]
        read_only_fields = ["id", "prefix", "created_at", "last_used_at"]
        extra_kwargs = {"scope": {"help_text": "`predict` may call only prediction endpoints"}}


@with_examples(
    answered={
        201: {
            "id": "018f3c5e-2b1a-4f6d-9c3e-5a7b8c9d0e1f",
            "name": "first script",
            "prefix": "mlp_3kd9",
            "scope": "all",
            "created_at": "2027-03-01T09:30:00Z",
            "last_used_at": None,
            "expires_at": None,
            "key": "mlp_3kd9…",
        }
    }
)
class NewKeySerializer(KeySerializer):
    key = serializers.CharField(read_only=True, help_text="shown only this once")

    class Meta(KeySerializer.Meta):
        fields = [*KeySerializer.Meta.fields, "key"]


@extend_schema_view(
    list=extend_schema(operation_id="list_keys", summary="List your keys, newest first"),
    create=extend_schema(
        operation_id="create_key",
        summary="Create a key for a script",
        request=KeySerializer,
        responses={201: NewKeySerializer},
    ),
    destroy=extend_schema(operation_id="revoke_key", summary="Revoke a key"),
)
class KeyViewSet(StrictQueryMixin, mixins.ListModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet):
    """A key is shown when it is created, and never again. It works until it expires or is revoked, even
    if the password changes. A key may list and revoke keys, but not create one.
    """

    tags = ["accounts"]
    serializer_class = KeySerializer
    queryset = ApiKey.objects.none()
    lookup_value_converter = "uuid"
    ordering_fields = ["created_at", "last_used_at", "expires_at", "name"]

    @property
    def refusals(self) -> list[int]:
        return {"list": [400], "create": [403, 409, 429]}.get(self.action, [])

    def get_queryset(self):
        return ApiKey.objects.filter(owner_id=self.request.user.pk).unrevoked()

    def get_permissions(self):
        return [IsAuthenticated(), NotWithAKey()] if self.action == "create" else super().get_permissions()

    def create(self, request):
        key, text = create_key(owner=request.user, **validated(self))
        return Response({**self.get_serializer(key).data, "key": text}, status=201)

    def perform_destroy(self, key):
        self.get_queryset().filter(pk=key.pk).revoke()
