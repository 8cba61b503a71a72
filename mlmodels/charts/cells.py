"""Charts the size of a table cell: drawn in percentages, so that round points stay round at any width.

Shares are from 0 (left) to 1. They are hidden from screen readers, since the next cell has the figure.
"""

from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

SPARK_WIDTH, SPARK_HEIGHT = 96, 24


def bar(share: float, css: str = "bar") -> SafeString:
    return svg(
        "cell",
        '<rect class="track" y="20%" width="100%" height="60%" rx="1"/>'
        '<rect class="{}" y="20%" width="{}%" height="60%" rx="1"/>',
        css,
        percent(share),
    )


def diverging_bars(values: Sequence[float]) -> list[SafeString]:
    """A bar for each value on one scale, from zero to the right in blue, to the left in orange."""
    low, high = min(0, 0, *values), max(0, 0, *values)
    width = (high - low) or 1
    return [
        diverging_bar((min(value, 0) - low) / width, (max(value, 0) - low) / width, -low / width)
        for value in values
    ]


def diverging_bar(low: float, high: float, zero: float) -> SafeString:
    return svg(
        "cell",
        '<rect class="{0}" x="{1}%" y="15%" width="{2}%" height="70%"/>'
        '<line class="zero" x1="{3}%" x2="{3}%" y1="0" y2="100%"/>',
        "bar" if high > zero else "against",
        percent(low),
        round(percent(high) - percent(low), 1),
        percent(zero),
    )


def point(
    at: float, low: float, high: float, *, band: tuple[float, float] | None = None, is_quiet: bool = False
) -> SafeString:
    """A point with its whiskers; `band` is a range to compare with."""
    css = " quiet" if is_quiet else ""
    wash = ""
    if band:
        wash = format_html(
            '<rect class="wash" x="{}%" width="{}%" height="100%"/>',
            percent(band[0]),
            round(max(percent(band[1]) - percent(band[0]), 0.5), 1),
        )
    return svg(
        "cell tall",
        '{0}<line class="whisker{1}" x1="{2}%" x2="{3}%" y1="50%" y2="50%"/>'
        '<circle class="point{1}" cx="{4}%" cy="50%" r="6"/>',
        wash,
        css,
        percent(low),
        percent(high),
        percent(at),
    )


def scale(ticks: Sequence[tuple[float, str]]) -> SafeString:
    """The words of a scale above a column of points: shares and their texts."""
    texts = format_html_join(
        "",
        '<text x="{}%" y="70%" text-anchor="middle">{}</text>',
        ((percent(share), words) for share, words in ticks),
    )
    return svg("cell tall", "{}", texts)


def meter(at: float, low: float | None = None, high: float | None = None) -> SafeString:
    """Where a figure lies between guessing and perfect, with its range."""
    band = ""
    if low is not None and high is not None:
        band = format_html(
            '<rect class="band" x="{}%" y="20%" width="{}%" height="60%" rx="2"/>',
            percent(low),
            round(max(percent(high) - percent(low), 0), 1),
        )
    return svg(
        "meter",
        '<rect class="track" y="40%" width="100%" height="20%" rx="1.5"/>{}'
        '<circle class="point" cx="{}%" cy="50%" r="5"/>',
        band,
        percent(at),
    )


def sparkbars(counts: Sequence[int], *, label: str) -> SafeString:
    """A histogram the size of a word."""
    highest = max(counts, default=0) or 1
    step = SPARK_WIDTH / max(len(counts), 1)
    bars = []
    for i, count in enumerate(counts):
        height = max(1, count / highest * SPARK_HEIGHT)
        bars.append(
            f'<rect class="bar" x="{round(i * step, 1)}" y="{round(SPARK_HEIGHT - height, 1)}" '
            f'width="{round(max(step - 1, 1), 1)}" height="{round(height, 1)}"/>'
        )
    return format_html(
        '<svg class="spark" viewBox="0 0 {} {}" role="img" aria-label="{}" focusable="false">{}</svg>',
        SPARK_WIDTH,
        SPARK_HEIGHT,
        label,
        mark_safe("".join(bars)),  # noqa: S308 made of numbers alone
    )


def svg(css: str, content: str, *values) -> SafeString:
    return format_html(
        '<svg class="{}" aria-hidden="true" focusable="false">{}</svg>', css, format_html(content, *values)
    )


def percent(share: float) -> float:
    return round(min(max(share, 0), 1) * 100, 1)
