"""How a model performs, in words: drift, actual values, and the aliases that a new model may take over."""

from django import template

from mlmodels.learning.drift import LARGE, MODERATE, NONE
from mlmodels.learning.live_quality import AS_PROMISED, BETTER, TOO_FEW, WORSE
from mlplatform.core.formats import figure, percent

DRIFT = {NONE: ("ok", "None"), MODERATE: ("warn", "Moderate"), LARGE: ("bad", "Large")}
LIVE = {
    AS_PROMISED: ("ok", "As promised"),
    BETTER: ("ok", "Better than promised"),
    WORSE: ("bad", "Worse than promised"),
    TOO_FEW: ("", "Too few to tell"),
}

register = template.Library()


@register.simple_tag
def drift_rows(drift):
    rows = []
    for column in drift["columns"]:
        css, word = DRIFT[column["level"]]
        rows.append({**column, "css": css, "word": word})
    return rows


@register.simple_tag
def live_words(model, actuals):
    """The figures as this reader writes numbers."""
    css, word = LIVE[actuals["verdict"]]
    write = (lambda value: figure(value, 3)) if model.task == "regression" else percent
    what = "average error" if model.task == "regression" else "right in"
    live = f"{what} {with_interval(write, actuals['live'], actuals['live_interval'])}"
    promised = f"promised {with_interval(write, actuals['promised'], actuals['promised_interval'])}"
    count = actuals["actuals"]
    values = "actual value" if count == 1 else "actual values"
    return {
        "css": css,
        "word": word,
        "sentence": f"{figure(count)} {values}: {live}; {promised}.",
        "coverage": coverage_in_words(model, actuals["coverage"]),
    }


def with_interval(write, value, interval) -> str:
    return f"{write(value)} ({write(interval[0])} to {write(interval[1])})" if interval else write(value)


def coverage_in_words(model, coverage) -> str:
    if not coverage:
        return ""
    level = coverage["level"] or model.report["reliability"]["level"]
    things = "intervals" if model.task == "regression" else "sets of classes"
    share = coverage["held"] / coverage["of"]
    return (
        f"{figure(coverage['held'])} of {figure(coverage['of'])} {things} held the actual value "
        f"({percent(share)}); promised: {percent(level)}."
    )


@register.simple_tag
def promotable_names(model):
    """Names under which the model that was trained again answers: its aliases, else its own."""
    before = model.run.repeats
    if before is None:
        return []
    names = [alias.name for alias in before.aliases.all()]
    return names or ([] if model.aliases.exists() else [before.name])
