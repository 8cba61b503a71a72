"""The population stability index, and when it is called drift."""

import io
import math
import random

import pytest

from mlmodels.learning import tables
from mlmodels.learning.drift import ROWS_MIN, Bin, chi_squared_quantile, drift_of, stability_index


def column_of(cells, name="value") -> dict:
    content = "\n".join([f"{name},other", *(f"{cell},{number}" for number, cell in enumerate(cells))])
    return tables.inspect(io.BytesIO(content.encode())).columns[0].to_dict()


def drift(cells, values):
    column = column_of(cells)
    found = drift_of([column], [{"value": value} for value in values])
    return found[0] if found else None


def test_the_index_is_that_of_the_formula():
    bins = [Bin("a", 0.5, 0.2), Bin("b", 0.5, 0.8)]

    expected = (0.2 - 0.5) * math.log(0.2 / 0.5) + (0.8 - 0.5) * math.log(0.8 / 0.5)
    assert stability_index(bins, 1000, 1000) == pytest.approx(expected)


def test_an_empty_bin_counts_as_half_a_row():
    index = stability_index([Bin("a", 0.5, 0.0), Bin("b", 0.5, 1.0)], 100, 1000)

    assert index == pytest.approx((0.005 - 0.5) * math.log(0.005 / 0.5) + 0.5 * math.log(2))


@pytest.mark.parametrize(("degrees", "quantile"), [(3, 7.815), (5, 11.070), (9, 16.919), (20, 31.410)])
def test_the_quantile_is_that_of_the_tables(degrees, quantile):
    assert chi_squared_quantile(degrees) == pytest.approx(quantile, rel=0.006)


def test_without_drift_few_columns_are_said_to_have_drifted_however_few_rows_there_are():
    draw = random.Random(1)
    cells = [round(draw.gauss(50, 10), 2) for _ in range(400)]
    column = column_of(cells)

    for rows in (ROWS_MIN, 60, 300):
        called = [
            drift_of([column], [{"value": draw.gauss(50, 10)} for _ in range(rows)])[0].level != "none"
            for _ in range(200)
        ]
        assert sum(called) <= 24, rows  # one in 20, and what 200 draws may add to it


def test_a_shift_of_numbers_is_found_and_said():
    found = drift(range(100), [150 + number for number in range(50)])

    assert found.level == "large" and found.index > found.by_chance
    assert (
        found.sentence
        == '"value" is 90 or more in 100% of the predicted rows, compared with 10% of the training rows.'
    )


def test_blanks_that_training_did_not_have_are_drift():
    found = drift(range(100), [math.nan, None] * 20 + list(range(0, 100, 4)))

    assert found.level == "large" and "is blank in 62% of the predicted rows" in found.sentence


def test_a_new_category_and_the_words_of_yes_and_no_are_compared():
    places = drift(["city", "coast"] * 30, ["harbor"] * 40)
    gardens = drift(["yes", "no"] * 30, [1.0] * 40)

    assert (
        places.sentence
        == '"value" is another value in 100% of the predicted rows, compared with 0% of the training rows.'
    )
    assert gardens.level == "large" and '"yes" in 100%' in gardens.sentence


def test_dates_are_compared_as_dates():
    days = [f"2020-{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 28)]

    found = drift(days, [1_700_000_000.0 + n for n in range(40)])

    assert found.level == "large" and "2020-" in found.sentence and "or more" in found.sentence


def test_shares_add_up_and_a_column_of_one_value_has_nothing_to_compare():
    skewed = drift([round(2.0 ** (n / 20), 3) for n in range(300)], [1.5] * 30)

    assert sum(part.share for part in skewed.bins) == pytest.approx(1)
    assert sum(part.asked for part in skewed.bins) == pytest.approx(1)
    assert drift(["x"] * 50, ["x"] * 50) is None
    assert drift(range(100), [5] * (ROWS_MIN - 1)) is None
