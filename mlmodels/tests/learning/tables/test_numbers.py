import math

import pytest

from mlmodels.learning import tables
from mlmodels.tests.learning.tables.files import column_of, inspect_bytes, read_bytes, read_column

# What the cells look like, the separator of the file, and what they mean
WRITTEN = [
    (["1", "2", "-3"], ",", [1, 2, -3]),
    (["1.5", "2.25"], ",", [1.5, 2.25]),
    (["1,5", "2,25"], ";", [1.5, 2.25]),
    (["1,5", "2,25"], ",", [1.5, 2.25]),
    (["1e3", "2.5E-2"], ",", [1000, 0.025]),
    ([".5", "-.25", "5."], ",", [0.5, -0.25, 5]),
    (["+5", "-6"], ",", [5, -6]),
    (["\u22125", "6"], ",", [-5, 6]),  # the typographic minus
    ([" 5 ", "6"], ",", [5, 6]),
    (["1,234,567", "12"], ",", [1234567, 12]),
    (["1,234.50", "12.25"], ",", [1234.5, 12.25]),
    (["1.234,50", "12,25"], ";", [1234.5, 12.25]),
    (["1.234.567", "12"], ";", [1234567, 12]),
    (["1'234.50", "12.5"], ",", [1234.5, 12.5]),
    (["1\u2019234", "12"], ",", [1234, 12]),  # the curly apostrophe
    (["1 234,5", "12"], ";", [1234.5, 12]),
    (["1\u202f234\u202f567", "12"], ",", [1234567, 12]),  # narrow no-break space
    (["1\u00a0234", "12"], ",", [1234, 12]),  # no-break space
    (["$5", "$1,200.50", "-$3"], ",", [5, 1200.5, -3]),
    (["5 €", "1.200,50 €"], ";", [5, 1200.5]),
    (["EUR 5", "EUR 6"], ",", [5, 6]),
    (["$5", "7"], ",", [5, 7]),
    (["12 %", "7.5%"], ",", [12, 7.5]),
    (["(1,200)", "300", "(4.5)"], ",", [-1200, 300, -4.5]),
    (["5-", "6"], ",", [-5, 6]),
]


@pytest.mark.parametrize(("cells", "separator", "meaning"), WRITTEN)
def test_numbers_are_read_as_they_are_written(cells, separator, meaning):
    column = column_of(cells, separator=separator)

    values = read_column(cells, separator=separator)

    assert (column.kind, column.role) == ("number", "number")
    assert values == meaning


@pytest.mark.parametrize(
    "cells",
    [
        ["1.5", "1,5"],  # two decimal marks
        ["12 %", "0.5"],  # with and without percent
        ["$5", "€6"],  # two currencies
        ["1,23,45", "6"],
        ["1.2.3", "6"],
        ["1.234.567e-5", "6"],
        ["5 kg", "6 kg"],
        ["1_000", "2"],
        ["infinity", "2"],
        ["0x1F", "2"],
        ["1e999", "2"],
        ["٣", "2"],  # digits of another script
    ],
)
def test_cells_that_contradict_each_other_stay_text(cells):
    column = column_of(cells)

    assert (column.kind, column.role) == ("category", "category")
    assert read_column(cells) == cells


class TestOneMarkInDoubt:
    """`1.234` and `1,234` alone could be either; the file decides, and the reason says when it is a guess."""

    def test_a_dot_is_decimal_by_itself(self):
        assert read_column(["1.234", "5.678"]) == [1.234, 5.678]

    def test_a_comma_marks_thousands_in_a_file_with_commas(self):
        assert read_column(["1,234", "5,678"]) == [1234, 5678]
        assert "a guess" in column_of(["1,234", "5,678"]).reason

    def test_a_comma_is_decimal_in_a_file_with_semicolons(self):
        assert read_column(["1,234", "5,678"], separator=";") == [1.234, 5.678]

    def test_a_dot_beside_short_whole_numbers_marks_thousands_in_a_file_with_semicolons(self):
        assert read_column(["1.050", "950"], separator=";") == [1050, 950]
        assert read_column(["1.050", "9500"], separator=";") == [1.05, 9500]

    def test_one_cell_of_the_column_that_is_certain_decides(self):
        assert read_column(["1.234", "1.5"], separator=";") == [1.234, 1.5]
        assert read_column(["1,234", "1,5"]) == [1.234, 1.5]
        assert read_column(["1.234", "1.234.567"]) == [1234, 1234567]

    def test_a_certain_column_of_the_same_file_decides(self):
        frame = read_bytes("a;b\n1.234;0,5\n5.678;1,5\n")

        assert frame["a"].tolist() == [1234, 5678]

    def test_a_certain_cell_thousands_of_rows_later_decides(self):
        frame = read_bytes("a,b\n" + '"1,234",x\n' * 26_000 + '"0,5",y\n')

        assert frame["a"].tolist()[-2:] == [1.234, 0.5]


@pytest.mark.parametrize("word", ["", "NA", "n/a", "NaN", "null", "None", "-", "?", "#N/A", " "])
def test_a_missing_word_among_numbers_is_missing(word):
    column = column_of(["1.5", word, "2.5"])

    values = read_column(["1.5", word, "2.5"])

    assert column.kind == "number"
    assert column.profile["missing"] == 1
    assert math.isnan(values[1])


@pytest.mark.parametrize(
    "cell", ["--1", "+-1", "-+1", "++1", "-$-1", "-1-", "+1-", "$-1-", "(-1)", "(\u22121)-", "(1)-", "(1-)"]
)
def test_a_number_has_at_most_one_sign(cell):
    number = column_of(["$1", "2"])

    assert column_of([cell, "2"]).role == "category"
    with pytest.raises(tables.TableRefused, match="is not a number"):
        tables.RowReader([number]).read({"value": cell})
    with pytest.raises(tables.TableRefused, match="is not a number"):
        read_bytes(f'value,other\n"{cell}",x\n2,y\n', [number])


def test_the_reason_names_the_words_that_count_as_missing():
    assert '"n/a"' in column_of(["1", "n/a", "2"]).reason


@pytest.mark.parametrize(
    "cells", [["007", "008"], ["0123", "4567"], ["01067", "80331"], ["1234567890123456789", "2"]]
)
def test_leading_zeros_and_more_digits_than_a_float_holds_stay_text(cells):
    column = column_of(cells)

    assert column.role == "category"
    assert read_column(cells) == cells
    assert "Leading zeros" in column.reason


def test_zero_and_decimals_below_one_have_no_leading_zero():
    assert read_column(["0", "0.5", "-0.25"]) == [0, 0.5, -0.25]


def test_one_word_among_numbers_makes_text_and_the_reason_names_it_with_its_row():
    column = column_of(["1", "2", "abc", "4"])

    assert column.kind == "category"
    assert '"abc" in row 4' in column.reason


@pytest.mark.parametrize(("other_column", "typed"), [("1,25", "120,5"), ("1.25", "120.5")])
def test_a_column_of_whole_numbers_takes_the_decimal_mark_of_its_file(other_column, typed):
    rows = "".join(f"{10 + number};{other_column}\n" for number in range(5))

    column = inspect_bytes(f"area;price\n{rows}".encode()).columns[0]

    assert tables.RowReader([column]).read({"area": typed}) == [120.5]


def test_amounts_keep_their_marks_in_the_format():
    column = column_of(["1.234,50 €", "99,00 €"], separator=";")

    assert column.format == {
        "type": "number",
        "decimal": ",",
        "thousands": ".",
        "currency": "€",
        "percent": False,
    }


def test_a_number_column_read_from_a_stored_decision_does_not_depend_on_the_other_rows():
    summary = inspect_bytes("a;b\n1.234,5;x\n2;y\n")
    stored = [tables.Column.from_dict(column.to_dict()) for column in summary.columns]

    frame = read_bytes("a;b\n1.234;x\n", stored)

    assert frame["a"].tolist() == [1234]
