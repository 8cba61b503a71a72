"""Which of two models is better on the test rows of both, and whether chance explains it."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from mlmodels.learning.trainers.figures import LEVEL
from mlmodels.learning.trainers.limits import SEED
from mlmodels.learning.trainers.trainer import REGRESSION

ROWS_MIN = 10
RESAMPLES = 1_000
PROBABILITY_MIN = 1e-6  # one certain error must not decide everything


def compare_models(reports: Sequence[Mapping], names: Sequence[str]) -> dict | None:
    """The better one of two reports (0, 1 or None), `rows`, `sentence`, and the difference with an interval.

    Regression goes by the mean miss, classification by the log loss, which sees more than right and wrong.
    `figures` are the mean misses, or the probabilities that were given to the class that came. A positive
    `difference` means that the second one is better. None where they share fewer than ROWS_MIN test rows.
    """
    is_regression = reports[0]["task"] == REGRESSION
    if reports[0]["task"] != reports[1]["task"]:
        return None
    shared = shared_rows(*(report["sample"] for report in reports))
    losses_of = misses if is_regression else surprises
    if len(shared) < ROWS_MIN or not all(is_regression or has_probabilities(report) for report in reports):
        return None
    losses = [losses_of(report["sample"], shared) for report in reports]
    differences = losses[0] - losses[1]
    low, high = interval_of_mean(differences)
    better = None if low <= 0 <= high else int(low > 0)
    means = [float(loss.mean()) for loss in losses]
    figures = means if is_regression else [math.exp(-mean) for mean in means]
    return {
        "rows": len(shared),
        "better": better,
        "figures": figures,
        "difference": float(differences.mean()),
        "interval": [low, high],
        "sentence": sentence(is_regression, better, figures, names, len(shared)),
    }


def shared_rows(first: Mapping, second: Mapping) -> list[int]:
    """Rows of the file that are in both samples with the same target."""
    actual = dict(zip(first["rows"], first["actual"], strict=True))
    other = dict(zip(second["rows"], second["actual"], strict=True))
    return [row for row in actual if row in other and actual[row] == other[row]]


def has_probabilities(report: Mapping) -> bool:
    """Models trained before these were kept cannot be compared by them."""
    return "probability_of_actual" in report["sample"]


def misses(sample: Mapping, rows: list[int]) -> np.ndarray:
    return np.abs(of_rows(sample, "actual", rows) - of_rows(sample, "predicted", rows))


def surprises(sample: Mapping, rows: list[int]) -> np.ndarray:
    return -np.log(np.clip(of_rows(sample, "probability_of_actual", rows), PROBABILITY_MIN, 1.0))


def of_rows(sample: Mapping, name: str, rows: list[int]) -> np.ndarray:
    values = dict(zip(sample["rows"], sample[name], strict=True))
    return np.array([values[row] for row in rows], dtype=float)


def interval_of_mean(differences: np.ndarray) -> tuple[float, float]:
    """By drawing the rows again, each with what both models made of it."""
    drawn = np.random.default_rng(SEED).integers(0, len(differences), (RESAMPLES, len(differences)))
    low, high = np.quantile(differences[drawn].mean(axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def sentence(is_regression: bool, better: int | None, figures, names: Sequence[str], rows: int) -> str:
    if better is None:
        return f"No difference that these {rows:,} rows could show."
    winner, loser = figures[better], figures[1 - better]
    if is_regression:
        less = math.floor((1 - winner / loser) * 100)
        by = f"{less}% less" if less else "a little less"
        return f"{names[better]} is better: off by {by} on average, on the same {rows:,} rows."
    return (
        f"{names[better]} is better: it gave the right class a probability of {math.floor(winner * 100)}%, "
        f"{names[1 - better]} {math.ceil(loser * 100)}%, on the same {rows:,} rows."
    )
