"""Template tags that every page uses: icons, states, and numbers and dates as people read them."""

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince

from mlplatform.core import formats

JUST_NOW_SECONDS = 60

register = template.Library()
register.filter("figure", formats.figure)
register.filter("fixed", formats.fixed)
register.filter("percent", formats.percent)
register.filter("day", formats.date)
register.filter("moment", formats.date_and_time)


@register.simple_tag
def icon(name):
    """An icon of the sprite; it is hidden from screen readers, so a word stands beside it."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        static("icons/icons.svg"),
        name,
    )


@register.simple_tag
def aria_current(shown, section):
    """The attribute of a link to the section that is shown."""
    return format_html(' aria-current="{}"', "page") if shown == section else ""


@register.simple_tag
def ago(moment):
    """How long ago something was, with the exact time for machines and on hovering."""
    is_new = (timezone.now() - moment).total_seconds() < JUST_NOW_SECONDS
    words = "just now" if is_new else f"{timesince(moment, depth=1)} ago"
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        moment.isoformat(),
        formats.date_and_time(moment),
        words,
    )


@register.filter
def plural(number, noun):
    """A count with its noun: 1 token, 12,000 tokens."""
    return f"{formats.figure(number)} {noun if number == 1 else noun + 's'}"


@register.filter
def seconds(value):
    """A duration: 0.04, 2.5, 31."""
    return formats.fixed(value, 2 if value < 1 else 1 if value < 10 else 0)


@register.filter
def size(size_bytes):
    """1,234,567 -> 1.2 MB."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "KB")):
        if size_bytes >= unit:
            return f"{formats.figure(size_bytes / unit, 2)} {name}"
    return f"{size_bytes} bytes"


@register.inclusion_tag("components/_status.html")
def status(kind, word):
    """A state as a pill: `kind` is ok, run, bad or warn."""
    icons = {"ok": "circle-check", "bad": "alert-circle", "warn": "alert-triangle"}
    return {"kind": kind, "word": word, "icon_name": icons.get(kind)}
