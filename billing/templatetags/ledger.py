"""Ledger entries in words, with a link to their cause."""

from django import template
from django.conf import settings
from django.urls import reverse

register = template.Library()


@register.filter
def cause_url(entry):
    """The page of what an entry was for; empty where there is none."""
    kind, _, identifier = entry.reference.partition(":")
    route = settings.LEDGER_REFERENCE_ROUTES.get(kind)
    return reverse(route, args=[identifier]) if route else ""


@register.filter
def signed(amount):
    return f"{amount:+,}".replace("-", "−")
