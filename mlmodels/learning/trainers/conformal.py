"""Makes a model's `Reliability` out of predictions for rows that it was not fitted on: conformal prediction.

Quantiles are taken at the ranks that keep their promise for any number of rows and any distribution
(Vovk, Gammerman, Shafer 2005; Lei et al. 2018, equation 2.2).
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from mlmodels.learning.trainers.limits import SEED
from mlmodels.learning.trainers.metrics import Predictions
from mlmodels.learning.trainers.reliability import INTERVAL, LEVEL, SET, Reliability

SCORES_KEPT = 401
LOWER_SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)  # of the misses allowed, those below the interval
TAIL_ROWS_MIN = 3  # misses expected beyond an end that is chosen apart from the other one
RESAMPLES = 20
NARROWER_IN_MIN = 17  # of the resamples
NARROWER_BY_MIN = 0.01
COMPARED_ROWS_MAX = 5_000
SCALED_ROWS_MIN = 200
BIN_ROWS_MIN = 50
BINS_MAX = 12
USUAL_MISS_MIN = 0.1  # of the usual miss of all rows: a bin of exact predictions promises nothing
FOLDS = 5
COUNTED_ROWS_MAX = 3_000
CHANCE_ERRORS = 2.0  # standard errors by which a promise may be missed


@dataclass(frozen=True)
class Shape:
    """Of an interval: whether harder predictions get a wider one, and which share of the misses lies below.

    Without `lower_share` both ends are equally far away.
    """

    is_scaled: bool = False
    lower_share: float | None = None


def reliability_of(apart: Predictions, checked: Predictions | None = None) -> dict | None:
    """As stored in a report; None where the rows are too few for the usual level.

    `apart` predicts rows by models that were not trained on them: out of fold, or the hold-out. `checked` are
    other such rows, on which coverage is counted; without them it is counted across parts of `apart`. Where
    they show that the promise is not kept, as on later rows of a changing world, they make it themselves.
    """
    if apart.classes is None:
        shape = choose_shape(apart)
        made, remade = make_interval(apart, shape), lambda part: make_interval(part, shape)
    else:
        made, remade = make_set(apart), make_set
    if made.highest_level < LEVEL:
        return None
    if checked is not None:
        made = with_coverage(made, checked)
        is_kept = made.coverage >= LEVEL - CHANCE_ERRORS * math.sqrt(
            LEVEL * (1 - LEVEL) / len(checked.actual)
        )
        return made.to_dict() if is_kept else reliability_of(checked) or made.to_dict()
    parts = np.random.default_rng(SEED).permutation(len(apart.actual)) % FOLDS
    counted = [
        with_coverage(remade(rows_of(apart, parts != n)), rows_of(apart, parts == n)) for n in range(FOLDS)
    ]
    names = ("coverage", "mean_width" if made.kind == INTERVAL else "mean_size")
    means = {name: float(np.mean([getattr(part, name) for part in counted])) for name in names}
    return replace(made, **means).to_dict()


def choose_shape(apart: Predictions) -> Shape:
    """Symmetric and equally wide everywhere, unless another shape is narrower in nearly all resamples."""
    misses = apart.actual - apart.predicted
    draw = np.random.default_rng(SEED)
    drawn = draw.integers(0, len(misses), (RESAMPLES, min(len(misses), COMPARED_ROWS_MAX)))
    usual = np.ones(len(misses))
    widths = mean_widths(misses[drawn], usual[drawn], None)
    is_scaled = False
    if len(misses) >= SCALED_ROWS_MIN:
        scaled = usual_misses_apart(apart.predicted, np.abs(misses))
        scaled_widths = mean_widths((misses / scaled)[drawn], scaled[drawn], None)
        is_scaled = is_narrower(scaled_widths, widths)
        if is_scaled:
            usual, widths = scaled, scaled_widths
    beyond = (len(misses) + 1) * (1 - LEVEL)
    shares = [share for share in LOWER_SHARES if beyond * min(share, 1 - share) >= TAIL_ROWS_MIN]
    of_shares = [mean_widths((misses / usual)[drawn], usual[drawn], share) for share in shares]
    best = min(range(len(shares)), key=lambda n: of_shares[n].mean(), default=None)
    if best is not None and is_narrower(of_shares[best], widths):
        return Shape(is_scaled, shares[best])
    return Shape(is_scaled)


def is_narrower(widths: np.ndarray, others: np.ndarray) -> bool:
    return int(np.sum(widths < others * (1 - NARROWER_BY_MIN))) >= NARROWER_IN_MIN


def mean_widths(misses: np.ndarray, usual: np.ndarray, lower_share: float | None) -> np.ndarray:
    """Of intervals at the usual level, of each resample, from misses in units of the usual one."""
    if lower_share is None:
        return 2 * np.quantile(np.abs(misses), LEVEL, axis=1) * usual.mean(axis=1)
    low = (1 - LEVEL) * lower_share
    ends = np.quantile(misses, [low, low + LEVEL], axis=1)
    return (ends[1] - ends[0]) * usual.mean(axis=1)


def make_interval(apart: Predictions, shape: Shape) -> Reliability:
    misses, scale = apart.actual - apart.predicted, None
    relative = misses
    if shape.is_scaled:
        scale = usual_misses(apart.predicted, np.abs(misses))
        relative = misses / usual_misses_apart(apart.predicted, np.abs(misses))
    return Reliability(
        kind=INTERVAL,
        level=LEVEL,
        scores=thinned(np.abs(relative) if shape.lower_share is None else relative),
        rows=len(misses),
        lower_share=shape.lower_share,
        scale=scale,
        at_least=0.0 if apart.actual.min() >= 0 else None,
    )


def make_set(apart: Predictions) -> Reliability:
    """By the least probability at which the actual class is kept, which makes the smallest sets."""
    column = np.searchsorted(apart.classes, apart.actual)
    of_actual = apart.probabilities[np.arange(len(column)), column]
    return Reliability(kind=SET, level=LEVEL, scores=thinned(1 - of_actual), rows=len(column))


def with_coverage(reliability: Reliability, rows: Predictions) -> Reliability:
    """Counted on a part of very many rows."""
    if len(rows.actual) > COUNTED_ROWS_MAX:
        rows = rows_of(rows, np.random.default_rng(SEED).permutation(len(rows.actual))[:COUNTED_ROWS_MAX])
    if reliability.kind == INTERVAL:
        ends = np.array([reliability.interval(prediction) for prediction in rows.predicted.tolist()])
        is_inside = (ends[:, 0] <= rows.actual) & (rows.actual <= ends[:, 1])
        width = float(np.mean(ends[:, 1] - ends[:, 0]))
        return replace(reliability, coverage=float(is_inside.mean()), mean_width=width)
    labels = rows.classes.tolist()
    sets = [
        reliability.prediction_set(dict(zip(labels, p, strict=True))) for p in rows.probabilities.tolist()
    ]
    is_inside = [actual in found for actual, found in zip(rows.actual.tolist(), sets, strict=True)]
    size = float(np.mean([len(found) for found in sets]))
    return replace(reliability, coverage=float(np.mean(is_inside)), mean_size=size)


def rows_of(predictions: Predictions, chosen: np.ndarray) -> Predictions:
    probabilities = None if predictions.probabilities is None else predictions.probabilities[chosen]
    return Predictions(
        predictions.actual[chosen], predictions.predicted[chosen], probabilities, predictions.classes
    )


def usual_misses(predicted: np.ndarray, absolute: np.ndarray) -> dict | None:
    """The mean miss of about equally many rows each along the predictions; None where these are alike."""
    count = int(np.clip(len(predicted) // BIN_ROWS_MIN, 2, BINS_MAX))
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, count + 1)[1:-1]))
    bins = np.searchsorted(edges, predicted)
    rows = np.bincount(bins, minlength=len(edges) + 1)
    kept = rows > 0
    if kept.sum() < 2:
        return None
    at = np.bincount(bins, predicted, len(rows))[kept] / rows[kept]
    value = np.bincount(bins, absolute, len(rows))[kept] / rows[kept]
    value = np.maximum(value, absolute.mean() * USUAL_MISS_MIN)
    return {"at": at.tolist(), "value": value.tolist()}


def usual_misses_apart(predicted: np.ndarray, absolute: np.ndarray) -> np.ndarray:
    """For each row, the usual miss of such predictions as the other rows have it, which keeps the promise."""
    parts = np.random.default_rng(SEED).permutation(len(predicted)) % FOLDS
    usual = np.full(len(predicted), max(float(absolute.mean()), np.finfo(float).tiny))
    for part in range(FOLDS):
        scale = usual_misses(predicted[parts != part], absolute[parts != part])
        if scale and min(scale["value"]) > 0:
            usual[parts == part] = np.interp(predicted[parts == part], scale["at"], scale["value"])
    return usual


def thinned(scores: np.ndarray) -> list[float]:
    """All of them, ascending, or SCORES_KEPT at equal distances of rank."""
    ordered = np.sort(scores)
    if len(ordered) <= SCORES_KEPT:
        return ordered.tolist()
    places = np.linspace(0, len(ordered) - 1, SCORES_KEPT)
    return np.interp(places, np.arange(len(ordered)), ordered).tolist()
