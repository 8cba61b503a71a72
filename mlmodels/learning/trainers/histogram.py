"""Histograms whose bins begin and end on round numbers."""

import math

import numpy as np

BINS_WANTED = 20
BINS_MAX = 40
STEPS = (1, 2, 5, 10)
CENTRAL = (0.01, 0.99)  # the tails get as many bins of the same width as there is room for


def histogram(values: np.ndarray) -> dict:
    """`edges` and `counts`. One bin where floating point cannot tell twenty apart."""
    low, high = float(values.min()), float(values.max())
    resolution = np.spacing(max(abs(low), abs(high)))
    if high - low <= resolution * BINS_WANTED * 4:
        return {"edges": [low, high], "counts": [len(values)]}
    edges = round_edges(low, high, bin_width(values, high - low))
    counts, _ = np.histogram(values, bins=edges)
    return {"edges": edges, "counts": counts.tolist()}


def bin_width(values: np.ndarray, span: float) -> float:
    inner = np.quantile(values, CENTRAL)
    wanted = max(float(inner[1] - inner[0]) / BINS_WANTED, span / BINS_MAX)
    is_whole = bool(np.all(values == np.floor(values)))
    return max(rounded_up(wanted), 1.0) if is_whole else rounded_up(wanted)


def rounded_up(width: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(width))
    return next(step * power for step in STEPS if step * power >= width * (1 - 1e-9))


def round_edges(low: float, high: float, width: float) -> list[float]:
    """Multiples of the width, the first at or below `low` and the last above `high`."""
    first, last = math.floor(low / width), math.floor(high / width) + 1
    digits = max(0, -math.floor(math.log10(width)))
    return [
        round(number * width, digits) if digits < 300 else number * width for number in range(first, last + 1)
    ]
