"""Template tags that every page uses: icons, and numbers as people read them."""

import math

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.timesince import timesince

GROUPED_FROM = 10_000
JUST_NOW_SECONDS = 60

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
        return grouped(value, 0)
    decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    if decimals > 8 or abs(value) >= 1e15:
        return f"{value:.{digits}g}"
    text = grouped(round(value, decimals), decimals)
    return text.rstrip("0").rstrip(".") if decimals else text


def grouped(value, decimals) -> str:
    """Digits in groups from five of them on, as in print: 12,500, and 1987 stays a year."""
    return number_format(value, decimals, use_l10n=True, force_grouping=abs(value) >= GROUPED_FROM)


@register.simple_tag
def ago(moment):
    """How long ago something was, with the exact time for machines and on hovering."""
    is_new = (timezone.now() - moment).total_seconds() < JUST_NOW_SECONDS
    words = "just now" if is_new else f"{timesince(moment, depth=1)} ago"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), f"{moment:%Y-%m-%d %H:%M} UTC", words
    )


@register.filter
def percent(share, decimals=0):
    """0.834 -> 83%."""
    return "—" if share is None else f"{share * 100:.{decimals}f}%"


@register.inclusion_tag("components/_status.html")
def status(kind, word):
    """A state as a pill: `kind` is ok, run, bad or warn."""
    icons = {"ok": "circle-check", "bad": "alert-circle", "warn": "alert-triangle"}
    return {"kind": kind, "word": word, "icon_name": icons.get(kind)}
