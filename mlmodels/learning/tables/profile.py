"""The profile of a column: plain JSON of bounded size that pages, forms and target guesses are made from.

rows, missing          cells; in columns of numbers, dates and yes/no the missing words count as missing
distinct               different texts, exact when `distinct_is_exact`, else "at least"
repeats                some text occurs in more than one row
top_values             [[text, cells], …] the most frequent ones
typical                median (number, date), else the most frequent text; None when there is none
minimum maximum mean   numbers and dates, from all rows; dates are Unix seconds
whole                  True when every number is whole
quantiles              {"0.05": …, "0.25": …, "0.5": …, "0.75": …, "0.95": …}
histogram              {"edges": n + 1 numbers, "counts": n cells}
varying_parts          dates: which of year, month, day, weekday, day_of_year, hour differ between rows
sampled                None, or how many rows quantiles and histogram were taken from
"""

import math
from array import array
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from mlmodels.learning.tables.cells import cells_of
from mlmodels.learning.tables.columns import Column
from mlmodels.learning.tables.derived import varying_parts
from mlmodels.learning.tables.evidence import ColumnEvidence
from mlmodels.learning.tables.histogram import histogram
from mlmodels.learning.tables.limits import SHOWN_CHARACTERS_MAX, TOP_VALUES

if TYPE_CHECKING:
    import numpy

_DATES_LOOKED_AT = 5_000
_SUMMED_TOGETHER = 4_096
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class NumberStatistics:
    """Running figures over the numbers of one column, NaN left out.

    Count, range and mean are exact. Quantiles and histogram come from one value in `every`. How the values
    are divided among calls does not matter.
    """

    def __init__(self, every: int = 1):
        self.count = 0
        self.minimum = math.inf
        self.maximum = -math.inf
        self.whole = True
        self._total = 0.0
        self._not_summed = array("d")
        self._sample = array("d")
        self._every = every

    def add(self, values: "list[float] | numpy.ndarray") -> None:
        present = [v for v in values if v == v] if isinstance(values, list) else values[values == values]
        if not len(present):
            return
        self._sample.extend(present[-self.count % self._every :: self._every])
        self.count += len(present)
        minimum, maximum, whole = _range(present, self.whole)
        self.minimum = min(self.minimum, minimum)
        self.maximum = max(self.maximum, maximum)
        self.whole = whole
        self._sum_up(present)

    def _sum_up(self, present: "list[float] | numpy.ndarray") -> None:
        """In blocks that are the same however the values come, since a sum depends on its order."""
        if isinstance(present, list):
            self._not_summed.extend(present)
        else:
            self._not_summed.frombytes(present.tobytes())
        end = len(self._not_summed) - len(self._not_summed) % _SUMMED_TOGETHER
        for start in range(0, end, _SUMMED_TOGETHER):
            self._total += math.fsum(self._not_summed[start : start + _SUMMED_TOGETHER])
        del self._not_summed[:end]

    @property
    def mean(self) -> float:
        mean = (self._total + math.fsum(self._not_summed)) / self.count
        return min(max(mean, self.minimum), self.maximum)

    def varying_parts(self) -> list[str]:
        return varying_parts(self._sample[:: sampling_step(len(self._sample), _DATES_LOOKED_AT)])

    def summary(self, *, is_date: bool = False) -> dict:
        if not self.count:
            return {}
        ordered = sorted(self._sample)
        quantiles = {str(share): _quantile(ordered, share) for share in QUANTILES}
        return {
            "minimum": self.minimum,
            "maximum": self.maximum,
            "mean": self.mean,
            "whole": self.whole,
            "quantiles": quantiles,
            "typical": quantiles["0.5"],
            "histogram": histogram(ordered, whole=self.whole, is_date=is_date),
            "sampled": len(ordered) if self._every > 1 else None,
        }


def _range(present: "list[float] | numpy.ndarray", may_be_whole: bool) -> tuple[float, float, bool]:
    """Minimum, maximum, and whether all are whole numbers. A negative zero counts as zero."""
    if isinstance(present, list):
        low, high, whole = min(present), max(present), may_be_whole and all(map(float.is_integer, present))
    else:
        low, high, whole = present.min(), present.max(), may_be_whole and (present % 1 == 0).all()
    return float(low) + 0.0, float(high) + 0.0, bool(whole)


def sampling_step(values: int, sample_max: int) -> int:
    """A prime number, so that the sample does not fall into step with weeks, months and the like."""
    return next(step for step in (1, 11, 23, 53, 101, 211, 503, 1009) if values <= step * sample_max)


def _quantile(ordered: list[float], share: float) -> float:
    """Linear interpolation between the two nearest values, as numpy does by default."""
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def with_profile(column: Column, evidence: ColumnEvidence, numbers: NumberStatistics | None) -> Column:
    """The column with its profile; `numbers` for columns of numbers and dates."""
    texts = _texts_read(column, evidence.counts)
    words = evidence.counts.total() - texts.total()
    top = texts.most_common(TOP_VALUES)
    profile = {
        "rows": evidence.rows,
        "missing": evidence.rows - numbers.count if numbers else evidence.blanks + words,
        "distinct": len(texts),
        "distinct_is_exact": not evidence.is_capped,
        "repeats": evidence.has_repeats,
        "top_values": [[_cut(text), cells] for text, cells in top],
        "typical": _cut(top[0][0]) if top else None,
    }
    if column.format["type"] == "number":
        profile |= numbers.summary()
    if column.format["type"] == "date":
        profile |= numbers.summary(is_date=True) | {"varying_parts": numbers.varying_parts()}
    return replace(column, profile=profile)


def _texts_read(column: Column, counts: Counter) -> Counter:
    """The texts that are not read as blanks, spelled as they are read, and how often each occurs."""
    values = cells_of(column.format).many(list(counts))
    found: Counter = Counter()
    for (text, cells), value in zip(counts.items(), values, strict=True):
        if value == value and value != "":
            found[value if isinstance(value, str) else text] += cells
    return found


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS_MAX else text[: SHOWN_CHARACTERS_MAX - 1] + "…"
