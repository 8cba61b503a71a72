"""Ledger entries in words, with a link to their cause."""

from django import template
from django.urls import reverse

register = template.Library()

# Kind of reference -> route of what it names. Routes are names, so that billing knows no other app.
CAUSES = {"run": "mlmodels:run", "prediction": "mlmodels:prediction"}


@register.filter
def cause_url(entry):
    """The page of what an entry was for; empty where there is none."""
    kind, _, identifier = entry.reference.partition(":")
    return reverse(CAUSES[kind], args=[identifier]) if kind in CAUSES else ""


@register.filter
def signed(amount):
    return f"{amount:+,}".replace("-", "−")
