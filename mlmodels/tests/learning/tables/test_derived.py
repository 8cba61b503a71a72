"""Columns made from dates and from pairs of numbers."""

import json
import math
import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmodels.learning import tables
from mlmodels.learning.tables import Derived
from mlmodels.learning.tables.dates import SECONDS_MAX, SECONDS_MIN, date_text
from mlmodels.learning.tables.derived import DATE_PARTS, PAIR_OPERATIONS
from mlmodels.tests.learning.tables.files import inspect_bytes, opened, read_bytes
from mlmodels.tests.learning.tables.test_properties import many, written

WHEN, A, B = inspect_bytes("when,a,b\n2024-05-31T10:00:00Z,1.5,2.5\n").columns
ALL = [Derived(part, part, ("when",)) for part in DATE_PARTS]
ALL += [tables.pair(operation, "a", "b", ["when", "a", "b"]) for operation in PAIR_OPERATIONS]
NUMBERS = st.one_of(
    st.just(""),
    st.sampled_from(["0", "-0", "1e30", "1e-30", "3"]),
    st.floats(-1e30, 1e30, allow_subnormal=False).filter(lambda x: x == 0 or abs(x) > 1e-260).map(repr),
)
DATES = st.one_of(
    st.just(""),
    st.floats(SECONDS_MIN, SECONDS_MAX).map(date_text),
    st.datetimes(datetime(1969, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)).map(str),
)


def bits(values) -> list[bytes]:
    return [b"NaN" if value != value else struct.pack("<d", value) for value in values]


@many
@given(st.lists(st.tuples(DATES, NUMBERS, NUMBERS, st.just("1")), min_size=1, max_size=20))
def test_the_whole_table_and_the_single_row_agree_to_the_bit(rows):
    names = ["when", "a", "b"]
    content = written([*names, "of_digits"], rows)
    dialect = {"encoding": "utf-8", "separator": ","}

    frame = tables.derive(tables.read(opened(content), dialect, [WHEN, A, B]), ALL)
    reader = tables.RowReader([WHEN, A, B], ALL)

    assert list(frame) == names + [derived.name for derived in ALL]
    for row, expected in zip(rows, frame.itertuples(index=False, name=None), strict=True):
        assert bits(reader.read(dict(zip([*names, "of_digits"], row, strict=True)))) == bits(expected)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("2024-12-30T23:59:59Z", [2024, 12, 30, 1, 365, 23]),
        ("2024-02-29", [2024, 2, 29, 4, 60, 0]),
        ("1969-12-31T23:59:59.5Z", [1969, 12, 31, 3, 365, 23]),
        ("0001-01-01", [1, 1, 1, 1, 1, 0]),
        ("9999-12-31T23:59:59Z", [9999, 12, 31, 5, 365, 23]),
        ("", [math.nan] * 6),
    ],
)
def test_the_parts_of_a_date_are_those_of_the_calendar(text, parts):
    reader = tables.RowReader([WHEN], ALL[:6])

    assert reader.read({"when": text})[1:] == pytest.approx(parts, nan_ok=True)


@pytest.mark.parametrize(
    ("a", "b", "results"),
    [
        (6, 4, [2, 1.5, 24]),
        (6, 0, [6, math.nan, 0]),
        (None, 4, [math.nan] * 3),
        (1e30, 1e-5, [1e30, math.nan, 1e25]),
        (1e20, 1e20, [0, 1, math.nan]),
    ],
)
def test_arithmetic_is_blank_where_a_source_is_or_the_result_is_no_usable_number(a, b, results):
    reader = tables.RowReader([A, B], ALL[6:])

    assert reader.read({"a": a, "b": b})[2:] == pytest.approx(results, nan_ok=True)


def test_the_columns_of_a_frame_and_its_index_are_kept():
    frame = read_bytes("when,a\n2024-01-01,1\n2024-06-02,2\n").iloc[[1]]

    derived = tables.derive(frame, [Derived("m", "month", ("when",))])

    assert derived.index.tolist() == [1]
    assert derived["m"].tolist() == [6.0]
    assert list(frame) == ["when", "a"]


@pytest.mark.parametrize(
    ("dates", "parts"),
    [
        (["2024-01-01", "2024-01-02"], ["day", "weekday", "day of year"]),
        (["2023-03-01", "2024-03-06"], ["year", "day", "day of year"]),  # Wednesdays; one after a February 29
        (["2024-01-01", "2024-02-05"], ["month", "day", "day of year"]),
        (["2024-01-01T10:00", "2024-01-01T11:00"], ["hour"]),
        (["2021-01-01", "2022-01-01"], ["year", "weekday"]),
        (["2024-01-01T10:00", ""], []),
        (["2024-01-01T10:00:00", "2024-01-01T10:30:00"], []),
    ],
)
def test_a_date_column_gives_the_parts_that_vary(dates, parts):
    summary = inspect_bytes("sold,size\n" + "".join(f"{date},{n}\n" for n, date in enumerate(dates)))

    assert [made.name for made in tables.date_parts(summary.columns)] == [f"sold: {part}" for part in parts]


def test_a_name_that_a_column_has_already_is_not_given_again():
    columns = inspect_bytes("sold,sold: hour\n2024-01-01T10:00,1\n2024-01-01T11:00,2\n").columns

    assert [made.name for made in tables.date_parts(columns)] == ["sold: hour (derived)"]
    assert tables.pair("ratio", "a", "b", ["a", "b", "a / b"]).name == "a / b (derived)"


def test_a_derived_column_is_plain_data():
    for derived in ALL:
        assert Derived.from_dict(json.loads(json.dumps(derived.to_dict()))) == derived
