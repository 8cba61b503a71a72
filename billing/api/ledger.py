"""`/api/v1/ledger`: every entry of the caller's account."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets

from billing.models import LedgerEntry
from mlplatform.core.api import StrictQueryMixin


class LedgerEntrySerializer(serializers.ModelSerializer):
    number = serializers.IntegerField(source="seq", help_text="1, 2, 3 … without a gap")

    class Meta:
        model = LedgerEntry
        fields = ["number", "kind", "amount", "balance_after", "reason", "reference", "created_at"]


@extend_schema_view(
    list=extend_schema(operation_id="list_ledger", summary="List your ledger, newest entry first")
)
class LedgerViewSet(StrictQueryMixin, mixins.ListModelMixin, viewsets.GenericViewSet):
    """Every movement of your tokens. `balance_after` of the newest entry is your balance."""

    tags = ["accounts"]
    refusals = [400]
    serializer_class = LedgerEntrySerializer
    queryset = LedgerEntry.objects.none()
    filterset_fields = ["kind"]

    def get_queryset(self):
        return LedgerEntry.objects.filter(account_id=self.request.user.pk).latest_first()
