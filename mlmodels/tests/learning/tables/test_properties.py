"""What must hold for every file, on files that nobody thought of."""

import csv
import io
import json
import math
from datetime import datetime

from hypothesis import HealthCheck, assume, given, settings
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
CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", " ", "NA", "-", "yes", "no", "007", "1,5", "1.234", "31.12.2024", "2024-02-30", "5 €", "12 %"]
    ),
    st.integers(-(10**20), 10**20).map(str),
    FINITE.map(repr),
    st.datetimes().map(str),
)


def written(header, rows, separator=",", encoding="utf-8") -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerows([header, *rows])
    return text.getvalue().encode(encoding)


@st.composite
def table_files(draw) -> bytes:
    header = draw(NAMES)
    row = st.lists(CELLS, min_size=len(header), max_size=len(header))
    rows = draw(st.lists(row, min_size=1, max_size=8))
    return written(header, rows, draw(st.sampled_from(",;\t|")))


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
@given(table_files())
def test_a_single_row_is_typed_exactly_as_the_same_row_of_the_file(content):
    try:
        summary = tables.inspect(opened(content))
    except TableRefused:
        assume(False)
    frame = tables.read(opened(content), summary.dialect, summary.columns)
    reader = tables.RowReader(summary.columns)

    for position, cells in enumerate(summary.first_rows):
        names = [column.name for column in summary.columns]
        values = reader.read(dict(zip(names, cells, strict=True)))

        for value, expected in zip(values, frame.iloc[position].tolist(), strict=True):
            assert value == expected or (math.isnan(value) and math.isnan(expected))


@many
@given(table_files())
def test_typed_values_sent_back_as_json_stay_what_they_are(content):
    try:
        summary = tables.inspect(opened(content))
    except TableRefused:
        assume(False)
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


@many
@given(
    st.from_regex(
        r"\(?[-+\u2212]?[$€]?[0-9]{1,4}([,.' ][0-9]{3}){0,3}([.,][0-9]{0,4})?"
        r"([eE]-?[0-9]{1,3})?( ?%| ?€)?-?\)?",
        fullmatch=True,
    )
)
def test_what_has_the_shape_of_a_number_is_read_as_one_alone_and_among_others(text):
    shape = number_shape(text)
    assume(shape is not None)
    cells = NumberCells(number_format([shape]))

    value = cells.one(text)

    assert math.isfinite(value)
    assert cells.many([text, "", text])[::2] == [value, value]


@many
@given(
    st.from_regex(
        r"((20[0-9]{2}[-/.]1?[1-9][-/.][12]?[1-9])|([12]?[1-9](\. ?|/|-)[12]?[1-9](\. ?|/|-)20[0-9]{2})"
        r"|([12]?[1-9]\.? (May|März|oct|Janvier),? (19|20)[0-9]{2}))"
        r"([T ][0-2]?[0-9]:[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?"
        r"( ?[AP]M)?(Z| UTC|[+-][01][0-9]:?[0-5][0-9])?)?",
        fullmatch=True,
    )
)
def test_what_has_the_shape_of_a_date_is_read_as_one(text):
    shape = date_shape(text)
    assume(shape is not None)
    cells = DateCells({"type": "date", "style": shape.style, "day_first": shape.day_first})

    assert math.isfinite(cells.one(text))


@many
@given(st.datetimes(min_value=datetime(1900, 1, 1)))
def test_a_moment_shown_as_text_is_the_same_moment_again(moment):
    cells = DateCells({"type": "date", "style": "iso", "day_first": True})
    seconds = cells.one(moment.isoformat())

    assert cells.one(date_text(seconds)) == seconds
