"""Everything that compares models does it here: candidates, scored on the same folds of the training rows.

A search is a list of candidates and auto a generator of them; an ensemble, a calibration or an interval is
made from the predictions that a candidate makes for the rows of each fold that it was not trained on.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from sklearn.base import clone
from sklearn.compose import ColumnTransformer

from mlmodels.learning.executors import IN_LINE, Executor
from mlmodels.learning.tables.derived import Derived
from mlmodels.learning.trainers import rounds, stacking, targets
from mlmodels.learning.trainers.budget import Budget
from mlmodels.learning.trainers.candidates import Candidate, CandidateResult, Rows
from mlmodels.learning.trainers.fold_tasks import FoldTasks
from mlmodels.learning.trainers.limits import ROUNDS_MAX
from mlmodels.learning.trainers.pairs import find_pairs
from mlmodels.learning.trainers.plan import NUMBER, Feature
from mlmodels.learning.trainers.preparation import build_model, build_preparation
from mlmodels.learning.trainers.scores import loss, score
from mlmodels.learning.trainers.trainer import REGRESSION, TREES

PREPARED_BYTES_MAX = 600_000_000  # of the folds that are kept prepared


@dataclass(frozen=True)
class PreparedFold:
    """One fold with its columns prepared by its own training rows alone; `seconds` took a forest for them."""

    preparation: ColumnTransformer
    training: object
    training_labels: np.ndarray
    validation: object
    validation_labels: np.ndarray
    seconds: float = 0.0

    @property
    def nbytes(self) -> int:
        return sum(
            getattr(rows, "nbytes", 0) or rows.data.nbytes for rows in (self.training, self.validation)
        )


@dataclass(frozen=True)
class FoldResult:
    """What a candidate reached on one fold. `rounds` are those found by boosting."""

    predictions: np.ndarray
    score: float
    fitted_rows: int
    fit_seconds: float
    predict_seconds: float
    rounds: int | None = None


class Bench:
    """The `chosen` rows of a table, their folds, and the folds prepared for each family of algorithms.

    It travels to where its tasks run, and prepares the folds there.
    """

    def __init__(
        self,
        task: str,
        features: Sequence,
        seasons: set[str],
        table: Rows,
        chosen: np.ndarray,
        folds: Sequence,
        fold_count: int,
        scoring: str,
        executor: Executor = IN_LINE,
    ):
        self.task, self.features, self.seasons = task, features, seasons
        self.table, self.chosen = table, chosen
        self.folds, self.fold_count, self.scoring = folds, fold_count, scoring
        self.tasks = FoldTasks(self, executor)
        executor.share(table)
        executor.share(self)
        self._forget()

    def _forget(self) -> None:
        self._preparations: dict[str, ColumnTransformer] = {}
        self._prepared: dict[tuple, PreparedFold] = {}
        self._pairs: dict[int, list[Derived]] = {}
        self._prepared_bytes = 0

    def __getstate__(self) -> dict:
        names = ("task", "features", "seasons", "table", "chosen", "folds", "fold_count", "scoring")
        return {name: getattr(self, name) for name in names}

    def __setstate__(self, state: dict) -> None:
        vars(self).update(state)
        self._forget()

    @cached_property
    def rows(self) -> Rows:
        return self.table.at(self.chosen)

    @cached_property
    def classes(self) -> np.ndarray | None:
        return None if self.task == REGRESSION else np.unique(self.rows.labels)

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
            budget.check(result.fit_seconds / number if number else 0)
            result.add(self.tasks.result_of(fit_fold, candidate, number, budget))
            on_fold(result)
            self.tasks.begin(fit_fold, candidate, range(number + 1, len(self.folds)), budget)
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
        key = candidate.family, candidate.has_pairs, number
        if not candidate.is_stacked:
            return self._kept(key, self._prepare_fold)
        return self._kept((*key, candidate.target_transform), self._prepare_stacked)

    def _kept(self, key: tuple, prepare: Callable) -> PreparedFold:
        if key in self._prepared:
            return self._prepared[key]
        fold = prepare(*key)
        if self._prepared_bytes + fold.nbytes <= PREPARED_BYTES_MAX:
            self._prepared[key] = fold
            self._prepared_bytes += fold.nbytes
        return fold

    def _prepare_fold(self, family: str, has_pairs: bool, number: int) -> PreparedFold:
        training, validation = (self.rows.at(positions) for positions in self.folds[number])
        if has_pairs:
            pairs = self._pairs_of(number, training)
            training, validation = training.derive(pairs), validation.derive(pairs)
            prepare = self._build_preparation(family, training, pairs)
        else:
            prepare = clone(self._preparation(family))
        return PreparedFold(
            preparation=prepare,
            training=prepare.fit_transform(training.frame, training.labels),
            training_labels=training.labels,
            validation=prepare.transform(validation.frame),
            validation_labels=validation.labels,
        )

    def _prepare_stacked(
        self, family: str, has_pairs: bool, number: int, target_transform: str | None
    ) -> PreparedFold:
        started = time.perf_counter()
        own, for_trees = (self._kept((of, has_pairs, number), self._prepare_fold) for of in (family, TREES))
        transform = targets.fitted_transform(target_transform, own.training_labels)
        labels = transform.there(own.training_labels)
        forest, out_of_bag = stacking.grow(self.task, for_trees.training, labels)
        return replace(
            own,
            training=np.hstack([own.training, out_of_bag]),
            validation=np.hstack([own.validation, stacking.predicted(forest, for_trees.validation)]),
            seconds=time.perf_counter() - started,
        )

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

    def boost(self, candidate, number, model, fold, transform, budget) -> rounds.Boosted:
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


def fit_fold(bench: Bench, candidate: Candidate, number: int, budget: Budget) -> FoldResult:
    """A task. The folds that are left share the budget."""
    fold = bench.prepared(candidate, number)
    budget = budget.part(budget.left / (len(bench.folds) - number))
    started, found = time.perf_counter(), None
    transform = targets.fitted_transform(candidate.target_transform, fold.training_labels)
    model = bench.model_for(candidate, fold)
    labels = transform.there(fold.training_labels)
    if candidate.trainer.rounds:
        found = bench.boost(candidate, number, model, fold, transform, budget)
    elif isinstance(model, rounds.FORESTS):
        rounds.grow(model, fold.training, labels, budget, lambda share: None)
    else:
        model.fit(fold.training, labels)
    fitted = time.perf_counter()
    predictions = predict(model, fold.validation)
    predicted = time.perf_counter()
    share = found.rounds / model.n_iter_ if found else 1.0  # of the rounds, those that the model will have
    predictions = bench.aligned(transform.back(found.predictions if found else predictions), model)
    return FoldResult(
        predictions,
        score(bench.scoring, fold.validation_labels, predictions, bench.classes),
        len(labels),
        (fitted - started) * share + fold.seconds,
        (predicted - fitted) * share,
        found.rounds if found else None,
    )


def predict(model, rows) -> np.ndarray:
    return model.predict_proba(rows) if hasattr(model, "classes_") else model.predict(rows)
