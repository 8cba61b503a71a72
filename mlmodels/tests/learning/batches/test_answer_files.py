"""What a file looks like when it comes back, and how odd ones are read."""

import io

import pytest

from mlmodels.learning import batches
from mlmodels.learning.batches import raw_rows
from mlmodels.tests.learning.batches.examples import HEADER, example

ROW = ["80,5", "3", "01.02.2023", "ja", "Mitte", "sonnig Altbau"]


def answered(text: str | bytes, encoding: str = "utf-8", target: str = "price", algorithm: str = "linear"):
    """The inspection, the outcome and the answer as text."""
    model = example(target, algorithm)
    question = io.BytesIO(text if isinstance(text, bytes) else text.encode(encoding))
    inspection, answer = batches.inspect(question, model.columns), io.BytesIO()
    outcome = batches.answer_file(model.many, inspection.reading, question, answer)
    assert (outcome.rows, outcome.unreadable_rows) == (inspection.rows, inspection.unreadable_rows)
    return inspection, outcome, answer.getvalue().decode(encoding)


def table(*rows, separator=";", header=HEADER, line_end="\n"):
    return line_end.join(separator.join(cells) for cells in [header, *rows]) + line_end


def test_rows_come_back_as_they_were_with_cells_behind_them():
    text = table(
        [" 80,5", "3", "01.02.2023", "JA", '"Mitte"', "x"], ["90", "", "2023-02-01", "1", "Nord", ""]
    )

    *lines, last = answered(text)[2].split("\n")

    assert last == ""
    assert [line.startswith(asked) for line, asked in zip(lines, text.splitlines(), strict=True)] == [
        True
    ] * 3
    assert lines[0] == ";".join([*HEADER, "prediction", "low", "high", "warnings", "reason"])


@pytest.mark.parametrize(
    ("separator", "area", "expected"),
    [(";", "80,5", ","), (",", "80.5", "."), ("\t", "80.5", "."), ("\t", "80,5", ",")],
)
def test_numbers_are_read_and_written_with_the_decimal_mark_of_the_file(separator, area, expected):
    text = table([area, *ROW[1:]], separator=separator)

    _, outcome, answer = answered(text)

    prediction = answer.splitlines()[1].split(separator)[len(HEADER)]
    assert expected in prediction
    assert float(prediction.replace(",", ".")) == pytest.approx(outcome.preview[0]["prediction"])
    assert outcome.preview[0]["prediction"] == pytest.approx(answered(table(ROW))[1].preview[0]["prediction"])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
def test_the_encoding_and_the_line_ends_stay(encoding):
    text = table([*ROW[:4], "Süd, am See", "Öl"], line_end="\r\n")

    answer = answered(text.encode(encoding), encoding)[2]

    assert answer.count("\r\n") == 2 and answer.count("\n") == 2
    assert "Süd, am See;Öl;" in answer


def test_formulas_are_disarmed_and_other_rows_stay_as_they_were():
    text = table([*ROW[:5], "=cmd()"], [*ROW[:5], "-5 and more"], ['" 80,5"', *ROW[1:5], "fine"])

    lines = answered(text)[2].splitlines()

    assert ";'=cmd();" in lines[1]
    assert ";'-5 and more;" in lines[2]
    assert lines[3].startswith('" 80,5";3;')


@pytest.mark.parametrize(
    "cell", ["-", "-1.234,56", "-1.234,56 €", "-€5", "-5 %", "-1 234", "-1'234.50", "+49 170 1234", "-5 EUR"]
)
def test_what_is_written_with_a_sign_and_is_no_formula_stays(cell):
    assert answered(table([*ROW[:5], cell]))[2].splitlines()[1].startswith(";".join([*ROW[:5], cell, ""]))


@pytest.mark.parametrize(
    "cell", ["-1+2", "-1+cmd|' /C calc'!A0", "-A1", "--", "-5 SUM(A1)", "- 5*2", "-5EURO"]
)
def test_what_a_spreadsheet_would_compute_is_disarmed(cell):
    assert f";'{cell};" in answered(table([*ROW[:5], cell]))[2].splitlines()[1]


def test_ragged_rows_say_so_and_lose_nothing():
    text = table(ROW, ROW[:3], [*ROW, "extra", "more"], ["", "", "", "", "", ""], HEADER)

    inspection, _, answer = answered(text + "\n")

    lines = answer.splitlines()
    assert [fault["row"] for fault in inspection.faults] == [3, 4, 6]
    assert "has 3 cells" in lines[2] and lines[2].startswith("80,5;3;01.02.2023;;;;")
    assert '"sonnig Altbau;extra;more"' in lines[3]
    assert lines[4] == ";" * (len(HEADER) + 4)
    assert "repeats the header" in lines[5]
    assert lines[6] == ""


def test_names_that_the_file_has_already_get_a_number():
    text = table([*ROW, "mine", "too"], header=[*HEADER, "prediction", "warnings"])

    header = answered(text)[2].splitlines()[0].split(";")

    assert header[-5:] == ["prediction_2", "low", "high", "warnings_2", "reason"]


def test_a_first_line_that_names_the_separator_stays():
    answer = answered("sep=;\n" + table(ROW))[2]

    assert answer.startswith("sep=;\narea;")


def test_cells_with_line_breaks_across_chunks(monkeypatch):
    monkeypatch.setattr(raw_rows, "CHUNK_CHARACTERS", 40)
    rows = [[*ROW[:5], f'"line {n}\nbreak"'] for n in range(20)]

    inspection, outcome, answer = answered(table(*rows))

    assert (inspection.rows, outcome.unreadable_rows) == (20, 0)
    assert answer.count('break";') == 20


@pytest.mark.parametrize(
    ("target", "algorithm"), [("price", "gradient_boosting"), ("class", "decision_tree")]
)
def test_chunks_that_are_predicted_together_keep_their_order(monkeypatch, target, algorithm):
    places = ["Mitte", "Nord", "Atlantis", ""]
    rows = [[f"{20 + 3 * n},5", str(n % 7), *ROW[2:4], places[n % 4], ROW[5]] for n in range(60)]
    rows[33][0] = "many"
    in_one = answered(table(*rows), target=target, algorithm=algorithm)
    monkeypatch.setattr(raw_rows, "CHUNK_CHARACTERS", 90)

    in_many = answered(table(*rows), target=target, algorithm=algorithm)

    assert in_many[1:] == in_one[1:]
    assert in_one[1].unreadable_rows == 1
    assert in_one[1].rows_with_warnings > 15
