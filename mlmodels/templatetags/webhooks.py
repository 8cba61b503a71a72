"""Deliveries of webhooks in words."""

from django import template
from django.urls import reverse

register = template.Library()

STATES = {"pending": ("", "Pending"), "delivered": ("ok", "Delivered"), "failed": ("bad", "Given up")}


@register.simple_tag
def delivery_state(delivery):
    """The kind of a status pill and its word."""
    return STATES[delivery.status]


@register.filter
def attempt_in_words(attempt):
    return attempt["error"] or f"status {attempt['status']}"


@register.filter
def page_of_event(delivery):
    """The page of what has ended."""
    kind, _, identifier = delivery.reference.partition(":")
    return reverse(f"mlmodels:{kind}", args=[identifier])
