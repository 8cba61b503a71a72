"""A weighted mean of several models, chosen by what they predict for rows that they were not trained on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import Bunch

from mlmodels.learning.trainers.bench import Bench
from mlmodels.learning.trainers.candidates import CandidateResult
from mlmodels.learning.trainers.scores import is_better, probability_of_actual, score

STEPS = 25
WEIGHT_MIN = 0.04
MEMBERS_MAX = 8
ROWS_TRUSTED = 1_000  # from so many on the means of the folds are compared without their standard errors
LINES_MAX = 0.5  # of the weights: on rows unlike those of the folds a line may be off by any amount


@dataclass(frozen=True)
class Ensemble:
    """`weights` of `members` sum to one; `scores` are of each fold, by weights from the other folds."""

    members: list[CandidateResult]
    weights: list[float]
    scores: list[float]

    @property
    def predictions(self) -> list[np.ndarray]:
        return combined(self.members, self.weights)


def find_ensemble(bench: Bench, results: Sequence[CandidateResult], best: CandidateResult) -> Ensemble | None:
    """None where none is worth it, see `is_worth_it`."""
    if len(results) < 2 or len(bench.folds) < 2:
        return None
    goodness = [fold_goodness(bench, number, results) for number in range(len(bench.folds))]
    is_limited = len(bench.rows) >= ROWS_TRUSTED
    lines = np.array([is_limited and is_line(bench, result) for result in results])
    scores = []
    for number, (_, validation) in enumerate(bench.folds):
        weights = select(bench, [kept for at, kept in enumerate(goodness) if at != number], lines)
        predictions = sum(w * r.predictions[number] for w, r in zip(weights, results, strict=True) if w)
        scores.append(score(bench.scoring, bench.rows.labels[validation], predictions, bench.classes))
    if not is_worth_it(bench, scores, best):
        return None
    weights = select(bench, goodness, lines)
    chosen = [at for at in np.argsort(-weights)[:MEMBERS_MAX] if weights[at] >= WEIGHT_MIN]
    total = sum(weights[at] for at in chosen)
    if len(chosen) < 2:
        return None
    return Ensemble([results[at] for at in chosen], [float(weights[at] / total) for at in chosen], scores)


def is_worth_it(bench: Bench, scores: Sequence[float], best: CandidateResult) -> bool:
    """On many rows where it is better at all. On few, and beside a line, where it is not clearly worse: there
    the best single model is the luckiest as well.
    """
    if len(bench.rows) < ROWS_TRUSTED or is_line(bench, best):
        return not is_better(best.scores, scores)
    return float(np.mean(scores)) > best.score


def is_line(bench: Bench, result: CandidateResult) -> bool:
    """Whether it predicts numbers that lead out of the range of the target."""
    return bench.classes is None and bool(result.candidate.trainer.penalty)


def fold_goodness(bench: Bench, number: int, results) -> np.ndarray:
    """A column per candidate: its errors, or the probabilities it gave to the classes that came."""
    actual = bench.rows.labels[bench.folds[number][1]]
    if bench.classes is None:
        return np.column_stack([result.predictions[number] - actual for result in results])
    return np.column_stack(
        [probability_of_actual(actual, result.predictions[number], bench.classes) for result in results]
    )


def select(bench: Bench, folds: Sequence[np.ndarray], lines: np.ndarray) -> np.ndarray:
    """Weights: again and again the candidate is added that makes the mean of all added so far the best.

    `lines` are kept to LINES_MAX of the weights where there is anything else.
    """
    table = np.concatenate(folds)
    lines_max = 1.0 if lines.all() else LINES_MAX
    count = table.shape[1]
    picked = np.zeros(count)
    total = np.zeros(len(table))
    for step in range(1, STEPS + 1):
        means = (total[:, np.newaxis] + table) / step
        losses = (means**2).mean(axis=0) if bench.classes is None else -np.log(means).mean(axis=0)
        if picked[lines].sum() + 1 > lines_max * step:
            losses[lines] = np.inf
        chosen = int(np.argmin(losses))
        picked[chosen] += 1
        total += table[:, chosen]
    return picked / STEPS


def combined(members: Sequence[CandidateResult], weights: Sequence[float]) -> list[np.ndarray]:
    return [
        sum(weight * predictions for weight, predictions in zip(weights, of_fold, strict=True))
        for of_fold in zip(*(member.predictions for member in members), strict=True)
    ]


def voting(pipelines: Sequence[Pipeline], weights: Sequence[float], classes: np.ndarray | None) -> Pipeline:
    """Fitted, as these pipelines are: scikit-learn's own ensemble would fit all of them again."""
    names = [f"model_{number}" for number in range(1, len(pipelines) + 1)]
    members = list(zip(names, pipelines, strict=True))
    if classes is None:
        model = VotingRegressor(members, weights=list(weights))
    else:
        model = VotingClassifier(members, voting="soft", weights=list(weights))
        model.le_ = LabelEncoder().fit(classes)
        model.classes_ = model.le_.classes_
    model.estimators_ = list(pipelines)
    model.named_estimators_ = Bunch(**dict(members))
    return Pipeline([("model", model)])
