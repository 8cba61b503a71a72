"""The evaluation of a model in words, tables and charts: jargon in brackets, the baseline beside it."""

from django import template

from mlmodels import charts
from mlmodels.learning.trainers import TRAINERS
from mlmodels.templatetags.columns import column_value
from mlplatform.core.templatetags.ui import figure, percent, status

INPUTS_CHARACTERS_MAX = 120
LESS_IS_BETTER = {"mean_absolute_error", "root_mean_squared_error", "mean_squared_error", "log_loss"}
LIST_SCORES = {"regression": "r2_score", "classification": "accuracy"}

register = template.Library()

# Name, what it means, and whether it is shown as a percentage
METRICS = {
    "r2_score": ("R²", "1 is perfect, 0 is no better than the average", False),
    "mean_absolute_error": ("Mean absolute error (MAE)", "in the units of the target", False),
    "root_mean_squared_error": ("RMSE", "penalizes large errors more", False),
    "mean_squared_error": ("MSE", "RMSE squared", False),
    "accuracy": ("Accuracy", "share of test rows predicted correctly", True),
    "balanced_accuracy": ("Balanced accuracy", "mean recall over the classes", True),
    "f1_score": ("F1", "weighted by class size", False),
    "f1_macro": ("Macro F1", "all classes weighted equally", False),
    "roc_auc": ("ROC AUC", "0.5 is chance, 1 is perfect", False),
    "log_loss": ("Log loss", "lower is better; penalizes confident errors", False),
}
HEADLINES = {
    "regression": ("mean_absolute_error", "r2_score", "root_mean_squared_error"),
    "classification": ("accuracy", "roc_auc", "f1_macro"),
}
BASELINES = {
    "regression": ("mean_absolute_error", "Baseline error (always the average)"),
    "classification": ("accuracy", "Baseline (most common class)"),
}


@register.filter
def metric_name(name):
    return METRICS[name][0] if name in METRICS else name


@register.filter
def metric_value(value, name):
    return percent(value, 1) if name in METRICS and METRICS[name][2] else figure(value, 4)


@register.inclusion_tag("mlmodels/_headline_metrics.html")
def headline_metrics(model):
    """Three figures and the baseline to beat, in large type."""
    rows = [
        {
            "name": METRICS[name][0],
            "value": metric_value(model.metrics.get(name), name),
            "note": METRICS[name][1],
        }
        for name in HEADLINES[model.task]
    ]
    name, label = BASELINES[model.task]
    rows.append(
        {"name": label, "value": metric_value(model.baseline.get(name), name), "note": "the baseline to beat"}
    )
    return {"rows": rows}


def ordered(metrics: dict):
    """Metrics with their values as METRICS lists them: PostgreSQL keeps no order of keys in JSON."""
    return sorted(metrics.items(), key=lambda item: list(METRICS).index(item[0]))


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
def quality_in_words(model):
    """One sentence without statistics: the error of the model and of the baseline."""
    name, _ = BASELINES[model.task]
    value, baseline = model.metrics.get(name), model.baseline.get(name)
    if value is None or baseline is None:
        return ""
    if model.task == "classification":
        return (
            f"It is correct in {value * 100:.0f} of 100 cases; "
            f"always predicting the most common class would be correct in {baseline * 100:.0f}."
        )
    compared = ""
    if baseline:
        change = 1 - value / baseline
        compared = (
            f", {abs(change):.0%} {'less' if change >= 0 else 'more'} than always predicting the average"
        )
    return f"Predictions are off by {figure(value)} on average{compared}."


@register.simple_tag
def run_in_words(run):
    """What a screen reader is told when it changes: once per candidate, not at every step."""
    if run.status == run.Status.RUNNING and run.candidates:
        ended = sum(row["status"] in ("done", "failed", "skipped") for row in run.candidates)
        return f"{ended} of {len(run.candidates)} done"
    return run.get_status_display()


@register.inclusion_tag("components/_status.html")
def candidate_status(candidate, candidates):
    """The state of a candidate; the one with the highest score is marked as best."""
    scores = [
        row["score"] for row in candidates if row["score"] is not None and row["algorithm"] != "baseline"
    ]
    some_are_left = any(row["status"] in ("running", "waiting") for row in candidates)
    if candidate["status"] == "running":
        return status("run", "Running")
    if candidate["status"] == "failed":
        return status("bad", "Failed")
    if candidate["status"] == "done":
        is_best = candidate["algorithm"] != "baseline" and candidate["score"] == max(scores, default=None)
        return (
            status("ok", "Best so far" if some_are_left else "Best")
            if is_best
            else {"kind": "", "word": "Done", "icon_name": "circle-check"}
        )
    word = "Skipped" if candidate["status"] == "skipped" else "Waiting"
    return {"kind": "", "word": word, "icon_name": "clock"}


@register.simple_tag
def candidate_name(candidate):
    """The algorithm, or the values that a search tried."""
    values = candidate.get("parameters")
    return ", ".join(f"{name} = {value}" for name, value in values.items()) if values else candidate["label"]


@register.simple_tag
def score_bar(candidate):
    return charts.bar_cell(candidate["score"])


@register.simple_tag
def importance_rows(model):
    """Columns by the share of the score that is lost when they are shuffled; what loses nothing has none."""
    columns = model.report["importance"]["columns"]
    total = sum(max(column["mean"], 0) for column in columns)
    if not total:
        return []
    return [
        {
            "name": column["name"],
            "share": max(column["mean"], 0) / total,
            "bar": charts.bar_cell(max(column["mean"], 0) / total),
        }
        for column in columns
    ]


@register.simple_tag
def scatter_chart(model):
    sample = model.report["sample"]
    return charts.scatter(
        list(zip(sample["actual"], sample["predicted"], strict=True)),
        name="scatter",
        title="Predicted against actual",
        message=f"{len(sample['actual'])} test rows; on the dashed line a prediction is exact.",
        x_label=f"Actual {model.target['name']}",
        y_label=f"Predicted {model.target['name']}",
    )


@register.simple_tag
def residual_chart(model):
    residuals = model.report["residuals"]
    return charts.histogram(
        residuals["edges"],
        residuals["counts"],
        name="residuals",
        title="Size and direction of errors",
        message="Actual minus predicted on the test rows; the line marks zero error.",
        x_label="Actual minus predicted",
        marked=0,
    )


@register.simple_tag
def confusion_chart(model):
    """The matrix as a picture, or nothing where there are more classes than fit."""
    matrix = model.report["confusion_matrix"]
    if len(matrix["labels"]) > charts.CONFUSION_CLASSES_MAX:
        return ""
    right = sum(matrix["counts"][i][i] for i in range(len(matrix["labels"])))
    total = sum(map(sum, matrix["counts"]))
    return charts.confusion_matrix(
        matrix["labels"],
        matrix["counts"],
        name="confusion",
        title="Correct and wrong predictions",
        message=f"{right} of {total} test rows are on the diagonal, where the prediction is correct.",
    )


@register.simple_tag
def roc_charts(model):
    """One curve for two classes, else one per class."""
    return [
        {
            "label": curve["label"],
            "chart": charts.roc(
                curve["points"],
                area=curve["area"],
                name=f"roc-{number}",
                title=f"ROC curve for {curve['label']}",
                message=f"The area under the curve is {curve['area']:.3f}; 0.5 is chance and 1 is perfect.",
            ),
        }
        for number, curve in enumerate(model.report["roc"])
    ]


@register.simple_tag
def share_bar(share):
    return charts.bar_cell(share)


@register.simple_tag
def out_of_range_in_words(out_of_range, model):
    """Why a value should be looked at twice."""
    if out_of_range.minimum is None:
        return f"{out_of_range.value} was not in the training data."
    column = next(column for column in model.features if column["name"] == out_of_range.column)
    value, low, high = (
        column_value(v, column) for v in (out_of_range.value, out_of_range.minimum, out_of_range.maximum)
    )
    return f"{value} is outside the range of the training data, {low} to {high}."


@register.filter
def answer_in_words(answer, model):
    """A predicted number as the target is written, or the class."""
    return column_value(answer, model.target) if model.task == "regression" else answer


@register.filter
def plan_in_words(checked):
    """What a checked plan would train: "Predicts a number from 7 columns."."""
    what = (
        "a number"
        if checked.plan.task == "regression"
        else f"one of {checked.target.profile['distinct']} classes"
    )
    count = len(checked.features)
    return f"Predicts {what} from {count} column{'' if count == 1 else 's'}."


@register.filter
def algorithm_name(algorithm):
    return TRAINERS[algorithm].label if algorithm in TRAINERS else algorithm


@register.simple_tag
def score_in_words(model):
    """The one figure by which models are listed."""
    name = LIST_SCORES[model.task]
    return f"{metric_name(name)} {metric_value(model.metrics.get(name), name)}"


@register.simple_tag
def residual_rows(model):
    """(from, to, rows) of every bin that has rows."""
    edges, counts = model.report["residuals"]["edges"], model.report["residuals"]["counts"]
    return [bin for bin in zip(edges, edges[1:], counts, strict=False) if bin[2]]


@register.simple_tag
def miss_rows(model):
    """The largest errors, with their inputs in column order."""
    return [
        {**miss, "cells": [column_value(miss["inputs"][c["name"]], c) for c in model.features]}
        for miss in model.report["largest_misses"]
    ]


@register.simple_tag
def inputs_in_words(prediction):
    """ "area 120, district Harbour", as far as it fits a line."""
    if prediction.model:
        words = [
            f"{c['name']} {column_value(prediction.inputs[c['name']], c)}" for c in prediction.model.features
        ]
    else:
        words = [f"{name} {figure(value)}" for name, value in prediction.inputs.items()]
    return charts.shorten(", ".join(words), INPUTS_CHARACTERS_MAX)


@register.simple_tag
def comparison(models):
    """A row per figure: metrics, baseline, table, algorithm, time. The best of comparable ones is marked."""
    same_target = len({(model.task, model.target["name"]) for model in models}) == 1
    rows = [
        row_of("Target", [model.target["name"] for model in models]),
        row_of("Algorithm", [algorithm_name(model.algorithm) for model in models]),
        row_of("Dataset", [model.dataset.name if model.dataset else "deleted" for model in models]),
        row_of("Columns", [len(model.features) for model in models]),
        row_of("Training rows", [figure(model.report["training_rows"]) for model in models]),
        row_of("Test rows", [figure(model.report["hold_out_rows"]) for model in models]),
    ]
    for name, _ in ordered({name: None for model in models for name in model.metrics}):
        rows.append(metric_row(name, models, same_target))
    rows.append(row_of("Seconds to fit", [f"{model.report['fit_seconds']:.2f}" for model in models]))
    return rows


@register.simple_tag
def compare_warnings(models):
    """Why two figures side by side may not mean the same."""
    if len({(model.task, model.target["name"]) for model in models}) > 1:
        return ["These models predict different targets, so their metrics cannot be compared."]
    if len({model.dataset_id for model in models}) > 1:
        return ["These models were tested on different datasets, so small differences are not meaningful."]
    return []


def row_of(name, texts) -> dict:
    return {"name": name, "cells": [{"text": text, "is_best": False} for text in texts]}


def metric_row(name, models, same_target) -> dict:
    values = [model.metrics.get(name) for model in models]
    known = [value for value in values if value is not None]
    best = (min if name in LESS_IS_BETTER else max)(known) if same_target and len(set(known)) > 1 else None
    return {
        "name": metric_name(name),
        "cells": [
            {"text": metric_value(value, name), "is_best": value is not None and value == best}
            for value in values
        ],
    }
