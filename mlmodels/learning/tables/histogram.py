"""Histograms whose bins begin on round numbers, and on whole days or months for dates."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, datetime

from mlmodels.learning.tables.dates import SECONDS_MAX, SECONDS_MIN
from mlmodels.learning.tables.limits import HISTOGRAM_BINS

_DAY = 86_400
_SECOND_STEPS = (1, 5, 15, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, _DAY, 2 * _DAY)
_WEEK = 7 * _DAY
_FIRST_MONDAY = 4 * _DAY  # January 5, 1970
_MONTH_STEPS = (1, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 6000)


def histogram(ordered: Sequence[float], *, whole: bool, is_date: bool) -> dict[str, list]:
    """`edges`, one more than `counts`; a bin holds its lower edge, and the last bin both of its edges.

    Bins of whole numbers are whole numbers wide, and end before the upper edge.
    """
    low, high = ordered[0], ordered[-1]
    edges = _date_edges(low, high) if is_date else _number_edges(low, high, whole)
    if low == high or len(edges) < 2 or any(a >= b for a, b in zip(edges, edges[1:], strict=False)):
        return {"edges": [low, high], "counts": [len(ordered)]}
    below = [0, *(bisect_left(ordered, edge) for edge in edges[1:-1]), len(ordered)]
    return {"edges": edges, "counts": [b - a for a, b in zip(below, below[1:], strict=False)]}


def _number_edges(low: float, high: float, whole: bool) -> list[float]:
    width = (high - low) / HISTOGRAM_BINS
    if not width or not math.isfinite(width):
        return []
    exponent = math.floor(math.log10(width))
    factor = next((f for f in (1, 2, 5) if f * 10.0**exponent >= width), 10)
    if whole and exponent < 0:
        factor, exponent = 1, 0
    step, scale = (factor * 10**exponent, 1) if exponent >= 0 else (factor, 10**-exponent)
    # Whole multiples over a power of ten: 0.3 and not 0.30000000000000004
    first = math.floor(low * scale / step)
    last = math.floor(high / step) + 1 if whole else math.ceil(high * scale / step)
    return [multiple * step / scale for multiple in range(first, max(last, first + 1) + 1)]


def _date_edges(low: float, high: float) -> list[float]:
    width = (high - low) / HISTOGRAM_BINS
    if width > 2 * _WEEK:
        return _month_edges(low, high, width)
    if width > _SECOND_STEPS[-1]:
        step, start = (_WEEK if width <= _WEEK else 2 * _WEEK), _FIRST_MONDAY
    else:
        step, start = next(step for step in _SECOND_STEPS if step >= width), 0
    first, last = math.floor((low - start) / step), math.floor((high - start) / step) + 1
    return [float(start + multiple * step) for multiple in range(first, last + 1)]


def _month_edges(low: float, high: float, width: float) -> list[float]:
    step = next(step for step in _MONTH_STEPS if step * 31 * _DAY >= width)
    first, last = (_month_number(seconds) // step for seconds in (low, high))
    return [_month_start(multiple * step) for multiple in range(first, last + 2)]


def _month_number(seconds: float) -> int:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.year * 12 + moment.month - 1


def _month_start(month: int) -> float:
    year = month // 12
    if not 1 <= year <= 9999:
        return float(SECONDS_MIN if year < 1 else SECONDS_MAX)
    return datetime(year, month % 12 + 1, 1, tzinfo=UTC).timestamp()
