"""A few words among many numbers or dates are blanks, with a finding; more of them make a column of text."""

import math
from datetime import UTC, datetime

import pytest

from mlmodels.learning import tables
from mlmodels.learning.tables import RowReader, TableRefused
from mlmodels.tests.learning.tables.files import column_of, inspect_bytes, opened, read_bytes, table_of

NUMBERS = [f"{n % 977}.{n % 10}" for n in range(5_000)]
DATES = [f"2024-{1 + n % 12:02}-{1 + n % 28:02}" for n in range(5_000)]
STAMPS = [str(1_700_000_000 + 3_600 * n) for n in range(5_000)]


def with_words(cells: list[str], *words: str) -> list[str]:
    """The words stand far from each other, the first after a hundred cells."""
    step = (len(cells) - 100) // len(words)
    mixed = list(cells)
    for position, word in enumerate(words):
        mixed.insert(100 + position * step, word)
    return mixed


@pytest.mark.parametrize(
    ("cells", "kind"),
    [(NUMBERS, "number"), (DATES, "date"), (STAMPS, "date")],
    ids=["numbers", "dates", "unix"],
)
def test_one_word_among_thousands_of_cells_is_a_blank_and_the_finding_names_it(cells, kind):
    content = table_of(with_words(cells, "abc"), name="measured_at")
    summary = inspect_bytes(content)
    column = summary.columns[0]

    values = read_bytes(content)["measured_at"]

    assert (column.kind, column.use, column.nearly) == (kind, True, "")
    assert column.blank_words == {"abc": 1}
    assert column.is_doubtful
    assert column.reason.startswith('1 cell is read as blank: "abc" (1 cell).')
    assert values.isna().to_numpy().nonzero()[0].tolist() == [100]
    assert column.profile["missing"] == 1
    assert "abc" not in [text for text, _ in column.profile["top_values"]]


def test_the_finding_counts_each_text_and_names_the_most_frequent():
    words = ["n.d."] * 3 + ["broken"] * 2 + ["a", "b", "c", "d", "e"]

    reason = column_of(with_words(NUMBERS, *words)).reason

    assert reason.startswith('10 cells are read as blank: "n.d." (3 cells), "broken" (2 cells), "a" (1 cell)')
    assert "and 2 other texts. Every other cell is a number." in reason


@pytest.mark.parametrize(
    ("cells", "words", "kind"),
    [(99, 1, "number"), (98, 1, "identifier"), (990, 10, "number"), (989, 10, "text")],
)
def test_one_cell_in_a_hundred_may_be_a_word_and_a_hundred_cells_are_needed(cells, words, kind):
    mixed = NUMBERS[:cells] + ["abc"] * words

    assert column_of(mixed).kind == kind


def test_blanks_and_missing_words_do_not_make_a_column_of_numbers():
    assert column_of([*NUMBERS[:50], "abc", *["", "n/a"] * 500]).role == "category"


def test_words_are_counted_in_columns_of_more_texts_than_are_kept():
    numbers = [f"{n / 7:.6f}" for n in range(30_000)]

    assert column_of(with_words(numbers, *["abc"] * 20, *["x"] * 200)).blank_words == {"abc": 20, "x": 200}
    column = column_of(with_words(numbers, *["abc"] * 400))
    assert (column.kind, column.use) == ("text", False)  # numbers are no words to learn from


def test_a_long_text_is_no_word_among_numbers():
    assert column_of([*NUMBERS, "word " * 50]).role == "category"


def test_a_stored_column_reads_exactly_these_words_as_blanks_in_files_and_rows():
    content = table_of(with_words(NUMBERS, "abc"))
    summary = inspect_bytes(content)
    column = tables.Column.from_dict(summary.columns[0].to_dict())
    reader = RowReader([column])

    frame = tables.read(opened("value,other\n abc ,1\n2.5,2\n"), summary.dialect, [column])

    assert math.isnan(frame["value"][0])
    assert frame["value"][1] == 2.5
    assert math.isnan(reader.read({"value": " abc "})[0])
    for unknown in ("ABC", "abcd"):
        with pytest.raises(TableRefused, match=f'"{unknown}" is not a number'):
            reader.read({"value": unknown})
        with pytest.raises(TableRefused, match=f'Row 2, column "value": "{unknown}" is not a number'):
            tables.read(opened(f"value,other\n{unknown},1\n"), summary.dialect, [column])


def test_a_stored_column_of_dates_refuses_an_unknown_word_in_a_row():
    reader = RowReader([column_of(with_words(DATES, "soon"))])

    assert math.isnan(reader.read({"value": "soon"})[0])
    assert reader.read({"value": "2024-01-02"}) == [datetime(2024, 1, 2, tzinfo=UTC).timestamp()]
    with pytest.raises(TableRefused, match="is not a date"):
        reader.read({"value": "later"})


def test_the_word_is_a_category_where_the_column_is_made_one():
    column = tables.retype(column_of(with_words(NUMBERS, "abc")), "category")

    assert RowReader([column]).read({"value": "abc"}) == ["abc"]
    assert not column.is_doubtful
    assert tables.retype(column, "number").blank_words == {"abc": 1}
