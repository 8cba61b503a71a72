"""Ledger entries in words with a link to their cause, and what to do when tokens are short."""

from django import template
from django.conf import settings
from django.urls import reverse
from django.utils.module_loading import import_string

register = template.Library()

REQUEST_STATES = {
    "open": ("", "Waiting"),
    "granted": ("ok", "Granted"),
    "declined": ("bad", "Declined"),
    "withdrawn": ("", "Withdrawn"),
}


@register.filter
def cause_url(entry):
    """The page of what an entry was for; empty where there is none."""
    kind, _, identifier = entry.reference.partition(":")
    route = settings.LEDGER_REFERENCE_ROUTES.get(kind)
    return reverse(route, args=[identifier]) if route else ""


@register.filter
def reason_in_words(entry):
    """The stored reason as a page writes it."""
    in_words = settings.LEDGER_REASONS_IN_WORDS.get(entry.reference.partition(":")[0])
    return import_string(in_words)(entry.reason) if in_words else entry.reason


@register.filter
def signed(amount):
    return f"{amount:+,}".replace("-", "−")


@register.simple_tag
def shop_url():
    """Where tokens are bought; empty without a shop."""
    return settings.TOKENS_URL


@register.inclusion_tag("billing/_shortage.html")
def shortage(user, price):
    """What to do, where the balance does not cover the price; nothing where it does."""
    is_short = user.token_balance < price
    return {"is_short": is_short, "price": price, "balance": user.token_balance, "shop": settings.TOKENS_URL}


@register.simple_tag
def request_state(token_request):
    """The kind of a status pill and its word."""
    return REQUEST_STATES[token_request.status]
