"""What must hold for every file, on files that nobody thought of."""

import csv
import io
import json
import math
from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlmodels.learning import tables
from mlmodels.learning.tables import TableRefused
from mlmodels.learning.tables.dates import DateCells, date_shape, date_text
from mlmodels.learning.tables.numbers import NumberCells, number_format, number_shape
from mlmodels.tests.learning.tables.files import opened

# The fixtures that every test of the project gets have nothing to do with these
many = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

FINITE = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e14, max_value=1e14)
NAMES = st.lists(st.from_regex(r"[a-z]{3,8}", fullmatch=True), min_size=2, max_size=4, unique=True)
CELLS_OF_PROGRAMS = st.one_of(
    st.sampled_from(
        ["", " ", "NA", "-", "yes", "no", "007", "1,5", "1.234", "31.12.2024", "2024-02-30", "5 €", "12 %"]
    ),
    st.integers(-(10**20), 10**20).map(str),
    FINITE.map(repr),
    st.datetimes().map(str),
)
CELLS = st.one_of(st.text(max_size=12), CELLS_OF_PROGRAMS)


def written(header, rows, separator=",", encoding="utf-8") -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerows([header, *rows])
    return text.getvalue().encode(encoding)


@st.composite
def table_files(draw, cells=CELLS, last_column=()) -> bytes:
    """`last_column` is the header and the strategy of one column more."""
    header = draw(NAMES)
    row = [cells] * len(header)
    if last_column:
        header, row = [*header, last_column[0]], [*row, last_column[1]]
    rows = draw(st.lists(st.tuples(*row), min_size=1, max_size=8))
    return written(header, rows, draw(st.sampled_from(",;\t|")))


# No control characters, and no row that is blank or repeats the header: nothing for which a file is refused
READABLE_TABLES = table_files(
    st.one_of(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=12), CELLS_OF_PROGRAMS),
    last_column=("of_digits", st.integers(0, 99).map(str)),
)


@many
@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(str.encode), table_files()))
def test_any_bytes_are_read_or_refused_and_nothing_else(content):
    try:
        summary = tables.inspect(opened(content))
    except TableRefused as refusal:
        assert refusal.message
        return

    json.dumps(summary.to_dict(), allow_nan=False)
    frame = tables.read(opened(content), summary.dialect, summary.columns)
    assert len(frame) == summary.row_count


@many
@given(st.binary(max_size=40), st.integers(0, 200), table_files())
def test_a_damaged_table_is_read_or_refused_and_nothing_else(damage, position, content):
    damaged = content[:position] + damage + content[position:]

    try:
        summary = tables.inspect(opened(damaged))
    except TableRefused:
        return

    assert len(tables.read(opened(damaged), summary.dialect, summary.columns)) == summary.row_count


@many
@given(READABLE_TABLES)
def test_a_single_row_is_typed_exactly_as_the_same_row_of_the_file(content):
    summary = tables.inspect(opened(content))
    frame = tables.read(opened(content), summary.dialect, summary.columns)
    reader = tables.RowReader(summary.columns)

    for position, cells in enumerate(summary.first_rows):
        names = [column.name for column in summary.columns]
        values = reader.read(dict(zip(names, cells, strict=True)))

        for value, expected in zip(values, frame.iloc[position].tolist(), strict=True):
            assert value == expected or (math.isnan(value) and math.isnan(expected))


@many
@given(st.lists(st.tuples(st.integers(0, 99).map(str), CELLS_OF_PROGRAMS), min_size=1), st.integers(1, 3))
def test_blank_columns_at_the_end_without_a_name_change_nothing(rows, count):
    blank = [""] * count

    plain = tables.inspect(opened(written(["number", "cell"], rows)))
    wide = tables.inspect(opened(written(["number", "cell", *blank], [[*cells, *blank] for cells in rows])))

    assert wide.to_dict() == plain.to_dict()


@many
@given(READABLE_TABLES)
def test_typed_values_sent_back_as_json_stay_what_they_are(content):
    summary = tables.inspect(opened(content))
    columns = [column for column in summary.columns if column.format["type"] in ("number", "boolean")]
    frame = tables.read(opened(content), summary.dialect, columns)
    reader = tables.RowReader(columns)

    for row in frame.to_dict("records"):
        sent = json.loads(
            json.dumps({name: None if math.isnan(value) else value for name, value in row.items()})
        )

        values = reader.read(sent)

        assert [None if math.isnan(value) else value for value in values] == list(sent.values())


def in_style(number: float, decimal: str, thousands: str) -> str:
    return f"{number:,.2f}".replace(",", "\0").replace(".", decimal).replace("\0", thousands)


STYLES = st.sampled_from(
    [
        (".", ","),
        (",", "."),
        (".", "'"),
        (",", " "),
        (".", ""),
        (",", ""),
        (".", "\u202f"),
        (",", "\u00a0"),
        (".", "\u2019"),
    ]
)


@many
@given(
    st.lists(FINITE, min_size=1, max_size=20),
    STYLES,
    st.sampled_from(",;\t|"),
    st.sampled_from(["", " €", "%"]),
)
def test_numbers_written_in_any_style_come_back(numbers, style, separator, unit):
    cells = [in_style(number, *style) + unit for number in numbers]
    content = written(["value", "other"], [[cell, "x"] for cell in cells], separator)

    summary = tables.inspect(opened(content))
    values = tables.read(opened(content), summary.dialect, summary.columns)["value"].tolist()

    assert values == [round(number, 2) for number in numbers]


@many
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=20))
def test_floats_as_python_writes_them_come_back_bit_for_bit(numbers):
    content = written(["value", "other"], [[repr(number), "x"] for number in numbers])

    summary = tables.inspect(opened(content))

    assert tables.read(opened(content), summary.dialect, summary.columns)["value"].tolist() == numbers


def digits(low: int, high: int, first="123456789"):
    return st.builds(str.__add__, st.sampled_from(first), st.text("0123456789", min_size=low, max_size=high))


@st.composite
def bodies_of_numbers(draw) -> str:
    """The digits and marks of one number; never two kinds of mark in an order that no country uses."""
    mark, decimal = draw(st.sampled_from([",.", ".,", "'.", " ,", "\u202f,", "\u2019."]))
    groups = draw(st.lists(st.text("0123456789", min_size=3, max_size=3), max_size=3))
    whole = draw(st.one_of(digits(0, 2), st.just("0"))) if not groups else draw(digits(0, 2))
    decimals = draw(st.one_of(st.just(""), st.text("0123456789", max_size=6).map(decimal.__add__)))
    exponent = draw(st.sampled_from(["", "e5", "E-12", "e+260", "e-269"])) if not groups else ""
    return mark.join([whole, *groups]) + decimals + exponent


@st.composite
def numbers_as_people_write_them(draw) -> str:
    """At most one sign and one currency, each wherever it may stand."""
    body = draw(bodies_of_numbers())
    before, after = draw(
        st.sampled_from([("", ""), ("$", ""), ("EUR ", ""), ("", " €"), ("", " %"), ("", "%")])
    )
    minus = draw(st.sampled_from("-\u2212"))
    return draw(
        st.sampled_from(
            [
                f"{before}{body}{after}",
                f"{minus}{before}{body}{after}",
                f"+{before}{body}{after}",
                f"{before}{minus}{body}{after}",
                f"{before}{body}{after}{minus}",
                f"({before}{body}{after})",
            ]
        )
    )


@many
@given(numbers_as_people_write_them())
def test_a_number_as_people_write_it_is_read_alone_and_among_others(text):
    cells = NumberCells(number_format([number_shape(text)]))

    value = cells.one(text)

    assert math.isfinite(value)
    assert cells.many([text, "", text])[::2] == [value, value]


@many
@given(numbers_as_people_write_them(), st.sampled_from("-+\u2212"))
def test_no_number_has_two_signs(text, sign):
    cells = NumberCells(number_format([number_shape(text)]))

    for written_twice in (f"{sign}-{text}", f"{sign}({text})", f"({text}){sign}", f"{sign}{text}-"):
        assert number_shape(written_twice) is None
        with pytest.raises(ValueError, match="is not a number"):
            cells.one(written_twice)


DAYS = st.dates(min_value=date(1970, 1, 1), max_value=date(2068, 12, 31))
WAYS_TO_WRITE_A_DAY = st.sampled_from(
    ["{0:%Y-%m-%d}", "{0:%Y/%m/%d}", "{0.year}.{0.month}.{0.day}", "{0.day}. {0.month}. {0.year}"]
    + ["{0:%d/%m/%Y}", "{0:%m/%d/%y}", "{0.day}-{0.month}-{0.year}", "{0.day} May {0.year}"]
    + ["{0.day}. März {0.year}", "Janvier {0.day}, {0.year}", "{0.day}-oct-{0.year}"]
)
WAYS_TO_WRITE_A_TIME = st.sampled_from(
    ["", "T{0:%H:%M}", " {0.hour}:{0:%M:%S}", "T{0:%H:%M:%S.%f}Z", " {0:%I:%M %p}", " {0:%H:%M} UTC"]
    + ["T{0:%H:%M:%S}+05:30", " {0:%H:%M:%S}-0800", ", {0:%H:%M:%S,%f}"]
)


@many
@given(DAYS, st.times(), WAYS_TO_WRITE_A_DAY, WAYS_TO_WRITE_A_TIME)
def test_a_date_as_people_write_it_is_read(day, time, way_of_day, way_of_time):
    text = way_of_day.format(day) + way_of_time.format(time)
    shape = date_shape(text)
    cells = DateCells({"type": "date", "style": shape.style, "day_first": shape.day_first})

    assert abs(cells.one(text) - midnight_of(day)) < 367 * 86_400  # whatever the month is said to be


def midnight_of(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


@many
@given(st.datetimes(min_value=datetime(1900, 1, 1)))
def test_a_moment_shown_as_text_is_the_same_moment_again(moment):
    cells = DateCells({"type": "date", "style": "iso", "day_first": True})
    seconds = cells.one(moment.isoformat())

    assert cells.one(date_text(seconds)) == seconds
