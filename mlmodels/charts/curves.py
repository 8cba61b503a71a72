"""Points and lines on two axes."""

from collections.abc import Sequence

from django.utils.safestring import SafeString

from mlmodels.charts.plot import Plot, opened
from mlplatform.core.formats import percent

QUARTERS = [0, 0.25, 0.5, 0.75, 1]


def scatter(
    points: Sequence[tuple[float, float]],
    *,
    name: str,
    title: str,
    message: str,
    x_label: str,
    y_label: str,
    band: Sequence[tuple[float, float, float]] = (),
) -> SafeString:
    """Points (x, y) on equal axes and the diagonal of what is exact; `band` is (y, lowest x, highest x)."""
    lowest = min(min(point) for point in points)
    highest = max(max(point) for point in points)
    plot = Plot(name, title, message)
    plot.scale(x=(lowest, highest), y=(lowest, highest))
    plot.axes(x_label, y_label)
    if band:
        outline = [(low, y) for y, low, _ in band] + [(high, y) for y, _, high in reversed(band)]
        inside = [(min(max(x, plot.x_low), plot.x_high), y) for x, y in outline]
        plot.line("wash", inside)
    dots = "".join(f"M{plot.x(x):g} {plot.y(y):g}h0" for x, y in points)
    plot.add('<path class="dots" d="{}"/>', dots)
    plot.line("ref", [(plot.x_low, plot.x_low), (plot.x_high, plot.x_high)])
    return plot.svg()


def curve(
    points: Sequence[tuple[float, float]],
    *,
    name: str,
    title: str,
    message: str,
    x_label: str,
    y_label: str,
    reference: Sequence[tuple[float, float]] = (),
    now: tuple[float, float] | None = None,
    is_share: bool = True,
    height: int = 330,
    ticks: Sequence[float] | None = None,
    write=None,
) -> SafeString:
    """A line; both axes from 0 to 100 % where `is_share`. `now` is the point in use.

    `ticks` and `write` are for an x axis whose values are not plain numbers, such as dates.
    """
    plot = Plot(name, title, message, height=height)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    if is_share:
        plot.scale(x=(0, 1), y=(0, 1))
        plot.axes(x_label, y_label, QUARTERS, QUARTERS, write=percent)
    else:
        all_ys = ys + [y for _, y in reference]
        plot.scale(x=(min(xs), max(xs)), y=padded(min(all_ys), max(all_ys)))
        plot.axes(x_label, y_label, ticks, write_x=write)
    if reference:
        plot.line("ref", reference)
    plot.line("line", points)
    if now:
        plot.dot("now", *now, radius=7)
    return plot.svg()


def calibration(
    bins: Sequence[tuple[float, float, float, float]], *, name: str, title: str, message: str, y_label: str
) -> SafeString:
    """(predicted probability, share that happened, its lowest and highest plausible value) per group."""
    plot = Plot(name, title, message)
    highest = max(max(row) for row in bins)
    end = next(tick for tick in (0.1, 0.25, 0.5, 1) if tick >= min(highest, 1))
    plot.scale(x=(0, end), y=(0, end))
    plot.axes("Predicted probability", y_label, write=percent)
    plot.line("ref", [(0, 0), (end, end)])
    for predicted, observed, low, high in bins:
        plot.line("whisker", [(predicted, low), (predicted, high)])
        plot.dot("point", predicted, observed)
    return plot.svg()


def padded(low: float, high: float) -> tuple[float, float]:
    low, high = opened(low, high)
    margin = (high - low) * 0.06
    return low - margin, high + margin
