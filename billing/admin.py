from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Q
from django.urls import reverse
from django.utils.html import format_html

from billing.models import LedgerEntry
from mlplatform.core.admin import BoundedPaginator

BY_ACCOUNT = ["account_id", "-seq"]


@admin.register(LedgerEntry)
class LedgerEntryAdmin(admin.ModelAdmin):
    """Read-only: tokens move only through operations."""

    list_display = [
        "created_at",
        "account_link",
        "seq",
        "kind",
        "amount",
        "balance_after",
        "reason",
        "reference",
        "booked_by",
    ]
    list_filter = ["kind", "created_at"]
    list_select_related = ["account", "booked_by"]
    list_per_page = 50
    paginator = BoundedPaginator
    show_full_result_count = False
    sortable_by = []  # only the order of the ids has an index
    search_fields = ["operation"]  # shows the search box; `get_search_results` searches
    search_help_text = "E-mail address, operation or reference, in full"
    fields = [
        "account_link",
        "seq",
        "kind",
        "amount",
        "balance_after",
        "reason",
        "reference",
        "operation",
        "reverses",
        "booked_by",
        "created_at",
    ]

    @admin.display(description="account")
    def account_link(self, entry):
        options = entry.account._meta
        url = reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[entry.account_id])
        return format_html('<a href="{}">{}</a>', url, entry.account)

    def get_ordering(self, request):
        """Newest first, by the index that also finds the entries of one account."""
        return BY_ACCOUNT if "account__id__exact" in request.GET else ["-id"]

    def get_search_results(self, request, queryset, search_term):
        """Exact matches, each found in an index: a search inside the texts would read the whole ledger."""
        if "@" in search_term:
            users = get_user_model().objects
            account = users.filter(email=users.normalize_email(search_term)).first()
            return queryset.filter(account=account).order_by(*BY_ACCOUNT), False
        if search_term:
            queryset = queryset.filter(Q(operation=search_term) | Q(reference=search_term))
        return queryset, False

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, entry=None):
        return False

    def has_delete_permission(self, request, entry=None):
        return False
