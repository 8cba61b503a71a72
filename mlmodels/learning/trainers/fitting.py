"""One training run from rows to result: split, compare or search, fit, measure, explain."""

import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning

from mlmodels.learning.trainers import auto, progressive_fit, splits
from mlmodels.learning.trainers.evaluation import evaluate
from mlmodels.learning.trainers.feature_summary import describe_features
from mlmodels.learning.trainers.importance import column_importance
from mlmodels.learning.trainers.limits import SEED
from mlmodels.learning.trainers.metrics import baseline_metrics, measure, predict, score
from mlmodels.learning.trainers.plan import FitResult, Progress, TrainingPlan
from mlmodels.learning.trainers.preparation import build_pipeline
from mlmodels.learning.trainers.search import scoring_of, search
from mlmodels.learning.trainers.trainer import REGRESSION

CLOSING_STEPS = 3  # fit, check, explain


@dataclass(frozen=True)
class Rows:
    """The rows on one side of the split, with their labels."""

    frame: pd.DataFrame
    labels: np.ndarray


def train(
    frame: pd.DataFrame, target_labels, plan: TrainingPlan, on_progress: Callable[[Progress], None]
) -> FitResult:
    """Trains on a part of `frame`, one row per label, and measures on the rest, the test set.

    `frame` has the plan's columns: floats with NaN for a blank, texts with "" for one; its index counts the
    file's rows of data from 0, so that reports can name them. `target_labels` are floats for regression,
    whole numbers or texts for classification. `on_progress` may raise to stop. Refusals: see errors.py.
    """
    plan = plan.checked()
    labels = clean_labels(target_labels, plan.task)
    assert len(frame) == len(labels)
    splits.check_target(labels, plan.task, plan.target)
    splits.check_features(frame, plan.features)
    split = splits.split_rows(labels, plan.task, plan.train_percentage)
    frame = frame[plan.feature_names]
    training = Rows(frame.iloc[split.training], labels[split.training])
    hold_out = Rows(frame.iloc[split.hold_out], labels[split.hold_out])

    steps = Steps(on_progress)
    with warnings_silenced():
        if plan.algorithm == "auto":
            result = train_best(plan, training, hold_out, steps)
        elif plan.grid is not None:
            result = train_searched(plan, training, hold_out, steps)
        else:
            plan.trainer.check_rows(plan.parameters, len(training.labels))
            result = fit_and_explain(plan, training, hold_out, steps)
    result.report["notes"] = split.notes + result.report["notes"]
    return result


def train_best(plan: TrainingPlan, training: Rows, hold_out: Rows, steps: "Steps") -> FitResult:
    trainer, candidates = auto.compare_algorithms(
        plan, training.frame, training.labels, steps.show_candidates
    )
    best = replace(plan, algorithm=trainer.name, parameters=trainer.defaults(plan.task))
    result = fit_and_explain(best, training, hold_out, steps)
    result.candidates = candidates
    return result


def train_searched(plan: TrainingPlan, training: Rows, hold_out: Rows, steps: "Steps") -> FitResult:
    found = search(plan, training.frame, training.labels, steps.show_fits)
    best = replace(plan, parameters={**plan.parameters, **found.best_params})
    result = fit_and_explain(best, training, hold_out, steps)
    result.candidates = found.candidates
    result.best_params, result.best_score = found.best_params, found.best_score
    result.training_score = score(scoring_of(plan.task), result.pipeline, training.frame, training.labels)
    return result


def fit_and_explain(plan: TrainingPlan, training: Rows, hold_out: Rows, steps: "Steps") -> FitResult:
    """Fits one algorithm with fixed parameters, measures it and ranks its columns."""
    note = f"Fitting {plan.trainer.label.lower()}"
    steps.close(0, note)
    started = time.monotonic()
    unfitted = build_pipeline(plan, training.frame, training.labels)
    pipeline = progressive_fit.fit(
        unfitted, training.frame, training.labels, on_share=lambda share: steps.close(share, note)
    )
    fit_seconds = time.monotonic() - started
    steps.close(1, "Measuring on the test set")
    predictions = predict(pipeline, plan.task, hold_out.frame, hold_out.labels)
    metrics = measure(predictions)
    baseline = baseline_metrics(plan.task, training.labels, hold_out.labels)
    steps.close(2, "Measuring which columns matter")
    importance = column_importance(pipeline, plan.task, hold_out.frame, hold_out.labels, len(training.labels))
    steps.close(3, "Trained")
    return FitResult(
        pipeline=pipeline,
        algorithm=plan.algorithm,
        parameters=plan.parameters,
        metrics=metrics,
        baseline=baseline,
        report={
            "task": plan.task,
            "seed": SEED,
            "notes": convergence_notes(pipeline, plan.parameters),
            "metrics": metrics,
            "baseline": baseline,
            "importance": importance,
            **evaluate(predictions, hold_out.frame),
        },
        features=describe_features(training.frame, plan.features),
        training_rows=len(training.labels),
        hold_out_rows=len(hold_out.labels),
        fit_seconds=fit_seconds,
    )


class Steps:
    """Reports the progress of the whole training run, whatever comes before the closing steps."""

    def __init__(self, on_progress: Callable[[Progress], None]):
        self.on_progress = on_progress
        self.before = 0
        self.candidates: list[dict] = []

    def show_fits(self, done: int, of: int) -> None:
        self.before = of
        self._tell(done, f"{done} of {of} fits of the search")

    def show_candidates(self, done: int, candidates: list[dict]) -> None:
        self.before, self.candidates = len(candidates), candidates
        running = [row["label"] for row in candidates if row["status"] == "running"]
        self._tell(done, f"Trying {running[0].lower()}" if running else "All algorithms compared")

    def close(self, number: float, note: str) -> None:
        self._tell(self.before + number, note)

    def _tell(self, step: float, note: str) -> None:
        rows = tuple(dict(candidate) for candidate in self.candidates)
        self.on_progress(Progress(step, self.before + CLOSING_STEPS, note, rows))


@contextmanager
def warnings_silenced():
    """Of two warnings, one becomes a note in the report, and the other is harmless."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", message="The least populated class")
        yield


def convergence_notes(pipeline, parameters: dict) -> list[str]:
    rounds = parameters.get("max_iter")
    is_iterative = hasattr(pipeline["model"], "coef_") and rounds
    if not is_iterative or np.max(pipeline["model"].n_iter_) < rounds:
        return []
    return [
        f"The solver stopped after max_iter = {rounds} rounds before it converged. A higher one may help."
    ]


def clean_labels(target_labels, task: str) -> np.ndarray:
    """Floats for regression; whole numbers or texts (as objects) for classification."""
    labels = np.asarray(target_labels)
    if task == REGRESSION:
        return labels.astype(float)
    return labels if labels.dtype.kind in "iu" else labels.astype(str).astype(object)
