"""How far the rows that a model predicts lie from those that it was trained on. No numpy, no pandas.

The population stability index of a column compares its shares in bins, a in the predicted rows and e in those
of training: the sum of (a - e) * ln(a / e). Its customary thresholds, 0.1 and 0.25, are those of N. Siddiqi,
Credit Risk Scorecards (2006). Among few rows it is large by chance: without drift it is distributed as
chi-squared with bins - 1 degrees of freedom, times (1 / predicted rows + 1 / rows of training), after
B. Yurdakul, Statistical Properties of Population Stability Index (2018). So a column has drifted only if its
index is also above the 95 % quantile of that.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from mlmodels.learning.tables.dates import date_text
from mlmodels.learning.tables.errors import shown

ROWS_MIN = 20
SLIGHT, STRONG = 0.1, 0.25
NONE, MODERATE, LARGE = "none", "moderate", "large"
SHARE_OF_A_BIN = 0.1  # of the training rows, which histogram bins are joined to hold
Z = 1.644854  # of 95 %, one-sided
HALF_A_ROW = 0.5  # stands in an empty bin, whose logarithm would be infinite
BLANK, FILLED_IN = "blank", "filled in"


@dataclass(frozen=True)
class Bin:
    """`share` of the training rows and `asked` of the predicted rows."""

    label: str
    share: float
    asked: float


@dataclass(frozen=True)
class ColumnDrift:
    """`index` is the population stability index, `by_chance` what it would exceed in one of 20 cases without
    drift, `level` none, moderate or large, and `sentence` names the bin that changed most."""

    column: str
    index: float
    by_chance: float
    level: str
    sentence: str
    bins: list[Bin]

    def to_dict(self) -> dict:
        return asdict(self)


def drift_of(columns: Sequence[Mapping], rows: Sequence[Mapping]) -> list[ColumnDrift]:
    """Of each column that can be compared, the one that drifted most first; none of fewer than ROWS_MIN rows.

    `columns` are tables.Column dictionaries with the profile of the table of training; `rows` hold typed
    values by column. Of free text only blanks are compared.
    """
    if len(rows) < ROWS_MIN:
        return []
    found = [drift_of_column(column, [row.get(column["name"]) for row in rows]) for column in columns]
    return sorted(filter(None, found), key=lambda drift: -drift.index)


def drift_of_column(column: Mapping, values: Sequence) -> ColumnDrift | None:
    trained_on = column["profile"]["rows"]
    bins = bins_of(column, values)
    if len(bins) < 2:
        return None
    index = stability_index(bins, len(values), trained_on)
    by_chance = chi_squared_quantile(len(bins) - 1) * (1 / len(values) + 1 / trained_on)
    level = level_of(index) if index > by_chance else NONE
    return ColumnDrift(column["name"], index, by_chance, level, sentence(column["name"], bins, level), bins)


def stability_index(bins: Sequence[Bin], asked_for: int, trained_on: int) -> float:
    total = 0.0
    for part in bins:
        asked, share = max(part.asked, HALF_A_ROW / asked_for), max(part.share, HALF_A_ROW / trained_on)
        total += (asked - share) * math.log(asked / share)
    return total


def level_of(index: float) -> str:
    return LARGE if index >= STRONG else MODERATE if index >= SLIGHT else NONE


def chi_squared_quantile(degrees: int) -> float:
    """The 95 % quantile, by the approximation of Wilson and Hilferty."""
    part = 2 / (9 * degrees)
    return degrees * (1 - part + Z * math.sqrt(part)) ** 3


def sentence(name: str, bins: Sequence[Bin], level: str) -> str:
    if level == NONE:
        return f"{shown(name)} is as in training."
    most = max(bins, key=lambda part: abs(part.asked - part.share))
    return (
        f"{shown(name)} is {most.label} in {most.asked:.0%} of the predicted rows, "
        f"compared with {most.share:.0%} of the training rows."
    )


def bins_of(column: Mapping, values: Sequence) -> list[Bin]:
    """With a bin for blanks where there are any, in training or among the values."""
    profile, total = column["profile"], len(values)
    present = [value for value in values if not is_blank(value)]
    blank = Bin(BLANK, profile["missing"] / profile["rows"], 1 - len(present) / total)
    if column["kind"] == "boolean":
        bins = bins_of_booleans(column, present, total)
    elif column["format"]["type"] != "text":
        bins = bins_of_numbers(column, present, total)
    elif column["role"] == "category":
        bins = bins_of_categories(profile, present, total)
    else:
        bins = [Bin(FILLED_IN, 1 - blank.share, 1 - blank.asked)]
    return [part for part in (*bins, blank) if part.share or part.asked]


def bins_of_categories(profile: Mapping, present: Sequence[str], total: int) -> list[Bin]:
    """The most frequent values of training, and all others in one."""
    counts, rows = Counter(present), profile["rows"]
    listed = [Bin(shown(text), cells / rows, counts[text] / total) for text, cells in profile["top_values"]]
    others = rows - profile["missing"] - sum(cells for _, cells in profile["top_values"])
    asked = len(present) - sum(counts[text] for text, _ in profile["top_values"])
    return [*listed, Bin("another value", others / rows, asked / total)]


def bins_of_booleans(column: Mapping, present: Sequence[float], total: int) -> list[Bin]:
    profile, words = column["profile"], column["format"]
    is_true = [text.casefold() == words["true"].casefold() for text, _ in profile["top_values"]]
    true = sum(cells for (_, cells), holds in zip(profile["top_values"], is_true, strict=True) if holds)
    false = profile["rows"] - profile["missing"] - true
    return [
        Bin(shown(words["true"]), true / profile["rows"], sum(present) / total),
        Bin(shown(words["false"]), false / profile["rows"], (len(present) - sum(present)) / total),
    ]


def bins_of_numbers(column: Mapping, present: Sequence[float], total: int) -> list[Bin]:
    """Bins of the histogram, joined until each holds a tenth of the training rows; the ends are open."""
    profile = column["profile"]
    if "histogram" not in profile:  # nothing but blanks
        return []
    edges, shares = joined(**profile["histogram"])
    filled = 1 - profile["missing"] / profile["rows"]
    inner = edges[1:-1]
    counts = Counter(bisect_right(inner, value) for value in present)
    return [
        Bin(label_of(column, inner, place), share * filled, counts[place] / total)
        for place, share in enumerate(shares)
    ]


def joined(edges: Sequence[float], counts: Sequence[int]) -> tuple[list[float], list[float]]:
    """Edges of the joined bins, and the share of each among the values."""
    total, kept, shares, held = sum(counts), [edges[0]], [], 0
    for upper, cells in zip(edges[1:], counts, strict=True):
        held += cells
        if held >= SHARE_OF_A_BIN * total:
            kept.append(upper)
            shares.append(held / total)
            held = 0
    if held:  # too few for a bin of their own
        kept[-1], shares[-1] = edges[-1], shares[-1] + held / total
    return kept, shares


def label_of(column: Mapping, inner: Sequence[float], place: int) -> str:
    if not inner:
        return FILLED_IN
    if place == 0:
        return f"below {written(inner[0], column)}"
    if place == len(inner):
        return f"{written(inner[-1], column)} or more"
    return f"from {written(inner[place - 1], column)} to {written(inner[place], column)}"


def written(value: float, column: Mapping) -> str:
    return date_text(value) if column["format"]["type"] == "date" else f"{value:,.10g}"


def is_blank(value) -> bool:
    return value is None or value == "" or value != value
