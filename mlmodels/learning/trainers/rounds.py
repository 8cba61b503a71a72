"""Boosting and forests, which can be continued part by part: to stop early, in time, or to be cancelled."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from mlmodels.learning.trainers.budget import Budget, OutOfTime
from mlmodels.learning.trainers.limits import ROUNDS_MAX

FORESTS = RandomForestClassifier | RandomForestRegressor | ExtraTreesClassifier | ExtraTreesRegressor
PARTS = 10
# The first rounds are several: one alone would take the time of sorting the columns into bins for its own
CHECKPOINTS = (5, 25, 50, 100, 200, 400, 800, ROUNDS_MAX)
ROUNDS_MIN = 25  # of a boosting that is worth comparing
RISEN_SHARE = 0.6  # stops where the best round lies before this share of the rounds done


def grow(forest, rows, labels: np.ndarray, budget: Budget, on_share: Callable[[float], None]) -> None:
    """Fits part by part: the trees of a single fit, as scikit-learn goes on where the seed has got to."""
    trees = forest.n_estimators
    with warnings.catch_warnings():
        # The advice not to balance classes when a forest is continued is for other rows than the first ones
        warnings.filterwarnings("ignore", message='class_weight presets "balanced"')
        started = budget.now()
        for part in range(1, PARTS + 1):
            forest.set_params(n_estimators=trees * part // PARTS, warm_start=True).fit(rows, labels)
            on_share(part / PARTS)
            if part < PARTS:
                budget.check((budget.now() - started) / part * (PARTS - part))
    forest.set_params(n_estimators=trees, warm_start=False)


@dataclass(frozen=True)
class Boosted:
    """`predictions` of the validation rows after `rounds` rounds."""

    predictions: np.ndarray
    rounds: int


def boost(model, fold, budget: Budget, loss: Callable[[np.ndarray], float], rounds: int | None) -> Boosted:
    """Fits `rounds` rounds; without a number, as many as make the loss on the validation rows smallest.

    It grows at checkpoints, and stops where the best round is long past or time runs out: OutOfTime where
    fewer than ROUNDS_MIN fit into it.
    """
    best, lowest, best_rounds, done = None, np.inf, 0, 0
    model.set_params(warm_start=True)
    steps = checkpoints(rounds)
    for checkpoint, following in zip(steps, [*steps[1:], steps[-1]], strict=True):
        started = budget.now()
        model.set_params(max_iter=checkpoint).fit(fold.training, fold.training_labels)
        for number, predictions in enumerate(staged(model, fold.validation), start=1):
            is_wanted = number == checkpoint if rounds else number == checkpoint or is_looked_at(number)
            if number > done and is_wanted and ((now := loss(predictions)) < lowest or rounds):
                best, lowest, best_rounds = predictions.copy(), now, number
        per_round, done = (budget.now() - started) / (checkpoint - done), checkpoint
        if not rounds and done >= 2 * ROUNDS_MIN and best_rounds < RISEN_SHARE * done:
            break
        budget.on_check()
        if per_round * (following - done) >= budget.left:
            if rounds or done < ROUNDS_MIN:
                raise OutOfTime
            break
    return Boosted(best, best_rounds)


def checkpoints(rounds: int | None) -> list[int]:
    return [*(c for c in CHECKPOINTS if c < (rounds or ROUNDS_MAX)), rounds or ROUNDS_MAX]


def is_looked_at(number: int) -> bool:
    """Every round at first, then about one in thirty of those done."""
    return number % max(1, 2 ** max(0, number.bit_length() - 5)) == 0


def staged(model, rows):
    """Predictions after each round."""
    return model.staged_predict_proba(rows) if hasattr(model, "classes_") else model.staged_predict(rows)
