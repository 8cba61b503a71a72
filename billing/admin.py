from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.html import format_html

from billing.forms import DecisionForm
from billing.models import IdempotencyKey, LedgerEntry, TokenRequest
from billing.token_requests import decline_request, grant_request
from mlplatform.core.admin import ReadOnlyAdmin, link_to, url_by_uuid
from mlplatform.core.errors import DomainError

BY_ACCOUNT = ["account_id", "-seq"]


class OfAccountAdmin(ReadOnlyAdmin):
    """Rows that belong to an account."""

    list_select_related = ["account"]

    @admin.display(description="account")
    def account_link(self, row):
        return link_to(row.account)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(OfAccountAdmin):
    list_display = [
        "created_at", "account_link", "seq", "kind", "amount", "balance_after", "reason", "paid_for",
        "booked_by",
    ]  # fmt: skip
    fields = [*list_display, "operation", "reference", "reverses"]
    list_filter = ["kind", "created_at"]
    list_select_related = ["account", "booked_by"]
    sortable_by = []  # only the order of the ids has an index
    search_fields = ["operation"]  # shows the search box; `get_search_results` searches
    search_help_text = "E-mail address, operation or reference, in full"

    @admin.display(description="for", empty_value="-")
    def paid_for(self, entry):
        kind, _, identifier = entry.reference.partition(":")
        if kind not in settings.LEDGER_REFERENCE_MODELS:
            return entry.reference
        url = url_by_uuid(settings.LEDGER_REFERENCE_MODELS[kind], identifier)
        return format_html('<a href="{}">{}</a>', url, entry.reference)

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


@admin.register(TokenRequest)
class TokenRequestAdmin(OfAccountAdmin):
    """Open requests first, each with two buttons. Its page takes another amount and a note to the user."""

    list_display = ["account_link", "amount", "decision", "reason", "status", "amount_granted", "created_at"]
    fields = ["account_link", "amount", "reason", "status", "amount_granted", "note", "decided_by",
              "created_at", "ended_at"]  # fmt: skip
    list_display_links = ["amount"]
    list_filter = ["status", "created_at"]
    sortable_by = []
    search_fields = ["=account__email"]
    search_help_text = "E-mail address, in full"
    change_form_template = "admin/billing/tokenrequest/change_form.html"

    @admin.display(description="")
    def decision(self, token_request):
        """Buttons of the form around the list, each with an address of its own."""
        if not token_request.is_open:
            return ""
        return format_html(
            '<button class="button" formaction="{}">Grant {}</button> '
            '<button class="button" formaction="{}">Decline</button>',
            reverse("admin:billing_tokenrequest_grant", args=[token_request.pk]),
            token_request.amount,
            reverse("admin:billing_tokenrequest_decline", args=[token_request.pk]),
        )

    def get_list_display(self, request):
        can_decide = self.has_administer_permission(request)
        return [name for name in self.list_display if can_decide or name != "decision"]

    # billing/tokenrequest/…

    def get_urls(self):
        def page(path_of, view, name):
            return path(path_of, self.admin_site.admin_view(view), name=f"billing_tokenrequest_{name}")

        return [
            page("<uuid:request_id>/grant/", self.grant_view, "grant"),
            page("<uuid:request_id>/decline/", self.decline_view, "decline"),
            *super().get_urls(),
        ]

    def change_view(self, request, object_id, form_url="", extra_context=None):
        token_request = self.get_object(request, object_id)
        if token_request and token_request.is_open and self.has_administer_permission(request):
            form = DecisionForm(initial={"amount": token_request.amount})
            extra_context = {**(extra_context or {}), "decision_form": form, "token_request": token_request}
        return super().change_view(request, object_id, form_url, extra_context)

    def grant_view(self, request, request_id):
        return self.decide(request, request_id, grant_request, "Granted.", "amount", "note")

    def decline_view(self, request, request_id):
        return self.decide(request, request_id, decline_request, "Declined.", "note")

    def decide(self, request, request_id, operation, done, *fields):
        """Buttons of the list send neither amount nor note: what was asked for is granted, without a note."""
        if request.method != "POST" or not self.has_administer_permission(request):
            raise PermissionDenied
        token_request = get_object_or_404(TokenRequest.objects.select_related("account"), pk=request_id)
        form = DecisionForm(request.POST) if "note" in request.POST else None
        if form and not form.is_valid():
            messages.error(
                request, " ".join(sentence for found in form.errors.values() for sentence in found)
            )
            return redirect("admin:billing_tokenrequest_change", request_id)
        given = {name: form.cleaned_data[name] for name in fields} if form else {}
        try:
            operation(
                request=token_request, by=request.user, **given, site_url=request.build_absolute_uri("/")
            )
        except DomainError as refusal:
            messages.error(request, refusal.message)
        else:
            self.log_change(request, token_request, done)
            messages.success(request, f"{token_request}: {token_request.status}.")
        return redirect("admin:billing_tokenrequest_changelist")


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(OfAccountAdmin):
    """Requests that charge and named a key, for a day; without the answers, which are their owner's."""

    list_display = ["created_at", "account_link", "endpoint", "key", "status", "reference"]
    fields = list_display
    list_filter = ["created_at", "status"]
    ordering = ["-id"]
    search_fields = ["=key", "=reference", "=account__email"]
