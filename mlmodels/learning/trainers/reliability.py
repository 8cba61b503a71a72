"""How far a single prediction can be trusted: an interval around a number, a set of classes around a label.

Made by conformal.py when a model is trained and used with every prediction, so using it needs no numpy.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy

INTERVAL = "interval"
SET = "set"
LEVEL = 0.9


@dataclass(frozen=True)
class Reliability:
    """`scores` are misses on rows that took no part in the fit, ascending; `rows` says how many there were.

    For an interval they are absolute misses, or signed ones where `lower_share` says which share of the
    misses may lie below the interval. With a `scale` they are in units of the miss that is usual for such a
    prediction. For a set they are one minus the probability of the actual class.
    """

    kind: str
    level: float
    scores: Sequence[float]
    rows: int
    lower_share: float | None = None
    scale: Mapping[str, Sequence[float]] | None = None
    at_least: float | None = None
    coverage: float | None = field(default=None, compare=False)
    mean_width: float | None = field(default=None, compare=False)
    mean_size: float | None = field(default=None, compare=False)

    @classmethod
    def from_dict(cls, data: Mapping) -> "Reliability":
        return cls(**data)

    def to_dict(self) -> dict:
        """Without what the kind does not have."""
        own = {name: value for name, value in vars(self).items() if value is not None}
        return own if self.kind == SET else {"scale": None, **own}

    @property
    def highest_level(self) -> float:
        """So few rows say nothing about higher levels."""
        tail = 1.0 if self.lower_share is None else min(self.lower_share, 1 - self.lower_share)
        return max(0.0, 1 - 1 / ((self.rows + 1) * tail))

    def interval(self, prediction: float, level: float | None = None) -> tuple[float, float]:
        """Low and high end, between which the truth lies in `level` of such cases.

        Beyond `highest_level` the largest misses are the ends.
        """
        below, above = self._misses(level)
        usual = self._usual_miss(prediction)
        low, high = prediction + below * usual, prediction + above * usual
        if self.at_least is not None and low < self.at_least:
            low = min(self.at_least, high)
        return low, high

    def intervals(
        self, predictions: "numpy.ndarray", level: float | None = None
    ) -> "tuple[numpy.ndarray, numpy.ndarray]":
        """The `interval` of each."""
        import numpy

        below, above = self._misses(level)
        usual = (
            1.0 if self.scale is None else numpy.interp(predictions, self.scale["at"], self.scale["value"])
        )
        low, high = predictions + below * usual, predictions + above * usual
        if self.at_least is not None:
            low = numpy.where(low < self.at_least, numpy.minimum(self.at_least, high), low)
        return low, high

    def prediction_set(self, probabilities: Mapping, level: float | None = None) -> list:
        """The labels that cannot be ruled out at this level, the most probable first; never none of them."""
        least = self._least_probability(level)
        ranked = sorted(probabilities, key=lambda label: -probabilities[label])
        return ranked[:1] + [label for label in ranked[1:] if probabilities[label] >= least]

    def prediction_sets(
        self, labels: Sequence, probabilities: "numpy.ndarray", level: float | None = None
    ) -> list[tuple]:
        """The `prediction_set` of each row of probabilities."""
        import numpy

        least = self._least_probability(level)
        ranked = numpy.argsort(-probabilities, axis=1, kind="stable")
        kept = numpy.maximum((probabilities >= least).sum(axis=1), 1)
        ranked[numpy.arange(len(labels)) >= kept[:, None]] = -1  # few rankings remain, each made once
        rankings, which = numpy.unique(ranked, axis=0, return_inverse=True)
        sets = [tuple(labels[at] for at in ranking if at >= 0) for ranking in rankings.tolist()]
        return [sets[at] for at in which.ravel().tolist()]

    def _misses(self, level: float | None) -> tuple[float, float]:
        """How far below and above a prediction the truth lies, in units of the usual miss."""
        miss_allowed = 1 - (self.level if level is None else level)
        if self.lower_share is None:
            above = self._score((self.rows + 1) * (1 - miss_allowed), math.ceil)
            below = -above
        else:
            below = self._score((self.rows + 1) * miss_allowed * self.lower_share, math.floor)
            above = self._score((self.rows + 1) * (1 - miss_allowed * (1 - self.lower_share)), math.ceil)
        return min(below, 0.0), max(above, 0.0)

    def _least_probability(self, level: float | None) -> float:
        wanted = self.level if level is None else level
        return 1 - self._score((self.rows + 1) * wanted, math.ceil)

    def _score(self, rank: float, rounded) -> float:
        """The score of this rank from 1 to `rows`; interpolated where `scores` are a selection."""
        rank = min(max(rounded(round(rank, 9)), 1), self.rows)  # 0.1 * 10 is not always 1
        if len(self.scores) == self.rows:
            return self.scores[rank - 1]
        place = (rank - 1) * (len(self.scores) - 1) / (self.rows - 1)
        before = min(int(place), len(self.scores) - 2)
        return between(self.scores[before], self.scores[before + 1], place - before)

    def _usual_miss(self, prediction: float) -> float:
        if self.scale is None:
            return 1.0
        places, values = self.scale["at"], self.scale["value"]
        after = bisect_left(places, prediction)
        if after == 0 or after == len(places):
            return values[min(after, len(values) - 1)]
        step = places[after] - places[after - 1]
        return between(values[after - 1], values[after], (prediction - places[after - 1]) / step)


def between(first: float, second: float, share: float) -> float:
    return first + (second - first) * share
