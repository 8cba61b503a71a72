"""Columns of a table in words and small pictures."""

from datetime import UTC, datetime

from django import template

from mlmodels import charts
from mlplatform.core.templatetags.ui import figure

register = template.Library()

KINDS_IN_WORDS = {
    "number": "number",
    "date": "date",
    "boolean": "yes or no",
    "category": "category",
    "identifier": "identifier",
    "text": "free text",
    "constant": "constant",
    "empty": "empty",
}
SEPARATORS_IN_WORDS = {",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Pipe"}
SECONDS_A_DAY = 86_400


@register.filter
def kind_in_words(kind):
    return KINDS_IN_WORDS.get(kind, kind)


@register.filter
def doubt_in_words(column):
    """What a dataset's page says of a tables.Column that is worth a look."""
    unused = "" if column.use else f"Not used: {kind_in_words(column.kind)}. "
    return unused + column.reason


@register.filter
def dialect_in_words(dialect):
    separator = SEPARATORS_IN_WORDS.get(dialect["separator"], dialect["separator"])
    return f"{separator}-separated, {dialect['encoding'].upper()}"


@register.filter
def column_value(value, column):
    """A value of a column as people write it: Unix seconds as a date, figures grouped, a blank as such."""
    if value is None or value == "":
        return "(blank)"
    if column["format"]["type"] == "date" and isinstance(value, int | float):
        return date_in_words(value)
    if column["format"]["type"] == "boolean" and isinstance(value, int | float):
        return column["format"]["true"] if value else column["format"]["false"]
    return figure(value)


@register.filter
def typical_in_words(column):
    """The middle and the range of numbers and dates; of everything else the most frequent value."""
    profile = column["profile"]
    if profile.get("typical") is None:
        return "no values"
    if column["kind"] == "identifier":
        is_unique = profile["distinct"] == profile["rows"] - profile["missing"]
        return "all different" if is_unique else "mostly different"
    typical = column_value(profile["typical"], column)
    if "minimum" in profile:
        low, high = (column_value(profile[end], column) for end in ("minimum", "maximum"))
        return f"{low} to {high}" if column["kind"] == "date" else f"{typical} ({low} to {high})"
    at_least = "" if profile["distinct_is_exact"] else "at least "
    values = "1 value" if profile["distinct"] == 1 else f"{at_least}{profile['distinct']:,} values"
    return f"{typical}, {values}"


@register.simple_tag
def column_sparkline(column):
    """The histogram of a column the size of a word; of texts the most frequent ones."""
    counts = bar_counts(column)
    if not counts:
        return ""
    return charts.sparkbars(counts, label=f"Distribution of {column['name']}: {typical_in_words(column)}")


@register.simple_tag
def column_histogram(column, name, marked=None):
    """The histogram of a column of numbers, with a line at `marked`."""
    profile = column["profile"]
    histogram = profile.get("histogram")
    if not histogram or column["kind"] == "date":
        return ""
    return charts.histogram(
        histogram["edges"],
        histogram["counts"],
        name=name,
        title=f"Distribution of {column['name']}",
        message=f"Half of the values lie between {column_value(profile['quantiles']['0.25'], column)} "
        f"and {column_value(profile['quantiles']['0.75'], column)}.",
        x_label=column["name"],
        marked=marked,
    )


def bar_counts(column) -> list[int]:
    profile = column["profile"]
    if "histogram" in profile:
        return profile["histogram"]["counts"]
    if column["kind"] == "identifier":
        return []
    return [cells for _, cells in profile.get("top_values", [])]


def date_in_words(seconds) -> str:
    """ISO, and without the time of day where it is midnight."""
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return figure(seconds)
    return moment.date().isoformat() if seconds % SECONDS_A_DAY == 0 else moment.strftime("%Y-%m-%d %H:%M:%S")
