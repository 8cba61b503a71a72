"""One training run from rows to result: split, choose, fit, measure, explain, fit again on all rows."""

import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline

from mlmodels.learning.executors import IN_LINE, Executor, ahead_max
from mlmodels.learning.tables.derived import Derived, derive
from mlmodels.learning.trainers import assembly, auto, penalties, search
from mlmodels.learning.trainers.algorithms import label_of
from mlmodels.learning.trainers.assembly import Recipe, recipe_for
from mlmodels.learning.trainers.budget import Budget
from mlmodels.learning.trainers.candidates import Candidate, Rows
from mlmodels.learning.trainers.checks import check_features, check_target, clean_labels
from mlmodels.learning.trainers.comparison import Choice, make_bench
from mlmodels.learning.trainers.feature_summary import describe_features
from mlmodels.learning.trainers.fitted_model import FittedModel
from mlmodels.learning.trainers.learning_curve import learning_curve
from mlmodels.learning.trainers.limits import SEARCH_FOLDS, SEED
from mlmodels.learning.trainers.metrics import Predictions, predict
from mlmodels.learning.trainers.plan import K_FOLD, FitResult, Progress, TrainingPlan
from mlmodels.learning.trainers.report import describe_drivers, describe_quality
from mlmodels.learning.trainers.scores import score
from mlmodels.learning.trainers.splits import Split, Splitter
from mlmodels.learning.trainers.stages import CHECK, CHOSEN, CURVE, EXPLAIN, FIT, REFIT, Stages

CELLS_WORTH_SENDING = 200_000  # of a table, to find a penalty elsewhere; on fewer it takes no longer here


def train(
    frame: pd.DataFrame,
    target_labels,
    plan: TrainingPlan,
    on_progress: Callable[[Progress], None],
    split_values=None,
    executor: Executor = IN_LINE,
) -> FitResult:
    """Trains on a part of `frame`, one row per label, and measures on the rest, the test set.

    `frame` has the plan's columns: floats with NaN for a blank, texts with "" for one; its index counts the
    file's rows of data from 0, so that reports can name them. `target_labels` are floats for regression,
    whole numbers or texts for classification. `split_values` are those of the column that the evaluation goes
    by. `on_progress` may raise to stop. `executor` runs what can run side by side. Refusals: see errors.py.
    """
    plan = plan.checked()
    stages = Stages(on_progress, Budget(plan.budget_seconds or np.inf), plan.learning_curve)
    labels = clean_labels(target_labels, plan.task)
    assert len(frame) == len(labels)
    check_target(labels, plan.task, plan.target)
    check_features(frame, plan.features)
    splitter = Splitter(plan, frame, labels, split_values)
    rows = Rows(derive(frame[plan.feature_names], [Derived.from_dict(d) for d in plan.derived]), labels)
    training = Training(plan, splitter, rows, stages, executor)
    with warnings_silenced():
        if plan.evaluation.kind == K_FOLD:
            return training.cross_validated()
        return training.chosen() if plan.is_auto or plan.search or plan.candidates else training.fixed()


class Training:
    """One run: the rows, how they are divided, and how far it is."""

    def __init__(
        self, plan: TrainingPlan, splitter: Splitter, rows: Rows, stages: Stages, executor: Executor
    ):
        self.plan, self.splitter, self.rows, self.stages = plan, splitter, rows, stages
        self.executor = executor
        executor.share(rows)

    def fixed(self) -> FitResult:
        """One algorithm with fixed parameters, fitted once: what is measured is what predicts."""
        split = self.splitter.hold_out()
        training, hold_out = self.rows.at(split.training), self.rows.at(split.hold_out)
        self.plan.trainer.check_rows(self.plan.parameters, len(training))
        recipe = self._recipe(split.training)
        pipeline, seconds = self._fit(recipe, training, FIT)
        self.stages.show(CHECK, "Measuring on the test set")
        predictions = predict(pipeline, self.plan.task, hold_out.frame, hold_out.labels)
        result = self._result(recipe, pipeline, predictions, training, hold_out, split)
        return self._finished(result, pipeline, training, seconds)

    def cross_validated(self) -> FitResult:
        """Every row is predicted by a model that did not see it; the result is fitted on all of them."""
        everything = np.arange(len(self.rows))
        folds = self.splitter.folds(everything, self.plan.evaluation.folds, shuffle=True)
        self.plan.trainer.check_rows(self.plan.parameters, min(len(learned) for learned, _ in folds))
        recipe = self._recipe(everything)
        self.executor.share(recipe)
        tasks = [
            self.executor.submit(fit_apart, recipe, self.plan, self.rows, learned, validation)
            for learned, validation in folds[:-1]
        ]
        split = Split(*folds[-1], self.splitter.notes)  # fitted here, since it is explained
        training, hold_out = self.rows.at(split.training), self.rows.at(split.hold_out)
        self._show_fold(1, len(folds))
        pipeline = assembly.fit(recipe, self.plan, training)
        apart = []
        for number, task in enumerate(tasks, start=2):
            self._show_fold(number, len(folds))
            apart.append(self.stages.budget.result_of(task))
        apart.append(predict(pipeline, self.plan.task, hold_out.frame, self.rows.labels))
        order = np.concatenate([validation for _, validation in folds])
        predictions = joined(apart, self.rows.labels[order])
        result = self._result(recipe, pipeline, predictions, training, hold_out, split, order)
        pipeline, seconds = self._fit(recipe, self.rows, REFIT)
        return self._finished(result, pipeline, self.rows, seconds)

    def _show_fold(self, number: int, of: int) -> None:
        self.stages.show(FIT, f"Fitting part {number} of {of}", (number - 1) / (of + 1))

    def chosen(self) -> FitResult:
        """Chosen and measured on different rows, and then fitted on all of them."""
        self.stages.divide(CHOSEN)
        split = self.splitter.hold_out()
        training, hold_out = self.rows.at(split.training), self.rows.at(split.hold_out)
        choice = self._choose(split.training)
        recipe = recipe_for(choice)
        training, hold_out = training.derive(recipe.pairs), hold_out.derive(recipe.pairs)
        if ahead_max(self.executor) and not self.plan.is_classic:
            pipeline, everything = self._fit_both(recipe, split.training)
        else:
            (pipeline, seconds), everything = self._fit(recipe, training, FIT), None
        self.stages.show(CHECK, "Measuring on the test set")
        predictions = predict(pipeline, self.plan.task, hold_out.frame, hold_out.labels)
        result = self._result(recipe, pipeline, predictions, training, hold_out, split)
        result.candidates = choice.rows
        if self.plan.search:
            describe_search(result, choice, pipeline, training, self.plan)
        if self.plan.is_classic:
            return self._finished(result, pipeline, training, seconds)
        pipeline, seconds = everything or self._fit(recipe, self.rows.derive(recipe.pairs), REFIT)
        return self._finished(result, pipeline, self.rows, seconds)

    def _fit_both(self, recipe: Recipe, training: np.ndarray) -> tuple[Pipeline, tuple[Pipeline, float]]:
        """What is measured is fitted elsewhere, and meanwhile here what is stored and predicts in the end."""
        self.executor.share(recipe)
        tasks = [
            self.executor.submit(assembly.fit_member, recipe, self.plan, self.rows, training, number)
            for number in range(len(recipe.members))
        ]
        everything = self._fit(recipe, self.rows.derive(recipe.pairs), REFIT)
        measured = assembly.assembled(recipe, [self.stages.budget.result_of(task) for task in tasks])
        return measured, everything

    def _choose(self, training: np.ndarray) -> Choice:
        if self.plan.candidates:
            return auto.replay(
                self.plan, self.splitter, training, self.rows, self._without_clock(), self.executor
            )
        find = auto.choose if self.plan.is_auto else search.search
        return find(
            self.plan,
            self.splitter,
            training,
            self.rows,
            self.stages.budget,
            self.stages.show_candidates,
            self.executor,
        )

    def _without_clock(self) -> Budget:
        return Budget(on_check=self.stages.tick)

    def _recipe(self, training: np.ndarray) -> Recipe:
        """Of a fixed algorithm: with a penalty of its own, and calibrated where its classes are weighted."""
        candidate = Candidate(self.plan.algorithm, self.plan.parameters)
        if not needs_folds(self.plan):
            return Recipe([candidate])
        is_small = len(training) * len(self.plan.all_features) < CELLS_WORTH_SENDING
        executor = IN_LINE if is_small else self.executor
        bench = make_bench(
            self.plan, self.splitter, training, self.rows, len(training), SEARCH_FOLDS, executor
        )
        self.stages.show(FIT, f"Preparing {self.plan.trainer.label.lower()}")
        if candidate.finds_penalty:
            candidate = penalties.with_penalty(bench, candidate, self.stages.budget)
        if not is_calibrated(self.plan):
            return Recipe([candidate])
        result = bench.evaluate(candidate, self.stages.budget)
        return recipe_for(Choice(bench, [result], [1.0], []))

    def _fit(self, recipe: Recipe, rows: Rows, stage: str) -> tuple[Pipeline, float]:
        note = "Fitting on all rows" if stage == REFIT else f"Fitting {label_of(recipe.algorithm).lower()}"
        self.stages.show(stage, note)
        started = time.monotonic()
        pipeline = assembly.fit(recipe, self.plan, rows, lambda share: self.stages.show(stage, note, share))
        return pipeline, time.monotonic() - started

    def _result(self, recipe, pipeline, predictions, training, hold_out, split, order=None) -> FitResult:
        """Everything but what predicts in the end. `order`: the rows predicted, where those are all."""
        plan, measured = self.plan, hold_out if order is None else self.rows.at(order)
        names, stored = plan.feature_names, len(training)
        quality = describe_quality(predictions, measured.frame[names], training.labels, recipe.apart)
        if "calibration" in quality:
            quality["calibration"]["method"] = recipe.calibration
        self.stages.show(EXPLAIN, "Measuring which columns matter")
        derived = [*plan.derived, *(made.to_dict() for made in recipe.pairs)]
        model = FittedModel(pipeline, derived)
        drivers = describe_drivers(
            model, plan.task, plan.features, hold_out.frame[names], hold_out.labels, stored
        )
        return FitResult(
            pipeline=pipeline,
            algorithm=recipe.algorithm,
            parameters=recipe.parameters,
            metrics=quality["metrics"],
            baseline=quality["baseline"],
            report={
                "task": plan.task,
                "seed": SEED,
                "notes": split.notes + convergence_notes(pipeline, recipe.parameters),
                "evaluation": self._evaluation(training, measured),
                **quality,
                **drivers,
                "learning_curve": self._learning_curve(recipe, split) if plan.learning_curve else None,
            },
            features=[],
            training_rows=len(training),
            hold_out_rows=len(measured),
            fit_seconds=0.0,
            derived=derived,
            test_rows=measured.frame.index,
            test_predictions=predictions,
        )

    def _learning_curve(self, recipe: Recipe, split: Split) -> list[dict]:
        def on_share(share: float) -> None:
            self.stages.show(CURVE, "Measuring how more rows help", share)

        on_share(0)
        return learning_curve(
            recipe, self.plan, self.rows, split, self.stages.budget, on_share, self.executor
        )

    def _evaluation(self, training: Rows, measured: Rows) -> dict:
        return {
            "kind": self.plan.evaluation.kind,
            "by": self.plan.evaluation.by,
            "folds": self.plan.evaluation.folds if self.plan.evaluation.kind == K_FOLD else None,
            "training_rows": len(training),
            "test_rows": len(measured),
            "kept_together": self.splitter.kept_together,
            "refitted_rows": None,
        }

    def _finished(self, result: FitResult, pipeline: Pipeline, rows: Rows, seconds: float) -> FitResult:
        result.pipeline, result.fit_seconds = pipeline, seconds
        result.features = describe_features(rows.frame, self.plan.features)
        if len(rows) > result.training_rows:
            result.report["evaluation"]["refitted_rows"] = len(rows)
        self.stages.finish("Trained")
        return result


def fit_apart(
    recipe: Recipe, plan: TrainingPlan, rows: Rows, learned: np.ndarray, validation: np.ndarray
) -> Predictions:
    """A task: predictions for the validation rows, by a model that did not see them."""
    pipeline = assembly.fit(recipe, plan, rows.at(learned))
    return predict(pipeline, plan.task, rows.frame.iloc[validation], rows.labels)


def joined(parts: list[Predictions], actual: np.ndarray) -> Predictions:
    """The predictions of all folds as one; each part has a column for every class."""
    probabilities = (
        None if parts[0].classes is None else np.concatenate([part.probabilities for part in parts])
    )
    predicted = np.concatenate([part.predicted for part in parts])
    return Predictions(actual, predicted, probabilities, parts[0].classes)


def describe_search(
    result: FitResult, choice: Choice, pipeline: Pipeline, training: Rows, plan: TrainingPlan
) -> None:
    """`best_params` are the searched ones alone; scores as everywhere, higher being better."""
    best = choice.members[0]
    result.best_params = {name: best.final_parameters[name] for name in plan.grid}
    result.best_score = best.score
    made = predict(pipeline, plan.task, training.frame, training.labels)
    values = made.predicted if made.classes is None else made.probabilities
    result.training_score = score(choice.bench.scoring, training.labels, values, made.classes)


def needs_folds(plan: TrainingPlan) -> bool:
    """Whether a fixed algorithm needs folds: to tune its penalty, or to calibrate its probabilities."""
    return Candidate(plan.algorithm, plan.parameters).finds_penalty or is_calibrated(plan)


def is_calibrated(plan: TrainingPlan) -> bool:
    """Class weights distort probabilities. Classic plans stay uncalibrated, as in the replaced services."""
    return bool(plan.parameters.get("class_weight")) and not plan.is_classic


@contextmanager
def warnings_silenced():
    """Of these warnings, one becomes a note in the report, and the others are harmless."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", message="The least populated class")
        warnings.filterwarnings("ignore", message="The number of unique classes is greater than 50%")
        yield


def convergence_notes(pipeline, parameters: dict) -> list[str]:
    rounds = parameters.get("max_iter")
    model = pipeline["model"]
    is_iterative = hasattr(model, "coef_") and rounds
    if not is_iterative or np.max(model.n_iter_) < rounds:
        return []
    return [
        f"The solver stopped after max_iter = {rounds} rounds before it converged. A higher one may help."
    ]
