import math
import re
from datetime import UTC, datetime

import pytest

from mlmodels.learning import tables
from mlmodels.learning.tables import RowReader, TableRefused, limits
from mlmodels.learning.trainers import limits as trainers_limits
from mlmodels.tests.learning.tables.files import column_of, inspect_bytes

HOUSES = "size,city,garden,sold_at,price\n" + (
    "70.5,Bonn,yes,2024-05-31,1200\n80,Ulm,no,2024-06-30,1500\n75,Ulm,no,2024-07-31,\n"
)
SOLD = datetime(2024, 5, 31, tzinfo=UTC).timestamp()


@pytest.fixture
def houses() -> RowReader:
    return RowReader(inspect_bytes(HOUSES).columns)


def row(**changes):
    return {"size": 70.5, "city": "Bonn", "garden": True, "sold_at": "2024-05-31", "price": 1200} | changes


EXPECTED = [70.5, "Bonn", 1.0, SOLD, 1200.0]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"size": "70.5", "price": "1200"},
        {"size": " 70.5 ", "city": " Bonn "},
        {"garden": "yes"},
        {"garden": "Yes"},
        {"garden": "true"},
        {"garden": 1},
        {"garden": "1"},
        {"sold_at": SOLD},
        {"sold_at": int(SOLD)},
        {"sold_at": int(SOLD * 1000)},
        {"sold_at": str(int(SOLD))},
        {"sold_at": "2024-05-31T00:00:00Z"},
        {"sold_at": "2024-05-31T02:00:00+02:00"},
        {"unknown": object()},
    ],
)
def test_json_and_forms_say_the_same_in_many_ways(houses, changes):
    values = houses.read(row(**changes))

    assert values == EXPECTED
    assert [type(value) for value in values] == [float, str, float, float, float]


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_blank_is_missing_and_not_refused(houses, blank):
    values = houses.read(dict.fromkeys(["size", "city", "garden", "sold_at", "price"], blank))

    assert values[1] == ""
    assert all(math.isnan(value) for value in (values[0], *values[2:]))


def test_every_missing_and_every_unusable_column_is_named_in_one_refusal(houses):
    with pytest.raises(TableRefused) as refusal:
        houses.read({"size": "large", "city": ["Bonn"], "garden": "perhaps", "price": 5})

    assert refusal.value.fields == {
        "size": '"size": "large" is not a number.',
        "city": '"city": the value is neither a number nor a text.',
        "garden": '"garden": "perhaps" is neither yes nor no.',
        "sold_at": '"sold_at" is missing.',
    }
    assert refusal.value.message == " ".join(refusal.value.fields.values())


UNUSABLE = [
    ("size", math.nan, "finite"),
    ("size", math.inf, "finite"),
    ("size", -math.inf, "finite"),
    ("size", 10**400, "too large"),
    ("size", 1e308, "too large"),
    ("size", -1e308, "too large"),
    ("size", 10**31, "too large"),
    ("size", "1e31", "too large"),
    ("size", "inf", "not a number"),
    ("size", "1e999", "not a number"),
    ("size", "1_000", "not a number"),
    ("size", {"value": 1}, "neither"),
    ("size", [1], "neither"),
    ("size", b"1", "neither"),
    ("size", "9" * 200_000, "131,072 characters"),
    ("city", math.nan, "finite"),
    ("city", "x" * 200_000, "131,072 characters"),
    ("city", {"a": 1}, "neither"),
    ("garden", 2, "neither yes nor no"),
    ("garden", "on the left", "neither yes nor no"),
    ("sold_at", True, "not a date"),
    ("sold_at", "tomorrow", "not a date"),
    ("sold_at", "2024-02-30", "not a date"),
    ("sold_at", 1e18, "not a date"),
    ("sold_at", math.nan, "finite"),
    ("sold_at", "31/31/2024", "not a date"),
]


@pytest.mark.parametrize(("column", "value", "words"), UNUSABLE)
def test_an_unusable_value_is_refused_with_its_column(houses, column, value, words):
    with pytest.raises(TableRefused, match=words) as refusal:
        houses.read(row(**{column: value}))

    assert set(refusal.value.fields) == {column}
    assert len(refusal.value.message) < 200


def test_the_limit_of_a_number_is_that_of_training_and_itself_allowed(houses):
    assert trainers_limits.NUMBER_MAX is limits.NUMBER_MAX
    assert houses.read(row(size=limits.NUMBER_MAX, price=f"-{limits.NUMBER_MAX:g}"))[::4] == [1e30, -1e30]
    with pytest.raises(TableRefused, match=re.escape("up to 1e+30")):
        houses.read(row(size=math.nextafter(limits.NUMBER_MAX, math.inf)))


@pytest.mark.parametrize("values", [None, [1, 2, 3], "size", 5])
def test_what_is_no_object_is_refused(houses, values):
    with pytest.raises(TableRefused, match="a value for each column name"):
        houses.read(values)


def test_text_follows_the_marks_of_the_column_and_plain_numbers_are_always_understood():
    reader = RowReader([column_of(["1.234,50 €", "99,00 €"], separator=";")])

    assert [reader.read({"value": text})[0] for text in ("1.234,5", "7,5 €", "7.5", 7.5, "1234.5")] == [
        1234.5,
        7.5,
        7.5,
        7.5,
        1234.5,
    ]


def test_percent_is_the_figure_that_is_written():
    reader = RowReader([column_of(["12 %", "7.5 %"])])

    assert [reader.read({"value": value})[0] for value in ("12%", "12", 12)] == [12.0, 12.0, 12.0]


def test_the_day_comes_first_where_it_does_in_the_file():
    reader = RowReader([column_of(["01/02/2024", "13/02/2024"])])

    assert reader.read({"value": "01/02/2024"}) == reader.read({"value": "2024-02-01"})


def test_numbers_and_booleans_find_their_category():
    reader = RowReader([column_of(["1", "x", "true", "1"])])

    assert [reader.read({"value": value})[0] for value in (1, 1.0, "1", True, 2.5)] == [
        "1",
        "1",
        "1",
        "true",
        "2.5",
    ]


def test_a_long_whole_number_keeps_its_digits_as_a_category():
    reader = RowReader([column_of(["12345678901234567890", "12345678901234567891"])])

    assert reader.read({"value": 12345678901234567890}) == ["12345678901234567890"]


def test_true_is_spelled_as_in_the_file_where_yes_and_no_became_categories():
    reader = RowReader([tables.retype(column_of(["Ja", "Nein", "Ja"]), "category")])

    assert [reader.read({"value": value})[0] for value in (True, False, "Ja")] == ["Ja", "Nein", "Ja"]


def test_a_date_written_as_a_number_is_read_as_in_its_column():
    reader = RowReader([column_of(["20240531", "20230102"], name="date")])

    assert reader.read({"date": 20240531}) == reader.read({"date": "20240531"}) == [SOLD]
    assert reader.read({"date": int(SOLD)}) == [SOLD]


def test_the_order_is_that_of_the_columns_and_not_of_the_row():
    columns = inspect_bytes("a,b,c\n1,2,3\n4,5,6\n").columns
    reader = RowReader([columns[2], columns[0]])

    assert reader.read({"a": 1, "b": 2, "c": 3}) == [3.0, 1.0]
