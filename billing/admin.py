from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html

from billing.models import LedgerEntry


@admin.register(LedgerEntry)
class LedgerEntryAdmin(admin.ModelAdmin):
    """The ledger is there to be read; tokens move through operations alone."""

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
    search_fields = ["account__email", "operation", "reference"]
    search_help_text = "E-mail address, operation or reference"
    date_hierarchy = "created_at"
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

    @admin.display(description="account", ordering="account__email")
    def account_link(self, entry):
        options = entry.account._meta
        address = reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[entry.account_id])
        return format_html('<a href="{}">{}</a>', address, entry.account)

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, entry=None):
        return False

    def has_delete_permission(self, request, entry=None):
        return False
