"""Values that training never saw."""

import pytest

from mlmodels.learning.trainers.out_of_range import (
    OutOfRangeValue,
    out_of_range_values,
    out_of_range_warnings,
)

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


def test_a_number_that_is_not_there_and_a_text_are_usual():
    note = {"name": "note", "role": "text", "typical": None, "missing": 0}

    assert out_of_range_values([SIZE, note], {"size": float("nan"), "note": "anything"}) == []


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (2400.0, "2,400 is above 1,850, the largest value in training."),
        (0.5, "0.5 is below 20.25, the smallest value in training."),
        (-1e30, "-1e+30 is below 20.25, the smallest value in training."),
        (12_345_678_901.0, "12,345,678,901 is above 1,850, the largest value in training."),
    ],
)
def test_a_number_outside_is_told_with_the_end_it_passed(value, sentence):
    assert OutOfRangeValue("size", value, 20.25, 1850.0).message() == sentence


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (1_798_070_400.0, "2026-12-24 is later than 2026-10-31, the latest date in training."),
        (0.0, "1970-01-01 is earlier than 2019-01-04 08:30, the earliest date in training."),
    ],
)
def test_a_date_outside_is_later_or_earlier(value, sentence):
    dates = OutOfRangeValue("sold", value, minimum=1_546_590_600.0, maximum=1_793_404_800.0)

    assert dates.message("date") == sentence


def test_a_page_writes_numbers_in_its_own_way():
    found = OutOfRangeValue("size", 2400.0, 20.0, 1850.0)

    assert found.message(write=lambda value: f"{value:.1f} m²") == (
        "2400.0 m² is above 1850.0 m², the largest value in training."
    )


def test_an_unseen_category_is_told_and_cut_where_it_is_long():
    assert OutOfRangeValue("place", "moon").message() == "“moon” was not seen in training."
    assert len(OutOfRangeValue("place", "x" * 5000).message()) < 100


def test_a_yes_where_training_had_only_no_is_told_so():
    assert OutOfRangeValue("garage", 1.0, 0.0, 0.0).message("boolean") == "Training had only no here."
    assert OutOfRangeValue("garage", 0.0, 1.0, 1.0).message("boolean") == "Training had only yes here."


def test_warnings_of_a_row_name_their_columns():
    found = out_of_range_warnings([SIZE, PLACE], {"size": 91.0, "place": "moon"}, {"size": "number"})

    assert found == [
        {"column": "size", "message": "91 is above 90, the largest value in training."},
        {"column": "place", "message": "“moon” was not seen in training."},
    ]
