"""Many cells of a column as an array: what reading a table and predicting a whole file share."""

import math

from mlmodels.learning.tables.typed import ColumnCells
from mlmodels.tests.learning.tables.files import column_of


def test_numbers_are_an_array_of_floats_with_nan_for_a_blank():
    cells = ColumnCells(column_of(["1.5", "2.25", "", "3"]))

    values, problems = cells.read(["4.75", "", "NA", "5"])

    assert values.dtype == "float64"
    assert values[[0, 3]].tolist() == [4.75, 5.0]
    assert all(map(math.isnan, values[1:3]))
    assert problems == {}


def test_each_cell_that_does_not_fit_is_told_by_position_and_the_others_are_read():
    cells = ColumnCells(column_of(["1.5", "2.25", "3"]))

    values, problems = cells.read(["4", "five", "6", "five", "7"])

    assert problems == {1: "is not a number", 3: "is not a number"}
    assert values[[0, 2, 4]].tolist() == [4.0, 6.0, 7.0]
    assert math.isnan(values[1])


def test_equal_texts_of_two_chunks_are_one_object():
    cells = ColumnCells(column_of(["Bonn", "Ulm", "Bonn", "Ulm"]))

    first, second = cells.read(["Bonn", " Ulm "]).values, cells.read(["".join(["U", "lm"]), ""]).values

    assert first.tolist() == ["Bonn", "Ulm"]
    assert second.tolist() == ["Ulm", ""]
    assert first[1] is second[0]
