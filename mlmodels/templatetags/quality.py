"""How right a model is on its test rows: charts and tables of its report, each with its finding in words."""

import math

from django import template

from mlmodels import charts
from mlmodels.templatetags.columns import column_value
from mlplatform.core.formats import figure, percent
from mlplatform.core.text import plural

CLASSES_SHOWN = 12
CERTAINTY = 2  # standard errors

register = template.Library()


@register.simple_tag
def scatter_chart(model):
    sample = model.report["sample"]
    name = model.target["name"]
    return charts.scatter(
        list(zip(sample["actual"], sample["predicted"], strict=True)),
        name="scatter",
        title="Predicted against actual",
        message=f"{len(sample['actual'])} test rows; on the dashed line a prediction is exact.",
        x_label=f"Actual {name}",
        y_label=f"Predicted {name}",
    )


@register.simple_tag
def nine_in_ten(model):
    """How far off nine in ten test rows are at most."""
    sample = model.report["sample"]
    misses = sorted(abs(a - p) for a, p in zip(sample["actual"], sample["predicted"], strict=True))
    return misses[math.ceil(len(misses) * 0.9) - 1]


@register.simple_tag
def direction_in_words(model):
    """Whether predictions err to one side."""
    sample = model.report["sample"]
    pairs = list(zip(sample["actual"], sample["predicted"], strict=True))
    high, low = sum(p > a for a, p in pairs), sum(p < a for a, p in pairs)
    if not high + low:
        return "All exact"
    share = high / (high + low)
    if abs(share - 0.5) <= CERTAINTY * 0.5 / math.sqrt(high + low) + 0.02:
        return "As often too high as too low"
    return "More often too high" if share > 0.5 else "More often too low"


@register.simple_tag
def residual_chart(model, inside):
    residuals = model.report["residuals"]
    return charts.histogram(
        residuals["edges"],
        residuals["counts"],
        name="residuals",
        title="Size and direction of errors",
        message="Actual minus predicted on the test rows; at the line a prediction is exact.",
        x_label="Actual minus predicted",
        inside=(-inside, inside) if inside else None,
        reference=0,
    )


@register.simple_tag
def residual_rows(model):
    """(from, to, rows) of every bin that has rows."""
    edges, counts = model.report["residuals"]["edges"], model.report["residuals"]["counts"]
    return [bin for bin in zip(edges, edges[1:], counts, strict=False) if bin[2]]


@register.simple_tag
def miss_rows(model):
    """The largest errors, with their inputs in column order."""
    return [
        {**miss, "cells": [column_value(miss["inputs"].get(c["name"]), c) for c in model.features]}
        for miss in model.report["largest_misses"]
    ]


@register.simple_tag
def weak_groups(model):
    """Rows on which the model errs more, as bars on one scale."""
    groups = model.report.get("weak_groups") or []
    columns = {column["name"]: column for column in model.features}
    largest = max((group["error"] for group in groups), default=0) or 1
    return [
        {
            **group,
            "words": group_in_words(group, columns.get(group["column"])),
            "bar": charts.bar(group["error"] / largest, "against"),
            "times": group["error"] / group["error_of_all"] if group["error_of_all"] else None,
            "error": error_in_words(group, group["error"]),
        }
        for group in groups
    ]


def error_in_words(group, error) -> str:
    """Of a weak group, or of all rows."""
    return percent(error) if group.get("is_share") else figure(error, 3)


def group_in_words(group, column) -> str:
    """ "Old Town", "12 to 30", "(blank)"."""
    if group.get("value") is not None:
        return group["value"] or "(blank)"
    low, high = group.get("low"), group.get("high")
    if low is None and high is None:
        return "(blank)"
    write = (lambda value: column_value(value, column)) if column else figure
    if low is None:
        return f"up to {write(high)}"
    return f"from {write(low)}" if high is None else f"{write(low)} to {write(high)}"


@register.simple_tag
def confusion(model):
    """The matrix as rows of a table, or nothing where there are more classes than fit."""
    matrix = model.report["confusion_matrix"]
    if len(matrix["labels"]) > CLASSES_SHOWN:
        return None
    return confusion_table(matrix["labels"], matrix["counts"])


def confusion_table(labels, counts, wanted=None) -> dict:
    """Of two classes the cells say what became of the `wanted` one, else the rarer one."""
    heading = (
        f"{figure(sum(counts[i][i] for i in range(len(labels))))} of {figure(sum(map(sum, counts)))} correct"
    )
    words = {}
    if len(labels) == 2:
        rare = labels.index(wanted) if wanted in labels else min((0, 1), key=lambda i: sum(counts[i]))
        found, in_vain = counts[rare][rare], counts[1 - rare][rare]
        of_class = f"{figure(found)} of {figure(sum(counts[rare]))} “{labels[rare]}”"
        heading = f"Found {of_class}, with {plural(in_vain, 'false alarm')}"
        words = {(rare, rare): "found", (rare, 1 - rare): "missed", (1 - rare, rare): "false alarm"}
        words[1 - rare, 1 - rare] = "right"
    rows = [
        {
            "label": label,
            "total": sum(row),
            "cells": [
                confusion_cell(count, sum(row), i == j, words.get((i, j))) for j, count in enumerate(row)
            ],
        }
        for i, (label, row) in enumerate(zip(labels, counts, strict=True))
    ]
    return {"labels": labels, "rows": rows, "heading": heading}


def confusion_cell(count, total, is_right, word) -> dict:
    hue = "right" if is_right else "wrong"
    css = "none" if not count else f"{hue} much" if count / total >= 0.5 else hue
    return {"count": count, "css": css, "word": word or (hue if count else "")}


@register.simple_tag
def roc_charts(model):
    """One curve for two classes, else one per class."""
    return [
        {
            "label": curve["label"],
            "area": curve["area"],
            "chart": charts.curve(
                curve["points"],
                name=f"roc-{number}",
                title=f"ROC curve for {curve['label']}",
                message=f"The area under the curve is {curve['area']:.3f}; 0.5 is chance and 1 is perfect.",
                x_label="False alarms (false positive rate)",
                y_label="Found (true positive rate)",
                reference=[(0, 0), (1, 1)],
            ),
        }
        for number, curve in enumerate(model.report["roc"])
    ]


@register.simple_tag
def precision_recall_charts(model):
    """One curve for two classes, else one per class."""
    supports = {row["label"]: row["support"] for row in model.report.get("classes", [])}
    total = sum(supports.values()) or 1
    return [
        {
            "label": curve["label"],
            "precision": curve["average_precision"],
            "chart": charts.curve(
                curve["points"],
                name=f"precision-{number}",
                title=f"Precision and recall for {curve['label']}",
                message=f"The average precision is {percent(curve['average_precision'])}; "
                f"guessing would be right in {percent(supports.get(curve['label'], 0) / total)}.",
                x_label="Found (recall)",
                y_label="Right when predicted (precision)",
                reference=[(x, supports.get(curve["label"], 0) / total) for x in (0, 1)],
            ),
        }
        for number, curve in enumerate(model.report.get("precision_recall") or [])
    ]


@register.simple_tag
def calibration_chart(model):
    calibration = model.report.get("calibration")
    if not calibration or not calibration.get("bins"):
        return ""
    return charts.calibration(
        [(row["predicted"], row["observed"], row["low"], row["high"]) for row in calibration["bins"]],
        name="calibration",
        title="Calibration",
        message=f"Probabilities are off by {percent(calibration['error'], 1)} on average.",
        y_label="Observed share",
    )


@register.simple_tag
def learning_curve(model):
    """How the score grew with the rows, where the training measured it."""
    curve = model.report.get("learning_curve") or []
    if len(curve) < 2:
        return None
    before, last = curve[-2], curve[-1]
    is_growing = last["score"] - before["score"] > before["std"]
    sign = -1 if last["scoring"] == "neg_log_loss" else 1
    return {
        "heading": "More rows would help" if is_growing else "More rows would hardly help",
        "scoring": last["scoring"],
        "chart": charts.curve(
            [(part["rows"], sign * part["score"]) for part in curve],
            name="learning",
            title="Score by training rows",
            message=f"{figure(sign * before['score'], 3)} with {figure(before['rows'])} rows, "
            f"{figure(sign * last['score'], 3)} with {figure(last['rows'])}.",
            x_label="Training rows",
            y_label="Score",
            reference=[(part["rows"], sign * part["training_score"]) for part in curve],
            is_share=False,
        ),
    }
