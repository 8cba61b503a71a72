"""What pages with a drop zone for files have in common."""

from django.conf import settings
from django.shortcuts import redirect, render
from django_htmx.http import HttpResponseClientRedirect

from mlmodels.learning import samples
from mlmodels.operations.batches import PRICED_ROWS
from mlplatform.core.text import plural

SAMPLES_OFFERED = ("iris", "diabetes", "wine")


def upload_context() -> dict:
    """Samples and limits that the drop zone shows before an upload."""
    return {
        "samples": [samples.SAMPLES[name] for name in SAMPLES_OFFERED],
        "upload_megabytes_max": settings.MAX_UPLOAD_MB,
        "upload_bytes_max": settings.MAX_UPLOAD_MB * 1_000_000,
        "upload_too_large": f"This file is larger than {settings.MAX_UPLOAD_MB} MB. "
        "Choose a smaller file; nothing was uploaded.",
    }


def file_price() -> str:
    """The price of predicting a file, as its drop zone states it."""
    price = plural(settings.BATCH_TOKEN_COST, "token")
    return f"{price} per {PRICED_ROWS:,} rows, rounded up. You confirm the price first."


def refusal_in_drop_zone(request, sentence: str, status: int):
    """For htmx: the message alone, so that the file stays selected."""
    return render(request, "components/_note.html", {"kind": "bad", "text": sentence}, status=status)


def go_to(request, url: str):
    """A redirect that htmx follows as a whole page."""
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)
