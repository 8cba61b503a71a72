"""`/api/v1/ledger`: every entry of the caller's account."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets

from billing.models import LedgerEntry
from billing.pagination import LedgerPaginator
from mlplatform.core.api import Pages, StrictQueryMixin


class LedgerEntrySerializer(serializers.ModelSerializer):
    number = serializers.IntegerField(source="seq", help_text="1, 2, 3 … without a gap")

    class Meta:
        model = LedgerEntry
        fields = ["number", "kind", "amount", "balance_after", "reason", "reference", "created_at"]


class LedgerPages(Pages):
    """Pages by the numbers of the entries; if a kind is filtered for, its entries are counted."""

    def paginate_queryset(self, queryset, request, view=None):
        if not request.query_params.get("kind"):
            self.django_paginator_class = LedgerPaginator
        return super().paginate_queryset(queryset, request, view)


@extend_schema_view(
    list=extend_schema(operation_id="list_ledger", summary="List your ledger, newest entry first")
)
class LedgerViewSet(StrictQueryMixin, mixins.ListModelMixin, viewsets.GenericViewSet):
    """Every movement of your tokens. `balance_after` of the newest entry is your balance."""

    tags = ["accounts"]
    refusals = [400]
    serializer_class = LedgerEntrySerializer
    pagination_class = LedgerPages
    queryset = LedgerEntry.objects.none()
    filterset_fields = ["kind"]

    def get_queryset(self):
        return LedgerEntry.objects.filter(account_id=self.request.user.pk).latest_first()

    def filter_queryset(self, queryset):
        found = super().filter_queryset(queryset)
        kind = self.request.query_params.get("kind")
        return found.of_kind(kind) if kind else found
