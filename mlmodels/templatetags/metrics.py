"""The figures of a model: their names, their ranges, and guessing beside them."""

from functools import partial

from django import template

from mlmodels import charts
from mlmodels.learning.trainers.algorithms import label_of
from mlmodels.learning.trainers.figures import drawn
from mlplatform.core.formats import figure, fixed, percent
from mlplatform.core.templatetags.ui import plural, status

register = template.Library()

# Name, what it means, and whether it is shown as a percentage
METRICS = {
    "mean_absolute_error": ("Typical error (MAE)", "in the units of the target", False),
    "r2_score": ("Differences explained (R²)", "1 is perfect, 0 is no better than the average", False),
    "root_mean_squared_error": ("RMSE", "penalizes large errors more", False),
    "mean_squared_error": ("MSE", "RMSE squared", False),
    "accuracy": ("Correct (accuracy)", "share of test rows predicted correctly", True),
    "balanced_accuracy": ("Balanced accuracy", "mean recall over the classes", True),
    "roc_auc": ("Ranking (ROC AUC)", "0.5 is chance, 1 is perfect", False),
    "f1_score": ("Weighted F1", "classes weighted by their size", False),
    "f1_macro": ("Macro F1", "all classes weighted equally", False),
    "log_loss": ("Log loss", "lower is better; penalizes confident errors", False),
}
SHORT_NAMES = {"r2_score": "R²", "accuracy": "Accuracy", "roc_auc": "ROC AUC", "neg_log_loss": "Log loss"}
SCORES = {"r2_score", "roc_auc", "f1_score", "f1_macro", "log_loss"}  # at most about one
LESS_IS_BETTER = {"mean_absolute_error", "root_mean_squared_error", "mean_squared_error", "log_loss"}
HEADLINES = {
    "regression": ("mean_absolute_error", "r2_score", "root_mean_squared_error"),
    "classification": ("accuracy", "roc_auc", "f1_macro"),
}
LIST_SCORES = {"regression": "r2_score", "classification": "accuracy"}
GRADE_STATUS = {"fair": "warn", "weak": "bad", "none": "bad"}
GRADE_COLORS = {"fair": "fair", "weak": "weak", "none": "weak"}


def metric_name(name):
    return METRICS[name][0] if name in METRICS else name


@register.filter
def short_metric_name(name):
    return SHORT_NAMES.get(name, metric_name(name))


def metric_value(value, name):
    if value is None or name not in METRICS:
        return figure(value)
    if METRICS[name][2]:
        return percent(value, 1)
    return fixed(value, 3) if name in SCORES else figure(value)


@register.filter
def algorithm_name(algorithm):
    return label_of(algorithm)


@register.simple_tag
def score_in_words(model):
    """The one figure by which models are listed."""
    name = LIST_SCORES[model.task]
    return f"{short_metric_name(name)} {metric_value(model.metrics.get(name), name)}"


@register.inclusion_tag("components/_status.html")
def grade(verdict):
    """The first words of a stored verdict, for lists: a score alone can make a bad model look good."""
    return status(GRADE_STATUS.get(verdict["grade"], "ok"), grade_in_words(verdict))


def grade_in_words(verdict) -> str:
    """ "Good", or "Weak" of "Weak, little better than guessing: right in …"."""
    return verdict["sentence"].partition(":")[0].partition(",")[0]


@register.simple_tag
def verdict(model):
    """A grade, a sentence, and its proof: this model and guessing as bars on one scale."""
    said = model.report.get("verdict") or plain_verdict(model)
    opening, colon, rest = said["sentence"].partition(":")
    own, guessed = said["model_figure"], said["baseline_figure"]
    largest = max(own or 0, guessed or 0)
    write = partial(percent, decimals=1) if said["is_share"] else partial(figure, digits=3)
    is_counted = model.task == "classification" and not said["is_share"]
    write_guessed = drawn if is_counted else write  # rounded as in the sentence
    proof = [
        {"name": name, "bar": charts.bar(value / largest, css), "value": write_this(value)}
        for name, value, css, write_this in (
            ("This model", own, "bar", write),
            ("Guessing", guessed, "rest", write_guessed),
        )
        if own is not None and guessed is not None and largest
    ]
    return {
        "opening": f"{opening}:" if colon else "",
        "sentence": rest if colon else opening,
        "css": GRADE_COLORS.get(said.get("grade"), ""),
        "measure": said["measure"],
        "proof": proof,
    }


def plain_verdict(model) -> dict:
    """For models that were trained before there were verdicts."""
    own, guessed = errors(model)
    return {
        "sentence": quality_in_words(model),
        "measure": "Wrong answers" if model.task == "classification" else "Average error",
        "is_share": model.task == "classification",
        "model_figure": own,
        "baseline_figure": guessed,
    }


def errors(model):
    """Of the model and of guessing: the share of wrong answers, or how far off the numbers are."""
    if model.task == "regression":
        return model.metrics.get("mean_absolute_error"), model.baseline.get("mean_absolute_error")
    pair = model.metrics.get("accuracy"), model.baseline.get("accuracy")
    return tuple(None if share is None else 1 - share for share in pair)


def quality_in_words(model) -> str:
    """One sentence without statistics, with guessing beside it."""
    own, guessed = errors(model)
    if own is None or guessed is None:
        return "There were too few test rows for a verdict."
    if model.task == "classification":
        return (
            f"Correct in {100 - own * 100:.0f} of 100 cases; "
            f"always predicting the most common class would be correct in {100 - guessed * 100:.0f}."
        )
    change = 1 - own / guessed if guessed else 0
    compared = (
        f", {percent(abs(change))} {'less' if change >= 0 else 'more'} than guessing" if guessed else ""
    )
    return f"Typically off by {figure(own, 3)}{compared}."


@register.simple_tag
def headline_metrics(model):
    """Three figures with their ranges, each on a scale from guessing to perfect."""
    return [headline(model, name) for name in HEADLINES[model.task] if model.metrics.get(name) is not None]


def headline(model, name) -> dict:
    value, guessed = model.metrics[name], model.baseline.get(name)
    low, high = (model.report.get("metric_intervals") or {}).get(name) or (None, None)
    row = {
        "name": METRICS[name][0],
        "value": metric_value(value, name),
        "note": METRICS[name][1],
        "range": "" if low is None else f"{metric_value(low, name)} to {metric_value(high, name)}",
        "guess": "" if guessed is None else metric_value(guessed, name),
        "meter": "",
    }
    perfect = 0 if name in LESS_IS_BETTER else 1
    if guessed is not None and guessed != perfect:
        shares = [place(v, guessed, perfect) for v in (value, low, high)]
        row["meter"] = (
            charts.meter(shares[0], *sorted(shares[1:])) if low is not None else charts.meter(shares[0])
        )
    return row


def place(value, guessed, perfect):
    """0 where guessing is, 1 where it is perfect."""
    return None if value is None else (value - guessed) / (perfect - guessed)


def ordered(metrics: dict):
    """Metrics with their values as METRICS lists them: PostgreSQL keeps no order of keys in JSON."""
    return sorted(
        metrics.items(), key=lambda item: list(METRICS).index(item[0]) if item[0] in METRICS else 99
    )


@register.simple_tag
def all_metrics(model):
    """Every metric with its baseline, as rows of a table."""
    return [
        {
            "name": metric_name(name),
            "value": metric_value(value, name),
            "baseline": metric_value(model.baseline.get(name), name),
        }
        for name, value in ordered(model.metrics)
    ]


@register.simple_tag
def checked_in_words(model):
    """Which rows the figures are of, and with which threshold, where another was saved since."""
    said = tested_in_words(model)
    if model.threshold in (None, 0.5):
        return said
    return f"{said} The threshold was 50%, and is {percent(model.threshold)} now."


def tested_in_words(model):
    evaluation = model.report.get("evaluation") or {}
    rows = plural(evaluation.get("test_rows") or model.report["hold_out_rows"], "row")
    by = evaluation.get("by")
    match evaluation.get("kind"):
        case "time":
            return f"Checked on {rows} later than any it learned from, by {by}."
        case "group":
            return f"Checked on {rows} of other values of {by} than those it learned from."
        case "k_fold":
            return f"Checked on all {rows} in {evaluation['folds']} folds, by models that never saw them."
    return f"Checked on {rows} it never saw."
