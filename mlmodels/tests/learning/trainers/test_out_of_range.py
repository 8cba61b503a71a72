"""Values that training never saw."""

import pytest

from mlmodels.learning.trainers.out_of_range import OutOfRangeValue, out_of_range_values

SIZE = {"name": "size", "role": "number", "minimum": 20.0, "maximum": 90.0}
PLACE = {"name": "place", "role": "category", "categories": [["city", 9], ["coast", 2]], "distinct": 2}


@pytest.mark.parametrize("size", [20.0, 55.5, 90.0, None])
def test_a_number_within_the_range_of_training_and_a_blank_are_usual(size):
    assert out_of_range_values([SIZE], {"size": size}) == []


@pytest.mark.parametrize("size", [19.999, 90.001, -1e300])
def test_a_number_outside_is_named_with_the_range(size):
    assert out_of_range_values([SIZE], {"size": size}) == [OutOfRangeValue("size", size, 20.0, 90.0)]


def test_a_category_that_training_did_not_have_is_named():
    assert out_of_range_values([PLACE], {"place": "moon"}) == [OutOfRangeValue("place", "moon")]


@pytest.mark.parametrize("place", ["city", "coast", ""])
def test_a_known_category_and_a_blank_are_usual(place):
    assert out_of_range_values([PLACE], {"place": place}) == []


def test_nothing_is_said_of_a_column_with_more_categories_than_are_listed():
    assert out_of_range_values([PLACE | {"distinct": 3_000}], {"place": "moon"}) == []


def test_a_column_that_was_always_blank_has_no_range_to_leave():
    always_blank = {"name": "size", "role": "number", "minimum": None, "maximum": None}

    assert out_of_range_values([always_blank], {"size": 5.0}) == []


def test_every_unusual_value_of_a_row_is_named():
    found = out_of_range_values([SIZE, PLACE], {"size": 1000.0, "place": "moon"})

    assert [value.column for value in found] == ["size", "place"]
