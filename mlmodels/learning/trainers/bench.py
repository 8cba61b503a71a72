"""Everything that compares models does it here: candidates, scored on the same folds of the training rows.

A search is a list of candidates and auto a generator of them; an ensemble, a calibration or an interval is
made from the predictions that a candidate makes for the rows of each fold that it was not trained on.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from sklearn.base import clone

from mlmodels.learning.trainers import rounds, targets
from mlmodels.learning.trainers.algorithms import get, label_of
from mlmodels.learning.trainers.budget import Budget
from mlmodels.learning.trainers.limits import ROUNDS_MAX
from mlmodels.learning.trainers.preparation import build_model, build_preparation
from mlmodels.learning.trainers.scores import loss, score, standard_error
from mlmodels.learning.trainers.trainer import REGRESSION, Trainer

PREPARED_BYTES_MAX = 600_000_000  # of the folds that are kept prepared


@dataclass(frozen=True)
class Rows:
    """Some rows with their labels. The frame has the columns of the file and the derived ones."""

    frame: pd.DataFrame
    labels: np.ndarray

    def at(self, positions) -> "Rows":
        return Rows(self.frame.iloc[positions], self.labels[positions])

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Candidate:
    """One way to train. `fold_rounds` are those of boosting in each fold, where they are known already."""

    algorithm: str
    parameters: dict
    target_transform: str | None = None
    fold_rounds: tuple[int, ...] = ()

    @property
    def trainer(self) -> Trainer:
        return get(self.algorithm)

    @property
    def finds_rounds(self) -> bool:
        rounds = self.trainer.rounds
        return bool(rounds) and self.parameters[rounds] is None

    @property
    def finds_penalty(self) -> bool:
        penalty = self.trainer.penalty
        return bool(penalty) and self.parameters[penalty] is None

    def with_parameters(self, **values) -> "Candidate":
        return replace(self, parameters={**self.parameters, **values})


@dataclass
class CandidateResult:
    """`predictions` are of the validation rows of each fold: numbers, or a column of probabilities per class.

    `row` is its row of the leaderboard.
    """

    candidate: Candidate
    scores: list[float] = field(default_factory=list)
    predictions: list[np.ndarray] = field(default_factory=list)
    fold_rounds: list[int] = field(default_factory=list)
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0
    fitted_rows: int = 0
    predicted_rows: int = 0
    row: dict = field(default_factory=dict)

    @property
    def score(self) -> float:
        return float(np.mean(self.scores))

    @property
    def rounds(self) -> int | None:
        """For the fit on more rows: the mean of the folds."""
        return max(1, round(float(np.mean(self.fold_rounds)))) if self.fold_rounds else None

    @property
    def final_parameters(self) -> dict:
        """With the rounds that were found."""
        found = {self.candidate.trainer.rounds: self.rounds} if self.candidate.finds_rounds else {}
        return {**self.candidate.parameters, **found}

    def seconds_to_fit(self, row_count: int) -> float:
        return self.fit_seconds * row_count / max(self.fitted_rows, 1)

    def to_row(self, scoring: str) -> dict:
        """As a leaderboard shows it, and as a replay reads it."""
        return {
            **row_of(self.candidate, scoring),
            "status": "done",
            "score": self.score,
            "std": float(np.std(self.scores)),
            "standard_error": standard_error(self.scores) if len(self.scores) > 1 else None,
            "seconds": round(self.fit_seconds + self.predict_seconds, 3),
            "milliseconds_per_row": 1000 * self.predict_seconds / max(self.predicted_rows, 1),
            "rounds": self.rounds,
            "fold_rounds": self.fold_rounds,
        }


def row_of(candidate: Candidate, scoring: str, status: str = "waiting", note: str = "") -> dict:
    empty = ("score", "std", "standard_error", "seconds", "milliseconds_per_row", "rounds", "weight")
    return {
        "algorithm": candidate.algorithm,
        "label": label_of(candidate.algorithm),
        "parameters": candidate.parameters,
        "target_transform": candidate.target_transform,
        "status": status,
        "scoring": scoring,
        **dict.fromkeys(empty),
        "is_tie": False,
        "is_chosen": False,
        "note": note,
    }


def candidate_of(row: dict) -> Candidate:
    return Candidate(
        row["algorithm"], row["parameters"], row["target_transform"], tuple(row.get("fold_rounds", ()))
    )


@dataclass(frozen=True)
class PreparedFold:
    """One fold with its columns prepared by its own training rows alone."""

    training: object
    training_labels: np.ndarray
    validation: object
    validation_labels: np.ndarray

    @property
    def nbytes(self) -> int:
        return sum(
            getattr(rows, "nbytes", 0) or rows.data.nbytes for rows in (self.training, self.validation)
        )


class Bench:
    """The rows, their folds, and the folds prepared for each family of algorithms."""

    def __init__(
        self,
        task: str,
        features: Sequence,
        seasons: set[str],
        rows: Rows,
        folds: Sequence,
        fold_count: int,
        scoring: str,
    ):
        self.task, self.features, self.seasons, self.rows = task, features, seasons, rows
        self.folds, self.fold_count, self.scoring = folds, fold_count, scoring
        self.classes = None if task == REGRESSION else np.unique(rows.labels)
        self._preparations: dict[str, object] = {}
        self._prepared: dict[tuple[str, int], PreparedFold] = {}
        self._prepared_bytes = 0

    def evaluate(
        self,
        candidate: Candidate,
        budget: Budget,
        on_fold: Callable[[CandidateResult], None] = lambda result: None,
    ) -> CandidateResult:
        """Scored on every fold. OutOfTime where the budget does not do; `on_fold` may raise to leave it."""
        candidate.trainer.check_rows(candidate.parameters, min(len(training) for training, _ in self.folds))
        result = CandidateResult(candidate)
        for number in range(len(self.folds)):
            fold = self.prepared(candidate.trainer.family, number)
            share = budget.part(budget.left / (len(self.folds) - number))
            budget.check(result.fit_seconds / number if number else 0)
            predictions = self._fit_and_predict(candidate, number, fold, share, result)
            result.predictions.append(predictions)
            result.scores.append(score(self.scoring, fold.validation_labels, predictions, self.classes))
            result.fitted_rows += len(fold.training_labels)
            result.predicted_rows += len(fold.validation_labels)
            on_fold(result)
        return result

    def baseline(self) -> CandidateResult:
        """The mean, or the share of each class, as a candidate of no algorithm."""
        result = CandidateResult(Candidate("baseline", {}))
        for training, validation in self.folds:
            labels, count = self.rows.labels[training], len(validation)
            if self.classes is None:
                predictions = np.full(count, labels.mean())
            else:
                predictions = np.tile([np.mean(labels == label) for label in self.classes], (count, 1))
            result.predictions.append(predictions)
            actual = self.rows.labels[validation]
            result.scores.append(score(self.scoring, actual, predictions, self.classes))
        return result

    def actual(self) -> np.ndarray:
        """The labels of all validation rows, in the order of the predictions."""
        return np.concatenate([self.rows.labels[validation] for _, validation in self.folds])

    def model_for(self, candidate: Candidate, labels: np.ndarray):
        """Unfitted; boosting without its own early stopping."""
        trainer = candidate.trainer
        parameters = candidate.parameters
        if candidate.finds_rounds:
            parameters = {**parameters, trainer.rounds: ROUNDS_MAX}
        return build_model(trainer, self.task, parameters, self._preparation(trainer.family), labels)

    def prepared(self, family: str, number: int) -> PreparedFold:
        """Prepared once and kept for all candidates, as far as memory goes."""
        if (family, number) in self._prepared:
            return self._prepared[family, number]
        training, validation = (self.rows.at(positions) for positions in self.folds[number])
        prepare = clone(self._preparation(family))
        fold = PreparedFold(
            training=prepare.fit_transform(training.frame, training.labels),
            training_labels=training.labels,
            validation=prepare.transform(validation.frame),
            validation_labels=validation.labels,
        )
        if self._prepared_bytes + fold.nbytes <= PREPARED_BYTES_MAX:
            self._prepared[family, number] = fold
            self._prepared_bytes += fold.nbytes
        return fold

    def _preparation(self, family: str):
        if family not in self._preparations:
            self._preparations[family] = build_preparation(
                family, self.task, self.features, self.rows.frame, self.rows.labels, self.seasons
            )
        return self._preparations[family]

    def _fit_and_predict(self, candidate, number, fold, budget, result) -> np.ndarray:
        started = time.perf_counter()
        transform = targets.fitted_transform(candidate.target_transform, fold.training_labels)
        model = self.model_for(candidate, fold.training_labels)
        if candidate.trainer.rounds:
            found = self._boost(candidate, number, model, fold, transform, budget)
            result.fold_rounds.append(found.rounds)
            result.fit_seconds += (time.perf_counter() - started) * found.rounds / model.n_iter_
            started = time.perf_counter()
            predict(model, fold.validation)
            result.predict_seconds += (time.perf_counter() - started) * found.rounds / model.n_iter_
            return self.aligned(transform.back(found.predictions), model)
        labels = transform.there(fold.training_labels)
        if isinstance(model, rounds.FORESTS):
            rounds.grow(model, fold.training, labels, budget, lambda share: None)
        else:
            model.fit(fold.training, labels)
        result.fit_seconds += time.perf_counter() - started
        started = time.perf_counter()
        predictions = self.aligned(transform.back(predict(model, fold.validation)), model)
        result.predict_seconds += time.perf_counter() - started
        return predictions

    def _boost(self, candidate, number, model, fold, transform, budget) -> rounds.Boosted:
        def loss_of(predictions: np.ndarray) -> float:
            return loss(
                fold.validation_labels, self.aligned(transform.back(predictions), model), self.classes
            )

        given = candidate.parameters[candidate.trainer.rounds]
        known = candidate.fold_rounds[number] if candidate.finds_rounds and candidate.fold_rounds else given
        changed = replace(fold, training_labels=transform.there(fold.training_labels))
        return rounds.boost(model, changed, budget, loss_of, known)

    def aligned(self, predictions: np.ndarray, model) -> np.ndarray:
        """With a column for every class, also those that this fold was not trained on."""
        if self.classes is None or len(model.classes_) == len(self.classes):
            return predictions
        widened = np.zeros((len(predictions), len(self.classes)))
        widened[:, np.searchsorted(self.classes, model.classes_)] = predictions
        return widened


def predict(model, rows) -> np.ndarray:
    return model.predict_proba(rows) if hasattr(model, "classes_") else model.predict(rows)
