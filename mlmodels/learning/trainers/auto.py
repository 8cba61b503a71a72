"""Compares the algorithms, each with its defaults, on the same folds of the training rows.

Time is bounded by size, not by the clock, so that the same table always gives the same model: a large table
is compared on its first rows (the training part is in random order), on three folds instead of five, and
without the algorithms whose time grows out of proportion.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from mlmodels.learning.trainers.algorithms import TRAINERS
from mlmodels.learning.trainers.errors import DataRefused
from mlmodels.learning.trainers.metrics import choose_scoring, make_baseline, no_columns
from mlmodels.learning.trainers.plan import TrainingPlan
from mlmodels.learning.trainers.preparation import build_model, build_preparation
from mlmodels.learning.trainers.splits import PreparedFold, make_folds, prepare_folds, score_on
from mlmodels.learning.trainers.trainer import Trainer

COMPARED_ALGORITHMS = (
    "linear",
    "ridge",
    "logistic",
    "knn",
    "decision_tree",
    "random_forest",
    "gradient_boosting",
)
TRAINING_ROWS_MAX = {"knn": 50_000, "random_forest": 20_000}  # beyond it left out: too slow, models too large
TRAINING_CELLS_MAX = {"knn": 1_000_000, "random_forest": 1_000_000}
COMPARED_ROWS_MAX = 10_000
COMPARED_CELLS_MAX = 500_000
COMPARED_ROWS_MIN = 1_000
FOLDS = 5
LARGE_TABLE_ROWS = 5_000
LARGE_TABLE_FOLDS = 3

Candidates = list[dict]


def compare_algorithms(
    plan: TrainingPlan,
    frame: pd.DataFrame,
    labels: np.ndarray,
    on_candidate: Callable[[int, Candidates], None],
) -> tuple[Trainer, Candidates]:
    """The best algorithm and the candidates: algorithm, label, status, score, std, seconds, scoring, note.

    `status` goes from waiting over running to done, skipped or failed; `score` is the mean over the folds and
    `std` their standard deviation, higher being better. `on_candidate` gets the number done, before
    each of them and after the last.
    """
    comparison = Comparison(plan, frame, labels)
    for number, candidate in enumerate(comparison.candidates):
        candidate["status"] = "running"
        on_candidate(number, comparison.candidates)
        comparison.run(candidate)
    on_candidate(len(comparison.candidates), comparison.candidates)
    return comparison.best(), comparison.candidates


class Comparison:
    """The rows compared on and their folds, prepared once per family."""

    def __init__(self, plan: TrainingPlan, frame: pd.DataFrame, labels: np.ndarray):
        self.plan = plan
        self.training_rows = len(frame)
        rows = compared_rows(len(frame), len(plan.features))
        self.frame, self.labels = frame.iloc[:rows], labels[:rows]
        self.folds = make_folds(
            self.labels, plan.task, LARGE_TABLE_FOLDS if rows > LARGE_TABLE_ROWS else FOLDS
        )
        self.scoring = choose_scoring(plan.task, self.labels, len(self.folds))
        self.prepared: dict[str, tuple] = {}
        self.candidates = [self._row("baseline", "Baseline")]
        self.candidates += [self._row(trainer.name, trainer.label) for trainer in algorithms_for(plan.task)]

    def run(self, candidate: dict) -> None:
        """Scores one candidate and fills in its row; a failure does not affect the others."""
        started = time.monotonic()
        try:
            models = self._models(candidate["algorithm"])
            started = time.monotonic()  # preparation is shared and not counted
            scores = [score_on(fold, model, self.scoring) for fold, model in models]
        except DataRefused as refused:
            candidate.update(status="skipped", note=refused.message)
        except ValueError:  # scikit-learn's message is for programmers
            candidate.update(status="failed", note="It cannot be trained on a part of these rows.")
        except MemoryError:
            candidate.update(status="failed", note="It needs more memory than a training run may use.")
        else:
            candidate.update(status="done", score=float(np.mean(scores)), std=float(np.std(scores)))
        candidate["seconds"] = round(time.monotonic() - started, 3)

    def best(self) -> Trainer:
        """The highest score, and the simpler of two equal ones; never the baseline."""
        done = [row for row in self.candidates if row["status"] == "done" and row["algorithm"] in TRAINERS]
        if not done:
            raise DataRefused(
                "No algorithm could be trained on these rows. Add more rows, or choose other columns."
            )
        return TRAINERS[max(done, key=lambda row: row["score"])["algorithm"]]

    def _row(self, algorithm: str, label: str) -> dict:
        row = {"algorithm": algorithm, "label": label, "status": "waiting"}
        return row | dict.fromkeys(("score", "std", "seconds")) | {"scoring": self.scoring, "note": ""}

    def _models(self, algorithm: str) -> list[tuple[PreparedFold, object]]:
        """Folds and unfitted models; DataRefused where the algorithm does not suit the table."""
        if algorithm == "baseline":
            return [(fold, make_baseline(self.plan.task)) for fold in self._folds_without_columns()]
        self._check_size(algorithm)
        trainer = TRAINERS[algorithm]
        parameters = trainer.defaults(self.plan.task)
        trainer.check_rows(parameters, min(len(training) for training, _ in self.folds))
        preparation, folds = self._prepare(trainer.family)
        return [
            (fold, build_model(trainer, self.plan.task, parameters, preparation, self.labels))
            for fold in folds
        ]

    def _check_size(self, algorithm: str) -> None:
        """By all training rows, on which the best algorithm is fitted in the end."""
        cells = self.training_rows * len(self.plan.features)
        if self.training_rows > TRAINING_ROWS_MAX.get(algorithm, self.training_rows) or (
            cells > TRAINING_CELLS_MAX.get(algorithm, cells)
        ):
            raise DataRefused("Left out: too slow on a table of this size.")

    def _prepare(self, family: str) -> tuple:
        if family not in self.prepared:
            preparation = build_preparation(
                family, self.plan.task, self.plan.features, self.frame, self.labels
            )
            folds = list(prepare_folds(preparation, self.frame, self.labels, self.folds))
            self.prepared[family] = preparation, folds
        return self.prepared[family]

    def _folds_without_columns(self) -> list[PreparedFold]:
        labels = [(self.labels[training], self.labels[validation]) for training, validation in self.folds]
        return [PreparedFold(no_columns(a), a, no_columns(b), b) for a, b in labels]


def algorithms_for(task: str) -> Sequence[Trainer]:
    return [TRAINERS[name] for name in COMPARED_ALGORITHMS if task in TRAINERS[name].tasks]


def compared_rows(row_count: int, columns: int) -> int:
    return min(row_count, COMPARED_ROWS_MAX, max(COMPARED_ROWS_MIN, COMPARED_CELLS_MAX // columns))
