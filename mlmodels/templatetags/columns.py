"""Columns of a table in words and small pictures."""

from django import template

from mlmodels import charts
from mlplatform.core.formats import SECONDS_A_DAY, figure, fixed, unix_date

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
CLASSES_SHOWN = 12
SEPARATORS_IN_WORDS = {",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Pipe"}


@register.filter
def kind_in_words(kind):
    return KINDS_IN_WORDS.get(kind, kind)


@register.filter
def dialect_in_words(dialect):
    separator = SEPARATORS_IN_WORDS.get(dialect["separator"], dialect["separator"])
    return f"{separator}-separated, {dialect['encoding'].upper()}"


def column_value(value, column):
    """A value of a column as people write it: Unix seconds as a date, figures grouped, a blank as such."""
    if value is None or value == "":
        return "(blank)"
    if column["format"]["type"] == "date" and isinstance(value, int | float):
        return unix_date(value)
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
    values = "1 value" if profile["distinct"] == 1 else f"{at_least}{fixed(profile['distinct'], 0)} values"
    return f"{typical}, {values}"


@register.simple_tag
def column_sparkline(column):
    """The histogram of a column the size of a word; of texts the most frequent ones."""
    counts = bar_counts(column)
    if not counts:
        return ""
    return charts.sparkbars(counts, label=f"Distribution of {column['name']}: {typical_in_words(column)}")


@register.simple_tag
def column_distribution(column, name, is_narrow=False, task=""):
    """How the values of a column are spread, as a picture: a histogram, or the most frequent."""
    profile = column["profile"]
    title = f"Distribution of {column['name']}"
    histogram = profile.get("histogram")
    if task == "classification" or not histogram:
        shares = class_shares(profile)
        words = f"Most frequent: {typical_in_words(column)}."
        return charts.categories(shares, name=name, title=title, message=words) if shares else ""
    return charts.distribution(
        histogram["edges"],
        histogram["counts"],
        name=name,
        title=title,
        message=f"Half of the values lie between {column_value(profile['quantiles']['0.25'], column)} "
        f"and {column_value(profile['quantiles']['0.75'], column)}.",
        is_narrow=is_narrow,
        **tick_words(column),
    )


def class_shares(profile, shown=CLASSES_SHOWN) -> list[tuple[str, float]]:
    cells = profile["rows"] - profile["missing"]
    return [(text, count / cells) for text, count in profile.get("top_values", [])[:shown]] if cells else []


def tick_words(column) -> dict:
    """How the axis of a column is written, where that is not as a number: dates as days."""
    if column["format"]["type"] != "date":
        return {}
    low, high = column["profile"]["minimum"], column["profile"]["maximum"]
    return {"ticks": [low + (high - low) * share for share in (0.15, 0.85)], "write": day_of}


def day_of(seconds) -> str:
    return unix_date(seconds // SECONDS_A_DAY * SECONDS_A_DAY)


def bar_counts(column) -> list[int]:
    profile = column["profile"]
    if "histogram" in profile:
        return profile["histogram"]["counts"]
    if column["kind"] == "identifier":
        return []
    return [cells for _, cells in profile.get("top_values", [])]
