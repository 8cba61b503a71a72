"""/tokens/: the balance, requests for more, and every entry of the ledger with a link to its cause."""

from django.conf import settings
from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.module_loading import import_string
from django.views.decorators.http import require_GET, require_POST

from billing import token_requests
from billing.forms import TokenRequestForm
from billing.models import LedgerEntry
from billing.operations import prices
from billing.pagination import LedgerPaginator
from mlplatform.core.csv_export import csv_lines
from mlplatform.core.streaming import download, in_blocks, read_in_chunks

ENTRIES_PER_PAGE = 50
REQUESTS_SHOWN = 5
CSV_HEADER = ["number", "time", "kind", "change", "balance", "reason", "reference"]


@require_GET
def tokens(request):
    return show_tokens(request)


@require_POST
def request_tokens(request):
    form = TokenRequestForm(request.POST)
    if form.is_valid():
        with form.refusals():
            site_url = request.build_absolute_uri("/")
            token_requests.request_tokens(user=request.user, **form.cleaned_data, site_url=site_url)
            messages.success(request, "Your request was sent. You will get an e-mail with the decision.")
            return redirect("billing:tokens")
    return show_tokens(request, request_form=form, status=422)


@require_POST
def withdraw_request(request, request_id):
    found = get_object_or_404(request.user.token_requests, pk=request_id)
    token_requests.withdraw_request(request=found)
    messages.success(request, "The request was withdrawn.")
    return redirect("billing:tokens")


def show_tokens(request, *, request_form=None, status=200):
    entries = request.user.ledger_entries.all()
    kind = request.GET.get("kind", "")
    context = {
        "section": "tokens",
        "kind": kind,
        "kinds": LedgerEntry.Kind.choices,
        "in_progress": import_string(settings.TOKENS_IN_PROGRESS)(owner=request.user),
        "prices": prices(),
    }
    if kind in LedgerEntry.Kind.values:
        context |= entries_of_kind(entries.of_kind(kind), before=request.GET.get("before", ""))
    else:
        page = LedgerPaginator(entries, ENTRIES_PER_PAGE).get_page(request.GET.get("page"))
        context |= {"page": page, "entries": page.object_list}
    if request.htmx:
        return render(request, "billing/_ledger.html", context)
    context["requests"] = list(request.user.token_requests.newest_first()[:REQUESTS_SHOWN])
    context["request_form"] = request_form or TokenRequestForm()
    return render(request, "billing/tokens.html", context, status=status)


def entries_of_kind(entries, *, before: str) -> dict:
    """The `entries` below the number `before`, and the number `older` below which there are more, if any.

    The numbers of one kind have gaps, so there are no page numbers.
    """
    if before.isascii() and before.isdecimal() and len(before) < 19:
        entries = entries.filter(seq__lt=int(before))
    found = list(entries.latest_first()[: ENTRIES_PER_PAGE + 1])
    shown = found[:ENTRIES_PER_PAGE]
    return {"entries": shown, "before": before, "older": shown[-1].seq if len(found) > len(shown) else None}


@require_GET
def ledger_csv(request):
    """The whole ledger, oldest entry first, safe to open in a spreadsheet."""
    rows = (
        [e.seq, e.created_at.isoformat(), e.kind, e.amount, e.balance_after, e.reason, e.reference]
        for e in read_in_chunks(request.user.ledger_entries.all(), by="seq")
    )
    pieces = csv_lines(CSV_HEADER, rows)
    return download(in_blocks(pieces), content_type="text/csv; charset=utf-8", file_name="ledger.csv")
