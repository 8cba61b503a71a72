"""Models side by side."""

import itertools

from django import template

from mlmodels.templatetags.metrics import (
    LESS_IS_BETTER,
    algorithm_name,
    grade_in_words,
    metric_name,
    metric_value,
    ordered,
)
from mlplatform.core.formats import figure
from mlplatform.core.templatetags.ui import seconds

register = template.Library()


@register.simple_tag
def comparison(models):
    """A row per figure: metrics, dataset, algorithm, time. The best of comparable ones is marked."""
    same_target = len({(model.task, model.target["name"]) for model in models}) == 1
    rows = [
        metric_row(name, models, same_target)
        for name, _ in ordered({name: None for model in models for name in model.metrics})
    ]
    return [
        row_of("Verdict", [verdict_in_words(model) for model in models]),
        *rows,
        row_of("Target", [model.target["name"] for model in models]),
        row_of("Algorithm", [algorithm_name(model.algorithm) for model in models]),
        row_of("Dataset", [dataset_in_words(model.dataset) for model in models]),
        row_of("Columns", [len(model.features) for model in models]),
        row_of("Training rows", [figure(model.report["training_rows"]) for model in models]),
        row_of("Test rows", [figure(model.report["hold_out_rows"]) for model in models]),
        row_of("Seconds to fit", [seconds(model.report["fit_seconds"]) for model in models]),
    ]


def verdict_in_words(model) -> str:
    """Models that were trained before there were verdicts have none."""
    said = model.report.get("verdict")
    return grade_in_words(said) if said else "—"


def dataset_in_words(dataset) -> str:
    if not dataset:
        return "deleted"
    return f"{dataset.name}, version {dataset.version}" if dataset.version > 1 else dataset.name


@register.simple_tag
def differences(models):
    """What the shared test rows say of each two models, as sentences; nothing where they share too few."""
    from mlmodels.learning.trainers.model_comparison import compare_models  # numpy takes a moment to import

    said = []
    for one, other in itertools.combinations(models, 2):
        reports = [{**model.report, "task": model.task} for model in (one, other)]
        names = [str(one), str(other)]
        found = compare_models(reports, names) if one.target["name"] == other.target["name"] else None
        if found:
            said.append(
                {"names": names, "is_clear": found["better"] is not None, "sentence": found["sentence"]}
            )
    return said


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
