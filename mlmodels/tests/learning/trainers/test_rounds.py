"""Boosting grows round by round within a budget. The clock is moved by a model that only takes time."""

from types import SimpleNamespace

import numpy as np
import pytest

from mlmodels.learning.trainers import rounds
from mlmodels.learning.trainers.budget import Budget, OutOfTime

FOLD = SimpleNamespace(training=None, training_labels=None, validation=np.zeros(3))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class TimedBoosting:
    """Takes `start_seconds` for each fit, and `round_seconds` for each further round."""

    def __init__(self, clock: Clock, start_seconds: float, round_seconds: float):
        self.clock, self.start_seconds, self.round_seconds = clock, start_seconds, round_seconds
        self.done = self.max_iter = 0

    def set_params(self, **parameters):
        self.max_iter = parameters.get("max_iter", self.max_iter)
        return self

    def fit(self, rows, labels):
        self.clock.now += self.start_seconds + self.round_seconds * (self.max_iter - self.done)
        self.done = self.max_iter

    def staged_predict(self, rows):
        return (np.full(len(rows), float(number)) for number in range(1, self.done + 1))


def boost(start_seconds: float, round_seconds: float, seconds: float) -> rounds.Boosted:
    clock = Clock()
    model = TimedBoosting(clock, start_seconds, round_seconds)
    return rounds.boost(model, FOLD, Budget(seconds, clock), lambda predictions: -predictions[0], None)


def test_a_slow_start_alone_does_not_rule_boosting_out():
    found = boost(start_seconds=0.2, round_seconds=0.01, seconds=3)

    assert found.rounds >= rounds.ROUNDS_MIN


def test_boosting_whose_rounds_are_too_slow_is_left_early():
    with pytest.raises(OutOfTime):
        boost(start_seconds=0.2, round_seconds=1, seconds=20)


def test_rounds_that_took_longer_than_expected_count_all_the_same():
    clock = Clock()

    def loss(predictions: np.ndarray) -> float:
        clock.now += 60 if predictions[0] == 50 else 0
        return -predictions[0]

    found = rounds.boost(TimedBoosting(clock, 0, 0.01), FOLD, Budget(3, clock), loss, None)

    assert found.rounds == 50
