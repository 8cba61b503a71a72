"""One training from rows to result: split, fit, search or compete, measure, explain."""

import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from mlmodels.trainers import holdout
from mlmodels.trainers.baseline import baseline_metrics
from mlmodels.trainers.metrics import measure_model
from mlmodels.trainers.plan import FitResult, Progress, TrainingPlan
from mlmodels.trainers.preparation import build_pipeline
from mlmodels.trainers.trainer import REGRESSION


def train(
    frame: pd.DataFrame, target_labels, plan: TrainingPlan, on_progress: Callable[[Progress], None]
) -> FitResult:
    """Trains on `frame`, one row per label, and measures on the rows kept aside.

    `frame` has the plan's columns: floats with NaN for a blank, texts with "" for one; its index counts the
    file's rows of data from 0, so that reports can name them. `target_labels` are floats for regression,
    whole numbers or texts for classification. `on_progress` may raise to stop. Refusals: see errors.py.
    """
    plan = plan.checked()
    labels = clean_labels(target_labels, plan.task)
    assert len(frame) == len(labels)
    holdout.check_target(labels, plan.task, plan.target)
    holdout.check_features(frame, plan.features)
    split = holdout.split_rows(labels, plan.task, plan.train_percentage)
    rows = frame[plan.feature_names]
    training, training_labels = rows.iloc[split.training], labels[split.training]
    plan.trainer.check_rows(plan.parameters, len(training))

    on_progress(Progress(0, 2, f"Training {plan.trainer.label.lower()}"))
    started = time.monotonic()
    pipeline = build_pipeline(
        plan.trainer, plan.task, plan.parameters, plan.features, training, training_labels
    ).fit(training, training_labels)
    fit_seconds = time.monotonic() - started
    hold_out, hold_out_labels = rows.iloc[split.hold_out], labels[split.hold_out]
    on_progress(Progress(1, 2, "Checking on the rows kept aside"))
    return FitResult(
        pipeline=pipeline,
        algorithm=plan.algorithm,
        parameters=plan.parameters,
        metrics=measure_model(pipeline, plan.task, hold_out, hold_out_labels),
        baseline=baseline_metrics(plan.task, training_labels, hold_out_labels),
        report={"notes": split.notes},
        features=[],
        training_rows=len(training),
        hold_out_rows=len(hold_out),
        fit_seconds=fit_seconds,
    )


def clean_labels(target_labels, task: str) -> np.ndarray:
    """Floats for regression; whole numbers or texts (as objects) for classification."""
    labels = np.asarray(target_labels)
    if task == REGRESSION:
        return labels.astype(float)
    return labels if labels.dtype.kind in "iu" else labels.astype(str).astype(object)
