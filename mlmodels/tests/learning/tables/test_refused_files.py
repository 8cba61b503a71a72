"""A catalogue of files that cannot be used. Every refusal says where, and what to do about it."""

import codecs
import gzip
import io
import json
import zipfile

import pytest

from mlmodels.learning import tables
from mlmodels.learning.tables import TableRefused, limits
from mlmodels.tests.learning.tables.files import inspect_bytes, opened
from mlplatform.core.errors import InvalidInput


def archive_of(name: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, "a,b\n1,2\n")
    return content.getvalue()


SAVE_AS_CSV = "save the table as CSV"
ROWS = "1,x\n2,y\n"

REFUSED = {
    # Not a table at all
    "no bytes": (b"", ["empty", "header row"]),
    "only white space": (b" \n\r\n\t\n", ["empty", "header row"]),
    "only a byte order mark": (codecs.BOM_UTF8, ["empty"]),
    "only a byte order mark of UTF-16": (codecs.BOM_UTF16_LE, ["empty", "header row"]),
    "only separators": (b",,,\n,,,\n", ["header row"]),
    "an Excel workbook": (archive_of("xl/workbook.xml"), ["Excel", SAVE_AS_CSV]),
    "a ZIP archive": (archive_of("table.csv"), ["ZIP", SAVE_AS_CSV]),
    "a gzip archive": (gzip.compress(b"a,b\n1,2\n"), ["gzip", SAVE_AS_CSV]),
    "an old Excel file": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), [".xls", SAVE_AS_CSV]),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", ["PDF", SAVE_AS_CSV]),
    "a PNG picture": (b"\x89PNG\r\n\x1a\n" + bytes(64), ["PNG", SAVE_AS_CSV]),
    "a JPEG picture": (b"\xff\xd8\xff\xe0\x00\x10JFIF", ["JPEG", SAVE_AS_CSV]),
    "a Parquet file": (b"PAR1\x15\x04\x15", ["Parquet", SAVE_AS_CSV]),
    "a database": (b"SQLite format 3\x00" + bytes(64), ["SQLite", SAVE_AS_CSV]),
    "a web page": (b"\n<!DOCTYPE html><html><body>log in</body></html>", ["web page", SAVE_AS_CSV]),
    "an XML file": (b'\xef\xbb\xbf<?xml version="1.0"?><rows/>', ["XML", SAVE_AS_CSV]),
    "a JSON object": (json.dumps({"a": [1, 2]}).encode(), ["JSON", SAVE_AS_CSV]),
    "a JSON array": (json.dumps([{"a": 1}], indent=1).encode(), ["JSON", SAVE_AS_CSV]),
    "text in UTF-32": ("a,b\n1,2\n".encode("utf-32"), ["UTF-32", SAVE_AS_CSV]),
    # Damaged text
    "a NUL byte": (b"a,b\n1,x\n2,y\x00\n", ["Row 3", "NUL", "Export"]),
    "a NUL byte far down": (b"a,b\n" + b"1,x\n" * 30_000 + b"\x00,y\n", ["Row 30,002", "NUL"]),
    "UTF-16 cut in the middle": ("a,b\n1,x\n".encode("utf-16") + b"\x31", ["UTF-16", "Save it again"]),
    "UTF-8 that turns into something else": (
        "a,b\nKöln,1\nZürich,2\nSão Paulo,3\n".encode() + "Münster,4\n".encode("cp1252"),
        ["UTF-8 up to row 5", "Save it again"],
    ),
    "UTF-8 cut in the middle": (
        "a,b\nKöln,1\nZürich,2\nSão Paulo,3\nx,ö".encode()[:-1],
        ["up to row 5", "Save it again"],
    ),
    "bytes of no kind": (bytes(range(1, 256)) * 40, ["not a text file", "save the table"]),
    "control characters in a name": (
        b"a\x07,b\n" + ROWS.encode() * 10,
        ["column 1", "control characters", "Save"],
    ),
    "a name of nothing that can be seen": (
        "a,\u200b\u200d\n1,x\n".encode(),
        ["Column 2 has no name", "Name it"],
    ),
    # The header
    "only a header": (b"a,b,c\n", ["header", "no rows", "Add"]),
    "a header and blank rows": (b"a,b,c\n,,\n\n , ,\n", ["no rows", "Add"]),
    "one column": (b"a\n1\n2\n", ["one column", "Which character", "semicolon"]),
    "columns separated by spaces": (b"a b c\n1 2 3\n4 5 6\n", ["one column", "Which character"]),
    "one named column": (b"a,,\n1,,\n2,,\n", ["Row 1", "one column", "one to predict"]),
    "a title above the header": (b"Report\n\na,b\n1,x\n2,y\n", ["Row 1", "Remove the lines above"]),
    "a name missing at the start": (b",a,b\n0,1,x\n1,2,y\n", ["Column 1 has no name", "index=False"]),
    "a name missing in the middle": (b"a,,b\n1,x,2\n", ["Column 2 has no name", "Name it"]),
    "a name missing at the end": (b"a,b,\n1,2,x\n", ["Row 2", "column 3", "Name the column"]),
    "the same name twice": (b"size,b,size\n1,x,2\n", ["Columns 1 and 3", '"size"', "unique name"]),
    "the same name but for white space": (b"size,b, size \n1,x,2\n", ["Columns 1 and 3", '"size"']),
    "a name of 201 characters": (b"a," + b"n" * 201 + b"\n" + ROWS.encode(), ["column 2", "201", "Shorten"]),
    "1,001 columns": (
        ",".join(f"c{n}" for n in range(1001)).encode() + b"\n" + b",".join([b"1"] * 1001),
        ["1,001 columns", "1,000", "Remove"],
    ),
    "100,000 columns named a": (b",".join([b"a"] * 100_000) + b"\n", ["100,000 columns", "1,000"]),
    "numbers instead of a header": (
        b"5.1,3.5,setosa\n4.9,3.0,setosa\n",
        ["looks like data", '"5.1"', "Add a row"],
    ),
    "dates instead of a header": (b"2024-01-01,x\n2024-01-02,y\n", ["looks like data", "Add a row"]),
    "words instead of a header": (b"x,s,n\ny,s,w\nx,t,n\n", ["looks like data", "Add a row"]),
    # The rows
    "a row with a cell too many": (b"a,b\n1,x\n2,y,z\n", ["Row 3", "3 cells", "header has 2", "Remove"]),
    "a row with a cell too few": (b"a,b,c\n1,x,2\n2,y\n", ["Row 3", "2 cells", "header has 3", "Add"]),
    "a decimal comma in a file with commas": (b"a,b\n1,x\n1,5,y\n", ["Row 3", "3 cells", "quotation marks"]),
    "a ragged row behind a quoted line break": (b'a,b\n1,"x\ny"\n2\n', ["Row 3", "1 cell ", "Add"]),
    "a ragged row far down": (b"a,b\n" + b"1,x\n" * 26_000 + b"1,x,y\n", ["Row 26,002", "3 cells"]),
    "a ragged row behind blank lines": (b"a,b\n\n\n1,x\n2,y,z\n", ["Row 5", "3 cells"]),
    "the header twice": (b"a,b\n1,x\na,b\n2,y\n", ["Row 3", "repeats the header", "remove"]),
    "a quotation mark never closed": (b'a,b\n1,"x\n2,y\n', ["Row 2", "never closed", "Close it"]),
    "the first of two broken rows": (b'a,b\n\n""1,x\n"', ["Row 3", "after a closing quotation mark"]),
    "text behind a quotation mark": (
        b'a,b\n1,x\n2,"y"z\n',
        ["Row 3", "after a closing", "twice"],
    ),
    "a cell without end": (
        b'a,b\n1,x\n2,"' + b"y" * (limits.CELL_CHARACTERS_MAX + 10) + b'"\n',
        ["Row 3", "131,072 characters", "Shorten"],
    ),
}


@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_cannot_be_used_is_refused_with_where_and_what_to_do(content, words):
    with pytest.raises(TableRefused) as refusal:
        inspect_bytes(content)

    assert [word for word in words if word not in refusal.value.message] == []
    assert refusal.value.message.endswith(".")


def test_the_catalogue_is_a_catalogue():
    assert len(REFUSED) >= 45


def test_more_rows_than_the_limit_are_refused_as_soon_as_they_are_seen(monkeypatch):
    monkeypatch.setattr("mlmodels.learning.tables.rows.ROWS_MAX", 30_000)

    with pytest.raises(TableRefused, match=r"more than 30,000 rows\. Upload a part"):
        inspect_bytes(b"a,b\n" + b"1,x\n" * 30_001)
    assert inspect_bytes(b"a,b\n" + b"1,x\n" * 30_000).row_count == 30_000


def test_a_refusal_is_bad_input_with_a_stable_code_and_the_place():
    with pytest.raises(InvalidInput) as refusal:
        inspect_bytes("a,b\n1,x\n2\n")

    assert refusal.value.code == "table_refused"
    assert refusal.value.row == 3


def test_what_comes_from_the_file_is_shown_short_and_on_one_line():
    name = "n" * 100
    with pytest.raises(TableRefused) as refusal:
        inspect_bytes(f'"{name}",b,"{name}"\n1,2,3\n')

    assert name not in refusal.value.message
    assert len(refusal.value.message) < 200


@pytest.mark.parametrize(
    "header",
    [
        "0,1,2",  # as pandas numbers columns
        "1,2,3",
        "country,2019,2020,2021",  # years
        "2019,2020,target",
        "400.5,401.0,401.5,402.0,402.5,target",  # wavelengths
        "x,y,size",
    ],
)
def test_unusual_names_that_are_names_are_accepted(header):
    width = header.count(",") + 1

    summary = inspect_bytes(f"{header}\n" + ",".join(["7"] * width) + "\n" + ",".join(["8"] * width) + "\n")

    assert [column.name for column in summary.columns] == header.split(",")


READ_REFUSED = [
    ("number", "a,b\n1,x\ntwo,y\n", ["Row 3", '"a"', '"two" is not a number']),
    ("number", "a,b\n1,x\n\n\ntwo,y\n", ["Row 5", '"two"']),
    ("number", "a,b\n" + "1,x\n" * 26_000 + "1;2,y\n", ["Row 26,002", '"1;2"']),
    ("date", "a,b\n2024-01-01,x\n2024-02-30,y\n", ["Row 3", '"a"', '"2024-02-30" is not a date']),
    ("date", "a,b\n01/13/2024,x\n13/01/2024,y\n", ["is not a date"]),
    ("boolean", "a,b\nyes,x\nno,y\nperhaps,z\n", ["Row 4", "neither yes nor no"]),
]


@pytest.mark.parametrize(("kind", "content", "words"), READ_REFUSED)
def test_a_cell_that_does_not_fit_the_chosen_kind_is_refused_with_row_and_column(kind, content, words):
    summary = inspect_bytes(content)
    formats = {
        "number": {"type": "number", "decimal": ".", "thousands": "", "currency": "", "percent": False},
        "date": {"type": "date", "style": "iso", "day_first": True},
        "boolean": {"type": "boolean", "true": "yes", "false": "no"},
    }
    column = tables.Column("a", kind, formats[kind], use=True, reason="Chosen by hand.")

    with pytest.raises(TableRefused) as refusal:
        tables.read(opened(content), summary.dialect, [column])

    assert [word for word in words if word not in refusal.value.message] == []
    assert refusal.value.column == "a"
    assert "Correct the cell" in refusal.value.message


def test_columns_that_the_file_does_not_have_are_refused_by_name():
    summary = inspect_bytes("a,b\n1,x\n")

    with pytest.raises(TableRefused, match='"a", "b"') as refusal:
        tables.read(opened("c,d\n1,2\n"), summary.dialect, summary.columns)
    assert set(refusal.value.fields) == {"a", "b"}


def test_a_stored_file_that_changed_its_encoding_is_refused():
    summary = inspect_bytes("a,b\n1,x\n")

    with pytest.raises(TableRefused, match="Upload it again"):
        tables.read(opened("a,b\n1,ö\n".encode("cp1252")), summary.dialect, summary.columns)
