"""What a user decides about a column, in the file and in a single row alike."""

import math

import pytest

from mlmodels.learning import tables
from mlmodels.learning.tables import ColumnChange, TableRefused
from mlmodels.tests.learning.tables.files import inspect_bytes, opened, table_of


def changed(cells, **change):
    """The column after the change, with a reader of single values and the values of the file."""
    content = table_of(cells)
    summary = inspect_bytes(content)
    column = tables.change(
        opened(content), summary.dialect, summary.columns, {"value": ColumnChange(**change)}
    )[0]
    column = tables.Column.from_dict(column.to_dict())
    reader = tables.RowReader([column])
    values = tables.read(opened(content), summary.dialect, [column])["value"].tolist()
    return column, lambda value: reader.read({"value": value})[0], values


def test_minus_one_is_a_blank_in_the_file_the_profile_and_a_row():
    column, read, values = changed(["5", "-1", "7", "-1.0", ""], blanks=["-1"])

    assert values[::2][:2] == [5, 7]
    assert all(map(math.isnan, [values[1], values[3], values[4]]))
    assert (column.profile["missing"], column.profile["minimum"]) == (3, 5)
    assert column.profile["top_values"] == [["5", 1], ["7", 1]]
    assert all(map(math.isnan, [read(-1), read(-1.0), read("-1"), read(" -1.0 "), read(None)]))
    assert (read(5), read("7")) == (5, 7)


def test_words_among_numbers_are_blanks_where_the_user_says_so():
    column, read, values = changed(["5", "abc", "7", "def"], kind="number", blanks=["abc", "def"])

    assert (column.role, column.profile["missing"]) == ("number", 2)
    assert values[::2] == [5, 7]
    assert math.isnan(read("abc"))
    with pytest.raises(TableRefused, match="not a number"):
        read("xyz")


def test_a_word_of_a_category_is_a_blank():
    column, read, values = changed(["Bonn", "?", "Ulm", "Bonn"], blanks=["?"])

    assert values == ["Bonn", "", "Ulm", "Bonn"]
    assert (read("?"), read("Ulm")) == ("", "Ulm")
    assert (column.profile["missing"], column.profile["distinct"]) == (1, 2)


def test_blanks_are_taken_back():
    content = table_of(["5", "-1", "7"])
    summary = inspect_bytes(content)
    blank = tables.change(
        opened(content), summary.dialect, summary.columns, {"value": ColumnChange(blanks=["-1"])}
    )
    back = tables.change(opened(content), summary.dialect, blank, {"value": ColumnChange(blanks=[])})

    assert blank != summary.columns
    assert back == summary.columns


def test_texts_that_differ_in_case_and_spaces_become_the_most_frequent_one():
    cells = ["Old Town", "old town", "Old Town", "OLD  TOWN", "Harbour", " Harbour", "Park"]
    column, read, values = changed(cells, merge_spellings=True)

    assert values == ["Old Town"] * 4 + ["Harbour"] * 2 + ["Park"]
    assert column.profile["top_values"] == [["Old Town", 4], ["Harbour", 2], ["Park", 1]]
    assert column.profile["distinct"] == 3
    assert (read("oLd tOwN"), read("PARK"), read("Sea")) == ("Old Town", "PARK", "Sea")


def test_spellings_are_kept_apart_again():
    content = table_of(["Bonn", "BONN", "Ulm"])
    summary = inspect_bytes(content)
    ways = [ColumnChange(merge_spellings=True), ColumnChange(merge_spellings=False)]
    columns = summary.columns
    for way in ways:
        columns = tables.change(opened(content), summary.dialect, columns, {"value": way})

    assert columns == summary.columns


def test_the_profile_is_that_of_the_new_kind():
    column, _, values = changed(["3", "4", "3.0", "4"], kind="category")

    assert values == ["3", "4", "3", "4"]
    assert "mean" not in column.profile
    parts = changed(["86400", "172800"], kind="date")[0].profile["varying_parts"]
    assert parts == ["day", "weekday", "day_of_year"]


@pytest.mark.parametrize(
    ("cells", "kind", "words"),
    [
        (["5", "7", "abc"], "number", 'Row 4, column "value": "abc" is not a number'),
        (["0", "1", "2"], "boolean", 'Row 4, column "value": "2" is neither yes nor no'),
        (["2024-01-01", "2024-01-02", "soon"], "date", '"soon" is not a date'),
        (["red", "blue"], "number", "No cell of column"),
    ],
)
def test_a_kind_that_does_not_fit_a_cell_is_refused_at_once(cells, kind, words):
    with pytest.raises(TableRefused, match=words):
        changed(cells, kind=kind)


def test_whether_a_column_is_used_is_remembered_as_chosen():
    content = table_of(["5", "7"])
    summary = inspect_bytes(content)

    columns = tables.change(
        opened(content), summary.dialect, summary.columns, {"value": ColumnChange(use=True)}
    )

    assert [(column.use, column.is_use_chosen) for column in columns] == [(True, True), (True, False)]
