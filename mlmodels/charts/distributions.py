"""How values are spread: histograms, and where one prediction lies among them."""

from collections.abc import Sequence

from django.utils.safestring import SafeString

from mlmodels.charts.plot import CHARACTER_WIDTH, Plot, shorten_apart
from mlplatform.core.formats import figure, percent, short_number

NARROW_WIDTH = 288  # of the side panel, where charts are drawn at the size they are shown at


def histogram(
    edges: Sequence[float],
    counts: Sequence[int],
    *,
    name: str,
    title: str,
    message: str,
    x_label: str,
    inside: tuple[float, float] | None = None,
    reference: float | None = None,
) -> SafeString:
    """Bars between `edges` (one more than `counts`); blue `inside` that range, with a line at `reference`."""
    plot = Plot(name, title, message)
    shown = [edges[0], edges[-1], *([] if reference is None else [reference])]
    plot.scale(x=(min(shown), max(shown)), y=(0, max(counts) * 1.05 or 1))
    plot.axes(x_label, "rows")
    add_bars(plot, edges, counts, inside)
    if reference is not None:
        plot.add('<path class="ref" d="M{} {}V{}"/>', plot.x(reference), plot.top, plot.bottom)
    return plot.svg()


def distribution(
    edges: Sequence[float],
    counts: Sequence[int],
    *,
    name: str,
    title: str,
    message: str,
    prediction: float | None = None,
    interval: tuple[float, float] | None = None,
    reference: tuple[float, str] | None = None,
    is_narrow: bool = False,
    ticks: Sequence[float] | None = None,
    write=None,
) -> SafeString:
    """A histogram without a scale of rows, and on it a prediction with its interval, or a named reference."""
    below = 62 if interval else 24
    plot = Plot(name, title, message, width=NARROW_WIDTH if is_narrow else 426, height=110 + below)
    plot.left, plot.right, plot.bottom = 8, plot.width - 8, 110
    plot.top = 24 if prediction is not None or reference else 8
    points = [edges[0], edges[-1], *(interval or ()), *([] if prediction is None else [prediction])]
    plot.scale(x=(min(points), max(points)), y=(0, max(counts) or 1))
    add_bars(plot, edges, counts, interval, rest="rest" if prediction is not None else "bar")
    plot.x_axis(ticks=ticks, write=write)
    if reference:
        add_reference(plot, *reference)
    if prediction is not None:
        add_prediction(plot, prediction, interval)
    return plot.svg("chart exact" if is_narrow else "chart")


def categories(
    shares: Sequence[tuple[str, float]], *, name: str, title: str, message: str, chosen: str | None = None
) -> SafeString:
    """A bar for each class with its share; `chosen` in blue."""
    line = 24
    plot = Plot(name, title, message, width=NARROW_WIDTH, height=len(shares) * line + 4)
    highest = max(share for _, share in shares) or 1
    names = shorten_apart([label for label, _ in shares], 14)
    for position, (label, share) in enumerate(shares):
        y = position * line
        plot.text(0, y + 16, names[position], anchor="start", css="strong" if label == chosen else "")
        css = "bar" if chosen in (None, label) else "rest"
        rect = '<rect class="{}" x="104" y="{}" width="{}" height="14"><title>{}: {}</title></rect>'
        plot.add(rect, css, y + 5, round(max(share / highest * 136, 1), 1), label, percent(share))
        plot.text(plot.width, y + 16, percent(share), anchor="end")
    return plot.svg("chart exact")


def add_bars(plot: Plot, edges, counts, inside, rest: str = "bar"):
    """Bars of one colour, or blue inside a range and grey outside; partly covered bars are partly blue."""
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        words = f"{short_number(low)} to {short_number(high)}: {count}"
        if inside is None:
            add_bar(plot, rest, low, high, count, words)
            continue
        start, end = max(low, inside[0]), min(high, inside[1])
        if end - start < high - low:
            add_bar(plot, "rest", low, high, count, words)
        if start < end:
            add_bar(plot, "bar", start, end, count, words)


def add_bar(plot: Plot, css: str, low, high, count, words: str):
    left, top = plot.x(low), plot.y(count)
    plot.add(
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        css,
        round(left + 0.5, 1),
        top,
        round(max(plot.x(high) - left - 1, 0.5), 1),
        round(max(plot.bottom - top, 0), 1),
        words,
    )


def add_reference(plot: Plot, value: float, words: str):
    at = plot.x(value)
    plot.add('<path class="ref" d="M{} {}V{}"/>', at, plot.top - 4, plot.bottom)
    plot.text(inside_of(plot, at, words), 14, words)


def add_prediction(plot: Plot, prediction: float, interval: tuple[float, float] | None):
    """A line in ink; below the axis the interval with both ends written out."""
    at, y = plot.x(prediction), plot.bottom + 40
    words = "this row"
    plot.add('<path class="now-line" d="M{} {}V{}"/>', at, plot.top - 4, y if interval else plot.bottom)
    plot.text(inside_of(plot, at, words), 14, words, css="strong")
    if interval is None:
        return
    low, high = (plot.x(end) for end in interval)
    plot.add('<path class="span" d="M{} {}H{}"/>', low, y, high)
    plot.add('<circle class="now" cx="{}" cy="{}" r="7"/>', at, y)
    for end, x, anchor, side in ((interval[0], low, "end", -1), (interval[1], high, "start", 1)):
        text, x = figure(end), x + side * 10
        has_room = plot.left <= x + side * len(text) * CHARACTER_WIDTH <= plot.right
        if has_room:
            plot.text(x, y + 4, text, anchor=anchor, css="strong")
        else:
            plot.text(
                plot.right if side > 0 else plot.left, y + 20, text, anchor=opposite(anchor), css="strong"
            )


def opposite(anchor: str) -> str:
    return "start" if anchor == "end" else "end"


def inside_of(plot: Plot, x: float, words: str) -> float:
    """The middle of a text that is not to stick out of the plot."""
    half = len(words) * CHARACTER_WIDTH / 2
    return min(max(x, half), plot.width - half)
