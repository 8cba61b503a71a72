"""Ranks among thresholds are those that a search for each number finds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmodels.learning.scoring.ranks import Ranks

numbers = st.lists(st.floats(-1e300, 1e300) | st.sampled_from([np.inf, -np.inf]), max_size=30)


def assert_as_searched(thresholds: list[float], others: list[float]) -> None:
    thresholds = np.unique([number for number in thresholds if number != -np.inf])
    asked = np.concatenate(
        [thresholds, np.nextafter(thresholds, -np.inf), np.nextafter(thresholds, np.inf), others]
    )

    assert Ranks(thresholds.tolist()).of(asked).tolist() == np.searchsorted(thresholds, asked).tolist()


@given(thresholds=numbers, others=numbers)
def test_any_numbers_have_the_ranks_that_are_searched(thresholds, others):
    assert_as_searched(thresholds, others)


@pytest.mark.parametrize("power", [1, 3, 9])
def test_thresholds_that_crowd_are_searched_all_the_same(power):
    draw = np.random.default_rng(1)

    assert_as_searched(list(draw.normal(size=200) ** power), list(draw.normal(size=1_000) ** power))


def test_a_missing_number_has_some_rank():
    assert Ranks([1.0, 2.0, np.inf]).of(np.array([np.nan, 1.5])).tolist()[1] == 1
