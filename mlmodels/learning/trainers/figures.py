"""Figures in sentences, and their intervals. Without numpy, since pages need them too."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

LEVEL = 0.95
Z = 1.959964


def proportion_interval(count: int, of: int) -> list[float]:
    """Wilson's interval for a share, which holds for few rows and for shares of nothing or all."""
    share = count / of
    center = (share + Z**2 / (2 * of)) / (1 + Z**2 / of)
    half = Z * math.sqrt(share * (1 - share) / of + Z**2 / (4 * of**2)) / (1 + Z**2 / of)
    return [float(min(max(center - half, 0.0), share)), float(max(min(center + half, 1.0), share))]


def mean_interval(values: Sequence[float]) -> list[float]:
    """Of at least two values, by the normal distribution; those of misses do not go below zero."""
    mean = fmean(values)
    half = Z * stdev(values) / math.sqrt(len(values))
    low = mean - half
    return [max(low, 0.0) if min(values) >= 0 else low, mean + half]


def percent(share: float, rounded) -> str:
    """Whole percents; of less than one, tenths."""
    if share < 0.01:
        return f"{rounded(share * 1000) / 10:g}%" if share >= 0.001 else "less than 0.1%"
    return f"{rounded(round(share * 100, 6)):,}%"


def drawn(expected: float) -> str:
    """How many rows of a class a draw would hold, rounded in its favor: 1.25 -> 2."""
    return str(math.ceil(expected)) if expected >= 1 else "fewer than 1"


def written(value: float) -> str:
    """Three digits, without an exponent where people would not write one."""
    if value == 0 or 1e-4 <= abs(value) < 1e15:
        digits = 0 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
        text = f"{round(value, digits):,.{digits}f}" if value < 1000 else f"{float(f'{value:.3g}'):,.0f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.3g}"
