"""/tokens/: what is there to spend, and every movement with its cause."""

import io

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from billing.models import LedgerEntry
from mlplatform.core.csv_export import write_csv

ENTRIES_A_PAGE = 50
CSV_HEADER = ["number", "time", "kind", "change", "balance", "reason", "reference"]


@require_GET
def tokens(request):
    kind = request.GET.get("kind", "")
    entries = request.user.ledger_entries.latest_first()
    if kind in LedgerEntry.Kind.values:
        entries = entries.filter(kind=kind)
    context = {
        "section": "tokens",
        "kind": kind,
        "kinds": LedgerEntry.Kind.choices,
        "page": Paginator(entries, ENTRIES_A_PAGE).get_page(request.GET.get("page")),
        "totals": request.user.ledger_entries.totals(),
        "held": request.user.training_runs.held_tokens(),
        "prices": {"training": settings.TRAINING_TOKEN_COST, "prediction": settings.PREDICTION_TOKEN_COST},
    }
    return render(request, "billing/_ledger.html" if request.htmx else "billing/tokens.html", context)


@require_GET
def ledger_csv(request):
    """The whole ledger, oldest entry first; its texts are safe to open in a spreadsheet."""
    text = io.StringIO()
    entries = request.user.ledger_entries.order_by("seq")
    write_csv(
        text,
        CSV_HEADER,
        (
            [e.seq, e.created_at.isoformat(), e.kind, e.amount, e.balance_after, e.reason, e.reference]
            for e in entries.iterator()
        ),
    )
    return HttpResponse(
        text.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="ledger.csv"'},
    )
