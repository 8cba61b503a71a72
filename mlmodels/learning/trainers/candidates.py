"""One way to train, what it reached on the bench, and its row of the leaderboard."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mlmodels.learning.tables.derived import Derived, derive
from mlmodels.learning.trainers.algorithms import get, label_of
from mlmodels.learning.trainers.scores import standard_error
from mlmodels.learning.trainers.trainer import Trainer

if TYPE_CHECKING:
    from mlmodels.learning.trainers.bench import FoldResult


@dataclass(frozen=True)
class Rows:
    """Some rows with their labels. The frame has the columns of the file and the derived ones."""

    frame: pd.DataFrame
    labels: np.ndarray

    def at(self, positions) -> "Rows":
        return Rows(self.frame.iloc[positions], self.labels[positions])

    def derive(self, derived: Sequence[Derived]) -> "Rows":
        return Rows(derive(self.frame, derived), self.labels)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Candidate:
    """One way to train. `has_pairs`: with the arithmetic of number columns that helps most.

    `is_stacked`: on a random forest, see stacking.py. `fold_rounds` are those of boosting in each fold,
    where they are known already.
    """

    algorithm: str
    parameters: dict
    target_transform: str | None = None
    has_pairs: bool = False
    is_stacked: bool = False
    fold_rounds: tuple[int, ...] = ()

    @property
    def trainer(self) -> Trainer:
        """Never auto: a candidate is what auto tries."""
        return get(self.algorithm)

    @property
    def family(self) -> str:
        return self.trainer.family_with(self.parameters)

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

    def add(self, fold: "FoldResult") -> None:
        self.predictions.append(fold.predictions)
        self.scores.append(fold.score)
        self.fit_seconds += fold.fit_seconds
        self.predict_seconds += fold.predict_seconds
        self.fitted_rows += fold.fitted_rows
        self.predicted_rows += len(fold.predictions)
        if fold.rounds is not None:
            self.fold_rounds.append(fold.rounds)

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
        "pairs": candidate.has_pairs,
        "stacked": candidate.is_stacked,
        "status": status,
        "scoring": scoring,
        **dict.fromkeys(empty),
        "is_tie": False,
        "is_chosen": False,
        "note": note,
    }


def chosen_rows(rows: Iterable[dict]) -> list[dict]:
    """Of a leaderboard; in the order in which an ensemble has its members, the largest weight first."""
    return sorted((row for row in rows if row.get("is_chosen")), key=lambda row: -row["weight"])


def candidate_of(row: dict) -> Candidate:
    return Candidate(
        row["algorithm"],
        row["parameters"],
        row["target_transform"],
        row["pairs"],
        row.get("stacked", False),
        tuple(row.get("fold_rounds", ())),
    )
