"""How well a model was promised to predict, and how well it did where the actual value is known."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from mlmodels.learning.trainers.figures import mean_interval, percent, proportion_interval, written
from mlmodels.learning.trainers.trainer import REGRESSION
from mlplatform.core.text import plural

ACTUALS_MIN = 10  # fewer do not tell a model from chance
AS_PROMISED, WORSE, BETTER, TOO_FEW = "as promised", "worse", "better", "too few"


def live_quality(
    task: str, answers: Sequence[tuple[Mapping, object]], metrics: Mapping, intervals: Mapping
) -> dict:
    """Each of `answers` is an output and its actual value. `metrics` and `intervals` are the promised ones.

    `measure` is the mean absolute error or the accuracy, `live` and `promised` its two values with 95 %
    intervals. `verdict` is worse or better only where these intervals do not overlap. `coverage` counts how
    many of the intervals, or sets of classes, held the actual value, beside their promised level.
    """
    if not answers:
        return {"actuals": 0, "sentence": "No actual values yet."}
    is_regression = task == REGRESSION
    measure = "mean_absolute_error" if is_regression else "accuracy"
    live, live_interval = (mean_miss if is_regression else share_right)(answers)
    promised, promised_interval = metrics.get(measure), intervals.get(measure)
    return {
        "actuals": len(answers),
        "measure": measure,
        "live": live,
        "live_interval": live_interval,
        "promised": promised,
        "promised_interval": promised_interval,
        "verdict": verdict_on(is_regression, live_interval, promised_interval or [promised] * 2),
        "coverage": coverage_of(answers),
        "sentence": sentence(
            is_regression, len(answers), (live, live_interval), (promised, promised_interval)
        ),
    }


def mean_miss(answers: Sequence[tuple[Mapping, object]]) -> tuple[float, list[float] | None]:
    misses = [abs(output["prediction"] - actual) for output, actual in answers]
    return fmean(misses), mean_interval(misses) if len(misses) >= ACTUALS_MIN else None


def share_right(answers: Sequence[tuple[Mapping, object]]) -> tuple[float, list[float] | None]:
    right = sum(output["prediction"] == actual for output, actual in answers)
    interval = proportion_interval(right, len(answers)) if len(answers) >= ACTUALS_MIN else None
    return right / len(answers), interval


def verdict_on(is_regression: bool, live: list[float] | None, promised: list[float]) -> str:
    if live is None or None in promised:
        return TOO_FEW
    if live[0] > promised[1]:
        return WORSE if is_regression else BETTER
    if live[1] < promised[0]:
        return BETTER if is_regression else WORSE
    return AS_PROMISED


def coverage_of(answers: Sequence[tuple[Mapping, object]]) -> dict | None:
    """None for models from before intervals. Answers at another level than the usual one are left out."""
    levels = [output["interval"]["level"] for output, _ in answers if "interval" in output]
    if levels:
        level = max(set(levels), key=levels.count)
        judged = [
            output["interval"]["low"] <= actual <= output["interval"]["high"]
            for output, actual in answers
            if output.get("interval", {}).get("level") == level
        ]
    else:
        level = None
        judged = [
            str(actual) in map(str, output["prediction_set"])
            for output, actual in answers
            if output.get("prediction_set")
        ]
    return {"of": len(judged), "held": sum(judged), "level": level} if judged else None


def sentence(is_regression: bool, actuals: int, live, promised) -> str:
    what = "average error" if is_regression else "right in"
    words = [with_interval(is_regression, *figure) for figure in (live, promised) if figure[0] is not None]
    told = f"{plural(actuals, 'actual value')}: {what} {words[0]}"
    return f"{told}; promised {words[1]}." if len(words) == 2 else f"{told}."


def with_interval(is_regression: bool, value: float, interval: Sequence[float] | None) -> str:
    write = written if is_regression else lambda share: percent(share, round)
    around = f" ({write(interval[0])} to {write(interval[1])})" if interval else ""
    return f"{write(value)}{around}"
