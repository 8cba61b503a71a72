import codecs

import pytest

from mlmodels.learning import tables
from mlmodels.tests.learning.tables.files import inspect_bytes, opened, read_bytes

TABLE = "stadt;größe;preis\nKöln;1,5;12\nZürich;2,25;7\nSão Paulo;3,75;9\n"
RUSSIAN = "город;население\n" + "Москва;13010\nКазань;1308\n" * 20
CHINESE = "城市,人口\n" + "北京,2189\n上海,2487\n" * 20


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-16-le", b""),
        ("utf-16-be", b""),
        ("cp1252", b""),
        ("latin-1", b""),
    ],
)
def test_every_usual_encoding_gives_the_same_table(encoding, mark):
    frame = read_bytes(mark + TABLE.encode(encoding))

    assert frame.columns.tolist() == ["stadt", "größe", "preis"]
    assert frame["stadt"].tolist() == ["Köln", "Zürich", "São Paulo"]
    assert frame["größe"].tolist() == [1.5, 2.25, 3.75]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(("text", "first"), [(RUSSIAN, "Москва"), (CHINESE, "北京")])
def test_other_scripts_are_read_in_unicode_without_a_byte_order_mark(text, first, encoding):
    summary = inspect_bytes(text.encode(encoding))

    assert summary.row_count == 40
    assert summary.first_rows[0][0] == first
    assert [column.kind for column in summary.columns] == ["category", "number"]


def test_a_byte_that_is_not_utf_8_far_behind_the_sample_still_decides_the_encoding():
    content = b"name,size\n" + b"plain,1\n" * 20_000 + "Köln,2\n".encode("cp1252")

    summary = inspect_bytes(content)

    assert summary.dialect["encoding"] == "cp1252"
    assert dict(summary.columns[0].profile["top_values"])["Köln"] == 1


def test_bytes_that_windows_1252_does_not_define_are_read_as_latin_1():
    summary = inspect_bytes(b"name,size\nK\xf6ln\x81,1\nBonn,2\n")

    assert summary.dialect["encoding"] == "latin-1"


def test_the_euro_sign_of_windows_is_read():
    frame = read_bytes("preis;stück\n5 €;1\n7,50 €;2\n".encode("cp1252"))

    assert frame["preis"].tolist() == [5.0, 7.5]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(separator):
    summary = inspect_bytes(
        f"a{separator}b{separator}c\n1{separator}x{separator}2.5\n2{separator}y{separator}3.5\n"
    )

    assert summary.dialect["separator"] == separator
    assert [column.name for column in summary.columns] == ["a", "b", "c"]


def test_semicolons_win_over_the_commas_of_decimal_numbers():
    summary = inspect_bytes("größe;gewicht\n1,5;2,5\n1,6;2,6\n")

    assert summary.dialect["separator"] == ";"


def test_semicolons_win_over_commas_inside_the_names():
    summary = inspect_bytes("weight, kg;height, cm;age\n60;170;30\n70;180;40\n")

    assert [column.name for column in summary.columns] == ["weight, kg", "height, cm", "age"]


def test_commas_win_over_pipes_in_a_text():
    summary = inspect_bytes("tags,size\na|b|c,1\na|b,2\n")

    assert summary.dialect["separator"] == ","


def test_the_separator_line_of_excel_is_obeyed_and_counted_as_a_row():
    content = "sep=;\na;b\n1;x\n2;y\nthree;z\n"
    summary = inspect_bytes(content)
    as_number = tables.retype(summary.columns[0], "number")

    with pytest.raises(tables.TableRefused) as refusal:
        tables.read(opened(content), summary.dialect, [as_number])

    assert [column.name for column in summary.columns] == ["a", "b"]
    assert refusal.value.row == 5


def test_a_space_behind_the_separator_does_not_hide_the_quotation_mark():
    frame = read_bytes('name, note, size\nann, "yes, please", 1\nbob, "no, thanks", 2\n')

    assert frame["note"].tolist() == ["yes, please", "no, thanks"]
    assert frame["size"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_understood(line_end):
    frame = read_bytes(line_end.join(["a,b", "1,x", "2,y", ""]))

    assert frame["a"].tolist() == [1.0, 2.0]
    assert frame["b"].tolist() == ["x", "y"]


def test_a_last_line_without_a_line_end_is_a_row():
    assert inspect_bytes("a,b\n1,x\n2,y").row_count == 2


def test_blank_lines_before_between_and_behind_the_rows_are_left_out():
    frame = read_bytes("\r\na,b\r\n1,x\r\n\r\n,\r\n2,y\r\n\r\n\r\n")

    assert frame["a"].tolist() == [1.0, 2.0]


def test_quoted_line_breaks_separators_and_quotation_marks_stay_in_their_cell():
    frame = read_bytes('note,size\r\n"two\r\nlines",1\r\n"a, ""b""",2\r\n')

    assert frame["note"].tolist() == ["two\r\nlines", 'a, "b"']


def test_separators_at_the_end_of_every_line_are_no_column():
    frame = read_bytes("a,b,,\n1,x,,\n2,y,,\n")

    assert frame.columns.tolist() == ["a", "b"]
    assert frame["a"].tolist() == [1.0, 2.0]


def test_names_lose_the_white_space_around_and_the_line_breaks_inside():
    summary = inspect_bytes('" first\nname ", size\nann,1\n')

    assert [column.name for column in summary.columns] == ["first name", "size"]


@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian with a zero-width non-joiner
        "\U0001f469\u200d\U0001f52c",  # an emoji of two, held together by a zero-width joiner
        "\u200f\u05de\u05d7\u05d9\u05e8\u200e",  # between marks of direction
        "so\u00adft",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_characters_that_only_format_text_are_kept_in_names_and_cells(text, encoding):
    content = f"{text},size\n{text},1\nplain,2\n{text},3\n".encode(encoding)

    frame = read_bytes(content)

    assert frame.columns.tolist() == [text, "size"]
    assert frame[text].tolist() == [text, "plain", text]


def test_a_refusal_shows_joiners_and_hides_what_would_turn_the_sentence_around():
    name = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645\u202e"

    with pytest.raises(tables.TableRefused) as refusal:
        inspect_bytes(f"{name},{name}\n1,2\n")

    assert f'"{name[:-1]}?"' in refusal.value.message


def test_the_file_stays_open_and_can_be_read_again():
    handle = opened("a,b\n1,x\n")

    first = tables.inspect(handle)
    second = tables.inspect(handle)

    assert first == second
    assert not handle.closed
