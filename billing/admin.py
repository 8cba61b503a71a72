from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Q

from billing.models import LedgerEntry
from mlplatform.core.admin import ReadOnlyAdmin, link_to

BY_ACCOUNT = ["account_id", "-seq"]


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    list_display = [
        "created_at", "account_link", "seq", "kind", "amount", "balance_after", "reason", "reference",
        "booked_by",
    ]  # fmt: skip
    fields = [*list_display, "operation", "reverses"]
    list_filter = ["kind", "created_at"]
    list_select_related = ["account", "booked_by"]
    sortable_by = []  # only the order of the ids has an index
    search_fields = ["operation"]  # shows the search box; `get_search_results` searches
    search_help_text = "E-mail address, operation or reference, in full"

    @admin.display(description="account")
    def account_link(self, entry):
        return link_to(entry.account)

    def get_ordering(self, request):
        """Newest first, by the index that also finds the entries of one account."""
        return BY_ACCOUNT if "account__id__exact" in request.GET else ["-id"]

    def get_search_results(self, request, queryset, search_term):
        """Exact matches, each found in an index: a search within the texts would read the whole ledger."""
        if "@" in search_term:
            account = get_user_model().objects.with_email(search_term).first()
            return queryset.filter(account=account).order_by(*BY_ACCOUNT), False
        if search_term:
            queryset = queryset.filter(Q(operation=search_term) | Q(reference=search_term))
        return queryset, False
