"""Numbers to inline SVG: no script, no style attributes, colored by static/css/charts.css.

Every chart takes a `name` that is unique on its page (its ids are made from it), a `title`, and a `message`:
one sentence that says what the chart shows, read out by screen readers. Charts are drawn in
a coordinate system of their own and scaled by the page.
"""

import math
from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

CONFUSION_CLASSES_MAX = 12
HEAT_STEPS = 8
TYPE_WIDTH = 7.5  # of a character at 13 px, generous


def scatter(
    points: Sequence[tuple[float, float]], *, name: str, title: str, message: str, x_label: str, y_label: str
) -> SafeString:
    """Points (x, y) on equal axes, with the diagonal on which a perfect prediction lies."""
    lowest = min(min(point) for point in points)
    highest = max(max(point) for point in points)
    plot = Plot(name, title, message)
    plot.scale(x=(lowest, highest), y=(lowest, highest))
    plot.axes(x_label, y_label)
    dots = "".join(f"M{plot.x(x):g} {plot.y(y):g}h0" for x, y in points)
    plot.add('<path class="dots" d="{}"/>', dots)
    plot.reference_line(plot.x_low, plot.y_low, plot.x_high, plot.y_high)
    return plot.svg()


def histogram(
    edges: Sequence[float],
    counts: Sequence[int],
    *,
    name: str,
    title: str,
    message: str,
    x_label: str,
    marked: float | None = None,
    unit: str = "rows",
) -> SafeString:
    """Bars between `edges` (one more than `counts`); `marked` draws a line at that value."""
    plot = Plot(name, title, message)
    lowest, highest = edges[0], edges[-1]
    if marked is not None:
        lowest, highest = min(lowest, marked), max(highest, marked)
    plot.scale(x=(lowest, highest), y=(0, max(counts) or 1))
    plot.axes(x_label, unit)
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        left, top = plot.x(low), plot.y(count)
        plot.add(
            '<rect class="bar" x="{}" y="{}" width="{}" height="{}"><title>{} to {}: {} {}</title></rect>',
            round(left + 0.5, 1),
            top,
            round(max(plot.x(high) - left - 1, 0.5), 1),
            round(max(plot.bottom - top, 0), 1),
            short_number(low),
            short_number(high),
            count,
            unit,
        )
    if marked is not None:
        plot.add('<path class="pin" d="M{} {}V{}"/>', plot.x(marked), plot.top, plot.bottom)
    return plot.svg()


def roc(
    points: Sequence[tuple[float, float]], *, area: float, name: str, title: str, message: str
) -> SafeString:
    """Points (false positive rate, true positive rate) in rising order, with the diagonal of chance."""
    quarters = [0, 0.25, 0.5, 0.75, 1]
    plot = Plot(name, title, message)
    plot.scale(x=(0, 1), y=(0, 1), padded=False)
    plot.axes("False positive rate", "True positive rate", x_ticks=quarters, y_ticks=quarters)
    plot.reference_line(0, 0, 1, 1)
    line = "L".join(f"{plot.x(x):g} {plot.y(y):g}" for x, y in points)
    plot.add('<path class="line" d="M{}"/>', line)
    plot.text(plot.x(0.97), plot.y(0.06), f"AUC {area:.3f}", anchor="end", css="label")
    return plot.svg()


def confusion_matrix(
    labels: Sequence[object], matrix: Sequence[Sequence[int]], *, name: str, title: str, message: str
) -> SafeString:
    """Rows are actual classes, columns predicted ones; each cell shows its count and its share of the row."""
    shown = [shorten(label, 14) for label in labels]
    cell = 84 if len(labels) <= 6 else 60
    left = 40 + round(max(len(label) for label in shown) * TYPE_WIDTH)
    top = 52
    plot = Plot(
        name, title, message, width=left + len(labels) * cell + 8, height=top + len(labels) * cell + 8
    )
    middle = len(labels) * cell / 2
    plot.text(left + middle, 16, "Predicted")
    plot.vertical_text(14, top + middle, "Actual")
    for i, label in enumerate(shown):
        center = i * cell + cell / 2
        plot.text(left + center, top - 12, shorten(label, round(cell / TYPE_WIDTH)), css="label")
        plot.text(left - 10, top + center + 4, label, anchor="end", css="label")
    for i, row in enumerate(matrix):
        for j, count in enumerate(row):
            _confusion_cell(plot, left + j * cell, top + i * cell, cell, count, count / (sum(row) or 1))
    return plot.svg()


def _confusion_cell(plot, x, y, cell, count, share):
    step = min(HEAT_STEPS, int(share * (HEAT_STEPS + 1)))
    css = "value on-dark-cell" if step >= 6 else "value"
    rect = '<rect class="heat-{}" x="{}" y="{}" width="{}" height="{}" rx="3"/>'
    plot.add(rect, step, x + 1, y + 1, cell - 2, cell - 2)
    for offset, text in ((-2, count), (16, f"{share:.0%}")):
        plot.text(x + cell / 2, y + cell / 2 + offset, text, css=css)


def sparkbars(counts: Sequence[int], *, label: str) -> SafeString:
    """A histogram the size of a word, for a table cell."""
    width, height = 96, 24
    highest = max(counts, default=0) or 1
    step = width / max(len(counts), 1)
    bars = []
    for i, count in enumerate(counts):
        bar = max(1, count / highest * height)
        bars.append(
            f'<rect class="bar" x="{round(i * step, 1)}" y="{round(height - bar, 1)}" '
            f'width="{round(max(step - 1, 1), 1)}" height="{round(bar, 1)}"/>'
        )
    return format_html(
        '<svg class="spark" viewBox="0 0 {} {}" role="img" aria-label="{}" focusable="false">{}</svg>',
        width,
        height,
        label,
        mark_safe("".join(bars)),  # noqa: S308 made of numbers alone
    )


def bar_cell(share: float) -> SafeString:
    """A bar from 0 to 1 behind a figure in a table; the figure itself stands in the next cell."""
    return format_html(
        '<svg class="bar-cell" aria-hidden="true" focusable="false">'
        '<rect class="track" width="100%" height="100%" rx="2"/>'
        '<rect class="bar" width="{}%" height="100%" rx="2"/></svg>',
        round(min(max(share, 0), 1) * 100, 1),
    )


class Plot:
    """An SVG under construction: a plot area inside margins, and the mapping from data to its coordinates."""

    def __init__(self, name: str, title: str, message: str, *, width: float = 560, height: float = 340):
        self.name, self.title, self.message = name, title, message
        self.width, self.height = width, height
        self.left, self.right = 74, width - 16
        self.top, self.bottom = 12, height - 44
        self.parts: list[str] = []

    def scale(self, *, x: tuple[float, float], y: tuple[float, float], padded: bool = True):
        """Give the axes their range; a range without width is opened around its value."""
        self.x_low, self.x_high = _opened(*x)
        self.y_low, self.y_high = _opened(*y)
        if padded and self.y_low == 0:
            self.y_high *= 1.05

    def x(self, value: float) -> float:
        share = (value - self.x_low) / (self.x_high - self.x_low)
        return round(self.left + share * (self.right - self.left), 1)

    def y(self, value: float) -> float:
        share = (value - self.y_low) / (self.y_high - self.y_low)
        return round(self.bottom - share * (self.bottom - self.top), 1)

    def add(self, template: str, *values):
        self.parts.append(format_html(template, *values))

    def text(self, x: float, y: float, content, *, anchor: str = "middle", css: str = "tick"):
        self.add('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>', css, x, y, anchor, content)

    def vertical_text(self, x: float, y: float, content):
        element = '<text transform="translate({} {}) rotate(-90)" text-anchor="middle">{}</text>'
        self.add(element, x, y, content)

    def reference_line(self, x1: float, y1: float, x2: float, y2: float):
        self.add('<path class="ref" d="M{} {}L{} {}"/>', self.x(x1), self.y(y1), self.x(x2), self.y(y2))

    def axes(self, x_label: str, y_label: str, x_ticks=None, y_ticks=None):
        for value in y_ticks or nice_ticks(self.y_low, self.y_high):
            at = self.y(value)
            self.add('<path class="grid" d="M{} {}H{}"/>', self.left, at, self.right)
            self.text(self.left - 6, at + 4, short_number(value), anchor="end")
        for value in x_ticks or nice_ticks(self.x_low, self.x_high):
            self.text(self.x(value), self.bottom + 16, short_number(value))
        self.add('<path class="axis" d="M{} {}H{}"/>', self.left, self.bottom, self.right)
        self.text((self.left + self.right) / 2, self.height - 6, shorten(x_label, 48))
        self.vertical_text(13, (self.top + self.bottom) / 2, shorten(y_label, 32))

    def svg(self) -> SafeString:
        return format_html(
            '<svg class="chart" viewBox="0 0 {width} {height}" role="img" focusable="false"'
            ' aria-labelledby="{name}-title" aria-describedby="{name}-message">'
            '<title id="{name}-title">{title}</title><desc id="{name}-message">{message}</desc>{parts}</svg>',
            width=self.width,
            height=self.height,
            name=self.name,
            title=self.title,
            message=self.message,
            parts=mark_safe("".join(self.parts)),  # noqa: S308 each part was escaped by add()
        )


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round values between `low` and `high`: steps of 1, 2, 2.5 or 5 times a power of ten."""
    low, high = _opened(low, high)
    rough = (high - low) / count
    magnitude = 10 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def short_number(value: float) -> str:
    """A number as it fits beside an axis: 1500 -> 1.5k."""
    for size, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{suffix}"
    return f"{value:.4g}"


def shorten(text: object, length: int) -> str:
    text = str(text)
    return text if len(text) <= length else text[: max(length - 1, 1)] + "…"


def _opened(low: float, high: float) -> tuple[float, float]:
    if high > low:
        return low, high
    margin = abs(low) / 2 or 0.5
    return low - margin, high + margin
