"""What must hold for every interval and every set, whatever the misses."""

import json

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlmodels.learning.trainers.conformal import reliability_of
from mlmodels.learning.trainers.metrics import Predictions
from mlmodels.learning.trainers.reliability import Reliability

many = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=9, max_size=60)
LEVELS = st.floats(min_value=0.05, max_value=0.99)


def stored(apart: Predictions) -> Reliability:
    return Reliability.from_dict(json.loads(json.dumps(reliability_of(apart), allow_nan=False)))


def of_numbers(rows: list[tuple[float, float]], copies: int = 1) -> Predictions:
    actual, predicted = np.tile(np.array(rows), (copies, 1)).T
    return Predictions(actual, predicted)


@many
@given(rows=ROWS, copies=st.integers(1, 8), asked=NUMBERS, levels=st.tuples(LEVELS, LEVELS))
def test_an_interval_holds_its_prediction_and_a_higher_level_holds_a_lower_one(rows, copies, asked, levels):
    reliability = stored(of_numbers(rows, copies))

    low, high = reliability.interval(asked, min(levels))
    lower, higher = reliability.interval(asked, max(levels))

    assert lower <= low <= high <= higher
    assert low <= asked <= high or reliability.at_least is not None


@many
@given(rows=ROWS, copies=st.integers(1, 8))
def test_nine_in_ten_of_the_rows_it_was_made_of_lie_inside_where_every_prediction_is_alike(rows, copies):
    actual = of_numbers(rows, copies).actual
    reliability = stored(Predictions(actual, np.zeros(len(actual))))

    low, high = reliability.interval(0.0)

    inside = np.sum((low <= actual) & (actual <= high))
    assert inside >= 0.9 * len(actual) - 1e-9


@many
@given(
    actual=st.lists(st.integers(0, 2), min_size=9, max_size=60),
    seed=st.integers(0, 100),
    levels=st.tuples(LEVELS, LEVELS),
)
def test_a_set_has_the_most_probable_class_and_grows_with_its_level(actual, seed, levels):
    shares = np.random.default_rng(seed).dirichlet(np.ones(3), len(actual))
    apart = Predictions(np.array(actual), shares.argmax(axis=1), shares, np.arange(3))
    reliability = stored(apart)

    for row in shares[:5].tolist():
        probabilities = dict(enumerate(row))
        small, large = (reliability.prediction_set(probabilities, level) for level in sorted(levels))
        assert small[0] == large[0] == int(np.argmax(row))
        assert large[: len(small)] == small
