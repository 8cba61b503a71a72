"""Files cut by column against the same files cut by the csv module: nothing may differ."""

import csv
import io
from contextlib import ExitStack, suppress
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlmodels.learning import doctor, tables
from mlmodels.learning.tables import Column, TableRefused, columnar
from mlmodels.learning.tables.columnar import ColumnarChunk, cut
from mlmodels.learning.tables.dialect import Dialect, sniff_dialect
from mlmodels.learning.tables.rows import open_rows
from mlmodels.tests.learning.tables.files import opened
from mlmodels.tests.learning.tables.test_properties import NAMES, table_files

many = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Small sizes, so that files of a few rows have many blocks, full columns and sums in parts
BY_CSV_MODULE = {"rows.COLUMNAR_BYTES_MIN": 1 << 40}
BY_COLUMN = {
    "rows.COLUMNAR_BYTES_MIN": 0,
    "rows._BLOCK_CHARACTERS": 60,
    "rows._BLOCK_CHARACTERS_PER_COLUMN": 9,
    "rows._CHUNK_CELLS": 10,
}
SMALL = {"inspection.DISTINCT_COUNTED_MAX": 5, "profile._SUMMED_TOGETHER": 4}

GERMAN = st.floats(-1e6, 1e6).map(lambda number: f"{number:.2f}".replace(".", ","))
NUMBERS = st.floats(-1e6, 1e6).map(lambda number: f"{number:.3f}")
COLUMNS = [
    NUMBERS,
    GERMAN,
    st.one_of(GERMAN, st.integers(0, 9999).map("{:,d}".format)),
    st.integers(-(10**17), 10**17).map(str),
    st.one_of(NUMBERS, st.sampled_from(["", "NA", "-0", "+5", "1e3", " 7 ", "5.", ".5", "0012"])),
    st.dates().map(str),
    st.datetimes().map(lambda moment: moment.isoformat(timespec="seconds")),
    st.one_of(st.dates().map(str), st.sampled_from(["", "2023-02-29", "0000-01-01", "2024-13-01"])),
    st.sampled_from(["yes", "no", ""]),
    st.sampled_from(["Bonn", " Bonn", "Köln", "東京", "かな", "\u00a0", '5" pipe', "a, b", "x" * 70]),
    st.integers(0, 40).map("{:05d}".format),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
]
PIECES = [
    ",",
    ",",
    "\n",
    "\n",
    '"',
    '""',
    '","',
    "\r\n",
    "\r",
    " ",
    "1",
    "2.5",
    "a",
    "ö",
    "か",
    "\u00a0",
    "\0",
]
PIECES += [
    "1,x\n",
    '"1","x"\n',
    "2,y\r\n",
    '3,"a ""b"" c"\n',
    "a,b\n",
    ",\n",
    "2024-01-02",
    "NA",
    "\x0b",
    "\x1c",
]


@st.composite
def tables_of_programs(draw) -> bytes:
    """Typed columns as programs export them, sometimes with lines in between that are not regular, or with
    columns at the end that have no name, and sometimes a value.
    """
    header = draw(NAMES)
    row = st.tuples(*(draw(st.sampled_from(COLUMNS)) for _ in header))
    rows = draw(st.lists(row, min_size=1, max_size=40))
    unnamed = [""] * draw(st.sampled_from([0, 0, 1, 3]))
    header, rows = header + unnamed, [[*cells, *unnamed] for cells in rows]
    if unnamed and draw(st.booleans()):
        rows[-1][-1] = draw(st.sampled_from([" ", "5", "x"]))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    line_end = draw(st.sampled_from(["\n", "\r\n", "\n", "\r"]))
    text = io.StringIO(newline="")
    separator = draw(st.sampled_from(",;\t|"))
    writer = csv.writer(text, delimiter=separator, quoting=quoting, lineterminator=line_end)
    writer.writerows([header, *rows])
    lines = text.getvalue().splitlines(keepends=True)
    if draw(st.booleans()):
        odd = draw(st.sampled_from(["\n", separator + "\n", lines[0], " \n", '"\n"' + lines[-1], "x\n"]))
        lines.insert(draw(st.integers(1, len(lines))), odd)
    content = "".join(lines)[: None if draw(st.booleans()) else -len(line_end)]
    return content.encode(draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16"])))


def everything_about(content: bytes, sizes: dict):
    """What is found in a file and read from it, or the words, row and column of the refusals."""
    with ExitStack() as patches:
        for name, size in sizes.items():
            patches.enter_context(mock.patch(f"mlmodels.learning.tables.{name}", size))
        summary = or_refusal(tables.inspect, opened(content))
        if isinstance(summary, tuple):
            return summary
        target = summary.target and summary.target.name
        examination = doctor.examine(opened(content), summary.dialect, summary.columns, target)
        read = [
            or_refusal(typed, content, summary.dialect, columns)
            for columns in (summary.columns, list(map(chosen, summary.columns)))
        ]
    return summary.to_dict(), examination, read


def or_refusal(function, *arguments):
    try:
        return function(*arguments)
    except TableRefused as refused:
        return refused.message, refused.row, refused.column


def typed(content: bytes, dialect: dict, columns: list[Column]) -> list[tuple]:
    frame = tables.read(opened(content), dialect, columns)
    return [(name, str(frame[name].dtype), list(map(repr, frame[name]))) for name in frame.columns]


def chosen(column: Column) -> Column:
    """Numbers and dates where some cells allow it, so that the others are refused."""
    kind = next((kind for kind in ("number", "date") if kind in column.alternatives), column.kind)
    return tables.retype(column, kind)


def assert_nothing_differs(content: bytes):
    expected = everything_about(content, BY_CSV_MODULE | SMALL)

    assert everything_about(content, BY_COLUMN | SMALL) == expected


@many
@given(tables_of_programs())
def test_a_table_that_a_program_wrote_is_the_same_by_column(content):
    assert_nothing_differs(content)


@many
@given(table_files())
def test_any_table_is_the_same_by_column(content):
    assert_nothing_differs(content)


@many
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_pieces_of_tables_are_the_same_by_column(pieces):
    assert_nothing_differs(("a,b\n1,x\n" + pieces).encode())


CELLS = st.text(st.sampled_from('a1"ö,'), max_size=20)


@many
@given(st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(*[CELLS] * width), min_size=1)), st.data())
def test_the_cells_of_some_columns_are_filled_up_with_spaces(rows, data):
    text = io.StringIO()
    header = [f"column {number}" for number in range(len(rows[0]))]
    csv.writer(text, lineterminator="\n").writerows(rows)
    positions = data.draw(st.lists(st.sampled_from(range(len(header))), min_size=1, unique=True).map(sorted))
    chunk = cut(text.getvalue(), ",", header, 1)

    if chunk is not None:
        cells, sizes = chunk.spaced(positions)
        for position, of_column, of_sizes in zip(positions, cells, sizes, strict=True):
            written = [row[position].replace('"', '""').encode() for row in rows]
            assert of_sizes.tolist() == list(map(len, written))
            assert [cell.tobytes() for cell in of_column] == [cell.ljust(cells.shape[2]) for cell in written]
        assert cells.shape[2] > sizes.max()


def test_rows_of_a_large_file_can_be_taken_as_lists():
    content = "city,size\n" + "".join(f"Köln {n},{n}\n" for n in range(20_000))

    with open_rows(opened(content), sniff_dialect(opened(content))) as rows:
        chunks = list(rows.chunks())

    assert isinstance(chunks[0], ColumnarChunk)
    assert sum((chunk.rows for chunk in chunks), []) == [[f"Köln {n}", str(n)] for n in range(20_000)]
    assert [number for chunk in chunks for number in chunk.row_numbers] == list(range(2, 20_002))


@pytest.mark.parametrize(
    "rows",
    ['"a\nb",1\n', ",\n", "city,size\n", '5" pipe,1\n', "a,1,\n"],
    ids=["line break in a cell", "blank row", "header again", "mark in a cell", "cell too many"],
)
def test_only_the_stretch_that_is_not_regular_is_cut_by_the_csv_module(rows, monkeypatch):
    are_regular = []

    def recorded(*arguments):
        chunk = cut(*arguments)
        are_regular.append(chunk is not None)
        return chunk

    monkeypatch.setattr(columnar, "cut", recorded)
    regular = "city,size\n" + "Bonn,1\n" * 400_000

    with open_rows(opened(regular + rows), Dialect("utf-8", ",")) as table, suppress(TableRefused):
        chunks = list(table.chunks())
        assert chunks[-1].row_numbers[-1] >= 400_001

    assert are_regular[:3] == [True, True, False]
