"""Template tags that every page uses: icons, and numbers as people read them."""

import math

from django import template
from django.templatetags.static import static
from django.utils.formats import number_format
from django.utils.html import format_html

register = template.Library()


@register.simple_tag
def icon(name):
    """An icon of the sprite; it is hidden from screen readers, so a word stands beside it."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        static("icons/icons.svg"),
        name,
    )


@register.filter
def figure(value, digits=4):
    """A measured number with `digits` significant digits: 29846.2 -> 29,846; 4.30 -> 4.3."""
    if value is None:
        return "—"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if not math.isfinite(value):
        return "∞" if value > 0 else "—"
    if value == 0 or isinstance(value, int):
        return number_format(value, use_l10n=True, force_grouping=True)
    decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    if decimals > 8 or abs(value) >= 1e15:
        return f"{value:.{digits}g}"
    grouped = number_format(round(value, decimals), decimals, use_l10n=True, force_grouping=True)
    return grouped.rstrip("0").rstrip(".") if decimals else grouped


@register.filter
def percent(share, decimals=0):
    """0.834 -> 83%."""
    return "—" if share is None else f"{share * 100:.{decimals}f}%"


@register.inclusion_tag("components/_status.html")
def status(kind, word):
    """A state as a pill: `kind` is ok, run, bad or warn."""
    icons = {"ok": "circle-check", "bad": "alert-circle", "warn": "alert-triangle"}
    return {"kind": kind, "word": word, "icon_name": icons.get(kind)}
