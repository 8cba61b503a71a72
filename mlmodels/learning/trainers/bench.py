"""Everything that compares models does it here: candidates, scored on the same folds of the training rows.

A search is a list of candidates and auto a generator of them; an ensemble, a calibration or an interval is
made from the predictions that a candidate makes for the rows of each fold that it was not trained on.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import clone
from sklearn.compose import ColumnTransformer

from mlmodels.learning.tables.derived import Derived
from mlmodels.learning.trainers import rounds, targets
from mlmodels.learning.trainers.budget import Budget
from mlmodels.learning.trainers.candidates import Candidate, CandidateResult, Rows
from mlmodels.learning.trainers.limits import ROUNDS_MAX
from mlmodels.learning.trainers.pairs import find_pairs
from mlmodels.learning.trainers.plan import NUMBER, Feature
from mlmodels.learning.trainers.preparation import build_model, build_preparation
from mlmodels.learning.trainers.scores import loss, score
from mlmodels.learning.trainers.trainer import REGRESSION

PREPARED_BYTES_MAX = 600_000_000  # of the folds that are kept prepared


@dataclass(frozen=True)
class PreparedFold:
    """One fold with its columns prepared by its own training rows alone."""

    preparation: ColumnTransformer
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
        self._preparations: dict[str, ColumnTransformer] = {}
        self._prepared: dict[tuple[str, bool, int], PreparedFold] = {}
        self._pairs: dict[int, list[Derived]] = {}
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
            fold = self.prepared(candidate, number)
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

    def model_for(self, candidate: Candidate, fold: PreparedFold):
        """Unfitted; boosting without its own early stopping."""
        parameters = candidate.parameters
        if candidate.finds_rounds:
            parameters = {**parameters, candidate.trainer.rounds: ROUNDS_MAX}
        return build_model(candidate.trainer, self.task, parameters, fold.preparation, fold.training_labels)

    def prepared(self, candidate: Candidate, number: int) -> PreparedFold:
        """Prepared once and kept for all candidates, as far as memory goes."""
        family = candidate.trainer.family
        key = family, candidate.has_pairs, number
        if key in self._prepared:
            return self._prepared[key]
        training, validation = (self.rows.at(positions) for positions in self.folds[number])
        if candidate.has_pairs:
            pairs = self._pairs_of(number, training)
            training, validation = training.derive(pairs), validation.derive(pairs)
            prepare = self._build_preparation(family, training, pairs)
        else:
            prepare = clone(self._preparation(family))
        fold = PreparedFold(
            preparation=prepare,
            training=prepare.fit_transform(training.frame, training.labels),
            training_labels=training.labels,
            validation=prepare.transform(validation.frame),
            validation_labels=validation.labels,
        )
        if self._prepared_bytes + fold.nbytes <= PREPARED_BYTES_MAX:
            self._prepared[key] = fold
            self._prepared_bytes += fold.nbytes
        return fold

    def _pairs_of(self, number: int, training: Rows) -> list[Derived]:
        """Found once per fold, for all families."""
        if number not in self._pairs:
            self._pairs[number] = find_pairs(self.features, training.frame, training.labels, self.task)
        return self._pairs[number]

    def _preparation(self, family: str) -> ColumnTransformer:
        """By all rows of the bench, so that it has the same columns in every fold."""
        if family not in self._preparations:
            self._preparations[family] = self._build_preparation(family, self.rows, ())
        return self._preparations[family]

    def _build_preparation(self, family: str, rows: Rows, pairs: Sequence[Derived]) -> ColumnTransformer:
        features = [*self.features, *(Feature(made.name, NUMBER) for made in pairs)]
        return build_preparation(family, self.task, features, rows.frame, rows.labels, self.seasons)

    def _fit_and_predict(self, candidate, number, fold, budget, result) -> np.ndarray:
        started = time.perf_counter()
        transform = targets.fitted_transform(candidate.target_transform, fold.training_labels)
        model = self.model_for(candidate, fold)
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
